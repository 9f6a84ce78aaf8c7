//! Starting and stopping the service and looking at it; each change is waited for, for a bounded time.

use std::io::Write;
use std::time::{Duration, Instant};

use super::error::{ServiceFault, fault};
use super::{EXIT_NOT_INSTALLED, EXIT_NOT_RUNNING, SERVICE_NAME};
use crate::cli::args::EXIT_USAGE;
use crate::platform::service_control::{Queried, ServiceControl};
use crate::platform::service_setup::{self, Ended};
use crate::site::{ClosedSet, Service, ServiceState};

/// How long the service may take to come to a state: it has to start within a minute, and to stop within half of one.
const WAIT: Duration = Duration::from_secs(60);
const PACE: Duration = Duration::from_millis(100);

/// Win32: an instance of the service is already running.
const ALREADY_RUNNING: i32 = 1056;
/// Win32: the service cannot accept control messages at this time.
const CANNOT_ACCEPT: i32 = 1061;
/// Win32: the service has not been started.
const NOT_ACTIVE: i32 = 1062;
/// Win32: the pipe is being closed, or was ended: the process of the service has gone, and Windows did not notice yet.
const PROCESS_GONE: [i32; 2] = [232, 109];

/// Starts the service and waits until it runs.
pub(super) fn start(out: &mut dyn Write) -> anyhow::Result<u8> {
    const START: &str = "start";
    let control = ServiceControl::connect(None).map_err(fault(START))?;
    let mut asked = false;
    let ran = wait_for(WAIT, || {
        let seen = query(&control, START)?;
        match seen.service.state {
            ServiceState::Running => return Ok(Some(seen)),
            ServiceState::Missing => return Err(ServiceFault::Missing { operation: START }),
            ServiceState::Stopped if asked => return Err(ServiceFault::Stopped { reason: ending()? }),
            ServiceState::Stopped => match control.start(SERVICE_NAME) {
                // One that is just coming or going is looked at again.
                Err(error) if error.raw_os_error() == Some(ALREADY_RUNNING) => {}
                // It ended before Windows had done: how it ended is looked at.
                Err(error) if error.raw_os_error().is_some_and(|code| PROCESS_GONE.contains(&code)) => {
                    asked = true;
                }
                started => {
                    started.map_err(fault(START))?;
                    asked = true;
                }
            },
            _ => {}
        }
        Ok(None)
    })?;
    match ran {
        Some(Queried { process, .. }) => {
            let word = if asked { "runs" } else { "runs already" };
            writeln!(out, "{SERVICE_NAME} {word}{}", of_process(process))?;
            Ok(0)
        }
        None => Err(slow(&control, START)?.into()),
    }
}

/// Stops the service and waits until it has stopped.
pub(super) fn stop(out: &mut dyn Write) -> anyhow::Result<u8> {
    const STOP: &str = "stop";
    let control = ServiceControl::connect(None).map_err(fault(STOP))?;
    match halt(&control, STOP)? {
        Halt::Missing => Err(ServiceFault::Missing { operation: STOP }.into()),
        Halt::Before => {
            writeln!(out, "{SERVICE_NAME} does not run")?;
            Ok(0)
        }
        Halt::Now => {
            writeln!(out, "{SERVICE_NAME} has stopped")?;
            Ok(0)
        }
    }
}

/// Says how the service is.
pub(super) fn status(out: &mut dyn Write) -> anyhow::Result<u8> {
    const LOOK: &str = "look at";
    let control = ServiceControl::connect(None).map_err(fault(LOOK))?;
    let Queried { service: Service { state, start, account, .. }, process } = query(&control, LOOK)?;
    if state == ServiceState::Missing {
        writeln!(out, "{SERVICE_NAME} is not installed")?;
        return Ok(EXIT_NOT_INSTALLED);
    }
    let ended = match state {
        ServiceState::Stopped => format!(": {}", ending()?),
        _ => of_process(process),
    };
    writeln!(out, "{SERVICE_NAME} is {}{ended}", state.label())?;
    let unknown = "not told to this account";
    writeln!(out, "  account: {}", account.as_deref().unwrap_or(unknown))?;
    writeln!(out, "  start: {}", start.map_or(unknown, |start| start.label()))?;
    let installed = service_setup::installed(SERVICE_NAME).ok().flatten();
    let command_line = installed.as_ref().map_or(unknown, |installed| &installed.command_line);
    let (program, flags) = command_line.split_once(" service run").unwrap_or((command_line, ""));
    writeln!(out, "  program: {program}")?;
    writeln!(out, "  flags: {}", if flags.is_empty() { "none" } else { flags.trim_start() })?;
    Ok(if state == ServiceState::Running { 0 } else { EXIT_NOT_RUNNING })
}

/// What became of a wish to have the service stopped.
pub(super) enum Halt {
    /// There is none.
    Missing,
    /// It did not run.
    Before,
    /// It was stopped.
    Now,
}

/// Stops the service and waits until it has stopped.
pub(super) fn halt(control: &ServiceControl, operation: &'static str) -> Result<Halt, ServiceFault> {
    let mut asked = false;
    let halted = wait_for(WAIT, || {
        Ok(match query(control, operation)?.service.state {
            ServiceState::Missing => Some(Halt::Missing),
            ServiceState::Stopped if asked => Some(Halt::Now),
            ServiceState::Stopped => Some(Halt::Before),
            ServiceState::Running if !asked => match control.stop(SERVICE_NAME) {
                Err(error) if matches!(error.raw_os_error(), Some(CANNOT_ACCEPT | NOT_ACTIVE)) => None,
                Err(error) if error.raw_os_error().is_some_and(|code| PROCESS_GONE.contains(&code)) => {
                    Some(Halt::Now)
                }
                stopped => {
                    stopped.map_err(fault(operation))?;
                    asked = true;
                    None
                }
            },
            _ => None,
        })
    })?;
    match halted {
        Some(halt) => Ok(halt),
        None => Err(slow(control, operation)?),
    }
}

fn slow(control: &ServiceControl, operation: &'static str) -> Result<ServiceFault, ServiceFault> {
    let state = query(control, operation)?.service.state.label();
    Ok(ServiceFault::Slow { state, seconds: WAIT.as_secs() })
}

pub(super) fn query(control: &ServiceControl, operation: &'static str) -> Result<Queried, ServiceFault> {
    control.query(SERVICE_NAME).map_err(fault(operation))
}

/// How the service ended, in words.
fn ending() -> Result<String, ServiceFault> {
    Ok(told(service_setup::ended(SERVICE_NAME).map_err(fault("look at"))?))
}

fn told(ended: Ended) -> String {
    /// Win32: no attempts to start the service have been made since the last boot.
    const NEVER_STARTED: u32 = 1077;
    match ended {
        Ended::Win32(0) => "it ended as it should".to_owned(),
        Ended::Win32(NEVER_STARTED) => "it was not started yet".to_owned(),
        Ended::Own(code) if code == u32::from(EXIT_USAGE) => {
            format!("exit code {code}, its configuration or its flags cannot be used, and its log says why")
        }
        Ended::Own(code) => format!("exit code {code}, and its log says why"),
        Ended::Win32(code) => format!("Win32 {code}, and the System event log says more"),
    }
}

fn of_process(process: Option<u32>) -> String {
    process.map_or_else(String::new, |process| format!(", process {process}"))
}

/// Looks again and again, for a time, until something is found.
#[expect(
    clippy::disallowed_methods,
    reason = "a command line tool that waits for the service control manager"
)]
pub(super) fn wait_for<T>(
    patience: Duration,
    mut look: impl FnMut() -> Result<Option<T>, ServiceFault>,
) -> Result<Option<T>, ServiceFault> {
    let begun = Instant::now();
    loop {
        let expired = begun.elapsed() >= patience;
        let found = look()?;
        if found.is_some() || expired {
            return Ok(found);
        }
        std::thread::sleep(PACE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_in_words() {
        for (ended, part) in [
            (Ended::Win32(0), "as it should"),
            (Ended::Win32(1077), "not started yet"),
            (Ended::Own(64), "exit code 64, its configuration or its flags cannot be used"),
            (Ended::Own(1), "exit code 1, and its log says why"),
            (Ended::Win32(1067), "Win32 1067"),
        ] {
            assert!(told(ended).contains(part), "{ended:?}: {}", told(ended));
        }
    }
}
