//! Judgement of whole files: of a written database, and of a real one where `../shared/samples` has it.

use std::path::Path;

use chrono::NaiveDate;
use proptest::prelude::*;

use super::*;
use crate::demo::writer::Database;

mod scans;

fn database() -> Database {
    let created = NaiveDate::from_ymd_opt(2021, 3, 4).unwrap().and_hms_opt(5, 6, 7).unwrap();
    Database { name: "CM_P01".to_owned(), binding_id: [7; 16], seed: 7, version: 904, created }
}

/// The data file and the log of a real database of SQL Server 2012; `None`, and a message, where they are absent.
fn real_pair() -> Option<(Vec<u8>, Vec<u8>)> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples");
    let read = |name| std::fs::read(samples.join(name)).ok();
    let pair = read("real-sqlserver2012.mdf").zip(read("real-sqlserver2012_log.ldf"));
    if pair.is_none() {
        eprintln!("skipped: no real database in {}", samples.display());
    }
    pair
}

fn page(bytes: &[u8], number: u32) -> &Page {
    bytes[number as usize * PAGE_SIZE..].first_chunk().unwrap()
}

/// The page with a checksum that fits, so that a fault is found behind it.
fn sealed(mut page: Page) -> Page {
    let sum = checksum(&page);
    page[0x3C..0x40].copy_from_slice(&sum.to_le_bytes());
    page
}

#[test]
fn the_headers_of_a_real_pair() {
    let Some((mdf, ldf)) = real_pair() else { return };
    let data = FileHeader::parse(page(&mdf, 0)).unwrap();
    let log = FileHeader::parse(page(&ldf, 0)).unwrap();
    assert_eq!(data.binding_id.to_string(), "97C13D95-088B-43ED-85E5-F9F10FED2D16");
    assert_eq!(data.binding_id, log.binding_id);
    assert_eq!((data.file, data.pages, data.max_pages), (1, 392, None));
    assert_eq!((log.file, log.pages, log.max_pages), (2, 104, Some(0x1000_0000)));
    for (header, bytes) in [(&data, &mdf), (&log, &ldf)] {
        assert_eq!(u64::from(header.pages) * PAGE_SIZE as u64, bytes.len() as u64);
    }
    let other = database().ldf(3, 0);
    assert_ne!(FileHeader::parse(page(&other, 0)).unwrap().binding_id, log.binding_id);
    let boot = BootPage::parse(page(&mdf, 9)).unwrap();
    assert_eq!((boot.version, boot.created_with), (706, 706));
    assert_eq!(BootPage::sql_server(boot.version), Some("SQL Server 2012"));
    assert!(boot.database.ends_with(r"\APP_DATA\DATABASE1.MDF"), "{}", boot.database);
    assert_eq!(boot.created.unwrap().to_string(), "2018-01-31 15:04:49.670");
}

#[test]
fn the_headers_of_a_written_database() {
    let database = database();
    for (file, bytes) in [(1, database.mdf(20, 4)), (3, database.ndf(3, 20, 4)), (2, database.ldf(20, 4))] {
        let header = FileHeader::parse(page(&bytes, 0)).unwrap();
        let max_pages = (file == 2).then_some(0x1000_0000);
        let expected = FileHeader { binding_id: BindingId([7; 16]), file, pages: 20, max_pages };
        assert_eq!(header, expected);
        assert_eq!(bytes.len(), 20 * PAGE_SIZE);
    }
    let boot = BootPage::parse(page(&database.mdf(20, 4), 9)).unwrap();
    let created = Some(database.created);
    let expected = BootPage { version: 904, created_with: 904, created, database: "CM_P01".to_owned() };
    assert_eq!(boot, expected);
}

#[test]
fn a_truncated_file_is_shorter_than_its_header_says() {
    let mut mdf = database().mdf(20, 0);
    mdf.truncate(19 * PAGE_SIZE);
    let header = FileHeader::parse(page(&mdf, 0)).unwrap();
    assert!(u64::from(header.pages) * PAGE_SIZE as u64 > mdf.len() as u64);
}

#[test]
fn another_database_has_another_binding_id() {
    let other = Database { binding_id: [8; 16], ..database() };
    let mdf = FileHeader::parse(page(&database().mdf(3, 0), 0)).unwrap();
    let ldf = FileHeader::parse(page(&other.ldf(3, 0), 0)).unwrap();
    assert_ne!(mdf.binding_id, ldf.binding_id);
}

/// Where the row of a written file header has its count of columns of variable length; their ends follow.
const COUNT: usize = 96 + 17;

#[test]
fn what_is_no_file_header_says_why() {
    type Damage = fn(&mut Page);
    let table: [(&str, Damage, &str, &str); 9] = [
        ("zeros", |p| p.fill(0), "a file header", "zeros"),
        ("version", |p| p[0] = 2, "a file header", "page header version 2"),
        ("type", |p| p[1] = 1, "a file header", "page type 1"),
        ("number", |p| p[0x20] = 9, "a file header", "page number 9"),
        ("row outside", |p| p[8190..].fill(0xFF), "a file header", "no row in it"),
        ("fixed part outside", |p| p[98..100].fill(0xFF), "a file header", "no row in it"),
        ("columns", |p| p[COUNT] = 0, "the binding id in 16 bytes", "no such column"),
        ("short column", |p| p[COUNT + 2] -= 1, "the binding id in 16 bytes", "15 bytes"),
        ("backward column", |p| p[COUNT + 10] = 0, "the file size in 4 bytes", "no such column"),
    ];
    let good = *page(&database().mdf(1, 0), 0);
    for (name, damage, expected, found) in table {
        let mut bad = good;
        damage(&mut bad);
        if name != "zeros" {
            bad = sealed(bad);
        }
        assert_eq!(FileHeader::parse(&bad), Err(PageFault::new(0, expected, found)), "{name}");
    }
    let mut flipped = good;
    flipped[0x3C] ^= 1;
    let fault = FileHeader::parse(&flipped).unwrap_err();
    let sums = [u32::from_le_bytes(*flipped[0x3C..].first_chunk().unwrap()), checksum(&good)];
    let [expected, found] = sums.map(|sum| format!("checksum 0x{sum:08x}"));
    assert_eq!(fault, PageFault::new(0, expected, found));
}

#[test]
fn the_high_bit_of_an_end_is_no_part_of_it() {
    let mut header = *page(&database().mdf(1, 0), 0);
    header[COUNT + 3] |= 0x80;
    assert_eq!(FileHeader::parse(&sealed(header)).unwrap().binding_id, BindingId([7; 16]));
}

#[test]
fn a_boot_page_may_have_a_long_name_or_an_impossible_time() {
    let mut boot = *page(&database().mdf(10, 0), 9);
    boot[148..404].as_chunks_mut().0.fill([b'x', 0]);
    boot[140..144].copy_from_slice(&(24 * 3600 * 300_u32).to_le_bytes());
    let parsed = BootPage::parse(&sealed(boot)).unwrap();
    assert_eq!((parsed.database, parsed.created), ("x".repeat(128), None));
    boot[140..148].fill(0xFF);
    assert_eq!(BootPage::parse(&sealed(boot)).unwrap().created, None);
    boot[1] = 15;
    let fault = PageFault::new(9, "a boot page", "page type 15");
    assert_eq!(BootPage::parse(&sealed(boot)), Err(fault));
}

#[test]
fn a_fault_reads_as_a_sentence() {
    let fault = PageFault::new(5, "page 5 of file 1", "page 9 of file 1");
    assert_eq!(fault.to_string(), "page 5: expected page 5 of file 1, found page 9 of file 1");
}

#[test]
fn pfs_pages_are_the_second_page_then_every_8088th() {
    let table =
        [(0, 1), (1, 1), (8087, 1), (8088, 8088), (16175, 8088), (16176, 16176), (u32::MAX, 4_294_962_552)];
    for (number, pfs) in table {
        assert_eq!(pfs_page_of(number), pfs, "page {number}");
    }
}

/// The checksum word for word as it is described.
fn described_checksum(page: &Page) -> u32 {
    let mut words: Vec<u32> =
        page.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
    words[15] = 0;
    let sectors = words.chunks(128).map(|sector| sector.iter().fold(0, |sum, word| sum ^ word));
    sectors.zip(0..16).fold(0, |sum, (sector, i): (u32, u32)| sum ^ sector.rotate_left(15 - i))
}

/// Any page; half of them with a header that gets past the first checks.
fn any_page(kind: u8, number: u32) -> impl Strategy<Value = Page> {
    (any::<u64>(), any::<bool>()).prop_map(move |(seed, plausible)| {
        let mut page = [0; PAGE_SIZE];
        fastrand::Rng::with_seed(seed).fill(&mut page);
        if plausible {
            (page[0], page[1]) = (1, kind);
            page[0x20..0x24].copy_from_slice(&number.to_le_bytes());
            page = sealed(page);
        }
        page
    })
}

proptest! {
    #[test]
    fn the_checksum_is_the_described_one(page in any_page(1, 0)) {
        prop_assert_eq!(checksum(&page), described_checksum(&page));
    }

    #[test]
    fn any_page_has_a_header_or_a_fault(header in any_page(15, 0), boot in any_page(13, 9)) {
        let _ = FileHeader::parse(&header);
        let _ = BootPage::parse(&boot);
    }

    #[test]
    fn a_changed_row_never_panics(changes in prop::collection::vec((96_usize..230, any::<u8>()), 1..8), slot: u16) {
        let mut header = *page(&database().mdf(1, 0), 0);
        for (at, value) in changes {
            header[at] = value;
        }
        let _ = FileHeader::parse(&sealed(header));
        header[8190..].copy_from_slice(&slot.to_le_bytes());
        let _ = FileHeader::parse(&sealed(header));
    }
}
