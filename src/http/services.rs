//! The services of a site server as they were last seen: for the JSON and for the status page.
//!
//! SMS_SITE_BACKUP is stopped between backups; that is no fault.

use serde::Serialize;

use super::html::{row, time};
use crate::assessment::{Assessment, amiss};
use crate::site::{ClosedSet, Node, ServiceState, ServicesSeen, StartMode, Timestamp};
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

/// Nothing where nothing was seen.
pub(super) fn section(html: &mut String, state: &SiteState, assessment: &Assessment) {
    let Some(seen) = state.observed(&state.services) else { return };
    html.push_str("<h3>Services</h3><table>");
    machine(html, seen);
    for (name, service) in &seen.services {
        let wrong = amiss(name, service, state, assessment);
        let class = match (wrong, service.state) {
            (Some(_), _) => "bad",
            (None, ServiceState::Running) => "good",
            (None, _) => "none",
        };
        let facts = [
            wrong.map(|wrong| format!("{name} {wrong}")),
            service.start.map(|start| format!("start: {start}")),
            service.account.as_ref().map(|account| format!("as {account}")),
            service.started.map(|started| format!("since {}", time(started))),
        ];
        let facts: Vec<_> = facts.into_iter().flatten().collect();
        row(html, name, class, &service.state.label().replace('_', " "), &facts.join("; "));
    }
    html.push_str("</table>");
}

/// The machine, and the servers of a site that has several.
fn machine(html: &mut String, seen: &ServicesSeen) {
    let name = seen.machine.as_deref().unwrap_or("The site server");
    let booted = seen.booted.map_or_else(String::new, |booted| format!(", up since {}", time(booted)));
    let paused = if seen.paused == Some(true) { " The pause file exists." } else { "" };
    let (class, word) = match seen.node() {
        Some(Node::Active) => ("none", "active"),
        Some(Node::Passive) => ("none", "passive"),
        Some(Node::Unclear) => ("warn", "unclear"),
        None => ("none", "seen"),
    };
    row(html, "machine", class, word, &format!("{name}{booted}.{paused}"));
    for server in seen.site_servers.iter().flatten() {
        let word = if server.active { "active" } else { "passive" };
        row(html, "site server", "none", word, &server.name);
    }
}

#[cfg(test)]
mod tests;
