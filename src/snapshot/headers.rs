//! The first pages of a database file, read and judged.
//!
//! It reads page 0 and, of a primary data file, page 9, and holds the file open no longer. A page that is not what it
//! must be is a finding; only what the system refuses is an error.

use std::io::{self, Read, Seek, SeekFrom};

use super::component::DataFileKind;
use super::finding::Finding;
use super::survey::Headers;
use crate::sqlfile::{BootPage, FileHeader, PAGE_SIZE, Page, PageFault};

const BOOT_PAGE: u32 = 9;

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
        if kind == DataFileKind::Primary {
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
