//! The backup log as a source: follows `smsbkup.log` and hands on what its lines say.
//!
//! [`super::follow`] owns which bytes are new, [`crate::trace`] what they say; here both meet, and what a poll read becomes
//! facts together with the cursor from which the next one goes on.

mod reading;
mod wake;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use wake::wake_on_change;

use super::follow::{FollowError, LogCursor, LogFiles, POLL_BUDGET, poll};
use super::{
    BlockingSource, Fact, FailureKind, Guidance, LineTotals, Poll, PollFailure, SourceId, SourceKind,
};
use crate::platform::IoFailure;
use crate::site::{ClosedSet, FailureCause, Hint, HintStrength, SiteCode, Witness};
use crate::trace::{Phrases, ReaderState};
use reading::Reading;

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

/// `smsbkup.log` of one site.
#[derive(Debug)]
pub struct BackupLog {
    id: SourceId,
    site: SiteCode,
    files: LogFiles,
    interval: Duration,
    phrases: Phrases,
    warned_of_other_site: AtomicBool,
}

impl BackupLog {
    /// The log at `path`, with what it rolls into beside it.
    pub fn new(site: SiteCode, path: PathBuf, interval: Duration, phrases: Phrases) -> Self {
        let id = SourceId { kind: SourceKind::BackupLog, location: path.display().to_string() };
        Self {
            id,
            site,
            files: LogFiles::new(path),
            interval,
            phrases,
            warned_of_other_site: AtomicBool::new(false),
        }
    }

    /// Which source it is.
    pub fn source_id(&self) -> &SourceId {
        &self.id
    }

    /// The files it reads.
    pub fn files(&self) -> &LogFiles {
        &self.files
    }

    fn warn_of(&self, other: Option<SiteCode>) {
        if let Some(other) = other
            && !self.warned_of_other_site.swap(true, Ordering::Relaxed)
        {
            let (site, path) = (self.site, &self.id.location);
            tracing::warn!(%site, %other, path, "log holds lines of another site, which are ignored");
        }
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
        Some(self.files.log())
    }

    fn poll(&self, cursor: Option<&super::Cursor>, _: &Guidance) -> Result<Poll<super::Cursor>, PollFailure> {
        let cursor = match cursor {
            Some(super::Cursor::Log(cursor)) => cursor.clone(),
            _ => Cursor::default(),
        };
        let mut reading =
            Reading::new(self.site, &self.phrases, cursor.reader(), cursor.given(), cursor.next);
        let progress =
            poll(&self.files, &cursor.files, POLL_BUDGET, &mut reading).map_err(|e| failure(&e))?;
        for error in progress.log_error.iter().chain(&progress.older_errors) {
            tracing::debug!(site = %self.site, error = crate::error_chain(error), "log file not read");
        }
        let mut read = reading.finish();
        if progress.continuity_lost {
            read.begin_with_gap();
        }
        self.warn_of(read.other_site);
        let mut facts = Vec::new();
        if read.oldest.is_some() || progress.continuity_lost || cursor.files.is_empty() {
            let (oldest, gap) = (read.oldest, progress.continuity_lost);
            facts.push(Fact::Coverage { witness: Witness::Log, oldest, gap });
        }
        let lines = LineTotals { bytes: progress.bytes, rotations: progress.rotations, ..read.lines };
        facts.push(Fact::Lines(lines));
        facts.push(Fact::Records(Witness::Log, read.records));
        let ReaderState { open, offset, correction, site } = read.state;
        let reach = progress.reach;
        let given =
            read.given.iter().map(|hint| (hint.cause.to_string(), hint.strength == HintStrength::Code));
        let (files, next, given) = (progress.cursor, read.next, given.collect());
        let cursor = Cursor { files, next, open, offset, correction, site, given };
        Ok(Poll { facts, cursor: super::Cursor::Log(cursor), reach })
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
