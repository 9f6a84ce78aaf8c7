//! A saved registry hive, as far as its own format says that it is whole.

const BLOCK: usize = 4096;

/// A hive in the `regf` format with this many bins of 4096 bytes, and nothing but free space in them.
pub fn hive(bins: u32) -> Vec<u8> {
    let mut bytes = vec![0; BLOCK];
    let mut put = |at: usize, word: u32| bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
    put(0x00, u32::from_le_bytes(*b"regf"));
    // Two equal sequence numbers, version 1.5, then the root cell, the size of the bins and the clustering factor.
    for (at, word) in [(0x04, 1), (0x08, 1), (0x14, 1), (0x18, 5), (0x20, 1), (0x24, 0x20), (0x2C, 1)] {
        put(at, word);
    }
    put(0x28, bins * BLOCK as u32);
    let sum = bytes.as_chunks().0.iter().take(127).fold(0, |sum, word| sum ^ u32::from_le_bytes(*word));
    bytes[0x1FC..0x200].copy_from_slice(&sum.to_le_bytes());
    for bin in 0..bins {
        let mut block = [0; BLOCK];
        block[..4].copy_from_slice(b"hbin");
        block[4..8].copy_from_slice(&(bin * BLOCK as u32).to_le_bytes());
        block[8..12].copy_from_slice(&(BLOCK as u32).to_le_bytes());
        // One free cell: its length is positive.
        block[32..36].copy_from_slice(&(BLOCK as u32 - 32).to_le_bytes());
        bytes.extend(block);
    }
    bytes
}
