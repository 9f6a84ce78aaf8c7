//! Which pages are in use: the PFS pages, one for each 8088 pages of a data file.

use super::page::{Page, array};

/// Pages that one PFS page speaks of.
pub const PFS_INTERVAL: u32 = 8088;

const MAP_AT: usize = 100;
const ALLOCATED: u8 = 0x40;

/// The PFS page that speaks of `page`: page 1 of the first interval, page 0 being the file header, then the first page
/// of each further one.
pub fn pfs_page_of(page: u32) -> u32 {
    (page - page % PFS_INTERVAL).max(1)
}

/// What one PFS page says of the pages in its interval.
#[derive(Debug)]
pub(super) struct Allocation(Box<[u8; PFS_INTERVAL as usize]>);

impl Allocation {
    pub(super) fn of(pfs: &Page) -> Self {
        Self(Box::new(array(pfs, MAP_AT)))
    }

    /// Whether `page`, which is in the interval of this PFS page, is in use.
    pub(super) fn has(&self, page: u32) -> bool {
        self.0[(page % PFS_INTERVAL) as usize] & ALLOCATED != 0
    }
}
