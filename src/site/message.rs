//! Status messages: what ConfigMgr itself says about the backup, wherever it was read.

use super::{FailureCause, Timestamp, closed_set};

closed_set! {
    /// The severity of a status message: `SEV=` in a log, the qualifier of an event, a column in SQL.
    pub enum Severity {
        /// `I`, 0x40000000.
        Information => "information",
        /// `W`, 0x80000000: the operation goes on and may succeed.
        Warning => "warning",
        /// `E`, 0xC0000000: the run has failed, even if it goes on.
        Error => "error",
    }
}

closed_set! {
    /// The components whose status messages tell of the backup. Messages of others are not the backup's.
    pub enum Component {
        /// `SMS_SITE_BACKUP`, the service that runs the backup.
        SiteBackup => "SMS_SITE_BACKUP",
        /// `SMS_SITE_VSS_WRITER`, which stops the site's services around the snapshot.
        VssWriter => "SMS_SITE_VSS_WRITER",
    }
}

/// The id of a status message (0-65535), with the ids that mean something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub u16);

impl MessageId {
    /// A component's service started.
    pub const SERVICE_STARTED: Self = Self(500);
    /// A component's service stopped.
    pub const SERVICE_STOPPED: Self = Self(501);
    /// The backup completed without any errors.
    pub const COMPLETED: Self = Self(5035);
    /// AfterBackup.bat was started; says nothing of its result.
    pub const AFTER_BACKUP_STARTED: Self = Self(5040);
    /// The backup task started.
    pub const TASK_STARTED: Self = Self(5055);
    /// The snapshot set was created, copying begins.
    pub const SNAPSHOT_CREATED: Self = Self(5056);
    /// Copying from the snapshot finished.
    pub const COPY_FINISHED: Self = Self(5057);
    /// The site backup failed.
    pub const FAILED: Self = Self(5060);
    /// SMS Writer is about to stop the site's services.
    pub const WRITER_FREEZES: Self = Self(6829);
    /// SMS Writer has restarted the site's services.
    pub const WRITER_THAWED: Self = Self(6833);

    /// The ids that `status_messages_total` always exports; all others but the failure set are `other`.
    pub const ALWAYS_COUNTED: [Self; 10] = [
        Self::SERVICE_STARTED,
        Self::SERVICE_STOPPED,
        Self::COMPLETED,
        Self::AFTER_BACKUP_STARTED,
        Self::TASK_STARTED,
        Self::SNAPSHOT_CREATED,
        Self::COPY_FINISHED,
        Self::FAILED,
        Self::WRITER_FREEZES,
        Self::WRITER_THAWED,
    ];

    /// Whether the id alone says that the backup failed, for witnesses that carry no severity.
    pub fn is_failure(self) -> bool {
        matches!(self.0,
            5000 | 5002 | 5004 | 5006 | 5008 | 5017..=5019 | 5022 | 5024..=5027 | 5032 | 5033 | 5043..=5053 | 5060)
    }
}

impl std::fmt::Display for MessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// How strongly a piece of evidence speaks for a cause. The order is that of trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HintStrength {
    /// A phrase of a log line.
    Phrase,
    /// A Win32 error code or an HRESULT.
    Code,
}

/// A reason for a failure that a line or a message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hint {
    /// What it speaks for.
    pub cause: FailureCause,
    /// How strongly.
    pub strength: HintStrength,
}

/// What a line of free text of the backup service says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remark {
    /// The backup service is stopping: the end of good and of bad runs.
    Stopping,
    /// The backup completed; success only where no status message could say so.
    Completed,
    /// The old snapshot is about to be deleted.
    Preparing,
    /// The backup failed; failure only where no status message could say so.
    Failed,
    /// A reason for a failure, which alone fails nothing.
    Reason(Hint),
    /// Not a line: what stood here rolled away before it could be read.
    Gap,
}

/// One status message as one witness reported it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusMessage {
    /// What it says.
    pub id: MessageId,
    /// `None` where the witness keeps no severity.
    pub severity: Option<Severity>,
    /// Who says it.
    pub component: Component,
    /// The computer it was reported on, as written (NetBIOS or DNS name).
    pub machine: Box<str>,
    /// The process that reported it.
    pub pid: Option<u32>,
    /// The thread that reported it.
    pub tid: Option<u32>,
    /// When it was reported, by the clock of that computer.
    pub time: Timestamp,
    /// The reason that its insertion strings carry, if any.
    pub hint: Option<Hint>,
}

impl StatusMessage {
    /// Whether this message fails a run: `SEV=E`, or without a severity an id of the failure set.
    pub fn is_error(&self) -> bool {
        match self.severity {
            Some(severity) => severity == Severity::Error,
            None => self.id.is_failure(),
        }
    }

    /// The first DNS label of the machine, which is what differs least between witnesses.
    pub fn machine_label(&self) -> &str {
        self.machine.split('.').next().unwrap_or_default()
    }
}
