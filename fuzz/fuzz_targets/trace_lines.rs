//! Any bytes as a log, whole and in pieces: nothing may panic, and both must tell the same.
//!
//! The first byte chooses the encoding and the length of the pieces, so that the fuzzer finds its way into both.

#![no_main]

use std::sync::LazyLock;

use configmgr_backup_exporter::trace::{
    Encoding, LineBlocks, LineCounts, LogEntry, Phrases, ReaderState, TraceReader, UserPatterns,
};
use libfuzzer_sys::fuzz_target;

static PHRASES: LazyLock<Phrases> =
    LazyLock::new(|| Phrases::new(UserPatterns::default()).expect("the table compiles"));

fn read<'a>(encoding: Encoding, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<LogEntry>, LineCounts) {
    let mut reader = TraceReader::new(&PHRASES, ReaderState::default());
    let mut blocks = LineBlocks::new(encoding);
    let mut entries = Vec::new();
    for piece in pieces {
        blocks.push(piece, &mut |block| reader.read(block, &mut |entry| entries.push(entry)));
    }
    blocks.finish(&mut |block| reader.read(block, &mut |entry| entries.push(entry)));
    (entries, reader.counts)
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, log)) = data.split_first() else { return };
    let encoding = [Encoding::SingleByte, Encoding::Utf16Le, Encoding::Utf16Be][usize::from(choice % 3)];
    let length = usize::from(choice / 3) + 1;
    assert_eq!(read(encoding, log.chunks(length)), read(encoding, std::iter::once(log)));
});
