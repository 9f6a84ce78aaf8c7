//! Whether the times of a window are meant in local time or in UTC, as observed starts tell.
//!
//! ConfigMgr keeps local time if the console ran on the site server and UTC if it ran elsewhere, and does not keep
//! which. A start by hand fits neither reading, or either by chance, so one start decides nothing.

use std::fmt;

use chrono::TimeDelta;

use super::{Schedule, Zone};
use crate::site::{TaskWindow, Timestamp};

/// So many votes are enough to decide.
const ENOUGH: u32 = 3;

/// Only the newest votes count: the schedule may have been another one before it was first read.
const NEWEST: u32 = 10;

/// A start so soon after another one is a repetition, which tells nothing of the schedule.
const REPETITION: TimeDelta = TimeDelta::hours(6);

/// How the newest starts fit the two readings of a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Votes {
    /// How many starts were looked at.
    pub starts: u32,
    /// How many of them fit local time better.
    pub local: u32,
    /// How many of them fit UTC better.
    pub utc: u32,
}

impl Votes {
    /// Counts the votes of `starts`, given oldest first; one may come so much later than the latest begin.
    ///
    /// A start votes for the reading whose begin it follows more closely within the window. Where both readings are
    /// the same moment, or none fits, it does not vote.
    pub fn of(window: TaskWindow, local: Zone, starts: &[Timestamp], tolerance: TimeDelta) -> Self {
        let [local, utc] = [local, Zone::Utc].map(|zone| Schedule::new(window, zone));
        let delay = |schedule: &Schedule, start: Timestamp| {
            let due = schedule.last_due(start)?;
            (start <= due.latest_begin + tolerance).then(|| start - due.begin)
        };
        let mut votes = Self::default();
        for (index, start) in starts.iter().enumerate().rev() {
            if votes.local + votes.utc == NEWEST {
                break;
            }
            votes.starts += 1;
            let before = index.checked_sub(1).and_then(|index| starts.get(index));
            if before.is_some_and(|before| *start - *before < REPETITION) {
                continue;
            }
            match (delay(&local, *start), delay(&utc, *start)) {
                (Some(local), Some(utc)) if local == utc => {}
                (Some(local), utc) if utc.is_none_or(|utc| local < utc) => votes.local += 1,
                (_, Some(_)) => votes.utc += 1,
                _ => {}
            }
        }
        votes
    }

    /// The reading that has a clear majority: `Some(true)` for UTC, `None` where there is none.
    ///
    /// A third of the votes may be noise. It takes as many nights to turn a decision as it takes to be sure.
    pub fn say_utc(self) -> Option<bool> {
        let clear = |own: u32, other: u32| own >= ENOUGH && own > 2 * other;
        (clear(self.utc, self.local).then_some(true)).or(clear(self.local, self.utc).then_some(false))
    }
}

impl fmt::Display for Votes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { starts, local: 0, utc: 0 } => {
                write!(f, "none of {starts} starts tells local time from UTC")
            }
            Self { starts, local, utc } => write!(f, "{local} of {starts} starts fit local time, {utc} UTC"),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use chrono_tz::Europe::{Berlin, London};
    use proptest::prelude::*;

    use super::*;
    use crate::schedule::EVERY_DAY;

    const TOLERANCE: TimeDelta = TimeDelta::minutes(15);

    const NIGHTLY: TaskWindow = TaskWindow { days: EVERY_DAY, begin: 120, latest_begin: 300 };

    fn votes(window: TaskWindow, zone: chrono_tz::Tz, starts: &str) -> (u32, u32, u32) {
        let at = |word: &str| format!("2026-{word}:00Z").parse().unwrap();
        let starts: Vec<Timestamp> = starts.split_whitespace().map(at).collect();
        let Votes { starts, local, utc } = Votes::of(window, Zone::Named(zone), &starts, TOLERANCE);
        (starts, local, utc)
    }

    #[test]
    fn a_start_votes_for_the_begin_that_it_follows_more_closely() {
        for (zone, starts, expected) in [
            // 02:00 in Berlin is 01:00 UTC in winter and 00:00 UTC in summer.
            (Berlin, "01-10T01:02", (1, 1, 0)),
            (Berlin, "07-10T00:02", (1, 1, 0)),
            (Berlin, "01-10T02:02", (1, 0, 1)),
            (Berlin, "07-10T02:02", (1, 0, 1)),
            (Berlin, "01-10T01:02 01-11T02:02 01-12T01:03", (3, 2, 1)),
            // The window of local time is over, that of UTC is not; and the tolerance of either.
            (Berlin, "01-10T04:15 01-11T04:16", (2, 0, 2)),
            (Berlin, "01-10T05:15", (1, 0, 1)),
            // In neither.
            (Berlin, "01-10T00:59 01-11T05:16 01-12T15:00", (3, 0, 0)),
            // In London both are the same in winter.
            (London, "01-10T02:02 01-11T02:02 01-12T02:02", (3, 0, 0)),
            (London, "07-10T01:02 07-11T02:02 07-12T03:30", (3, 1, 2)),
            // What follows soon repeats what failed.
            (Berlin, "01-10T01:02 01-10T02:10 01-10T03:30", (3, 1, 0)),
            (Berlin, "", (0, 0, 0)),
        ] {
            assert_eq!(votes(NIGHTLY, zone, starts), expected, "{zone} {starts}");
        }
    }

    #[test]
    fn a_start_on_a_day_that_is_not_due_does_not_vote() {
        // Only Sundays; 2026-01-11 is one. In Berlin, Sunday 00:30 is Saturday 23:30 UTC.
        let sunday = TaskWindow { days: 1, begin: 30, latest_begin: 45 };
        for (starts, expected) in [
            ("01-10T23:31", (1, 1, 0)),
            ("01-11T00:31", (1, 0, 1)),
            ("01-11T23:31 01-12T00:31 01-10T00:31", (3, 0, 0)),
        ] {
            assert_eq!(votes(sunday, Berlin, starts), expected, "{starts}");
        }
    }

    #[test]
    fn it_takes_a_clear_majority_of_at_least_three() {
        for (local, utc, expected) in [
            (0, 0, None),
            (2, 0, None),
            (3, 0, Some(false)),
            (3, 1, Some(false)),
            (0, 3, Some(true)),
            (2, 4, None),
            (2, 5, Some(true)),
            (6, 4, None),
            (7, 3, Some(false)),
        ] {
            assert_eq!(Votes { starts: 10, local, utc }.say_utc(), expected, "{local} {utc}");
        }
    }

    #[test]
    fn people_read_how_sure_it_is() {
        assert_eq!(Votes { starts: 6, local: 5, utc: 0 }.to_string(), "5 of 6 starts fit local time, 0 UTC");
        let none = Votes { starts: 2, ..Votes::default() };
        assert_eq!(none.to_string(), "none of 2 starts tells local time from UTC");
    }

    proptest! {
        /// Starts by hand, up to a third of all, at any time: ten nights of the task's own starts are enough.
        #[test]
        fn noise_does_not_hide_the_reading(
            by_hand in proptest::collection::vec((0_i64..20, 0_i64..86_400), 0..3),
            first_day in 0_i64..300,
            delay in 0_i64..30,
            utc in any::<bool>(),
        ) {
            let zone = if utc { Zone::Utc } else { Zone::Named(Berlin) };
            let first = DateTime::from_timestamp(1_767_225_600 + first_day * 86_400, 0).unwrap();
            let dues = Schedule::new(NIGHTLY, zone);
            let mut starts: Vec<_> = (dues.dues(first, first + TimeDelta::days(20)))
                .map(|due| due.begin + TimeDelta::minutes(delay))
                .chain(by_hand.iter().map(|(day, second)| first + TimeDelta::days(*day) + TimeDelta::seconds(*second)))
                .collect();
            starts.sort();
            let votes = Votes::of(NIGHTLY, Zone::Named(Berlin), &starts, TOLERANCE);
            prop_assert_eq!(votes.say_utc(), Some(utc), "{}", votes);
        }
    }
}
