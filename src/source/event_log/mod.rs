//! The Application event log as a source: what "SMS Server" and SQL Server wrote into an `.evtx` file.
//!
//! Owns which records are new ([`walk`]) and what they say of the backup ([`meaning`]); binary XML is left to the
//! `evtx` crate, and only for the few records that [`selection`] finds. The file is opened, read and closed within a
//! poll, whose cost follows what is new. No copy and no service is needed: the live log can be read like any other.

mod chunk;
mod cursor;
mod event;
mod file;
mod meaning;
mod reading;
mod selection;
mod walk;
mod whole;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

pub use cursor::Cursor;
pub use file::{ReadError, is_event_log};
pub use whole::{EventRecord, Stretch, read};

use super::{
    BlockingSource, FailureKind, Guidance, Poll, PollFailure, Reach, SourceId, SourceKind, Surroundings,
};
use crate::config::{EventLogConfig, SiteSettings};
use crate::platform::IoFailure;
use crate::trace::Phrases;
use file::LogFile;
use reading::Reading;

/// After so many bytes a poll leaves the rest to the next: all of most logs, and half a minute of a slow share.
///
/// Only the heads of chunks go beyond it, where the beginning of a log has to be looked for.
const BUDGET: u64 = 64 << 20;

/// The event log of the site server of one site.
#[derive(Debug)]
pub struct EventLog {
    id: SourceId,
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
            path: config.path.clone(),
            interval: config.interval,
            phrases,
            database: settings.site_database(),
            account: surroundings.account.to_owned(),
        }
    }

    /// What is new behind `cursor`, and how many bytes were read to find it.
    fn news(&self, cursor: Cursor, budget: u64) -> Result<(Poll<super::Cursor>, u64), ReadError> {
        let mut file = LogFile::open(&self.path)?;
        let (last, damage) = (cursor.last, cursor.damage);
        let mut reading = Reading::new(cursor, &self.database, &self.phrases);
        let progress = walk::advance(&mut file, last, damage, budget, &mut |passage| reading.take(passage))?;
        let (facts, cursor) = reading.finish(&progress);
        // A copy may be empty while it is being made.
        let reach = if progress.is_empty && cursor.heard { Reach::Unsettled } else { progress.reach };
        let cursor = super::Cursor::EventLog(cursor);
        Ok((Poll { facts, cursor, reach }, file.bytes))
    }

    fn failure(&self, error: &ReadError) -> PollFailure {
        let account = &self.account;
        let (kind, remedy) = match error {
            ReadError::NoEventLog { .. } => {
                (FailureKind::Malformed, "check sites[].event_log.path".to_owned())
            }
            ReadError::Io { kind, .. } => match kind {
                IoFailure::NotFound => {
                    (FailureKind::NotFound, "watched for; check sites[].event_log.path".to_owned())
                }
                // The group opens the log through the event log service only.
                IoFailure::AccessDenied => (
                    FailureKind::AccessDenied,
                    format!("give {account} read access to the file; Event Log Readers do not have it"),
                ),
                IoFailure::Locked => {
                    (FailureKind::Locked, "tried again; another process shuts readers out".to_owned())
                }
                IoFailure::Timeout => {
                    (FailureKind::Timeout, "check the share and the network to it".to_owned())
                }
                IoFailure::Unreachable => {
                    (FailureKind::Unreachable, "check the disk, the share and the network to it".to_owned())
                }
            },
        };
        PollFailure { kind, message: format!("{}; {remedy}", crate::error_chain(error)) }
    }
}

impl BlockingSource for EventLog {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn poll(&self, cursor: Option<&super::Cursor>, _: &Guidance) -> Result<Poll<super::Cursor>, PollFailure> {
        let cursor = match cursor {
            Some(super::Cursor::EventLog(cursor)) => cursor.clone(),
            _ => Cursor::default(),
        };
        let (poll, _) = self.news(cursor, BUDGET).map_err(|error| self.failure(&error))?;
        Ok(poll)
    }
}
