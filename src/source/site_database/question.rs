//! What the site database is asked.

use crate::site::closed_set;

closed_set! {
    /// What a question is about, as it is shown where there is no answer.
    pub enum Topic {
        /// The server's name, version, clock and availability group.
        Server => "server",
        /// The site's role, server and version.
        Site => "site",
        /// Whether the site is in maintenance.
        SiteStatus => "site_status",
        /// Whether an update of the site is being installed.
        Updates => "updates",
        /// The backup task's row: enabled, schedule, destination.
        Task => "task",
        /// What the site itself says of the task's last run.
        TaskStatus => "task_status",
        /// Status messages of the backup.
        StatusMessages => "status_messages",
        /// What errors among the status messages say.
        Reasons => "reasons",
        /// Change tracking: on, cleaned up, kept how long.
        ChangeTracking => "change_tracking",
        /// The oldest change that is kept.
        OldestCommit => "oldest_commit",
        /// Full backups of the site database.
        BackupSets => "backup_sets",
        /// The servers of the availability group.
        Replicas => "replicas",
        /// The site's own alerts.
        Alerts => "alerts",
        /// The roots of package sources.
        PackageRoots => "package_roots",
    }
}

/// One question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Question {
    /// The server's name, version, time and availability group.
    Server,
    /// The site's row in `v_Site`.
    Site,
    /// The site's row in `ServerData`.
    SiteStatus,
    /// The site's rows in `CM_UpdatePackageSiteStatus`.
    Updates,
    /// The task's row in `vSMS_SC_SQL_Task`.
    Task,
    /// The task's row in `SQLTaskSiteStatus`.
    TaskStatus,
    /// The highest `RecordID` of the site in `v_StatusMessage`.
    NewestRecord,
    /// The backup's messages in `v_StatusMessage`.
    StatusMessages(Depth),
    /// The insertion strings of errors among these messages, in `v_StatMsgInsStrings`.
    Reasons(Depth),
    /// The database's row in `sys.change_tracking_databases`.
    ChangeTracking,
    /// The oldest row of `sys.dm_tran_commit_table`.
    OldestCommit,
    /// The newest full backups in `msdb.dbo.backupset`.
    BackupSets,
    /// The names in `sys.availability_replicas`.
    Replicas,
    /// The rows of `fnListAlerts`.
    Alerts,
    /// The roots of the paths in `v_Package`.
    PackageRoots,
}

/// How far back status messages are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Depth {
    /// The last two days: what may have come since the last poll.
    Recent,
    /// All that the site keeps, newest first up to a bound.
    All,
}

/// How often a question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cadence {
    /// With every poll.
    EveryPoll,
    /// Once an hour: its answer changes slowly, or costs the server something.
    Hourly,
}

impl Question {
    /// What it is about.
    pub fn topic(self) -> Topic {
        match self {
            Self::Server => Topic::Server,
            Self::Site => Topic::Site,
            Self::SiteStatus => Topic::SiteStatus,
            Self::Updates => Topic::Updates,
            Self::Task => Topic::Task,
            Self::TaskStatus => Topic::TaskStatus,
            Self::NewestRecord | Self::StatusMessages(_) => Topic::StatusMessages,
            Self::Reasons(_) => Topic::Reasons,
            Self::ChangeTracking => Topic::ChangeTracking,
            Self::OldestCommit => Topic::OldestCommit,
            Self::BackupSets => Topic::BackupSets,
            Self::Replicas => Topic::Replicas,
            Self::Alerts => Topic::Alerts,
            Self::PackageRoots => Topic::PackageRoots,
        }
    }

    /// How often it is asked.
    pub fn cadence(self) -> Cadence {
        match self {
            Self::Reasons(_) | Self::OldestCommit | Self::Replicas | Self::PackageRoots => Cadence::Hourly,
            _ => Cadence::EveryPoll,
        }
    }
}
