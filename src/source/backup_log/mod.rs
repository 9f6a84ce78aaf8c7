//! The backup log as a source: follows `smsbkup.log` and hands on what its lines say.
//!
//! [`super::follow`] owns which bytes are new, [`crate::trace`] what they say; here both meet, and what a poll read becomes
//! facts together with the cursor from which the next one goes on.

mod reading;
mod wake;
mod witness_log;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use wake::wake_on_change;
pub(super) use witness_log::{News, WitnessLog};

use super::follow::{FollowError, LogCursor, LogFiles, POLL_BUDGET};
use super::{BlockingSource, Fact, FailureKind, Guidance, Poll, PollFailure, SourceId, SourceKind};
use crate::platform::IoFailure;
use crate::site::{ClosedSet, FailureCause, Hint, HintStrength, SiteCode, Witness};
use crate::trace::{Phrases, ReaderState};

/// Where the next poll goes on, in the files and in what was read from them; part of the checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cursor {
    files: LogCursor,
    /// The position of the next record among all records of this witness.
    next: u64,
    /// A message over several lines whose end has not been read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    open: Vec<u8>,
    offset: Option<i16>,
    correction: i16,
    /// The site that the last status message named.
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<SiteCode>,
    /// The reasons given since then: their cause, and whether it was a code.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    given: Vec<(String, bool)>,
}

impl Cursor {
    /// Whether anything was read of any file.
    pub fn has_read(&self) -> bool {
        !self.files.is_empty()
    }

    /// The same place in the files, with the next record at `position` or behind it.
    pub fn not_before(self, position: u64) -> Self {
        Self { next: self.next.max(position), ..self }
    }

    fn given(&self) -> Vec<Hint> {
        let hint = |(cause, code): &(String, bool)| {
            let strength = if *code { HintStrength::Code } else { HintStrength::Phrase };
            Some(Hint { cause: FailureCause::from_label(cause)?, strength })
        };
        self.given.iter().filter_map(hint).collect()
    }

    fn reader(&self) -> ReaderState {
        let Self { ref open, offset, correction, site, .. } = *self;
        ReaderState { open: open.clone(), offset, correction, site }
    }
}

/// `smsbkup.log` of the installation of one site.
#[derive(Debug)]
pub struct BackupLog {
    id: SourceId,
    interval: Duration,
    log: WitnessLog,
}

impl BackupLog {
    /// The log at `path`, with what it rolls into beside it.
    pub fn new(site: SiteCode, path: PathBuf, interval: Duration, phrases: Phrases) -> Self {
        let id = SourceId { kind: SourceKind::BackupLog, location: path.display().to_string() };
        Self { id, interval, log: WitnessLog::new(Witness::Log, site, path, phrases) }
    }

    /// Which source it is.
    pub fn source_id(&self) -> &SourceId {
        &self.id
    }

    /// The files it reads.
    pub fn files(&self) -> &LogFiles {
        self.log.files()
    }
}

impl BlockingSource for BackupLog {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn wakes_on(&self) -> Option<&Path> {
        Some(self.files().log())
    }

    fn poll(&self, cursor: Option<&super::Cursor>, _: &Guidance) -> Result<Poll<super::Cursor>, PollFailure> {
        let News { mut facts, lines, cursor, reach } =
            self.log.news(cursor, POLL_BUDGET).map_err(|error| failure(&error))?;
        facts.push(Fact::Lines(lines));
        Ok(Poll { facts, cursor, reach })
    }
}

/// What an operator needs to know of a log that cannot be read.
fn failure(error: &FollowError) -> PollFailure {
    let (kind, remedy) = match error.kind {
        IoFailure::NotFound => (FailureKind::NotFound, "watched for; check sites[].log.path"),
        IoFailure::AccessDenied => {
            (FailureKind::AccessDenied, "give the account of this exporter read access to the log's folder")
        }
        IoFailure::Locked => (FailureKind::Locked, "tried again; another process shuts readers out"),
        IoFailure::Timeout => (FailureKind::Timeout, "check the share and the network to it"),
        IoFailure::Unreachable => {
            (FailureKind::Unreachable, "check the disk, the share and the network to it")
        }
    };
    PollFailure { kind, message: format!("{}; {remedy}", crate::error_chain(error)) }
}
