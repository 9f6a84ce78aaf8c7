//! The services of the simulated site, and which of its servers is the active one.

use chrono::TimeDelta;
use configmgr_backup_exporter::site::{
    MessageId, SQL_BACKUP_SERVICES, Service, ServiceState, ServicesSeen, SiteServer, SiteService, StartMode,
    Timestamp,
};

use super::simulated_site::{Run, Site};

/// How long after SMS Writer has thawed the site its services are back.
const RECOVERY: TimeDelta = TimeDelta::minutes(10);
/// While services flap, each is up and down for so long.
const FLAP: i64 = 120;

impl Site {
    /// Whether a backup runs on a server.
    fn runs_on(&self, server: &str, now: Timestamp) -> bool {
        let goes_on = |run: &&Run| run.start <= now && (run.hangs || now < run.start + run.script.duration());
        self.runs.iter().filter(|run| run.server == server).any(|run| goes_on(&run))
    }

    /// Whether the site's own services run on a server.
    fn works_on(&self, server: &str, now: Timestamp) -> bool {
        let frozen = |run: &Run| {
            let (Some(from), Some(until)) =
                (run.at(MessageId::WRITER_FREEZES), run.at(MessageId::WRITER_THAWED))
            else {
                return false;
            };
            (from..until + RECOVERY).contains(&now)
        };
        !self.runs.iter().filter(|run| run.server == server).any(frozen)
            || (self.flaps && now.timestamp() / FLAP % 2 == 0)
    }

    /// What a look at the services of a server tells.
    pub(super) fn services(&self, server: &str, now: Timestamp) -> ServicesSeen {
        let (runs, works) = (self.runs_on(server, now), self.works_on(server, now));
        let is_stopped = |name| self.active == server && self.stopped.contains(&name);
        let service = |running: bool, start| Service {
            start: Some(start),
            ..Service::in_state(if running { ServiceState::Running } else { ServiceState::Stopped })
        };
        let automatic = |running| service(running, StartMode::Automatic);
        let services = [
            (SiteService::Backup, service(runs, StartMode::Manual)),
            // It is only seen to flap with the others.
            (SiteService::VssWriter, automatic(works || !self.flaps)),
            (SiteService::SqlWriter, automatic(true)),
            (SiteService::Vss, service(runs, StartMode::Manual)),
            (SiteService::Executive, automatic(works)),
            (SiteService::ComponentManager, automatic(works)),
        ];
        let services = services.map(|(name, service)| {
            let state = if is_stopped(name) { ServiceState::Stopped } else { service.state };
            let start = if self.disabled.contains(&name) { Some(StartMode::Disabled) } else { service.start };
            (name.to_string(), Service { state, start, ..service })
        });
        let sql_backup = (SQL_BACKUP_SERVICES.to_owned(), automatic(true));
        let server_of_pair =
            |name: &&'static str| SiteServer { name: (*name).into(), active: *name == self.active };
        ServicesSeen {
            machine: Some(server.into()),
            services: services
                .into_iter()
                .chain([sql_backup])
                .map(|(name, service)| (name.into(), service))
                .collect(),
            booted: self.booted.filter(|_| self.active == server),
            site_servers: Some(self.pair.iter().map(server_of_pair).collect()),
            paused: Some(self.is_paused),
        }
    }
}
