//! What a checkpoint keeps of a site's copies.

use proptest::array::uniform32;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::snapshot::*;
use crate::sqlfile::PageTally;
use crate::state::{SnapshotState, Unchanged, Verified};

pub(super) const V1_SNAPSHOT: &str = include_str!("../../../../tests/fixtures/checkpoint/v1_snapshot.json");

/// The fixture with another text in one place.
fn load_with(this: &str, that: &str) -> SnapshotState {
    assert!(V1_SNAPSHOT.contains(this), "{this}");
    let Loaded { state, set_aside, .. } = load_text(&V1_SNAPSHOT.replace(this, that));
    assert_eq!(set_aside, []);
    state.snapshot
}

#[test]
fn what_was_known_of_copies_is_still_read() {
    let snapshot = load_with("P01", "P01");
    let time = |text: &str| text.parse::<Timestamp>().unwrap();
    let [record] = &snapshot.records[..] else { panic!("{:?}", snapshot.records) };
    assert_eq!(record.run, time("2026-11-20T02:00:05.25Z"));
    assert_eq!((record.bytes["site"], record.bytes["database"]), (7_340_032, 18_446_744_073_709_551_615));
    assert_eq!(record.components, [SnapshotComponent::SiteServer, SnapshotComponent::Database]);
    let [file] = &record.data_files[..] else { panic!("{record:?}") };
    assert_eq!((&*file.path, file.size), ("SiteDBServer/CM_P01.mdf", 5_368_709_120));
    assert_eq!((file.fingerprint[0], file.fingerprint[31]), (0x00, 0x1f));
    assert_eq!(record.signatures["site"], [0xab; 32]);

    let Verified { finished, current } = &snapshot.verifications["E:\\SCCMBackup\\P01Backup"];
    let finished = finished.as_ref().unwrap();
    assert_eq!(finished.folder, "E:\\SCCMBackup\\P01Backup");
    assert_eq!((finished.run, finished.intact()), (record.run, Some(false)));
    assert_eq!(finished.finished, Some(time("2026-11-20T10:00:00Z")));
    assert_eq!((finished.files, finished.bytes, finished.pages.verified), (1234, 5_376_049_152, 655_000));
    let found: Vec<_> = finished.findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        ["SiteDBServer/CM_P01.mdf, page 77: expected checksum 0x1a2b3c4d, found checksum 0x00000000"]
    );
    let differences: Vec<_> = finished.differences.iter().map(ToString::to_string).collect();
    assert_eq!(differences, ["SiteServer/x: expected 4096 bytes, found 4097 bytes"]);
    let current = current.as_ref().unwrap();
    assert_eq!((current.finished, current.files, current.unread), (None, 10, 1));
    assert_eq!(snapshot.unchanged["/archive/P01Backup-1"].since, time("2026-11-20T04:00:00Z"));
}

#[test]
fn what_was_known_of_copies_is_written_as_it_was() {
    let state = load_text(V1_SNAPSHOT).state;
    let written = serde_json::to_value(Checkpoint::of(&state, 43)).unwrap();
    let fixture: serde_json::Value = serde_json::from_str(V1_SNAPSHOT).unwrap();
    assert_eq!(written["snapshot"], fixture["snapshot"]);
}

#[test]
fn an_entry_that_does_not_parse_is_dropped_alone() {
    let signature = "ab".repeat(32);
    let fingerprint = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let archive = "cd".repeat(32);
    for (this, that, [components, files, signatures, findings, unchanged]) in [
        ("P01", "P01", [2, 1, 1, 1, 1]),
        ("\"site_server\"", "\"moon\"", [1, 1, 1, 1, 1]),
        (fingerprint, "00", [2, 0, 1, 1, 1]),
        (&*signature, &*signature.replacen("ab", "äb", 1), [2, 1, 0, 1, 1]),
        ("\"severity\": \"damaged\"", "\"severity\": \"odd\"", [2, 1, 1, 0, 1]),
        (&*archive, "", [2, 1, 1, 1, 0]),
    ] {
        let snapshot = load_with(this, that);
        let record = &snapshot.records[0];
        let verified = snapshot.verifications.values().next().unwrap();
        assert_eq!(
            [
                record.components.len(),
                record.data_files.len(),
                record.signatures.len(),
                verified.finished.as_ref().unwrap().findings.len(),
                snapshot.unchanged.len(),
            ],
            [components, files, signatures, findings, unchanged],
            "{this} -> {that}"
        );
    }
}

#[test]
fn a_clock_that_was_ahead_does_not_put_off_what_is_due() {
    let later = (now() + chrono::TimeDelta::days(400)).timestamp_nanos_opt().unwrap().to_string();
    let snapshot = load_with("1795147200000000000", &later);
    assert_eq!(snapshot.unchanged["/archive/P01Backup-1"].since, now());
    let snapshot = load_with("1795168800000000000", &later);
    let verified = snapshot.verifications.values().next().unwrap();
    assert_eq!(verified.finished.as_ref().unwrap().finished, Some(now()));
}

fn past() -> impl Strategy<Value = Timestamp> {
    time().prop_map(|time| time.min(now()))
}

fn record() -> impl Strategy<Value = SnapshotRecord> {
    let file = ("\\PC{0,9}", any::<u64>(), uniform32(any::<u8>()))
        .prop_map(|(path, size, fingerprint)| RecordedFile { path, size, fingerprint });
    let parts = (
        time(),
        btree_map("[a-z]{1,4}", any::<u64>(), 0..3),
        proptest::sample::subsequence(SnapshotComponent::ALL, 0..=SnapshotComponent::ALL.len()),
        vec(file, 0..3),
        btree_map("[a-z]{1,4}", uniform32(any::<u8>()), 0..3),
    );
    parts.prop_map(|(run, bytes, components, data_files, signatures)| SnapshotRecord {
        run,
        bytes,
        components,
        data_files,
        signatures,
    })
}

fn verification(folder: String) -> impl Strategy<Value = Verification> {
    let finding = ("\\PC{0,9}", option::of(any::<u32>()), any::<bool>(), "\\PC{0,9}", "\\PC{0,9}");
    let finding = finding.prop_map(|(file, page, damaged, expected, found)| {
        let severity = if damaged { FindingSeverity::Damaged } else { FindingSeverity::Warning };
        Finding { file, page, severity, expected, found }
    });
    let times = (time(), past(), option::of(past()));
    let parts = (
        times,
        any::<[u64; 12]>(),
        (vec(finding.clone(), 0..4), vec(finding, 0..3)),
        option::of("\\PC{0,9}"),
    );
    parts.prop_map(move |((run, started, finished), counts, (findings, differences), first_unread)| {
        let [files, bytes, damaged, changed, missing, added, unread, pages @ ..] = counts;
        let [verified, verified_free, unverifiable, never_written, damaged_pages] = pages;
        let pages =
            PageTally { verified, verified_free, unverifiable, never_written, damaged: damaged_pages };
        let known = Verification::new(folder.clone(), run, started);
        Verification {
            finished,
            files,
            bytes,
            pages,
            findings,
            damaged,
            differences,
            changed,
            missing,
            added,
            unread,
            first_unread,
            record_lost: unread % 2 == 1,
            ..known
        }
    })
}

/// Everything of the copies that a checkpoint keeps.
pub(super) fn state() -> impl Strategy<Value = SnapshotState> {
    let verified = "\\PC{0,9}".prop_flat_map(|folder| {
        let verified = (option::of(verification(folder.clone())), option::of(verification(folder.clone())));
        verified.prop_map(move |(finished, current)| (folder.clone(), Verified { finished, current }))
    });
    let unchanged =
        (uniform32(any::<u8>()), past()).prop_map(|(signature, since)| Unchanged { signature, since });
    let parts = (vec(record(), 0..3), vec(verified, 0..3), btree_map("\\PC{0,9}", unchanged, 0..3));
    parts.prop_map(|(records, verifications, unchanged)| SnapshotState {
        records,
        verifications: verifications.into_iter().collect(),
        unchanged,
        ..SnapshotState::default()
    })
}
