//! The log as a ring: overwritten, cleared, not flushed, written to a file bit by bit.

use std::fs::{self, File};
use std::ops::RangeInclusive;

use super::*;

fn push(log: &mut EventLogWriter, count: usize) {
    (0..count).for_each(|number| _ = log.push(&WindowsEvent::other(number, "CM01", noon())));
}

fn ids(read: &[Read]) -> RangeInclusive<u64> {
    let ids: Vec<_> = read.iter().map(|(id, _)| *id).collect();
    let range = ids[0]..=ids[ids.len() - 1];
    assert_eq!(ids, range.clone().collect::<Vec<_>>(), "without a gap");
    range
}

/// First chunk, last chunk, next id, how many chunks, and whether it is dirty.
fn header(bytes: &[u8]) -> (u64, u64, u64, u16, bool) {
    let parser = EvtxParser::from_buffer(bytes.to_vec()).unwrap();
    let header = parser.header();
    assert!(header.validate_checksum());
    (
        header.first_chunk_number,
        header.last_chunk_number,
        header.next_record_id,
        header.chunk_count,
        header.flags.bits() == 1,
    )
}

#[test]
fn an_empty_log_is_one_chunk_without_records() {
    let log = EventLogWriter::new();
    assert_eq!(log.bytes().len(), HEADER_SIZE + CHUNK_SIZE);
    assert_eq!(header(&log.bytes()), (0, 0, 1, 1, false));
    assert!(read_sound(&log).is_empty());
}

#[test]
fn a_log_grows_by_chunks_and_keeps_everything() {
    let mut log = EventLogWriter::new().first_id(5_000_000_000);
    push(&mut log, 1000);
    let read = read_sound(&log);
    assert_eq!(ids(&read), 5_000_000_000..=5_000_000_999);
    let chunks = u16::try_from(log.bytes().len() / CHUNK_SIZE).unwrap();
    assert!(chunks > 3);
    assert_eq!(header(&log.bytes()), (0, u64::from(chunks) - 1, 5_000_001_000, chunks, false));
}

#[test]
fn a_full_ring_overwrites_its_oldest_chunk() {
    let mut log = EventLogWriter::new().capacity(3);
    push(&mut log, 2000);
    let kept = ids(&read_sound(&log));
    assert_eq!(*kept.end(), 2000);
    assert!(*kept.start() > 1000);
    let (oldest, newest, next, chunks, _) = header(&log.bytes());
    assert_eq!((oldest, next, chunks), ((newest + 1) % 3, 2001, 3));

    // Behind the free space of the newest chunk are records of the pass before.
    let newest = HEADER_SIZE + usize::try_from(newest).unwrap() * CHUNK_SIZE;
    let newest = &log.bytes()[newest..newest + CHUNK_SIZE];
    let free = EvtxChunkData::new(newest.to_vec(), true).unwrap().header.free_space_offset;
    let (words, _) = newest[usize::try_from(free).unwrap()..].as_chunks::<8>();
    let record =
        |pair: &&[[u8; 8]]| pair[0].starts_with(b"**\0\0") && u64::from_le_bytes(pair[1]) < *kept.start();
    assert!(words.windows(2).filter(record).count() > 10);
}

#[test]
fn a_ring_of_one_chunk_overwrites_itself() {
    let mut log = EventLogWriter::new().capacity(0);
    push(&mut log, 1000);
    assert_eq!(*ids(&read_sound(&log)).end(), 1000);
    assert_eq!(header(&log.bytes()), (0, 0, 1001, 1, false));
}

#[test]
fn a_cleared_log_counts_from_one_again() {
    let mut log = EventLogWriter::new().capacity(2).first_id(77).style(BinXmlStyle::Plain);
    push(&mut log, 500);
    log.clear();
    assert_eq!(log.bytes().len(), HEADER_SIZE + CHUNK_SIZE);
    assert!(read_sound(&log).is_empty());
    push(&mut log, 500);
    assert_eq!(*ids(&read_sound(&log)).end(), 500);
    assert_eq!(log.bytes().len(), HEADER_SIZE + 2 * CHUNK_SIZE, "its capacity stays");
}

#[test]
fn headers_of_a_dirty_log_are_behind_its_records() {
    let mut log = EventLogWriter::new();
    push(&mut log, 10);
    log.set_dirty(true);
    assert_sound(&log.bytes());
    push(&mut log, 5);
    let bytes = log.bytes();
    assert_eq!(header(&bytes), (0, 0, 11, 1, true));
    let chunk = EvtxChunkData::new(bytes[HEADER_SIZE..].to_vec(), false).unwrap();
    assert_eq!((chunk.header.last_event_record_id, chunk.header.flags.bits()), (10, 1));
    assert_eq!(ids(&read(bytes)), 1..=10, "as far as the headers tell");

    // A full chunk is up to date; the one after it says nothing of its records yet.
    push(&mut log, 485);
    let bytes = log.bytes();
    assert_eq!(header(&bytes), (0, 0, 11, 1, true));
    let chunks: Vec<_> = bytes[HEADER_SIZE..].chunks(CHUNK_SIZE).collect();
    let (newest, full) = chunks.split_last().unwrap();
    assert!(full.len() > 1);
    full.iter().for_each(|chunk| assert!(EvtxChunkData::new(chunk.to_vec(), true).is_ok()));
    let newest = EvtxChunkData::new(newest.to_vec(), false).unwrap();
    assert_eq!((newest.header.last_event_record_id, newest.header.free_space_offset), (u64::MAX, 512));

    log.set_dirty(false);
    assert_eq!(ids(&read_sound(&log)), 1..=500);
}

#[test]
fn a_file_follows_the_log_by_its_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Application.evtx");
    let mut file = File::create(&path).unwrap();
    let mut log = EventLogWriter::new().capacity(3);
    let mut changed = |log: &mut EventLogWriter, step: &str| {
        log.write_changes(&mut file).unwrap();
        assert!(fs::read(&path).unwrap() == log.bytes(), "{step}");
        assert!(log.unwritten.is_empty());
    };
    changed(&mut log, "empty");
    for _ in 0..40 {
        push(&mut log, 50);
        changed(&mut log, "more events");
    }
    log.set_dirty(true);
    changed(&mut log, "dirty");
    push(&mut log, 500);
    changed(&mut log, "more events while dirty");
    log.set_dirty(false);
    changed(&mut log, "clean");
    log.clear();
    changed(&mut log, "cleared");
}
