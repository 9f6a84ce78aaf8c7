//! The services of a site server, and how it stands with restarts, as facts.

use configmgr_backup_exporter::site::{
    ClosedSet, Decision, RestartMode, RestartStanding, Service, ServiceState, ServicesSeen, SiteService,
};

/// These services, each running or stopped, and nothing else known.
pub(crate) fn seen(services: &[(SiteService, bool)]) -> ServicesSeen {
    let service = |(service, running): &(SiteService, bool)| {
        let state = if *running { ServiceState::Running } else { ServiceState::Stopped };
        (service.label().into(), Service::in_state(state))
    };
    ServicesSeen { services: services.iter().map(service).collect(), ..ServicesSeen::default() }
}

/// A site that restarts, without an attempt so far.
pub(crate) fn standing(decision: Decision) -> RestartStanding {
    RestartStanding {
        mode: RestartMode::Restart,
        decision,
        run: None,
        attempts: Vec::new(),
        attempts_total: 0,
        attempts_failed_total: 0,
        attempts_remaining: 2,
    }
}
