//! Small databases as SQL Server writes them to disk, page by page, as far as the files prove anything.
//!
//! Every page follows from the database, the generation and its number alone, so a file of any size is written without
//! being in memory. Of each 64 pages most are in use, eight are free and hold old pages, one of which is rubbish, and
//! eight were never written; a few of those in use are from before there were checksums.

use std::io::{self, Write};

use chrono::{Datelike, NaiveDateTime, Timelike};

use crate::sqlfile::{PAGE_SIZE, PFS_INTERVAL, Page, checksum, pfs_page_of};

const PRIMARY: u16 = 1;
const LOG: u16 = 2;
/// How often GAM and SGAM pages and the maps of changes come, in pages.
const GAM_INTERVAL: u32 = 511_232;
const HEADER: usize = 96;
const HAS_CHECKSUM: u16 = 0x0200;

/// A database that was never in a server.
#[derive(Debug, Clone)]
pub struct Database {
    /// Name in the boot page, up to 128 characters.
    pub name: String,
    /// What its files have in common.
    pub binding_id: [u8; 16],
    /// What its contents are made from.
    pub seed: u64,
    /// Internal version, also the one it was created with; 904 is SQL Server 2019.
    pub version: u16,
    /// When it was created, in local time of the server.
    pub created: NaiveDateTime,
}

/// What a page of a data file is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    FileHeader,
    Pfs,
    Boot,
    /// Of this page type, with a checksum.
    Used(u8),
    /// In use since before there were checksums.
    Unverifiable,
    /// Free, with the page that it once was.
    Old,
    /// Free, with other content of the disk.
    Rubbish,
    NeverWritten,
}

impl Role {
    fn of(file: u16, number: u32) -> Self {
        match (number, number % GAM_INTERVAL, number % 64) {
            (0, ..) => Self::FileHeader,
            _ if number == pfs_page_of(number) => Self::Pfs,
            (2, ..) => Self::Used(8),
            (3, ..) => Self::Used(9),
            (9, ..) if file == PRIMARY => Self::Boot,
            (_, 0, _) => Self::Used(8),
            (_, 1, _) => Self::Used(9),
            (_, 6, _) => Self::Used(16),
            (_, 7, _) => Self::Used(17),
            _ if number % 997 == 12 => Self::Unverifiable,
            (.., 40..47) => Self::Old,
            (.., 47) => Self::Rubbish,
            (.., 48..56) => Self::NeverWritten,
            (.., at) => Self::Used(if at % 4 == 0 { 2 } else { 1 }),
        }
    }

    /// The byte for such a page in a PFS page: 0x40 is in use, 0x20 in a mixed extent, 0x04 full.
    fn allocation(self) -> u8 {
        match self {
            Self::FileHeader | Self::Pfs | Self::Boot | Self::Unverifiable => 0x44,
            Self::Used(_) => 0x60,
            Self::Old | Self::Rubbish => 0x20,
            Self::NeverWritten => 0,
        }
    }
}

impl Database {
    /// The primary data file with this many pages, as it is in this generation: each one changes the contents and the
    /// log sequence numbers, and leaves the binding id.
    pub fn mdf(&self, pages: u32, generation: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing into memory cannot fail.
        let _ = self.write_mdf(&mut bytes, pages, generation);
        bytes
    }

    /// Another data file, whose number is 3 or more.
    pub fn ndf(&self, file: u16, pages: u32, generation: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        (0..pages)
            .for_each(|number| bytes.extend_from_slice(&self.data_page(file, number, pages, generation)));
        bytes
    }

    /// The log: page 0 is a file header, the rest no pages.
    pub fn ldf(&self, pages: u32, generation: u64) -> Vec<u8> {
        let mut bytes = self.data_page(LOG, 0, pages, generation).to_vec();
        (1..pages).for_each(|number| bytes.extend_from_slice(&self.filled(LOG, number, generation)));
        bytes
    }

    /// Writes what [`Database::mdf`] gives, page by page; the caller buffers.
    pub fn write_mdf(&self, out: &mut impl Write, pages: u32, generation: u64) -> io::Result<()> {
        (0..pages).try_for_each(|number| out.write_all(&self.data_page(PRIMARY, number, pages, generation)))
    }

    /// One page of a data file that has `pages` pages, or page 0 of a log.
    pub(crate) fn data_page(&self, file: u16, number: u32, pages: u32, generation: u64) -> Page {
        match Role::of(file, number) {
            Role::FileHeader => self.file_header(file, pages, generation),
            Role::Pfs => seal(file, number, generation, 11, pfs(file, number, pages)),
            Role::Boot => seal(file, number, generation, 13, self.boot()),
            Role::Used(kind) => seal(file, number, generation, kind, self.filled(file, number, generation)),
            // An old page stays as it was in the first generation.
            Role::Old => seal(file, number, 0, 1, self.filled(file, number, 0)),
            Role::Unverifiable => {
                let mut page = self.filled(file, number, 0);
                put_header(&mut page, file, number, 0, 1, 0);
                page
            }
            Role::Rubbish => self.filled(file, number, 0),
            Role::NeverWritten => [0; PAGE_SIZE],
        }
    }

    /// A page of noise, which is the same for the same arguments.
    fn filled(&self, file: u16, number: u32, generation: u64) -> Page {
        let place = u64::from(file) << 32 | u64::from(number);
        let mut random = fastrand::Rng::with_seed(self.seed ^ generation.rotate_left(48) ^ place);
        let mut page = [0; PAGE_SIZE];
        random.fill(&mut page);
        page
    }

    fn file_header(&self, file: u16, pages: u32, generation: u64) -> Page {
        const COLUMNS: u16 = 46;
        let suffix = if file == LOG { "_log" } else { "" };
        let name = format!("{}{suffix}", self.name);
        let name: Vec<u8> = name.encode_utf16().take(128).flat_map(u16::to_le_bytes).collect();
        // A log may grow to 2 TB, a data file has no limit.
        let max_pages = if file == LOG { 0x1000_0000 } else { u32::MAX };
        let mut ends = Vec::new();
        let mut columns = Vec::new();
        for column in 0..COLUMNS {
            match column {
                0 => columns.extend(self.binding_id),
                2 => columns.extend(file.to_le_bytes()),
                4 => columns.extend(pages.to_le_bytes()),
                5 => columns.extend(max_pages.to_le_bytes()),
                27 => columns.extend(&name),
                _ => {}
            }
            let start = 8 + 2 + 7 + 2 + 2 * usize::from(COLUMNS);
            ends.extend(((start + columns.len()) as u16).to_le_bytes());
        }
        let mut page = [0; PAGE_SIZE];
        // Status, end of the fixed part, four bytes of it, and the count of all columns; then no column is null.
        let fixed = [0x30, 0, 8, 0, 0, 0, 0, 0, 49, 0, 0, 0, 0, 0, 0, 0, 0];
        let row = [fixed.as_slice(), &COLUMNS.to_le_bytes(), &ends, &columns].concat();
        page[HEADER..HEADER + row.len()].copy_from_slice(&row);
        seal(file, 0, generation, 15, page)
    }

    fn boot(&self) -> Page {
        let mut page = [0; PAGE_SIZE];
        page[100..102].copy_from_slice(&self.version.to_le_bytes());
        page[102..104].copy_from_slice(&self.version.to_le_bytes());
        // 1/300 s since midnight, then days since 1900-01-01.
        let ticks = self.created.num_seconds_from_midnight() * 300;
        let days = self.created.num_days_from_ce() - 693_596;
        page[140..144].copy_from_slice(&ticks.to_le_bytes());
        page[144..148].copy_from_slice(&days.to_le_bytes());
        let name = self.name.encode_utf16().chain(std::iter::repeat(0x2020));
        for (unit, place) in name.zip(page[148..404].as_chunks_mut().0) {
            *place = unit.to_le_bytes();
        }
        page
    }
}

fn pfs(file: u16, number: u32, pages: u32) -> Page {
    let mut page = [0; PAGE_SIZE];
    let first = number - number % PFS_INTERVAL;
    for (byte, number) in page[100..].iter_mut().zip(first..pages.min(first.saturating_add(PFS_INTERVAL))) {
        *byte = Role::of(file, number).allocation();
    }
    page
}

/// Gives a page its header and its checksum.
fn seal(file: u16, number: u32, generation: u64, kind: u8, mut page: Page) -> Page {
    put_header(&mut page, file, number, generation, kind, HAS_CHECKSUM);
    let sum = checksum(&page);
    page[0x3C..0x40].copy_from_slice(&sum.to_le_bytes());
    page
}

/// Writes the header over the first 96 bytes, and the one slot that says where the only row starts.
fn put_header(page: &mut Page, file: u16, number: u32, generation: u64, kind: u8, flags: u16) {
    page[..HEADER].fill(0);
    page[0] = 1;
    page[1] = kind;
    page[0x04..0x06].copy_from_slice(&flags.to_le_bytes());
    page[0x16..0x18].copy_from_slice(&1_u16.to_le_bytes());
    page[0x20..0x24].copy_from_slice(&number.to_le_bytes());
    page[0x24..0x26].copy_from_slice(&file.to_le_bytes());
    page[0x28..0x30].copy_from_slice(&generation.to_le_bytes());
    page[PAGE_SIZE - 2..].copy_from_slice(&(HEADER as u16).to_le_bytes());
}

#[cfg(test)]
mod tests;
