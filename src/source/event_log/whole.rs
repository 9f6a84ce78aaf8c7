//! A whole event log at once, for whoever wants its messages and no more.

use std::ops::RangeInclusive;
use std::path::Path;

use super::cursor::Damage;
use super::file::{LogFile, ReadError};
use super::meaning::Meaning;
use super::reading::meanings;
use super::walk::{self, Taken};
use crate::site::StatusMessage;
use crate::source::EventTotals;
use crate::trace::Phrases;

/// A message of the backup in an event log. Of which site it is, an event does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// The number that the log gave it.
    pub id: u64,
    /// What it says.
    pub message: StatusMessage,
}

/// Records with one number after the other, of which none is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The numbers of all of them.
    pub ids: RangeInclusive<u64>,
    /// Those that are messages of the backup.
    pub messages: Vec<EventRecord>,
}

/// Every message of the backup in the event log at `path`, oldest first.
///
/// Messages that a central site wrote for another computer are counted only, as in a poll.
pub fn read(path: &Path, phrases: &Phrases) -> Result<(Vec<Stretch>, EventTotals), ReadError> {
    let mut file = LogFile::open(path)?;
    let mut totals = EventTotals::default();
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut is_cut = true;
    let progress = walk::advance(&mut file, None, Damage::default(), u64::MAX, &mut |passage| {
        let spans = passage.chunk.spans();
        let mut unreadable = false;
        // No database has an empty name.
        let mut meanings = meanings(passage, "", phrases);
        for (index, span) in spans.iter().enumerate() {
            totals.records += 1;
            let meaning = meanings.remove(&index);
            if meaning == Some(None) {
                unreadable = true;
                is_cut = true;
                continue;
            }
            let is_next = |last: &&mut Stretch| last.ids.end().checked_add(1) == Some(span.id);
            let stretch = match stretches.last_mut().filter(is_next).filter(|_| !is_cut) {
                Some(stretch) => {
                    stretch.ids = *stretch.ids.start()..=span.id;
                    stretch
                }
                None => stretches.push_mut(Stretch { ids: span.id..=span.id, messages: Vec::new() }),
            };
            is_cut = false;
            match meaning.flatten() {
                Some(Meaning::Message(message)) => {
                    stretch.messages.push(EventRecord { id: span.id, message });
                }
                Some(Meaning::Unattributed) => totals.unattributed += 1,
                Some(Meaning::SqlServer(..) | Meaning::Nothing) | None => {}
            }
        }
        Taken { until: spans.len(), unreadable }
    })?;
    Ok((stretches, EventTotals { damaged_chunks: progress.damaged, ..totals }))
}
