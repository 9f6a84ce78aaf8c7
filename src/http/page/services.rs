//! The services of the site server, and which of two site servers this is.
//!
//! SMS_SITE_BACKUP is stopped between backups; that is no fault.

use maud::{Markup, html};

use super::elements::{Tone, folded, moment, row};
use crate::assessment::{Assessment, amiss};
use crate::http::words::count;
use crate::site::{ClosedSet, Node, Service, ServiceState, ServicesSeen};
use crate::state::SiteState;

/// Nothing where nothing was seen; folded up unless something is wrong.
pub(super) fn section(state: &SiteState, assessment: &Assessment) -> Markup {
    let Some(seen) = state.observed(&state.services) else { return html! {} };
    let services = seen.services.iter();
    let wrong = services.filter(|(name, service)| amiss(name, service, state, assessment).is_some()).count();
    let summary = match wrong {
        0 => count(seen.services.len(), "as it should be", "as they should be"),
        wrong => count(wrong, "is not as it should be", "are not as they should be"),
    };
    let body = html! {
        dl.rows {
            (machine(seen))
            @for (name, found) in &seen.services { (service(name, found, amiss(name, found, state, assessment))) }
        }
    };
    folded("Services", &summary, wrong > 0, &body)
}

fn service(name: &str, service: &Service, wrong: Option<&str>) -> Markup {
    let tone = match (wrong, service.state) {
        (Some(_), _) => Tone::Bad,
        (None, ServiceState::Running) => Tone::Good,
        (None, _) => Tone::Plain,
    };
    let facts = [
        wrong.map(|wrong| html! { (name) " " (wrong) }),
        service.start.map(|start| html! { "start: " (start.label()) }),
        service.account.as_ref().map(|account| html! { "as " (account) }),
        service.started.map(|started| html! { "since " (moment(started)) }),
    ];
    let said = html! {
        @for (index, fact) in facts.iter().flatten().enumerate() { @if index > 0 { "; " } (fact) }
    };
    row(html! { bdi { (name) } }, tone, &service.state.label().replace('_', " "), said)
}

/// The machine, and the servers of a site that has several.
fn machine(seen: &ServicesSeen) -> Markup {
    let (tone, word) = match seen.node() {
        Some(Node::Active) => (Tone::Plain, "active"),
        Some(Node::Passive) => (Tone::Plain, "passive"),
        Some(Node::Unclear) => (Tone::Warn, "unclear"),
        None => (Tone::Plain, "seen"),
    };
    let said = html! {
        (seen.machine.as_deref().unwrap_or("The site server"))
        @if let Some(booted) = seen.booted { ", up since " (moment(booted)) }
        "."
        @if seen.paused == Some(true) { " The pause file exists." }
    };
    html! {
        (row("Machine", tone, word, said))
        @for server in seen.site_servers.iter().flatten() {
            (row("Site server", Tone::Plain, if server.active { "active" } else { "passive" }, &*server.name))
        }
    }
}

#[cfg(test)]
mod tests;
