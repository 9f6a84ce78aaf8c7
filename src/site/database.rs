//! What the site database says of its site: plain values, each with the view it comes from.

use std::time::Duration;

use chrono::NaiveDateTime;

use super::{SiteRole, Timestamp, closed_set};

/// The `SiteStatus` of a site in maintenance (`ServerData`).
pub const MAINTENANCE_MODE: i64 = 120;

/// When the task may start, as ConfigMgr keeps it: without a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskWindow {
    /// `DaysOfWeek`: a bit mask, 1 Sunday, 2 Monday, ... 64 Saturday.
    pub days: u8,
    /// `BeginTime`, in minutes after midnight.
    pub begin: u16,
    /// `LatestBeginTime`, in minutes after midnight; before `begin` means on the next day.
    pub latest_begin: u16,
}

/// The site's row in `v_Site`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteDefinition {
    /// From `Type` and whether a central administration site exists; `None` if they say nothing known.
    pub role: Option<SiteRole>,
    /// `ServerName`.
    pub server: Box<str>,
    /// `Version`, as `5.00.9128.1000`.
    pub version: Box<str>,
}

/// The row of the Backup Site Server task in `vSMS_SC_SQL_Task`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskDefinition {
    /// `IsEnabled`.
    pub enabled: bool,
    /// When it may start.
    pub window: TaskWindow,
    /// `BackupLocation`.
    pub destination: Option<Box<str>>,
}

/// The row of the task in `SQLTaskSiteStatus`. Its times are in a zone that is not documented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskStatus {
    /// `LastStartTime`.
    pub last_start: Option<NaiveDateTime>,
    /// `LastCompletionTime`: when the task was handed on, which does not prove a backup.
    pub last_completion: Option<NaiveDateTime>,
}

/// The site database's row in `sys.change_tracking_databases`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeTracking {
    /// `is_auto_cleanup_on`.
    pub auto_cleanup: bool,
    /// `retention_period` with its unit.
    pub retention: Duration,
}

closed_set! {
    /// How a full backup of the site database was made.
    pub enum BackupMethod {
        /// Through a snapshot or a virtual device: by the backup task, or by any other program of that kind.
        Vss => "vss",
        /// By SQL Server itself, into files that it can restore without anything else.
        Native => "native",
    }
}

/// A full backup of the site database in `msdb.dbo.backupset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupSet {
    /// `backup_start_date`.
    pub started: Timestamp,
    /// `backup_finish_date`.
    pub finished: Timestamp,
    /// From `is_snapshot` and the kind of its device.
    pub method: BackupMethod,
    /// `is_damaged`.
    pub damaged: bool,
}

impl BackupSet {
    /// Whether SQL Server can restore it without any other program.
    pub fn is_usable(&self) -> bool {
        self.method == BackupMethod::Native && !self.damaged
    }
}

closed_set! {
    /// What SQL Server writes into the Application event log about one of its databases.
    pub enum SqlServerEvent {
        /// 3197: I/O is frozen for a snapshot.
        Frozen => "frozen",
        /// 3198: I/O was resumed.
        Resumed => "resumed",
        /// 18264: the database was backed up.
        BackedUp => "backed_up",
    }
}

/// The server itself, as it was when it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseServer {
    /// `@@SERVERNAME`.
    pub name: Box<str>,
    /// `SERVERPROPERTY('ProductVersion')`.
    pub version: Box<str>,
    /// Whether the site database is in an availability group (`sys.databases.replica_id`).
    pub in_availability_group: bool,
    /// Its UTC time (`SYSUTCDATETIME()`).
    pub utc: Timestamp,
    /// Minutes that its local time is ahead of UTC.
    pub offset: i32,
}

/// The site's own alert about failed backups, in `fnListAlerts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteAlert {
    /// `ID`.
    pub id: i64,
    /// `TypeID`.
    pub type_id: Option<i64>,
    /// `Name`, as an administrator wrote it or as a token.
    pub name: Box<str>,
    /// `AlertState` 0: it is active.
    pub active: bool,
    /// `RuleState` 0: what it watches is bad now; `None` if the site does not say.
    pub bad: Option<bool>,
}
