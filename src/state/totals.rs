//! Totals that outlive the process: what the counters of the durable metrics show.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::event::Event;
use crate::site::{BackupOutcome, BackupRun, MessageId, Severity, Timestamp, Witness};
use crate::source::RecordBody;

/// Durable counters of one site; they never decrease.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Runs whose outcome is final.
    pub runs: u64,
    /// Those of them that failed or were interrupted.
    pub runs_failed: u64,
    /// Status messages by id; `None` gathers the ids that have no series of their own.
    pub messages: BTreeMap<Option<MessageId>, u64>,
    /// Status messages that are errors.
    pub errors: u64,
    /// Status messages that are warnings.
    pub warnings: u64,
    /// What decided each run that has been counted (or its first evidence), as far back as the timeline goes.
    pub counted: BTreeSet<Timestamp>,
    /// What the runs told that the timeline has let go.
    pub past: Past,
}

/// The last of each kind of event before the timeline begins: such facts hold until a newer one replaces them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// The last success: its 5035 and its start.
    pub success: Option<(Timestamp, Timestamp)>,
    /// When the last failure was known.
    pub failure: Option<Timestamp>,
    /// The last 5040.
    pub after_backup_started: Option<Timestamp>,
    /// Failed and interrupted runs since that success.
    pub failures_since_success: u32,
}

impl Past {
    fn add(&mut self, run: &BackupRun) {
        self.after_backup_started = run.after_backup_started.or(self.after_backup_started);
        if let Some(success) = run.succeeded {
            self.success = Some((success, run.started_or_first()));
            self.failures_since_success = 0;
        } else if run.failure().is_some() {
            self.failure = run.failed_at().or(self.failure);
            self.failures_since_success = self.failures_since_success.saturating_add(1);
        }
    }
}

/// How many status messages of each kind a timeline holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    messages: BTreeMap<Option<MessageId>, u64>,
    errors: u64,
    warnings: u64,
}

impl Tally {
    /// Counts the status messages of a timeline; a message that several witnesses report counts once.
    pub fn of(events: &[Event<'_>]) -> Self {
        let mut tally = Self::default();
        for event in events {
            let RecordBody::Status(message) = event.body else { continue };
            let own_series = message.id.is_failure() || MessageId::ALWAYS_COUNTED.contains(&message.id);
            *tally.messages.entry(own_series.then_some(message.id)).or_default() += 1;
            tally.errors += u64::from(message.is_error());
            tally.warnings += u64::from(message.severity == Some(Severity::Warning));
        }
        tally
    }
}

impl Totals {
    /// Adds what `after` holds more than `before`; what a late pairing takes away was counted and stays.
    pub fn add_growth(&mut self, before: &Tally, after: &Tally) {
        for (id, count) in &after.messages {
            let grown = count.saturating_sub(before.messages.get(id).copied().unwrap_or_default());
            if grown > 0 {
                *self.messages.entry(*id).or_default() += grown;
            }
        }
        self.errors += after.errors.saturating_sub(before.errors);
        self.warnings += after.warnings.saturating_sub(before.warnings);
    }

    /// For each mark, a sighting of the event that it stands at.
    pub(super) fn marked(&self, events: &[Event<'_>]) -> HashMap<(Witness, u64), Timestamp> {
        let marked = events.iter().rev().filter(|event| self.counted.contains(&event.time()));
        let by_mark: BTreeMap<_, _> =
            marked.filter_map(|event| Some((event.time(), *event.sightings.first()?))).collect();
        by_mark.into_iter().map(|(mark, sighting)| (sighting, mark)).collect()
    }

    /// Moves marks to where their events stand now: another witness may date the same message otherwise.
    pub(super) fn follow(&mut self, marked: &HashMap<(Witness, u64), Timestamp>, events: &[Event<'_>]) {
        let marks =
            |event: &Event<'_>| event.sightings.iter().find_map(|sighting| marked.get(sighting).copied());
        let moved = |event: &Event<'_>| Some((marks(event)?, event.time())).filter(|(mark, now)| mark != now);
        let moved: Vec<_> = events.iter().filter_map(moved).collect();
        for (mark, _) in &moved {
            self.counted.remove(mark);
        }
        self.counted.extend(moved.into_iter().map(|(_, now)| now));
    }

    /// Whether the run of these events has been counted, even if earlier evidence of it was found since.
    ///
    /// The time of an event, not the span of a run: records that were written late make runs overlap.
    pub(super) fn has_counted(&self, events: &[Event<'_>]) -> bool {
        events.iter().any(|event| self.counted.contains(&event.time()))
    }

    /// Lets counted runs go, of which only the last facts of their kind stay.
    pub fn let_go(&mut self, gone: &[BackupRun]) {
        for run in gone {
            self.past.add(run);
        }
    }

    /// Keeps the marks that stand at an event.
    pub(super) fn keep_marks(&mut self, events: &[Event<'_>]) {
        let kept: BTreeSet<_> = events.iter().map(Event::time).collect();
        self.counted.retain(|mark| kept.contains(mark));
    }

    /// Counts a run whose outcome is final, and marks what decided it: should what was taken for one run turn out to be
    /// two, that is the one that was counted.
    pub fn count(&mut self, run: &BackupRun, outcome: BackupOutcome) {
        self.runs += 1;
        self.runs_failed += u64::from(outcome != BackupOutcome::Succeeded);
        let decided = run.succeeded.or(run.error.as_ref().map(|error| error.time));
        self.counted.insert(decided.unwrap_or(run.first));
    }
}
