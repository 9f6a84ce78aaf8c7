//! The services that Windows runs, on this machine or on another.
//!
//! A connection to the service control manager lives for one call. What only this machine can tell (when it and its
//! processes started, what its registry says) is unknown of another one.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::refusal::{Asked, Request, refusal};
use super::{ServiceController, ServiceError, ServiceErrorKind, Start, site_servers};
use crate::platform::registry;
use crate::platform::service_control::{Queried, ServiceControl};
use crate::site::{
    ClosedSet, SQL_BACKUP_SERVICES, Service, ServiceState, ServicesSeen, SiteService, Timestamp,
};

/// Where the names of all services stand, below `HKEY_LOCAL_MACHINE`.
const SERVICES: &str = r"SYSTEM\CurrentControlSet\Services";

/// Win32: an instance of the service is already running.
const ALREADY_RUNNING: i32 = 1056;
/// Win32: the service cannot accept control messages at this time.
const CANNOT_ACCEPT: i32 = 1061;
/// Win32: the service has not been started.
const NOT_ACTIVE: i32 = 1062;

/// The services of one machine with Windows.
#[derive(Debug)]
pub(super) struct WindowsServices {
    /// Another machine than this one.
    other: Option<String>,
    /// The machine's name, if it has a known one.
    name: Option<String>,
    account: String,
}

impl WindowsServices {
    /// The services of another machine, or of this one; they are asked as this account, which a refusal names.
    pub(super) fn new(machine: Option<&str>, account: &str) -> Self {
        let other = machine.map(ToOwned::to_owned);
        // Not COMPUTERNAME, which is cut after 15 characters.
        let name = other.clone().or_else(|| System::host_name().ok());
        Self { other, name, account: account.to_owned() }
    }

    fn connect(&self) -> Result<ServiceControl, ServiceError> {
        let connected = ServiceControl::connect(self.other.as_deref());
        connected.map_err(|error| self.refusal(Request::Connect, "", &error))
    }

    fn query(&self, control: &ServiceControl, name: &str) -> Result<Queried, ServiceError> {
        control.query(name).map_err(|error| self.refusal(Request::Look, name, &error))
    }

    fn refusal(&self, request: Request, service: &str, error: &io::Error) -> ServiceError {
        let machine = self.name.as_deref().unwrap_or("this machine");
        refusal(Asked { request, service, machine, account: &self.account }, error)
    }

    /// The services of SQL Server's part that there are.
    fn sql_backup_names(&self) -> Vec<String> {
        if self.other.is_some() {
            return vec![SQL_BACKUP_SERVICES.to_owned()];
        }
        let mut names = registry::key_names(SERVICES).unwrap_or_default();
        names.retain(|name| writes_the_database(name));
        names
    }
}

/// Whether a service of this name writes the database's part of a backup.
fn writes_the_database(name: &str) -> bool {
    let (start, rest) = name.split_at_checked(SQL_BACKUP_SERVICES.len()).unwrap_or_default();
    start.eq_ignore_ascii_case(SQL_BACKUP_SERVICES) && (rest.is_empty() || rest.starts_with('_'))
}

impl ServiceController for WindowsServices {
    fn location(&self) -> String {
        self.name.clone().unwrap_or_else(|| "this machine".to_owned())
    }

    fn look(&self) -> Result<ServicesSeen, ServiceError> {
        let control = self.connect()?;
        let mut found = BTreeMap::new();
        for &service in SiteService::ALL {
            let name = service.label();
            match self.query(&control, name) {
                Ok(queried) => {
                    found.insert(Box::from(name), queried);
                }
                // The service that all is about, and a machine that does not answer, fail the look.
                Err(error)
                    if service == SiteService::Backup || error.kind != ServiceErrorKind::AccessDenied =>
                {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
        for name in self.sql_backup_names() {
            if let Ok(queried) = self.query(&control, &name)
                && queried.service.state != ServiceState::Missing
            {
                found.insert(name.into(), queried);
            }
        }
        let local = self.other.is_none();
        let started = if local { process_starts(&found) } else { BTreeMap::new() };
        let service = |(name, Queried { service, process }): (Box<str>, Queried)| {
            let started = process.and_then(|process| started.get(&process).copied());
            (name, Service { started, ..service })
        };
        Ok(ServicesSeen {
            machine: self.name.as_deref().map(Into::into),
            services: found.into_iter().map(service).collect(),
            booted: if local { System::boot_time().ok().and_then(time) } else { None },
            site_servers: match local {
                true => site_servers::site_servers(registry::text(site_servers::SITE_SERVERS)),
                false => None,
            },
            paused: None,
        })
    }

    fn state(&self, service: SiteService) -> Result<ServiceState, ServiceError> {
        Ok(self.query(&self.connect()?, service.label())?.service.state)
    }

    fn start(&self, service: SiteService) -> Result<Start, ServiceError> {
        let (control, name) = (self.connect()?, service.label());
        let Err(error) = control.start(name) else {
            return Ok(Start::Accepted);
        };
        if error.raw_os_error() == Some(ALREADY_RUNNING)
            // Windows says so of whatever is not Stopped, and what ends is no run that somebody started.
            && self.query(&control, name)?.service.state != ServiceState::StopPending
        {
            return Ok(Start::AlreadyRunning);
        }
        Err(self.refusal(Request::Start, name, &error))
    }

    fn stop(&self, service: SiteService) -> Result<(), ServiceError> {
        let (control, name) = (self.connect()?, service.label());
        let Err(error) = control.stop(name) else {
            return Ok(());
        };
        let is_done = match error.raw_os_error() {
            Some(NOT_ACTIVE) => true,
            Some(CANNOT_ACCEPT) => matches!(
                self.query(&control, name)?.service.state,
                ServiceState::StopPending | ServiceState::Stopped
            ),
            _ => false,
        };
        if is_done { Ok(()) } else { Err(self.refusal(Request::Stop, name, &error)) }
    }
}

/// When the processes of these services started, as far as they are there and can be asked.
fn process_starts(services: &BTreeMap<Box<str>, Queried>) -> BTreeMap<u32, Timestamp> {
    let processes: BTreeSet<u32> = services.values().filter_map(|queried| queried.process).collect();
    let pids: Vec<Pid> = processes.iter().copied().map(Pid::from_u32).collect();
    let Ok(mut system) = System::new() else {
        return BTreeMap::new();
    };
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&pids), false, ProcessRefreshKind::nothing());
    let start = |process: u32| Some((process, time(system.process(Pid::from_u32(process))?.start_time())?));
    processes.into_iter().filter_map(start).collect()
}

/// Seconds of Unix; 0 stands for what the operating system does not tell.
fn time(seconds: u64) -> Option<Timestamp> {
    let seconds = i64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
    Timestamp::from_timestamp(seconds, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_that_write_the_database_are_known_by_their_names() {
        for (name, is_one) in [
            ("SMS_SITE_SQL_BACKUP", true),
            ("sms_site_sql_backup_cm01.corp.example", true),
            ("SMS_SITE_SQL_BACKUP_", true),
            ("SMS_SITE_SQL_BACKUPS", false),
            ("SMS_SITE_BACKUP", false),
            ("SMS_SITE_SQL_BACKÜP", false),
            ("", false),
        ] {
            assert_eq!(writes_the_database(name), is_one, "{name:?}");
        }
    }

    #[test]
    fn a_process_that_is_there_has_a_start() {
        let queried = |process| Queried { service: Service::in_state(ServiceState::Running), process };
        let services = BTreeMap::from([
            (Box::from("this"), queried(Some(std::process::id()))),
            (Box::from("stopped"), queried(None)),
        ]);
        let starts = process_starts(&services);
        let now = crate::clock::Clock::System.now();
        let started = starts[&std::process::id()];
        assert_eq!(starts.len(), 1);
        assert!(started <= now && now - started < chrono::TimeDelta::hours(24), "{started}");
        assert_eq!(time(0), None);
        assert_eq!(time(u64::MAX), None);
    }

    #[cfg(not(windows))]
    #[test]
    fn elsewhere_every_call_says_that_this_is_not_windows() {
        let services = WindowsServices::new(Some("CM01"), "uid 5");
        let message = "cannot connect to the service control manager of CM01: this is not Windows; run the exporter on \
                       Windows, or set services.command";
        let kind = ServiceErrorKind::NotFound;
        let error = ServiceError { kind, message: message.to_owned() };
        assert_eq!(services.look(), Err(error.clone()));
        assert_eq!(services.state(SiteService::Backup), Err(error.clone()));
        assert_eq!(services.start(SiteService::Backup), Err(error.clone()));
        assert_eq!(services.stop(SiteService::Backup), Err(error));
        assert_eq!(services.location(), "CM01");
    }
}
