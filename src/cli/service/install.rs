//! `service install`: makes the service, or changes the one that is there.
//!
//! What Windows is to know is a plan first, which is data. Whatever stands in the way afterwards is told as a warning:
//! the service is there, and a second installation mends it.

use std::io::Write;
use std::path::{Path, PathBuf, absolute};
use std::time::Duration;

use anyhow::Context;

use super::SERVICE_NAME;
use super::account::ServiceAccount;
use super::error::fault;
use super::flags::{Flags, stored};
use super::rights::{give, needs_of};
use crate::cli::args::{Args, EXIT_USAGE};
use crate::cli::configuration::{configuration, write_default_file};
use crate::cli::look::{Ask, settle_destinations};
use crate::cli::{serve, state_directory};
use crate::environment::Environment;
use crate::error_chain;
use crate::platform::event_log;
use crate::platform::paths::default_config_path;
use crate::platform::service_setup::{self, Installed, ServicePlan};
use crate::site::Timings;

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
    if !strangers.is_empty() {
        writeln!(
            notes,
            "{SERVICE_NAME}: left out what the service had and this version does not know: {}",
            strangers.join(" ")
        )?;
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
    let account = account.or_else(|| before.is_none().then_some(ServiceAccount::Virtual));
    let plan = plan(program, &flags, account.as_ref());
    for part in service_setup::put(&plan).map_err(fault("install"))? {
        writeln!(notes, "{SERVICE_NAME}: this Windows does not know the service's {part}; it was left out")?;
    }
    if let Err(error) = event_log::register() {
        writeln!(notes, "{SERVICE_NAME}: the event viewer will not know the service's messages: {error}")?;
    }
    let account = match (&account, &before) {
        (Some(account), _) => account.to_string(),
        (None, Some(Installed { account: Some(account), .. })) => account.clone(),
        (None, _) => "its account".to_owned(),
    };
    for trouble in secure(&args, environment, ServiceAccount::is_virtual(&account)) {
        writeln!(notes, "{SERVICE_NAME}: {trouble}")?;
    }
    let done = if before.is_some() { "changed" } else { "installed" };
    writeln!(
        out,
        "{SERVICE_NAME} is {done}, to run as {account}; start it with configmgr_backup_exporter service start"
    )?;
    Ok(0)
}

/// Closes the state directory to others, gives the virtual account what it needs, and says what could not be done.
fn secure(args: &Args, environment: &Environment, is_virtual: bool) -> Vec<String> {
    let mut said = Vec::new();
    let state = serve::state_path(args, environment);
    // Any other folder that is there belongs to who made it, and may hold more than the state.
    if (args.state_path.is_none() || !state.exists())
        && let Err(error) = state_directory::close(&state)
    {
        said.push(error_chain(&error));
    }
    if let Err(error) = write_default_file(args, environment) {
        said.push(error_chain(&error));
    }
    if let Err(error) = state_directory::protect_configuration(&default_config_path(environment)) {
        said.push(error_chain(&error));
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

/// What Windows is told.
fn plan(executable: PathBuf, flags: &Flags, account: Option<&ServiceAccount>) -> ServicePlan {
    ServicePlan {
        name: SERVICE_NAME,
        display_name: DISPLAY_NAME,
        description: DESCRIPTION,
        executable,
        arguments: arguments(flags).split_off(1),
        account: account.map(ToString::to_string),
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

    fn planned(command_line: Option<&str>, given: &[&str], account: Option<&ServiceAccount>) -> ServicePlan {
        let before = command_line.map(|line| Installed { command_line: line.to_owned(), account: None });
        let (given, _) = Flags::among(given.iter().copied());
        plan("exporter.exe".into(), &kept(before.as_ref()).0.replaced_by(given), account)
    }

    #[test]
    fn a_new_service_is_one_that_comes_back() {
        let plan = planned(None, &["--log.level=debug"], Some(&ServiceAccount::Virtual));
        let seconds = Duration::from_secs;
        assert_eq!(plan.arguments, ["service", "run", "--log.level=debug"]);
        assert_eq!(plan.account.as_deref(), Some(r"NT SERVICE\configmgr_backup_exporter"));
        assert_eq!(plan.restart_after, [seconds(10), seconds(60), seconds(300)]);
        assert_eq!(plan.reset_after, seconds(86_400));
        assert!(plan.delayed && plan.failed_by_code && plan.own_sid);
        assert!(plan.preshutdown > Timings::DEFAULT.shutdown_grace);
    }

    #[test]
    fn an_upgrade_keeps_account_and_flags() {
        let line = r#""C:\Program Files\x\exporter.exe" service run "--config.file=C:\a b\c.yml" --remediation.mode=observe"#;
        let plan = planned(Some(line), &["--log.level=warn"], None);
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
        let before =
            Installed { command_line: "x service run --gone=1 --log.level=warn".to_owned(), account: None };
        let (flags, strangers) = kept(Some(&before));
        assert_eq!(
            (flags.arguments(), strangers),
            (vec!["--log.level=warn".to_owned()], vec!["--gone=1".to_owned()])
        );
    }
}
