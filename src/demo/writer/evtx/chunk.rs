//! A chunk of the log: 64 KiB with its own header, tables of names and definitions, and records.
//!
//! A chunk is readable on its own: records refer to names and definitions of the same chunk by offset. What is behind
//! the free space stays when a chunk is used again, so records of an earlier pass can be found there.

use super::CHUNK_SIZE;
use super::binxml::Tables;
use super::event::WindowsEvent;
use super::{BinXmlStyle, file_time, record};

/// Where records begin: behind the header and its tables.
const RECORDS: usize = 512;
/// Of a record before its event: signature, size, id, time.
const RECORD_HEADER: usize = 24;
/// What a header says where nothing is.
const NONE: u64 = u64::MAX;

/// One chunk and what its next record needs to know.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    /// Where the next record goes.
    free: usize,
    /// Where the last record is.
    last: usize,
    numbers: (u64, u64),
    ids: (u64, u64),
    tables: Tables,
    checksum: crc32fast::Hasher,
}

impl Chunk {
    /// An empty one, whose first record will have this number.
    pub(super) fn new(number: u64) -> Self {
        let mut chunk = Self {
            bytes: vec![0; CHUNK_SIZE],
            free: RECORDS,
            last: 0,
            numbers: (number, NONE),
            ids: (NONE, NONE),
            tables: Tables::default(),
            checksum: crc32fast::Hasher::new(),
        };
        chunk.put(0, b"ElfChnk\0");
        chunk.put(40, &128_u32.to_le_bytes());
        chunk.seal();
        chunk
    }

    /// An empty one in the place of another, whose records stay behind the new free space until they are overwritten.
    pub(super) fn over(old: &Self, number: u64) -> Self {
        let mut chunk = Self::new(number);
        chunk.bytes[RECORDS..].copy_from_slice(&old.bytes[RECORDS..]);
        chunk
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds a record, with its names and definitions in the tables but not in the header's numbers; false if it does
    /// not fit.
    pub(super) fn add(&mut self, number: u64, id: u64, event: &WindowsEvent, style: BinXmlStyle) -> bool {
        let place = self.free + RECORD_HEADER;
        let (content, tables) = record::encode(id, event, style, place, self.tables.clone());
        let size = (RECORD_HEADER + content.len() + 4).next_multiple_of(8);
        let (start, end) = (self.free, self.free + size);
        if end > CHUNK_SIZE {
            return false;
        }
        // It is less than a chunk.
        let size = u32::try_from(size).unwrap_or(0).to_le_bytes();
        self.bytes[start..end].fill(0);
        self.put(start, b"**\0\0");
        self.put(start + 4, &size);
        self.put(start + 8, &id.to_le_bytes());
        self.put(start + 16, &file_time(event.time).to_le_bytes());
        self.put(start + RECORD_HEADER, &content);
        self.put(end - 4, &size);

        self.checksum.update(&self.bytes[start..end]);
        (self.last, self.free) = (start, end);
        self.numbers.1 = number;
        self.ids = (if self.ids.0 == NONE { id } else { self.ids.0 }, id);
        for (place, offset) in tables.offsets().enumerate() {
            self.put(128 + place * 4, &offset.to_le_bytes());
        }
        self.tables = tables;
        true
    }

    /// Brings the header up to date: numbers, offsets, both checksums.
    pub(super) fn seal(&mut self) {
        for (place, number) in
            [self.numbers.0, self.numbers.1, self.ids.0, self.ids.1].into_iter().enumerate()
        {
            self.put(8 + place * 8, &number.to_le_bytes());
        }
        for (place, offset) in [self.last, self.free].into_iter().enumerate() {
            // Both are within the chunk.
            self.put(44 + place * 4, &u32::try_from(offset).unwrap_or(0).to_le_bytes());
        }
        self.put(52, &self.checksum.clone().finalize().to_le_bytes());
        let mut header = crc32fast::Hasher::new();
        header.update(&self.bytes[..120]);
        header.update(&self.bytes[128..RECORDS]);
        self.put(124, &header.finalize().to_le_bytes());
    }

    /// Whether its header says that it is behind its records; no checksum covers this.
    pub(super) fn set_dirty(&mut self, dirty: bool) {
        self.put(120, &u32::from(dirty).to_le_bytes());
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }
}
