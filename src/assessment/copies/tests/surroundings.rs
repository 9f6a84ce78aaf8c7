//! What lies around the copies: disks, the task's inbox, other copies, drills.

use super::*;
use crate::config::{Freshness, RecoveryDrill, SupplementalConfig};
use crate::snapshot::{AfterBackupScript, SupplementalCopy, TaskFiles};

const DAY: i64 = 24 * 60;

fn place(path: &str) -> Place {
    Place { path: path.to_owned(), exists: true, free: None, with_server: Some(false) }
}

#[test]
fn a_destination_exists_has_an_ascii_path_and_is_not_lost_with_the_server() {
    use CheckState::{Failed, Passed, Unknown};
    let on_server = Place { with_server: Some(true), ..place("/backup") };
    for (found, state, named) in [
        (place("/backup"), Passed, ""),
        (Place { with_server: None, ..place("/backup") }, Passed, ""),
        (Place { exists: false, ..place("/backup") }, Failed, "/backup does not exist"),
        (place("/Sicherungen für CM"), Failed, "not ASCII"),
        (on_server.clone(), Failed, "lost with the server"),
    ] {
        let mut rig = Rig::new();
        assert_eq!(rig.check(0, Check::Destination).0, Unknown);
        rig.place("site", 0, found);
        let (found, finding) = rig.check(0, Check::Destination);
        assert_eq!(found, state, "{finding}");
        assert!(finding.contains(named), "{finding}");
    }
    for (elsewhere, copies, expected) in [
        (Some(false), Some(vec![copy("/nas/a", 1, &Sample::good(1))]), Passed),
        (Some(true), Some(vec![copy("/nas/a", 1, &Sample::good(1))]), Failed),
        (None, Some(vec![copy("/nas/a", 1, &Sample::good(1))]), Unknown),
        (Some(false), Some(vec![]), Failed),
        (Some(false), None, Unknown),
    ] {
        let mut rig = Rig::with_archive(8);
        rig.place("site", 0, on_server.clone());
        rig.place("nas", 0, Place { with_server: elsewhere, ..place("/nas") });
        if let Some(copies) = copies {
            rig.archives(100, copies);
        }
        let found = rig.check(200, Check::Destination);
        assert_eq!(found.0, expected, "{elsewhere:?} {}", found.1);
    }
}

#[test]
fn the_folder_that_the_task_makes_is_not_its_destination() {
    for (path, present, expected) in [
        ("/backup/P01Backup", false, CheckState::Failed),
        ("/backup/p01backup", false, CheckState::Failed),
        ("/backup/P01Backup", true, CheckState::Passed),
        ("/backup/XYZBackup", false, CheckState::Passed),
    ] {
        let mut rig = Rig::with(|settings| settings.snapshot.as_mut().unwrap().path = path.into());
        rig.place("site", 0, place(path));
        if present {
            rig.walk(0, &Sample::good(1));
        } else {
            rig.gone(0);
        }
        let (state, finding) = rig.check(0, Check::Destination);
        assert_eq!(state, expected, "{path} {finding}");
        assert_eq!(finding.contains("not the destination that it is given"), state == CheckState::Failed);
    }
}

#[test]
fn the_next_snapshot_must_fit_on_every_disk() {
    use CheckState::{Failed, Passed, Unknown};
    let used = Sample::good(1).survey(at(0)).total.bytes;
    let needed = used + used / 10;
    for (free, gone, expected) in [
        (Some(needed - used), false, Passed),
        (Some(needed - used - 1), false, Failed),
        (Some(needed), true, Passed),
        (Some(needed - 1), true, Failed),
        (None, false, Unknown),
    ] {
        let mut rig = Rig::new();
        rig.log(0, GOOD);
        rig.walk(100, &Sample::good(1));
        if gone {
            rig.gone(101);
        }
        rig.place("site", 102, Place { free, ..place("/backup") });
        let (found, finding) = rig.check(102, Check::DestinationSpace);
        assert_eq!(found, expected, "{free:?} {gone} {finding}");
    }
    let mut rig = Rig::new();
    rig.place("site", 0, Place { free: Some(0), ..place("/backup") });
    assert_eq!(rig.check(0, Check::DestinationSpace).0, Unknown, "no success has been measured");
}

#[test]
fn a_script_that_exists_is_started_after_a_success() {
    use AfterBackupScript::{Absent, NeverRuns, Runs};
    use CheckState::{Failed, Passed};
    let started: &[(i64, &str)] = &[(0, "500"), (1, "5055"), (60, "5035"), (60, "5040"), (61, "501")];
    for (script, log, minute, expected) in [
        (Runs(Some(at(-99))), GOOD, 76, Failed),
        (Runs(Some(at(-99))), GOOD, 75, Passed),
        (Runs(Some(at(-99))), started, 76, Passed),
        (Runs(Some(at(61))), GOOD, 76, Passed),
        (Runs(None), GOOD, 76, Passed),
        (NeverRuns, started, 76, Failed),
        (Absent, GOOD, 76, Passed),
    ] {
        let mut rig = Rig::new();
        rig.log(0, log);
        let files = TaskFiles { control_file: None, after_backup: script };
        rig.fold(SourceKind::Snapshot, 62, Ok(vec![Fact::TaskFiles(files)]));
        let (found, finding) = rig.check(minute, Check::AfterBackup);
        assert_eq!(found, expected, "{script:?} {minute} {finding}");
    }
}

#[test]
fn other_copies_are_fresh_or_old_or_unknown() {
    use CheckState::{Failed, Passed, Unknown};
    let copy = |current_to, unreadable: Option<&str>| SupplementalCopy {
        current_to,
        because: "scupdb.sdf is newer".to_owned(),
        unreadable: unreadable.map(str::to_owned),
    };
    for (copy, expected) in [
        (Some(copy(Some(at(0)), None)), Passed),
        (Some(copy(Some(at(-1)), None)), Failed),
        (Some(copy(None, None)), Failed),
        (Some(copy(Some(at(0)), Some("locked"))), Unknown),
        (None, Unknown),
    ] {
        let mut rig = Rig::with(|settings| {
            settings.supplemental = vec![SupplementalConfig {
                name: "scup".to_owned(),
                path: "/nas/scup".into(),
                freshness: Freshness::Newest,
                max_age: Duration::from_secs(7 * 86_400),
            }];
        });
        if let Some(copy) = copy {
            rig.fold(SourceKind::Snapshot, 0, Ok(vec![Fact::Supplemental("scup".to_owned(), copy)]));
        }
        let (found, finding) = rig.check(7 * DAY, Check::SupplementalFresh);
        assert_eq!(found, expected, "{finding}");
        assert!(expected != Failed || finding.contains("scup (scupdb.sdf is newer)"), "{finding}");
        for _ in 0..3 {
            rig.fold(SourceKind::Snapshot, 7 * DAY, Err(FailureKind::Unreachable));
        }
        assert_eq!(rig.check(7 * DAY, Check::SupplementalFresh).0, Unknown);
    }
}

#[test]
fn a_recovery_drill_grows_old() {
    for (days, expected) in [(180, CheckState::Passed), (181, CheckState::Failed)] {
        let max_age = Duration::from_secs(180 * 86_400);
        let rig =
            Rig::with(|settings| settings.recovery_drill = Some(RecoveryDrill { last: at(0), max_age }));
        assert_eq!(rig.check(days * DAY, Check::RecoveryDrill).0, expected);
    }
    assert_eq!(Rig::new().check(0, Check::RecoveryDrill).0, CheckState::Unknown);
}

#[test]
fn a_destination_that_cannot_be_looked_at_is_not_healthy() {
    let folder = SourceId { kind: SourceKind::Snapshot, location: FOLDER.to_owned() };
    let mut rig = Rig::new();
    rig.log(0, GOOD);
    rig.state.watch(folder.clone(), Duration::from_secs(5), None, at(0));
    for (failures, expected) in [(2, CheckState::Unknown), (3, CheckState::Failed)] {
        let report = |minute| PollReport {
            site: rig.state.settings.code,
            source: folder.clone(),
            started: at(minute),
            duration: Duration::ZERO,
            result: Err(PollFailure {
                kind: FailureKind::AccessDenied,
                message: "cannot list /backup".into(),
            }),
        };
        let reports: Vec<_> = (0..failures).map(|number| report(100 + number)).collect();
        let mut state = rig.state.clone();
        for report in reports {
            state.fold(&report, report.started);
        }
        let result = assess(&state, at(110));
        let check = result.checks.iter().find(|result| result.check == Check::Destination).unwrap();
        assert_eq!(check.state, expected, "{}", check.finding);
        if expected == CheckState::Failed {
            assert!(check.finding.contains("cannot list /backup"), "{}", check.finding);
            assert_eq!(result.verdict, Verdict::Degraded);
        }
    }
}

#[test]
fn a_log_that_was_never_read_is_unknown_however_quiet_the_destination_is() {
    let mut rig = Rig::new();
    rig.state.watch(source(SourceKind::BackupLog), Duration::from_secs(5), Some(Witness::Log), at(0));
    rig.state.watch(
        source(SourceKind::Snapshot),
        Duration::from_secs(5),
        Some(Witness::DestinationLog),
        at(0),
    );
    rig.state.history_known = false;
    rig.fold(SourceKind::BackupLog, 1, Err(FailureKind::NotFound));
    let quiet = PollReport {
        site: rig.state.settings.code,
        source: source(SourceKind::Snapshot),
        started: at(1),
        duration: Duration::ZERO,
        result: Ok(Poll { facts: Vec::new(), cursor: Cursor::Anew, reach: Reach::Unsettled }),
    };
    rig.state.fold(&quiet, at(1));
    assert_eq!(rig.assess(2).verdict, Verdict::Unknown);
}

#[test]
fn a_drill_in_the_future_is_a_mistake() {
    let mut rig = Rig::with(|settings| {
        let max_age = Duration::from_secs(86_400);
        settings.recovery_drill = Some(RecoveryDrill { last: at(3 * DAY), max_age });
    });
    rig.log(0, GOOD);
    let (state, finding) = rig.check(100, Check::RecoveryDrill);
    assert_eq!(state, CheckState::Failed);
    assert!(finding.contains("in the future"), "{finding}");
}
