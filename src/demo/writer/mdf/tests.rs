//! The files against their layout, read here without the code that judges them.

use chrono::NaiveDate;

use super::*;

const DATABASE: [u8; 16] = *b"\x95\x3d\xc1\x97\x8b\x08\xed\x43\x85\xe5\xf9\xf1\x0f\xed\x2d\x16";

fn database() -> Database {
    let created = NaiveDate::from_ymd_opt(2021, 3, 4).unwrap().and_hms_opt(5, 6, 7).unwrap();
    Database { name: "CM_P01".to_owned(), binding_id: DATABASE, seed: 7, version: 904, created }
}

fn u16_at(page: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([page[at], page[at + 1]])
}

fn u32_at(page: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([page[at], page[at + 1], page[at + 2], page[at + 3]])
}

/// The checksum word for word as it is described: sector by sector, the checksum word taken as 0.
fn described_checksum(page: &[u8]) -> u32 {
    let mut result = 0;
    for sector in 0..16_u32 {
        let mut sum = 0;
        for word in 0..128 {
            if (sector, word) != (0, 15) {
                sum ^= u32_at(page, (sector * 512 + word * 4) as usize);
            }
        }
        result ^= sum.rotate_left(15 - sector);
    }
    result
}

#[test]
fn every_page_in_use_says_where_it_is_and_has_its_checksum() {
    for (file, bytes) in [(1, database().mdf(1100, 3)), (3, database().ndf(3, 200, 3))] {
        let mut without = Vec::new();
        for (number, page) in bytes.chunks(8192).enumerate() {
            if bytes[8192 + 100 + number] & 0x40 == 0 {
                continue;
            }
            assert_eq!((page[0], u32_at(page, 32), u16_at(page, 36)), (1, number as u32, file));
            match u16_at(page, 4) {
                0x0200 => assert_eq!(u32_at(page, 60), described_checksum(page), "page {number}"),
                _ => without.push(number),
            }
        }
        let expected: &[usize] = if file == 1 { &[12, 1009] } else { &[12] };
        assert_eq!(without, expected);
    }
}

#[test]
fn free_pages_are_of_every_kind() {
    let bytes = database().mdf(64, 3);
    let free: Vec<_> = (0..64).filter(|number| bytes[8192 + 100 + number] & 0x40 == 0).collect();
    assert_eq!(free, (40..56).collect::<Vec<_>>());
    for number in free {
        let page = &bytes[number * 8192..][..8192];
        match number {
            40..47 => assert_eq!(u32_at(page, 60), described_checksum(page)),
            47 => assert_ne!(u32_at(page, 32), 47),
            _ => assert!(page.iter().all(|byte| *byte == 0)),
        }
    }
}

#[test]
fn the_types_of_the_first_pages_are_those_of_sql_server() {
    let mdf = database().mdf(12, 0);
    let kinds: Vec<u8> = mdf.chunks(8192).map(|page| page[1]).collect();
    assert_eq!(kinds, [15, 11, 8, 9, 2, 1, 16, 17, 2, 13, 1, 1]);
}

#[test]
fn maps_come_at_their_intervals() {
    let database = database();
    for (number, kind) in [(8088, 11), (16176, 11), (511_232, 8), (511_233, 9), (511_238, 16), (511_239, 17)]
    {
        let page = database.data_page(1, number, 600_000, 0);
        assert_eq!((page[1], u32_at(&page, 32)), (kind, number));
        assert_eq!(u32_at(&page, 60), described_checksum(&page));
    }
}

#[test]
fn a_pfs_page_speaks_of_no_page_beyond_the_end() {
    let page = database().data_page(1, 8088, 8090, 0);
    assert_eq!(page[100..104], [0x44, 0x60, 0, 0]);
    assert!(page[104..8190].iter().all(|byte| *byte == 0));
}

#[test]
fn the_boot_page_is_laid_out_as_sql_server_does() {
    let mdf = database().mdf(10, 0);
    let boot = &mdf[9 * 8192..];
    assert_eq!((u16_at(boot, 100), u16_at(boot, 102)), (904, 904));
    assert_eq!((u32_at(boot, 140), u32_at(boot, 144)), ((5 * 3600 + 6 * 60 + 7) * 300, 44_257));
    assert_eq!(boot[148..162], *b"C\0M\0_\0P\x000\x001\0\x20\x20");
    assert!(boot[160..404].iter().all(|byte| *byte == 0x20));
}

#[test]
fn a_name_of_any_length_leaves_the_pages_whole() {
    let database = Database { name: "x".repeat(9000), ..database() };
    for page in database.mdf(10, 0).chunks(8192).chain([&database.ldf(1, 0)[..]]) {
        assert_eq!(u32_at(page, 60), described_checksum(page));
    }
}

#[test]
fn the_same_arguments_give_the_same_files_and_a_generation_keeps_the_binding_id() {
    let database = database();
    let (first, second) = (database.mdf(64, 1), database.mdf(64, 2));
    assert_eq!(first, database.mdf(64, 1));
    let other = |page: usize| first[page * 8192..][..8192] != second[page * 8192..][..8192];
    assert!([0, 9, 10, 11].into_iter().all(other));
    assert!(![12, 40, 47, 48].into_iter().any(other));
    for file in [first, second, database.ndf(3, 20, 1), database.ldf(20, 1)] {
        // The row starts behind the header; before its columns come 17 bytes, the count and 46 ends.
        assert_eq!(file[96 + 17 + 2 + 92..][..16], DATABASE);
        assert_eq!(file.len() % 8192, 0);
        assert_eq!(u32_at(&file, 60), described_checksum(&file[..8192]));
    }
}
