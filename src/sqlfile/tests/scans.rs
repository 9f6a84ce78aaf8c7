//! Pages judged in order: what is damage, what is not, and that pieces and restarts change nothing.

use super::*;

type Judged = (PageTally, Vec<PageFault>);

fn feed(mut scan: PageScan, pages: &[u8], lengths: &mut dyn Iterator<Item = usize>) -> Judged {
    let (mut tally, mut faults) = (PageTally::default(), Vec::new());
    let mut rest = pages;
    while !rest.is_empty() {
        let length = lengths.next().map_or(rest.len(), |length| (length * PAGE_SIZE).min(rest.len()));
        let (now, later) = rest.split_at(length);
        scan.feed(now, &mut tally, &mut |fault| faults.push(fault));
        rest = later;
    }
    (tally, faults)
}

fn scan(bytes: &[u8]) -> Judged {
    feed(PageScan::new(1), bytes, &mut std::iter::empty())
}

/// What a resumed scan says of one page.
fn scan_page(bytes: &[u8], number: u32) -> Judged {
    let scan = PageScan::resume(1, number, (number > 1).then(|| page(bytes, pfs_page_of(number))));
    feed(scan, page(bytes, number), &mut std::iter::empty())
}

fn allocated(bytes: &[u8], number: u32) -> bool {
    page(bytes, 1)[100 + number as usize] & 0x40 != 0
}

/// A written data file, and a real one where there is one.
fn files() -> Vec<(Vec<u8>, PageTally)> {
    let written =
        PageTally { verified: 109, verified_free: 14, unverifiable: 1, never_written: 16, damaged: 0 };
    let real = PageTally { verified: 269, verified_free: 6, unverifiable: 2, never_written: 120, damaged: 0 };
    let mut files = vec![(database().mdf(128, 3), written)];
    files.extend(real_pair().map(|(mdf, _)| (mdf, real)));
    files
}

fn numbers(bytes: &[u8]) -> std::ops::Range<u32> {
    0..u32::try_from(bytes.len() / PAGE_SIZE).unwrap()
}

#[test]
fn a_sound_file_has_its_numbers() {
    for (bytes, expected) in files() {
        assert_eq!(scan(&bytes), (expected, Vec::new()));
    }
}

#[test]
fn another_data_file_is_judged_by_its_own_number() {
    let ndf = database().ndf(3, 128, 3);
    let (tally, faults) = feed(PageScan::new(3), &ndf, &mut std::iter::empty());
    assert_eq!((tally.damaged, tally.verified, faults), (0, 109, Vec::new()));
    let (tally, faults) = scan(&ndf);
    assert_eq!(faults[0], PageFault::new(0, "page 0 of file 1", "page 0 of file 3"));
    // Its PFS page does not count as one either, so that no other page is known to be in use.
    assert_eq!((tally.damaged, tally.verified), (2, 0));
}

#[test]
fn one_flipped_bit_is_found_in_every_page_with_a_checksum() {
    for (mut bytes, expected) in files() {
        let mut found = 0;
        for number in numbers(&bytes) {
            if scan_page(&bytes, number).0.verified == 0 {
                continue;
            }
            let mut bit = (number as usize * 7919) % (PAGE_SIZE * 8);
            // Without its flag a page has no checksum, and a free page with another number is none that must prove it.
            if bit / 8 < 0x26 {
                bit += 0x26 * 8;
            }
            let at = number as usize * PAGE_SIZE + bit / 8;
            bytes[at] ^= 1 << (bit % 8);
            let (tally, faults) = scan_page(&bytes, number);
            assert_eq!((tally.damaged, faults.len()), (1, 1), "page {number} bit {bit}");
            assert_eq!(faults[0].page, number);
            assert!(
                faults[0].expected.starts_with("checksum 0x") && faults[0].found.starts_with("checksum 0x")
            );
            if number % 50 == 0 {
                assert_eq!(scan(&bytes).1, faults);
            }
            bytes[at] ^= 1 << (bit % 8);
            found += 1;
        }
        assert_eq!(found, expected.verified);
    }
}

#[test]
fn a_flipped_bit_in_the_header_is_found_in_pages_in_use() {
    let (bytes, _) = files().swap_remove(0);
    for bit in 0..96 * 8 {
        let mut page = *page(&bytes, 10);
        page[bit / 8] ^= 1 << (bit % 8);
        let scan = PageScan::resume(1, 10, Some(super::page(&bytes, 1)));
        let (tally, faults) = feed(scan, &page, &mut std::iter::empty());
        // The flag itself is all that says that there is a checksum.
        let flag = bit == 0x05 * 8 + 1;
        assert_eq!((tally.damaged, tally.unverifiable), (u64::from(!flag), u64::from(flag)), "bit {bit}");
        assert_eq!(faults.len(), usize::from(!flag));
    }
}

#[test]
fn two_swapped_pages_are_both_named() {
    for (mut bytes, expected) in files() {
        let (first, second) = (*page(&bytes, 10), *page(&bytes, 17));
        bytes[10 * PAGE_SIZE..][..PAGE_SIZE].copy_from_slice(&second);
        bytes[17 * PAGE_SIZE..][..PAGE_SIZE].copy_from_slice(&first);
        let (tally, faults) = scan(&bytes);
        let named = [
            PageFault::new(10, "page 10 of file 1", "page 17 of file 1"),
            PageFault::new(17, "page 17 of file 1", "page 10 of file 1"),
        ];
        assert_eq!(faults, named);
        assert_eq!(tally, PageTally { verified: expected.verified - 2, damaged: 2, ..expected });
    }
}

#[test]
fn zeros_over_a_page_in_use_are_named() {
    for (bytes, _) in files() {
        for number in numbers(&bytes).filter(|number| allocated(&bytes, *number) && *number % 5 == 0) {
            let scan = PageScan::resume(1, number, Some(page(&bytes, pfs_page_of(number))));
            let (tally, faults) = feed(scan, &[0; PAGE_SIZE], &mut std::iter::empty());
            assert_eq!(tally, PageTally { damaged: 1, ..PageTally::default() });
            assert_eq!(faults, [PageFault::new(number, "an allocated page", "zeros")]);
        }
    }
}

#[test]
fn rubbish_in_a_free_page_is_no_damage() {
    for (mut bytes, expected) in files() {
        let free: Vec<u32> =
            numbers(&bytes).filter(|number| scan_page(&bytes, *number).0.never_written == 1).collect();
        assert_eq!(free.len() as u64, expected.never_written);
        for number in &free {
            let page = &mut bytes[*number as usize * PAGE_SIZE..][..PAGE_SIZE];
            fastrand::Rng::with_seed(u64::from(*number)).fill(page);
        }
        assert_eq!(scan(&bytes), (PageTally { never_written: 0, ..expected }, Vec::new()));
    }
}

#[test]
fn a_free_page_that_claims_itself_must_hold() {
    let bytes = database().mdf(64, 3);
    let judged = |change: fn(&mut Page)| {
        let mut page = *page(&bytes, 40);
        change(&mut page);
        let (tally, faults) =
            feed(PageScan::resume(1, 40, Some(super::page(&bytes, 1))), &page, &mut std::iter::empty());
        (tally.verified_free, tally.damaged, tally.unverifiable + tally.never_written, faults.len())
    };
    assert_eq!(judged(|_| ()), (1, 0, 0, 0));
    assert_eq!(judged(|page| page[5000] ^= 1), (0, 1, 0, 1));
    assert_eq!(judged(|page| page[0x20] ^= 1), (0, 0, 0, 0));
    assert_eq!(judged(|page| page[0x24] ^= 2), (0, 0, 0, 0));
    assert_eq!(judged(|page| page[0x05] = 0), (0, 0, 0, 0));
    assert_eq!(judged(|page| page.fill(0)), (0, 0, 1, 0));
}

#[test]
fn torn_page_bits_are_no_checksum() {
    let bytes = database().mdf(64, 3);
    let mut torn = *page(&bytes, 10);
    (torn[0x05], torn[5000]) = (1, 9);
    let scan = PageScan::resume(1, 10, Some(page(&bytes, 1)));
    let expected = PageTally { unverifiable: 1, ..PageTally::default() };
    assert_eq!(feed(scan, &torn, &mut std::iter::empty()), (expected, Vec::new()));
}

#[test]
fn a_damaged_pfs_page_is_named_once_and_accuses_no_other() {
    for (bytes, expected) in files() {
        let mut flipped = bytes.clone();
        flipped[PAGE_SIZE + 4000] ^= 1;
        let mut zeros = bytes.clone();
        zeros[PAGE_SIZE..2 * PAGE_SIZE].fill(0);
        // In the place of a page that was in use: no longer known, so no damage.
        zeros[10 * PAGE_SIZE..11 * PAGE_SIZE].fill(0);
        let mut other = bytes.clone();
        other[PAGE_SIZE + 1] = 1;
        let resealed = sealed(*page(&other, 1));
        other[PAGE_SIZE..2 * PAGE_SIZE].copy_from_slice(&resealed);
        let table = [(flipped, 0, None), (zeros, 1, Some("zeros")), (other, 0, Some("page type 1"))];
        for (bytes, zeroed, found) in table {
            let (tally, faults) = scan(&bytes);
            let wanted = PageTally {
                verified: expected.verified - 1 - zeroed,
                verified_free: 0,
                unverifiable: 0,
                never_written: expected.never_written + zeroed,
                damaged: 1,
            };
            assert_eq!((tally, faults.len(), faults[0].page), (wanted, 1, 1));
            assert!(found.is_none_or(|found| faults[0].found == found));
            // It is still known that the checksum of another page fails.
            let mut worse = bytes;
            worse[20 * PAGE_SIZE + 4000] ^= 1;
            assert_eq!(scan(&worse).1.iter().map(|fault| fault.page).collect::<Vec<_>>(), [1, 20]);
        }
    }
}

#[test]
fn the_second_pfs_page_speaks_of_what_follows_it() {
    let database = database();
    let pages: Vec<u8> = (8080..8200).flat_map(|number| database.data_page(1, number, 8200, 3)).collect();
    let pfs = database.data_page(1, 1, 8200, 3);
    let (tally, faults) = feed(PageScan::resume(1, 8080, Some(&pfs)), &pages, &mut std::iter::empty());
    let unverifiable = u64::from((8080..8200).contains(&(997 * 8 + 12)));
    assert_eq!((tally.damaged, tally.unverifiable, faults), (0, unverifiable, Vec::new()));
    assert!(tally.verified > 80 && tally.never_written >= 8);
    // Zeros over a page in use are found only by the second one.
    let mut damaged = pages;
    damaged[20 * PAGE_SIZE..21 * PAGE_SIZE].fill(0);
    let (_, faults) = feed(PageScan::resume(1, 8080, Some(&pfs)), &damaged, &mut std::iter::empty());
    assert_eq!(faults, [PageFault::new(8100, "an allocated page", "zeros")]);
    let from_pfs = &damaged[8 * PAGE_SIZE..];
    assert_eq!(feed(PageScan::resume(1, 8088, None), from_pfs, &mut std::iter::empty()).1, faults);
}

#[test]
fn the_pages_of_a_damaged_pfs_page_are_not_judged_by_the_one_before() {
    let database = database();
    let mut pages: Vec<u8> = (8080..8110).flat_map(|number| database.data_page(1, number, 8200, 3)).collect();
    let pfs = database.data_page(1, 1, 8200, 3);
    pages[8 * PAGE_SIZE + 4000] ^= 1;
    // The first PFS page has a page in use at the same place of its interval.
    pages[20 * PAGE_SIZE..21 * PAGE_SIZE].fill(0);
    let (tally, faults) = feed(PageScan::resume(1, 8080, Some(&pfs)), &pages, &mut std::iter::empty());
    assert_eq!(faults.iter().map(|fault| fault.page).collect::<Vec<_>>(), [8088]);
    assert_eq!((tally.damaged, tally.never_written), (1, 1));
}

#[test]
fn a_partial_page_is_ignored() {
    let bytes = database().mdf(20, 0);
    let mut scan = PageScan::new(1);
    let mut tally = PageTally::default();
    scan.feed(&bytes[..3 * PAGE_SIZE + 100], &mut tally, &mut |fault| panic!("{fault}"));
    assert_eq!((scan.next(), tally.verified), (3, 3));
}

/// Some pages around a PFS page, with some of them damaged.
fn damaged_pages(first: u32, damage: &[(u32, usize, u8)]) -> Vec<u8> {
    let database = database();
    let mut pages: Vec<u8> =
        (first..first + 40).flat_map(|number| database.data_page(1, number, 9000, 0)).collect();
    for (number, at, xor) in damage {
        pages[*number as usize * PAGE_SIZE + at] ^= xor;
    }
    pages
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_and_restarts_change_nothing(
        second in any::<bool>(),
        damage in prop::collection::vec((0_u32..40, prop_oneof![0..100_usize, 0..PAGE_SIZE], 1..=255_u8), 0..6),
        lengths in prop::collection::vec(0..9_usize, 0..20),
        restart in 0..40_u32,
    ) {
        let first = if second { 8070 } else { 0 };
        let pages = damaged_pages(first, &damage);
        let first_pfs = database().data_page(1, 1, 9000, 0);
        let pfs = |next: u32| match pfs_page_of(next).checked_sub(first) {
            _ if next <= 1 => None,
            Some(at) => Some(page(&pages, at)),
            None => Some(&first_pfs),
        };
        let start = || PageScan::resume(1, first, pfs(first));
        let whole = feed(start(), &pages, &mut std::iter::empty());
        prop_assert_eq!(&feed(start(), &pages, &mut lengths.iter().copied()), &whole);

        let (before, after) = pages.split_at(restart as usize * PAGE_SIZE);
        let (mut tally, mut faults) = feed(start(), before, &mut lengths.iter().copied());
        let next = first + restart;
        let resumed = feed(PageScan::resume(1, next, pfs(next)), after, &mut lengths.iter().copied());
        tally += resumed.0;
        faults.extend(resumed.1);
        prop_assert_eq!((tally, faults), whole);
    }

    #[test]
    fn any_bytes_are_judged(seed: u64, pages in 0..5_usize, extra in 0..PAGE_SIZE, next: u32, file: u16) {
        let mut bytes = vec![0; pages * PAGE_SIZE + extra];
        fastrand::Rng::with_seed(seed).fill(&mut bytes);
        for mut scan in [PageScan::new(file), PageScan::resume(file, next, bytes.first_chunk()),
            PageScan::resume(file, u32::MAX - 1, None)] {
            let (mut tally, mut faults) = (PageTally::default(), 0);
            scan.feed(&bytes, &mut tally, &mut |_| faults += 1);
            prop_assert_eq!(tally.damaged, faults);
        }
    }
}
