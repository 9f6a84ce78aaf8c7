//! What the user wrote, what this machine tells of its site, and what the program makes of both.
//!
//! The file is read into a tree of raw texts with where they stand, completed by the tree that the registry of a site server
//! gives (`discovery`), then resolved into typed, cross-checked settings. Every problem is collected and reported in one go,
//! each with its key, its line, its value and a remedy; only a file that is no YAML at all stops at the first. Resolving
//! reads nothing but the text: no path in it is looked at.

mod database;
mod default_file;
pub mod discovery;
mod duration;
mod fields;
mod load;
mod origin;
mod paths;
mod problem;
mod raw;
mod report;
mod resolve;
mod section;
mod services;
mod settings;
mod size;
mod snapshot;
mod suggest;
mod web;

use std::path::PathBuf;
use std::time::Duration;

use crate::trace::UserPatterns;

pub use database::{
    AlertMatch, Authentication, DEFAULT_DATABASE_INTERVAL, DEFAULT_QUERY_TIMEOUT, DatabaseConfig, Encryption,
    PasswordSource, ServerAddress, Trust,
};
pub use default_file::write_default_file;
pub use discovery::{Discovered, NotDiscovered};
pub use duration::{InvalidDuration, format_duration, parse_duration};
pub(crate) use load::{SIZE_LIMIT, read_limited};
pub use origin::{Origin, Origins};
pub(crate) use paths::{is_within, same_path};
pub use problem::{ConfigError, Problem};
pub use report::describe;
pub use services::{
    CommandAnswer, CommandConfig, DEFAULT_COMMAND_TIMEOUT, DEFAULT_SERVICES_INTERVAL, DayWindow,
    RemediationConfig, ServiceControl, ServicesConfig,
};
pub use settings::{DEFAULT_RETENTION, SiteSettings};
pub use size::{InvalidSize, format_size, parse_size};
pub use snapshot::{
    ArchiveConfig, DEFAULT_DRILL_MAX_AGE, DEFAULT_SNAPSHOT_INTERVAL, Freshness, RecoveryDrill,
    SnapshotConfig, SnapshotOfTask, SnapshotRoot, SupplementalConfig, VerifyConfig,
};
pub use web::{
    CipherSuite, ClientAuth, Curve, PasswordHash, Pem, RateLimit, SecurityHeader, TlsConfig, TlsVersion,
    WebConfig, describe_web,
};

/// How often an event log is read unless the configuration says otherwise.
pub const DEFAULT_EVENT_LOG_INTERVAL: Duration = Duration::from_secs(30);

/// How often a backup log is read unless the configuration says otherwise.
pub const DEFAULT_LOG_INTERVAL: Duration = Duration::from_secs(5);

/// The resolved configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The sites to watch, in the order of the file, each code once.
    pub sites: Vec<SiteConfig>,
    /// What an operator should know of what was found on this machine, in whole sentences.
    pub notices: Vec<String>,
    /// Of the content of the file; `None` where no file was read.
    pub digest: Option<blake3::Hash>,
}

/// What is configured for one site.
#[derive(Debug, Clone)]
pub struct SiteConfig {
    /// By what its backups are judged.
    pub settings: SiteSettings,
    /// Its backup log; `None` where none is configured.
    pub log: Option<LogConfig>,
    /// The event log of its site server; `None` where none is configured.
    pub event_log: Option<EventLogConfig>,
    /// The phrases that it adds to the built-in ones.
    pub patterns: UserPatterns,
    /// Where each of these values came from.
    pub origins: Origins,
}

impl SiteConfig {
    /// A site of which nothing is watched but what its settings name.
    pub fn of(settings: SiteSettings) -> Self {
        let (patterns, origins) = (UserPatterns::default(), Origins::default());
        Self { settings, log: None, event_log: None, patterns, origins }
    }

    /// The same site under other settings, as its state has them by now.
    pub fn under(&self, settings: &SiteSettings) -> Self {
        Self { settings: settings.clone(), ..self.clone() }
    }

    /// Whether a site that is configured so is watched and judged the same; where the values came from does not matter.
    pub fn is_same(&self, other: &Self) -> bool {
        let Self { settings, log, event_log, patterns, origins: _ } = self;
        (settings, log, event_log, patterns)
            == (&other.settings, &other.log, &other.event_log, &other.patterns)
    }
}

/// Where a site's backup log is, and how often it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// `Smsbkup.log`; what it rolled into is found beside it.
    pub path: PathBuf,
    /// From one read to the next.
    pub interval: Duration,
}

/// Where the event log of a site server is, and how often it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLogConfig {
    /// `Application.evtx`, the live one or a copy that is made again and again.
    pub path: PathBuf,
    /// From one read to the next.
    pub interval: Duration,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Config;

    #[test]
    fn a_site_is_the_same_wherever_it_stands_and_another_one_with_any_other_value() {
        let site = |text: &str| {
            let config = Config::parse(text, "x.yml", Path::new("/")).unwrap();
            config.sites.into_iter().next().unwrap()
        };
        let yaml = "sites:\n  - code: P01\n    log: { path: smsbkup.log, interval: 5s }\n    patterns: { success: [done] }\n";
        let known = site(yaml);
        assert!(known.is_same(&site(&format!("# moved down\n\n{yaml}"))));
        assert!(
            known.is_same(&site(&yaml.replace(", interval: 5s", ""))),
            "a default that is written down is the same"
        );
        for (before, after) in [
            ("5s", "6s"),
            ("smsbkup.log", "other.log"),
            ("done", "Done"),
            ("success: [done]", "failure: [{ match: done, cause: copy_failed }]"),
            ("P01", "P02"),
            ("    log", "    retention: 9d\n    log"),
            ("    log", "    event_log: { path: Application.evtx }\n    log"),
        ] {
            assert!(!known.is_same(&site(&yaml.replacen(before, after, 1))), "{after}");
        }
    }
}
