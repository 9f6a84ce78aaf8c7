//! The page: its header and its checksum.
//!
//! All integers are little-endian. The checksum is XOR and rotation only, so a change of one bit always shows, and two
//! changes of the same bit in the same sector never do.

/// Bytes of a page.
pub const PAGE_SIZE: usize = 8192;

/// The bytes of one page.
pub type Page = [u8; PAGE_SIZE];

const SECTOR: usize = 512;
/// Where the stored checksum is; it does not count into itself.
const CHECKSUM_AT: usize = 0x3C;
const HAS_CHECKSUM: u16 = 0x0200;

pub(super) const PFS: u8 = 11;
pub(super) const BOOT: u8 = 13;
pub(super) const FILE_HEADER: u8 = 15;

/// What a page says about itself in its first 96 bytes; nothing of it is proved yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageHeader {
    /// Version of the page header; SQL Server writes 1.
    pub version: u8,
    /// Page type: 1 data, 2 index, 8 GAM, 11 PFS, 13 boot, 15 file header, and some more.
    pub kind: u8,
    /// Flag bits; 0x0200 says that the page carries a checksum, 0x0100 that it carries torn-page bits.
    pub flags: u16,
    /// Number of rows.
    pub slots: u16,
    /// The page's position in its file, in pages.
    pub page: u32,
    /// Number of the file in its database.
    pub file: u16,
    /// The stored checksum, meaningful only with its flag.
    pub checksum: u32,
}

impl PageHeader {
    /// Reads the header; any bytes have one.
    pub fn parse(page: &Page) -> Self {
        Self {
            version: page[0],
            kind: page[1],
            flags: u16::from_le_bytes(array(page, 0x04)),
            slots: u16::from_le_bytes(array(page, 0x16)),
            page: u32::from_le_bytes(array(page, 0x20)),
            file: u16::from_le_bytes(array(page, 0x24)),
            checksum: u32::from_le_bytes(array(page, CHECKSUM_AT)),
        }
    }

    /// Whether the page says that it carries a checksum.
    pub fn has_checksum(&self) -> bool {
        self.flags & HAS_CHECKSUM != 0
    }
}

/// The checksum as SQL Server computes it: each sector's words XORed, rotated left by 15 for the first sector down to 0
/// for the last, and XORed.
pub fn checksum(page: &Page) -> u32 {
    // Sixteen sums side by side, so that the compiler uses vector instructions. Rotating what was summed up so far by 1
    // before each sector rotates the first one by 15 in the end.
    let mut lanes = [0_u32; 16];
    for sector in page.as_chunks::<SECTOR>().0 {
        lanes = lanes.map(|lane| lane.rotate_left(1));
        for words in sector.as_chunks::<64>().0 {
            for (lane, word) in lanes.iter_mut().zip(words.as_chunks::<4>().0) {
                *lane ^= u32::from_le_bytes(*word);
            }
        }
    }
    let stored = u32::from_le_bytes(array(page, CHECKSUM_AT));
    lanes.iter().fold(stored.rotate_left(15), |sum, lane| sum ^ lane)
}

/// The `N` bytes at the offset `at`, which a caller states as a constant within the page.
pub(super) fn array<const N: usize>(page: &Page, at: usize) -> [u8; N] {
    std::array::from_fn(|index| page[at + index])
}
