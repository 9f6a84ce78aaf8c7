//! Up to which record an event log has been read.

use serde::{Deserialize, Serialize};

use super::chunk::{Chunk, Span};

/// Where the reading of an event log goes on; part of the checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cursor {
    /// The last record that was read, by which the log is known again; `None` before the first.
    pub(super) last: Option<LastRecord>,
    /// When the newest of all records that were read was written, as a FILETIME: a copy may have gone back behind it.
    pub(super) furthest: u64,
    /// The position of the next message among all of this witness.
    pub(super) next: u64,
    /// The position from which on messages may be some that were given before: the first one of other content, or of
    /// what was read once more.
    pub(super) since: u64,
    /// Whether the log ever held a message of the backup. Until then it is no witness: the site may not report there.
    pub(super) heard: bool,
    /// Which damage has been counted.
    pub(super) damage: Damage,
}

/// Which damaged chunks have been counted that the next poll looks at again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Damage {
    /// Whether the chunk of the last record has.
    pub(super) here: bool,
    /// Up to how many chunks behind that one they have.
    pub(super) behind: u64,
}

/// What tells the last record that was read from all others, also where its number is given once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LastRecord {
    /// The number of its chunk in the file, from 0.
    pub(super) chunk: u64,
    /// Its record id.
    pub(super) id: u64,
    /// When it was written, as a FILETIME.
    pub(super) written: u64,
    /// CRC32 of its bytes.
    pub(super) checksum: u32,
}

impl LastRecord {
    /// A record of the chunk with this number.
    pub(super) fn new(number: u64, chunk: &Chunk, span: &Span) -> Self {
        let Span { id, written, .. } = *span;
        Self { chunk: number, id, written, checksum: crc32fast::hash(chunk.record(span)) }
    }

    /// Where it is among the records of a chunk, whatever number that has.
    pub(super) fn index_in(&self, chunk: &Chunk) -> Option<usize> {
        let index = chunk.spans().binary_search_by_key(&self.id, |span| span.id).ok()?;
        let span = chunk.spans().get(index)?;
        (Self::new(self.chunk, chunk, span) == *self).then_some(index)
    }
}

impl Cursor {
    /// Whether any record was read.
    pub fn has_read(&self) -> bool {
        self.last.is_some()
    }

    /// The position from which on messages may be some that were given before.
    pub fn since(&self) -> u64 {
        self.since
    }

    /// The same place in the log, with the next message at `position` or behind it.
    pub fn not_before(self, position: u64) -> Self {
        let next = self.next.max(position);
        let since = if self.has_read() { self.since } else { next };
        Self { next, since, ..self }
    }
}
