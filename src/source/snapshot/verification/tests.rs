use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::site::Timestamp;
use crate::source::{Cursor as AnyCursor, Quiet};

/// Three blocks, and one byte.
const SIZE: u64 = 3 * BLOCK + 1;

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(seconds, 0).unwrap()
}

struct Site(TempDir);

impl Site {
    fn new() -> Self {
        let site = Self(TempDir::new().unwrap());
        fs::create_dir_all(site.folder().join("SiteServer")).unwrap();
        fs::write(site.folder().join("SiteServer/large"), vec![7; usize::try_from(SIZE).unwrap()]).unwrap();
        site
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("P01Backup")
    }

    /// One with one block in each slice.
    fn source(&self) -> VerificationSource {
        let surroundings =
            Surroundings { clock: Clock::System, state_path: self.0.path(), account: r"CORP\CM01$" };
        VerificationSource::new("P01".parse().unwrap(), self.location(), BLOCK, &surroundings)
    }

    fn location(&self) -> String {
        self.folder().display().to_string()
    }

    fn order(&self, after: Option<i64>) -> VerifyOrder {
        let (location, folder) = (self.location(), self.location());
        VerifyOrder { location, folder, run: time(5), after: after.map(time) }
    }

    fn guidance(&self, after: Option<i64>) -> Guidance {
        Guidance { quiet: None, verify: vec![self.order(after)] }
    }
}

fn progress(polled: &Poll<AnyCursor>) -> (&Verification, Option<u64>) {
    let [Fact::Verification(verification)] = &*polled.facts else { panic!("{:?}", polled.facts) };
    let AnyCursor::Verification(cursor) = &polled.cursor else { panic!("{:?}", polled.cursor) };
    (verification, cursor.bytes())
}

/// Polls until so many bytes have been read, in however many slices.
fn until(
    source: &VerificationSource,
    cursor: Option<&AnyCursor>,
    guidance: &Guidance,
    bytes: u64,
) -> Poll<AnyCursor> {
    let mut cursor = cursor.cloned();
    loop {
        let polled = source.poll(cursor.as_ref(), guidance).unwrap();
        if progress(&polled).0.bytes >= bytes {
            return polled;
        }
        cursor = Some(polled.cursor);
    }
}

/// Every file of this process below a folder that is open now.
fn open_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(open) = fs::read_dir("/proc/self/fd") else { return Vec::new() };
    let targets = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    targets.filter(|target| target.starts_with(folder)).collect()
}

/// Polls to the end, each time as a checkpoint would give the cursor back.
fn carry_out(
    source: &VerificationSource,
    guidance: &Guidance,
    cursor: &mut Option<AnyCursor>,
) -> Verification {
    loop {
        let polled = source.poll(cursor.as_ref(), guidance).unwrap();
        let text = serde_json::to_string(&polled.cursor).unwrap();
        *cursor = Some(serde_json::from_str(&text).unwrap());
        assert_eq!(cursor.as_ref(), Some(&polled.cursor));
        if polled.reach == Reach::CaughtUp {
            return progress(&polled).0.clone();
        }
    }
}

#[test]
fn an_order_is_carried_out_once() {
    let site = Site::new();
    let source = site.source();
    let mut cursor = None;
    let found = carry_out(&source, &site.guidance(None), &mut cursor);
    assert_eq!((found.bytes, found.files, found.intact()), (SIZE, 1, Some(true)));
    assert_eq!((found.run, found.folder.clone()), (time(5), site.location()));
    let again = source.poll(cursor.as_ref(), &site.guidance(None)).unwrap();
    assert_eq!(
        (again.facts, Some(again.cursor), again.reach),
        (Vec::new(), cursor.clone(), Reach::Unsettled)
    );
    // The next one, which finds what the first one recorded.
    fs::remove_file(site.folder().join("SiteServer/large")).unwrap();
    let found = carry_out(&source, &site.guidance(Some(9)), &mut cursor);
    assert_eq!((found.missing, found.unchanged()), (1, Some(false)));
}

#[test]
fn what_was_recorded_and_is_lost_leaves_it_unknown_whether_anything_changed() {
    let site = Site::new();
    let source = site.source();
    let mut cursor = None;
    assert_eq!(carry_out(&source, &site.guidance(None), &mut cursor).unchanged(), Some(true));
    for (after, spoil, unchanged) in
        [(9, Some("rubbish"), None), (19, None, Some(true)), (29, Some(""), None), (39, None, Some(true))]
    {
        if let Some(rubbish) = spoil {
            for manifest in fs::read_dir(site.0.path().join("manifests")).unwrap() {
                fs::write(manifest.unwrap().path(), rubbish).unwrap();
            }
        }
        let found = carry_out(&source, &site.guidance(Some(after)), &mut cursor);
        assert_eq!((found.intact(), found.unchanged()), (Some(true), unchanged), "{after}");
    }
}

#[test]
fn a_folder_that_cannot_be_read_does_not_keep_others_waiting() {
    let site = Site::new();
    let source = site.source();
    // No system opens it, whoever asks.
    let bad = VerifyOrder { folder: "a\0b".to_owned(), ..site.order(None) };
    let both = Guidance { quiet: None, verify: vec![bad.clone(), site.order(None)] };
    let failures: Vec<_> = (0..3).map(|_| source.poll(None, &both).unwrap_err()).collect();
    let mut cursor = None;
    assert_eq!(carry_out(&source, &both, &mut cursor).intact(), Some(true));
    // It has failed until it is tried again; one that is quiet does not fail.
    let one = Guidance { quiet: None, verify: vec![bad] };
    assert_eq!(source.poll(cursor.as_ref(), &one).unwrap_err(), failures[0]);
    let quiet = Guidance { quiet: Some(Quiet::RunDue), ..one };
    assert!(source.poll(cursor.as_ref(), &quiet).is_ok());
}

#[test]
fn a_folder_in_motion_is_left_alone_for_a_while() {
    let site = Site::new();
    let source = site.source();
    let first = until(&source, None, &site.guidance(None), BLOCK);
    fs::remove_file(site.folder().join("SiteServer/large")).unwrap();
    let mut cursor = first.cursor;
    for _ in 0..3 {
        let polled = source.poll(Some(&cursor), &site.guidance(None)).unwrap();
        assert_eq!((&polled.facts[..], polled.reach), (&[][..], Reach::Unsettled));
        cursor = polled.cursor;
        assert_eq!(cursor, AnyCursor::Anew);
        fs::write(site.folder().join("SiteServer/large"), "it is back").unwrap();
    }
    assert_eq!(fs::read_dir(site.0.path().join("manifests")).unwrap().count(), 0);
}

#[test]
fn each_slice_is_paid_for() {
    let site = Site::new();
    let polled = site.source().poll(None, &site.guidance(None)).unwrap();
    let Reach::MoreAfter(rest) = polled.reach else { panic!("{:?}", polled.reach) };
    assert!(rest <= Duration::from_secs(1), "{rest:?}");
    for (bytes, rate, elapsed, rest) in [
        (50, 50, 0, 1000),
        (50, 100, 200, 300),
        (50, 50, 3000, 0),
        (0, 1, 0, 0),
        (u64::MAX, 1, 0, u64::MAX / 1_000_000),
    ] {
        assert_eq!(pause(bytes, rate, Duration::from_millis(elapsed)).as_millis(), u128::from(rest));
    }
}

#[test]
fn another_process_goes_on_from_the_cursor() {
    let site = Site::new();
    let mut cursor = None;
    let mut read = 0;
    loop {
        // A new source each time is what a new process has.
        let polled = site.source().poll(cursor.as_ref(), &site.guidance(None)).unwrap();
        let (verification, left) = progress(&polled);
        assert_eq!(left, verification.finished.is_none().then_some(verification.bytes));
        assert!(verification.bytes >= read, "{} after {read}", verification.bytes);
        read = verification.bytes;
        if polled.reach == Reach::CaughtUp {
            break;
        }
        cursor = Some(polled.cursor);
    }
    assert_eq!(read, SIZE);
    let found = carry_out(&site.source(), &site.guidance(Some(9)), &mut cursor);
    assert_eq!(found.unchanged(), Some(true));
}

#[test]
fn without_its_manifest_a_pass_begins_anew() {
    let site = Site::new();
    let first = until(&site.source(), None, &site.guidance(None), 2 * BLOCK);
    fs::remove_dir_all(site.0.path().join("manifests")).unwrap();
    let second = site.source().poll(Some(&first.cursor), &site.guidance(None)).unwrap();
    assert!(progress(&second).0.bytes <= BLOCK);
}

#[test]
fn quiet_means_that_nothing_is_open_and_nothing_read() {
    let site = Site::new();
    let source = site.source();
    let first = until(&source, None, &site.guidance(None), BLOCK);
    assert!(source.going_on.lock().unwrap().is_some());
    assert_eq!(open_below(&site.folder()), Vec::<PathBuf>::new());
    for guidance in [
        Guidance { quiet: Some(Quiet::RunInProgress), ..site.guidance(None) },
        Guidance::default(),
        Guidance {
            verify: vec![VerifyOrder { location: "elsewhere".to_owned(), ..site.order(None) }],
            quiet: None,
        },
    ] {
        let polled = source.poll(Some(&first.cursor), &guidance).unwrap();
        assert_eq!(
            (&polled.facts[..], &polled.cursor, polled.reach),
            (&[][..], &first.cursor, Reach::Unsettled)
        );
        assert!(source.going_on.lock().unwrap().is_none());
    }
    let second = source.poll(Some(&first.cursor), &site.guidance(None)).unwrap();
    assert!(progress(&second).1 >= Some(BLOCK));
}

#[test]
fn what_has_been_begun_comes_before_a_new_copy() {
    let site = Site::new();
    let first = until(&site.source(), None, &site.guidance(None), BLOCK);
    let copy = VerifyOrder { folder: "/another copy".to_owned(), ..site.order(None) };
    let both = Guidance { quiet: None, verify: vec![copy, site.order(None)] };
    let second = site.source().poll(Some(&first.cursor), &both).unwrap();
    assert_eq!(progress(&second).0.folder, site.location());
    assert!(progress(&second).1 >= Some(BLOCK));
}

#[test]
fn a_folder_that_is_gone_ends_the_pass_and_one_that_cannot_be_read_keeps_it() {
    let site = Site::new();
    let source = site.source();
    let first = source.poll(None, &site.guidance(None)).unwrap();
    let away = site.0.path().join("away");
    fs::rename(site.folder(), &away).unwrap();
    let gone = site.source().poll(Some(&first.cursor), &site.guidance(None)).unwrap();
    assert_eq!((gone.facts, gone.cursor, gone.reach), (Vec::new(), AnyCursor::Anew, Reach::Unsettled));

    for (failure, kind, words) in [
        (IoFailure::Unreachable, FailureKind::Unreachable, r"the network to it, as CORP\CM01$"),
        (IoFailure::AccessDenied, FailureKind::AccessDenied, r"give CORP\CM01$ read access"),
        (IoFailure::Timeout, FailureKind::Timeout, "check the disk"),
    ] {
        let lost = Lost::Folder {
            folder: site.folder(),
            failure,
            source: std::io::Error::other("the system's words"),
        };
        let told = source.failure(&lost);
        assert_eq!(told.kind, kind);
        assert!(
            told.message.contains(words) && told.message.contains("the system's words"),
            "{}",
            told.message
        );
        assert!(told.message.contains(&site.location()), "{}", told.message);
    }
}

#[test]
fn a_position_outlives_the_program_that_wrote_it() {
    let text = r#"{"verification":{"order":{"folder":"E:\\P01Backup","run":"2026-06-07T02:00:00Z","after":null},
        "progress":{"started":"2026-06-07T06:00:00Z","position":{"done":"CD.Latest/x","begun":{"path":"SiteDBServer/a.mdf",
        "size":33554432,"modified":1780797600000000000,"blocks":2,"changed":false}},"comparing":false,
        "manifest":{"bytes":300,"files":1},"files":1,"bytes":16777220,
        "pages":{"verified":2000,"verified_free":10,"unverifiable":3,"never_written":45,"damaged":1},
        "findings":[{"file":"SiteDBServer/a.mdf","page":9,"severity":"damaged","expected":"a","found":"b"}],
        "damaged":1,"differences":[],"changed":0,"missing":0,"added":0,"unread":0,"first_unread":null}}}"#;
    let cursor: AnyCursor = serde_json::from_str(text).unwrap();
    let written: serde_json::Value = serde_json::to_value(&cursor).unwrap();
    assert_eq!(written, serde_json::from_str::<serde_json::Value>(text).unwrap());
}
