//! The first pages of a database file, read and judged.
//!
//! It reads page 0 and, of a primary data file, page 9, and holds the file open no longer. A page that is not what it
//! must be is a finding; only what the system refuses is an error.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use super::component::DataFileKind;
use super::finding::Finding;
use super::survey::Headers;
use crate::sqlfile::{BootPage, FileHeader, PAGE_SIZE, Page, PageFault};

const BOOT_PAGE: u32 = 9;
/// The number of the primary data file in its database.
const PRIMARY_FILE: u16 = 1;

/// Reads them from the file at `location` that had `size` bytes, which findings call `path`.
pub fn read_headers(location: &Path, path: &str, kind: DataFileKind, size: u64) -> io::Result<Headers> {
    let mut file = File::open(location)?;
    match Headers::read(path, kind, size, &mut file) {
        // Cut since it was looked at: then it is as long as it is now.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            Headers::read(path, kind, file.metadata()?.len(), &mut file)
        }
        read => read,
    }
}

impl Headers {
    /// Reads them from a file of `size` bytes, which findings call `path`.
    pub fn read(
        path: &str,
        kind: DataFileKind,
        size: u64,
        file: &mut (impl Read + Seek),
    ) -> io::Result<Self> {
        let mut headers =
            Self { file: None, boot: None, fingerprint: Default::default(), findings: Vec::new() };
        let mut hasher = blake3::Hasher::new();
        hasher.update(&size.to_le_bytes());
        let Some(page) = read_page(file, 0, size)? else {
            let finding = Finding::damaged(path, "a file header", format!("{size} bytes")).at_page(0);
            headers.findings.push(finding);
            return Ok(Self { fingerprint: *hasher.finalize().as_bytes(), ..headers });
        };
        hasher.update(&*page);
        headers.file = headers.take(path, FileHeader::parse(&page));
        if kind == DataFileKind::Primary && headers.is_primary(path) {
            match read_page(file, BOOT_PAGE, size)? {
                Some(page) => {
                    hasher.update(&*page);
                    headers.boot = headers.take(path, BootPage::parse(&page));
                }
                None => {
                    let found = format!("the end of the file after {size} bytes");
                    headers.findings.push(Finding::damaged(path, "a boot page", found).at_page(BOOT_PAGE));
                }
            }
        }
        Ok(Self { fingerprint: *hasher.finalize().as_bytes(), ..headers })
    }

    /// Whether the file is the primary one, as its name says: another can have the same ending, and no boot page.
    fn is_primary(&mut self, path: &str) -> bool {
        let number = self.file.as_ref().map_or(PRIMARY_FILE, |header| header.file);
        if number != PRIMARY_FILE {
            let expected = format!("file {PRIMARY_FILE} of a database, because it ends in .mdf");
            self.findings.push(Finding::warning(path, expected, format!("file {number}")).at_page(0));
        }
        number == PRIMARY_FILE
    }

    fn take<T>(&mut self, path: &str, parsed: Result<T, PageFault>) -> Option<T> {
        parsed.map_err(|fault| self.findings.push(Finding::of_page(path, fault))).ok()
    }
}

impl Finding {
    /// A damaged page.
    pub(super) fn of_page(path: &str, fault: PageFault) -> Self {
        Self::damaged(path, fault.expected, fault.found).at_page(fault.page)
    }
}

/// A page; `None` if the file of `size` bytes ends before its end.
pub(super) fn read_page(
    file: &mut (impl Read + Seek),
    number: u32,
    size: u64,
) -> io::Result<Option<Box<Page>>> {
    let at = u64::from(number) * PAGE_SIZE as u64;
    if size < at + PAGE_SIZE as u64 {
        return Ok(None);
    }
    let mut page = Box::new([0; PAGE_SIZE]);
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut *page)?;
    Ok(Some(page))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::demo::writer::Database;

    fn database() -> Database {
        let created = chrono::NaiveDate::from_ymd_opt(2024, 3, 1).unwrap().and_time(chrono::NaiveTime::MIN);
        Database { name: "CM_P01".to_owned(), binding_id: [7; 16], seed: 1, version: 904, created }
    }

    fn read(kind: DataFileKind, bytes: &[u8]) -> Headers {
        Headers::read("x", kind, bytes.len() as u64, &mut Cursor::new(bytes)).unwrap()
    }

    fn findings(headers: &Headers) -> Vec<(Option<u32>, bool)> {
        headers.findings.iter().map(|finding| (finding.page, finding.is_damage())).collect()
    }

    #[test]
    fn whole_files_have_their_headers() {
        let primary = read(DataFileKind::Primary, &database().mdf(16, 1));
        assert_eq!(primary.file.as_ref().map(|header| (header.file, header.pages)), Some((1, 16)));
        assert_eq!(primary.boot.as_ref().map(|boot| boot.database.as_str()), Some("CM_P01"));
        let log = read(DataFileKind::Log, &database().ldf(4, 1));
        assert_eq!((log.file.as_ref().map(|header| header.file), &log.boot), (Some(2), &None));
        let secondary = read(DataFileKind::Secondary, &database().ndf(3, 16, 1));
        for headers in [&primary, &log, &secondary] {
            assert_eq!(findings(headers), []);
        }
        assert_eq!(primary.file.unwrap().binding_id, log.file.unwrap().binding_id);
    }

    #[test]
    fn the_fingerprint_tells_runs_and_lengths_apart() {
        let of =
            |pages, generation| read(DataFileKind::Primary, &database().mdf(pages, generation)).fingerprint;
        assert_eq!(of(16, 1), of(16, 1));
        assert_ne!(of(16, 1), of(16, 2));
        assert_ne!(of(16, 1), of(17, 1));
    }

    #[test]
    fn a_short_or_damaged_file_is_a_finding_at_its_page() {
        let whole = database().mdf(16, 1);
        let damaged = |page: usize| {
            let mut bytes = whole.clone();
            bytes[page * PAGE_SIZE + 150] ^= 4;
            bytes
        };
        for (bytes, expected) in [
            (&whole[..0], vec![(Some(0), true)]),
            (&whole[..PAGE_SIZE - 1], vec![(Some(0), true)]),
            (&whole[..10 * PAGE_SIZE - 1], vec![(Some(9), true)]),
            (&whole[..10 * PAGE_SIZE], vec![]),
            (&damaged(0), vec![(Some(0), true)]),
            (&damaged(9), vec![(Some(9), true)]),
        ] {
            assert_eq!(findings(&read(DataFileKind::Primary, bytes)), expected, "{} bytes", bytes.len());
        }
    }

    #[test]
    fn a_file_that_was_cut_since_it_was_listed_is_a_finding() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &database().mdf(16, 1)[..PAGE_SIZE]).unwrap();
        let headers = read_headers(file.path(), "x", DataFileKind::Primary, 16 * PAGE_SIZE as u64).unwrap();
        assert_eq!(findings(&headers), [(Some(9), true)]);
    }

    #[test]
    fn a_secondary_file_that_ends_in_mdf_is_only_worth_a_look() {
        let headers = read(DataFileKind::Primary, &database().ndf(3, 16, 1));
        assert_eq!(findings(&headers), [(Some(0), false)]);
    }
}
