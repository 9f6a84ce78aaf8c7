//! The file header: page 0 of every file of a database, data and log alike.
//!
//! Its one row has 46 columns of variable length, of which only those are read that prove something. The row moves
//! within the page and grows with versions of SQL Server, so nothing but the slot array says where it is.

use std::fmt;

use super::fault::{PageFault, require};
use super::page::{FILE_HEADER, PAGE_SIZE, Page};

/// Which database a file belongs to: the same in every file of one database, and in no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BindingId(pub [u8; 16]);

impl fmt::Display for BindingId {
    /// As Windows prints a GUID: its first three fields are little-endian numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g, h, i, j, k, node @ ..] = self.0;
        let first = u32::from_le_bytes([a, b, c, d]);
        let (second, third) = (u16::from_le_bytes([e, g]), u16::from_le_bytes([h, i]));
        write!(f, "{first:08X}-{second:04X}-{third:04X}-{j:02X}{k:02X}-")?;
        node.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// What page 0 says about its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHeader {
    /// The database that the file belongs to.
    pub binding_id: BindingId,
    /// Number of the file in its database.
    pub file: u16,
    /// Length of the file in pages; a shorter file is truncated.
    pub pages: u32,
    /// The length up to which it may grow, in pages; `None` is unlimited.
    pub max_pages: Option<u32>,
}

impl FileHeader {
    /// Reads page 0, or says why it is none.
    pub fn parse(page: &Page) -> Result<Self, PageFault> {
        require(page, "a file header", FILE_HEADER, 0)?;
        let row = Row::first(page).ok_or_else(|| PageFault::new(0, "a file header", "no row in it"))?;
        let binding_id = BindingId(row.column(0, "the binding id")?);
        let file = u16::from_le_bytes(row.column(2, "the file number")?);
        let pages = u32::from_le_bytes(row.column(4, "the file size")?);
        let max_pages = u32::from_le_bytes(row.column(5, "the maximum size")?);
        Ok(Self { binding_id, file, pages, max_pages: (max_pages != u32::MAX).then_some(max_pages) })
    }
}

/// The columns of variable length of one row.
struct Row<'a> {
    bytes: &'a [u8],
    /// Where the end offsets are, two bytes each; the columns follow them.
    ends: usize,
    columns: usize,
}

impl<'a> Row<'a> {
    fn first(page: &'a Page) -> Option<Self> {
        let bytes = page.get(number(page, PAGE_SIZE - 2)?..)?;
        let fixed_end = number(bytes, 2)?;
        let null_bitmap = number(bytes, fixed_end)?.div_ceil(8);
        let count = fixed_end + 2 + null_bitmap;
        Some(Self { bytes, ends: count + 2, columns: number(bytes, count)? })
    }

    fn column<const N: usize>(&self, index: usize, what: &str) -> Result<[u8; N], PageFault> {
        let found = self.bytes_of(index);
        found.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
            let found = found.map_or("no such column".to_owned(), |bytes| format!("{} bytes", bytes.len()));
            PageFault::new(0, format!("{what} in {N} bytes"), found)
        })
    }

    fn bytes_of(&self, index: usize) -> Option<&'a [u8]> {
        let end = |index: usize| Some(number(self.bytes, self.ends + 2 * index)? & 0x7FFF);
        if index >= self.columns {
            return None;
        }
        let start = match index.checked_sub(1) {
            None => self.ends + 2 * self.columns,
            Some(before) => end(before)?,
        };
        self.bytes.get(start..end(index)?)
    }
}

/// The u16 at `at`; three of them are the largest sum here, so adding them as `usize` cannot overflow.
fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(usize::from(u16::from_le_bytes(*bytes)))
}
