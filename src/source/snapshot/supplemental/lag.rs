//! How far a copy is behind its source, file by file.
//!
//! Only times are compared, since reading both would load the share that is to be spared. A file that is missing in the
//! copy has been missing since it came to its source, which a file that is written all the time would hide.

use chrono::TimeDelta;

use super::Times;
use crate::site::Timestamp;
use crate::snapshot::SupplementalCopy;

/// FAT and many NAS file systems keep times in steps of two seconds.
const TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// The file of a copy that is furthest behind.
#[derive(Debug)]
pub(super) struct Lag {
    look: Timestamp,
    files: u64,
    greatest: Option<(TimeDelta, String)>,
}

impl Lag {
    /// Nothing has been compared, and this is the present.
    pub(super) fn new(look: Timestamp) -> Self {
        Self { look, files: 0, greatest: None }
    }

    /// How far a copy without this file would be behind; `None` if the file has no time.
    pub(super) fn if_missing(&self, source: Times) -> Option<TimeDelta> {
        let since = [source.modified, source.created].into_iter().flatten().min()?;
        Some((self.look - since).max(TimeDelta::zero()))
    }

    /// Whether this would make a difference.
    pub(super) fn is_exceeded_by(&self, lag: TimeDelta) -> bool {
        self.greatest.as_ref().is_none_or(|(greatest, _)| lag > *greatest)
    }

    /// Takes a file of the source and what the copy has of it; an error in words where nothing can be said.
    pub(super) fn take(&mut self, path: &str, source: Times, copy: Option<Times>) -> Result<(), String> {
        self.files += 1;
        let lag = match copy {
            None => self.if_missing(source),
            Some(copy) => source.modified.zip(copy.modified).map(|(source, copy)| source - copy),
        };
        let lag = lag.ok_or_else(|| format!("{path} has no time of change"))?;
        if (copy.is_none() || lag > TOLERANCE) && self.is_exceeded_by(lag) {
            let because = match copy {
                None => format!("{path} is missing in the copy"),
                Some(_) => format!("{path} is {} older than its source", roughly(lag)),
            };
            self.greatest = Some((lag, because));
        }
        Ok(())
    }

    /// What all files together say.
    pub(super) fn finish(self) -> SupplementalCopy {
        let (lag, because) = match self.greatest {
            None if self.files == 0 => {
                return SupplementalCopy::unknown("its source holds no file".to_owned());
            }
            None => (TimeDelta::zero(), "no file is older than its source".to_owned()),
            Some(greatest) => greatest,
        };
        // No calendar has a time before all others, but it is as stale as it gets.
        let current_to = self.look.checked_sub_signed(lag).unwrap_or(Timestamp::MIN_UTC);
        SupplementalCopy { current_to: Some(current_to), because, unreadable: None }
    }
}

/// A duration in its largest unit.
fn roughly(duration: TimeDelta) -> String {
    let seconds = duration.num_seconds();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600, seconds / 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, ..) => format!("{hours} h"),
        _ => format!("{days} d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(100 * DAY + seconds, 0).unwrap()
    }

    fn times(modified: i64, created: i64) -> Times {
        Times { modified: Some(at(modified)), created: Some(at(created)) }
    }

    /// How far a copy is behind at 0 that has this of one file.
    fn lag_of(source: Times, copy: Option<Times>) -> (i64, String) {
        let mut lag = Lag::new(at(0));
        lag.take("a", source, copy).unwrap();
        let SupplementalCopy { current_to, because, unreadable } = lag.finish();
        assert_eq!(unreadable, None);
        ((at(0) - current_to.unwrap()).num_seconds(), because)
    }

    #[test]
    fn a_file_says_how_far_its_copy_is_behind() {
        let current = "no file is older than its source";
        let missing = "a is missing in the copy";
        for (source, copy, lag, because) in [
            (times(-DAY, -DAY), Some(times(-DAY, 0)), 0, current),
            (times(-DAY, -DAY), Some(times(-DAY - 2, 0)), 0, current),
            (times(-DAY, -DAY), Some(times(-DAY - 3, 0)), 3, "a is 3 s older than its source"),
            (times(-DAY, -DAY), Some(times(0, 0)), 0, current),
            (times(-DAY, -DAY), Some(times(-10 * DAY, 0)), 9 * DAY, "a is 9 d older than its source"),
            (times(0, 0), Some(times(-7300, 0)), 7300, "a is 2 h older than its source"),
            (times(0, 0), Some(times(-180, 0)), 180, "a is 3 min older than its source"),
            (times(-DAY, -DAY), None, DAY, missing),
            // Written just now, as it always is, and never copied.
            (times(-1, -90 * DAY), None, 90 * DAY, missing),
            (times(-9 * DAY, -DAY), None, 9 * DAY, missing),
            // A clock that is ahead.
            (times(DAY, DAY), None, 0, missing),
        ] {
            assert_eq!(lag_of(source, copy), (lag, because.to_owned()), "{source:?} {copy:?}");
        }
    }

    #[test]
    fn the_file_that_is_furthest_behind_decides() {
        let mut lag = Lag::new(at(0));
        for (path, source, copy) in [
            ("a", times(-DAY, -DAY), Some(times(-2 * DAY, 0))),
            ("b", times(-DAY, -5 * DAY), Some(times(-5 * DAY, 0))),
            ("c", times(-2 * DAY, -2 * DAY), None),
        ] {
            lag.take(path, source, copy).unwrap();
        }
        let copy = lag.finish();
        assert_eq!((copy.current_to, &*copy.because), (Some(at(-4 * DAY)), "b is 4 d older than its source"));
    }

    #[test]
    fn what_has_no_time_or_no_file_says_nothing() {
        let none = Times { modified: None, created: None };
        for (source, copy) in [(none, None), (none, Some(times(0, 0))), (times(0, 0), Some(none))] {
            assert_eq!(Lag::new(at(0)).take("a", source, copy), Err("a has no time of change".to_owned()));
        }
        let nothing = Lag::new(at(0)).finish();
        assert_eq!((nothing.current_to, nothing.unreadable.is_some()), (None, true));
    }

    #[test]
    fn times_at_the_ends_of_the_calendar_are_no_trouble() {
        let end = |time| Times { modified: Some(time), created: None };
        let (first, last) = (end(Timestamp::MIN_UTC), end(Timestamp::MAX_UTC));
        for (source, copy) in [(last, Some(first)), (first, Some(last)), (first, None), (last, None)] {
            lag_of(source, copy);
        }
    }
}
