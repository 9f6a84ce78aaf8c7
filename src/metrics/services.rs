//! How the metrics about services and site servers are read.
//!
//! A service that a site must have counts as not running where it is missing; of the others a missing one is absent,
//! because not every site has them on this machine.

use super::{Number, Samples, SiteView};
use crate::site::{ClosedSet, Node, ServiceState, ServicesSeen, SiteService};

fn seen<'a>(view: &SiteView<'a>) -> Option<&'a ServicesSeen> {
    view.state.observed(&view.state.services)
}

pub(super) fn service_running(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    for (name, service) in seen(view).into_iter().flat_map(|seen| &seen.services) {
        let must_exist = SiteService::from_label(name).is_some_and(SiteService::is_on_every_site_server);
        if must_exist || service.state != ServiceState::Missing {
            samples.push(&[name], (service.state == ServiceState::Running).number());
        }
    }
}

/// Whether this is the active site server; `None` where that is not clear.
pub(super) fn active_node(view: &SiteView<'_>) -> Option<bool> {
    match seen(view)?.node()? {
        Node::Active => Some(true),
        Node::Passive => Some(false),
        Node::Unclear => None,
    }
}

/// How many servers the site has; the list of a site with only one is empty.
pub(super) fn site_servers(view: &SiteView<'_>) -> Option<u64> {
    let servers = seen(view)?.site_servers.as_ref()?;
    u64::try_from(servers.len().max(1)).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::config::SiteSettings;
    use crate::metrics::{Format, encode};
    use crate::site::{Service, SiteServer, Timestamp};
    use crate::source::{
        Cursor, Fact, FailureKind, Poll, PollFailure, PollReport, Reach, SourceId, SourceKind,
    };
    use crate::state::{FAILURES_THAT_DROP, Published, SiteState};

    pub(in crate::metrics) fn now() -> Timestamp {
        "2026-11-21T08:00:00Z".parse().unwrap()
    }

    fn source() -> SourceId {
        SourceId { kind: SourceKind::Services, location: "cm01".to_owned() }
    }

    pub(in crate::metrics) fn state() -> SiteState {
        let mut state = SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), now());
        state.watch(source(), Duration::from_secs(30), None, now());
        state
    }

    pub(in crate::metrics) fn fold(state: &mut SiteState, result: Result<ServicesSeen, PollFailure>) {
        let poll =
            |seen| Poll { facts: vec![Fact::Services(seen)], cursor: Cursor::Anew, reach: Reach::CaughtUp };
        let (site, started) = (state.settings.code, now());
        let result = result.map(poll);
        let report = PollReport { site, source: source(), started, duration: Duration::ZERO, result };
        state.fold(&report, now());
    }

    /// The samples of metrics about services and restarts, without their prefix and the site.
    pub(in crate::metrics) fn exported(state: &SiteState) -> Vec<String> {
        let sites = [(state.settings.code, Arc::new(state.clone()))].into();
        let text = encode(&Published { sites, ..Published::default() }, None, now(), Format::Text);
        let names =
            ["service_running", "active_node", "site_servers", "restart", "last_restart", "remediation"];
        let samples = text.lines().filter_map(|line| line.strip_prefix("configmgr_backup_"));
        let own = samples.filter(|line| names.iter().any(|name| line.starts_with(name)));
        own.map(|line| {
            line.replace("{site_code=\"P01\"}", "").replace("site_code=\"P01\",", "").replace('"', "")
        })
        .collect()
    }

    #[test]
    fn a_missing_service_does_not_run_where_every_site_server_has_it() {
        let mut state = state();
        let services = [
            (SiteService::Backup.label(), ServiceState::Stopped),
            (SiteService::Executive.label(), ServiceState::Running),
            (SiteService::VssWriter.label(), ServiceState::Missing),
            (SiteService::ComponentManager.label(), ServiceState::StartPending),
            (SiteService::SqlWriter.label(), ServiceState::Missing),
            ("SMS_SITE_SQL_BACKUP_cm01", ServiceState::Running),
        ];
        let services = services.map(|(name, state)| (name.into(), Service::in_state(state))).into();
        fold(&mut state, Ok(ServicesSeen { services, ..ServicesSeen::default() }));
        let expected = [
            "service_running{name=SMS_EXECUTIVE} 1",
            "service_running{name=SMS_SITE_BACKUP} 0",
            "service_running{name=SMS_SITE_COMPONENT_MANAGER} 0",
            "service_running{name=SMS_SITE_SQL_BACKUP_cm01} 1",
            "service_running{name=SMS_SITE_VSS_WRITER} 0",
        ];
        assert_eq!(exported(&state), expected, "neither servers nor restarts are known");
        for _ in 0..FAILURES_THAT_DROP {
            fold(&mut state, Err(PollFailure { kind: FailureKind::Timeout, message: String::new() }));
        }
        assert_eq!(exported(&state), [""; 0]);
    }

    #[test]
    fn which_node_it_is_is_absent_while_it_is_not_clear() {
        let server = |(name, active): &(&str, bool)| SiteServer { name: (*name).into(), active: *active };
        for (servers, expected) in [
            (&[][..], &["active_node 1", "site_servers 1"][..]),
            (&[("cm01", true), ("cm02", false)], &["active_node 1", "site_servers 2"]),
            (&[("cm01", false), ("cm02", true)], &["active_node 0", "site_servers 2"]),
            (&[("cm01", true), ("cm02", true)], &["site_servers 2"]),
        ] {
            let mut state = state();
            let site_servers = Some(servers.iter().map(server).collect());
            fold(
                &mut state,
                Ok(ServicesSeen { machine: Some("CM01".into()), site_servers, ..ServicesSeen::default() }),
            );
            assert_eq!(exported(&state), expected);
        }
    }
}
