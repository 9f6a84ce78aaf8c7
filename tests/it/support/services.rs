//! The services of a site server, and how it stands with restarts, as facts.

use configmgr_backup_exporter::site::{
    Attempt, AttemptOutcome, ClosedSet, Decision, FailureCause, RestartMode, RestartPlan, RestartStanding,
    SQL_BACKUP_SERVICES, Service, ServiceState, ServicesSeen, SiteServer, SiteService, Timestamp,
};

/// These services, each running or stopped, and nothing else known.
pub(crate) fn seen(services: &[(SiteService, bool)]) -> ServicesSeen {
    let service = |(service, running): &(SiteService, bool)| {
        let state = if *running { ServiceState::Running } else { ServiceState::Stopped };
        (service.label().into(), Service::in_state(state))
    };
    ServicesSeen { services: services.iter().map(service).collect(), ..ServicesSeen::default() }
}

/// The same on the active one of two site servers, with the service that backs up the database.
pub(crate) fn pair(services: &[(SiteService, bool)]) -> ServicesSeen {
    let mut seen = seen(services);
    seen.services.insert(SQL_BACKUP_SERVICES.into(), Service::in_state(ServiceState::Running));
    seen.machine = Some("CM01".into());
    let servers = [("CM01", true), ("CM02", false)];
    let server = |(name, active): (&str, bool)| SiteServer { name: name.into(), active };
    seen.site_servers = Some(servers.map(server).into());
    seen
}

/// An attempt for this run, which began one.
pub(crate) fn attempt(run: Timestamp, decided: Timestamp) -> Attempt {
    Attempt {
        run,
        cause: FailureCause::SharingViolation,
        decided,
        seen_ahead: None,
        plan: RestartPlan::Start,
        outcome: Some((AttemptOutcome::Started, decided)),
        error: None,
        followed_by: None,
    }
}

/// A site that restarts, without an attempt so far.
pub(crate) fn standing(decision: Decision) -> RestartStanding {
    RestartStanding {
        mode: RestartMode::Restart,
        decision,
        run: None,
        attempts: Vec::new(),
        attempts_total: Some(0),
        attempts_failed_total: Some(0),
        pending: false,
        attempts_remaining: 2,
    }
}
