//! Whether a saved registry hive, such as `SMSbkSiteRegSMS.dat`, is whole.
//!
//! Owns the base block of the `regf` format and the walk over the bins; refuses to look at keys and values, which no
//! checksum protects. It reads 512 bytes, then 32 of each bin, and a bin has at least 4096 bytes, so the file's length
//! bounds the reads.

use std::io;

const BASE_BLOCK: u64 = 4096;
/// Bins start and end at multiples of this many bytes.
const BIN_UNIT: u32 = 4096;
const CHECKSUM_WORD: usize = 127;

/// What is wrong with a hive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct HiveFault {
    /// What has to be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// Judges a hive of `len` bytes, `None` being a sound one; `read` fills a buffer with what is at an offset below `len`,
/// and its errors come back.
pub fn judge(
    read: &mut dyn FnMut(u64, &mut [u8]) -> io::Result<()>,
    len: u64,
) -> io::Result<Option<HiveFault>> {
    if len < BASE_BLOCK + u64::from(BIN_UNIT) {
        return fault("a registry hive of at least 8192 bytes", format!("{len} bytes"));
    }
    let mut block = [0; 512];
    read(0, &mut block)?;
    let word = |index: usize| word(&block, index);
    if !block.starts_with(b"regf") {
        return fault("the magic bytes regf", format!("\"{}\"", block[..4].escape_ascii()));
    }
    let sum = checksum(&block);
    if word(CHECKSUM_WORD) != sum {
        return fault(format!("checksum 0x{:08x}", word(CHECKSUM_WORD)), format!("checksum 0x{sum:08x}"));
    }
    if word(1) != word(2) {
        return fault("equal sequence numbers", format!("{} and {}", word(1), word(2)));
    }
    let size = word(10);
    if size == 0 || size % BIN_UNIT != 0 {
        return fault("a positive multiple of 4096 bytes in hive bins", format!("{size} bytes"));
    }
    if BASE_BLOCK + u64::from(size) > len {
        return fault(format!("at least {} bytes", BASE_BLOCK + u64::from(size)), format!("{len} bytes"));
    }
    judge_bins(read, size)
}

/// Follows the bins, which have to fill exactly `size` bytes.
fn judge_bins(
    read: &mut dyn FnMut(u64, &mut [u8]) -> io::Result<()>,
    size: u32,
) -> io::Result<Option<HiveFault>> {
    let mut at = 0;
    while at < size {
        let offset = BASE_BLOCK + u64::from(at);
        let mut bin = [0; 32];
        read(offset, &mut bin)?;
        if !bin.starts_with(b"hbin") {
            return fault(
                format!("the magic bytes hbin at offset {offset}"),
                format!("\"{}\"", bin[..4].escape_ascii()),
            );
        }
        if word(&bin, 1) != at {
            return fault(format!("hive bin {at} at offset {offset}"), format!("hive bin {}", word(&bin, 1)));
        }
        let length = word(&bin, 2);
        if length == 0 || length % BIN_UNIT != 0 || length > size - at {
            return fault(
                format!("at offset {offset} a hive bin of 4096 to {} bytes", size - at),
                format!("{length} bytes"),
            );
        }
        at += length;
    }
    Ok(None)
}

/// The checksum of a base block, which is never 0 or 0xFFFFFFFF.
fn checksum(block: &[u8; 512]) -> u32 {
    match (0..CHECKSUM_WORD).fold(0, |sum, index| sum ^ word(block, index)) {
        0 => 1,
        u32::MAX => u32::MAX - 1,
        sum => sum,
    }
}

fn word<const N: usize>(bytes: &[u8; N], index: usize) -> u32 {
    bytes.as_chunks().0.get(index).map_or(0, |word| u32::from_le_bytes(*word))
}

fn fault(expected: impl Into<String>, found: String) -> io::Result<Option<HiveFault>> {
    Ok(Some(HiveFault { expected: expected.into(), found }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::demo::writer::hive;

    /// Judges bytes in memory and counts the reads.
    fn judge_bytes(bytes: &[u8]) -> (Option<HiveFault>, usize) {
        let mut reads = 0;
        let mut read = |at: u64, into: &mut [u8]| {
            reads += 1;
            let at = usize::try_from(at).unwrap();
            into.copy_from_slice(&bytes[at..at + into.len()]);
            Ok(())
        };
        let fault = judge(&mut read, bytes.len() as u64).unwrap();
        (fault, reads)
    }

    /// Stores the checksum that the bytes need, computed as the format's description words it.
    fn seal(bytes: &mut [u8]) {
        let mut sum = [0; 4];
        for (at, byte) in bytes[..0x1FC].iter().enumerate() {
            sum[at % 4] ^= byte;
        }
        let sum = match u32::from_le_bytes(sum) {
            0 => 1,
            0xFFFF_FFFF => 0xFFFF_FFFE,
            sum => sum,
        };
        bytes[0x1FC..0x200].copy_from_slice(&sum.to_le_bytes());
    }

    #[test]
    fn a_written_hive_is_sound() {
        for bins in [1, 2, 17] {
            let bytes = hive(bins);
            let mut sealed = bytes.clone();
            seal(&mut sealed);
            assert_eq!(bytes, sealed, "{bins} bins");
            assert_eq!(judge_bytes(&bytes), (None, 1 + bins as usize), "{bins} bins");
        }
    }

    #[test]
    fn what_follows_the_bins_is_allowed() {
        let mut bytes = hive(2);
        bytes.extend([7; 5000]);
        assert_eq!(judge_bytes(&bytes).0, None);
    }

    #[test]
    fn each_fault_is_named() {
        type Damage = fn(&mut Vec<u8>);
        let table: [(&str, Damage, &str, &str); 12] = [
            ("empty", Vec::clear, "a registry hive of at least 8192 bytes", "0 bytes"),
            ("magic", |b| b[0] = b'R', "the magic bytes regf", "\"Regf\""),
            ("dirty", |b| b[4] ^= 1, "equal sequence numbers", "0 and 1"),
            (
                "no bins",
                |b| b[0x28..0x2C].fill(0),
                "a positive multiple of 4096 bytes in hive bins",
                "0 bytes",
            ),
            ("odd size", |b| b[0x28] = 1, "a positive multiple of 4096 bytes in hive bins", "12289 bytes"),
            ("truncated", |b| b.truncate(16383), "at least 16384 bytes", "16383 bytes"),
            ("first bin", |b| b[0x1000] = 0, "the magic bytes hbin at offset 4096", "\"\\x00bin\""),
            (
                "later bin",
                |b| b[0x3000..0x3004].fill(b'x'),
                "the magic bytes hbin at offset 12288",
                "\"xxxx\"",
            ),
            ("moved bin", |b| b[0x2005] = 0, "hive bin 4096 at offset 8192", "hive bin 0"),
            ("empty bin", |b| b[0x2009] = 0, "at offset 8192 a hive bin of 4096 to 8192 bytes", "0 bytes"),
            ("odd bin", |b| b[0x2008] = 1, "at offset 8192 a hive bin of 4096 to 8192 bytes", "4097 bytes"),
            (
                "long bin",
                |b| b[0x300A] = 1,
                "at offset 12288 a hive bin of 4096 to 4096 bytes",
                "69632 bytes",
            ),
        ];
        for (name, damage, expected, found) in table {
            let mut bytes = hive(3);
            damage(&mut bytes);
            if bytes.len() >= 0x200 {
                seal(&mut bytes);
            }
            let fault = HiveFault { expected: expected.into(), found: found.into() };
            assert_eq!(judge_bytes(&bytes).0, Some(fault), "{name}");
        }
    }

    #[test]
    fn the_checksum_avoids_two_values() {
        let mut block = [0; 512];
        assert_eq!(checksum(&block), 1);
        block[8..12].fill(0xFF);
        assert_eq!(checksum(&block), 0xFFFF_FFFE);
        block[100] = 3;
        assert_eq!(checksum(&block), 0xFFFF_FFFC);
    }

    #[test]
    fn a_failed_read_is_no_fault_of_the_hive() {
        let mut read = |_, _: &mut [u8]| Err(io::ErrorKind::TimedOut.into());
        assert_eq!(judge(&mut read, 8192).unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn every_flipped_bit_in_the_base_block_is_found() {
        let mut bytes = hive(1);
        for bit in 0..512 * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(judge_bytes(&bytes).0.is_some(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_in_bounded_reads(
            bins in 1_u32..6,
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
            length in 0_usize..30_000,
        ) {
            let mut bytes = hive(bins);
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            seal(&mut bytes);
            bytes.truncate(length);
            let (_, reads) = judge_bytes(&bytes);
            prop_assert!(reads <= bytes.len() / 4096);
        }
    }
}
