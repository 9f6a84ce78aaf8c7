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
fn the_snapshot_itself_is_no_copy() {
    let place = tempfile::tempdir().unwrap();
    for (name, run) in [("P01Backup", 2), ("P01Backup-1", 1)] {
        write_snapshot(&place.path().join(name), run, &success(run));
    }
    let configured = config(&place.path().join("."));
    let of = |config| {
        ArchiveSource::new(
            site(),
            &archive(&place.path().join("p01backup*")),
            config,
            phrases(),
            &surroundings(),
        )
    };
    assert_eq!(names(&look(&of(&configured), "nas")), ["P01Backup-1"]);
    let apart =
        SnapshotConfig { database_path: Some(place.path().to_owned()), ..config(Path::new("/nowhere")) };
    assert_eq!(names(&look(&of(&apart), "nas")), ["P01Backup-1"]);
}

#[cfg(unix)]
#[test]
fn a_copy_that_cannot_be_read_hides_no_other() {
    use std::os::unix::fs::PermissionsExt;

    let place = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        write_snapshot(&place.path().join(name), 1, &success(1));
    }
    let closed = place.path().join("b");
    let chmod = |mode| fs::set_permissions(&closed, fs::Permissions::from_mode(mode)).unwrap();
    chmod(0o000);
    if fs::read_dir(&closed).is_ok() {
        eprintln!("skipped: this user reads every folder");
        return;
    }
    let found = drain(&source(&place.path().join("*")), &mut None);
    chmod(0o755);
    let found = copies(&found.unwrap(), "nas").unwrap();
    assert_eq!(names(&found), ["a", "b", "c"]);
    let unreadable = |copy: &ArchiveCopy| match &copy.content {
        ArchiveContent::Folder { survey, .. } => survey.first_unreadable.clone(),
        ArchiveContent::File { .. } => None,
    };
    assert!(
        unreadable(&found[1]).is_some_and(|why| why.contains(r"give CORP\CM01$ read access")),
        "{found:?}"
    );
    assert_eq!((unreadable(&found[0]), unreadable(&found[2])), (None, None));
}

#[test]
fn what_cannot_be_this_sites_is_not_discovered() {
    let place = tempfile::tempdir().unwrap();
    let other = "P02".parse().unwrap();
    let foreign = BackupTask::new(other).success().text(&LogWriter::new(other, "CM02"), start(1));
    for (name, log) in [
        ("p02backup-Mon", success(1)),
        ("P01Backup-Mon", success(1)),
        ("Monday", success(1)),
        ("of_P02", foreign),
        ("silent", String::new()),
    ] {
        write_snapshot(&place.path().join(name), 1, &log);
    }
    let without = place.path().join("without");
    write_snapshot(&without, 1, "");
    fs::remove_file(without.join("smsbkup.log")).unwrap();
    let source = ArchiveSource::discovered(site(), &config(place.path()), phrases(), &surroundings());
    assert_eq!(names(&look(&source, "discovered")), ["Monday", "P01Backup-Mon"]);
}

#[tokio::test(start_paused = true)]
async fn a_copy_at_rest_is_walked_once_an_hour_and_another_in_its_place_at_once() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("a");
    write_snapshot(&folder, 1, &success(1));
    let clock = Clock::anchored(start(9));
    let (pattern, surroundings) =
        (archive(&place.path().join("*")), Surroundings { clock, ..surroundings() });
    let source =
        ArchiveSource::new(site(), &pattern, &config(Path::new("/nowhere")), phrases(), &surroundings);
    let files = || match &look(&source, "nas")[0].content {
        ArchiveContent::Folder { survey, .. } => survey.total.files,
        ArchiveContent::File { .. } => 0,
    };
    let pass = |hours: f64| tokio::time::advance(Duration::from_secs_f64(hours * 3600.0));
    let whole = files();
    let more = |name: &str| fs::write(folder.join("SiteServer").join(name), "").unwrap();
    pass(0.1).await;
    more("new");
    assert_eq!(files(), whole + 1, "it may still be copied");
    for _ in 0..25 {
        pass(1.0).await;
        assert_eq!(files(), whole + 1);
    }
    more("by_hand");
    pass(0.9).await;
    // A run in between forgets nothing.
    let quiet = Guidance { quiet: Some(Quiet::RunDue), ..Guidance::default() };
    source.poll(None, &quiet).unwrap();
    assert_eq!(files(), whole + 1, "not walked");
    pass(0.2).await;
    assert_eq!(files(), whole + 2);
    for _ in 0..25 {
        pass(1.0).await;
        files();
    }
    more("another");
    assert_eq!(files(), whole + 2, "not walked");
    let log = success(2);
    fs::write(folder.join("smsbkup.log"), format!("{log}{log}")).unwrap();
    assert_eq!(files(), whole + 3, "its log was written anew");
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(look(&source, "nas"), []);
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
