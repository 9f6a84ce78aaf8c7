//! Copies of snapshots: found by a pattern or beside the destination.

use super::*;

fn archive(pattern: &Path) -> ArchiveConfig {
    ArchiveConfig { name: "nas".to_owned(), pattern: pattern.to_owned(), max_age: None, verify: false }
}

fn source(pattern: &Path) -> ArchiveSource {
    let config = config(Path::new("/nowhere"));
    ArchiveSource::new(site(), &archive(pattern), &config, phrases(), &surroundings())
}

fn copies(facts: &[Fact], name: &str) -> Option<Vec<ArchiveCopy>> {
    facts.iter().find_map(|fact| match fact {
        Fact::Archives(of, copies) if of == name => Some(copies.clone()),
        _ => None,
    })
}

fn names(copies: &[ArchiveCopy]) -> Vec<String> {
    let name = |copy: &ArchiveCopy| Path::new(&copy.path).file_name().unwrap().to_str().unwrap().to_owned();
    copies.iter().map(name).collect()
}

fn look(source: &ArchiveSource, name: &str) -> Vec<ArchiveCopy> {
    copies(&drain(source, &mut None).unwrap(), name).unwrap()
}

#[test]
fn a_pattern_finds_folders_and_files_with_their_runs() {
    let place = tempfile::tempdir().unwrap();
    write_snapshot(&place.path().join("P01Backup-1"), 1, &success(1));
    write_snapshot(&place.path().join("p01backup-2"), 2, "");
    fs::write(place.path().join("P01Backup-3.zip"), "PK").unwrap();
    fs::write(place.path().join("other.zip"), "PK").unwrap();
    let found = look(&source(&place.path().join("P01Backup-*")), "nas");
    assert_eq!(names(&found), ["P01Backup-1", "P01Backup-3.zip", "p01backup-2"]);
    let ArchiveContent::Folder { survey, run } = &found[0].content else { panic!("{found:?}") };
    assert!(survey.data_files.len() == 2 && survey.unreadable == 0);
    let OwnRun { started, succeeded } = run.unwrap();
    assert!((started - start(1)).abs() < TimeDelta::minutes(5) && succeeded > Some(started));
    assert!(matches!(found[1].content, ArchiveContent::File { size: 2, modified: Some(_) }));
    assert!(matches!(found[2].content, ArchiveContent::Folder { run: None, .. }));
}

#[test]
fn the_place_is_the_literal_root_of_the_pattern() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("copies")).unwrap();
    for (pattern, root, exists) in [
        ("copies/*/P01Backup", "copies", true),
        ("copies/P01Backup", "copies", true),
        ("gone/P01Backup-*", "gone", false),
    ] {
        let facts = drain(&source(&place.path().join(pattern)), &mut None).unwrap();
        let place_of = |fact: &Fact| match fact {
            Fact::Place(name, place) if name == "nas" => Some((PathBuf::from(&place.path), place.exists)),
            _ => None,
        };
        assert_eq!(facts.iter().find_map(place_of), Some((place.path().join(root), exists)), "{pattern}");
        assert_eq!(copies(&facts, "nas"), Some(vec![]), "{pattern}");
    }
}

#[test]
fn only_what_looks_like_a_snapshot_is_discovered() {
    let place = tempfile::tempdir().unwrap();
    for (name, log) in [("P01Backup", 3), ("P02Backup", 3), ("Monday", 1), ("Tuesday", 2)] {
        write_snapshot(&place.path().join(name), log, &success(log));
    }
    fs::create_dir_all(place.path().join("photos/2024")).unwrap();
    fs::write(place.path().join("Monday.zip"), "PK").unwrap();
    let config = config(place.path());
    let source = ArchiveSource::discovered(site(), &config, phrases(), &surroundings());
    let facts = drain(&source, &mut None).unwrap();
    assert_eq!(names(&copies(&facts, "discovered").unwrap()), ["Monday", "Tuesday"]);
    assert_eq!(exists(&facts), None, "the destination tells of its disk itself");
}

#[test]
fn a_copy_that_disappears_between_two_slices_is_not_there() {
    let place = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        write_snapshot(&place.path().join(name), 1, &success(1));
    }
    let source = source(&place.path().join("*"));
    source.leave_half_done(&place.path().join("b"));
    fs::remove_dir_all(place.path().join("b")).unwrap();
    assert_eq!(names(&look(&source, "nas")), Vec::<String>::new(), "only b was left to look at");
    assert_eq!(names(&look(&source, "nas")), ["a"]);
}

#[test]
fn a_quiet_poll_drops_the_search() {
    let place = tempfile::tempdir().unwrap();
    write_snapshot(&place.path().join("a"), 1, "");
    let source = source(&place.path().join("*"));
    source.leave_half_done(&place.path().join("a"));
    let quiet = Guidance { quiet: Some(Quiet::RunDue), ..Guidance::default() };
    let polled = source.poll(None, &quiet).unwrap();
    assert_eq!((polled.facts.len(), polled.reach), (0, Reach::Unsettled));
    assert!(!source.is_half_done());
}
