//! The service itself: what it tells the service control manager, and when.
//!
//! Each start adds a line to the file `starts` in its folder, and each state one to the file `told`. What hangs goes on
//! once there is a file `let_go`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::Context;
use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::{define_windows_service, service_dispatcher};

use crate::behaviour::{Behaviour, Run, Start, Stop};
use crate::run::{Log, PATIENCE, Stopped, append, hang};

define_windows_service!(ffi_service_main, service_main);

/// Runs as a service until it has stopped.
pub(crate) fn serve(name: &str) -> anyhow::Result<()> {
    service_dispatcher::start(name, ffi_service_main).context("only the service control manager starts this")
}

fn service_main(_: Vec<OsString>) {
    // The arguments of the process, not those of this start.
    let mut arguments = std::env::args_os().skip(1);
    let (Some(name), Some(folder)) = (arguments.next(), arguments.next()) else { return };
    let folder = PathBuf::from(folder);
    if let Err(error) = live(&name.to_string_lossy(), &folder) {
        drop(append(&folder.join("errors"), &format!("{error:#}\n")));
    }
}

/// From its start to its stop.
fn live(name: &str, folder: &Path) -> anyhow::Result<()> {
    let behaviour = Behaviour::read(folder)?;
    let (sender, stop) = channel();
    let handle = service_control_handler::register(name, move |control| match control {
        ServiceControl::Stop | ServiceControl::Shutdown => {
            let _ = sender.send(());
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    })?;
    let manager = Manager { handle, folder };
    append(&folder.join("starts"), &format!("{}\n", std::process::id()))?;
    manager.tell(ServiceState::StartPending, ServiceControlAccept::empty(), 0)?;
    match behaviour.start {
        Start::Good => {}
        Start::Fail(code) => {
            return manager.tell(ServiceState::Stopped, ServiceControlAccept::empty(), code);
        }
        // No control comes before it runs.
        Start::Hang => drop(hang(folder, &stop)),
    }
    let accepted = match behaviour.stop {
        Stop::Refuse => ServiceControlAccept::empty(),
        Stop::Good | Stop::Slow => ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN,
    };
    manager.tell(ServiceState::Running, accepted, 0)?;
    let ran = run(&manager, behaviour, &stop);
    manager.tell(ServiceState::Stopped, ServiceControlAccept::empty(), u32::from(ran.is_err()))?;
    ran
}

fn run(manager: &Manager<'_>, behaviour: Behaviour, stop: &Receiver<()>) -> anyhow::Result<()> {
    let log = Log::new(manager.folder)?;
    if let Err(Stopped) = log.write(behaviour.run, stop)? {
        manager.tell(ServiceState::StopPending, ServiceControlAccept::empty(), 0)?;
        if behaviour.stop == Stop::Slow {
            // Its sender went with the control to stop.
            let (_sender, never) = channel();
            drop(hang(manager.folder, &never));
        }
        if !matches!(behaviour.run, Run::None) {
            log.end()?;
        }
    }
    Ok(())
}

/// The service control manager, and those who read what it was told.
struct Manager<'a> {
    handle: ServiceStatusHandle,
    folder: &'a Path,
}

impl Manager<'_> {
    fn tell(
        &self,
        state: ServiceState,
        controls_accepted: ServiceControlAccept,
        code: u32,
    ) -> anyhow::Result<()> {
        let exit_code = match code {
            0 => ServiceExitCode::NO_ERROR,
            code => ServiceExitCode::ServiceSpecific(code),
        };
        let is_pending = matches!(state, ServiceState::StartPending | ServiceState::StopPending);
        let status = ServiceStatus {
            service_type: ServiceType::OWN_PROCESS,
            current_state: state,
            controls_accepted,
            exit_code,
            checkpoint: u32::from(is_pending),
            wait_hint: if is_pending { PATIENCE } else { Duration::ZERO },
            process_id: None,
        };
        self.handle.set_service_status(status).with_context(|| format!("{state:?} cannot be told"))?;
        append(&self.folder.join("told"), &format!("{state:?}\n"))
    }
}
