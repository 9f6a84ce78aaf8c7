//! Any bytes as a data file and as a registry hive: nothing may panic, and pieces and restarts must tell the same.
//!
//! The first byte chooses the length of the pieces, and whether the rest is the file itself or changes to a sound one:
//! a checksum is hard to guess, but a change just behind it is not.

#![no_main]

use std::sync::LazyLock;

use configmgr_backup_exporter::demo::writer::{Database, hive};
use configmgr_backup_exporter::snapshot;
use configmgr_backup_exporter::sqlfile::{
    BootPage, FileHeader, PAGE_SIZE, Page, PageFault, PageScan, PageTally, checksum, pfs_page_of,
};
use libfuzzer_sys::fuzz_target;

const PAGES: u32 = 12;

static DATABASE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let name = "CM_P01".to_owned();
    Database { name, binding_id: [7; 16], seed: 7, version: 904, created: Default::default() }.mdf(PAGES, 0)
});
static HIVE: LazyLock<Vec<u8>> = LazyLock::new(|| hive(3));

type Judged = (PageTally, Vec<PageFault>);

fn feed<'a>(scan: &mut PageScan, pieces: impl Iterator<Item = &'a [u8]>, judged: &mut Judged) {
    let (tally, faults) = judged;
    pieces.for_each(|piece| scan.feed(piece, tally, &mut |fault| faults.push(fault)));
}

/// Writes each three bytes of `changes` over the file: where, and what.
fn change(file: &mut [u8], changes: &[u8]) {
    for change in changes.as_chunks::<3>().0 {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]]));
        // Headers and the row of page 0 are in the first bytes of a page; two bits choose another one.
        let at = (at >> 2) % PAGE_SIZE + (at & 3) * PAGE_SIZE;
        file[at % PAGE_SIZE + at / PAGE_SIZE * PAGE_SIZE % file.len()] = change[2];
    }
}

fn judge_pages(file: &[u8], length: usize) {
    let pages = file.as_chunks::<PAGE_SIZE>().0;
    for page in pages {
        let _ = (FileHeader::parse(page), BootPage::parse(page));
        let mut sealed: Page = *page;
        sealed[0x3C..0x40].copy_from_slice(&checksum(page).to_le_bytes());
        let _ = (FileHeader::parse(&sealed), BootPage::parse(&sealed));
    }
    let mut whole = Judged::default();
    feed(&mut PageScan::new(1), std::iter::once(file), &mut whole);

    // The scan ends after some pieces and another one goes on.
    let mut resumed = Judged::default();
    let (before, after) = pages.split_at(length.min(pages.len()));
    let mut scan = PageScan::new(1);
    feed(&mut scan, before.chunks(length).map(<[Page]>::as_flattened), &mut resumed);
    let next = scan.next();
    let pfs = pages.get(pfs_page_of(next) as usize).filter(|_| next > 1);
    let mut scan = PageScan::resume(1, next, pfs);
    feed(&mut scan, after.chunks(length).map(<[Page]>::as_flattened), &mut resumed);
    assert_eq!(resumed, whole);
}

fn judge_hive(file: &[u8]) {
    let mut reads = 0;
    let mut read = |at: u64, into: &mut [u8]| {
        reads += 1;
        let at = usize::try_from(at).expect("offsets are below the length");
        into.copy_from_slice(&file[at..at + into.len()]);
        Ok(())
    };
    let _ = snapshot::hive::judge(&mut read, file.len() as u64).expect("memory can be read");
    assert!(reads <= file.len() / 4096);
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let length = usize::from(choice / 2) % PAGES as usize + 1;
    if choice % 2 == 0 {
        judge_pages(rest, length);
        judge_hive(rest);
        return;
    }
    let mut file = DATABASE.clone();
    change(&mut file, rest);
    judge_pages(&file, length);
    let mut file = HIVE.clone();
    change(&mut file, rest);
    // Without its sum, no change in the base block would get past it.
    let sum = file.as_chunks().0.iter().take(127).fold(0, |sum, word| sum ^ u32::from_le_bytes(*word));
    file[0x1FC..0x200].copy_from_slice(&sum.to_le_bytes());
    judge_hive(&file);
});
