//! When a backup is due: days of the week, a begin, a latest begin and the time zone they are meant in.

use crate::site::Timestamp;

/// The zone in which a schedule's times are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// The zone of this machine.
    Local,
    /// UTC, which ConfigMgr uses when the console ran on another computer.
    Utc,
    /// A zone of the IANA database.
    Named(chrono_tz::Tz),
}

/// The schedule of the backup task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Days on which it begins, as a bit mask: 1 Sunday, 2 Monday, ... 64 Saturday (as `DaysOfWeek` in SQL).
    pub days: u8,
    /// Begin, in minutes after midnight.
    pub begin: u16,
    /// Latest begin, in minutes after midnight; before `begin` means on the next day.
    pub latest_begin: u16,
    /// The zone of both.
    pub zone: Zone,
}

/// One due run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// When it may begin.
    pub begin: Timestamp,
    /// When it must have begun.
    pub latest_begin: Timestamp,
}
