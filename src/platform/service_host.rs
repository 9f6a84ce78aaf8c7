//! This process as a service of Windows: what the service control manager is told, and what it asks for.
//!
//! The manager waits for a service only as long as it hears of it, so a state that takes time is told with a hint how
//! long, and again with a higher checkpoint. A control only cancels a token: the thread on which controls come is one for
//! all services of a process, and nobody may hold it up. Other platforms have no such manager.

use std::io;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// What runs as the service; it returns the code with which the service ends, 0 where it did its work.
pub(crate) type Body = Box<dyn FnOnce(Host) -> u8 + Send>;

/// A service as it is known before anything else of the process.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(windows), expect(dead_code, reason = "no other platform hosts services"))]
pub(crate) struct Hosted {
    /// Its name.
    pub(crate) name: &'static str,
    /// How long one step of its start may take.
    pub(crate) start_hint: Duration,
    /// How long its stop may take.
    pub(crate) stop_hint: Duration,
}

/// This process is not run as a service.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostError {
    /// Somebody else than the service control manager started it (Win32 1063).
    #[error("the service control manager did not start this process")]
    StartedByOther,
    /// The service control manager cannot be connected to.
    #[cfg_attr(not(windows), expect(dead_code, reason = "other platforms have none"))]
    #[error("cannot connect to the service control manager; start the machine again if this stays")]
    Connect {
        /// What the system said.
        source: io::Error,
    },
}

/// Who is told how far the service is; its copies speak with one voice.
#[derive(Debug, Clone)]
pub struct Host(imp::Host);

impl Host {
    /// Another step of the start is done, and the next one may take its time again.
    pub(crate) fn starting(&self) {
        self.0.starting();
    }

    /// The service does its work, and accepts to be stopped.
    pub(crate) fn running(&self) {
        self.0.running();
    }

    /// The service is about to stop; to be told again and again until it has.
    pub(crate) fn stopping(&self) {
        self.0.stopping();
    }

    /// Cancelled when the service is asked to stop, by somebody or because the machine shuts down.
    pub(crate) fn stop(&self) -> CancellationToken {
        self.0.stop()
    }
}

/// Runs the body as a service, from its start to its end, and returns the body's code; once in a process.
///
/// The manager has heard of the service before the body begins. A body that panics ends with 1.
pub(crate) fn run(hosted: Hosted, body: Body) -> Result<u8, HostError> {
    imp::run(hosted, body)
}

#[cfg(windows)]
mod imp {
    use std::ffi::OsString;
    use std::io;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

    use tokio_util::sync::CancellationToken;
    use windows_service::service::{
        ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
    };
    use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
    use windows_service::{Error, define_windows_service, service_dispatcher};

    use super::{Body, HostError, Hosted};

    /// Win32: the service process could not connect to the service controller.
    const FAILED_CONTROLLER_CONNECT: i32 = 1063;
    /// The code of a body that did not come to its end.
    const PANICKED: u8 = 1;

    /// What Windows calls takes no arguments of ours, so they wait here.
    static WAITING: Mutex<Option<(Hosted, Body)>> = Mutex::new(None);
    static ENDED: OnceLock<u8> = OnceLock::new();
    /// Not captured by the function that takes controls: windows-service lets go what that captures with the first
    /// control to stop, and a second one can follow it.
    static STOP: LazyLock<CancellationToken> = LazyLock::new(CancellationToken::new);

    define_windows_service!(ffi_service_main, service_main);

    pub(super) fn run(hosted: Hosted, body: Body) -> Result<u8, HostError> {
        *lock(&WAITING) = Some((hosted, body));
        match service_dispatcher::start(hosted.name, ffi_service_main) {
            Ok(()) => Ok(ENDED.get().copied().unwrap_or(PANICKED)),
            Err(Error::Winapi(error)) if error.raw_os_error() == Some(FAILED_CONTROLLER_CONNECT) => {
                Err(HostError::StartedByOther)
            }
            Err(Error::Winapi(source)) => Err(HostError::Connect { source }),
            Err(other) => Err(HostError::Connect { source: io::Error::other(other) }),
        }
    }

    fn service_main(_: Vec<OsString>) {
        let Some((hosted, body)) = lock(&WAITING).take() else { return };
        // Nobody can be told where this fails; the manager then gives the service up.
        let Ok(handle) = service_control_handler::register(hosted.name, take_control) else { return };
        let told = Mutex::new(Told { state: ServiceState::StartPending, checkpoint: 0 });
        let host = Host { shared: Arc::new(Shared { handle, hosted, told }) };
        host.starting();
        let public = super::Host(host.clone());
        let code = catch_unwind(AssertUnwindSafe(|| body(public))).unwrap_or_else(|_| {
            tracing::error!("the program has panicked; please report this");
            PANICKED
        });
        let _ = ENDED.set(code);
        host.stopped(code);
    }

    fn take_control(control: ServiceControl) -> ServiceControlHandlerResult {
        match control {
            ServiceControl::Stop | ServiceControl::Preshutdown | ServiceControl::Shutdown => {
                STOP.cancel();
                ServiceControlHandlerResult::NoError
            }
            ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
            _ => ServiceControlHandlerResult::NotImplemented,
        }
    }

    #[derive(Debug, Clone)]
    pub(super) struct Host {
        shared: Arc<Shared>,
    }

    #[derive(Debug)]
    struct Shared {
        handle: ServiceStatusHandle,
        hosted: Hosted,
        told: Mutex<Told>,
    }

    /// What the manager was told last.
    #[derive(Debug)]
    struct Told {
        state: ServiceState,
        checkpoint: u32,
    }

    impl Host {
        pub(super) fn starting(&self) {
            self.tell(ServiceState::StartPending, ServiceExitCode::NO_ERROR);
        }

        pub(super) fn running(&self) {
            self.tell(ServiceState::Running, ServiceExitCode::NO_ERROR);
        }

        pub(super) fn stopping(&self) {
            self.tell(ServiceState::StopPending, ServiceExitCode::NO_ERROR);
        }

        fn stopped(&self, code: u8) {
            let exit_code = match code {
                0 => ServiceExitCode::NO_ERROR,
                code => ServiceExitCode::ServiceSpecific(code.into()),
            };
            self.tell(ServiceState::Stopped, exit_code);
        }

        pub(super) fn stop(&self) -> CancellationToken {
            STOP.clone()
        }

        /// Tells a state, unless the service is further already.
        fn tell(&self, state: ServiceState, exit_code: ServiceExitCode) {
            let Shared { handle, hosted, told } = &*self.shared;
            // Held while it is told, so that the states come in their order.
            let mut told = lock(told);
            let Some(status) = next(&told, state, exit_code, *hosted) else { return };
            *told = Told { state, checkpoint: status.checkpoint };
            if let Err(error) = handle.set_service_status(status) {
                let error = crate::error_chain(&error);
                tracing::warn!(?state, error, "the service control manager cannot be told of a state");
            }
        }
    }

    /// What is told after what was told; nothing where the service is further already.
    fn next(
        told: &Told,
        state: ServiceState,
        exit_code: ServiceExitCode,
        hosted: Hosted,
    ) -> Option<ServiceStatus> {
        if stage(state) < stage(told.state) || told.state == ServiceState::Stopped {
            return None;
        }
        let wait_hint = match state {
            ServiceState::StartPending => Some(hosted.start_hint),
            ServiceState::StopPending => Some(hosted.stop_hint),
            _ => None,
        };
        let checkpoint = match wait_hint {
            Some(_) if state == told.state => told.checkpoint + 1,
            Some(_) => 1,
            None => 0,
        };
        let controls_accepted = match state {
            ServiceState::Running => ServiceControlAccept::STOP | ServiceControlAccept::PRESHUTDOWN,
            _ => ServiceControlAccept::empty(),
        };
        Some(ServiceStatus {
            service_type: ServiceType::OWN_PROCESS,
            current_state: state,
            controls_accepted,
            exit_code,
            checkpoint,
            wait_hint: wait_hint.unwrap_or_default(),
            process_id: None,
        })
    }

    /// The order of the states in the life of a service.
    fn stage(state: ServiceState) -> u8 {
        match state {
            ServiceState::StartPending => 0,
            ServiceState::StopPending => 2,
            ServiceState::Stopped => 3,
            _ => 1,
        }
    }

    fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    mod tests {
        use std::time::Duration;

        use super::*;

        #[test]
        fn each_step_of_the_start_has_its_hint_and_a_higher_checkpoint() {
            let [start_hint, stop_hint] = [60, 20].map(Duration::from_secs);
            let hosted = Hosted { name: "x", start_hint, stop_hint };
            let mut told = Told { state: ServiceState::StartPending, checkpoint: 0 };
            for (state, checkpoint, wait_hint) in [
                (ServiceState::StartPending, 1, start_hint),
                (ServiceState::StartPending, 2, start_hint),
                (ServiceState::Running, 0, Duration::ZERO),
                (ServiceState::StopPending, 1, stop_hint),
                (ServiceState::StopPending, 2, stop_hint),
                (ServiceState::Stopped, 0, Duration::ZERO),
            ] {
                let status = next(&told, state, ServiceExitCode::NO_ERROR, hosted).unwrap();
                assert_eq!((status.checkpoint, status.wait_hint), (checkpoint, wait_hint), "{state:?}");
                assert_eq!(status.controls_accepted.is_empty(), state != ServiceState::Running, "{state:?}");
                told = Told { state, checkpoint };
            }
            assert_eq!(next(&told, ServiceState::StopPending, ServiceExitCode::NO_ERROR, hosted), None);
        }
    }
}

#[cfg(not(windows))]
mod imp {
    use std::convert::Infallible;

    use tokio_util::sync::CancellationToken;

    use super::{Body, HostError, Hosted};

    /// There is none.
    #[derive(Debug, Clone)]
    pub(super) struct Host(Infallible);

    impl Host {
        pub(super) fn starting(&self) {
            match self.0 {}
        }

        pub(super) fn running(&self) {
            match self.0 {}
        }

        pub(super) fn stopping(&self) {
            match self.0 {}
        }

        pub(super) fn stop(&self) -> CancellationToken {
            match self.0 {}
        }
    }

    pub(super) fn run(_: Hosted, _: Body) -> Result<u8, HostError> {
        Err(HostError::StartedByOther)
    }
}
