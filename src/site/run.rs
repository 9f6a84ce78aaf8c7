//! A backup run, as its evidence tells it.

use chrono::TimeDelta;

use super::{Component, FailureCause, MessageId, Severity, Timestamp, closed_set};

closed_set! {
    /// The phases of a run, in their order; each lasts until the next one that was seen to begin.
    pub enum BackupPhase {
        /// From the start of the service (500).
        Start => "start",
        /// From the start of the task (5055): directories, writers, VSS.
        Locate => "locate",
        /// From the line that says so (from 5055 where there is none): the old snapshot is deleted here.
        Prepare => "prepare",
        /// From SMS Writer's freeze (6829).
        Snapshot => "snapshot",
        /// From the created snapshot set (5056).
        Copy => "copy",
        /// From the end of copying (5057) to the success message (5035).
        Finish => "finish",
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BackupOutcome {
    /// 5035 was reported.
    Succeeded,
    /// An error was reported, or the service stopped without success.
    Failed(FailureCause),
    /// Nothing more was reported before the next start, or before the service was seen Stopped: crash, reboot, failover.
    Interrupted,
}

impl BackupOutcome {
    /// The word for it in JSON and tables.
    pub fn label(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed(_) => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// Why it did not succeed; `None` for a success.
    pub fn cause(self) -> Option<FailureCause> {
        match self {
            Self::Succeeded => None,
            Self::Failed(cause) => Some(cause),
            Self::Interrupted => Some(FailureCause::Interrupted),
        }
    }
}

/// What ended a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunEnd {
    /// 501, or the line that says that the service is stopping.
    ServiceStop,
    /// The service was seen Stopped and nobody told of the end; the time is that of the look, or of the last evidence.
    ServiceStopped,
    /// The next run started; the time is that start's.
    NextStart,
    /// What followed rolled away unread; the time is that of its last evidence.
    Unseen,
}

/// One status message of a run, as shown to users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct RunMessage {
    /// What it says.
    #[serde(serialize_with = "as_number")]
    pub id: MessageId,
    /// `None` where no witness keeps a severity.
    pub severity: Option<Severity>,
    /// Who says it.
    pub component: Component,
    /// When.
    pub time: Timestamp,
}

fn as_number<S: serde::Serializer>(id: &MessageId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(id.0)
}

/// The first error of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunError {
    /// When it was reported.
    pub time: Timestamp,
    /// What it speaks for.
    pub cause: FailureCause,
    /// The line that gives the cause, where there is one.
    pub text: Option<Box<str>>,
}

/// Everything known of one run of the backup task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupRun {
    /// The time of its first evidence, which is what tells it from other runs.
    pub first: Timestamp,
    /// The time of its last evidence of any kind.
    pub last: Timestamp,
    /// 5055, or 500 where that is missing; `None` if its start was not seen.
    pub started: Option<Timestamp>,
    /// What ended it and when; `None` while it may go on.
    pub ended: Option<(RunEnd, Timestamp)>,
    /// Its 5035.
    pub succeeded: Option<Timestamp>,
    /// Its first error before any 5035, withdrawn by a 5035.
    pub error: Option<RunError>,
    /// Its first error after 5035, which is not the backup's (AfterBackup.bat, say).
    pub error_after_success: Option<Timestamp>,
    /// Its 5040.
    pub after_backup_started: Option<Timestamp>,
    /// SMS Writer's or the copy's word that the site's services run again (6833, 5057).
    pub thawed: Option<Timestamp>,
    /// The first sign that it has begun to delete the old snapshot; `None` while there is none.
    pub old_snapshot_deleted: Option<Timestamp>,
    /// How many of its messages are warnings.
    pub warnings: u32,
    /// The machine that ran it.
    pub machine: Option<Box<str>>,
    /// How long each phase took that has ended.
    pub phases: Vec<(BackupPhase, TimeDelta)>,
    /// Its status messages in order.
    pub messages: Vec<RunMessage>,
}

impl BackupRun {
    /// How it ended; `None` while it is neither successful nor ended.
    pub fn outcome(&self) -> Option<BackupOutcome> {
        if self.succeeded.is_some() {
            return Some(BackupOutcome::Succeeded);
        }
        let (end, _) = self.ended?;
        Some(match (&self.error, end) {
            (Some(error), _) => BackupOutcome::Failed(error.cause),
            (None, RunEnd::ServiceStop) => BackupOutcome::Failed(FailureCause::ServiceStopped),
            (None, RunEnd::ServiceStopped | RunEnd::NextStart | RunEnd::Unseen) => BackupOutcome::Interrupted,
        })
    }

    /// Why it counts as failed now: an error that no 5035 withdrew, or an end without success.
    pub fn failure(&self) -> Option<FailureCause> {
        match self.outcome() {
            Some(outcome) => outcome.cause(),
            None => self.error.as_ref().map(|error| error.cause),
        }
    }

    /// From its start to its end, or to its 5035 where no end was seen; `None` where either is unknown.
    ///
    /// The next start, and the service seen Stopped, say that a run is over, but not since when.
    pub fn duration(&self) -> Option<TimeDelta> {
        let end = match self.ended {
            Some((RunEnd::ServiceStop, time)) => time,
            Some((RunEnd::ServiceStopped | RunEnd::NextStart | RunEnd::Unseen, _)) | None => self.succeeded?,
        };
        Some((end - self.started?).max(TimeDelta::zero()))
    }

    /// When it started, or the first that was seen of it.
    pub fn started_or_first(&self) -> Timestamp {
        self.started.unwrap_or(self.first)
    }

    /// When it was over, or the last that was seen of it.
    pub fn over_or_last(&self) -> Timestamp {
        self.ended.map_or(self.last, |(_, ended)| ended.max(self.last))
    }

    /// When its failure was first known; `None` if it did not fail.
    pub fn failed_at(&self) -> Option<Timestamp> {
        self.failure()?;
        self.error.as_ref().map(|error| error.time).or(self.ended.map(|(_, time)| time))
    }

    /// Whether it was going on at `time`, as far as is known; one whose end was not logged is over with its 5035.
    pub fn runs_at(&self, time: Timestamp) -> bool {
        let end = self.ended.map(|(_, time)| time).or(self.succeeded);
        self.started_or_first() <= time && end.is_none_or(|end| end > time)
    }

    /// The word for its outcome in JSON and tables.
    pub fn outcome_label(&self) -> &'static str {
        match self.outcome() {
            Some(outcome) => outcome.label(),
            None if self.error.is_some() => "failed",
            None => "in_progress",
        }
    }
}
