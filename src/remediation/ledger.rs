//! What is remembered of the attempts made at one site, as a plain value that is never rebuilt from evidence.
//!
//! At most one attempt is under way, and it is the newest. Totals only grow, also where old attempts are let go.

use chrono::TimeDelta;

use crate::site::{Attempt, AttemptOutcome, BackupRun, FailureCause, RestartPlan, Timestamp};

/// So many attempts are kept.
pub const KEPT_ATTEMPTS: usize = 100;

/// How far what is known of a run may move while further witnesses report it.
const SAME_RUN: TimeDelta = TimeDelta::seconds(10);
/// A run that begins later after the end of an attempt was started by somebody else.
const FOLLOWS_WITHIN: TimeDelta = TimeDelta::hours(1);
/// Attempts dated further ahead were made while the clock was wrong.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// What is remembered of one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// When it was begun: of failures before that nothing is known here.
    pub begun: Timestamp,
    /// The newest attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// All attempts ever made.
    pub attempts_total: u64,
    /// Those of them after which no run began.
    pub attempts_failed_total: u64,
}

impl Ledger {
    /// A ledger without an attempt.
    pub fn new(now: Timestamp) -> Self {
        Self { begun: now, attempts: Vec::new(), attempts_total: 0, attempts_failed_total: 0 }
    }

    /// Enters an attempt for the run with this first evidence, which is under way from now on.
    pub fn begin(&mut self, run: Timestamp, cause: FailureCause, plan: RestartPlan, now: Timestamp) {
        self.lose(now);
        let (seen_ahead, outcome, error, followed_by) = (None, None, None, None);
        self.attempts.push(Attempt {
            run,
            cause,
            decided: now,
            seen_ahead,
            plan,
            outcome,
            error,
            followed_by,
        });
        self.attempts_total = self.attempts_total.saturating_add(1);
        let surplus = self.attempts.len().saturating_sub(KEPT_ATTEMPTS);
        self.attempts.drain(..surplus);
    }

    /// Says what became of the attempt that is under way; without one nothing changes.
    pub fn finish(&mut self, outcome: AttemptOutcome, error: Option<Box<str>>, now: Timestamp) {
        let Some(attempt) = self.attempts.last_mut().filter(|attempt| attempt.outcome.is_none()) else {
            return;
        };
        (attempt.outcome, attempt.error) = (Some((outcome, now)), error);
        let failed = u64::from(!outcome.began());
        self.attempts_failed_total = self.attempts_failed_total.saturating_add(failed);
    }

    /// Ends an attempt of which nobody will say any more what became of it; whether there was one.
    pub fn lose(&mut self, now: Timestamp) -> bool {
        let is_open = self.under_way().is_some();
        self.finish(AttemptOutcome::Lost, None, now);
        is_open
    }

    /// Finds the runs that followed the attempts and how they went; whether that is news.
    ///
    /// What was found stays when its run is no longer among `runs`, which are in their order.
    pub fn judge(&mut self, runs: &[BackupRun]) -> bool {
        let mut is_news = false;
        for attempt in &mut self.attempts {
            let found = follower(attempt, runs).map(|run| (run.first, verdict(run)));
            if found.is_some() && found != attempt.followed_by {
                attempt.followed_by = found;
                is_news = true;
            }
        }
        is_news
    }

    /// Takes note of what is dated in the future; whether that is news.
    ///
    /// Whether the clock was ahead then or is behind now cannot be told, so nothing is dated anew but the beginning: that
    /// to now, and after `newest`, the end of the newest known run, so that no failure from before looks like a later one.
    pub fn redate(&mut self, now: Timestamp, newest: Option<Timestamp>) -> bool {
        let is_ahead = |time: Timestamp| time - now > CLOCK_TOLERANCE;
        let mut is_news = false;
        let after = |newest: Timestamp| newest.checked_add_signed(TimeDelta::seconds(1)).unwrap_or(newest);
        let begun = newest.map(|newest| now.max(after(newest)));
        if let Some(begun) = begun.filter(|begun| is_ahead(self.begun) && *begun < self.begun) {
            self.begun = begun;
            is_news = true;
        }
        for attempt in &mut self.attempts {
            if is_ahead(attempt.decided) && attempt.seen_ahead.is_none_or(is_ahead) {
                attempt.seen_ahead = Some(now);
                is_news = true;
            }
        }
        is_news
    }

    /// The same with nothing in the future: what is dated there was made when the clock was first seen to be behind it.
    pub fn as_of(&self, now: Timestamp) -> Self {
        let mut ledger = self.clone();
        for attempt in &mut ledger.attempts {
            if attempt.decided - now > CLOCK_TOLERANCE {
                attempt.decided = attempt.seen_ahead.map_or(now, |seen| seen.min(now));
            }
            if let Some((_, ended)) = &mut attempt.outcome
                && *ended - now > CLOCK_TOLERANCE
            {
                *ended = attempt.decided;
            }
        }
        ledger
    }

    /// The attempt that is under way.
    pub fn under_way(&self) -> Option<&Attempt> {
        self.attempts.last().filter(|attempt| attempt.outcome.is_none())
    }

    /// Whether this run has had its attempt, or began before one was made that does not speak of it.
    ///
    /// One that was withdrawn has done nothing; the run that an attempt has begun, or was given up for, has one of its own.
    pub fn has_tried(&self, run: &BackupRun) -> bool {
        let is_follower = |attempt: &Attempt| {
            attempt.followed_by.is_some_and(|(first, _)| (first - run.first).abs() <= SAME_RUN)
        };
        let follows = self.attempts.iter().any(is_follower);
        self.attempts.iter().any(|attempt| match attempt.outcome {
            Some((AttemptOutcome::Withdrawn, _)) => false,
            Some((AttemptOutcome::Adopted, _)) => is_of(attempt, run),
            _ => is_of(attempt, run) || !follows && attempt.decided >= run.started_or_first(),
        })
    }

    /// How many attempts since `time` count against what a day allows.
    pub fn spent_since(&self, time: Timestamp) -> usize {
        let is_spent = |attempt: &&Attempt| {
            attempt.decided > time && attempt.outcome.is_none_or(|(outcome, _)| outcome.is_spent())
        };
        self.attempts.iter().filter(is_spent).count()
    }
}

/// Whether an attempt was made for this very run.
fn is_of(attempt: &Attempt, run: &BackupRun) -> bool {
    run.first - attempt.run <= SAME_RUN && attempt.run - run.last <= SAME_RUN
}

/// The first run that began after the one that the attempt was made for, as far as the attempt may have started it.
fn follower<'a>(attempt: &Attempt, runs: &'a [BackupRun]) -> Option<&'a BackupRun> {
    use AttemptOutcome::{
        Abandoned, QueryFailed, StartFailed, StopFailed, StopTimedOut, Unconfirmed, Withdrawn,
    };
    let latest = match attempt.outcome {
        Some((
            Abandoned | QueryFailed | StartFailed | StopFailed | StopTimedOut | Unconfirmed | Withdrawn,
            _,
        )) => {
            return None;
        }
        Some((_, ended)) => ended.checked_add_signed(FOLLOWS_WITHIN),
        None => None,
    };
    let own = runs.iter().rfind(|run| is_of(attempt, run));
    let after = own.map_or(attempt.run, |run| run.last);
    (runs.iter())
        .find(|run| run.first > after && !is_of(attempt, run))
        .filter(|run| latest.is_none_or(|latest| run.first <= latest))
}

/// Whether a run succeeded, as far as is known now.
fn verdict(run: &BackupRun) -> Option<bool> {
    if run.succeeded.is_some() { Some(true) } else { run.failure().map(|_| false) }
}

#[cfg(test)]
pub(super) mod tests;
