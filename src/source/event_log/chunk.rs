//! A chunk of an event log: which records it holds, and whether it is whole. Pure.
//!
//! The records are found by their own headers, because the chunk's header lags behind them while the log is in use.
//! Behind the free space lie records of an earlier pass over the chunk: they have
//! other ids or, from before a clear, times long gone, and end the walk.

use std::ops::Range;

use memchr::memmem;

/// The size of a chunk, header included.
pub(super) const CHUNK_SIZE: usize = 64 << 10;
/// Where the records begin, and so the size of the header.
pub(super) const RECORDS: usize = 512;
/// What is read of a chunk to know where it belongs: its header and that of its first record.
pub(super) const HEAD_SIZE: usize = 1024;

const MAGIC: &[u8] = b"ElfChnk\0";
/// What a record begins with.
pub(super) const RECORD_MAGIC: &[u8] = b"**\0\0";
/// The size of a record's own header: magic, size, id, time.
pub(super) const RECORD_HEADER: usize = 24;
/// With the copy of the size at the end, no record is smaller.
const MIN_RECORD: usize = RECORD_HEADER + 4;
/// No two records of one chunk are further apart.
const MAX_RECORDS: u64 = ((CHUNK_SIZE - RECORDS) / MIN_RECORD) as u64;
/// The last moment of the year 9999 in units of 100 ns since 1601: later ones are no times.
const LAST_TIME: u64 = 2_650_467_743_999_999_999;
/// A clock is set back by less than an hour, in the same units.
const CLOCK_STEP: u64 = 3600 * 10_000_000;
/// Set where a writer makes no checksums.
const NO_CHECKSUMS: u32 = 4;

/// One record and where it is in its chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) id: u64,
    /// When it was written, in units of 100 ns since 1601.
    pub(super) written: u64,
    /// Its bytes, from its magic to the copy of its size.
    pub(super) range: Range<usize>,
}

/// What the first bytes of a chunk tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// Nothing was written there yet.
    Unused,
    /// Something was, which cannot be told.
    Unreadable,
    /// The id of its first record.
    From(u64),
}

impl Head {
    /// Of the first [`HEAD_SIZE`] bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        match (Header::of(bytes), span_header(bytes, RECORDS)) {
            (Some(header), _) if header.intact && !header.is_empty() => Self::From(header.ids.0),
            (Some(header), None) if header.is_empty() => Self::Unused,
            (_, Some(first)) => Self::From(first.id),
            (None, None) if bytes.iter().all(|byte| *byte == 0) => Self::Unused,
            (_, None) => Self::Unreadable,
        }
    }
}

impl Head {
    /// The id of the chunk's first record, if it can be told.
    pub(super) fn first_id(self) -> Option<u64> {
        if let Self::From(first) = self { Some(first) } else { None }
    }
}

/// What a chunk says of itself.
#[derive(Debug, Clone, Copy)]
struct Header {
    /// Of its first and last record.
    ids: (u64, u64),
    /// Where no more records follow.
    free: usize,
    has_checksums: bool,
    /// Its own checksum is right.
    intact: bool,
    records_checksum: u32,
}

impl Header {
    fn of(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(MAGIC) {
            return None;
        }
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(bytes.get(..120)?);
        checksum.update(bytes.get(128..RECORDS)?);
        let has_checksums = u32_at(bytes, 120)? & NO_CHECKSUMS == 0;
        Some(Self {
            ids: (u64_at(bytes, 24)?, u64_at(bytes, 32)?),
            free: usize::try_from(u32_at(bytes, 48)?).ok()?,
            has_checksums,
            intact: !has_checksums || u32_at(bytes, 124)? == checksum.finalize(),
            records_checksum: u32_at(bytes, 52)?,
        })
    }

    /// It was begun, and has no record yet.
    fn is_empty(&self) -> bool {
        self.free <= RECORDS || self.ids.0 == u64::MAX
    }

    /// Whether the checksum of the records says that they are what was written.
    fn vouches_for(&self, bytes: &[u8]) -> bool {
        let records = || bytes.get(RECORDS..self.free.max(RECORDS));
        !self.has_checksums
            || records().is_some_and(|records| crc32fast::hash(records) == self.records_checksum)
    }
}

/// A chunk with the records that are in it now.
#[derive(Debug)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    /// Something between the records is none.
    torn: bool,
}

impl Chunk {
    /// Finds the records in the bytes of a chunk.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let (spans, torn) = walk(&bytes);
        Self { bytes, spans, torn }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its records, by growing id.
    pub(super) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The id of the first one.
    pub(super) fn first_id(&self) -> Option<u64> {
        self.spans.first().map(|span| span.id)
    }

    /// The bytes of one of its records.
    pub(super) fn record(&self, span: &Span) -> &[u8] {
        self.bytes.get(span.range.clone()).unwrap_or_default()
    }

    /// Whether all that was ever written into it can be read; only a chunk that is no longer written to can say so.
    pub(super) fn is_whole(&self) -> bool {
        !self.torn
            && Header::of(&self.bytes).is_some_and(|header| header.intact && header.vouches_for(&self.bytes))
    }
}

fn walk(bytes: &[u8]) -> (Vec<Span>, bool) {
    let header = Header::of(bytes);
    // Up to here the header vouches for what is there, and beyond it for nothing.
    let claim = header.filter(|header| header.intact).map(|header| (header.ids, header.free));
    let (mut spans, mut torn): (Vec<Span>, bool) = (Vec::new(), false);
    let mut at = RECORDS;
    while at < bytes.len() {
        let is_claimed = claim.is_some_and(|(_, free)| at < free);
        let fits = |span: &Span| {
            let Some(before) = spans.last() else { return true };
            let comes_later = span.id > before.id;
            // What nothing vouches for may also be of another pass, or from before a clear, with ids as they go on.
            let is_next = before.id.checked_add(1) == Some(span.id)
                && span.written.saturating_add(CLOCK_STEP) >= before.written;
            match claim {
                Some(_) if is_claimed => comes_later,
                Some(_) => is_next,
                None => {
                    let is_near = comes_later && span.id - before.id <= MAX_RECORDS;
                    is_next || (is_near && span.written >= before.written)
                }
            }
        };
        let ids = claim.filter(|_| is_claimed).map(|((first, last), _)| first..=last);
        let fits = |span: &Span| fits(span) && ids.as_ref().is_none_or(|ids| ids.contains(&span.id));
        match span_at(bytes, at).filter(fits) {
            Some(span) => {
                at = span.range.end;
                spans.push(span);
            }
            None if claim.is_some() && !is_claimed => break,
            None => {
                torn |= is_claimed;
                let rest = bytes.get(at + 1..).unwrap_or_default();
                let Some(next) = memmem::find(rest, RECORD_MAGIC) else { break };
                at += 1 + next;
            }
        }
    }
    (spans, torn)
}

/// The record that begins at `at`, if there is a whole one.
fn span_at(bytes: &[u8], at: usize) -> Option<Span> {
    let span = span_header(bytes, at)?;
    let copy = u32_at(bytes, span.range.end - 4)?;
    (usize::try_from(copy) == Ok(span.range.len())).then_some(span)
}

/// What the header of a record at `at` says, whether or not the record's end is there.
fn span_header(bytes: &[u8], at: usize) -> Option<Span> {
    let record = bytes.get(at..)?;
    let size = usize::try_from(u32_at(record, 4)?).ok()?;
    let (id, written) = (u64_at(record, 8)?, u64_at(record, 16)?);
    let is_one = record.starts_with(RECORD_MAGIC)
        && (MIN_RECORD..=CHUNK_SIZE - at).contains(&size)
        && written <= LAST_TIME;
    is_one.then(|| Span { id, written, range: at..at + size })
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
