//! The checks: one table, one file per group.
//!
//! A check passes, fails or is unknown; what nothing watches is unknown. None of them changes the verdict from
//! failed to anything else.

mod copies;
mod database;
mod destination;
mod protection;
mod runs;
mod schedule;
mod services;

pub(crate) use copies::supplemental;
pub(crate) use destination::{Room, room};

use std::borrow::Cow;

use super::Assessment;
use crate::site::{Node, closed_set};
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
        /// The task is enabled, where the site depends on it.
        TaskEnabled => "task_enabled",
        /// The schedule's longest interval is within change tracking retention.
        ScheduleWithinRetention => "schedule_within_retention",
        /// Change tracking of the site database is on, cleaned up, and keeps changes as long as ConfigMgr expects.
        ChangeTracking => "change_tracking",
        /// SMS Writer runs as LocalSystem, and SQL Writer runs where the site database is.
        SmsWriter => "sms_writer",
        /// SMS_SITE_BACKUP exists and is started by hand, and neither VSS nor what must come back after it is disabled.
        BackupService => "backup_service",
        /// The services run again that SMS Writer stopped for the snapshot.
        ServicesRecovered => "services_recovered",
        /// The folders of the destination exist, have ASCII names, and are not lost together with the site server.
        Destination => "destination",
        /// The destination has room for the next backup.
        DestinationSpace => "destination_space",
        /// AfterBackup.bat was started after the last success if there is one, and no error followed.
        AfterBackup => "after_backup",
        /// SMS Writer was started after smsbkup.ctl was last changed.
        ControlFileApplied => "control_file_applied",
        /// A backup has succeeded that started after the last change of the site's version.
        BackupAfterUpdate => "backup_after_update",
        /// A recovery was tried no longer ago than was asked for.
        RecoveryDrill => "recovery_drill",
        /// The clocks of SQL Server and of this machine agree.
        ClockSkew => "clock_skew",
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

/// What a check is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    /// The task: it says nothing of a site that SQL Server's own backups protect.
    Task,
    /// Any site.
    Site,
}

const CHECKS: &[(Check, About, Judge)] = &[
    (Check::LastRun, About::Task, runs::last_run),
    (Check::OnSchedule, About::Site, schedule::on_schedule),
    (Check::NotStalled, About::Task, runs::not_stalled),
    (Check::SnapshotComplete, About::Task, copies::snapshot_complete),
    (Check::SnapshotIntact, About::Site, copies::snapshot_intact),
    (Check::SnapshotUnchanged, About::Site, copies::snapshot_unchanged),
    (Check::ArchiveFresh, About::Site, copies::archive_fresh),
    (Check::SupplementalFresh, About::Site, copies::supplemental_fresh),
    (Check::Recoverable, About::Site, protection::recoverable),
    (Check::WitnessesAgree, About::Task, runs::witnesses_agree),
    (Check::TaskEnabled, About::Site, database::task_enabled),
    (Check::ScheduleWithinRetention, About::Task, schedule::schedule_within_retention),
    (Check::ChangeTracking, About::Site, database::change_tracking),
    (Check::SmsWriter, About::Task, services::sms_writer),
    (Check::BackupService, About::Task, services::backup_service),
    (Check::ServicesRecovered, About::Task, services::services_recovered),
    (Check::Destination, About::Task, destination::destination),
    (Check::DestinationSpace, About::Task, destination::destination_space),
    (Check::AfterBackup, About::Task, runs::after_backup),
    (Check::ControlFileApplied, About::Task, services::control_file_applied),
    (Check::BackupAfterUpdate, About::Site, database::backup_after_update),
    (Check::RecoveryDrill, About::Site, protection::recovery_drill),
    (Check::ClockSkew, About::Site, database::clock_skew),
];

/// Runs every check.
pub(super) fn judge(state: &SiteState, assessment: &Assessment) -> Vec<CheckResult> {
    let is_passive = state.node() == Some(Node::Passive);
    let needs_task = assessment.protection.mode.needs_task();
    let result = |(check, about, judge): &(Check, About, Judge)| {
        let Finding { state, finding, advice } = match about {
            _ if is_passive => Finding::unknown("This is the passive site server."),
            About::Task if !needs_task => {
                Finding::unknown("SQL Server's own backups protect this site, not the task.")
            }
            About::Task | About::Site => judge(state, assessment),
        };
        CheckResult { check: *check, state, finding, advice }
    };
    CHECKS.iter().map(result).collect()
}
