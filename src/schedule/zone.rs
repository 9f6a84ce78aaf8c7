//! The time zone of a schedule: from a local time to the moment it means.

use std::fmt;

use chrono::{Local, LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};

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

/// The longest time that a zone ever skipped: a whole day, when Samoa crossed the date line in 2011.
const LONGEST_GAP_MINUTES: i64 = 24 * 60;

impl Zone {
    /// What a clock on the wall of this zone shows.
    pub fn local(self, time: Timestamp) -> NaiveDateTime {
        match self {
            Self::Local => time.with_timezone(&Local).naive_local(),
            Self::Utc => time.naive_utc(),
            Self::Named(zone) => time.with_timezone(&zone).naive_local(),
        }
    }

    /// The first and the last moment that a local time may mean here: two only around a change of the clocks.
    pub(super) fn moments(self, local: NaiveDateTime) -> [Timestamp; 2] {
        match self {
            Self::Local => moments(&Local, local),
            Self::Utc => [local.and_utc(); 2],
            Self::Named(zone) => moments(&zone, local),
        }
    }
}

fn moments<Tz: TimeZone>(zone: &Tz, local: NaiveDateTime) -> [Timestamp; 2] {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(moment) => [moment.with_timezone(&Utc); 2],
        LocalResult::Ambiguous(first, second) => [first, second].map(|moment| moment.with_timezone(&Utc)),
        LocalResult::None => after_gap(zone, local),
    }
}

/// The first moment after a gap, and the one that a clock would show that nobody had changed.
fn after_gap<Tz: TimeZone>(zone: &Tz, local: NaiveDateTime) -> [Timestamp; 2] {
    // Zones change at whole minutes, and a gap is rare: walking it beats a table of transitions.
    let found = (1..=LONGEST_GAP_MINUTES)
        .filter_map(|ahead| local.checked_add_signed(TimeDelta::minutes(ahead)))
        .find_map(|local| zone.from_local_datetime(&local).earliest());
    let Some(first) = found.map(|found| found.with_timezone(&Utc)) else { return [local.and_utc(); 2] };
    let offset = zone.offset_from_utc_datetime(&(first - TimeDelta::minutes(1)).naive_utc()).fix();
    let unchanged = offset.from_local_datetime(&local).single();
    [first, unchanged.map_or(first, |moment| moment.with_timezone(&Utc).max(first))]
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Local => "local",
            Self::Utc => "utc",
            Self::Named(zone) => zone.name(),
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America::New_York, Australia::Lord_Howe, Europe::Berlin, Pacific::Apia, Tz};

    use super::*;

    #[track_caller]
    fn means(zone: Tz, local: &str, utc: &str) {
        may_mean(zone, local, utc, utc);
    }

    #[track_caller]
    fn may_mean(zone: Tz, local: &str, first: &str, last: &str) {
        let local = NaiveDateTime::parse_from_str(local, "%Y-%m-%d %H:%M").unwrap();
        let moments = Zone::Named(zone).moments(local);
        let moments = moments.map(|moment| moment.format("%Y-%m-%d %H:%M").to_string());
        assert_eq!(moments, [first, last], "{local} in {zone}");
    }

    #[test]
    fn a_time_in_the_gap_is_after_it_at_once_or_as_if_no_clock_had_been_changed() {
        means(Berlin, "2026-03-29 01:59", "2026-03-29 00:59");
        means(Berlin, "2026-03-29 02:00", "2026-03-29 01:00");
        may_mean(Berlin, "2026-03-29 02:59", "2026-03-29 01:00", "2026-03-29 01:59");
        means(Berlin, "2026-03-29 03:00", "2026-03-29 01:00");
        means(New_York, "2026-03-08 01:59", "2026-03-08 06:59");
        may_mean(New_York, "2026-03-08 02:30", "2026-03-08 07:00", "2026-03-08 07:30");
        means(New_York, "2026-03-08 03:00", "2026-03-08 07:00");
        // Lord Howe moves by half an hour: 02:00 to 02:30, from UTC+10:30 to UTC+11.
        means(Lord_Howe, "2026-10-04 01:59", "2026-10-03 15:29");
        may_mean(Lord_Howe, "2026-10-04 02:15", "2026-10-03 15:30", "2026-10-03 15:45");
        means(Lord_Howe, "2026-10-04 02:30", "2026-10-03 15:30");
    }

    #[test]
    fn a_time_that_comes_twice_is_either_occurrence() {
        means(Berlin, "2026-10-25 01:59", "2026-10-24 23:59");
        may_mean(Berlin, "2026-10-25 02:30", "2026-10-25 00:30", "2026-10-25 01:30");
        means(Berlin, "2026-10-25 03:00", "2026-10-25 02:00");
        may_mean(New_York, "2026-11-01 01:30", "2026-11-01 05:30", "2026-11-01 06:30");
        means(New_York, "2026-11-01 02:00", "2026-11-01 07:00");
        may_mean(Lord_Howe, "2026-04-05 01:45", "2026-04-04 14:45", "2026-04-04 15:15");
        means(Lord_Howe, "2026-04-05 02:00", "2026-04-04 15:30");
    }

    #[test]
    fn a_day_that_never_was_ends_at_the_next_midnight() {
        means(Apia, "2011-12-29 23:59", "2011-12-30 09:59");
        means(Apia, "2011-12-30 00:00", "2011-12-30 10:00");
        may_mean(Apia, "2011-12-30 02:00", "2011-12-30 10:00", "2011-12-30 12:00");
        means(Apia, "2011-12-31 02:00", "2011-12-30 12:00");
    }

    #[test]
    fn the_local_zone_is_that_of_chrono() {
        let noon = NaiveDateTime::parse_from_str("2026-06-15 12:00", "%Y-%m-%d %H:%M").unwrap();
        let [first, last] = Zone::Local.moments(noon);
        assert_eq!((first.with_timezone(&Local).naive_local(), last), (noon, first));
    }
}
