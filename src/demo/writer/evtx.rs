//! Windows event log files (`.evtx`), as the event log service keeps the Application log.
//!
//! A file is a header and a ring of chunks; a full ring overwrites its oldest chunk. While the service runs, the numbers
//! in the headers can be behind the records, and say so. What a real file has and this one does not: bytes of memory in
//! the padding of records, and chunks that are reserved but were never used.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use chrono::Timelike;

use crate::site::Timestamp;

mod binxml;
mod chunk;
mod event;
mod record;
mod shape;
#[cfg(test)]
mod tests;

use chunk::Chunk;
pub use event::{HeaderLanguage, WindowsEvent};

/// The size of the header before the first chunk.
pub const HEADER_SIZE: usize = 4096;
/// The size of every chunk.
pub const CHUNK_SIZE: usize = 65_536;

/// The longest provider and computer name, in UTF-16 units.
const LONGEST_NAME: usize = 255;
/// As many strings as Windows takes for one event.
const MOST_STRINGS: usize = 256;
/// The UTF-16 units of all strings and their ends: with everything else a record fits a chunk in either style.
const MOST_UNITS: usize = 28 * 1024;

/// How an event is put into binary XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BinXmlStyle {
    /// By templates that the records of a chunk share, as on Windows.
    #[default]
    Templates,
    /// Element by element, every value as text: allowed, and rare.
    Plain,
}

/// A log as the event log service keeps it.
#[derive(Debug, Clone)]
pub struct EventLogWriter {
    /// At least one.
    chunks: Vec<Chunk>,
    current: usize,
    capacity: usize,
    next_number: u64,
    next_id: u64,
    style: BinXmlStyle,
    dirty: bool,
    header: FileHeader,
    /// The chunks that the file does not have like this yet.
    unwritten: BTreeSet<usize>,
}

/// What the file's header told at the last flush.
#[derive(Debug, Clone, Copy)]
struct FileHeader {
    oldest: usize,
    current: usize,
    chunks: usize,
    next_id: u64,
}

impl Default for EventLogWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl EventLogWriter {
    /// An empty log with one chunk, which grows without end; ids count from 1.
    pub fn new() -> Self {
        Self {
            chunks: vec![Chunk::new(1)],
            current: 0,
            capacity: usize::from(u16::MAX),
            next_number: 1,
            next_id: 1,
            style: BinXmlStyle::default(),
            dirty: false,
            header: FileHeader { oldest: 0, current: 0, chunks: 1, next_id: 1 },
            unwritten: BTreeSet::from([0]),
        }
    }

    /// How many chunks there are before the oldest is overwritten, at least one.
    pub fn capacity(self, chunks: usize) -> Self {
        Self { capacity: chunks.clamp(1, usize::from(u16::MAX)), ..self }
    }

    /// The id of the next record, as if those before it had been overwritten.
    pub fn first_id(mut self, id: u64) -> Self {
        self.next_id = id;
        self.header.next_id = id;
        self
    }

    /// How events are put into binary XML from now on.
    pub fn style(self, style: BinXmlStyle) -> Self {
        Self { style, ..self }
    }

    /// Adds an event and returns its record's id.
    ///
    /// Strings end at their first NUL, as on Windows. What no chunk could hold is cut: names after 255 UTF-16 units,
    /// strings after 28672 together, each with one for its end, and all after the 256th string.
    pub fn push(&mut self, event: &WindowsEvent) -> u64 {
        let event = fitting(event);
        let (number, id) = (self.next_number, self.next_id);
        if !self.chunks[self.current].add(number, id, &event, self.style) {
            self.begin_chunk();
            let fits = self.chunks[self.current].add(number, id, &event, self.style);
            debug_assert!(fits, "a fresh chunk holds every event that was cut");
        }
        (self.next_number, self.next_id) = (number + 1, id + 1);
        self.unwritten.insert(self.current);
        if !self.dirty {
            self.flush();
        }
        id
    }

    /// Removes all events: one fresh chunk, ids count from 1 again.
    pub fn clear(&mut self) {
        let fresh = Self::new().capacity(self.capacity).style(self.style);
        let dirty = self.dirty;
        *self = fresh;
        self.set_dirty(dirty);
    }

    /// Brings all headers up to date. From then on a dirty log leaves the numbers and checksums of the file's header and
    /// of the newest chunk's as they are, and says so; chunks that are full are always up to date.
    pub fn set_dirty(&mut self, dirty: bool) {
        self.dirty = dirty;
        self.chunks[self.current].set_dirty(dirty);
        self.unwritten.insert(self.current);
        self.flush();
    }

    /// The whole file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_SIZE + self.chunks.len() * CHUNK_SIZE);
        bytes.extend(self.header_bytes());
        self.chunks.iter().for_each(|chunk| bytes.extend(chunk.bytes()));
        bytes
    }

    /// Writes what changed since the last call to the same file: chunks, then the header; a log that was cleared makes
    /// the file shorter. After an error the next call writes it all again.
    pub fn write_changes(&mut self, file: &mut File) -> io::Result<()> {
        for &number in &self.unwritten {
            file.seek(SeekFrom::Start(position(number)))?;
            file.write_all(self.chunks[number].bytes())?;
        }
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&self.header_bytes())?;
        file.set_len(position(self.chunks.len()))?;
        self.unwritten.clear();
        Ok(())
    }

    fn begin_chunk(&mut self) {
        let full = &mut self.chunks[self.current];
        full.set_dirty(false);
        full.seal();
        self.unwritten.insert(self.current);
        if self.chunks.len() < self.capacity {
            self.chunks.push(Chunk::new(self.next_number));
            self.current = self.chunks.len() - 1;
        } else {
            self.current = (self.current + 1) % self.chunks.len();
            self.chunks[self.current] = Chunk::over(&self.chunks[self.current], self.next_number);
        }
        self.chunks[self.current].set_dirty(self.dirty);
    }

    fn flush(&mut self) {
        self.chunks[self.current].seal();
        self.header = FileHeader {
            // The newest is the last one until the ring is full.
            oldest: (self.current + 1) % self.chunks.len(),
            current: self.current,
            chunks: self.chunks.len(),
            next_id: self.next_id,
        };
    }

    fn header_bytes(&self) -> [u8; HEADER_SIZE] {
        let FileHeader { oldest, current, chunks, next_id } = self.header;
        let mut bytes = [0; HEADER_SIZE];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, b"ElfFile\0");
        put(8, &u64::try_from(oldest).unwrap_or(0).to_le_bytes());
        put(16, &u64::try_from(current).unwrap_or(0).to_le_bytes());
        put(24, &next_id.to_le_bytes());
        put(32, &128_u32.to_le_bytes());
        // Version 3.1, then the size of this header.
        put(36, &1_u16.to_le_bytes());
        put(38, &3_u16.to_le_bytes());
        put(40, &4096_u16.to_le_bytes());
        put(42, &u16::try_from(chunks).unwrap_or(u16::MAX).to_le_bytes());
        put(120, &u32::from(self.dirty).to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..120]);
        bytes[124..128].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

/// Where a chunk stands in the file.
fn position(chunk: usize) -> u64 {
    u64::try_from(HEADER_SIZE + chunk * CHUNK_SIZE).unwrap_or(u64::MAX)
}

/// The event as a chunk can hold it.
fn fitting(event: &WindowsEvent) -> WindowsEvent {
    let mut units = MOST_UNITS;
    let string = |text: &String| {
        let kept = cut(text, units.saturating_sub(1));
        units = units.saturating_sub(kept.encode_utf16().count() + 1);
        kept
    };
    WindowsEvent {
        provider: cut(&event.provider, LONGEST_NAME),
        computer: cut(&event.computer, LONGEST_NAME),
        data: event.data.iter().take(MOST_STRINGS).map(string).collect(),
        ..event.clone()
    }
}

/// The text before its first NUL, and no more of it than so many UTF-16 units.
fn cut(text: &str, mut units: usize) -> String {
    let fits = |character: &char| match units.checked_sub(character.len_utf16()) {
        Some(left) if *character != '\0' => {
            units = left;
            true
        }
        _ => false,
    };
    text.chars().take_while(fits).collect()
}

/// 100 ns since 1601, the unit of Windows; 0 for a time before that.
fn file_time(time: Timestamp) -> u64 {
    const FROM_1601_TO_1970: i64 = 11_644_473_600;
    let seconds = u64::try_from(time.timestamp() + FROM_1601_TO_1970).unwrap_or(0);
    seconds.saturating_mul(10_000_000).saturating_add(u64::from(time.nanosecond() / 100))
}

/// A time as XML has it, with the 7 digits of its unit.
fn system_time(time: Timestamp) -> String {
    format!("{}.{:07}Z", time.format("%Y-%m-%dT%H:%M:%S"), time.nanosecond() / 100)
}
