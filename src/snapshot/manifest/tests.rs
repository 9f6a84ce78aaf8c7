use std::fs::OpenOptions;
use std::io::Write;

use proptest::prelude::*;
use tempfile::TempDir;

use super::line::BLOCKS_IN_LINE;
use super::*;
use crate::snapshot::walk::Entry;

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(seconds, 0).unwrap()
}

fn place(folder: &TempDir, run: i64) -> ManifestPlace {
    ManifestPlace::new(folder.path(), "P01".parse().unwrap(), r"E:\SCCMBackup\P01Backup", time(run))
}

fn entry(path: &str, size: u64) -> Entry {
    let modified = Some(time(7));
    Entry { path: path.to_owned(), location: PathBuf::new(), size, modified, created: None }
}

fn hash(block: u64) -> blake3::Hash {
    blake3::hash(&block.to_le_bytes())
}

fn recorder(place: &ManifestPlace) -> Recorder {
    match place.begin(time(0)).unwrap() {
        Ledger::Recording(recorder) => recorder,
        other => panic!("{other:?}"),
    }
}

fn comparison(place: &ManifestPlace) -> Comparison {
    match place.begin(time(0)).unwrap() {
        Ledger::Comparing(comparison) => comparison,
        other => panic!("{other:?}"),
    }
}

/// A manifest of files with so many blocks each.
fn record(place: &ManifestPlace, files: &[(&str, u64)]) {
    let mut recorder = recorder(place);
    for (path, blocks) in files {
        let entry = entry(path, *blocks);
        (0..*blocks).for_each(|block| recorder.block(&entry, block, &hash(block)).unwrap());
        recorder.end_file(&entry, *blocks).unwrap();
    }
    recorder.finish().unwrap();
}

#[test]
fn it_has_the_agreed_form_and_only_this_account_reads_it() {
    let folder = TempDir::new().unwrap();
    let place = place(&folder, 3);
    record(&place, &[("a \"b\"", 1), ("c", 0)]);
    let name = place.path.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("P01-") && name.len() == 4 + 16 + 6 && name.ends_with(".jsonl"), "{name}");
    let lines = fs::read_to_string(&place.path).unwrap();
    let expected = [
        r#"{"version":1,"folder":"E:\\SCCMBackup\\P01Backup","run":3000000000,"recorded":"1970-01-01T00:00:00Z"}"#,
        &format!(
            r#"{{"path":"a \"b\"","size":1,"modified":7000000000,"from":0,"slices":["{}"]}}"#,
            hash(0).to_hex()
        ),
        r#"{"path":"c","size":0,"modified":7000000000,"from":0,"slices":[]}"#,
        r#"{"end":2}"#,
    ];
    assert_eq!(lines.lines().collect::<Vec<_>>(), expected);
    assert!(!place.part().exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&place.path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn what_cannot_be_used_is_recorded_anew() {
    type Spoil = fn(&mut Vec<u8>);
    let table: [(&str, Spoil); 7] = [
        ("cut at a line", |bytes| {
            let end = bytes.len() - r#"{"end":2}"#.len() - 1;
            bytes.truncate(end);
        }),
        ("cut in a line", |bytes| bytes.truncate(bytes.len() - 3)),
        ("empty", Vec::clear),
        ("rubbish", |bytes| bytes.fill(0xFF)),
        ("another version", |bytes| bytes[11] = b'2'),
        ("another folder", |bytes| bytes[25] = b'X'),
        ("a file less", |bytes| {
            let text = String::from_utf8(bytes.clone()).unwrap();
            let lines: Vec<_> = text.split_inclusive('\n').collect();
            *bytes = [lines[0], lines[2], lines[3]].concat().into_bytes();
        }),
    ];
    for (name, spoil) in table {
        let folder = TempDir::new().unwrap();
        let place = place(&folder, 3);
        record(&place, &[("a", 1), ("b", 1)]);
        let mut bytes = fs::read(&place.path).unwrap();
        spoil(&mut bytes);
        fs::write(&place.path, bytes).unwrap();
        assert!(matches!(place.begin(time(0)).unwrap(), Ledger::Recording(_)), "{name}");
        assert!(place.resume(true, Mark::default(), 0).unwrap().is_none(), "{name}");
    }
}

#[test]
fn a_mark_of_another_manifest_begins_anew() {
    let folder = TempDir::new().unwrap();
    let place = place(&folder, 3);
    record(&place, &[("a", 1), ("b", 1)]);
    let Ledger::Comparing(found) = place.begin(time(0)).unwrap() else { panic!() };
    let mark = found.mark();
    assert!(place.resume(true, mark, 0).unwrap().is_some());
    for bytes in [mark.bytes + 1, 0, 100_000, u64::MAX / 2] {
        assert!(place.resume(true, Mark { bytes, ..mark }, 0).unwrap().is_none(), "{bytes}");
    }
}

#[test]
fn manifests_of_folders_that_are_no_more_are_removed() {
    const MONTH: i64 = 30 * 86_400;
    let folder = TempDir::new().unwrap();
    let there = folder.path().join("there");
    fs::create_dir(&there).unwrap();
    let of = |site: &str, backup: &Path| {
        ManifestPlace::new(folder.path(), site.parse().unwrap(), &backup.display().to_string(), time(3))
    };
    let (gone, away) = (folder.path().join("gone"), folder.path().join("no disk/backup"));
    let cases = [
        ("of a folder that is there", of("P01", &there), true),
        ("of one whose disk is away", of("P01", &away), true),
        ("of another site", of("P02", &gone), true),
        ("of one that is gone", of("P01", &gone), false),
    ];
    for (_, place, _) in &cases {
        record(place, &[("a", 1)]);
    }
    let rubbish = folder.path().join("manifests/P01-rubbish.jsonl");
    fs::write(&rubbish, "x").unwrap();
    let new = of("P01", &folder.path().join("new"));
    new.begin(time(MONTH - 1)).unwrap();
    assert!(cases.iter().all(|(_, place, _)| place.path.exists()), "they are not old");
    new.begin(time(MONTH)).unwrap();
    for (case, place, kept) in cases {
        assert_eq!(place.path.exists(), kept, "{case}");
    }
    assert!(rubbish.exists() && new.part().exists());
}

#[test]
fn a_large_file_takes_several_lines() {
    let folder = TempDir::new().unwrap();
    let place = place(&folder, 3);
    let blocks = 2 * BLOCKS_IN_LINE + 3;
    record(&place, &[("a", blocks), ("b", BLOCKS_IN_LINE), ("c", 1)]);
    assert_eq!(fs::read_to_string(&place.path).unwrap().lines().count(), 1 + 3 + 1 + 1 + 1);
    let mut found = comparison(&place);
    for block in 0..blocks {
        assert!(found.holds("a", block, &hash(block)).unwrap(), "{block}");
        assert!(!found.holds("a", block, &hash(block + 1)).unwrap(), "{block}");
    }
    assert!(found.holds("a", blocks, &hash(0)).unwrap(), "nothing is recorded of it");
    assert_eq!(found.passed(Some("b"), Passed::Before).unwrap().as_deref(), None);
    assert!(found.holds("b", 5, &hash(5)).unwrap());
}

#[test]
fn a_file_that_is_never_ended_spoils_nothing() {
    for blocks in [1, BLOCKS_IN_LINE, BLOCKS_IN_LINE + 1] {
        for (next, is_resumed) in [(Some(1), false), (Some(0), false), (None, false), (Some(1), true)] {
            let folder = TempDir::new().unwrap();
            let place = place(&folder, 3);
            let mut recorder = recorder(&place);
            let (first, second) = (entry("a", blocks), entry("b", 1));
            (0..blocks).for_each(|block| recorder.block(&first, block, &hash(block)).unwrap());
            if is_resumed {
                recorder.flush().unwrap();
                let mark = recorder.mark();
                drop(recorder);
                let resumed = place.resume(false, mark, blocks).unwrap();
                let Some(Ledger::Recording(resumed)) = resumed else { panic!() };
                recorder = resumed;
            }
            if let Some(next) = next {
                (0..next).for_each(|block| recorder.block(&second, block, &hash(block)).unwrap());
                recorder.end_file(&second, next).unwrap();
            }
            recorder.finish().unwrap();
            let mut found = comparison(&place);
            let mut files = Vec::new();
            while let Some(file) = found.passed(None, Passed::Before).unwrap() {
                files.push(file);
            }
            assert_eq!(files, if next.is_some() { vec!["a", "b"] } else { vec!["a"] }, "{blocks} {next:?}");
        }
    }
}

#[test]
fn what_was_written_behind_the_mark_is_cut_off_and_what_is_lost_begins_anew() {
    let folder = TempDir::new().unwrap();
    let place = place(&folder, 3);
    let entry = entry("a", 3);
    let mut first = recorder(&place);
    first.block(&entry, 0, &hash(0)).unwrap();
    first.flush().unwrap();
    let mark = first.mark();
    first.block(&entry, 1, &hash(9)).unwrap();
    first.flush().unwrap();
    drop(first);
    let Some(Ledger::Recording(mut second)) = place.resume(false, mark, 1).unwrap() else { panic!() };
    (1..3).for_each(|block| second.block(&entry, block, &hash(block)).unwrap());
    second.end_file(&entry, 3).unwrap();
    second.finish().unwrap();
    let mut found = comparison(&place);
    assert!((0..3).all(|block| found.holds("a", block, &hash(block)).unwrap()));

    assert!(place.resume(false, mark, 1).unwrap().is_none(), "it has taken its place");
    let mut part = OpenOptions::new().create_new(true).write(true).open(place.part()).unwrap();
    part.write_all(b"{").unwrap();
    assert!(place.resume(false, mark, 1).unwrap().is_none(), "it is shorter than the mark");
}

proptest! {
    #[test]
    fn a_spoilt_manifest_is_refused_or_read_to_its_end(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let folder = TempDir::new().unwrap();
        let place = place(&folder, 3);
        record(&place, &[("a", 2), ("b/c", 1), ("d", 0)]);
        let mut bytes = fs::read(&place.path).unwrap();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        fs::write(&place.path, bytes).unwrap();
        if let Ledger::Comparing(mut found) = place.begin(time(0)).unwrap() {
            let mut files = 0;
            while found.passed(None, Passed::Before).unwrap().is_some() {
                files += 1;
            }
            prop_assert_eq!(files, 3);
        }
    }
}
