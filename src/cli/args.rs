//! The arguments: flags in the style of the Prometheus world, with a `--no-` form for every boolean.
//!
//! Flags go before or after the command, as `--flag=value` or `--flag value`; where one stands twice the last one
//! wins, except that `--web.listen-address` adds up (on one side of the command: clap keeps one side's list). Nothing
//! here looks at files, the network or the environment.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser, ValueRange};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint};

use super::args_web::{ListenAddress, TelemetryPath};
use super::service::ServiceAccount;
use crate::build_info::DESCRIPTION;
use crate::logging::{LogFormat, LogLevel};
use crate::site::{ClosedSet, RestartMode};

/// The exit code for a bad command line or configuration.
pub const EXIT_USAGE: u8 = 64;

/// Everything that the user asked for.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "configmgr_backup_exporter",
    bin_name = "configmgr_backup_exporter",
    about = "Prometheus exporter and guard for the site backup of Microsoft Configuration Manager.",
    after_help = AFTER_HELP,
    disable_help_subcommand = true,
    args_override_self = true,
    max_term_width = 110
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    command: Option<Command>,

    /// The configuration: a YAML file that names the sites and how each is judged, or only what differs from what the
    /// registry of this site server says. Default: /etc/configmgr_backup_exporter/configmgr_backup_exporter.yml, on
    /// Windows %ProgramData%\configmgr_backup_exporter\configmgr_backup_exporter.yml, if there is such a file.
    #[arg(long = "config.file", value_name = "FILE", global = true)]
    pub config_file: Option<PathBuf>,

    /// Print the resolved configuration with the origin of every value, or all its problems, and exit with 0 or 64.
    #[arg(long = "config.check", global = true)]
    pub config_check: bool,

    /// The web configuration: a YAML file that switches on TLS, asks for passwords or client certificates, and limits
    /// requests, as other exporters have it. Default: plain HTTP for everybody.
    #[arg(long = "web.config.file", value_name = "FILE", global = true)]
    pub web_config_file: Option<PathBuf>,

    /// The address to listen on, [HOST]:PORT; may be given several times on one side of the command.
    #[arg(long = "web.listen-address", value_name = "ADDRESS", global = true, default_value = ":10052")]
    pub listen_addresses: Vec<ListenAddress>,

    /// The path under which the metrics are served.
    #[arg(long = "web.telemetry-path", value_name = "PATH", global = true, default_value = "/metrics")]
    pub telemetry_path: TelemetryPath,

    /// Let whoever reaches the exporter have it read its configuration anew, by POST or PUT to /-/reload. Default: nobody
    /// may.
    #[arg(long = "web.enable-lifecycle", global = true)]
    pub enable_lifecycle: bool,

    /// Leave out the metrics of the exporter's own process (process_*). Default: they are served.
    #[arg(long = "web.disable-exporter-metrics", global = true)]
    pub disable_exporter_metrics: bool,

    /// Answer /-/healthy and /-/ready without authentication, for probes that have no password. Default: they need it
    /// where the rest does.
    #[arg(long = "web.open-health-endpoints", global = true)]
    pub open_health_endpoints: bool,

    /// How many connections are served at the same time; for a further one, the one that has waited longest for a request
    /// is closed.
    #[arg(long = "web.max-connections", value_name = "COUNT", global = true, default_value_t = 256)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    pub max_connections: u16,

    /// The folder that keeps positions and totals across restarts. Default: $STATE_DIRECTORY or
    /// /var/lib/configmgr_backup_exporter, on Windows %ProgramData%\configmgr_backup_exporter.
    #[arg(long = "state.path", value_name = "FOLDER", global = true)]
    pub state_path: Option<PathBuf>,

    /// What is done about failed backups of all sites that have services: off, observe or restart. Default: what the
    /// configuration says.
    #[arg(long = "remediation.mode", value_name = "MODE", global = true, value_parser = restart_mode())]
    pub remediation_mode: Option<RestartMode>,

    /// The least severity of messages that are logged.
    #[arg(long = "log.level", value_name = "LEVEL", global = true, default_value = "info")]
    pub log_level: LogLevel,

    /// How messages are logged.
    #[arg(long = "log.format", value_name = "FORMAT", global = true, default_value = "logfmt")]
    pub log_format: LogFormat,
}

const AFTER_HELP: &str = "\
Flags go before or after the command, as --flag=value or --flag value. Every flag that is true or false has a --no- \
form, as --no-config.check; the last one wins.

Exit codes: 0 done; 64 bad configuration or command line; 1 anything else that stopped the program; check has its own: \
0 healthy, 1 degraded, 2 failed, overdue or unprotected, 3 unknown; so has verify: 0 clean, 2 damaged, 3 cannot tell; and \
service status: 0 running, 3 not running, 4 not installed.";

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Watch the sites and serve their metrics; this is what happens without a command.
    Serve,
    /// Serve a simulated site with real files and short timings, to try dashboards and alerts.
    Demo,
    /// Look at the sites once, say how their backups are, and exit with 0, 1, 2 or 3.
    Check {
        /// How to say it.
        #[arg(long, default_value = "text")]
        format: OutputFormat,
    },
    /// Show the backup runs in copies of Smsbkup.log and of event logs, as a table or as JSON.
    Log {
        /// How to show them.
        #[arg(long, default_value = "text")]
        format: OutputFormat,
        /// A Smsbkup.log, a Smsbkup.lo_ that it rolled into, or an Application.evtx; in any order, by any name.
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Read all of a snapshot folder or of one database file, and exit with 0, 2 or 3.
    Verify {
        /// How to say what was found.
        #[arg(long, default_value = "text")]
        format: OutputFormat,
        /// A folder such as P01Backup, or one MDF, NDF or LDF, which is judged alone.
        #[arg(value_name = "PATH")]
        path: PathBuf,
    },
    /// Install, remove and control the service of Windows that serves by itself; as an administrator.
    Service {
        /// What becomes of it.
        #[command(subcommand)]
        action: ServiceAction,
    },
}

/// What becomes of the service.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum ServiceAction {
    /// Make the service, or change the one that is there: the flags that are given replace those it has, the others stay.
    Install {
        /// Who it runs as: virtual (its own account, with no more rights than it needs), LocalSystem, or a group managed
        /// service account as CORP\name$. Default: virtual, and on an upgrade whom it runs as.
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<ServiceAccount>,
    },
    /// Stop the service and take it away; configuration and state stay.
    Uninstall,
    /// Start the service and wait until it runs.
    Start,
    /// Stop the service and wait until it has stopped.
    Stop,
    /// Say how the service is; exits with 0 if it runs, 3 if it does not, 4 if there is none.
    Status,
    /// Serve as a service; only Windows can start this.
    #[command(hide = true)]
    Run,
}

/// A flag as it can be stored with a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredFlag {
    /// Its name, without dashes.
    pub(super) name: String,
    /// What stands behind it.
    pub(super) value: FlagValue,
}

/// What stands behind a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FlagValue {
    /// Nothing: it is true, and has a `--no-` form.
    Boolean,
    /// A text; the last one counts.
    Text,
    /// A path; the last one counts.
    Path,
    /// A text; all of them count.
    Texts,
}

/// How a command prints its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Why the program ends without doing anything: a mistake, or a question for help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// 0 for help and version, whose text is for standard output; [`EXIT_USAGE`] else, for standard error.
    pub code: u8,
    /// What to print, with its line end.
    pub text: String,
}

impl Args {
    /// Reads the arguments, the first of which is the program's name.
    pub fn parse_from<T: Into<OsString>>(arguments: impl IntoIterator<Item = T>) -> Result<Self, Exit> {
        let arguments = with_negations(boolean_flags(), arguments.into_iter().map(Into::into));
        command()
            .try_get_matches_from(arguments)
            .and_then(|matches| Self::from_arg_matches(&matches))
            .map_err(|error| exit(&error))
    }

    /// What to do.
    pub fn command(&self) -> Command {
        self.command.clone().unwrap_or(Command::Serve)
    }
}

/// The command line's definition, in which a boolean takes a value too: `--flag` is `--flag=true`.
fn command() -> clap::Command {
    <Args as CommandFactory>::command().version(DESCRIPTION).mut_args(|arg| {
        if !is_boolean(&arg) {
            return arg;
        }
        arg.action(ArgAction::Set)
            .num_args(ValueRange::new(0..=1))
            .require_equals(true)
            .default_missing_value("true")
            .default_value("false")
            .hide_default_value(true)
            .hide_possible_values(true)
            .value_name("true|false")
    })
}

/// The modes by their words in the configuration.
fn restart_mode() -> impl TypedValueParser<Value = RestartMode> {
    let words = RestartMode::ALL.iter().map(|mode| mode.label());
    PossibleValuesParser::new(words).try_map(|word| RestartMode::from_label(&word).ok_or("no mode"))
}

/// All flags that every command has.
pub(super) fn global_flags() -> Vec<StoredFlag> {
    let flag = |arg: &Arg| {
        let value = match arg.get_action() {
            _ if is_boolean(arg) => FlagValue::Boolean,
            ArgAction::Append => FlagValue::Texts,
            _ if arg.get_value_hint() == ValueHint::AnyPath => FlagValue::Path,
            _ => FlagValue::Text,
        };
        Some(StoredFlag { name: arg.get_long()?.to_owned(), value })
    };
    <Args as CommandFactory>::command()
        .get_arguments()
        .filter(|arg| arg.is_global_set())
        .filter_map(flag)
        .collect()
}

/// Whether this is a flag of a `bool`, as derived.
fn is_boolean(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

/// The names of all flags that are true or false.
fn boolean_flags() -> Vec<String> {
    let derived = <Args as CommandFactory>::command();
    let booleans = derived.get_arguments().filter(|arg| is_boolean(arg));
    booleans.filter_map(|arg| arg.get_long().map(str::to_owned)).collect()
}

/// Writes `--no-flag` as `--flag=false`, so that the last of both forms wins, wherever they stand.
fn with_negations(
    booleans: Vec<String>,
    arguments: impl Iterator<Item = OsString>,
) -> impl Iterator<Item = OsString> {
    let mut only_operands = false;
    arguments.map(move |argument| {
        only_operands |= argument == "--";
        let negated =
            argument.to_str().and_then(|text| text.strip_prefix("--no-")).filter(|_| !only_operands);
        match negated.and_then(|name| booleans.iter().find(|flag| *flag == name)) {
            Some(flag) => format!("--{flag}=false").into(),
            None => argument,
        }
    })
}

fn exit(error: &clap::Error) -> Exit {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    Exit { code: if asked { 0 } else { EXIT_USAGE }, text: error.render().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, Exit> {
        Args::parse_from(std::iter::once("configmgr_backup_exporter").chain(line.split_whitespace()))
    }

    #[track_caller]
    fn refused(line: &str, part: &str) {
        let exit = parse(line).expect_err(line);
        assert_eq!(exit.code, EXIT_USAGE, "{line}");
        assert!(exit.text.contains(part), "{line}: {}", exit.text);
    }

    #[test]
    fn without_arguments_it_serves_with_the_documented_defaults() {
        let args = parse("").unwrap();
        assert_eq!(args.command(), Command::Serve);
        assert_eq!(args.listen_addresses, [":10052".parse().unwrap()]);
        assert_eq!(args.telemetry_path.as_str(), "/metrics");
        assert_eq!(args.max_connections, 256);
        assert_eq!((args.log_level, args.log_format), (LogLevel::Info, LogFormat::Logfmt));
        assert!(!args.config_check && !args.disable_exporter_metrics);
        assert!(!args.open_health_endpoints && !args.enable_lifecycle);
        assert_eq!((args.config_file, args.state_path, args.remediation_mode), (None, None, None));
        assert_eq!(args.web_config_file, None);
        assert_eq!(parse("serve").unwrap().command(), Command::Serve);
    }

    #[test]
    fn flags_take_their_value_in_both_ways_and_on_both_sides_of_the_command() {
        for line in [
            "--config.file=a.yml --log.level=warn check --format=json",
            "--config.file a.yml --log.level warn check --format json",
            "check --format json --config.file a.yml --log.level=warn",
            "--log.level debug check --format json --config.file a.yml --log.level warn",
        ] {
            let args = parse(line).unwrap();
            assert_eq!(args.config_file, Some(PathBuf::from("a.yml")), "{line}");
            assert_eq!(args.log_level, LogLevel::Warn, "{line}");
            assert_eq!(args.command(), Command::Check { format: OutputFormat::Json }, "{line}");
        }
    }

    #[test]
    fn the_last_form_of_a_boolean_wins() {
        for (line, set) in [
            ("", false),
            ("--config.check", true),
            ("--no-config.check", false),
            ("--config.check --no-config.check", false),
            ("--no-config.check --config.check", true),
            ("--config.check check --no-config.check", false),
            ("--no-config.check check --config.check", true),
            ("check --config.check --format json", true),
            ("--config.check --config.check", true),
            ("--config.check=false", false),
        ] {
            assert_eq!(parse(line).unwrap().config_check, set, "{line}");
        }
    }

    #[test]
    fn every_boolean_has_a_no_form() {
        let booleans = boolean_flags();
        let names = [
            "config.check",
            "web.enable-lifecycle",
            "web.disable-exporter-metrics",
            "web.open-health-endpoints",
        ];
        assert_eq!(booleans, names);
        for flag in booleans {
            parse(&format!("--{flag} --no-{flag}")).unwrap();
        }
        refused("--no-config.file", "--no-config.file");
        let operand = Command::Log { format: OutputFormat::Text, files: vec!["--no-config.check".into()] };
        assert_eq!(parse("log -- --no-config.check").unwrap().command(), operand);
    }

    #[test]
    fn addresses_add_up_and_other_flags_do_not() {
        let args = parse(
            "--web.listen-address=:1 --web.listen-address [::1]:2 --log.format json --log.format logfmt",
        );
        let args = args.unwrap();
        let addresses: Vec<_> = args.listen_addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, [":1", "[::1]:2"]);
        assert_eq!(args.log_format, LogFormat::Logfmt);
    }

    #[test]
    fn the_mode_is_one_of_three_and_the_last_one_wins() {
        for mode in RestartMode::ALL {
            let args = parse(&format!("--remediation.mode=off check --remediation.mode {mode}")).unwrap();
            assert_eq!(args.remediation_mode, Some(*mode));
        }
    }

    #[test]
    fn log_takes_files() {
        let args = parse("log a.log b.lo_ --format json").unwrap();
        let files = vec![PathBuf::from("a.log"), PathBuf::from("b.lo_")];
        assert_eq!(args.command(), Command::Log { format: OutputFormat::Json, files });
        refused("log", "<FILE>");
    }

    #[test]
    fn the_service_has_its_commands() {
        for (line, action) in [
            ("service install", ServiceAction::Install { account: None }),
            (
                "--log.level=debug service install --account localsystem --log.format json",
                ServiceAction::Install { account: Some(ServiceAccount::LocalSystem) },
            ),
            ("service uninstall", ServiceAction::Uninstall),
            ("service run --log.level=debug", ServiceAction::Run),
        ] {
            assert_eq!(parse(line).unwrap().command(), Command::Service { action }, "{line}");
        }
        refused("service", "install");
        refused("service restart", "restart");
        refused(r"service install --account CORP\svc", "services.msc");
        refused("service start --account virtual", "--account");
        let help = parse("service --help").unwrap_err().text;
        assert!(help.contains("uninstall") && !help.contains("  run"), "{help}");
    }

    #[test]
    fn usage_errors_are_64_and_say_why() {
        refused("--web.listen-adress=:1", "--web.listen-address");
        refused("--log.level loud", "debug, info, warn, error");
        refused("--web.telemetry-path=/api/x", "/api is taken by other pages");
        refused("--remediation.mode=on", "[possible values: off, observe, restart]");
        refused("--web.max-connections=0", "0 is not in 1");
        refused("verify", "<PATH>");
        refused("verify a b", "b");
        refused("--config.file", "FILE");
        refused("check --format xml", "text, json");
    }

    #[test]
    fn help_and_version_are_no_errors() {
        for line in ["--version", "-V", "--help", "-h", "check --help", "log -h"] {
            assert_eq!(parse(line).expect_err(line).code, 0, "{line}");
        }
        let version = parse("--version").unwrap_err().text;
        assert_eq!(version, format!("configmgr_backup_exporter {DESCRIPTION}\n"));
        assert!(version.contains("rust 1."), "{version}");
    }

    #[test]
    fn the_definition_is_consistent_and_every_flag_is_described() {
        command().debug_assert();
        for arg in command().get_arguments() {
            assert!(arg.get_help().is_some(), "{}", arg.get_id());
        }
    }
}
