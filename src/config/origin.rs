//! Where a value came from, so that `--config.check` and every problem can say so.

use std::collections::BTreeMap;
use std::fmt;

use crate::platform::registry::RegistryValue;

/// Where one value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The configuration file, on this line.
    File {
        /// Counted from 1.
        line: u64,
    },
    /// The registry of this machine.
    Registry(RegistryValue),
    /// This machine is the site's server: there are such files and services on it.
    SiteServer,
    /// The path of the log, which tells this one.
    LogPath,
    /// Nobody said anything.
    Default,
    /// A flag of the command line, which goes before the file.
    Flag,
}

impl Origin {
    /// The line of the configuration file, counted from 1.
    pub fn line(self) -> Option<u64> {
        match self {
            Self::File { line } => Some(line),
            _ => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { line } => write!(f, "line {line}"),
            Self::Registry(value) => write!(f, "registry: {value}"),
            Self::SiteServer => f.write_str("this site server"),
            Self::LogPath => f.write_str("derived from log.path"),
            Self::Default => f.write_str("default"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// The origins of one site's values, by key path within the site (`log.interval`, `patterns.success[0]`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// Where the value of a key came from; a key nobody recorded has its default.
    pub fn of(&self, key: &str) -> Origin {
        self.0.get(key).copied().unwrap_or(Origin::Default)
    }

    /// Takes over the origins of other keys, and of the same ones.
    pub(super) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Records where the value of a key came from, in place of what was recorded before.
    pub fn record(&mut self, key: impl Into<String>, origin: Origin) {
        self.0.insert(key.into(), origin);
    }
}
