//! When the outcome of a run is final, so that it is counted: never while somebody who works may still say otherwise.

use std::time::Duration;

use super::site::SiteState;
use super::source_state::SourceState;
use crate::site::{BackupOutcome, BackupRun, Timestamp, Witness, delta};

impl SiteState {
    /// Whether time alone has changed something: a failure becomes final without any new fact.
    pub fn has_matured(&self, now: Timestamp) -> bool {
        self.newly_final(now).next().is_some()
    }

    /// Whether the failure of this run is final; once it was, it stays so while nobody can be asked any more.
    pub fn is_failure_final(&self, run: &BackupRun, now: Timestamp) -> bool {
        let Some(index) = self.runs.iter().position(|known| known.first == run.first) else { return false };
        let is_final = |outcome| self.is_final(run, self.runs.get(index + 1), outcome, now);
        let is_counted = self.counted.get(index) == Some(&true);
        run.outcome().is_some_and(|outcome| is_counted || is_final(outcome))
    }

    /// The runs whose outcome is final and that have not been counted.
    pub(super) fn newly_final(&self, now: Timestamp) -> impl Iterator<Item = (usize, BackupOutcome)> {
        let uncounted =
            self.runs.iter().zip(&self.counted).enumerate().filter(|(_, (_, counted))| !**counted);
        uncounted.filter_map(move |(index, (run, _))| {
            let outcome = run.outcome()?;
            self.is_final(run, self.runs.get(index + 1), outcome, now).then_some((index, outcome))
        })
    }

    /// A 5035 is final at once. Anything else settles first, and every witness that works must have been asked since.
    ///
    /// One that is kept from the destination, or whose log the next run writes anew, is waited for only if no other works.
    fn is_final(
        &self,
        run: &BackupRun,
        next: Option<&BackupRun>,
        outcome: BackupOutcome,
        now: Timestamp,
    ) -> bool {
        if outcome == BackupOutcome::Succeeded {
            return true;
        }
        let Some((_, ended)) = run.ended else { return false };
        // An end that is dated in the future was over when the next run began.
        let ended = next.map_or(ended, |next| ended.min(next.first));
        let settled = ended + delta(self.settings.timings.settle);
        // One that has not been asked yet in this process may know of a success.
        let may_tell = |(_, source): &(Witness, &SourceState)| source.failure.is_none();
        let mut waited_for: Vec<_> = self.witnesses().filter(may_tell).collect();
        let is_overwritten = |witness| witness == Witness::DestinationLog && next.is_some();
        let can_tell =
            |(witness, source): &(Witness, &SourceState)| !source.kept_quiet && !is_overwritten(*witness);
        if waited_for.iter().any(can_tell) {
            waited_for.retain(can_tell);
        }
        // Where no error was seen, what the event log has yet to write may be the success.
        let may_be_late = |witness| witness == Witness::EventLog && run.error.is_none();
        let read_since = |(witness, _): &&(Witness, &SourceState)| {
            let timings = &self.settings.timings;
            let late = if may_be_late(*witness) { timings.pairing_event_log } else { Duration::ZERO };
            let until = self.coverage.get(witness).and_then(|coverage| coverage.until);
            until >= Some(settled + delta(late))
        };
        // A part that can never be read must not keep a failure from becoming final for ever.
        let patience = delta(self.settings.timings.unread_patience);
        let given_up = |(_, source): &&(Witness, &SourceState)| {
            source.behind_since.is_some_and(|since| now >= settled.max(since) + patience)
        };
        now >= settled
            && waited_for.iter().any(|witness| read_since(&witness))
            && waited_for.iter().all(|witness| read_since(&witness) || given_up(&witness))
    }
}
