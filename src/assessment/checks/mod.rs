//! The checks: one table, one file per group.
//!
//! A check passes, fails or is unknown; what nothing watches is unknown. None of them changes the verdict from
//! failed to anything else.

mod copies;
mod destination;
mod protection;
mod runs;
mod schedule;

pub(crate) use copies::supplemental;

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
        /// Nothing in the snapshot differs from what was recorded soon after its run.
        SnapshotUnchanged => "snapshot_unchanged",
        /// Every archive with a maximum age has a valid copy that is no older.
        ArchiveFresh => "archive_fresh",
        /// Every copy of what the task leaves out is no older than it may be.
        SupplementalFresh => "supplemental_fresh",
        /// The newest valid copy can still be restored into the hierarchy.
        Recoverable => "recoverable",
        /// No two witnesses report opposite outcomes of the same run.
        WitnessesAgree => "witnesses_agree",
        /// The schedule's longest interval is within change tracking retention.
        ScheduleWithinRetention => "schedule_within_retention",
        /// SMS Writer runs.
        SmsWriter => "sms_writer",
        /// The folders of the destination exist, have ASCII names, and are not lost together with the site server.
        Destination => "destination",
        /// The destination has room for the next backup.
        DestinationSpace => "destination_space",
        /// AfterBackup.bat was started after the last success if there is one, and no error followed.
        AfterBackup => "after_backup",
        /// A recovery was tried no longer ago than was asked for.
        RecoveryDrill => "recovery_drill",
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
    (Check::SnapshotComplete, copies::snapshot_complete),
    (Check::SnapshotIntact, copies::snapshot_intact),
    (Check::SnapshotUnchanged, copies::snapshot_unchanged),
    (Check::ArchiveFresh, copies::archive_fresh),
    (Check::SupplementalFresh, copies::supplemental_fresh),
    (Check::Recoverable, protection::recoverable),
    (Check::WitnessesAgree, runs::witnesses_agree),
    (Check::ScheduleWithinRetention, schedule::schedule_within_retention),
    (Check::SmsWriter, protection::sms_writer),
    (Check::Destination, destination::destination),
    (Check::DestinationSpace, destination::destination_space),
    (Check::AfterBackup, runs::after_backup),
    (Check::RecoveryDrill, protection::recovery_drill),
];

/// Runs every check.
pub(super) fn judge(state: &SiteState, assessment: &Assessment) -> Vec<CheckResult> {
    let result = |(check, judge): &(Check, Judge)| {
        let Finding { state, finding, advice } = judge(state, assessment);
        CheckResult { check: *check, state, finding, advice }
    };
    CHECKS.iter().map(result).collect()
}
