//! The service control manager of Windows, of this machine or of another.
//!
//! One connection serves a few calls and is closed with its value; every call may block. Errors carry the Win32 code:
//! what it means to an operator is said elsewhere.

use std::io;

use crate::site::Service;

/// A connection to a service control manager.
pub(crate) struct ServiceControl(imp::Manager);

/// One service as the service control manager tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queried {
    /// What is known of it, but for when its process started.
    pub(crate) service: Service,
    /// Its process, while it runs.
    pub(crate) process: Option<u32>,
}

impl ServiceControl {
    /// Connects to a machine; `None` is this one.
    pub(crate) fn connect(machine: Option<&str>) -> io::Result<Self> {
        imp::Manager::connect(machine).map(Self)
    }

    /// One service; Win32 1060 is [`crate::site::ServiceState::Missing`] and no error.
    pub(crate) fn query(&self, name: &str) -> io::Result<Queried> {
        self.0.query(name)
    }

    /// Asks for a start; returns once Windows has accepted it, which may take 30 seconds.
    pub(crate) fn start(&self, name: &str) -> io::Result<()> {
        self.0.start(name)
    }

    /// Asks for a stop.
    pub(crate) fn stop(&self, name: &str) -> io::Result<()> {
        self.0.stop(name)
    }
}

#[cfg(windows)]
mod imp {
    use std::io;

    use windows_service::Error;
    use windows_service::service::{self, ServiceAccess, ServiceStartType};
    use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

    use super::Queried;
    use crate::site::{Service, ServiceState, StartMode};

    const ACCESS_DENIED: i32 = 5;
    const DOES_NOT_EXIST: i32 = 1060;

    pub(super) struct Manager(ServiceManager);

    impl Manager {
        pub(super) fn connect(machine: Option<&str>) -> io::Result<Self> {
            let (database, access) = (None::<&str>, ServiceManagerAccess::CONNECT);
            let manager = match machine {
                Some(machine) => ServiceManager::remote_computer(machine, database, access),
                None => ServiceManager::local_computer(database, access),
            };
            manager.map(Self).map_err(io_error)
        }

        pub(super) fn query(&self, name: &str) -> io::Result<Queried> {
            let status = ServiceAccess::QUERY_STATUS;
            let opened = match self.open(name, status | ServiceAccess::QUERY_CONFIG) {
                // The state alone is worth having.
                Err(error) if error.raw_os_error() == Some(ACCESS_DENIED) => self.open(name, status),
                opened => opened,
            };
            let service = match opened {
                Err(error) if error.raw_os_error() == Some(DOES_NOT_EXIST) => {
                    return Ok(Queried { service: Service::in_state(ServiceState::Missing), process: None });
                }
                opened => opened?,
            };
            let status = service.query_status().map_err(io_error)?;
            let config = service.query_config().ok();
            let account = config.as_ref().and_then(|config| config.account_name.as_ref());
            let service = Service {
                state: state(status.current_state),
                start: config.as_ref().map(|config| start_mode(config.start_type)),
                account: account.map(|account| account.to_string_lossy().into()),
                started: None,
            };
            Ok(Queried { service, process: status.process_id })
        }

        pub(super) fn start(&self, name: &str) -> io::Result<()> {
            self.open(name, ServiceAccess::START)?.start::<&str>(&[]).map_err(io_error)
        }

        pub(super) fn stop(&self, name: &str) -> io::Result<()> {
            self.open(name, ServiceAccess::STOP)?.stop().map(drop).map_err(io_error)
        }

        fn open(&self, name: &str, access: ServiceAccess) -> io::Result<service::Service> {
            self.0.open_service(name, access).map_err(io_error)
        }
    }

    fn io_error(error: Error) -> io::Error {
        match error {
            Error::Winapi(error) => error,
            error => io::Error::other(error),
        }
    }

    fn state(state: service::ServiceState) -> ServiceState {
        use service::ServiceState as S;
        match state {
            S::Stopped => ServiceState::Stopped,
            S::StartPending => ServiceState::StartPending,
            S::StopPending => ServiceState::StopPending,
            S::Running => ServiceState::Running,
            S::ContinuePending => ServiceState::ContinuePending,
            S::PausePending => ServiceState::PausePending,
            S::Paused => ServiceState::Paused,
        }
    }

    fn start_mode(mode: ServiceStartType) -> StartMode {
        match mode {
            // The last two are those of drivers.
            ServiceStartType::AutoStart | ServiceStartType::SystemStart | ServiceStartType::BootStart => {
                StartMode::Automatic
            }
            ServiceStartType::OnDemand => StartMode::Manual,
            ServiceStartType::Disabled => StartMode::Disabled,
        }
    }
}

#[cfg(not(windows))]
mod imp {
    use std::convert::Infallible;
    use std::io;

    use super::Queried;

    /// There is none.
    pub(super) struct Manager(Infallible);

    impl Manager {
        pub(super) fn connect(_: Option<&str>) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(super) fn query(&self, _: &str) -> io::Result<Queried> {
            match self.0 {}
        }

        pub(super) fn start(&self, _: &str) -> io::Result<()> {
            match self.0 {}
        }

        pub(super) fn stop(&self, _: &str) -> io::Result<()> {
            match self.0 {}
        }
    }
}
