//! The snapshot in the destination.

use super::*;
use crate::snapshot::samples::{HALF, LDF, MDF};

#[test]
fn from_the_prepare_phase_to_5035_there_is_no_valid_snapshot() {
    for sign in ["preparing", "6829"] {
        let mut rig = Rig::new();
        rig.log(0, GOOD);
        assert_eq!(rig.valid(62), None, "nobody has looked since");
        rig.walk(59, &Sample::good(1));
        assert_eq!(rig.valid(62), None, "this look began before the success");
        rig.walk(100, &Sample::good(1));
        assert_eq!((rig.valid(100), rig.standing(100)), (Some(1), Standing::Current));
        assert_eq!(rig.assess(100).copies.newest_valid, Some(at(1)));
        rig.log(1000, &[(0, "500"), (1, "5055")]);
        assert_eq!(rig.valid(1001), Some(1), "it has deleted nothing yet");
        let before = rig.assess(1001).verdict;
        rig.log(1010, &[(0, sign)]);
        assert_eq!((rig.valid(1010), rig.standing(1010)), (Some(0), Standing::Remains), "{sign}");
        assert_eq!(rig.assess(1010).verdict, before, "the start of a run does not change the verdict");
        assert_eq!(rig.check(1010, Check::SnapshotComplete).0, CheckState::Unknown);
        // Whatever a walk sees meanwhile.
        rig.walk(1020, &Sample::good(1));
        assert_eq!(rig.valid(1020), Some(0));
        rig.log(1060, &[(0, "5035"), (1, "501")]);
        assert_eq!(rig.valid(1061), None);
        rig.walk(1062, &Sample::good(2));
        assert_eq!(rig.valid(1062), Some(1));
    }
}

#[test]
fn after_a_failure_before_prepare_the_recorded_files_count() {
    let failed = || {
        let mut rig = Rig::new();
        rig.log(0, GOOD);
        rig.walk(100, &Sample::good(1));
        rig.log(1000, &[(0, "500"), (1, "5055"), (2, "-5060"), (3, "501")]);
        rig
    };
    let mut rig = failed();
    assert_eq!((rig.valid(1003), rig.standing(1003)), (None, Standing::Unknown));
    rig.walk(1004, &Sample::good(1));
    assert_eq!((rig.valid(1004), rig.standing(1004)), (Some(1), Standing::Current));
    let mut rig = failed();
    rig.walk(1004, &Sample::good(2));
    assert_eq!((rig.valid(1004), rig.standing(1004)), (Some(0), Standing::Touched));
    assert!(rig.check(1004, Check::SnapshotComplete).1.contains("no longer what they were"));
    // Nobody looked between the success and the failure.
    let mut rig = Rig::new();
    rig.log(0, GOOD);
    rig.log(1000, &[(0, "500"), (1, "5055"), (2, "-5060"), (3, "501")]);
    rig.walk(1004, &Sample::good(1));
    assert_eq!((rig.valid(1004), rig.standing(1004)), (None, Standing::Unknown));
}

#[test]
fn after_a_failure_later_than_prepare_nothing_counts() {
    let mut rig = Rig::new();
    rig.log(0, GOOD);
    rig.walk(100, &Sample::good(1));
    rig.log(1000, &[(0, "500"), (1, "5055"), (2, "preparing"), (3, "-5060"), (4, "501")]);
    rig.walk(1005, &Sample::good(1));
    assert_eq!((rig.valid(1005), rig.standing(1005)), (Some(0), Standing::Remains));
    assert_eq!(rig.assess(1005).copies.recoverable_until, None);
    // A later run that fails before prepare finds what that one left.
    rig.log(1100, &[(0, "500"), (1, "5055"), (2, "-5060"), (3, "501")]);
    rig.walk(1104, &Sample::good(1));
    assert_eq!(rig.valid(1104), Some(0));
}

#[test]
fn what_was_written_before_the_destination_moved_is_not_missing() {
    let mut rig = Rig::new();
    rig.log(0, GOOD);
    rig.walk(100, &Sample::good(1));
    assert_eq!((rig.valid(100), rig.standing(100)), (Some(1), Standing::Current));
    rig.state.destination_moved = Some(at(110));
    rig.gone(115);
    assert_eq!((rig.valid(115), rig.standing(115)), (None, Standing::Unknown));
    assert_ne!(rig.assess(115).verdict, Verdict::Unprotected);
    // Somebody copies the files to the new place; then another snapshot lies there.
    rig.walk(120, &Sample::good(1));
    assert_eq!((rig.valid(120), rig.standing(120)), (Some(1), Standing::Current));
    rig.walk(125, &Sample::good(2));
    assert_eq!((rig.valid(125), rig.standing(125)), (None, Standing::Unknown));
    // The next run writes there.
    rig.log(1000, GOOD);
    rig.walk(1100, &Sample::good(3));
    assert_eq!((rig.valid(1100), rig.standing(1100)), (Some(1), Standing::Current));
}

#[test]
fn a_renamed_destination_is_not_unprotected() {
    let mut rig = Rig::new();
    rig.log(0, &[(0, "500"), (1, "5055"), (10, "6829"), (60, "5035"), (60, "5040"), (61, "501")]);
    rig.gone(100);
    assert_eq!((rig.valid(100), rig.standing(100)), (None, Standing::Moved));
    let (state, finding) = rig.check(100, Check::SnapshotComplete);
    assert_eq!(state, CheckState::Failed);
    assert!(finding.contains("archives"), "{finding}");
    assert_eq!(rig.assess(100).verdict, Verdict::Degraded);
    // Without AfterBackup.bat nobody had a reason to move it.
    let mut rig = Rig::new();
    rig.log(0, GOOD);
    rig.gone(100);
    assert_eq!((rig.valid(100), rig.standing(100)), (Some(0), Standing::Gone));
    assert_eq!(rig.assess(100).verdict, Verdict::Unprotected);
    // The whole root is gone: nobody can tell.
    let place = Place { path: "/backup".to_owned(), exists: false, free: None, with_server: None };
    rig.place("site", 101, place);
    assert_eq!((rig.valid(101), rig.standing(101)), (None, Standing::Unknown));
}

#[test]
fn a_snapshot_that_was_moved_into_an_archive_is_a_copy_once_it_rests() {
    let mut rig = Rig::with_archive(8);
    rig.log(0, &[(0, "500"), (1, "5055"), (10, "6829"), (60, "5035"), (60, "5040"), (61, "501")]);
    rig.gone(100);
    assert_eq!(
        (rig.valid(100), rig.standing(100)),
        (None, Standing::Unknown),
        "the archive is not known yet"
    );
    rig.archives(100, vec![copy("/nas/a", 1, &Sample::good(1))]);
    assert_eq!((rig.valid(129), rig.standing(129)), (None, Standing::Archived));
    assert_eq!((rig.valid(130), rig.assess(130).verdict), (Some(1), Verdict::Healthy));
    assert_eq!(rig.check(130, Check::SnapshotComplete).0, CheckState::Passed);
    assert_eq!(rig.assess(130).copies.newest_valid, Some(at(1)));
    // An archive of an older run says nothing of where this snapshot is.
    rig.archives(131, vec![copy("/nas/a", -1500, &Sample::good(9))]);
    assert_eq!((rig.valid(200), rig.standing(200)), (Some(1), Standing::Moved));
    assert_eq!(rig.assess(200).verdict, Verdict::Degraded);
}

#[test]
fn what_is_missing_is_named_and_what_cannot_be_read_is_not_missing() {
    let good = || Sample::good(2);
    for (sample, named) in [
        (good().without("SiteServer"), "SiteServer"),
        (good().without("CD.Latest"), "CD.Latest"),
        (good().without(MDF), ".mdf"),
        (good().without(LDF), ".ldf"),
        (
            good().resized(MDF, 0).headers(MDF, |headers| headers.file = None),
            "SiteDBServer/CM_P01.mdf (it is empty)",
        ),
        (good().without(MDF).with(MDF, HALF - 8192), "half of CM_P01.mdf"),
        (good().without("smsbkup.log"), "log (the last successful snapshot had it)"),
        (good().without("SiteServer/SMSServer/BackupTemp"), "registry"),
    ] {
        let mut rig = Rig::new();
        rig.log(-2000, GOOD);
        rig.walk(-1900, &Sample::good(1));
        rig.log(0, GOOD);
        rig.walk(100, &sample);
        let (state, finding) = rig.check(100, Check::SnapshotComplete);
        assert_eq!((state, rig.valid(100)), (CheckState::Failed, Some(0)), "{named}");
        assert!(finding.contains(named), "{finding}");
        rig.walk(101, &sample.unreadable("open SiteServer/x as CORP\\CM01$: access denied"));
        let (state, finding) = rig.check(101, Check::SnapshotComplete);
        assert_eq!((state, rig.valid(101)), (CheckState::Unknown, None), "{named}");
        assert!(finding.contains("access denied"), "{finding}");
    }
}

#[test]
fn a_database_that_was_made_smaller_is_named_once_and_not_for_ever() {
    let mut rig = Rig::new();
    rig.log(-2000, GOOD);
    rig.walk(-1900, &Sample::good(1));
    for (begin, generation, valid) in [(0, 2, 0), (1000, 3, 1)] {
        rig.log(begin, GOOD);
        rig.walk(begin + 100, &Sample::good(generation).without(MDF).with(MDF, HALF / 2));
        assert_eq!(rig.valid(begin + 100), Some(valid));
    }
}

#[test]
fn a_database_part_that_goes_elsewhere_is_unknown_until_it_is_configured() {
    let mut local = Rig::new();
    local.log(0, GOOD);
    local.walk(100, &Sample::good(1).without("SiteDBServer"));
    assert_eq!((local.valid(100), local.check(100, Check::SnapshotComplete).0), (None, CheckState::Unknown));
    assert!(local.check(100, Check::SnapshotComplete).1.contains("database_path"));
    let remote = |path: &str| Rig::with(|settings| settings.snapshot.as_mut().unwrap().path = path.into());
    let mut rig = remote(r"\\NAS01\cm");
    rig.log(0, GOOD);
    rig.walk(100, &Sample::good(1).without("SiteDBServer"));
    assert_eq!(rig.valid(100), Some(0), "a share holds both parts");

    let mut apart =
        Rig::with(|settings| settings.snapshot.as_mut().unwrap().database_path = Some("/sql".into()));
    apart.log(0, GOOD);
    apart.walk(100, &Sample::good(1).without("SiteDBServer"));
    assert_eq!(apart.valid(100), None);
    apart.saw(SnapshotRoot::Database, Sample::good(1).only("SiteDBServer").survey(at(50)));
    assert_eq!(apart.valid(100), None, "this look began before the success");
    apart.saw(SnapshotRoot::Database, Sample::good(1).only("SiteDBServer").survey(at(101)));
    assert_eq!(apart.valid(101), Some(1));
    apart.saw(SnapshotRoot::Database, Survey::absent(at(102)));
    assert_eq!(apart.valid(102), Some(0));
}

#[test]
fn headers_that_do_not_fit_are_damage_at_once() {
    let good = || Sample::good(1);
    for (sample, named) in [
        (good().foreign(LDF), "a file of another database"),
        (good().resized(MDF, HALF), "truncated"),
        (good().damaged(MDF), "page type 0"),
    ] {
        let mut rig = Rig::new();
        rig.log(0, GOOD);
        rig.walk(100, &sample);
        let (state, finding) = rig.check(100, Check::SnapshotIntact);
        assert_eq!((state, rig.intact(100), rig.valid(100)), (CheckState::Failed, Some(false), Some(0)));
        assert!(finding.contains(named), "{finding}");
        assert!(rig.state.snapshot.records.is_empty(), "it is no measure for others");
    }
    // Another name is damage only where the configuration says what it must be.
    for (name, intact, valid) in [(None, None, 1), (Some("CM_P01"), Some(false), 0), (Some("SMS"), None, 1)] {
        let mut rig = Rig::with(|settings| settings.database_name = name.map(str::to_owned));
        rig.log(0, GOOD);
        rig.walk(100, &good().headers(MDF, |headers| headers.boot.as_mut().unwrap().database = "SMS".into()));
        assert_eq!((rig.intact(100), rig.valid(100)), (intact, Some(valid)), "{name:?}");
    }
}

#[test]
fn intact_needs_every_folder_and_damage_needs_one_page() {
    let mut rig =
        Rig::with(|settings| settings.snapshot.as_mut().unwrap().database_path = Some("/sql".into()));
    rig.log(0, GOOD);
    rig.walk(100, &Sample::good(1).without("SiteDBServer"));
    rig.saw(SnapshotRoot::Database, Sample::good(1).only("SiteDBServer").survey(at(100)));
    rig.verified_good(FOLDER, 1, 110);
    assert_eq!(rig.intact(110), None);
    rig.verified(DATABASE_FOLDER, 1, 110, |_| {});
    assert_eq!(rig.intact(110), None, "it goes on");
    rig.verified(DATABASE_FOLDER, 1, 110, |pass| pass.find(page_damage()));
    assert_eq!((rig.intact(110), rig.valid(110)), (Some(false), Some(0)));
    assert!(rig.check(110, Check::SnapshotIntact).1.contains("page 77"));
    rig.verified_good(DATABASE_FOLDER, 1, 120);
    assert_eq!((rig.intact(120), rig.valid(120)), (Some(true), Some(1)));
    // What could not be read may be damaged.
    rig.verified(DATABASE_FOLDER, 1, 130, |pass| {
        pass.finished = Some(at(131));
        pass.unread("locked".to_owned());
    });
    assert_eq!(rig.intact(131), None);
    // The next snapshot is another one.
    rig.verified_good(DATABASE_FOLDER, 1, 140);
    rig.log(1000, GOOD);
    rig.walk(1100, &Sample::good(2).without("SiteDBServer"));
    rig.saw(SnapshotRoot::Database, Sample::good(2).only("SiteDBServer").survey(at(1100)));
    assert_eq!((rig.intact(1100), rig.valid(1100)), (None, Some(1)));
}

#[test]
fn a_changed_file_makes_a_snapshot_worthless() {
    let mut rig = Rig::new();
    rig.log(0, GOOD);
    rig.walk(100, &Sample::good(1));
    rig.verified_good(FOLDER, 1, 110);
    assert_eq!(rig.check(110, Check::SnapshotUnchanged).0, CheckState::Passed);
    rig.verified(FOLDER, 1, 9_000, |pass| {
        for file in ["a", "b", "c", "d"] {
            pass.changed(Finding::damaged(file, "what it was", "something else"));
        }
        pass.missing(Finding::damaged("e", "a file", "nothing"));
    });
    assert_eq!(rig.valid(9_000), Some(0));
    let (_, finding) = rig.check(9_000, Check::SnapshotUnchanged);
    assert!(finding.starts_with("5 file(s)") && finding.contains("a: expected what it was"), "{finding}");
    assert!(finding.ends_with("and 2 more."), "{finding}");
}

#[test]
fn what_was_proved_outlives_what_was_only_seen() {
    for intact in [true, false] {
        let mut rig = Rig::new();
        rig.log(0, GOOD);
        rig.walk(100, &Sample::good(1));
        rig.verified(FOLDER, 1, 110, |pass| {
            pass.finished = Some(at(111));
            if !intact {
                pass.find(page_damage());
            }
        });
        let valid = Some(u32::from(intact));
        for failures in 1..=3 {
            assert_eq!((rig.intact(120), rig.valid(120)), (Some(intact), valid), "{failures}");
            rig.fold(SourceKind::Snapshot, 120, Err(FailureKind::Unreachable));
        }
        assert_eq!(rig.check(120, Check::SnapshotComplete).0, CheckState::Unknown);
        assert_eq!(rig.intact(120), Some(intact));
        assert_eq!(rig.valid(120), valid.filter(|valid| *valid == 0), "damage is not undone by not looking");
    }
}

#[test]
fn files_of_an_earlier_run_are_not_the_newest_runs() {
    let mut rig = Rig::new();
    rig.log(0, GOOD);
    rig.walk(100, &Sample::good(1));
    // The task was given another destination, so nothing changes here any more.
    rig.log(1000, GOOD);
    rig.walk(1100, &Sample::good(1));
    let assessment = rig.assess(1100);
    assert_eq!((rig.standing(1100), assessment.copies.valid), (Standing::Earlier, Some(1)));
    assert_eq!(assessment.copies.newest_valid, Some(at(1)), "it keeps its true age");
    let (state, finding) = rig.check(1100, Check::SnapshotComplete);
    assert_eq!(state, CheckState::Failed);
    assert!(finding.contains("an earlier run's files are there"), "{finding}");
    assert!(rig.state.snapshot.record_of(at(1001)).is_none(), "they are not recorded as the newest run's");
    rig.walk(1200, &Sample::good(2));
    assert_eq!(
        (rig.standing(1200), rig.assess(1200).copies.newest_valid),
        (Standing::Current, Some(at(1001)))
    );
}

#[test]
fn a_snapshot_whose_own_log_is_older_is_doubtful() {
    let mut rig = Rig::new();
    rig.log(0, GOOD);
    let own_log = |rig: &mut Rig, minute: i64, from: i64| {
        let source = rig.state.sources.get_mut(&source(SourceKind::Snapshot)).unwrap();
        source.witness = Some(Witness::DestinationLog);
        let records = GOOD.iter().zip(0..).map(|((after, word), position)| Record {
            position: position + u64::try_from(from).unwrap(),
            body: body(word, at(from + after)),
        });
        let coverage = Fact::Coverage {
            witness: Witness::DestinationLog,
            oldest: Some(at(from)),
            newest: None,
            gap: true,
        };
        let records = Fact::Records(Witness::DestinationLog, records.collect());
        let survey = Fact::Survey(SnapshotRoot::Site, Sample::good(1).survey(at(minute)));
        rig.fold(SourceKind::Snapshot, minute, Ok(vec![coverage, records, survey]));
    };
    rig.log(1000, GOOD);
    own_log(&mut rig, 1100, 0);
    assert_eq!((rig.standing(1100), rig.valid(1100)), (Standing::Doubtful, None));
    let (state, finding) = rig.check(1100, Check::SnapshotComplete);
    assert_eq!(state, CheckState::Failed);
    assert!(finding.contains("its own smsbkup.log is older"), "{finding}");
    own_log(&mut rig, 1200, 1000);
    assert_eq!((rig.standing(1200), rig.valid(1200)), (Standing::Current, Some(1)));
}

#[test]
fn a_pass_does_not_speak_for_files_that_changed_since() {
    let mut rig = Rig::new();
    rig.log(0, GOOD);
    rig.walk(100, &Sample::good(1));
    rig.verified_good(FOLDER, 1, 110);
    let words = |rig: &Rig, minute| {
        let present = rig.assess(minute).copies.present.unwrap();
        (present.intact, present.unchanged)
    };
    assert_eq!(words(&rig, 120), (Some(true), Some(true)));
    rig.walk(120, &Sample::good(1));
    assert_eq!(words(&rig, 121), (Some(true), Some(true)));
    rig.walk(130, &Sample::good(1).without("SiteServer/SMSServer/inboxes"));
    assert_eq!(words(&rig, 131), (None, None));
    rig.verified(FOLDER, 1, 140, |pass| {
        pass.finished = Some(pass.started);
        pass.missing = 1;
    });
    assert_eq!(words(&rig, 141), (Some(true), Some(false)));
}
