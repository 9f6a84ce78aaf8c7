//! What is known of the contents that were read: their first bytes, and positions in them with what stands before.
//!
//! A content is known by what is in it, never by a name, an inode or a time, so a copy is the same content as its
//! original. Its raw head tells a shorter prefix of it, which is a copy in progress, from something else.

use serde::{Deserialize, Serialize};

/// So many first bytes, and so many before a position, tell one content from another: a line with its time stamp.
pub(super) const WINDOW: usize = 256;

/// Contents that no present file has are kept up to this number: a file may be away during a poll and come back.
const CONTENTS_KEPT: usize = 32;

/// Earlier positions are kept for a file whose last lines were lost in a crash or cut off by hand.
const POSITIONS_KEPT: usize = 8;

/// How far a log was read; a part of the checkpoint, always saved together with the effect of what was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogCursor {
    /// In the order in which they were last read from: the last one holds the newest line that was read.
    pub(super) contents: Vec<Content>,
    /// Polls in a row that left new content unread because an older file might come first.
    pub(super) postponed: u8,
}

/// One content of a log file, from its first byte to where it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    /// The first bytes that were read, at most [`WINDOW`].
    #[serde(with = "latin1")]
    pub(super) head: Vec<u8>,
    /// Ascending by offset, never empty but in a damaged checkpoint.
    pub(super) positions: Vec<Position>,
    /// Whether the `.log` had this content when it was last read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) in_log: bool,
    /// Whether a file of the present poll has this content.
    #[serde(skip)]
    present: bool,
}

/// The end of the last line that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Bytes from the start of the file.
    pub(super) offset: u64,
    /// [`fingerprint`] of the up to [`WINDOW`] bytes before.
    pub(super) tail: u64,
    /// Whether it is not a line's end but a place inside an oversized line that was already counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) inside: bool,
}

impl LogCursor {
    /// Whether nothing was ever read: the next poll reads all there is.
    pub fn is_empty(&self) -> bool {
        self.contents.is_empty()
    }

    /// The content that holds the newest line that was read.
    pub(super) fn last(&self) -> Option<&Content> {
        self.contents.last()
    }

    /// Notes that a file of this poll has the content at `index`.
    pub(super) fn see(&mut self, index: usize) {
        self.contents[index].present = true;
    }

    /// Notes that the content at `index` was read last, and returns its new index.
    pub(super) fn touch(&mut self, index: usize) -> usize {
        self.see(index);
        self.contents[index..].rotate_left(1);
        self.contents.len() - 1
    }

    /// Adds a content that starts with `head` and was not known before, and returns its index.
    pub(super) fn add(&mut self, head: Vec<u8>, position: Position) -> usize {
        self.contents.push(Content { head, positions: vec![position], in_log: false, present: true });
        self.contents.len() - 1
    }

    /// Notes that the `.log` has the content at `index`; says whether it had another one before.
    pub(super) fn place_in_log(&mut self, index: usize) -> bool {
        let mut another = false;
        for (at, content) in self.contents.iter_mut().enumerate() {
            another |= content.in_log && at != index;
            content.in_log = at == index;
        }
        another
    }

    /// Drops what is too old to come back; called at the end of a poll.
    pub(super) fn forget(&mut self) {
        let mut excess =
            self.contents.iter().filter(|content| !content.present).count().saturating_sub(CONTENTS_KEPT);
        self.contents.retain_mut(|content| {
            let keep = std::mem::take(&mut content.present) || excess == 0;
            excess -= usize::from(!keep);
            keep
        });
    }
}

impl Content {
    /// Notes that this content was read up to `position`; `head` may by now be longer.
    pub(super) fn advance(&mut self, head: Vec<u8>, position: Position) {
        if head.len() > self.head.len() {
            self.head = head;
        }
        self.positions.push(position);
        self.positions.sort_by_key(|position| position.offset);
        let excess = self.positions.len().saturating_sub(POSITIONS_KEPT);
        self.positions.drain(..excess);
    }
}

/// FNV-1a of 64 bits, by which checkpoints of all versions know the bytes before a position.
pub(super) fn fingerprint(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

/// Bytes as text of which each character is one byte: most logs are ASCII, and so the checkpoint stays readable.
mod latin1 {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&bytes.iter().map(|&byte| char::from(byte)).collect::<String>())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
        bytes.map_err(|_| D::Error::custom("a log's first bytes hold a character above U+00FF"))
    }
}
