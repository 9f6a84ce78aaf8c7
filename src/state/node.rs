//! What this machine is to a site with two site servers, and since when it has been the active one.
//!
//! Of what happened on the other machine only the site database tells: without it nothing from before the takeover is
//! known here, and nothing of that time can be asked for.

use std::net::IpAddr;

use super::change::Change;
use super::site::SiteState;
use crate::site::{Node, ServicesSeen, Timestamp, Witness, same_machine};
use crate::source::SourceKind;

impl SiteState {
    /// What this machine is to the site, as observed; as last known until its services are asked in this process.
    ///
    /// `None` where nothing tells it. A passive one stays so while its services cannot be asked: that it cannot see does not
    /// make the other one's site its own, and that it does not is told of its source.
    pub fn node(&self) -> Option<Node> {
        if let Some(seen) = self.observed(&self.services) {
            return seen.node();
        }
        let services = self.sources.iter().find(|(id, _)| id.kind == SourceKind::Services);
        let (_, services) = services?;
        self.known_node.filter(|node| *node == Node::Passive || services.last_poll.is_none())
    }

    /// Takes what this machine is to the site.
    pub(super) fn see_node(&mut self, seen: &ServicesSeen, polled: Timestamp) -> Change {
        // In the middle of a failover it may be unclear.
        let Some(node) = seen.node().filter(|node| *node != Node::Unclear) else { return Change::Volatile };
        let before = self.known_node.replace(node);
        if (before, node) == (Some(Node::Passive), Node::Active) {
            self.takeover = Some(polled);
        }
        if before == Some(node) { Change::Volatile } else { Change::Durable }
    }

    /// Whether the site database is on the machine whose services are watched; `None` where that is not known.
    pub fn database_is_here(&self) -> Option<bool> {
        let told = self.database.server.as_ref().map(|server| &*server.value.server.name);
        let configured = self.settings.database.as_ref().map(|database| &*database.server.host);
        // An address, or the name of whatever machine asks, tells nothing.
        let configured = configured
            .filter(|host| host.parse::<IpAddr>().is_err() && !host.eq_ignore_ascii_case("localhost"));
        let machine = self.observed(&self.services)?.machine.as_deref()?;
        let database = told.or(configured)?;
        Some(same_machine(database.split('\\').next().unwrap_or(database), machine))
    }

    /// When this machine took the site over, if nothing tells of the backups before: nothing from then is due.
    pub fn taken_over(&self) -> Option<Timestamp> {
        let hears_both = self.sources.values().any(|source| source.witness == Some(Witness::StatusMessages));
        self.takeover.filter(|_| !hears_both)
    }
}
