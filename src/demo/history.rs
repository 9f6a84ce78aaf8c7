//! A month of nightly backups before a given moment, and the log files they left.
//!
//! The month has what a month has: mostly successes, a full disk, a cleanup that failed, a warning and a night
//! without a run; it ends with a success. The same seed gives the same month.

use std::fs;
use std::io;
use std::path::Path;

use chrono::{NaiveTime, TimeDelta};

use super::writer::{BackupTask, LogWriter, RunScript};
use crate::schedule::EVERY_DAY;
use crate::site::{FailureCause, TaskWindow, Timestamp};

/// Of every ten lines so many are in the older file: it ends within a run, as files do that roll by size.
const ROLLED_TENTHS: usize = 7;

/// When the nightly backups of a history begin, and how many nights it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nights {
    /// How many nights, the last one before now included.
    pub count: u32,
    /// The task's begin, local time in minutes after midnight.
    pub begin: u16,
    /// Minutes from local time to UTC, as Windows counts them.
    pub bias: i32,
    /// Makes another month of the same kind.
    pub seed: u64,
}

impl Nights {
    /// The window of the task's row: it may begin within three hours.
    pub fn window(&self) -> TaskWindow {
        TaskWindow { days: EVERY_DAY, begin: self.begin, latest_begin: (self.begin + 3 * 60) % (24 * 60) }
    }
}

impl Default for Nights {
    fn default() -> Self {
        Self { count: 30, begin: 120, bias: 0, seed: 1 }
    }
}

/// The runs before `now`, oldest first, each with its start; the last one has ended with success.
///
/// Durations vary around the task's; a run's process differs from that of every other.
pub fn history(now: Timestamp, task: &BackupTask, nights: &Nights) -> Vec<(Timestamp, RunScript)> {
    let mut random = fastrand::Rng::with_seed(nights.seed);
    let last = last_begin(now, task.duration(), nights);
    (1..=nights.count).rev().filter_map(|age| run(last, age, task, &mut random)).collect()
}

/// The run of the night that lies `age` nights back (1: the last), unless that one was missed.
fn run(
    last: Timestamp,
    age: u32,
    task: &BackupTask,
    random: &mut fastrand::Rng,
) -> Option<(Timestamp, RunScript)> {
    let start =
        last - TimeDelta::days(i64::from(age) - 1) + TimeDelta::milliseconds(random.i64(2_000..90_000));
    let pid = random.u32(500..4_000) * 4;
    let task = task.clone().lasting(task.duration() * random.i32(85..115) / 100);
    let run = match age {
        21 => task.failure(FailureCause::DiskFull),
        14 => task.warning(),
        9 => task.failure(FailureCause::CleanupFailed),
        5 => return None,
        _ => task.success(),
    };
    Some((start, run.process(pid, pid + 308)))
}

/// The last begin whose run has surely ended by `now`.
fn last_begin(now: Timestamp, duration: TimeDelta, nights: &Nights) -> Timestamp {
    let to_utc = TimeDelta::minutes(nights.bias.into());
    let today = (now - to_utc).date_naive().and_time(NaiveTime::MIN).and_utc();
    let mut begin = today + TimeDelta::minutes(nights.begin.into()) + to_utc;
    while begin + TimeDelta::minutes(2) + duration * 115 / 100 > now {
        begin -= TimeDelta::days(1);
    }
    begin
}

/// Writes runs as `smsbkup.lo_` and `smsbkup.log` into a folder, as if the log had rolled once.
pub fn write_history(folder: &Path, writer: &LogWriter, runs: &[(Timestamp, RunScript)]) -> io::Result<()> {
    let lines: Vec<_> =
        runs.iter().flat_map(|(start, run)| run.lines(writer, *start)).map(|(_, line)| line).collect();
    let (older, newer) = lines.split_at(lines.len() * ROLLED_TENTHS / 10);
    fs::write(folder.join("smsbkup.lo_"), older.concat())?;
    fs::write(folder.join("smsbkup.log"), newer.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T08:00:00Z".parse().unwrap()
    }

    fn task() -> BackupTask {
        BackupTask::new("P01".parse().unwrap())
    }

    fn month(now: Timestamp, bias: i32) -> Vec<(Timestamp, RunScript)> {
        history(now, &task(), &Nights { bias, ..Nights::default() })
    }

    fn count(runs: &[(Timestamp, RunScript)], needle: &str) -> usize {
        let writer = LogWriter::new("P01".parse().unwrap(), "CM01");
        runs.iter().filter(|(start, run)| run.text(&writer, *start).contains(needle)).count()
    }

    #[test]
    fn a_month_has_its_failures_and_ends_well() {
        let runs = month(now(), 0);
        assert_eq!(runs.len(), 29);
        assert_eq!(count(&runs, "ID=5035 "), 27);
        assert_eq!(count(&runs, "Win32 Error = 112"), 1);
        assert_eq!(count(&runs, "Win32 Error = 145"), 1);
        assert_eq!(count(&runs, " SEV=W "), 1);
        assert_eq!(count(&runs[28..], "ID=5035 "), 1);
        assert_eq!(runs, month(now(), 0), "the same seed gives the same month");
        assert!(runs.is_sorted_by(|(a, run), (b, _)| *a + run.duration() < *b));
    }

    #[test]
    fn the_last_run_has_ended_whatever_the_hour_and_the_zone() {
        for bias in [-720, -60, 0, 300] {
            for hour in 0..24 {
                let now = now() + TimeDelta::hours(hour);
                let runs = month(now, bias);
                let (start, run) = runs.last().unwrap();
                assert!(
                    *start + run.duration() < now && *start > now - TimeDelta::hours(26),
                    "{bias} {hour}"
                );
                let local = (*start - TimeDelta::minutes(bias.into())).time();
                assert!((120..122).contains(&(local - NaiveTime::MIN).num_minutes()), "{local}");
            }
        }
    }

    #[test]
    fn the_two_files_are_one_log() {
        let folder = tempfile::tempdir().unwrap();
        let writer = LogWriter::new("P01".parse().unwrap(), "CM01");
        let runs = month(now(), 0);
        write_history(folder.path(), &writer, &runs).unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let (older, newer) = (read("smsbkup.lo_"), read("smsbkup.log"));
        let whole: String = runs.iter().map(|(start, run)| run.text(&writer, *start)).collect();
        assert_eq!(format!("{older}{newer}"), whole);
        assert!(older.ends_with("\r\n") && newer.len() > 10_000);
    }
}
