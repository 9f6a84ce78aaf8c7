//! Copies on a real disk: trees, single files, markers, and when a poll keeps its hands off.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::time::SystemTime;

use proptest::collection::btree_map;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tempfile::TempDir;

use super::*;
use crate::snapshot::walk::timestamp;
use crate::source::Quiet;

/// In seconds since 1970; every file of these tests is older.
const NOW: u64 = 1_795_226_400;
const DAY: u64 = 86_400;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Writes a file that was last changed then.
fn write(path: &Path, modified: u64) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = File::create(path).unwrap();
    file.set_modified(at(modified)).unwrap();
}

/// A source folder `from`, its copy `to` and a destination `backup`, at a time that a test moves.
struct Place {
    folder: TempDir,
    clock: Clock,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), clock: Clock::anchored(timestamp(at(NOW)).unwrap()) }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// What looks at `to`.
    fn source(&self, freshness: Freshness) -> SupplementalSource {
        self.source_at("to", freshness)
    }

    fn source_at(&self, path: &str, freshness: Freshness) -> SupplementalSource {
        let path = self.path(path);
        let config = SupplementalConfig {
            name: "scup".to_owned(),
            path,
            freshness,
            max_age: Duration::from_secs(DAY),
        };
        let mut settings = SiteSettings::new("P01".parse().unwrap());
        settings.snapshot = Some(SnapshotConfig {
            path: self.path("backup"),
            database_path: None,
            control_file: None,
            installation: None,
            archives: Vec::new(),
            verify: crate::config::VerifyConfig::default(),
            interval: Duration::from_secs(300),
        });
        let surroundings =
            Surroundings { clock: self.clock, state_path: Path::new(""), account: r"CORP\CM01$" };
        SupplementalSource::new(&config, &settings, &surroundings)
    }

    /// Up to when the copy is current, how far that is behind in seconds, and why.
    fn lag(&self, source: &SupplementalSource) -> (Timestamp, i64, String) {
        let SupplementalCopy { current_to, because, unreadable } = look(source).unwrap();
        assert_eq!(unreadable, None);
        let current_to = current_to.expect(&because);
        let looked = source.progress.lock().unwrap().looked.expect("a look came to its end");
        (current_to, (looked - current_to).num_seconds(), because)
    }
}

/// Polls to the end.
fn look(source: &SupplementalSource) -> Result<SupplementalCopy, PollFailure> {
    loop {
        let Poll { facts, reach, .. } = source.poll(None, &Guidance::default())?;
        match (&facts[..], reach) {
            ([Fact::Supplemental(name, copy)], Reach::CaughtUp) => {
                assert_eq!(name, "scup");
                return Ok(copy.clone());
            }
            ([], Reach::More) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Files by path with their times; the names are close to each other in every order, and differ in more than case.
fn trees() -> impl Strategy<Value = BTreeMap<String, u64>> {
    let folders = proptest::collection::vec(select(vec!["a", "a-", "C", "b.x", "ä"]), 0..3);
    let path = (folders, select(vec!["a.f", "a-.f", "B.f", "z.f"])).prop_map(|(folders, file)| {
        folders.into_iter().map(|folder| format!("{folder}/")).collect::<String>() + file
    });
    btree_map(path, NOW - 100 * DAY..NOW - 50 * DAY, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// One step in each poll makes sure that every step goes on where the one before it ended.
    #[test]
    fn a_copy_with_its_times_is_current_and_falls_behind_with_its_source(
        files in trees(),
        extra in trees(),
        touched in any::<Index>(),
        later in 3..40 * DAY,
        steps in any::<bool>(),
    ) {
        let place = Place::new();
        for (path, modified) in &extra {
            write(&place.path("to").join(path), *modified);
        }
        for (path, modified) in &files {
            write(&place.path("from").join(path), *modified);
            write(&place.path("to").join(path), *modified);
        }
        let source = || {
            let mut source = place.source(Freshness::Source(place.path("from")));
            source.slice = if steps { Duration::ZERO } else { SLICE };
            source
        };
        prop_assert_eq!(place.lag(&source()).1, 0);

        let (path, modified) = files.iter().nth(touched.index(files.len())).unwrap();
        write(&place.path("from").join(path), modified + later);
        let (_, lag, because) = place.lag(&source());
        prop_assert_eq!(u64::try_from(lag), Ok(later));
        prop_assert!(because.starts_with(path.as_str()), "{}", because);

        // Gone from the copy: behind by as long as it has been there, or longer.
        fs::remove_file(place.path("to").join(path)).unwrap();
        let created = fs::metadata(place.path("from").join(path)).unwrap().created();
        let since = created.unwrap_or_else(|_| at(NOW)).min(at(modified + later));
        let (current_to, _, because) = place.lag(&source());
        prop_assert_eq!(Some(current_to), timestamp(since));
        prop_assert_eq!(because, format!("{path} is missing in the copy"));
    }
}

#[test]
fn single_files_are_compared_too() {
    let place = Place::new();
    write(&place.path("from"), NOW - 10 * DAY);
    write(&place.path("to"), NOW - 12 * DAY);
    let source = place.source(Freshness::Source(place.path("from")));
    let (_, lag, because) = place.lag(&source);
    assert_eq!((lag, &*because), (172_800, "from is 2 d older than its source"));
}

#[test]
fn a_marker_or_the_newest_file_dates_a_copy() {
    let place = Place::new();
    write(&place.path("to/a/old"), NOW - 12 * DAY);
    write(&place.path("marker"), NOW - 3 * DAY);
    let (current_to, _, because) = place.lag(&place.source(Freshness::Marker(place.path("marker"))));
    assert_eq!(
        (Some(current_to), &*because),
        (timestamp(at(NOW - 3 * DAY)), "marker is of 2026-11-18 02:00 UTC")
    );

    // The file system of this test may know when a file was created, which is then long after its change.
    let metadata = fs::metadata(place.path("to/a/old")).unwrap();
    let came = Times::told_by(&metadata).came().unwrap().min(place.clock.now());
    for path in ["to", "to/a/old"] {
        let copy = look(&place.source_at(path, Freshness::Newest)).unwrap();
        if metadata.created().is_ok_and(|created| created > at(NOW + DAY)) {
            assert!(copy.unreadable.is_some_and(|why| why.contains("yet to come")), "{path}");
        } else {
            assert!(copy.current_to.is_some_and(|time| time >= came), "{path} {copy:?}");
            assert!(copy.because.contains("old is of "), "{copy:?}");
        }
    }
}

#[test]
fn the_file_that_came_last_is_the_newest() {
    let moment = |seconds| timestamp(at(seconds));
    for (modified, created, came) in
        [(Some(1), Some(9), Some(9)), (Some(1), None, Some(1)), (None, None, None)]
    {
        let times = Times { modified: modified.and_then(moment), created: created.and_then(moment) };
        assert_eq!(times.came(), came.and_then(moment));
    }
    let look = moment(NOW).unwrap();
    for (time, current_to) in [
        (moment(NOW - DAY), moment(NOW - DAY)),
        // Two clocks that differ.
        (moment(NOW + DAY), Some(look)),
        (moment(NOW + DAY + 1), None),
        (None, None),
    ] {
        let copy = dated(time, look, "marker");
        assert_eq!(
            (copy.current_to, copy.unreadable.is_some()),
            (current_to, current_to.is_none()),
            "{time:?}"
        );
    }
}

#[test]
fn what_is_not_there_is_found_and_what_makes_no_sense_fails() {
    let place = Place::new();
    for path in ["folder/in", "file", "to/in"] {
        write(&place.path(path), NOW - DAY);
    }
    fs::create_dir(place.path("empty")).unwrap();
    let from = |path: &str| Freshness::Source(place.path(path));
    let marker = |path: &str| Freshness::Marker(place.path(path));
    for (path, freshness, expected) in [
        ("nothing", from("folder"), Ok("nothing is at ")),
        ("nothing", from("nothing"), Ok("nothing is at ")),
        ("nothing", Freshness::Newest, Ok("nothing is at ")),
        ("nothing", marker("file"), Ok("nothing is at ")),
        ("file/in", Freshness::Newest, Ok("nothing is at ")),
        ("empty", Freshness::Newest, Ok("no file is there")),
        ("to", marker("nothing"), Ok("its marker ")),
        ("to", from("nothing"), Err(FailureKind::NotFound)),
        ("to", from("file"), Err(FailureKind::Malformed)),
        ("file", from("folder"), Err(FailureKind::Malformed)),
        ("to", marker("folder"), Err(FailureKind::Malformed)),
    ] {
        match (look(&place.source_at(path, freshness.clone())), expected) {
            (Ok(copy), Ok(because)) => {
                assert_eq!((copy.current_to, copy.unreadable), (None, None), "{path} {freshness:?}");
                assert!(copy.because.starts_with(because), "{}", copy.because);
            }
            (Err(failure), Err(kind)) => {
                assert_eq!(failure.kind, kind, "{}", failure.message);
                assert!(
                    failure.message.contains("check scup in sites[].supplemental"),
                    "{}",
                    failure.message
                );
            }
            other => panic!("{path} {freshness:?}: {other:?}"),
        }
    }
    let copy = look(&place.source(from("empty"))).unwrap();
    assert_eq!(copy.unreadable.as_deref(), Some("its source holds no file"));
}

#[test]
fn a_part_that_cannot_be_read_leaves_the_copy_unknown_and_a_dead_share_fails() {
    let place = Place::new();
    let source = place.source(Freshness::Newest);
    // Win32 67 on Windows and errno 113 elsewhere: no such share, no way to the machine.
    let dead = if cfg!(windows) { 67 } else { 113 };
    for (error, whole, kind) in [
        (io::Error::from(io::ErrorKind::PermissionDenied), false, None),
        (io::Error::other("the folder has too many entries"), false, None),
        (io::Error::from(io::ErrorKind::PermissionDenied), true, Some(FailureKind::AccessDenied)),
        (io::Error::from(io::ErrorKind::NotFound), true, Some(FailureKind::NotFound)),
        (io::Error::from_raw_os_error(dead), false, Some(FailureKind::Unreachable)),
    ] {
        let told = format!("{error}");
        match (source.stopped(Stopped::at(Path::new("/to/a"), error, whole)), kind) {
            (Ok(SupplementalCopy { unreadable: Some(why), .. }), None) => {
                assert!(why.starts_with(&format!("cannot read /to/a: {told}; ")), "{why}");
                assert!(why.contains(r"CORP\CM01$"), "{why}");
            }
            (Err(failure), Some(kind)) => assert_eq!(failure.kind, kind),
            other => panic!("{told}: {other:?}"),
        }
    }
}

#[test]
fn quiet_concerns_only_what_meets_the_destination() {
    let quiet = Guidance { quiet: Some(Quiet::RunInProgress), ..Guidance::default() };
    let place = Place::new();
    for path in ["from/a", "to/a", "backup/a", "BACKUP2/a"] {
        write(&place.path(path), NOW - DAY);
    }
    for (path, freshness, heeds) in [
        ("to", Freshness::Source(place.path("from")), false),
        ("to", Freshness::Marker(place.path("backup/a")), true),
        ("to", Freshness::Source(place.path("backup")), true),
        ("BACKUP/a", Freshness::Newest, true),
        ("backup2", Freshness::Newest, false),
        // It holds the destination.
        ("", Freshness::Newest, true),
    ] {
        let mut source = place.source_at(path, freshness.clone());
        assert_eq!(source.in_destination, heeds, "{path} {freshness:?}");
        source.slice = Duration::ZERO;
        if heeds && path != "BACKUP/a" {
            source.poll(None, &Guidance::default()).unwrap();
            let poll = source.poll(None, &quiet).unwrap();
            assert_eq!((poll.facts, poll.reach), (Vec::new(), Reach::Unsettled));
            assert!(source.progress.lock().unwrap().work.is_none(), "half-done work is dropped");
        } else if path == "to" {
            assert_eq!(source.poll(None, &quiet).unwrap().reach, Reach::More);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn it_looks_again_only_after_a_while() {
    let place = Place::new();
    write(&place.path("marker"), NOW - DAY);
    write(&place.path("to/a"), NOW - DAY);
    let source = place.source(Freshness::Marker(place.path("marker")));
    let facts = || {
        let poll = source.poll(None, &Guidance::default()).unwrap();
        assert_eq!((poll.cursor, poll.reach), (Cursor::Anew, Reach::CaughtUp));
        poll.facts.len()
    };
    assert_eq!((facts(), facts()), (1, 0));
    tokio::time::advance(source.pause - Duration::from_secs(1)).await;
    assert_eq!(facts(), 0);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!((facts(), facts()), (1, 0));
    // A clock that was ahead must not put it off.
    let now = place.clock.now();
    assert!(source.is_due(Some(now + TimeDelta::days(400)), now));
}
