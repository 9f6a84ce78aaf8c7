//! `service install`: makes the service, or changes the one that is there.
//!
//! First its folders are closed to others; where that fails there is no service. What Windows is to know is a plan, which
//! is data. Whatever stands in the way afterwards is a warning: the service is there, and a second installation mends it.

use std::io::Write;
use std::path::{Path, PathBuf, absolute};
use std::time::Duration;

use anyhow::Context;
use tracing::Level;

use super::SERVICE_NAME;
use super::account::ServiceAccount;
use super::error::fault;
use super::flags::{Flags, stored};
use super::rights::{give, needs_of};
use crate::cli::args::{Args, EXIT_USAGE};
use crate::cli::configuration::{configuration, configuration_file, write_default_file};
use crate::cli::look::{Ask, settle_destinations};
use crate::cli::serve;
use crate::cli::state_directory::{self, CloseError};
use crate::environment::Environment;
use crate::platform::event_log::{self, EventSource};
use crate::platform::paths::default_config_path;
use crate::platform::security::{Dacl, Secured, read_dacl};
use crate::platform::service_control::ServiceControl;
use crate::platform::service_setup::{self, Installed, ServicePlan};
use crate::site::{ClosedSet, ServiceState, StartMode, Timings};
use crate::{error_chain, logging};

/// What it is called in the list of services.
const DISPLAY_NAME: &str = "ConfigMgr Backup Exporter";
/// What is said of it there.
const DESCRIPTION: &str = "Watches the site backup of Microsoft Configuration Manager: tells Prometheus whether the site \
                           could be recovered, and starts a failed backup again where that helps.";
/// What a shutdown of the machine waits for beyond the grace that tasks have.
const PRESHUTDOWN_SPARE: Duration = Duration::from_secs(20);

/// Installs the service with these flags and this account, where one is given.
pub(super) fn install(
    account: Option<ServiceAccount>,
    given: Flags,
    environment: &Environment,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> anyhow::Result<u8> {
    let before = service_setup::installed(SERVICE_NAME).map_err(fault("look at"))?;
    let (kept, strangers) = kept(before.as_ref());
    let mut said = Vec::new();
    if !strangers.is_empty() {
        let strangers = strangers.join(" ");
        said.push(format!("left out what the service had and this version does not know: {strangers}"));
    }
    let flags = kept.replaced_by(given.with_paths(whole));
    let args = match Args::parse_from(arguments(&flags)) {
        Ok(args) => args,
        Err(exit) => {
            writeln!(notes, "{}", exit.text.trim_end())?;
            return Ok(EXIT_USAGE);
        }
    };
    let program = std::env::current_exe().context("cannot find out where this program is")?;
    service_setup::check_access().map_err(fault("install"))?;
    // Before there is a service that could believe what others have put there.
    match close_folders(&args, environment) {
        Ok(moved) => said.extend(moved),
        Err(error) => {
            tell_event_log(&error);
            return Err(error.into());
        }
    }
    let account = account.or_else(|| before.is_none().then_some(ServiceAccount::Virtual));
    let plan = plan(program.clone(), &flags, account.as_ref(), before.as_ref());
    for part in service_setup::put(&plan).map_err(fault("install"))? {
        said.push(format!("this Windows does not know the service's {part}; it was left out"));
    }
    if plan.start != StartMode::Automatic {
        said.push(format!(
            "its start stays {}, as somebody chose; sc.exe config {SERVICE_NAME} start= delayed-auto lets it start with \
             the server",
            plan.start.label()
        ));
    }
    if let Err(error) = event_log::register() {
        said.push(format!("the event viewer will not know the service's messages: {error}"));
    }
    let account = match (&account, &before) {
        (Some(account), _) => account.to_string(),
        (None, Some(Installed { account: Some(account), .. })) => account.clone(),
        (None, _) => "its account".to_owned(),
    };
    said.extend(secure(&args, environment, ServiceAccount::is_virtual(&account)));
    said.extend(open_to_others(&program, &args, environment));
    for line in &said {
        writeln!(notes, "{SERVICE_NAME}: {line}")?;
    }
    log(&said, &args, environment);
    let done = if before.is_some() { "changed" } else { "installed" };
    let state = ServiceControl::connect(None).and_then(|control| control.query(SERVICE_NAME));
    let next = next_step(state.map_or(ServiceState::Stopped, |queried| queried.service.state));
    writeln!(out, "{SERVICE_NAME} is {done}, to run as {account}; {next}")?;
    Ok(0)
}

/// What makes the service as it is installed now.
fn next_step(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Stopped | ServiceState::Missing => {
            "start it with configmgr_backup_exporter service start"
        }
        _ => {
            "it still runs as it was before: restart it with configmgr_backup_exporter service stop, then service start"
        }
    }
}

/// The folders that belong to the service: its state, and that of the usual configuration where the service looks for it.
fn folders(args: &Args, environment: &Environment) -> Vec<PathBuf> {
    let state = serve::state_path(args, environment);
    // Any other folder that is there belongs to who made it, and may hold more than the state.
    let is_own = args.state_path.is_none() || !state.exists();
    let usual = default_config_path(environment).parent().map(Path::to_owned);
    let mut folders: Vec<_> = Some(state).filter(|_| is_own).into_iter().collect();
    folders.extend(usual.filter(|folder| args.config_file.is_none() && !folders.contains(folder)));
    folders
}

/// Closes these folders to others, and says what was moved aside.
fn close_folders(args: &Args, environment: &Environment) -> Result<Vec<String>, CloseError> {
    let mut said = Vec::new();
    for folder in folders(args, environment) {
        if let Some(aside) = state_directory::close(&folder)? {
            said.push(format!(
                "{} was made, or written to, by somebody who is no administrator; it was moved to {} and nothing of it \
                 is used: look at it, then delete it",
                folder.display(),
                aside.display()
            ));
        }
    }
    Ok(said)
}

/// Gives the virtual account what it needs, and says what could not be done.
fn secure(args: &Args, environment: &Environment, is_virtual: bool) -> Vec<String> {
    let mut said = Vec::new();
    let state = serve::state_path(args, environment);
    if let Err(error) = write_default_file(args, environment) {
        said.push(error_chain(&error));
    }
    let usual = default_config_path(environment);
    let within: Vec<&Path> = usual.parent().into_iter().chain([&*state]).collect();
    for file in [Some(&usual), args.config_file.as_ref()].into_iter().flatten() {
        if let Err(error) = state_directory::protect_configuration(file, &within) {
            said.push(error_chain(&error));
        }
    }
    let config = match configuration(args, environment) {
        Ok(mut config) => {
            for lacking in settle_destinations(&mut config, &state, environment, Ask::Now) {
                said.push(format!(
                    "{lacking}; once the service knows it, install it again for the right to read it"
                ));
            }
            Some(config)
        }
        Err(error) => {
            said.push(format!(
                "{}; until then the service does not start: mend it, then install the service again for its rights",
                error_chain(&error)
            ));
            None
        }
    };
    let mut needs = needs_of(args, config.as_ref(), environment);
    if !is_virtual {
        needs = needs.of_state(&state.display().to_string());
    }
    said.extend(give(&needs, &state).iter().map(ToString::to_string));
    if !needs.remote.is_empty() {
        let paths = needs.remote.join(", ");
        said.push(format!(
            "on other machines the service is the account of this computer: let that read {paths}"
        ));
    }
    said
}

/// Names what people who administer nothing can change, and so what the service does.
fn open_to_others(program: &Path, args: &Args, environment: &Environment) -> Vec<String> {
    let (state, configuration) =
        (serve::state_path(args, environment), configuration_file(args, environment));
    let files = [Some(program), configuration.as_deref()].into_iter().flatten();
    let with_folders = files.flat_map(|file| [Some(file), file.parent()]).flatten();
    let mut paths: Vec<&Path> = with_folders.chain([&*state]).collect();
    paths.sort_unstable();
    paths.dedup();
    let is_open = |path: &&Path| {
        let list = path.to_str().and_then(|path| read_dacl(Secured::File(path)).ok());
        list.and_then(|list| Dacl::parse(&list).ok()).is_some_and(|list| list.is_open_to_others())
    };
    let told = |path: &Path| {
        format!(
            "users who are no administrators can change {}, and with it what the service does; move it to where only \
             administrators write, or take that right from them (icacls)",
            path.display()
        )
    };
    paths.into_iter().filter(is_open).map(told).collect()
}

/// Writes to the service's own logs what was said: an installer shows it to nobody.
fn log(said: &[String], args: &Args, environment: &Environment) {
    if !said.is_empty() {
        logging::init_service(args.log_level, args.log_format, &serve::state_path(args, environment));
    }
    for reason in said {
        tracing::warn!(reason, "the installation of the service has left something to do");
    }
}

/// Tells why there is no service; the log file's folder is what is wrong.
fn tell_event_log(error: &CloseError) {
    if let Ok(source) = EventSource::open() {
        source.report(
            Level::ERROR,
            &format!("the service cannot be installed\r\n\r\nreason: {}", error_chain(error)),
        );
    }
}

/// The flags of the service that is there, and what is no flag of this version.
pub(super) fn kept(before: Option<&Installed>) -> (Flags, Vec<String>) {
    let words = before.and_then(|before| stored(&before.command_line)).unwrap_or_default();
    Flags::among(words.iter().map(String::as_str))
}

/// The command line with which the service is started.
pub(super) fn arguments(flags: &Flags) -> Vec<String> {
    let words = [SERVICE_NAME, "service", "run"].map(ToOwned::to_owned);
    words.into_iter().chain(flags.arguments()).collect()
}

/// A path as the service will need it.
fn whole(path: &str) -> String {
    absolute(Path::new(path)).map_or_else(|_| path.to_owned(), |path| path.display().to_string())
}

/// What Windows is told; when a service starts that is there, its administrator has chosen.
fn plan(
    executable: PathBuf,
    flags: &Flags,
    account: Option<&ServiceAccount>,
    before: Option<&Installed>,
) -> ServicePlan {
    ServicePlan {
        name: SERVICE_NAME,
        display_name: DISPLAY_NAME,
        description: DESCRIPTION,
        executable,
        arguments: arguments(flags).split_off(1),
        account: account.map(ToString::to_string),
        start: before.map_or(StartMode::Automatic, |before| before.start),
        delayed: true,
        restart_after: [10, 60, 300].map(Duration::from_secs),
        reset_after: Duration::from_secs(24 * 3600),
        failed_by_code: true,
        preshutdown: Timings::DEFAULT.shutdown_grace + PRESHUTDOWN_SPARE,
        own_sid: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before(command_line: &str, start: StartMode) -> Installed {
        Installed { command_line: command_line.to_owned(), account: None, start }
    }

    fn planned(before: Option<&Installed>, given: &[&str], account: Option<&ServiceAccount>) -> ServicePlan {
        let (given, _) = Flags::among(given.iter().copied());
        plan("exporter.exe".into(), &kept(before).0.replaced_by(given), account, before)
    }

    #[test]
    fn a_new_service_is_one_that_comes_back() {
        let plan = planned(None, &["--log.level=debug"], Some(&ServiceAccount::Virtual));
        let seconds = Duration::from_secs;
        assert_eq!(plan.arguments, ["service", "run", "--log.level=debug"]);
        assert_eq!(plan.account.as_deref(), Some(r"NT SERVICE\configmgr_backup_exporter"));
        assert_eq!(plan.restart_after, [seconds(10), seconds(60), seconds(300)]);
        assert_eq!(plan.reset_after, seconds(86_400));
        assert!(plan.start == StartMode::Automatic && plan.delayed && plan.failed_by_code && plan.own_sid);
        assert!(plan.preshutdown > Timings::DEFAULT.shutdown_grace);
    }

    #[test]
    fn an_upgrade_keeps_account_and_flags() {
        let line = r#""C:\Program Files\x\exporter.exe" service run "--config.file=C:\a b\c.yml" --remediation.mode=observe"#;
        let plan = planned(Some(&before(line, StartMode::Automatic)), &["--log.level=warn"], None);
        assert_eq!(
            plan.arguments,
            [
                "service",
                "run",
                r"--config.file=C:\a b\c.yml",
                "--remediation.mode=observe",
                "--log.level=warn"
            ]
        );
        assert_eq!(plan.account, None);
    }

    #[test]
    fn what_a_version_no_longer_knows_is_left_out() {
        let before = before("x service run --gone=1 --log.level=warn", StartMode::Automatic);
        let (flags, strangers) = kept(Some(&before));
        assert_eq!(
            (flags.arguments(), strangers),
            (vec!["--log.level=warn".to_owned()], vec!["--gone=1".to_owned()])
        );
    }

    #[test]
    fn what_an_administrator_has_disabled_stays_so() {
        for start in [StartMode::Automatic, StartMode::Manual, StartMode::Disabled] {
            assert_eq!(planned(Some(&before("x service run", start)), &[], None).start, start);
        }
    }

    #[test]
    fn a_service_that_runs_is_to_be_restarted() {
        for state in ServiceState::ALL {
            let stands = matches!(state, ServiceState::Stopped | ServiceState::Missing);
            assert_eq!(next_step(*state).contains("service stop, then service start"), !stands, "{state}");
        }
    }

    #[test]
    fn the_folder_of_the_usual_configuration_is_closed_unless_another_is_named() {
        let environment = Environment::new([("ProgramData", "/pd"), ("STATE_DIRECTORY", "/pd/state")]);
        let usual = default_config_path(&environment).parent().unwrap().to_owned();
        let place = tempfile::tempdir().unwrap();
        let (there, missing) = (place.path().to_owned(), place.path().join("missing"));
        let flag = |path: &Path| format!("--state.path={}", path.display());
        let folders = |flags: &[&str]| {
            let args = Args::parse_from([SERVICE_NAME].into_iter().chain(flags.iter().copied())).unwrap();
            folders(&args, &environment)
        };
        let all = folders(&[]);
        assert!(
            all.contains(&usual)
                && all.contains(&serve::state_path(&Args::parse_from([SERVICE_NAME]).unwrap(), &environment))
        );
        assert_eq!(folders(&[&flag(&there)]), [usual.clone()]);
        assert_eq!(folders(&[&flag(&missing)]), [missing.clone(), usual]);
        assert_eq!(folders(&[&flag(&missing), "--config.file=x.yml"]), [missing]);
        assert!(folders(&[&flag(&there), "--config.file=x.yml"]).is_empty());
    }
}
