//! The live part of the demo: one short backup a minute, without end.
//!
//! Every fifth run fails, each time of another cause, and the next one succeeds. Whoever plays it appends each line
//! when its time has come.

use chrono::TimeDelta;

use super::writer::{BackupTask, LogWriter, RunScript};
use crate::site::{FailureCause, Timestamp};

/// How long a run takes that goes to its end.
const RUN: TimeDelta = TimeDelta::seconds(20);
/// From one start to the next.
const INTERVAL: TimeDelta = TimeDelta::seconds(60);
/// Of so many runs one fails.
const FAILS_EVERY: usize = 5;
const CAUSES: [FailureCause; 8] = [
    FailureCause::DiskFull,
    FailureCause::CleanupFailed,
    FailureCause::SharingViolation,
    FailureCause::Writer,
    FailureCause::AccessDenied,
    FailureCause::Vss,
    FailureCause::CopyFailed,
    FailureCause::Sql,
];

/// Runs and their starts, one a minute; it never ends.
#[derive(Debug, Clone)]
pub struct LiveScript {
    task: BackupTask,
    next: Timestamp,
    number: usize,
}

impl LiveScript {
    /// The first run starts at `start`.
    pub fn new(task: BackupTask, start: Timestamp) -> Self {
        Self { task: task.lasting(RUN), next: start, number: 0 }
    }

    /// The lines of all runs in order, each with the time at which it is due.
    pub fn lines(self, writer: LogWriter) -> impl Iterator<Item = (Timestamp, String)> {
        self.flat_map(move |(start, run)| run.lines(&writer, start))
    }
}

impl Iterator for LiveScript {
    type Item = (Timestamp, RunScript);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.next;
        self.next += INTERVAL;
        self.number += 1;
        let failures = self.number / FAILS_EVERY;
        let run = match CAUSES.get(failures.wrapping_sub(1) % CAUSES.len()) {
            Some(cause) if self.number.is_multiple_of(FAILS_EVERY) => self.task.failure(*cause),
            _ => self.task.success(),
        };
        // Process ids of Windows are multiples of four.
        let pid = 4 * (1_000 + u32::try_from(self.number % 4_000).unwrap_or(0));
        Some((start, run.process(pid, pid + 308)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fifth_run_fails_of_the_next_cause_and_the_one_after_succeeds() {
        let site = "P01".parse().unwrap();
        let task = BackupTask::new(site);
        let writer = LogWriter::new(site, "CM01");
        let runs: Vec<_> = LiveScript::new(task.clone(), Timestamp::UNIX_EPOCH).take(45).collect();
        for (number, (start, run)) in (1..).zip(&runs) {
            assert_eq!(start.timestamp(), 60 * (number - 1));
            assert!(run.duration() < TimeDelta::seconds(21));
            let text = run.text(&writer, *start);
            assert_eq!(text.contains("ID=5060 "), number % 5 == 0, "{number}");
            assert_eq!(text.contains("ID=5035 "), number % 5 != 0, "{number}");
        }
        assert!(runs[4].1.text(&writer, runs[4].0).contains("Win32 Error = 112"));
        assert!(runs[9].1.text(&writer, runs[9].0).contains("Win32 Error = 145"));
        assert!(runs[44].1.text(&writer, runs[44].0).contains("Win32 Error = 112"), "the causes begin anew");
    }

    #[test]
    fn lines_are_due_in_order() {
        let site = "P01".parse().unwrap();
        let lines =
            LiveScript::new(BackupTask::new(site), Timestamp::UNIX_EPOCH).lines(LogWriter::new(site, "CM01"));
        let times: Vec<_> = lines.take(300).map(|(time, _)| time).collect();
        assert!(times.is_sorted_by(|a, b| a < b));
    }
}
