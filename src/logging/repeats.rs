//! Which messages the event log has had already: the same problem once, then a count.
//!
//! Plain data, and `now` is an argument. A clock that steps back forgets what it dated in the future.

use std::collections::HashMap;

use chrono::TimeDelta;

use crate::site::Timestamp;

/// So long a problem that goes on is only counted.
const QUIET: TimeDelta = TimeDelta::hours(1);

/// Problems that are remembered: far more than a server has at once, and a few kilobytes.
const MAX_PROBLEMS: usize = 256;

/// What is known of the problems that were written.
#[derive(Debug, Default)]
pub(super) struct Repeats(HashMap<u64, Written>);

/// When a problem was last written, and how often it has come since.
#[derive(Debug, Clone, Copy)]
struct Written {
    at: Timestamp,
    held_back: u64,
}

/// How often a problem came without being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repeated {
    pub(super) times: u64,
    /// When it was last written.
    pub(super) since: Timestamp,
}

/// What is to be done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Write it, with what was held back.
    Write(Option<Repeated>),
    /// It was counted.
    HoldBack,
}

impl Repeats {
    /// Whether a message of a problem is written now.
    pub(super) fn turn(&mut self, problem: u64, now: Timestamp) -> Turn {
        if let Some(written) = self.0.get_mut(&problem) {
            let age = now - written.at;
            if age >= TimeDelta::zero() && age < QUIET {
                written.held_back += 1;
                return Turn::HoldBack;
            }
        }
        let before = self.0.insert(problem, Written { at: now, held_back: 0 });
        if self.0.len() > MAX_PROBLEMS {
            let oldest =
                self.0.iter().filter(|(known, _)| **known != problem).min_by_key(|(_, written)| written.at);
            if let Some(oldest) = oldest.map(|(known, _)| *known) {
                self.0.remove(&oldest);
            }
        }
        let held_back = before.filter(|before| before.held_back > 0);
        Turn::Write(held_back.map(|before| Repeated { times: before.held_back, since: before.at }))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Utc.with_ymd_and_hms(2026, 11, 1, 2, 0, 0).unwrap() + TimeDelta::minutes(minute)
    }

    #[test]
    fn a_problem_is_written_once_an_hour_with_what_was_held_back() {
        let mut repeats = Repeats::default();
        let again = |times, minute| Turn::Write(Some(Repeated { times, since: at(minute) }));
        for (minute, expected) in [
            (0, Turn::Write(None)),
            (1, Turn::HoldBack),
            (59, Turn::HoldBack),
            (60, again(2, 0)),
            (61, Turn::HoldBack),
            (500, again(1, 60)),
            // An hour in which it did not come.
            (560, Turn::Write(None)),
        ] {
            assert_eq!(repeats.turn(7, at(minute)), expected, "{minute}");
        }
    }

    #[test]
    fn problems_do_not_count_for_each_other() {
        let mut repeats = Repeats::default();
        for problem in 0..10 {
            assert_eq!(repeats.turn(problem, at(0)), Turn::Write(None));
        }
        assert_eq!(repeats.turn(3, at(1)), Turn::HoldBack);
        assert_eq!(repeats.turn(3, at(60)), Turn::Write(Some(Repeated { times: 1, since: at(0) })));
        assert_eq!(repeats.turn(4, at(60)), Turn::Write(None));
    }

    #[test]
    fn a_clock_that_steps_back_silences_nothing() {
        let mut repeats = Repeats::default();
        assert_eq!(repeats.turn(1, at(1_000_000)), Turn::Write(None));
        assert_eq!(repeats.turn(1, at(0)), Turn::Write(None));
        assert_eq!(repeats.turn(1, at(1)), Turn::HoldBack);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut repeats = Repeats::default();
        let many = u64::try_from(MAX_PROBLEMS).unwrap() * 3;
        for (minute, problem) in (0..).zip(0..many) {
            assert_eq!(repeats.turn(problem, at(minute)), Turn::Write(None));
            assert!(repeats.0.len() <= MAX_PROBLEMS);
        }
        let newest = repeats.0.keys().copied().min();
        assert_eq!(newest, Some(many - u64::try_from(MAX_PROBLEMS).unwrap()));
        // All in one moment: the one that is written is never the one that is forgotten.
        let mut repeats = Repeats::default();
        for problem in 0..many {
            assert_eq!(repeats.turn(problem, at(0)), Turn::Write(None));
            assert_eq!(repeats.turn(problem, at(0)), Turn::HoldBack);
        }
    }
}
