//! What the state of a site means at a given moment: pure functions of the state and the time.
//!
//! The verdict is one word for the whole site, taken from the runs of the deciding witnesses; the checks say what
//! passes and what does not, each with a reason for people. Nothing here decides what to do about it.

mod checks;
mod due;
mod guidance;
mod runs;
#[cfg(test)]
mod tests;
mod verdict;

pub use checks::{Check, CheckResult, CheckState};
pub use due::DueState;
pub use guidance::guidance;
pub use runs::RunSummary;
pub use verdict::Verdict;

use chrono::TimeDelta;
use std::time::Duration;

use crate::config::DEFAULT_RETENTION;
use crate::site::{SiteRole, Timestamp};
use crate::state::SiteState;

/// The assessment of one site at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// The moment.
    pub at: Timestamp,
    /// The one word.
    pub verdict: Verdict,
    /// Why it is that word, in one sentence.
    pub reason: String,
    /// What the runs say.
    pub runs: RunSummary,
    /// What the schedule says.
    pub due: DueState,
    /// How many copies could be restored now; `None` while nothing watches them.
    pub valid_copies: Option<u32>,
    /// When the run started that made the newest valid copy.
    pub newest_valid_copy: Option<Timestamp>,
    /// Until when that copy can be restored without losing the hierarchy's data.
    pub recoverable_until: Option<Timestamp>,
    /// The verification's word on the present snapshot.
    pub snapshot_intact: Option<bool>,
    /// The result of every check that can be judged.
    pub checks: Vec<CheckResult>,
}

/// Judges a site at a moment.
pub fn assess(state: &SiteState, now: Timestamp) -> Assessment {
    let runs = RunSummary::of(state, now);
    let due = DueState::of(state, &runs, now);
    let snapshot_intact = snapshot_intact(state);
    let newest_valid_copy = newest_valid_copy(state, snapshot_intact);
    let valid_copies =
        state.observed(&state.snapshot_complete).map(|_| u32::from(newest_valid_copy.is_some()));
    let recoverable_until = newest_valid_copy
        .filter(|_| SiteRole::in_hierarchy(state.settings.role))
        .and_then(|start| start.checked_add_signed(delta(retention(state))));
    let mut assessment = Assessment {
        at: now,
        verdict: Verdict::Unknown,
        reason: String::new(),
        runs,
        due,
        valid_copies,
        newest_valid_copy,
        recoverable_until,
        snapshot_intact,
        checks: Vec::new(),
    };
    assessment.checks = checks::judge(state, &assessment);
    (assessment.verdict, assessment.reason) = verdict::verdict(state, &assessment);
    assessment
}

/// Change tracking retention: the database's word, else the configuration's, else ConfigMgr's default.
pub fn retention(state: &SiteState) -> Duration {
    known_retention(state).unwrap_or(DEFAULT_RETENTION)
}

/// Change tracking retention, if anybody has said what it is.
pub fn known_retention(state: &SiteState) -> Option<Duration> {
    state.retention.or(state.settings.retention)
}

/// A verification speaks for the snapshot it saw: a run that began since has deleted that one.
fn snapshot_intact(state: &SiteState) -> Option<bool> {
    let (intact, at) = state.snapshot_intact?;
    let replaced = state.runs.iter().rev().any(|run| run.started.is_some_and(|start| start > at));
    (!replaced).then_some(intact)
}

/// The start of the run that made the present snapshot, if that can be restored.
///
/// Every run deletes the old snapshot before it copies, so only the newest run's is there.
fn newest_valid_copy(state: &SiteState, intact: Option<bool>) -> Option<Timestamp> {
    let complete = *state.observed(&state.snapshot_complete)?;
    let run = state.runs.last()?;
    (complete && intact != Some(false) && run.succeeded.is_some()).then_some(run.started_or_first())
}

/// A duration for arithmetic with times; the longest there is, where it does not fit.
fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
