//! Where sources go on reading.
//!
//! A log is known by its content, so its cursor is good wherever the log is found now. A log without a cursor is read
//! from its beginning, and what its witness has told before is not taken for something new.

use super::SiteState;
use crate::site::Witness;
use crate::source::{Cursor, SourceId, SourceKind, backup_log, event_log, site_database};

impl SiteState {
    /// Where a watched source goes on that may have another location than before.
    ///
    /// Records of a log stand behind all that its witness has given: others would be taken for known and refused.
    pub fn cursor_for(&self, source: &SourceId) -> Option<Cursor> {
        if source.kind == SourceKind::Database {
            let cursor = self.database_cursor(source).cloned().unwrap_or_default();
            return Some(Cursor::Database(
                cursor.not_before(self.timeline.next_position(Witness::StatusMessages)),
            ));
        }
        if source.kind == SourceKind::EventLog {
            let cursor = self.event_log_cursor(source).cloned().unwrap_or_default();
            return Some(Cursor::EventLog(cursor.not_before(self.timeline.next_position(Witness::EventLog))));
        }
        let Some(witness) = self.log_of(source) else { return self.cursors.get(source).cloned() };
        let cursor = self.log_cursor(source).cloned().unwrap_or_default();
        Some(Cursor::Log(cursor.not_before(self.timeline.next_position(witness))))
    }

    /// Keeps where a source goes on; says whether that is somewhere else than before.
    pub(super) fn keep_cursor(&mut self, source: &SourceId, cursor: &Cursor) -> bool {
        if self.cursors.get(source) == Some(cursor) {
            return false;
        }
        // This source may have gone on from where one at another location stopped, which is void now.
        self.cursors.retain(|id, other| {
            let replaced = id.kind == source.kind && (log(other).is_none() || log(cursor).is_some());
            !replaced || self.sources.contains_key(id)
        });
        self.cursors.insert(source.clone(), cursor.clone());
        true
    }

    /// If a poll that came to `cursor` reads from the beginning what was read before (a log, the messages of a database
    /// that is another one or was recovered): the position from which on it gives its records.
    pub(super) fn reads_again(&self, source: &SourceId, cursor: &Cursor) -> Option<u64> {
        let has_spoken = |witness| self.timeline.next_position(witness) > 0;
        let (goes_on, witness, since) = match cursor {
            Cursor::Database(cursor) => {
                let known = self.database_cursor(source).filter(|known| known.last.is_some());
                let goes_on = known.is_some_and(|known| known.recoveries == cursor.recoveries);
                (goes_on, Witness::StatusMessages, u64::MAX)
            }
            Cursor::EventLog(cursor) => {
                let known = self.event_log_cursor(source).filter(|known| known.has_read());
                let goes_on = known.is_some_and(|known| known.since() == cursor.since());
                (goes_on, Witness::EventLog, cursor.since())
            }
            _ => {
                let goes_on = self.log_cursor(source).is_some_and(backup_log::Cursor::has_read);
                (goes_on, self.log_of(source)?, u64::MAX)
            }
        };
        (!goes_on && has_spoken(witness)).then_some(since)
    }

    /// How far the event log was read, here or at the location before.
    fn event_log_cursor(&self, source: &SourceId) -> Option<&event_log::Cursor> {
        let here = self.cursors.get(source).and_then(event_log);
        here.or_else(|| self.cursors.values().find_map(event_log))
    }

    fn database_cursor(&self, source: &SourceId) -> Option<&site_database::Cursor> {
        match self.cursors.get(source) {
            Some(Cursor::Database(cursor)) => Some(cursor),
            _ => None,
        }
    }

    /// The witness whose log a source reads, if it reads one.
    fn log_of(&self, source: &SourceId) -> Option<Witness> {
        let witness = self.sources.get(source).and_then(|source| source.witness);
        witness.filter(|witness| matches!(witness, Witness::Log | Witness::DestinationLog))
    }

    /// How far the log was read that a source reads, here or at the location before.
    fn log_cursor(&self, source: &SourceId) -> Option<&backup_log::Cursor> {
        let same_kind = self.cursors.iter().filter(|(id, _)| id.kind == source.kind);
        let mut elsewhere = same_kind.filter_map(|(_, cursor)| log(cursor));
        self.cursors.get(source).and_then(log).or_else(|| elsewhere.next())
    }
}

fn log(cursor: &Cursor) -> Option<&backup_log::Cursor> {
    match cursor {
        Cursor::Log(cursor) => Some(cursor),
        _ => None,
    }
}

fn event_log(cursor: &Cursor) -> Option<&event_log::Cursor> {
    match cursor {
        Cursor::EventLog(cursor) => Some(cursor),
        _ => None,
    }
}
