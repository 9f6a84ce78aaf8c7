//! `service run`: what the service control manager starts. It is told of the start before anything else is done.

use std::ffi::OsString;
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use super::flags::Flags;
use super::rights::{Trouble, lost_grants};
use super::{SERVICE_NAME, texts};
use crate::cli::args::{Args, EXIT_USAGE};
use crate::cli::configuration::{
    ConfigurationError, configuration_in_time, web_configuration, write_default_file,
};
use crate::cli::{serve, state_directory};
use crate::config::Config;
use crate::environment::Environment;
use crate::error_chain;
use crate::logging::{self, LogFormat, LogLevel};
use crate::platform::paths::{default_config_path, default_state_path};
use crate::platform::service_host::{self, Host, HostError, Hosted};
use crate::platform::signal::Hangups;
use crate::site::Timings;

/// How long one step of the start may take: names are looked up, and files of the state may be locked for a while.
const START_HINT: Duration = Duration::from_secs(60);
/// What a stop takes beyond the grace that tasks have: programs that were run are ended.
const STOP_SPARE: Duration = Duration::from_secs(10);
/// The exit code of what is no usage.
const EXIT_FAILED: u8 = 1;

/// Serves as a service, from its start to its end; `arguments` is the whole command line.
pub fn run(arguments: Vec<OsString>) -> u8 {
    let stop_hint = Timings::DEFAULT.shutdown_grace + STOP_SPARE;
    let hosted = Hosted { name: SERVICE_NAME, start_hint: START_HINT, stop_hint };
    let error = match service_host::run(hosted, Box::new(move |host| serve(&arguments, host))) {
        Ok(code) => return code,
        Err(error) => error,
    };
    let (remedy, code) = match &error {
        HostError::StartedByOther => (
            "; to serve on this console leave out service run, to start the service: configmgr_backup_exporter service \
             start",
            EXIT_USAGE,
        ),
        HostError::Connect { .. } => ("", EXIT_FAILED),
    };
    // On a console somebody reads it; in a service nobody does.
    let _ = writeln!(io::stderr(), "configmgr_backup_exporter: {}{remedy}", error_chain(&error));
    code
}

/// The whole life of the service; the code is that of the program, which Windows shows as that of the service.
fn serve(arguments: &[OsString], host: Host) -> u8 {
    // One for the whole process, whoever asks first; fails only where there is one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let environment = Environment::new(std::env::vars_os());
    let args = match Args::parse_from(arguments.iter().cloned()) {
        Ok(args) => args,
        Err(exit) => {
            log_without_flags(arguments, &environment);
            let reason = exit.text.split_whitespace().collect::<Vec<_>>().join(" ");
            tracing::error!(
                reason,
                "the service has a flag that cannot be used; mend it with service install"
            );
            return EXIT_USAGE;
        }
    };
    let state = serve::state_path(&args, &environment);
    if args.state_path.is_none() {
        // Before the log makes it, which is not for everybody either.
        state_directory::make(&state, true);
    }
    if args.config_file.is_none()
        && let Some(folder) = default_config_path(&environment).parent()
    {
        state_directory::make(folder, true);
    }
    let logs = logging::init_service(args.log_level, args.log_format, &state);
    host.starting();
    // Where the program was unpacked and not installed, this is the first start.
    if let Err(error) = write_default_file(&args, &environment) {
        tracing::warn!(reason = error_chain(&error), "no configuration file to begin with was written");
    }
    let config = match configuration_in_time(&args, &environment) {
        Ok(config) => config,
        Err(error) => {
            let reason = error_chain(&error);
            tracing::error!(reason, "the service has no configuration that can be used");
            return exit_code(&error);
        }
    };
    let web = match web_configuration(&args) {
        Ok(web) => web,
        Err(error) => {
            let reason = error_chain(&error);
            tracing::error!(reason, "the service has no web configuration that can be used");
            return exit_code(&error);
        }
    };
    look_at_rights(&args, &config, &environment);
    host.starting();
    // Only Windows has services of this kind, and no such signal.
    match serve::run(config, web, &args, &environment, logs, Some(host), Hangups::listen()) {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!(reason = error_chain(error.as_ref()), "the service cannot go on");
            EXIT_FAILED
        }
    }
}

/// A file that hangs may be there when the service is started again.
fn exit_code(error: &ConfigurationError) -> u8 {
    if matches!(error, ConfigurationError::Hangs { .. }) { EXIT_FAILED } else { EXIT_USAGE }
}

/// Sets up logging where the flags cannot be used: in the state directory that they name all the same.
fn log_without_flags(arguments: &[OsString], environment: &Environment) {
    let (flags, _) = Flags::among(texts(arguments).unwrap_or_default());
    let state = flags.value("state.path").map_or_else(|| default_state_path(environment), Into::into);
    if flags.value("state.path").is_none() {
        state_directory::make(&state, true);
    }
    logging::init_service(LogLevel::Info, LogFormat::Logfmt, &state);
}

/// Warns of every right that the account has lost, on a thread of its own: the start does not wait for it.
fn look_at_rights(args: &Args, config: &Config, environment: &Environment) {
    let (args, config, environment) = (args.clone(), config.clone(), environment.clone());
    let look = move || {
        for Trouble { what, why, remedy } in lost_grants(&args, Some(&config), &environment) {
            tracing::warn!(what, why, remedy, "the service may not do all that it should");
        }
    };
    if let Err(error) = thread::Builder::new().name("rights".to_owned()).spawn(look) {
        tracing::warn!(%error, "the rights of the service were not looked at");
    }
}
