//! The services of a site server as they were last seen, as JSON.

use serde::Serialize;

use crate::site::{Node, ServiceState, StartMode, Timestamp};
use crate::state::SiteState;

/// What one look at a machine saw; `null` where it could not be told.
#[derive(Debug, Serialize)]
pub(super) struct ServicesJson<'a> {
    machine: Option<&'a str>,
    booted: Option<Timestamp>,
    node: Option<Node>,
    /// Empty where the site has one server only.
    site_servers: Option<Vec<SiteServerJson<'a>>>,
    services: Vec<ServiceJson<'a>>,
}

#[derive(Debug, Serialize)]
struct SiteServerJson<'a> {
    name: &'a str,
    active: bool,
}

#[derive(Debug, Serialize)]
struct ServiceJson<'a> {
    name: &'a str,
    state: ServiceState,
    start: Option<StartMode>,
    account: Option<&'a str>,
    started: Option<Timestamp>,
}

/// What was seen; `None` where nobody looks, or none of the last looks worked.
pub(super) fn services(state: &SiteState) -> Option<ServicesJson<'_>> {
    let seen = state.observed(&state.services)?;
    let services = seen.services.iter().map(|(name, service)| ServiceJson {
        name,
        state: service.state,
        start: service.start,
        account: service.account.as_deref(),
        started: service.started,
    });
    let servers = seen.site_servers.as_ref().map(|servers| {
        let server =
            servers.iter().map(|server| SiteServerJson { name: &server.name, active: server.active });
        server.collect()
    });
    Some(ServicesJson {
        machine: seen.machine.as_deref(),
        booted: seen.booted,
        node: seen.node(),
        site_servers: servers,
        services: services.collect(),
    })
}
