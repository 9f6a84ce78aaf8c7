//! What SQL Server's files prove about themselves: pages, checksums, file headers, the boot page.
//!
//! Pure: it takes bytes and refuses to open a file, so it can read a snapshot while SQL Server owns the original. It
//! never needs the database to be attached. A page that carries no checksum (one written before PAGE_VERIFY CHECKSUM
//! was on) is unverifiable, not damaged, and a page that is not allocated may hold anything.

mod allocation;
mod boot;
mod fault;
mod header;
mod page;
mod scan;
#[cfg(test)]
mod tests;

pub use allocation::{PFS_INTERVAL, pfs_page_of};
pub use boot::BootPage;
pub use fault::PageFault;
pub use header::{BindingId, FileHeader};
pub use page::{PAGE_SIZE, Page, PageHeader, checksum};
pub use scan::{PageScan, PageTally};
