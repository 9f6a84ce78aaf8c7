//! Which of the status messages in an answer are new.
//!
//! Numbers alone do not tell: a database that was recovered from a backup gives them once more. So a process remembers
//! which messages it has handed on, and the cursor keeps the newest one: where that is gone, everything counts as read
//! again, and what is known is recognised by its time.

use std::collections::HashSet;

use chrono::TimeDelta;

use super::cursor::{Cursor, MessageKey};
use super::question::Depth;
use crate::site::{StatusMessage, Timestamp, Witness};
use crate::source::{Fact, Record, RecordBody};

/// After a longer pause, the messages of the last two days may not be all that came since.
const PAUSE: TimeDelta = TimeDelta::days(1);

/// What was handed on is remembered so long, in milliseconds: longer than any recent answer reaches back.
const REMEMBERED: i64 = 7 * 24 * 3600 * 1000;

/// What is known of the messages of one site.
#[derive(Debug)]
pub(super) struct Messages {
    cursor: Cursor,
    /// What this process has handed on; `None` where only the cursor tells what is known.
    handed_on: Option<HashSet<MessageKey>>,
    /// The site's highest `RecordID` before everything was read, if it was asked for then.
    newest: Option<Option<i64>>,
}

/// What an answer brought, to be kept once the poll that it belongs to is complete.
#[derive(Debug)]
pub(super) struct Taken {
    cursor: Cursor,
    depth: Depth,
    keys: Vec<MessageKey>,
}

impl Messages {
    /// Goes on from `cursor`.
    pub(super) fn new(cursor: Cursor) -> Self {
        Self { cursor, handed_on: None, newest: None }
    }

    pub(super) fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// How far back to read: everything at first and after a long pause.
    pub(super) fn depth(&self, now: Timestamp) -> Depth {
        let lately = self.handed_on.is_some() && self.pause(now).is_none();
        if lately { Depth::Recent } else { Depth::All }
    }

    /// Whether there may be anything to read, where the site's highest `RecordID` is `newest`.
    pub(super) fn may_have_come(&self, newest: Option<Option<i64>>, now: Timestamp) -> bool {
        newest.is_none() || newest != self.newest || self.depth(now) == Depth::All
    }

    /// The facts in an answer, which is in the order of the `RecordID`s.
    pub(super) fn take(
        &self,
        depth: Depth,
        messages: Vec<(i64, StatusMessage)>,
        now: Timestamp,
    ) -> ([Fact; 2], Taken) {
        let mut cursor = self.cursor.clone();
        let keys: Vec<_> = messages.iter().map(MessageKey::of).collect();
        let times = || messages.iter().map(|(_, message)| message.time);
        let mut oldest = times().min();
        let mut gap = false;
        let mut goes_on = None;
        if depth == Depth::All {
            goes_on = cursor.last.filter(|last| keys.contains(last));
            cursor.recoveries += u32::from(cursor.last.is_some() && goes_on.is_none());
            // What came since may have been deleted, or lost with the database.
            if let Some(read) = self.pause(now).filter(|_| goes_on.is_none()) {
                gap = true;
                oldest = times().filter(|time| *time > read).min();
            }
            cursor.last = None;
        }
        let is_known = |key: &MessageKey| match depth {
            Depth::All => goes_on.is_some_and(|last| key.record <= last.record),
            Depth::Recent => self.handed_on.as_ref().is_some_and(|known| known.contains(key)),
        };
        cursor.last = keys.last().copied().or(cursor.last);
        let mut records = Vec::new();
        for (key, (_, message)) in keys.iter().zip(messages) {
            if !is_known(key) {
                records.push(Record { position: cursor.next, body: RecordBody::Status(message) });
                cursor.next += 1;
            }
        }
        let witness = Witness::StatusMessages;
        let facts = [Fact::Coverage { witness, oldest, newest: None, gap }, Fact::Records(witness, records)];
        (facts, Taken { cursor, depth, keys })
    }

    /// Everything there was has been read by a poll that began at `started`; `taken` if anything was to be asked for.
    pub(super) fn keep(&mut self, taken: Option<Taken>, newest: Option<Option<i64>>, started: Timestamp) {
        if let Some(Taken { cursor, depth, keys }) = taken {
            let known = self.handed_on.take().filter(|_| depth == Depth::Recent).into_iter().flatten();
            let since = cursor.last.map_or(i64::MIN, |last| last.time.saturating_sub(REMEMBERED));
            self.handed_on = Some(known.filter(|key| key.time >= since).chain(keys).collect());
            self.cursor = cursor;
        }
        self.newest = newest;
        self.cursor.set_read(started);
    }

    /// What is there may not be read: of which time the witness tells must be found out anew.
    pub(super) fn forget(&mut self) {
        self.handed_on = None;
    }

    /// When everything was read last, if that is long ago, by a clock that may have been set.
    fn pause(&self, now: Timestamp) -> Option<Timestamp> {
        self.cursor.read().filter(|read| (now - *read).abs() >= PAUSE)
    }
}
