//! The checks: one table, one file per group.
//!
//! A check passes, fails or is unknown; what nothing watches is unknown. None of them changes the verdict from
//! failed to anything else.

mod protection;
mod runs;
mod schedule;

use std::borrow::Cow;

use super::Assessment;
use crate::site::closed_set;
use crate::state::SiteState;

closed_set! {
    /// Everything that is checked.
    pub enum Check {
        /// The newest run that ended or has an error did not fail.
        LastRun => "last_run",
        /// No success is overdue and no due day was missed since the last success.
        OnSchedule => "on_schedule",
        /// The run in progress does not take far too long.
        NotStalled => "not_stalled",
        /// The snapshot has all its parts.
        SnapshotComplete => "snapshot_complete",
        /// Every page of the snapshot that can be proved is undamaged.
        SnapshotIntact => "snapshot_intact",
        /// The newest valid copy can still be restored into the hierarchy.
        Recoverable => "recoverable",
        /// No two witnesses report opposite outcomes of the same run.
        WitnessesAgree => "witnesses_agree",
        /// The schedule's longest interval is within change tracking retention.
        ScheduleWithinRetention => "schedule_within_retention",
        /// SMS Writer runs.
        SmsWriter => "sms_writer",
        /// No error followed the last success in the same run.
        AfterBackup => "after_backup",
    }
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckState {
    /// As it should be.
    Passed,
    /// Not as it should be.
    Failed,
    /// Not watched, or not known.
    Unknown,
}

/// One check's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// Which check.
    pub check: Check,
    /// What it found.
    pub state: CheckState,
    /// The finding in one sentence.
    pub finding: Cow<'static, str>,
    /// What to do if it fails, in one sentence.
    pub advice: Cow<'static, str>,
}

/// A finding with its advice, before it is put under its name.
struct Finding {
    state: CheckState,
    finding: Cow<'static, str>,
    advice: Cow<'static, str>,
}

impl Finding {
    fn passed(finding: impl Into<Cow<'static, str>>) -> Self {
        Self { state: CheckState::Passed, finding: finding.into(), advice: Cow::Borrowed("") }
    }

    fn failed(finding: impl Into<Cow<'static, str>>, advice: impl Into<Cow<'static, str>>) -> Self {
        Self { state: CheckState::Failed, finding: finding.into(), advice: advice.into() }
    }

    fn unknown(finding: impl Into<Cow<'static, str>>) -> Self {
        Self { state: CheckState::Unknown, finding: finding.into(), advice: Cow::Borrowed("") }
    }
}

type Judge = fn(&SiteState, &Assessment) -> Finding;

const CHECKS: &[(Check, Judge)] = &[
    (Check::LastRun, runs::last_run),
    (Check::OnSchedule, schedule::on_schedule),
    (Check::NotStalled, runs::not_stalled),
    (Check::SnapshotComplete, protection::snapshot_complete),
    (Check::SnapshotIntact, protection::snapshot_intact),
    (Check::Recoverable, protection::recoverable),
    (Check::WitnessesAgree, runs::witnesses_agree),
    (Check::ScheduleWithinRetention, schedule::schedule_within_retention),
    (Check::SmsWriter, protection::sms_writer),
    (Check::AfterBackup, runs::after_backup),
];

/// Runs every check.
pub(super) fn judge(state: &SiteState, assessment: &Assessment) -> Vec<CheckResult> {
    let result = |(check, judge): &(Check, Judge)| {
        let Finding { state, finding, advice } = judge(state, assessment);
        CheckResult { check: *check, state, finding, advice }
    };
    CHECKS.iter().map(result).collect()
}
