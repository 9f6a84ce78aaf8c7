//! A whole event log at once, for whoever wants its messages and no more.

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

/// Hands every message of the backup in the event log at `path` to `sink`, oldest first.
///
/// Messages that a central site wrote for another computer are counted only, as in a poll.
pub fn read(
    path: &Path,
    phrases: &Phrases,
    sink: &mut dyn FnMut(EventRecord),
) -> Result<EventTotals, ReadError> {
    let mut file = LogFile::open(path)?;
    let mut totals = EventTotals::default();
    let progress = walk::advance(&mut file, None, Damage::default(), u64::MAX, &mut |passage| {
        let spans = passage.chunk.spans();
        totals.records += spans.len() as u64;
        let mut unreadable = false;
        // No database has an empty name.
        for (index, meaning) in meanings(passage, "", phrases) {
            match meaning {
                Some(Meaning::Message(message)) => {
                    let id = spans.get(index).map_or(0, |span| span.id);
                    sink(EventRecord { id, message });
                }
                Some(Meaning::Unattributed) => totals.unattributed += 1,
                Some(Meaning::SqlServer(..) | Meaning::Nothing) => {}
                None => unreadable = true,
            }
        }
        Taken { until: spans.len(), unreadable }
    })?;
    Ok(EventTotals { damaged_chunks: progress.damaged, ..totals })
}
