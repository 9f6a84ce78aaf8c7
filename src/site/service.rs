//! The Windows services of a site server, and which of two site servers is the active one.
//!
//! SMS_SITE_BACKUP runs a backup when it starts and stops by itself: "stopped" is its normal state.

use std::collections::BTreeMap;

use super::{Timestamp, closed_set};

closed_set! {
    /// The services that a backup of a site depends on, by their names in Windows.
    pub enum SiteService {
        /// Runs the backup: starting it starts one.
        Backup => "SMS_SITE_BACKUP",
        /// SMS Writer, which stops the site's services around the snapshot.
        VssWriter => "SMS_SITE_VSS_WRITER",
        /// SQL Writer, on the machine of the site database.
        SqlWriter => "SQLWriter",
        /// Volume Shadow Copy, which is started when it is needed.
        Vss => "VSS",
        /// The site's worker.
        Executive => "SMS_EXECUTIVE",
        /// Keeps the site's components installed and running.
        ComponentManager => "SMS_SITE_COMPONENT_MANAGER",
    }
}

impl SiteService {
    /// What SMS Writer stops for the snapshot and starts again, and what runs at any other time.
    pub const STOPPED_FOR_SNAPSHOT: [Self; 2] = [Self::Executive, Self::ComponentManager];

    /// Whether every site server has it; SQL Writer is where the site database is, and VSS belongs to Windows.
    pub fn is_on_every_site_server(self) -> bool {
        !matches!(self, Self::SqlWriter | Self::Vss)
    }

    /// Whether it runs all the time, and not only while it is needed.
    pub fn always_runs(self) -> bool {
        !matches!(self, Self::Backup | Self::Vss)
    }
}

/// What the names of the services begin with that write the database's part; one of a remote SQL Server has the site
/// server's name behind it.
pub const SQL_BACKUP_SERVICES: &str = "SMS_SITE_SQL_BACKUP";

closed_set! {
    /// The state of a service, as the service control manager has it.
    pub enum ServiceState {
        /// It does not run.
        Stopped => "stopped",
        /// It is being started.
        StartPending => "start_pending",
        /// It is being stopped.
        StopPending => "stop_pending",
        /// It runs.
        Running => "running",
        /// It is about to go on after a pause.
        ContinuePending => "continue_pending",
        /// It is about to pause.
        PausePending => "pause_pending",
        /// It pauses.
        Paused => "paused",
        /// There is no such service.
        Missing => "missing",
    }
}

closed_set! {
    /// When Windows starts a service.
    pub enum StartMode {
        /// With the machine.
        Automatic => "automatic",
        /// When somebody asks for it.
        Manual => "manual",
        /// Never.
        Disabled => "disabled",
    }
}

/// One service as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its state.
    pub state: ServiceState,
    /// When it is started; `None` where that cannot be told.
    pub start: Option<StartMode>,
    /// The account that it runs as, as `LocalSystem`; `None` where that cannot be told.
    pub account: Option<Box<str>>,
    /// Since when its process runs; `None` if it does not, or where that cannot be told.
    pub started: Option<Timestamp>,
}

impl Service {
    /// A service of which only its state is known.
    pub fn in_state(state: ServiceState) -> Self {
        Self { state, start: None, account: None, started: None }
    }
}

/// One of the site servers of a site with high availability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteServer {
    /// Its name, as a rule with its domain.
    pub name: Box<str>,
    /// Whether the site runs on it now.
    pub active: bool,
}

closed_set! {
    /// What a machine is to a site that may have two site servers.
    pub enum Node {
        /// The site runs on it.
        Active => "active",
        /// It waits to take the site over.
        Passive => "passive",
        /// The site has several servers, and which one this is, or which one is active, cannot be told.
        Unclear => "unclear",
    }
}

/// What one poll of a site server's services saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServicesSeen {
    /// The machine; `None` where it has no known name.
    pub machine: Option<Box<str>>,
    /// The services by name. One that is asked for and does not exist is there as [`ServiceState::Missing`]; one that
    /// cannot be asked for is not there.
    pub services: BTreeMap<Box<str>, Service>,
    /// When the machine started; `None` where that cannot be told.
    pub booted: Option<Timestamp>,
    /// The site's servers (registry, `SMS\Identification`, `Site Servers`); `None` where that cannot be told, empty
    /// where there is only one.
    pub site_servers: Option<Vec<SiteServer>>,
    /// Whether the configured pause file exists; `None` where none is configured.
    pub paused: Option<bool>,
}

impl ServicesSeen {
    /// One of the site's services, if it was asked for.
    pub fn of(&self, service: SiteService) -> Option<&Service> {
        self.services.get(super::ClosedSet::label(service))
    }

    /// The name of the site server on which the site runs; `None` where not exactly one is known to be it.
    pub fn active_server(&self) -> Option<&str> {
        let mut active = self.site_servers.iter().flatten().filter(|server| server.active);
        active.next().filter(|_| active.next().is_none()).map(|server| &*server.name)
    }

    /// What this machine is to the site; `None` where that cannot be told at all.
    pub fn node(&self) -> Option<Node> {
        let servers = self.site_servers.as_ref()?;
        // An only server that is not the active one is not the only one.
        if servers.len() < 2 && servers.iter().all(|server| server.active) {
            return Some(Node::Active);
        }
        let machine = self.machine.as_deref();
        let own = machine.and_then(|own| servers.iter().find(|server| same_machine(&server.name, own)));
        let active = servers.iter().filter(|server| server.active).count();
        Some(match own {
            Some(own) if active == 1 && own.active => Node::Active,
            Some(_) if active == 1 => Node::Passive,
            _ => Node::Unclear,
        })
    }
}

/// Whether two names are those of one machine: they may differ in case, and one may lack the domain.
pub fn same_machine(one: &str, other: &str) -> bool {
    let label = |name: &'_ str| name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    !label(one).is_empty() && label(one) == label(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(machine: Option<&str>, servers: Option<&[(&str, bool)]>) -> ServicesSeen {
        let server = |(name, active): &(&str, bool)| SiteServer { name: (*name).into(), active: *active };
        ServicesSeen {
            machine: machine.map(Into::into),
            site_servers: servers.map(|servers| servers.iter().map(server).collect()),
            ..ServicesSeen::default()
        }
    }

    #[test]
    fn a_machine_knows_what_it_is_to_the_site() {
        let pair = [("CM01.corp.example", true), ("cm02.corp.example", false)];
        for (machine, servers, node) in [
            (Some("CM01"), None, None),
            (Some("CM01"), Some(&[][..]), Some(Node::Active)),
            (None, Some(&pair[..1]), Some(Node::Active)),
            (Some("CM02"), Some(&pair[1..]), Some(Node::Unclear)),
            (Some("cm01"), Some(&pair), Some(Node::Active)),
            (Some("CM02.other.example"), Some(&pair), Some(Node::Passive)),
            (Some("CM03"), Some(&pair), Some(Node::Unclear)),
            (Some(""), Some(&pair), Some(Node::Unclear)),
            (None, Some(&pair), Some(Node::Unclear)),
            (Some("CM01"), Some(&[("CM01", true), ("CM02", true)]), Some(Node::Unclear)),
            (Some("CM01"), Some(&[("CM01", false), ("CM02", false)]), Some(Node::Unclear)),
        ] {
            assert_eq!(seen(machine, servers).node(), node, "{machine:?} {servers:?}");
        }
    }
}
