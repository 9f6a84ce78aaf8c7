//! The Application log of the simulated site server: what the site and SQL Server report there, and what others do.
//!
//! Status Manager writes a message there a moment after the backup has written its line, in a process of its own.

use chrono::TimeDelta;

use super::writer::{EventLogWriter, HeaderLanguage, LogWriter, RunScript, WindowsEvent};
use crate::site::{MessageId, Timestamp};

/// From a line of the log to the event that says the same.
const DELAY: TimeDelta = TimeDelta::milliseconds(1_100);

/// So many chunks, 2 MiB, then the oldest is overwritten.
const CAPACITY: usize = 32;

/// From one event of another provider to the next.
const NOISE: TimeDelta = TimeDelta::minutes(97);

/// What SQL Server reports while the snapshot is made, each at its percentage of the time from 6829 to 5056: input and
/// output of the database are frozen, they go on, it was backed up.
const SQL_SERVER: [(u16, i32); 3] = [(3197, 60), (3198, 75), (18264, 80)];

/// What a run leaves in the log, in order.
pub fn events(run: &RunScript, writer: &LogWriter, start: Timestamp) -> Vec<WindowsEvent> {
    let mut events = run.events(writer, start, HeaderLanguage::English);
    for event in &mut events {
        event.time += DELAY;
    }
    let snapshot = run.at(MessageId::WRITER_FREEZES).zip(run.at(MessageId::SNAPSHOT_CREATED));
    if let Some((frozen, created)) = snapshot {
        let database = format!("CM_{}", writer.site());
        events.extend(SQL_SERVER.map(|(id, percentage)| {
            let time = start + frozen + (created - frozen) * percentage / 100;
            WindowsEvent::sql_server(None, id, &database, writer.machine(), time)
        }));
    }
    events.sort_by_key(|event| event.time);
    events
}

/// The log after these runs.
pub fn after(runs: &[(Timestamp, RunScript)], writer: &LogWriter) -> EventLogWriter {
    let mut all: Vec<_> = runs.iter().flat_map(|(start, run)| events(run, writer, *start)).collect();
    if let (Some(first), Some(last)) = (all.first(), all.last()) {
        let (mut time, last) = (first.time, last.time);
        for number in 0.. {
            if time > last {
                break;
            }
            all.push(WindowsEvent::other(number, writer.machine(), time));
            time += NOISE;
        }
    }
    all.sort_by_key(|event| event.time);
    let mut log = EventLogWriter::new().capacity(CAPACITY);
    for event in &all {
        log.push(event);
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::history::{Nights, history};
    use crate::demo::writer::BackupTask;
    use crate::source::event_log::read;
    use crate::trace::{Phrases, UserPatterns};

    #[test]
    fn sql_server_freezes_and_thaws_while_the_snapshot_is_made() {
        let site = "P01".parse().unwrap();
        let run = BackupTask::new(site).success();
        let events = events(&run, &LogWriter::new(site, "CM01"), Timestamp::UNIX_EPOCH);
        let ids: Vec<_> = events.iter().map(|event| event.id).collect();
        assert_eq!(ids, [500, 5055, 6829, 3197, 3198, 18264, 5056, 6833, 5057, 5035, 5040, 501]);
        assert!(events.is_sorted_by_key(|event| event.time));
        let sql_server = events.iter().filter(|event| event.provider == "MSSQLSERVER");
        assert_eq!(sql_server.filter(|event| event.data[0] == "CM_P01").count(), 3);
    }

    #[test]
    fn the_log_after_a_month_has_every_message_of_every_run() {
        let site = "P01".parse().unwrap();
        let writer = LogWriter::new(site, "CM01.corp.example");
        let now = "2026-11-21T08:00:00Z".parse().unwrap();
        let runs = history(now, &BackupTask::new(site), &Nights::default());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Application.evtx");
        std::fs::write(&path, after(&runs, &writer).bytes()).unwrap();
        let phrases = Phrases::new(UserPatterns::default()).unwrap();
        let (stretches, totals) = read(&path, &phrases).unwrap();
        assert_eq!(stretches.len(), 1, "no record is missing");
        let found: Vec<_> = stretches[0].messages.iter().map(|record| &record.message).collect();
        let said = runs.iter().flat_map(|(start, run)| run.messages(&writer, *start));
        let said: Vec<_> = said.map(|message| (message.id, message.time + DELAY)).collect();
        assert_eq!(found.iter().map(|message| (message.id, message.time)).collect::<Vec<_>>(), said);
        assert_eq!((totals.damaged_chunks, totals.unattributed), (0, 0));
        assert!(usize::try_from(totals.records).unwrap() > said.len() + 400, "{totals:?}");
    }
}
