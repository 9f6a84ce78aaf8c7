//! Every page of a data file, judged in order.
//!
//! Owns which pages have to prove themselves; refuses to know where a file ends, which its header says. A free page may
//! hold anything, also old content of the disk, so it is damaged only if it claims to be itself and its checksum fails.
//! Where the PFS page is damaged, nothing says what is free, and all pages it speaks of are judged as if they were.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::allocation::{Allocation, pfs_page_of};
use super::fault::{PageFault, verify};
use super::page::{PAGE_SIZE, PFS, Page, PageHeader};

/// Pages by judgement; a free page that proves nothing is in no count.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageTally {
    /// Pages whose checksum holds.
    pub verified: u64,
    /// Those of them that a sound PFS page calls free.
    pub verified_free: u64,
    /// Pages in use that are where they say they are, and carry no checksum.
    pub unverifiable: u64,
    /// Zeros in pages that are not known to be in use.
    pub never_written: u64,
    /// Pages that each gave a fault.
    pub damaged: u64,
}

impl AddAssign for PageTally {
    fn add_assign(&mut self, other: Self) {
        self.verified += other.verified;
        self.verified_free += other.verified_free;
        self.unverifiable += other.unverifiable;
        self.never_written += other.never_written;
        self.damaged += other.damaged;
    }
}

/// Judges the pages of one data file in order; it may stop after any page and resume there.
#[derive(Debug)]
pub struct PageScan {
    file: u16,
    next: u32,
    /// What the PFS page of `next` says; `None` before it came and where it is damaged.
    allocation: Option<Allocation>,
}

/// What is known of a page that is not damaged.
enum Judgement {
    Verified,
    Unverifiable,
    NeverWritten,
    NotCounted,
}

impl PageScan {
    /// A scan from page 0 of the data file that has this number in its database.
    pub fn new(file: u16) -> Self {
        Self { file, next: 0, allocation: None }
    }

    /// A scan from page `next` on. `pfs` is the page [`pfs_page_of`] `next`, which is not counted again; without it,
    /// pages up to the next PFS page are judged as if that were damaged. It is not needed where `next` is 0 or a PFS
    /// page.
    pub fn resume(file: u16, next: u32, pfs: Option<&Page>) -> Self {
        let mut scan = Self { file, next, allocation: None };
        if let Some(pfs) = pfs
            && scan.judge_pfs(pfs_page_of(next), pfs).is_ok()
        {
            scan.allocation = Some(Allocation::of(pfs));
        }
        scan
    }

    /// Position of the page that has to come next.
    pub fn next(&self) -> u32 {
        self.next
    }

    /// Takes the next pages and adds them to `tally`; a partial page at the end is ignored.
    pub fn feed(&mut self, pages: &[u8], tally: &mut PageTally, fault: &mut dyn FnMut(PageFault)) {
        for page in pages.as_chunks::<PAGE_SIZE>().0 {
            match self.judge_next(page) {
                Ok(Judgement::Verified) => {
                    tally.verified += 1;
                    tally.verified_free += u64::from(self.allocated(self.next) == Some(false));
                }
                Ok(Judgement::Unverifiable) => tally.unverifiable += 1,
                Ok(Judgement::NeverWritten) => tally.never_written += 1,
                Ok(Judgement::NotCounted) => {}
                Err(found) => {
                    tally.damaged += 1;
                    fault(found);
                }
            }
            // SQL Server ends a file long before.
            self.next = self.next.saturating_add(1);
        }
    }

    fn judge_next(&mut self, page: &Page) -> Result<Judgement, PageFault> {
        if self.next != pfs_page_of(self.next) {
            return self.judge(self.next, page, self.allocated(self.next));
        }
        self.allocation = None;
        let judgement = self.judge_pfs(self.next, page)?;
        self.allocation = Some(Allocation::of(page));
        Ok(judgement)
    }

    /// Whether the page is in use; the file header and the PFS pages always are.
    fn allocated(&self, number: u32) -> Option<bool> {
        if number == 0 || number == pfs_page_of(number) {
            return Some(true);
        }
        self.allocation.as_ref().map(|allocation| allocation.has(number))
    }

    fn judge_pfs(&self, number: u32, page: &Page) -> Result<Judgement, PageFault> {
        let judgement = self.judge(number, page, Some(true))?;
        match PageHeader::parse(page).kind {
            PFS => Ok(judgement),
            other => Err(PageFault::new(number, "a PFS page", format!("page type {other}"))),
        }
    }

    fn judge(&self, number: u32, page: &Page, allocated: Option<bool>) -> Result<Judgement, PageFault> {
        let header = PageHeader::parse(page);
        let in_use = allocated == Some(true);
        if (header.page, header.file) == (number, self.file) {
            verify(page, &header, number)?;
            return Ok(match header.has_checksum() {
                true => Judgement::Verified,
                false if in_use => Judgement::Unverifiable,
                false => Judgement::NotCounted,
            });
        }
        let zeros = page == &[0; PAGE_SIZE];
        match (in_use, zeros) {
            (true, true) => Err(PageFault::new(number, "an allocated page", "zeros")),
            (true, false) => Err(PageFault::new(
                number,
                format!("page {number} of file {}", self.file),
                format!("page {} of file {}", header.page, header.file),
            )),
            (false, true) => Ok(Judgement::NeverWritten),
            (false, false) => Ok(Judgement::NotCounted),
        }
    }
}
