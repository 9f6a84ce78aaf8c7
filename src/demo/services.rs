//! The services of the simulated site server: what its service control manager would answer.
//!
//! SMS_SITE_BACKUP runs while a live run goes on, and starting it begins one, which log, event log, database and
//! destination then tell of as of any other. It does not let itself be stopped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use super::live::{LiveRun, LiveRuns};
use crate::clock::Clock;
use crate::config::{DayWindow, RemediationConfig, ServiceControl, ServicesConfig};
use crate::services::{ServiceController, ServiceControllers, ServiceError, ServiceErrorKind, Start};
use crate::site::{
    ClosedSet, RestartMode, SQL_BACKUP_SERVICES, Service, ServiceState, ServicesSeen, SiteService, StartMode,
    Timestamp,
};

/// From the start of the machine to that of its services.
const BOOT: TimeDelta = TimeDelta::seconds(100);

/// How they are asked: as those of a real server, but more often.
pub fn services_config() -> ServicesConfig {
    ServicesConfig { control: ServiceControl::Windows, machine: None, interval: Duration::from_secs(2) }
}

/// Restarts at any time of day, as often as backups of the demo fail.
pub fn remediation_config() -> RemediationConfig {
    RemediationConfig {
        mode: RestartMode::Restart,
        max_attempts_per_day: 24,
        cooldown: Duration::from_secs(10),
        window: Some(DayWindow { begin: 0, end: 0 }),
        ..RemediationConfig::for_services(Some(&services_config()))
    }
}

/// The services of one simulated site server.
#[derive(Debug, Clone)]
pub struct SimulatedServices {
    clock: Clock,
    machine: Box<str>,
    booted: Timestamp,
    live: LiveRuns,
}

impl SimulatedServices {
    /// The services of this machine, up since `booted`, whose backup service runs the live runs.
    pub fn new(clock: Clock, machine: &str, booted: Timestamp, live: LiveRuns) -> Self {
        let machine = machine.split('.').next().unwrap_or_default().into();
        Self { clock, machine, booted, live }
    }

    fn services(&self, now: Timestamp) -> BTreeMap<Box<str>, Service> {
        let mut newest = self.live.newest_first(now).peekable();
        let running = newest.next_if(|run| run.goes_on(now));
        let during_run = running.as_ref().map(|run| run.start);
        // SMS Writer stops and starts these, and no other.
        let frozen = running.as_ref().and_then(LiveRun::frozen);
        let is_frozen = frozen.is_some_and(|(from, until)| from <= now && now < until);
        let mut thaws = running.iter().cloned().chain(newest).filter_map(|run| Some(run.frozen()?.1));
        let thawed = thaws.find(|thawed| *thawed <= now).unwrap_or(self.booted + BOOT);
        let restarted = (!is_frozen).then_some(thawed);
        let always = Some(self.booted + BOOT);
        use SiteService::{Backup, ComponentManager, Executive, SqlWriter, Vss, VssWriter};
        use StartMode::{Automatic, Manual};
        [
            (Backup.label(), Manual, during_run),
            (VssWriter.label(), Automatic, always),
            (SqlWriter.label(), Automatic, always),
            (Vss.label(), Manual, during_run),
            (Executive.label(), Automatic, restarted),
            (ComponentManager.label(), Automatic, restarted),
            (SQL_BACKUP_SERVICES, Automatic, always),
        ]
        .map(|(name, start, started)| {
            let state = if started.is_some() { ServiceState::Running } else { ServiceState::Stopped };
            let account = Some("LocalSystem".into());
            (name.into(), Service { state, start: Some(start), account, started })
        })
        .into()
    }
}

impl ServiceController for SimulatedServices {
    fn location(&self) -> String {
        "simulated".to_owned()
    }

    fn look(&self) -> Result<ServicesSeen, ServiceError> {
        Ok(ServicesSeen {
            machine: Some(self.machine.clone()),
            services: self.services(self.clock.now()),
            booted: Some(self.booted),
            site_servers: Some(Vec::new()),
            paused: None,
        })
    }

    fn state(&self, service: SiteService) -> Result<ServiceState, ServiceError> {
        let services = self.services(self.clock.now());
        Ok(services.get(service.label()).map_or(ServiceState::Missing, |service| service.state))
    }

    fn start(&self, service: SiteService) -> Result<Start, ServiceError> {
        if service != SiteService::Backup {
            return Err(refused("start", service));
        }
        Ok(if self.live.start(self.clock.now()) { Start::Accepted } else { Start::AlreadyRunning })
    }

    fn stop(&self, service: SiteService) -> Result<(), ServiceError> {
        match self.state(service)? {
            ServiceState::Stopped => Ok(()),
            _ => Err(refused("stop", service)),
        }
    }
}

fn refused(operation: &str, service: SiteService) -> ServiceError {
    let message = format!(
        "cannot {operation} {service}: of the simulated services only SMS_SITE_BACKUP can be started"
    );
    ServiceError { kind: ServiceErrorKind::Refused, message }
}

impl ServiceControllers for SimulatedServices {
    fn of(&self, _: &ServicesConfig) -> Arc<dyn ServiceController> {
        Arc::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::writer::BackupTask;
    use crate::site::Node;

    /// The services with a clock that a test moves; the first scheduled run begins after 5 s.
    fn simulated() -> SimulatedServices {
        let now = "2026-11-21T08:00:00Z".parse().unwrap();
        let live = LiveRuns::new(BackupTask::new("P01".parse().unwrap()), now + TimeDelta::seconds(5));
        SimulatedServices::new(Clock::anchored(now), "CM01.corp.example", now - TimeDelta::days(2), live)
    }

    async fn pass(milliseconds: u64) {
        tokio::time::advance(Duration::from_millis(milliseconds)).await;
    }

    fn running(services: &SimulatedServices) -> Vec<String> {
        let seen = services.look().unwrap();
        let running = seen.services.iter().filter(|(_, service)| service.state == ServiceState::Running);
        running.map(|(name, _)| name.to_string()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_backup_service_runs_during_a_backup_and_the_site_stops_for_its_snapshot() {
        const IDLE: [&str; 5] = [
            "SMS_EXECUTIVE",
            "SMS_SITE_COMPONENT_MANAGER",
            "SMS_SITE_SQL_BACKUP",
            "SMS_SITE_VSS_WRITER",
            "SQLWriter",
        ];
        let services = simulated();
        assert_eq!(running(&services), IDLE);
        // The second scheduled run, which succeeds, writes 6829 after 40 and 6833 after 910 thousandths of 20 s.
        pass(65_100).await;
        let mut all: Vec<_> = IDLE.into_iter().chain(["SMS_SITE_BACKUP", "VSS"]).collect();
        all.sort_unstable();
        assert_eq!(running(&services), all);
        pass(2_000).await;
        assert_eq!(
            running(&services),
            ["SMS_SITE_BACKUP", "SMS_SITE_SQL_BACKUP", "SMS_SITE_VSS_WRITER", "SQLWriter", "VSS"]
        );
        pass(17_000).await;
        assert_eq!(running(&services), all);
        pass(3_000).await;
        assert_eq!(running(&services), IDLE);
        let seen = services.look().unwrap();
        assert_eq!((seen.machine.as_deref(), seen.node()), (Some("CM01"), Some(Node::Active)));
        let executive = seen.of(SiteService::Executive).unwrap().started.unwrap();
        let now = services.clock.now();
        assert!(executive < now && executive > now - TimeDelta::seconds(10), "{executive}");
        assert!(seen.of(SiteService::VssWriter).unwrap().started.unwrap() < now - TimeDelta::days(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_begins_a_run_and_a_second_one_finds_it() {
        let services = simulated();
        let backup = SiteService::Backup;
        assert_eq!(services.state(backup), Ok(ServiceState::Stopped));
        assert_eq!(services.stop(backup), Ok(()));
        assert_eq!(services.start(backup), Ok(Start::Accepted));
        assert_eq!(services.state(backup), Ok(ServiceState::Running));
        assert_eq!(services.start(backup), Ok(Start::AlreadyRunning));
        assert!(services.stop(backup).is_err() && services.start(SiteService::Executive).is_err());
        let started = services.clock.now();
        pass(30_000).await;
        assert_eq!(services.state(backup), Ok(ServiceState::Stopped));
        let runs: Vec<_> = services.live.newest_first(services.clock.now()).map(|run| run.start).collect();
        assert_eq!(runs, [started], "the scheduled run fell into it");
    }
}
