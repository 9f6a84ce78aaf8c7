//! What one poll reads, file by file: nothing of a file counts before the follower commits it.

use super::super::follow::{LineSink, Part, PartCounts, PartStart};
use super::super::{LineTotals, Record, RecordBody};
use crate::site::{Remark, SiteCode, Timestamp};
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
    other_site: Option<SiteCode>,
}

/// What was committed.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) records: Vec<Record>,
    /// The position of the next record.
    pub(super) next: u64,
    pub(super) state: ReaderState,
    pub(super) lines: LineTotals,
    /// The time of the oldest line.
    pub(super) oldest: Option<Timestamp>,
    /// A site that status messages name and that is not this one.
    pub(super) other_site: Option<SiteCode>,
}

impl Read {
    /// Puts a record in front that says that lines are missing there.
    pub(super) fn begin_with_gap(&mut self) {
        let Some(first) = self.records.first() else { return };
        let body = RecordBody::Remark { time: first.time(), remark: Remark::Gap, text: Box::default() };
        let gap = Record { position: first.position, body };
        for record in &mut self.records {
            record.position += 1;
        }
        self.records.insert(0, gap);
        self.next += 1;
    }
}

impl<'a> Reading<'a> {
    pub(super) fn new(site: SiteCode, phrases: &'a Phrases, state: ReaderState, next: u64) -> Self {
        Self { site, phrases, committed: Read { state, next, ..Read::default() }, part: None }
    }

    pub(super) fn finish(self) -> Read {
        self.committed
    }
}

impl LineSink for Reading<'_> {
    fn begin(&mut self, part: &Part<'_>) {
        let mut reader = TraceReader::new(self.phrases, self.committed.state.clone());
        if part.start == PartStart::New {
            reader.new_file();
        }
        self.part = Some(PartReading { reader, records: Vec::new(), other_site: None });
    }

    fn lines(&mut self, block: &[u8]) {
        let Some(PartReading { reader, records, other_site }) = &mut self.part else { return };
        reader.read(block, &mut |entry| match entry {
            LogEntry::Status(_, Some(site)) if site != self.site => *other_site = Some(site),
            LogEntry::Status(message, _) => records.push(RecordBody::Status(message)),
            LogEntry::Remark { time, remark, text } => {
                records.push(RecordBody::Remark { time, remark, text });
            }
        });
    }

    fn commit(&mut self, counts: PartCounts) {
        let Some(PartReading { reader, records, other_site }) = self.part.take() else { return };
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
    }

    fn discard(&mut self) {
        self.part = None;
    }
}
