//! Logs as the event log service writes them, read through the source.

mod files;
mod messages;
mod ring;

use std::fs;
use std::path::PathBuf;

use chrono::DateTime;
use tempfile::TempDir;

use super::*;
use crate::demo::writer::{CHUNK_SIZE, EventLogWriter, HEADER_SIZE, HeaderLanguage, Status, WindowsEvent};
use crate::site::{MessageId, Remark, Severity, Timestamp, Witness};
use crate::source::{Cursor as SourceCursor, EventTotals, Fact, Reach, Record, RecordBody};
use crate::trace::UserPatterns;

const COMPUTER: &str = "CM01.corp.example";

fn at(seconds: i64) -> Timestamp {
    DateTime::from_timestamp(1_700_000_000 + seconds, 123_456_700).unwrap()
}

fn message(seconds: i64) -> WindowsEvent {
    let status = Status::new(MessageId::TASK_STARTED, Severity::Information, &["one"]);
    WindowsEvent::status(&status, COMPUTER, at(seconds), HeaderLanguage::English)
}

fn noise(seconds: i64) -> WindowsEvent {
    WindowsEvent::other(usize::try_from(seconds).unwrap(), COMPUTER, at(seconds))
}

/// So large that a chunk holds one only.
fn huge(event: WindowsEvent) -> WindowsEvent {
    let mut event = event;
    event.data.insert(0, "x".repeat(20_000));
    event
}

/// A log in a folder, and the source that reads it with what only a checkpoint keeps.
struct Bench {
    _folder: TempDir,
    path: PathBuf,
    log: EventLogWriter,
    source: EventLog,
    cursor: Cursor,
}

/// What a poll brought.
struct News {
    records: Vec<Record>,
    totals: EventTotals,
    facts: Vec<Fact>,
    reach: Reach,
    bytes: u64,
}

impl News {
    /// The seconds of the messages, and -1 for a gap.
    fn seconds(&self) -> Vec<i64> {
        let second = |record: &Record| match &record.body {
            RecordBody::Status(message) => (message.time - at(0)).num_seconds(),
            RecordBody::Remark { remark: Remark::Gap, .. } => -1,
            RecordBody::Remark { .. } => panic!("{record:?}"),
        };
        self.records.iter().map(second).collect()
    }

    /// The oldest time of the coverage and whether there is a gap; `None` while it is silent or empty.
    fn coverage(&self) -> Option<(Option<Timestamp>, bool)> {
        let coverage = self.facts.iter().find_map(|fact| match fact {
            Fact::Coverage { witness: Witness::EventLog, oldest, gap, .. } => Some((*oldest, *gap)),
            _ => None,
        });
        let is_silent = self.facts.contains(&Fact::Silent(Witness::EventLog));
        assert_eq!(coverage.is_none(), is_silent || self.reach == Reach::Unsettled);
        coverage
    }
}

/// The source for a log, without a configuration.
pub(super) fn source(path: PathBuf) -> EventLog {
    EventLog {
        id: SourceId { kind: SourceKind::EventLog, location: path.display().to_string() },
        path,
        interval: Duration::from_secs(30),
        phrases: Phrases::new(UserPatterns::default()).unwrap(),
        database: "CM_P01".to_owned(),
        account: r"CORP\svc".to_owned(),
    }
}

impl Bench {
    fn new(log: EventLogWriter) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("Application.evtx");
        Self { _folder: folder, source: source(path.clone()), path, log, cursor: Cursor::default() }
    }

    fn push(&mut self, events: impl IntoIterator<Item = WindowsEvent>) {
        events.into_iter().for_each(|event| _ = self.log.push(&event));
    }

    /// The log's file, with changes in one of its chunks.
    fn write_with(&self, chunk: usize, change: impl Fn(&mut [u8])) {
        let mut bytes = self.log.bytes();
        change(&mut bytes[HEADER_SIZE + chunk * CHUNK_SIZE..][..CHUNK_SIZE]);
        fs::write(&self.path, bytes).unwrap();
    }

    fn write(&self) {
        fs::write(&self.path, self.log.bytes()).unwrap();
    }

    /// Polls the file as it is, in a process that knows only the checkpoint of the one before.
    fn poll_file(&mut self, budget: u64) -> News {
        let saved = serde_json::to_string(&self.cursor).unwrap();
        let (poll, bytes) = self.source.news(serde_json::from_str(&saved).unwrap(), budget).unwrap();
        let SourceCursor::EventLog(cursor) = poll.cursor else { panic!("{:?}", poll.cursor) };
        self.cursor = cursor;
        let totals = poll.facts.iter().find_map(|fact| match fact {
            Fact::Events(totals) => Some(*totals),
            _ => None,
        });
        let records = poll.facts.iter().find_map(|fact| match fact {
            Fact::Records(Witness::EventLog, records) => Some(records.clone()),
            _ => None,
        });
        News {
            records: records.unwrap(),
            totals: totals.unwrap(),
            facts: poll.facts,
            reach: poll.reach,
            bytes,
        }
    }

    /// Writes the log and polls it.
    fn poll(&mut self) -> News {
        self.write();
        self.poll_file(BUDGET)
    }
}
