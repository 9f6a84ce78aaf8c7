//! What one poll reads of an event log, record by record.

use std::collections::BTreeMap;

use super::chunk::Span;
use super::cursor::{Cursor, LastRecord};
use super::event::{self, moment};
use super::meaning::{self, Meaning};
use super::selection;
use super::walk::{Passage, Progress, Taken};
use crate::site::{Remark, SqlServerEvent, Timestamp, Witness};
use crate::source::{EventTotals, Fact, Record, RecordBody};
use crate::trace::Phrases;

/// What the selected records of a passage mean, by their index, in order; `None` for one that cannot be read.
pub(super) fn meanings(
    passage: &Passage<'_>,
    database: &str,
    phrases: &Phrases,
) -> BTreeMap<usize, Option<Meaning>> {
    if passage.from >= passage.chunk.spans().len() {
        return BTreeMap::new();
    }
    let selected = selection::candidates(passage.chunk, passage.from);
    if selected.is_empty() {
        return BTreeMap::new();
    }
    let events = event::build(passage.chunk, &selected).into_iter();
    events.map(|(index, event)| (index, event.map(|event| meaning::of(&event, database, phrases)))).collect()
}

/// What a poll has read so far.
pub(super) struct Reading<'a> {
    database: &'a str,
    phrases: &'a Phrases,
    cursor: Cursor,
    /// What was read last before this poll.
    known: Option<LastRecord>,
    /// The id of the record before the next one; `None` at the beginning of a content.
    before: Option<u64>,
    /// Up to when everything was read before this poll.
    furthest: u64,
    is_again: bool,
    records: Vec<Record>,
    oldest: Option<Timestamp>,
    gap: bool,
    sql_server: BTreeMap<SqlServerEvent, Timestamp>,
    totals: EventTotals,
}

impl<'a> Reading<'a> {
    pub(super) fn new(cursor: Cursor, database: &'a str, phrases: &'a Phrases) -> Self {
        Self {
            database,
            phrases,
            known: cursor.last,
            before: cursor.last.map(|last| last.id),
            furthest: cursor.furthest,
            is_again: false,
            cursor,
            records: Vec::new(),
            oldest: None,
            gap: false,
            sql_server: BTreeMap::new(),
            totals: EventTotals::default(),
        }
    }

    pub(super) fn take(&mut self, passage: &Passage<'_>) -> Taken {
        if passage.is_anew {
            self.before = None;
            self.reads_again();
        }
        let spans = passage.chunk.spans();
        let mut meanings = meanings(passage, self.database, self.phrases);
        let mut unreadable = false;
        for (index, span) in spans.iter().enumerate().skip(passage.from) {
            let meaning = meanings.remove(&index);
            // The newest record may be one that is just being written.
            if meaning == Some(None) && passage.is_newest && index + 1 == spans.len() {
                return Taken { until: index, unreadable };
            }
            let is_unreadable = meaning == Some(None);
            unreadable |= is_unreadable;
            // It could have been a message.
            if self.leaves_gap_before(span) || is_unreadable {
                self.note_gap(span);
            }
            self.totals.records += 1;
            match meaning.flatten() {
                Some(Meaning::Message(message)) => {
                    self.cursor.heard = true;
                    self.oldest = Some(self.oldest.map_or(message.time, |oldest| oldest.min(message.time)));
                    self.push(span, RecordBody::Status(message));
                }
                Some(Meaning::SqlServer(event, time)) => {
                    let newest = self.sql_server.entry(event).or_insert(time);
                    *newest = (*newest).max(time);
                }
                Some(Meaning::Unattributed) => self.totals.unattributed += 1,
                Some(Meaning::Nothing) | None => {}
            }
            self.cursor.furthest = self.cursor.furthest.max(span.written);
        }
        Taken { until: spans.len(), unreadable }
    }

    /// Whether records are missing between the one before and this one.
    fn leaves_gap_before(&mut self, span: &Span) -> bool {
        let goes_on = |before: u64| before.checked_add(1) == Some(span.id);
        match (self.before.replace(span.id), self.known) {
            (Some(before), _) => !goes_on(before),
            // Other content: it has what was read last, or goes on there, or what was between is gone.
            (None, Some(known)) => span.written > known.written && !goes_on(known.id),
            (None, None) => false,
        }
    }

    fn note_gap(&mut self, span: &Span) {
        // Before the first message of all there is nothing to be cut off from, and behind a gap only another.
        let is_cut = |last: &Record| matches!(last.body, RecordBody::Remark { remark: Remark::Gap, .. });
        if self.cursor.heard && !self.records.last().is_some_and(is_cut) {
            let time = moment(span.written);
            self.gap = true;
            self.oldest = Some(time);
            self.push(span, RecordBody::Remark { time, remark: Remark::Gap, text: Box::default() });
        }
    }

    /// What comes may have been given before, which another position says, also if none came in between.
    fn reads_again(&mut self) {
        if !self.is_again && self.known.is_some() {
            self.is_again = true;
            self.cursor.next += u64::from(self.cursor.next == self.cursor.since);
            self.cursor.since = self.cursor.next;
        }
    }

    fn push(&mut self, span: &Span, body: RecordBody) {
        // What is no newer than what was read before may be the same once more.
        if span.written <= self.furthest && self.records.is_empty() {
            self.reads_again();
        }
        self.records.push(Record { position: self.cursor.next, body });
        self.cursor.next += 1;
    }

    /// The facts of a poll that came so far, and where the next one goes on.
    pub(super) fn finish(self, progress: &Progress) -> (Vec<Fact>, Cursor) {
        let witness = Witness::EventLog;
        let mut facts = Vec::new();
        let newest = progress.last.map(|last| moment(last.written));
        // An empty log tells nothing; whether anything was lost is told by what comes next.
        match (self.cursor.heard, progress.is_empty) {
            (true, true) => {}
            (true, false) => {
                facts.push(Fact::Coverage { witness, oldest: self.oldest, newest, gap: self.gap });
            }
            (false, _) => facts.push(Fact::Silent(witness)),
        }
        facts.push(Fact::Records(witness, self.records));
        facts.extend(self.sql_server.into_iter().map(|(event, time)| Fact::SqlServer(event, time)));
        facts.push(Fact::Events(EventTotals { damaged_chunks: progress.damaged, ..self.totals }));
        let Progress { last, damage, .. } = *progress;
        (facts, Cursor { last, damage, ..self.cursor })
    }
}
