//! The site whose site server this machine is, as its registry tells it.
//!
//! What is found becomes a tree like that of a configuration file and goes through the same checks; what the file says
//! goes before it, key by key. Reading and interpreting stand apart: everything here but [`look`] is a function of what
//! was read.

mod merge;
mod registry;

use std::path::Path;

use super::SiteConfig;
use super::origin::Origin;
use super::raw::{Key, Node, Value};
use crate::environment::Environment;
use crate::platform::IS_WINDOWS;
use crate::platform::registry::{RegistrySnapshot, RegistryValue};
use crate::site::SiteCode;

pub(super) use merge::with_discovered;

/// The word for the destination that the site database tells, in the place of a path.
pub(super) const OF_TASK: &str = "task";

/// The site of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// Its code.
    pub code: SiteCode,
    /// What was found that an operator should know, in whole sentences.
    pub notices: Vec<String>,
    /// What a configuration file would say of it.
    pub(super) site: Node,
}

impl Discovered {
    /// What an operator should know, if these sites have this one.
    pub(super) fn notices_for(&self, sites: &[SiteConfig]) -> Vec<String> {
        let is_watched = sites.iter().any(|site| site.settings.code == self.code);
        if is_watched { self.notices.clone() } else { Vec::new() }
    }
}

/// Why there is no site to be found on this machine.
#[derive(Debug, thiserror::Error)]
pub enum NotDiscovered {
    /// This is not Windows.
    #[error(
        "no configuration is given: name one with --config.file (see docs/configuration.md), or try the command demo"
    )]
    NotWindows,
    /// There is no site server here.
    #[error(
        "this machine is no ConfigMgr site server (the registry has no {0}); run the exporter on the site server, or \
         write the site into a file and name it with --config.file"
    )]
    NoSiteServer(RegistryValue),
    /// The site is a secondary one.
    #[error(
        "site {0} is a secondary site, which has no backup task: its primary site replicates everything to it again; run \
         the exporter on the site server of the primary site"
    )]
    Secondary(SiteCode),
    /// A value holds what it should not.
    #[error(
        "{value} in the registry cannot be used: {found}; repair it, or write the site into a file and name it with --config.file"
    )]
    Strange {
        /// The value.
        value: RegistryValue,
        /// What it holds.
        found: String,
    },
    /// A value cannot be read.
    #[error("cannot read {value} in the registry; let the account that runs the exporter read the key")]
    Unreadable {
        /// The value.
        value: RegistryValue,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Looks for the site of this machine.
pub fn look(environment: &Environment) -> Result<Discovered, NotDiscovered> {
    if !IS_WINDOWS {
        return Err(NotDiscovered::NotWindows);
    }
    let system_root = environment.value("SystemRoot").map(Path::new);
    registry::interpret(&RegistrySnapshot::read(&registry::VALUES), system_root)
}

/// A text that was found.
fn text(origin: Origin, text: impl Into<String>) -> Node {
    Node { origin, value: Value::Text(text.into()) }
}

/// A mapping of what was found.
fn mapping(origin: Origin, entries: Vec<(&str, Node)>) -> Node {
    let entry = |(name, node): (&str, Node)| (Key { name: name.to_owned(), origin: node.origin }, node);
    Node { origin, value: Value::Mapping(entries.into_iter().map(entry).collect()) }
}
