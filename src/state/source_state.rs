//! How a source is doing: what the self-observation of the exporter shows, and when an observation is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::site::{Timestamp, Witness};
use crate::source::{FailureKind, PollFailure, PollReport, Reach, Unread};

/// An observation is dropped after this many failed polls in a row.
pub const FAILURES_THAT_DROP: u32 = 3;

/// One source of a site, since this process started.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceState {
    /// When watching began.
    pub watched_since: Timestamp,
    /// How often it is polled.
    pub interval: Duration,
    /// When its last poll began.
    pub last_poll: Option<Timestamp>,
    /// When its last successful poll began.
    pub last_success: Option<Timestamp>,
    /// How long its last poll took.
    pub duration: Duration,
    /// All polls.
    pub polls: u64,
    /// Failed polls by kind.
    pub failures: BTreeMap<FailureKind, u64>,
    /// Failed polls since the last successful one.
    pub failures_in_a_row: u32,
    /// Why the last poll failed.
    pub failure: Option<PollFailure>,
    /// Whether any poll has read all there was, so that history is known.
    pub caught_up: bool,
    /// Whether the last poll did.
    pub is_current: bool,
    /// Whether the last poll left something for the next one that may follow at once.
    pub reads_on: bool,
    /// Since when there has been something that was not read; `None` while the last poll read all there was.
    pub behind_since: Option<Timestamp>,
    /// Whether the last poll was kept from looking: it succeeded and brought nothing at all.
    pub kept_quiet: bool,
    /// The deciding witness that it reads, if it reads one.
    pub witness: Option<Witness>,
    /// Whether there is nothing now that the witness has written into.
    pub silent: bool,
}

impl SourceState {
    /// A source that has not been polled yet.
    pub fn new(now: Timestamp, interval: Duration) -> Self {
        Self {
            watched_since: now,
            interval,
            last_poll: None,
            last_success: None,
            duration: Duration::ZERO,
            polls: 0,
            failures: BTreeMap::new(),
            failures_in_a_row: 0,
            failure: None,
            caught_up: false,
            is_current: false,
            reads_on: false,
            behind_since: Some(now),
            kept_quiet: false,
            witness: None,
            silent: false,
        }
    }

    /// The deciding witness whose statements it reads now.
    pub fn speaks_for(&self) -> Option<Witness> {
        self.witness.filter(|_| !self.silent)
    }

    /// Takes note of a poll, which tells what happened until `until`.
    pub(super) fn record(&mut self, report: &PollReport, until: Timestamp) {
        self.last_poll = Some(report.started);
        self.duration = report.duration;
        self.polls += 1;
        match &report.result {
            Ok(poll) => {
                self.last_success = Some(report.started);
                self.failures_in_a_row = 0;
                self.failure = None;
                self.caught_up |= poll.reach == Reach::CaughtUp;
                self.is_current = poll.reach == Reach::CaughtUp && until >= report.started;
                self.reads_on = matches!(poll.reach, Reach::More | Reach::MoreAfter(_));
                self.kept_quiet = poll.reach == Reach::Unsettled && poll.facts.is_empty();
            }
            Err(failure) => {
                *self.failures.entry(failure.kind).or_default() += 1;
                self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
                self.failure = Some(failure.clone());
                self.is_current = false;
                self.reads_on = false;
                self.kept_quiet = false;
            }
        }
        if self.is_current {
            self.behind_since = None;
        } else {
            self.behind_since.get_or_insert(report.started);
        }
    }

    /// Takes note of what a poll that succeeded could not read, each kind of failure once.
    pub(super) fn lacks(&mut self, unread: &[Unread]) {
        let kinds: BTreeSet<_> = unread.iter().map(|unread| unread.failure.kind).collect();
        for kind in kinds {
            *self.failures.entry(kind).or_default() += 1;
        }
    }

    /// Whether the last poll succeeded.
    pub fn up(&self) -> bool {
        self.last_poll.is_some() && self.failure.is_none()
    }

    /// Whether what it last saw may still be taken for true.
    pub fn observes(&self) -> bool {
        self.last_success.is_some() && self.failures_in_a_row < FAILURES_THAT_DROP
    }
}
