//! What one poll reads, file by file: nothing of a file counts before the follower commits it.

use super::super::follow::{LineSink, Part, PartCounts, PartStart};
use super::super::{LineTotals, Record, RecordBody};
use crate::site::{Hint, Remark, SiteCode, Timestamp};
use crate::trace::{LogEntry, Phrases, ReaderState, TraceReader};

/// What a poll has read so far.
pub(super) struct Reading<'a> {
    site: SiteCode,
    phrases: &'a Phrases,
    committed: Read,
    part: Option<PartReading<'a>>,
}

/// One file's part, not yet committed.
struct PartReading<'a> {
    reader: TraceReader<'a>,
    records: Vec<RecordBody>,
    /// See [`is_news`].
    given: Vec<Hint>,
    other_site: Option<SiteCode>,
}

/// What was committed.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) records: Vec<Record>,
    /// The position of the next record.
    pub(super) next: u64,
    pub(super) state: ReaderState,
    /// See [`is_news`].
    pub(super) given: Vec<Hint>,
    pub(super) lines: LineTotals,
    /// The time of the oldest line.
    pub(super) oldest: Option<Timestamp>,
    /// A site whose lines were read and that is not this one.
    pub(super) other_site: Option<SiteCode>,
}

impl Read {
    /// Puts a record in front that says that lines are missing there.
    pub(super) fn begin_with_gap(&mut self) {
        let first = self.records.first();
        // Without a line that has a time nothing was read that could be on the wrong side of it.
        let Some(time) = first.map(Record::time).or(self.oldest) else { return };
        let body = RecordBody::Remark { time, remark: Remark::Gap, text: Box::default() };
        let gap = Record { position: first.map_or(self.next, |first| first.position), body };
        for record in &mut self.records {
            record.position += 1;
        }
        self.records.insert(0, gap);
        self.next += 1;
    }
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        site: SiteCode,
        phrases: &'a Phrases,
        state: ReaderState,
        given: Vec<Hint>,
        next: u64,
    ) -> Self {
        Self { site, phrases, committed: Read { state, given, next, ..Read::default() }, part: None }
    }

    pub(super) fn finish(self) -> Read {
        self.committed
    }
}

/// Whether a record says something new: a failed cleanup gives the same reason for each of its thousand files.
///
/// `given` are the reasons since the last status message, because only those explain the error that follows.
fn is_news(body: &RecordBody, given: &mut Vec<Hint>) -> bool {
    match body {
        RecordBody::Status(_) => given.clear(),
        RecordBody::Remark { remark: Remark::Reason(hint), .. } if given.contains(hint) => return false,
        RecordBody::Remark { remark: Remark::Reason(hint), .. } => given.push(*hint),
        // Words part runs too, in a log that keeps no status messages.
        RecordBody::Remark { .. } => given.clear(),
    }
    true
}

impl LineSink for Reading<'_> {
    fn begin(&mut self, part: &Part<'_>) {
        let mut reader = TraceReader::new(self.phrases, self.committed.state.clone());
        if part.start == PartStart::New {
            reader.new_file();
        }
        self.part = Some(PartReading {
            reader,
            records: Vec::new(),
            given: self.committed.given.clone(),
            other_site: None,
        });
    }

    fn lines(&mut self, block: &[u8]) {
        let Some(PartReading { reader, records, given, other_site }) = &mut self.part else { return };
        reader.read(block, &mut |entry| {
            let (site, body) = match entry {
                LogEntry::Status(message, site) => (site, RecordBody::Status(message)),
                LogEntry::Remark { site, time, remark, text } => {
                    (site, RecordBody::Remark { time, remark, text })
                }
            };
            match site {
                Some(site) if site != self.site => *other_site = Some(site),
                _ if is_news(&body, given) => records.push(body),
                _ => {}
            }
        });
    }

    fn commit(&mut self, counts: PartCounts) {
        let Some(PartReading { reader, records, given, other_site }) = self.part.take() else { return };
        let read = &mut self.committed;
        for body in records {
            read.records.push(Record { position: read.next, body });
            read.next += 1;
        }
        let oversized = reader.counts.oversized + counts.oversized;
        read.lines += LineTotals {
            lines: reader.counts.lines + counts.oversized,
            malformed: reader.counts.malformed,
            oversized,
            ..LineTotals::default()
        };
        read.oldest = read.oldest.into_iter().chain(reader.oldest).min();
        read.other_site = read.other_site.or(other_site);
        read.state = reader.state;
        read.given = given;
    }

    fn discard(&mut self) {
        self.part = None;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use chrono::TimeDelta;

    use crate::demo::writer::{BackupTask, LogWriter};
    use crate::site::{MessageId, Remark, Severity, Timestamp};
    use crate::source::backup_log::BackupLog;
    use crate::source::{BlockingSource, Cursor, Fact, Guidance, Record, RecordBody};
    use crate::trace::{Phrases, UserPatterns};

    /// A success, three hours after the one before.
    fn success(site: &str, number: i32) -> String {
        let start = Timestamp::UNIX_EPOCH + TimeDelta::hours(3) * number;
        let code = site.parse().unwrap();
        BackupTask::new(code).success().text(&LogWriter::new(code, "CM01.corp.example"), start)
    }

    /// One more poll, in a process that knows only what the checkpoint of the one before held.
    fn poll(source: &BackupLog, cursor: &mut Option<Cursor>) -> Vec<Record> {
        let saved = cursor.as_ref().map(|cursor| serde_json::to_string(cursor).unwrap());
        let restored: Option<Cursor> = saved.map(|saved| serde_json::from_str(&saved).unwrap());
        let polled = source.poll(restored.as_ref(), &Guidance::default()).unwrap();
        *cursor = Some(polled.cursor);
        let records = |fact| if let Fact::Records(_, records) = fact { records } else { Vec::new() };
        polled.facts.into_iter().flat_map(records).collect()
    }

    #[test]
    fn what_another_sites_log_says_in_words_is_not_this_sites() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("smsbkup.log");
        let phrases = Phrases::new(UserPatterns::default()).unwrap();
        let interval = std::time::Duration::from_secs(5);
        let source = BackupLog::new("P01".parse().unwrap(), path.clone(), interval, phrases);
        let (mut cursor, mut written) = (None, String::new());
        let mut records = Vec::new();
        // Each run comes in two polls: the words at its end come without the status messages before them.
        for (number, site) in (0..).zip(["P02", "P01", "P02"]) {
            let run = success(site, number);
            let cut = run.find("Backup completed").unwrap();
            records.push(0);
            for part in [&run[..cut], &run[cut..]] {
                written.push_str(part);
                fs::write(&path, &written).unwrap();
                records[usize::try_from(number).unwrap()] += poll(&source, &mut cursor).len();
            }
        }
        // The last run of this site begins with words, which stand before its first status message.
        assert!(records[1] > 9, "{records:?}");
        assert_eq!((records[0], records[2]), (0, 0), "{records:?}");
    }

    fn log(folder: &tempfile::TempDir) -> (BackupLog, std::path::PathBuf) {
        let path = folder.path().join("smsbkup.log");
        let phrases = Phrases::new(UserPatterns::default()).unwrap();
        let interval = std::time::Duration::from_secs(5);
        (BackupLog::new("P01".parse().unwrap(), path.clone(), interval, phrases), path)
    }

    #[test]
    fn the_same_reason_counts_once_until_the_next_status_message() {
        let folder = tempfile::tempdir().unwrap();
        let (source, path) = log(&folder);
        let writer = LogWriter::new("P01".parse().unwrap(), "CM01");
        let time = Timestamp::UNIX_EPOCH;
        let reason = |number| writer.text(time, &format!("Deleting E:\\{number}, FAILED, Win32 Error = 145"));
        let flood: String = (0..1000).map(reason).collect();
        let status = writer.status(time, MessageId::FAILED, Severity::Error, &[]);
        let mut cursor = None;
        let mut written = format!("{flood}{status}{flood}");
        fs::write(&path, &written).unwrap();
        assert_eq!(poll(&source, &mut cursor).len(), 3);
        // Nor does each poll of a long flood bring it again; words part runs where status messages are missing.
        written.push_str(&flood);
        fs::write(&path, &written).unwrap();
        assert_eq!(poll(&source, &mut cursor).len(), 0);
        written.push_str(&(writer.text(time, "SMS site backup service is stopping.") + &flood));
        fs::write(&path, &written).unwrap();
        assert_eq!(poll(&source, &mut cursor).len(), 2);
    }

    #[test]
    fn what_follows_a_lost_stretch_begins_with_a_gap() {
        let folder = tempfile::tempdir().unwrap();
        let (source, path) = log(&folder);
        let mut cursor = None;
        fs::write(&path, success("P01", 0)).unwrap();
        let before = poll(&source, &mut cursor);
        fs::write(&path, success("P01", 9)).unwrap();
        let after = poll(&source, &mut cursor);
        let is_gap = |record: &Record| matches!(record.body, RecordBody::Remark { remark: Remark::Gap, .. });
        assert!(is_gap(&after[0]) && !after[1..].iter().any(is_gap) && !before.iter().any(is_gap));
        let positions: Vec<_> = before.iter().chain(&after).map(|record| record.position).collect();
        assert_eq!(positions, (0..).take(positions.len()).collect::<Vec<u64>>());
    }
}
