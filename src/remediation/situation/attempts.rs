//! What the table asks of the ledger: whether this run has had its attempt, and whether another one is allowed now.

use chrono::TimeDelta;

use super::{Situation, moment};
use crate::remediation::inputs::{Progress, ServiceSeen, Watched};
use crate::site::{Attempt, BackupRun, ClosedSet, Timestamp, delta};

/// The time for which attempts are counted.
const DAY: TimeDelta = TimeDelta::hours(24);

impl Situation<'_> {
    fn attempts(&self) -> &[Attempt] {
        self.ledger.map_or(&[], |ledger| &ledger.attempts)
    }

    pub(in crate::remediation) fn ledger_words(&self) -> String {
        format!(
            "What was attempted before cannot be read or written. Let this program's account read and write \
             {}.ledger.json in its state directory, or rename that file to begin anew.",
            self.state.settings.code
        )
    }

    pub(in crate::remediation) fn is_attempted(&self) -> bool {
        let tried = |run: &BackupRun| self.ledger.is_some_and(|ledger| ledger.has_tried(run));
        self.run.is_some_and(tried)
    }

    /// The attempt that this run has had: of all the one whose failed run is nearest to it.
    fn own_attempt(&self) -> Option<&Attempt> {
        let run = self.run?.first;
        self.attempts().iter().rev().min_by_key(|attempt| (attempt.run - run).abs())
    }

    pub(in crate::remediation) fn attempted_words(&self) -> String {
        let Some((attempt, (outcome, _))) = self.own_attempt().and_then(|own| Some((own, own.outcome?)))
        else {
            return format!("An attempt for {} is under way.", self.the_run());
        };
        let error = attempt.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        // Its run may not have written a line yet.
        let stands_still =
            matches!(self.service(), Watched::Known(ServiceSeen::Stopped | ServiceSeen::Missing));
        let is_undecided = match attempt.followed_by {
            Some((_, succeeded)) => succeeded.is_none() && self.progress() != Progress::Ended,
            None => outcome.began() && !stands_still,
        };
        let next = if is_undecided {
            "The run after it goes on, and how that ends decides."
        } else {
            "Start a backup by hand."
        };
        format!(
            "{} has had its attempt at {} ({}{error}). {next}",
            self.the_run_at_first(),
            moment(attempt.decided),
            outcome.label()
        )
    }

    /// How many attempts of the last 24 hours count against the budget.
    fn spent(&self) -> u32 {
        let spent = self.ledger.map_or(0, |ledger| ledger.spent_since(self.now - DAY));
        u32::try_from(spent).unwrap_or(u32::MAX)
    }

    pub(in crate::remediation) fn is_spent(&self) -> bool {
        self.ledger.is_some() && self.spent() >= self.config().max_attempts_per_day
    }

    /// How many more attempts are allowed now; none while nobody knows how many were made.
    pub(in crate::remediation) fn remaining(&self) -> u32 {
        self.ledger.map_or(0, |_| self.config().max_attempts_per_day.saturating_sub(self.spent()))
    }

    pub(in crate::remediation) fn spent_words(&self) -> String {
        let (spent, allowed) = (self.spent(), self.config().max_attempts_per_day);
        let counts = |attempt: &&Attempt| {
            attempt.decided > self.now - DAY && attempt.outcome.is_none_or(|(outcome, _)| outcome.is_spent())
        };
        // The newest ones that fill the budget: when the oldest of them is a day old, there is room for another.
        let oldest = usize::try_from(allowed)
            .ok()
            .and_then(|allowed| self.attempts().iter().rev().filter(counts).nth(allowed.checked_sub(1)?));
        match oldest {
            Some(oldest) => format!(
                "Of {allowed} attempts that are allowed in 24 hours, {spent} were made; the next one may be made at {}.",
                moment(oldest.decided + DAY)
            ),
            None => "No attempt is allowed: remediation.max_attempts_per_day is 0.".to_owned(),
        }
    }

    /// When an attempt is long enough ago; `None` while it is under way.
    fn cooled(&self, attempt: &Attempt) -> Option<Timestamp> {
        let (_, ended) = attempt.outcome?;
        Some(attempt.decided.max(ended) + delta(self.config().cooldown))
    }

    pub(in crate::remediation) fn is_cooling(&self) -> bool {
        let last = self.attempts().last();
        last.is_some_and(|last| self.cooled(last).is_none_or(|cooled| self.now < cooled))
    }

    pub(in crate::remediation) fn cooling_words(&self) -> String {
        match self.attempts().last().map(|last| (last.decided, self.cooled(last))) {
            Some((decided, Some(cooled))) => {
                format!(
                    "The last attempt was made at {}; this passes at {}.",
                    moment(decided),
                    moment(cooled)
                )
            }
            _ => "An attempt is under way.".to_owned(),
        }
    }
}
