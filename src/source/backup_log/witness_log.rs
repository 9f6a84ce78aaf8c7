//! One of the backup task's logs, read for the witness that it is.
//!
//! The installation's log goes on for years, so what is missing between two polls is lost and leaves a gap. Each run
//! writes the destination's log anew: other content there is a beginning, and what was before it was read in its time.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::follow::{FollowError, LineSink, LogFiles, Part, PartCounts, PartStart, Role, poll};
use super::super::{Cursor as SourceCursor, Fact, LineTotals, Reach};
use super::Cursor;
use super::reading::Reading;
use crate::site::{HintStrength, SiteCode, Witness};
use crate::trace::{Phrases, ReaderState};

/// A log and whose words are in it.
#[derive(Debug)]
pub(in crate::source) struct WitnessLog {
    witness: Witness,
    site: SiteCode,
    files: LogFiles,
    phrases: Phrases,
    warned_of_other_site: AtomicBool,
}

/// What is new in a log.
#[derive(Debug)]
pub(in crate::source) struct News {
    pub(in crate::source) facts: Vec<Fact>,
    pub(in crate::source) lines: LineTotals,
    pub(in crate::source) cursor: SourceCursor,
    pub(in crate::source) reach: Reach,
}

impl WitnessLog {
    pub(in crate::source) fn new(witness: Witness, site: SiteCode, path: PathBuf, phrases: Phrases) -> Self {
        let warned_of_other_site = AtomicBool::new(false);
        Self { witness, site, files: LogFiles::new(path), phrases, warned_of_other_site }
    }

    pub(in crate::source) fn files(&self) -> &LogFiles {
        &self.files
    }

    /// Reads at most `budget` bytes from `cursor` on.
    pub(in crate::source) fn news(
        &self,
        cursor: Option<&SourceCursor>,
        budget: u64,
    ) -> Result<News, FollowError> {
        let cursor = match cursor {
            Some(SourceCursor::Log(cursor)) => cursor.clone(),
            _ => Cursor::default(),
        };
        let mut reading =
            Reading::new(self.site, &self.phrases, cursor.reader(), cursor.given(), cursor.next);
        let is_cumulative = self.witness == Witness::Log;
        let progress = if is_cumulative {
            poll(&self.files, &cursor.files, budget, &mut reading)?
        } else {
            // Below a snapshot nothing is held open while it is parsed.
            let mut later = Later::default();
            let progress = poll(&self.files, &cursor.files, budget, &mut later)?;
            later.hand_over(&mut reading);
            progress
        };
        for error in progress.log_error.iter().chain(&progress.older_errors) {
            tracing::debug!(site = %self.site, error = crate::error_chain(error), "log file not read");
        }
        let mut read = reading.finish();
        if progress.continuity_lost && is_cumulative {
            read.begin_with_gap();
        }
        self.warn_of(read.other_site);
        let mut facts = Vec::new();
        // A log that was away is heard again even if nothing is new in it; the installation's is never silent.
        if read.oldest.is_some() || progress.continuity_lost || cursor.files.is_empty() || !is_cumulative {
            let (witness, oldest, gap) = (self.witness, read.oldest, progress.continuity_lost);
            facts.push(Fact::Coverage { witness, oldest, newest: None, gap });
        }
        facts.push(Fact::Records(self.witness, read.records));
        let lines = LineTotals { bytes: progress.bytes, rotations: progress.rotations, ..read.lines };
        let ReaderState { open, offset, correction, site } = read.state;
        let given =
            read.given.iter().map(|hint| (hint.cause.to_string(), hint.strength == HintStrength::Code));
        let (files, next, given) = (progress.cursor, read.next, given.collect());
        let cursor = Cursor { files, next, open, offset, correction, site, given };
        Ok(News { facts, lines, cursor: SourceCursor::Log(cursor), reach: progress.reach })
    }

    fn warn_of(&self, other: Option<SiteCode>) {
        if let Some(other) = other
            && !self.warned_of_other_site.swap(true, Ordering::Relaxed)
        {
            let (site, path) = (self.site, self.files.log().display());
            tracing::warn!(%site, %other, %path, "log holds lines of another site, which are ignored");
        }
    }
}

/// What a poll gives, kept until its files are closed.
#[derive(Debug, Default)]
struct Later(Vec<Said>);

#[derive(Debug)]
enum Said {
    Begin(PathBuf, Role, PartStart),
    Lines(Vec<u8>),
    Commit(PartCounts),
    Discard,
}

impl Later {
    fn hand_over(self, sink: &mut dyn LineSink) {
        for said in self.0 {
            match said {
                Said::Begin(path, role, start) => sink.begin(&Part { path: &path, role, start }),
                Said::Lines(block) => sink.lines(&block),
                Said::Commit(counts) => sink.commit(counts),
                Said::Discard => sink.discard(),
            }
        }
    }
}

impl LineSink for Later {
    fn begin(&mut self, part: &Part<'_>) {
        self.0.push(Said::Begin(part.path.to_owned(), part.role, part.start));
    }

    fn lines(&mut self, block: &[u8]) {
        self.0.push(Said::Lines(block.to_owned()));
    }

    fn commit(&mut self, counts: PartCounts) {
        self.0.push(Said::Commit(counts));
    }

    fn discard(&mut self) {
        self.0.push(Said::Discard);
    }
}
