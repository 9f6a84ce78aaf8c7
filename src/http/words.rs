//! How pages and `check` say things in plain text: moments, distances, sizes, and labels as words.
//!
//! Nothing here is markup, and nothing here is escaped.

use chrono::{SubsecRound, TimeDelta};

use crate::schedule::Zone;
use crate::site::Timestamp;
use crate::state::KnownSchedule;

/// What people write in capitals, or with a dot, where a label has small letters.
const NAMES: &[(&str, &str)] = &[
    ("vss", "VSS"),
    ("sms", "SMS"),
    ("sql", "SQL"),
    ("cd latest", "CD.Latest"),
    ("cas", "central administration site"),
    ("hierarchy", "primary site in a hierarchy"),
    ("standalone", "standalone primary site"),
];

/// A moment, to the second.
pub(super) fn time(time: Timestamp) -> String {
    time.trunc_subsecs(0).format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A duration in its two largest units.
pub(super) fn ago(duration: TimeDelta) -> String {
    let seconds = duration.num_seconds();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// How far a moment is from now.
pub(super) fn distance(at: Timestamp, now: Timestamp) -> String {
    if at > now { format!("in {}", ago(at - now)) } else { format!("{} ago", ago(now - at)) }
}

/// How long something lasts that ends at a moment, or since when it has been over.
pub(super) fn remaining(until: Timestamp, now: Timestamp) -> String {
    if until > now { ago(until - now) } else { format!("ran out {} ago", ago(now - until)) }
}

/// A schedule with its zone, and why that one if nobody gave it.
pub fn schedule(known: &KnownSchedule) -> String {
    let KnownSchedule { schedule, zone_assumed, votes, .. } = known;
    let zone = match schedule.zone {
        Zone::Local => "local time of the site",
        Zone::Utc => "UTC",
        Zone::Named(zone) => zone.name(),
    };
    let (days, begin, latest_begin) =
        (schedule.days_label(), schedule.begin_label(), schedule.latest_begin_label());
    let said = format!("{days} {begin}-{latest_begin} {zone}");
    if !zone_assumed {
        return said;
    }
    format!("{said} (the zone is assumed: {votes}; set sites[].schedule.time_zone if another is meant)")
}

/// A label as people write it in the middle of a sentence: `snapshot_complete` as `snapshot complete`.
pub(super) fn spaced(label: &str) -> String {
    let spaced = label.replace('_', " ");
    let named = |word: &str| NAMES.iter().find(|(label, _)| *label == word).map(|(_, name)| *name);
    if let Some(name) = named(&spaced) {
        return name.to_owned();
    }
    spaced.split(' ').map(|word| named(word).unwrap_or(word)).collect::<Vec<_>>().join(" ")
}

/// A text that begins with a capital letter.
pub(super) fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// A label as people write it at the beginning of a sentence or alone.
pub(super) fn title(label: &str) -> String {
    capital(&spaced(label))
}

/// Bytes in the largest unit that leaves something before the point.
pub(super) fn size(bytes: u64) -> String {
    let units = [(1_u64 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} bytes"),
    }
}

/// A number of things, with the word for one or for several of them.
pub(super) fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Schedule, Votes};
    use crate::site::TaskWindow;

    #[test]
    fn a_schedule_has_its_zone_and_one_that_nobody_gave_is_called_an_assumption() {
        const ASSUMED: &str = "sunday 02:00-05:00 UTC (the zone is assumed: 1 of 5 starts fit local time, 4 UTC; set \
             sites[].schedule.time_zone if another is meant)";
        for (zone, zone_assumed, expected) in [
            (Zone::Utc, false, "sunday 02:00-05:00 UTC"),
            (Zone::Local, false, "sunday 02:00-05:00 local time of the site"),
            (Zone::Named(chrono_tz::Europe::Berlin), false, "sunday 02:00-05:00 Europe/Berlin"),
            (Zone::Utc, true, ASSUMED),
        ] {
            let schedule = Schedule::new(TaskWindow { days: 1, begin: 120, latest_begin: 300 }, zone);
            let votes = Votes { starts: 5, local: 1, utc: 4 };
            let since = Timestamp::UNIX_EPOCH;
            let known = KnownSchedule { schedule, since, changed: false, zone_assumed, votes, owed: None };
            assert_eq!(super::schedule(&known), expected);
        }
    }

    #[test]
    fn durations_have_two_units() {
        for (seconds, expected) in [(5, "5 s"), (65, "1 min 5 s"), (3700, "1 h 1 min"), (90_000, "1 d 1 h")] {
            assert_eq!(ago(TimeDelta::seconds(seconds)), expected);
        }
    }

    #[test]
    fn a_moment_is_before_or_after_now() {
        let now = Timestamp::UNIX_EPOCH;
        for (seconds, expected) in [(-5, "5 s ago"), (0, "0 s ago"), (65, "in 1 min 5 s")] {
            assert_eq!(distance(now + TimeDelta::seconds(seconds), now), expected);
        }
    }

    #[test]
    fn labels_are_words() {
        for (label, expected) in [
            ("snapshot_complete", "Snapshot complete"),
            ("sms_writer", "SMS writer"),
            ("vss", "VSS"),
            ("cas", "Central administration site"),
            ("cd_latest", "CD.Latest"),
            ("", ""),
        ] {
            assert_eq!(title(label), expected);
        }
    }

    #[test]
    fn sizes_have_no_overflow() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            ((1 << 30) - 1, "1023.9 MiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }
}
