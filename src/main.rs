//! The process: arguments, configuration, the command, and the exit code.

use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use configmgr_backup_exporter::cli::args::{Args, Command, EXIT_USAGE, OutputFormat};
use configmgr_backup_exporter::cli::check::Checked;
use configmgr_backup_exporter::cli::configuration::{
    ConfigurationError, configuration_in_time, web_configuration,
};
use configmgr_backup_exporter::cli::verify::Verified;
use configmgr_backup_exporter::cli::{demo, log, serve, service};
use configmgr_backup_exporter::clock::Clock;
use configmgr_backup_exporter::config::{describe, describe_web};
use configmgr_backup_exporter::environment::Environment;
use configmgr_backup_exporter::platform::paths::default_state_path;
use configmgr_backup_exporter::platform::signal::Hangups;
use configmgr_backup_exporter::{error_chain, logging};

/// The exit code of `check` and `verify` where an error stopped it.
const EXIT_UNKNOWN: u8 = 3;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // The service control manager waits, and must hear of this process before anything else is done.
    if service::is_run(&arguments) {
        return service::run(arguments).into();
    }
    // One for the whole process, whoever asks first; fails only where there is one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let environment = Environment::new(std::env::vars_os());
    let args = match Args::parse_from(arguments.iter().cloned()) {
        Ok(args) => args,
        Err(exit) if exit.code == 0 => {
            let printed = unless_closed(print(&exit.text));
            return if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        Err(exit) => {
            complain(exit.text.trim_end());
            return exit.code.into();
        }
    };
    let command = args.command();
    let failed =
        if matches!(command, Command::Check { .. } | Command::Verify { .. }) { EXIT_UNKNOWN } else { 1 };
    match run(&args, command, &arguments, &environment) {
        Ok(code) => code.into(),
        Err(error) => {
            complain(&format!("configmgr_backup_exporter: {}", error_chain(error.as_ref())));
            failed.into()
        }
    }
}

fn run(
    args: &Args,
    command: Command,
    arguments: &[OsString],
    environment: &Environment,
) -> anyhow::Result<u8> {
    if args.config_check {
        return check_configuration(args, environment);
    }
    let stdout = &mut BufWriter::new(io::stdout().lock());
    match command {
        Command::Log { format, files } => {
            let format = match format {
                OutputFormat::Text => log::Format::Text,
                OutputFormat::Json => log::Format::Json,
            };
            unless_closed(log::run(&files, format, stdout, &mut io::stderr()))?;
            Ok(0)
        }
        Command::Check { format } => {
            let config = match configuration_in_time(args, environment) {
                Ok(config) => config,
                Err(error) => return refuse(error),
            };
            let state_path = args.state_path.clone().unwrap_or_else(|| default_state_path(environment));
            service::note_lost_grants(environment, &mut io::stderr())?;
            let checked = Checked::look(&config, &state_path, environment, Clock::System, &mut io::stderr())?;
            unless_closed(checked.print(format, stdout))?;
            Ok(checked.exit_code())
        }
        Command::Verify { format, path } => {
            let notes = &mut io::stderr();
            let verified = Verified::look(&path, Clock::System, notes.is_terminal(), notes)?;
            unless_closed(verified.print(format, stdout, notes))?;
            Ok(verified.exit_code())
        }
        Command::Demo => {
            let web = match web_configuration(args) {
                Ok(web) => web,
                Err(error) => return refuse(error),
            };
            demo::run(args, environment, web, logging::init(args.log_level, args.log_format), stdout)?;
            Ok(0)
        }
        Command::Serve => {
            let hangups = Hangups::listen();
            let config = match configuration_in_time(args, environment) {
                Ok(config) => config,
                Err(error) => return refuse(error),
            };
            let web = match web_configuration(args) {
                Ok(web) => web,
                Err(error) => return refuse(error),
            };
            let logs = logging::init(args.log_level, args.log_format);
            serve::run(config, web, args, environment, logs, None, hangups)?;
            Ok(0)
        }
        Command::Service { action } => {
            let code = service::command(action, arguments, environment, stdout, &mut io::stderr())?;
            unless_closed(stdout.flush())?;
            Ok(code)
        }
    }
}

/// Shows what both files mean, or all that is wrong with them.
fn check_configuration(args: &Args, environment: &Environment) -> anyhow::Result<u8> {
    match (configuration_in_time(args, environment), web_configuration(args)) {
        (Ok(config), Ok(web)) => {
            let web = web.map(|web| describe_web(web.config(), web.path())).unwrap_or_default();
            unless_closed(print(&(describe(&config) + &web)))?;
            Ok(0)
        }
        (config, web) => {
            for error in [config.err(), web.err()].into_iter().flatten() {
                complain(&error_chain(&error));
            }
            Ok(EXIT_USAGE)
        }
    }
}

/// Says why a configuration cannot be used; one that hangs may be there at the next start.
fn refuse(error: ConfigurationError) -> anyhow::Result<u8> {
    if matches!(error, ConfigurationError::Hangs { .. }) {
        return Err(error.into());
    }
    complain(&error_chain(&error));
    Ok(EXIT_USAGE)
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Whoever closes the output has seen enough, which is no error of printing.
fn unless_closed<E: Into<anyhow::Error>>(printed: Result<(), E>) -> anyhow::Result<()> {
    match printed.map_err(Into::into) {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        result => result,
    }
}

/// Says on standard error why nothing happens; where even that fails there is nobody to tell.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io_kind =
        |cause: &(dyn std::error::Error + 'static)| cause.downcast_ref::<io::Error>().map(io::Error::kind);
    let json_kind = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind)
    };
    error.chain().any(|cause| io_kind(cause).or_else(|| json_kind(cause)) == Some(io::ErrorKind::BrokenPipe))
}
