//! The Application event log as a source: what "SMS Server" and SQL Server wrote into an `.evtx` file.

mod cursor;

use std::path::PathBuf;
use std::time::Duration;

pub use cursor::Cursor;

use super::{BlockingSource, Guidance, Poll, PollFailure, SourceId, SourceKind, Surroundings};
use crate::config::{EventLogConfig, SiteSettings};
use crate::site::SiteCode;
use crate::trace::Phrases;

/// The event log of the site server of one site.
#[derive(Debug)]
pub struct EventLog {
    id: SourceId,
    site: SiteCode,
    path: PathBuf,
    interval: Duration,
    phrases: Phrases,
    /// Of which SQL Server's events are facts.
    database: String,
    account: String,
}

impl EventLog {
    /// The log that `config` names.
    pub fn new(
        settings: &SiteSettings,
        config: &EventLogConfig,
        phrases: Phrases,
        surroundings: &Surroundings<'_>,
    ) -> Self {
        Self {
            id: SourceId { kind: SourceKind::EventLog, location: config.path.display().to_string() },
            site: settings.code,
            path: config.path.clone(),
            interval: config.interval,
            phrases,
            database: settings.site_database(),
            account: surroundings.account.to_owned(),
        }
    }
}

impl BlockingSource for EventLog {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn poll(&self, _: Option<&super::Cursor>, _: &Guidance) -> Result<Poll<super::Cursor>, PollFailure> {
        todo!(
            "spine: {} {} {:?} {} {}",
            self.site,
            self.path.display(),
            self.phrases,
            self.database,
            self.account
        )
    }
}
