//! The live part of the demo: one short backup a minute, without end.
//!
//! Every fifth run fails, each time of another cause, and the next one succeeds; of every ten snapshots one has a
//! damaged page and one is cut. Whoever plays it does each act when its time has come.

use chrono::TimeDelta;

use super::event_log;
use super::writer::{BackupTask, Entry, Flaw, LogWriter, RunScript, WindowsEvent};
use crate::site::{FailureCause, MessageId, Timestamp};

/// How long a run takes that goes to its end.
const RUN: TimeDelta = TimeDelta::seconds(20);
/// From one start to the next.
const INTERVAL: TimeDelta = TimeDelta::seconds(60);
/// From a start to an event of another provider.
const NOISE: TimeDelta = TimeDelta::seconds(40);
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

    /// What the task does in all runs, in order, each with the time at which it is due.
    pub fn acts(mut self, writer: LogWriter) -> impl Iterator<Item = (Timestamp, Act)> {
        std::iter::from_fn(move || {
            let (start, run) = self.next()?;
            Some(acts(self.number, start, &run, &writer))
        })
        .flatten()
    }
}

/// Something that the simulated task does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// It writes a line into its log.
    Line(String),
    /// Something on its server writes an event.
    Event(WindowsEvent),
    /// It deletes the old snapshot.
    Delete,
    /// It copies the new one.
    Copy {
        /// What the contents are made from.
        generation: u64,
        /// How it is spoilt.
        flaw: Option<Flaw>,
    },
    /// It leaves its log with the new snapshot, of which AfterBackup.bat then makes an archive.
    Archive {
        /// The lines of the run.
        log: String,
    },
}

/// Every line of a run, what it tells of besides, and every event.
fn acts(number: usize, start: Timestamp, run: &RunScript, writer: &LogWriter) -> Vec<(Timestamp, Act)> {
    let mut acts = Vec::new();
    for ((time, line), (_, entry)) in run.lines(writer, start).into_iter().zip(run.entries()) {
        let deed = match entry {
            Entry::Text(text) if text.starts_with("Starts cleaning") => Some(Act::Delete),
            Entry::Status(status) if status.id == MessageId::COPY_FINISHED => {
                let flaw = match number % 10 {
                    3 => Some(Flaw::FlippedBit),
                    7 => Some(Flaw::Truncated),
                    _ => None,
                };
                Some(Act::Copy { generation: number as u64, flaw })
            }
            Entry::Status(status) if status.id == MessageId::AFTER_BACKUP_STARTED => {
                Some(Act::Archive { log: run.text(writer, start) })
            }
            _ => None,
        };
        // What it does stands in the log before it is done, but for the end of the copy.
        acts.push((time, Act::Line(line)));
        acts.extend(deed.map(|deed| (time, deed)));
    }
    let noise = WindowsEvent::other(number, writer.machine(), start + NOISE);
    let events = event_log::events(run, writer, start).into_iter().chain([noise]);
    acts.extend(events.map(|event| (event.time, Act::Event(event))));
    acts.sort_by_key(|(time, _)| *time);
    acts
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
    fn acts_are_due_in_order() {
        let site = "P01".parse().unwrap();
        let acts =
            LiveScript::new(BackupTask::new(site), Timestamp::UNIX_EPOCH).acts(LogWriter::new(site, "CM01"));
        let end = Timestamp::UNIX_EPOCH + TimeDelta::minutes(12);
        let acts: Vec<_> = acts.take_while(|(time, _)| *time < end).collect();
        assert!(acts.is_sorted_by_key(|(time, _)| *time));
        let count = |is: fn(&Act) -> bool| acts.iter().filter(|(_, act)| is(act)).count();
        // A run that failed before the copy leaves nothing, and AfterBackup.bat follows a success only.
        assert!(count(|act| *act == Act::Delete) > count(|act| matches!(act, Act::Copy { .. })));
        assert_eq!(
            count(|act| matches!(act, Act::Archive { .. })),
            count(|act| matches!(act, Act::Copy { .. }))
        );
        assert!(acts.iter().any(|(_, act)| matches!(act, Act::Copy { flaw: Some(Flaw::FlippedBit), .. })));
        assert!(acts.iter().any(|(_, act)| matches!(act, Act::Copy { flaw: Some(Flaw::Truncated), .. })));
    }
}
