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
use super::secure::{close_folders, open_to_others, secure};
use crate::cli::args::{Args, EXIT_USAGE};
use crate::cli::serve;
use crate::cli::state_directory::CloseError;
use crate::environment::Environment;
use crate::platform::event_log::{self, EventSource};
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

/// Writes to the service's own logs what was said: an installer shows it to nobody.
fn log(said: &[String], args: &Args, environment: &Environment) {
    if !said.is_empty() {
        logging::init_service(args.log_level, args.log_format, &serve::state_path(args, environment));
    }
    // Each is a thing of its own to the event log.
    for what in said {
        tracing::warn!(what, "the installation of the service has left something to do");
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
}
