//! When a backup is due: days of the week, a begin, a latest begin and the time zone they are meant in.
//!
//! Pure: every question takes the time as an argument. A schedule without days is never due. What ConfigMgr does
//! with a time that does not exist, or exists twice, when the clocks are changed is not documented: the window then
//! opens at the first moment that its begin may mean and closes at the last that its latest begin may mean.

mod days;
mod due;
mod learn;
mod zone;

use std::fmt;

use crate::site::{TaskWindow, Timestamp};

pub use days::{DAY_NAMES, EVERY_DAY};
pub use learn::Votes;
pub use zone::Zone;

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

impl Schedule {
    /// The schedule of a task whose times are meant in this zone.
    pub fn new(window: TaskWindow, zone: Zone) -> Self {
        let TaskWindow { days, begin, latest_begin } = window;
        Self { days, begin, latest_begin, zone }
    }

    /// The same without its zone.
    pub fn window(&self) -> TaskWindow {
        let Self { days, begin, latest_begin, .. } = *self;
        TaskWindow { days, begin, latest_begin }
    }

    /// Whether it has any day.
    pub fn has_days(&self) -> bool {
        days::of(self.days) != 0
    }

    /// The names of its days, Sunday first.
    pub fn day_names(&self) -> impl Iterator<Item = &'static str> + use<> {
        days::names(self.days)
    }

    /// Its days as one word for a label: `daily`, or names joined by commas.
    pub fn days_label(&self) -> String {
        if days::of(self.days) == EVERY_DAY {
            return "daily".to_owned();
        }
        self.day_names().collect::<Vec<_>>().join(",")
    }

    /// Its begin as `HH:MM`.
    pub fn begin_label(&self) -> String {
        time_of_day(self.begin)
    }

    /// Its latest begin as `HH:MM`.
    pub fn latest_begin_label(&self) -> String {
        time_of_day(self.latest_begin)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, begin, latest_begin) = (self.days_label(), self.begin_label(), self.latest_begin_label());
        write!(f, "{days} {begin}-{latest_begin} {}", self.zone)
    }
}

fn time_of_day(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_reads_as_people_say_it() {
        let mut schedule = Schedule { days: 1 | 8, begin: 120, latest_begin: 305, zone: Zone::Local };
        assert_eq!(schedule.to_string(), "sunday,wednesday 02:00-05:05 local");
        schedule.days = EVERY_DAY;
        schedule.zone = Zone::Named(chrono_tz::Europe::Berlin);
        assert_eq!(schedule.to_string(), "daily 02:00-05:05 Europe/Berlin");
    }
}
