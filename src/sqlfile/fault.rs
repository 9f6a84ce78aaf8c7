//! A page that is not what it has to be, in the words that a user reads.

use super::page::{Page, PageHeader, checksum};

/// One damaged page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("page {page}: expected {expected}, found {found}")]
pub struct PageFault {
    /// Where the page is in its file, in pages.
    pub page: u32,
    /// What has to be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl PageFault {
    pub(super) fn new(page: u32, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { page, expected: expected.into(), found: found.into() }
    }
}

/// Compares the checksum of the page at position `number` with the stored one, if the page carries one.
pub(super) fn verify(page: &Page, header: &PageHeader, number: u32) -> Result<(), PageFault> {
    if !header.has_checksum() {
        return Ok(());
    }
    let sum = checksum(page);
    if sum == header.checksum {
        return Ok(());
    }
    Err(PageFault::new(
        number,
        format!("checksum 0x{:08x}", header.checksum),
        format!("checksum 0x{sum:08x}"),
    ))
}

/// Requires one particular page: `what`, of type `kind`, at position `number`, with a checksum that holds.
pub(super) fn require(page: &Page, what: &str, kind: u8, number: u32) -> Result<PageHeader, PageFault> {
    let header = PageHeader::parse(page);
    let found = match header {
        _ if page == &[0; _] => "zeros".to_owned(),
        PageHeader { version, .. } if version != 1 => format!("page header version {version}"),
        PageHeader { kind: other, .. } if other != kind => format!("page type {other}"),
        PageHeader { page: other, .. } if other != number => format!("page number {other}"),
        _ => return verify(page, &header, number).map(|()| header),
    };
    Err(PageFault::new(number, what, found))
}
