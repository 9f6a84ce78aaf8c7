//! What the state of a site means at a given moment: pure functions of the state and the time.
//!
//! The verdict is one word for the whole site, taken from the runs of the deciding witnesses; the checks say what
//! passes and what does not, each with a reason for people. Nothing here decides what to do about it.

mod amiss;
mod checks;
mod copies;
mod due;
mod guidance;
mod protection;
mod retry;
mod runs;
mod standstill;
#[cfg(test)]
mod tests;
mod verdict;
mod witnesses;
mod words;

#[cfg(test)]
pub(crate) use copies::tests as samples;

pub use amiss::amiss;
pub use checks::{Check, CheckResult, CheckState};
pub(crate) use checks::{Room, room, supplemental};
pub use copies::{ArchiveSummary, Copies, CopyJudgement, PresentSnapshot, Standing};
pub use due::{DueState, LOOK_BACK};
pub use guidance::guidance;
pub use protection::{NativeBackups, ProtectionState};
pub use retry::restart_pending;
pub use runs::RunSummary;
pub use standstill::Standstill;
pub use verdict::Verdict;
pub use witnesses::{Hearing, Testimony};
pub use words::{NOTHING_IS_WATCHED, frozen_io};

use std::time::Duration;

use crate::config::DEFAULT_RETENTION;
use crate::site::{Timestamp, delta};
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
    /// Who tells of the runs, and what is known of each.
    pub witnesses: Vec<Testimony>,
    /// What the runs say.
    pub runs: RunSummary,
    /// By what the site is protected.
    pub protection: ProtectionState,
    /// What the schedule says.
    pub due: DueState,
    /// What could be restored.
    pub copies: Copies,
    /// The result of every check that can be judged.
    pub checks: Vec<CheckResult>,
}

/// Judges a site at a moment.
pub fn assess(state: &SiteState, now: Timestamp) -> Assessment {
    let protection = ProtectionState::of(state, now);
    let mut runs = RunSummary::of(state, now);
    if !protection.mode.needs_task() {
        runs.forgive();
    }
    let due = DueState::of(state, &runs, &protection, now);
    let copies = Copies::of(state, &protection, now);
    let mut assessment = Assessment {
        at: now,
        verdict: Verdict::Unknown,
        reason: String::new(),
        witnesses: Testimony::all(state),
        runs,
        protection,
        due,
        copies,
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
    state.retention().or(state.settings.retention)
}
