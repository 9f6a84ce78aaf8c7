//! `service uninstall`: takes the service away, and what `service install` gave to its account.

use std::io::Write;
use std::time::Duration;

use super::SERVICE_NAME;
use super::control::{Halt, halt, query, wait_for};
use super::error::fault;
use super::install::{arguments, kept};
use super::rights::{needs_of, take_back};
use crate::cli::args::Args;
use crate::cli::configuration::configuration;
use crate::cli::serve;
use crate::environment::Environment;
use crate::platform::event_log;
use crate::platform::service_control::ServiceControl;
use crate::platform::service_setup;
use crate::site::ServiceState;

/// How long a service that has stopped may still be listed after it was deleted: others may look at it.
const DELETION_WAIT: Duration = Duration::from_secs(10);

const REMOVE: &str = "remove";

/// Stops the service and takes it away; where there is none, nothing is wrong.
pub(super) fn uninstall(
    environment: &Environment,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> anyhow::Result<u8> {
    let control = ServiceControl::connect(None).map_err(fault(REMOVE))?;
    let before = service_setup::installed(SERVICE_NAME).map_err(fault(REMOVE))?;
    let is_missing = matches!(halt(&control, REMOVE)?, Halt::Missing);
    if !is_missing {
        service_setup::delete(SERVICE_NAME).map_err(fault(REMOVE))?;
    }
    // What was given stays where somebody else deletes the service.
    let (flags, _) = kept(before.as_ref());
    // Flags of another version tell nothing; what was given is noted where the state is unless it was told otherwise.
    if let Ok(args) = Args::parse_from(arguments(&flags)).or_else(|_| Args::parse_from([SERVICE_NAME])) {
        let config = configuration(&args, environment).ok();
        let needs = needs_of(&args, config.as_ref(), environment);
        for trouble in take_back(&needs, &serve::state_path(&args, environment)) {
            writeln!(notes, "{SERVICE_NAME}: {trouble}")?;
        }
    }
    if let Err(error) = event_log::unregister() {
        writeln!(notes, "{SERVICE_NAME}: it stays a source of the event log: {error}")?;
    }
    if is_missing {
        writeln!(out, "{SERVICE_NAME} is not installed")?;
        return Ok(0);
    }
    let gone = wait_for(DELETION_WAIT, || {
        Ok((query(&control, REMOVE)?.service.state == ServiceState::Missing).then_some(()))
    })?;
    if gone.is_none() {
        writeln!(
            notes,
            "{SERVICE_NAME} goes as soon as nobody looks at it: close every console of services"
        )?;
    }
    writeln!(out, "{SERVICE_NAME} is removed; its configuration and its state stay")?;
    Ok(0)
}
