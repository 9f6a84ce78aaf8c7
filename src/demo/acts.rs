//! What a live run does, act by act, each with the time at which it is due.
//!
//! Whoever plays it does each act when its time has come.

use chrono::TimeDelta;

use super::event_log;
use super::live::LiveRun;
use super::writer::{Entry, Flaw, LogWriter, WindowsEvent};
use crate::site::{MessageId, Timestamp};

/// From a start to an event of another provider; no run is shorter.
const NOISE: TimeDelta = TimeDelta::milliseconds(500);

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

/// Every line of a run, what it tells of besides, and every event, in order.
pub fn acts(run: &LiveRun, writer: &LogWriter) -> Vec<(Timestamp, Act)> {
    let LiveRun { number, start, script, flaw } = run;
    let mut acts = Vec::new();
    for ((time, line), (_, entry)) in script.lines(writer, *start).into_iter().zip(script.entries()) {
        let deed = match entry {
            Entry::Text(text) if text.starts_with("Starts cleaning") => Some(Act::Delete),
            Entry::Status(status) if status.id == MessageId::COPY_FINISHED => {
                Some(Act::Copy { generation: *number as u64, flaw: *flaw })
            }
            Entry::Status(status) if status.id == MessageId::AFTER_BACKUP_STARTED => {
                Some(Act::Archive { log: script.text(writer, *start) })
            }
            _ => None,
        };
        // What it does stands in the log before it is done, but for the end of the copy.
        acts.push((time, Act::Line(line)));
        acts.extend(deed.map(|deed| (time, deed)));
    }
    let noise = WindowsEvent::other(*number, writer.machine(), *start + NOISE);
    let events = event_log::events(script, writer, *start).into_iter().chain([noise]);
    acts.extend(events.map(|event| (event.time, Act::Event(event))));
    acts.sort_by_key(|(time, _)| *time);
    acts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::live::LiveRuns;
    use crate::demo::writer::BackupTask;

    #[test]
    fn acts_are_due_in_order() {
        let site = "P01".parse().unwrap();
        let live = LiveRuns::new(BackupTask::new(site), Timestamp::UNIX_EPOCH);
        let end = Timestamp::UNIX_EPOCH + TimeDelta::minutes(12);
        let writer = LogWriter::new(site, "CM01");
        let mut runs: Vec<_> = live.newest_first(end).collect();
        runs.reverse();
        let acts: Vec<_> = runs.iter().flat_map(|run| acts(run, &writer)).collect();
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
