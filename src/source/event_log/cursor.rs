//! Up to which record an event log has been read.

use serde::{Deserialize, Serialize};

/// Where the reading of an event log goes on; part of the checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cursor {
    /// The last record that was read, by which the log is known again; `None` before the first.
    pub(super) last: Option<LastRecord>,
    /// The position of the next message among all of this witness.
    pub(super) next: u64,
    /// The position of the first message of this reading; it is another one where other content was found, of which
    /// everything is read.
    pub(super) since: u64,
    /// Whether the log ever held a message of the backup. Until then it is no witness: the site may not report there.
    pub(super) heard: bool,
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

impl Cursor {
    /// Whether any record was read.
    pub fn has_read(&self) -> bool {
        self.last.is_some()
    }

    /// The position from which on the present reading gives its messages.
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
