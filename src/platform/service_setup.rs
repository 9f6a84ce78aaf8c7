//! Making this program's service, changing it and taking it away.
//!
//! What a service is to look like is a plan, which is data: Windows tells only a part of it back, and Wine less. Errors
//! carry the Win32 code; what it means to an operator is said elsewhere.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::site::StartMode;

/// All that Windows is told of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServicePlan {
    /// Its name, which never changes.
    pub(crate) name: &'static str,
    /// Its name for people.
    pub(crate) display_name: &'static str,
    /// What it does.
    pub(crate) description: &'static str,
    /// Its program.
    pub(crate) executable: PathBuf,
    /// What the program is started with.
    pub(crate) arguments: Vec<String>,
    /// Who it runs as; `None` for whom it runs as already.
    pub(crate) account: Option<String>,
    /// When it starts.
    pub(crate) start: StartMode,
    /// Whether it starts some minutes after the machine, and not with it; nothing where it does not start by itself.
    pub(crate) delayed: bool,
    /// After how long it is started again: after its first failure, its second, and each further one.
    pub(crate) restart_after: [Duration; 3],
    /// After how long without a failure the next one is the first again.
    pub(crate) reset_after: Duration,
    /// Whether an end with another code than 0 is a failure too.
    pub(crate) failed_by_code: bool,
    /// How long the machine's shutdown waits for it.
    pub(crate) preshutdown: Duration,
    /// Whether its process has the service's own security identifier, whatever its account.
    pub(crate) own_sid: bool,
}

/// A service that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installed {
    /// Its program and what that is started with, as one text.
    pub(crate) command_line: String,
    /// Who it runs as; `None` where Windows does not tell.
    pub(crate) account: Option<String>,
    /// When it starts.
    pub(crate) start: StartMode,
}

/// With which code a service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    all(not(windows), not(test)),
    expect(dead_code, reason = "no other platform has services that end")
)]
pub(crate) enum Ended {
    /// One of Windows, 0 for an end as it should be.
    Win32(u32),
    /// One of its own.
    Own(u32),
}

/// The service of this name, if it is there.
pub(crate) fn installed(name: &str) -> io::Result<Option<Installed>> {
    imp::installed(name)
}

/// Whether this account may make services.
pub(crate) fn check_access() -> io::Result<()> {
    imp::check_access()
}

/// Makes a service, or changes the one that is there; says which parts of the plan this Windows does not know.
pub(crate) fn put(plan: &ServicePlan) -> io::Result<Vec<&'static str>> {
    imp::put(plan)
}

/// Marks a service for deletion: it goes once it has stopped and nobody looks at it. `false` where there is none.
pub(crate) fn delete(name: &str) -> io::Result<bool> {
    imp::delete(name)
}

/// How a service that does not run has ended.
pub(crate) fn ended(name: &str) -> io::Result<Ended> {
    imp::ended(name)
}

#[cfg(windows)]
mod imp {
    use std::ffi::OsString;
    use std::io;

    use windows_service::Error;
    use windows_service::service::{
        Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl, ServiceExitCode,
        ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo, ServiceSidType, ServiceStartType,
        ServiceType,
    };
    use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

    use super::{Ended, Installed, ServicePlan, StartMode};

    const DOES_NOT_EXIST: i32 = 1060;
    const MARKED_FOR_DELETE: i32 = 1072;
    /// Win32: the system call level is not correct. Wine says so of what it does not know.
    const INVALID_LEVEL: i32 = 124;

    fn open(name: &str, access: ServiceAccess) -> io::Result<Option<Service>> {
        let manager = manager(ServiceManagerAccess::CONNECT)?;
        match manager.open_service(name, access).map_err(io_error) {
            Ok(service) => Ok(Some(service)),
            Err(error) if error.raw_os_error() == Some(DOES_NOT_EXIST) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn manager(access: ServiceManagerAccess) -> io::Result<ServiceManager> {
        ServiceManager::local_computer(None::<&str>, access).map_err(io_error)
    }

    pub(super) fn installed(name: &str) -> io::Result<Option<Installed>> {
        let Some(service) = open(name, ServiceAccess::QUERY_CONFIG)? else { return Ok(None) };
        let config = service.query_config().map_err(io_error)?;
        Ok(Some(Installed {
            command_line: config.executable_path.to_string_lossy().into_owned(),
            account: config.account_name.map(|account| account.to_string_lossy().into_owned()),
            start: match config.start_type {
                ServiceStartType::Disabled => StartMode::Disabled,
                ServiceStartType::OnDemand => StartMode::Manual,
                _ => StartMode::Automatic,
            },
        }))
    }

    pub(super) fn check_access() -> io::Result<()> {
        manager(ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE).map(drop)
    }

    pub(super) fn put(plan: &ServicePlan) -> io::Result<Vec<&'static str>> {
        let info = ServiceInfo {
            name: plan.name.into(),
            display_name: plan.display_name.into(),
            service_type: ServiceType::OWN_PROCESS,
            start_type: match plan.start {
                StartMode::Automatic => ServiceStartType::AutoStart,
                StartMode::Manual => ServiceStartType::OnDemand,
                StartMode::Disabled => ServiceStartType::Disabled,
            },
            error_control: ServiceErrorControl::Normal,
            executable_path: plan.executable.clone(),
            launch_arguments: plan.arguments.iter().map(OsString::from).collect(),
            dependencies: Vec::new(),
            account_name: plan.account.as_ref().map(OsString::from),
            account_password: None,
        };
        // To have a service started again takes the right to start it.
        let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::START;
        let service = match open(plan.name, access)? {
            Some(service) => {
                service.change_config(&info).map_err(io_error)?;
                service
            }
            None => manager(ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE)?
                .create_service(&info, access)
                .map_err(io_error)?,
        };
        complete(&service, plan)
    }

    /// Tells what is told one by one.
    fn complete(service: &Service, plan: &ServicePlan) -> io::Result<Vec<&'static str>> {
        let restart = |delay| ServiceAction { action_type: ServiceActionType::Restart, delay };
        let recovery = ServiceFailureActions {
            reset_period: ServiceFailureResetPeriod::After(plan.reset_after),
            reboot_msg: None,
            command: None,
            actions: Some(plan.restart_after.map(restart).to_vec()),
        };
        let sid = if plan.own_sid { ServiceSidType::Unrestricted } else { ServiceSidType::None };
        let delayed = match plan.start {
            StartMode::Automatic => service.set_delayed_auto_start(plan.delayed),
            StartMode::Manual | StartMode::Disabled => Ok(()),
        };
        let mut unknown = Vec::new();
        for (part, told) in [
            ("description", service.set_description(plan.description)),
            ("delayed start", delayed),
            ("recovery actions", service.update_failure_actions(recovery)),
            (
                "recovery after an end with an error",
                service.set_failure_actions_on_non_crash_failures(plan.failed_by_code),
            ),
            ("time to stop before a shutdown", service.set_preshutdown_timeout(plan.preshutdown)),
            ("security identifier", service.set_config_service_sid_info(sid)),
        ] {
            match told.map_err(io_error) {
                Ok(()) => {}
                Err(error) if error.raw_os_error() == Some(INVALID_LEVEL) => unknown.push(part),
                Err(error) => return Err(error),
            }
        }
        Ok(unknown)
    }

    pub(super) fn delete(name: &str) -> io::Result<bool> {
        let Some(service) = open(name, ServiceAccess::DELETE)? else { return Ok(false) };
        match service.delete().map_err(io_error) {
            Err(error) if error.raw_os_error() != Some(MARKED_FOR_DELETE) => Err(error),
            _ => Ok(true),
        }
    }

    pub(super) fn ended(name: &str) -> io::Result<Ended> {
        let service = open(name, ServiceAccess::QUERY_STATUS)?;
        let service = service.ok_or_else(|| io::Error::from_raw_os_error(DOES_NOT_EXIST))?;
        Ok(match service.query_status().map_err(io_error)?.exit_code {
            ServiceExitCode::Win32(code) => Ended::Win32(code),
            ServiceExitCode::ServiceSpecific(code) => Ended::Own(code),
        })
    }

    fn io_error(error: Error) -> io::Error {
        match error {
            Error::Winapi(error) => error,
            error => io::Error::other(error),
        }
    }
}

#[cfg(not(windows))]
mod imp {
    use std::io;

    use super::{Ended, Installed, ServicePlan};

    pub(super) fn installed(_: &str) -> io::Result<Option<Installed>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn check_access() -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn put(_: &ServicePlan) -> io::Result<Vec<&'static str>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn delete(_: &str) -> io::Result<bool> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn ended(_: &str) -> io::Result<Ended> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
