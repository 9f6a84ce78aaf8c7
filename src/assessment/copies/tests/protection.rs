//! The two ways of protection, and both: which copies count, when one is due, and what the verdict says.

use super::*;
use crate::site::BackupMethod::{Native, Vss};

const DAY: i64 = 24 * 60;

fn task(enabled: bool) -> DatabaseFact {
    let window = TaskWindow { days: 0x7f, begin: 120, latest_begin: 300 };
    DatabaseFact::Task(TaskDefinition { enabled, window, destination: None })
}

fn servers(names: &[&str]) -> DatabaseFact {
    DatabaseFact::Servers(names.iter().map(|name| (*name).to_owned()).collect())
}

/// Full backups on a server, by the minutes at which they started.
fn sets(server: &str, sets: &[(i64, BackupMethod, bool)]) -> DatabaseFact {
    let set = |(minute, method, damaged): &(i64, BackupMethod, bool)| BackupSet {
        started: at(*minute),
        finished: at(*minute + 30),
        method: *method,
        damaged: *damaged,
    };
    DatabaseFact::BackupSets(server.to_owned(), sets.iter().map(set).collect())
}

fn in_group(yes: bool) -> DatabaseFact {
    let server = DatabaseServer {
        name: "SQL01".into(),
        version: "15.0.4300.1".into(),
        in_availability_group: yes,
        utc: at(0),
        offset: 0,
    };
    DatabaseFact::Server { server, skew: TimeDelta::zero() }
}

/// A hierarchy's primary without a destination, whose last backup by the task succeeded that many minutes ago.
fn succeeded_before(minutes: i64, change: impl Fn(&mut SiteSettings)) -> Rig {
    let mut rig = Rig::with(|settings| {
        settings.snapshot = None;
        settings.time_zone = Some(crate::schedule::Zone::Utc);
        change(settings);
    });
    rig.log(-minutes, GOOD);
    rig
}

#[test]
fn a_disabled_task_is_healthy_with_fresh_native_backups_and_unprotected_without() {
    for (found, expected) in [
        (&[(-60, Native, false)][..], Verdict::Healthy),
        (&[(-60, Native, true)], Verdict::Unprotected),
        (&[(-60, Vss, false)], Verdict::Unprotected),
        (&[], Verdict::Unprotected),
        (&[(-60, Native, true), (-2 * DAY, Native, false)], Verdict::Healthy),
        // Four fifths of five days, and twelve hours more.
        (&[(-5 * DAY, Native, false)], Verdict::Overdue),
    ] {
        let mut rig = succeeded_before(120, |_| {});
        rig.database(0, [servers(&["SQL01"]), sets("SQL01", found), task(false)]);
        let assessment = rig.assess(1);
        assert_eq!(assessment.verdict, expected, "{found:?}: {}", assessment.reason);
    }
}

#[test]
fn a_disabled_task_is_not_called_unprotected_while_msdb_is_unknown() {
    let mut rig = succeeded_before(120, |_| {});
    rig.database(0, [task(false)]);
    assert_eq!(rig.assess(1).verdict, Verdict::Degraded);
    assert_eq!(rig.check(1, Check::TaskEnabled).0, CheckState::Failed);
    // One of two servers has none, the other has not been asked.
    rig.database(2, [servers(&["SQL01", "SQL02"]), sets("SQL01", &[]), task(false)]);
    assert_eq!(rig.assess(3).verdict, Verdict::Degraded);
    rig.database(4, [sets("sql02", &[]), task(false)]);
    assert_eq!(rig.assess(5).verdict, Verdict::Unprotected);
    rig.database(6, [sets("sql02", &[(0, Native, false)]), task(false)]);
    let assessment = rig.assess(7);
    assert_eq!(assessment.protection.mode, Protection::Native);
    assert_eq!((assessment.verdict, assessment.copies.valid), (Verdict::Healthy, Some(1)));
    assert_eq!(rig.check(7, Check::TaskEnabled).0, CheckState::Passed);
    assert_eq!(rig.check(7, Check::LastRun).0, CheckState::Unknown);
}

#[test]
fn what_failed_before_the_task_was_disabled_is_forgiven_with_native_backups_only() {
    let mut rig = succeeded_before(3 * DAY, |_| {});
    rig.log(-DAY, &[(0, "500"), (1, "5055"), (9, "-5060"), (10, "501")]);
    rig.database(0, [servers(&["SQL01"]), sets("SQL01", &[]), task(false)]);
    assert_eq!(rig.assess(1).verdict, Verdict::Failed);
    rig.database(2, [sets("SQL01", &[(0, Native, false)])]);
    let assessment = rig.assess(3);
    assert_eq!((assessment.verdict, assessment.runs.last_failed), (Verdict::Healthy, None));
    rig.database(4, [task(true)]);
    assert_eq!(rig.assess(5).verdict, Verdict::Failed);
}

#[test]
fn in_an_availability_group_only_native_backups_are_copies_of_the_database() {
    let mut rig = Rig::new();
    rig.log(0, GOOD);
    rig.walk(70, &Sample::good(1));
    assert_eq!(rig.valid(80), Some(1));
    rig.database(81, [in_group(true), servers(&["SQL01", "SQL02"]), sets("SQL01", &[])]);
    let assessment = rig.assess(82);
    assert_eq!((assessment.protection.mode, assessment.copies.valid), (Protection::Both, None));
    assert_eq!(assessment.verdict, Verdict::Unknown, "{}", assessment.reason);
    rig.database(83, [in_group(true), sets("SQL02", &[])]);
    assert_eq!((rig.valid(84), rig.assess(84).verdict), (Some(0), Verdict::Unprotected));
    rig.database(85, [in_group(true), sets("SQL02", &[(-30, Native, false)])]);
    let copies = rig.assess(86).copies;
    assert_eq!((copies.valid, copies.native), (Some(1), Some(at(-30))));
    assert_eq!(copies.recoverable_until, Some(at(-30 + 5 * DAY)));
    // The task succeeds on, and SQL Server makes no more backups: the site is overdue all the same.
    rig.log(5 * DAY, GOOD);
    let later = 5 * DAY + 70;
    rig.database(later, [in_group(true)]);
    assert_eq!(rig.assess(later + 1).verdict, Verdict::Unknown, "nobody has asked for backups since");
    rig.database(later + 2, [in_group(true), sets("SQL01", &[]), sets("SQL02", &[(-30, Native, false)])]);
    assert_eq!(rig.assess(later + 3).verdict, Verdict::Overdue);
}

#[test]
fn the_mode_that_is_configured_beats_what_it_looks_like() {
    for (configured, in_a_group, valid, native_counts) in [
        (Some(Protection::Task), true, 1, false),
        (Some(Protection::Native), false, 2, true),
        (Some(Protection::Both), false, 2, true),
        (None, false, 1, false),
        (None, true, 1, true),
    ] {
        let mut rig = Rig::with(|settings| settings.protection = configured);
        rig.log(0, GOOD);
        rig.walk(70, &Sample::good(1));
        rig.database(71, [in_group(in_a_group), servers(&["SQL01"]), sets("SQL01", &[(50, Native, false)])]);
        let copies = rig.assess(80).copies;
        assert_eq!(copies.valid, Some(valid), "{configured:?} {in_a_group}");
        assert_eq!(copies.native.is_some(), native_counts, "{configured:?} {in_a_group}");
    }
}

#[test]
fn native_backups_of_a_standalone_site_are_due_at_twice_their_usual_distance() {
    let weekly: Vec<_> = (0..4).map(|week| (-week * 7 * DAY, Native, false)).collect();
    let mut rig = succeeded_before(60 * DAY, |settings| {
        settings.role = Some(SiteRole::Standalone);
        settings.protection = Some(Protection::Native);
    });
    rig.database(10, [servers(&["SQL01"]), sets("SQL01", &weekly)]);
    let due = 14 * DAY + 12 * 60;
    assert_eq!(rig.assess(11).due.success_due, Some(at(due)));
    for (minute, verdict) in [(due - 1, Verdict::Healthy), (due, Verdict::Overdue)] {
        rig.database(minute, [sets("SQL01", &weekly), task(true)]);
        assert_eq!(rig.assess(minute).verdict, verdict, "{minute}");
    }
    // The server does not answer: nobody knows whether a backup was made since, and what was proved stays.
    rig.fold(SourceKind::Database, due + 10, Err(FailureKind::Unreachable));
    assert_eq!(rig.assess(due + 11).verdict, Verdict::Overdue);
}

#[test]
fn what_msdb_said_long_ago_proves_nothing_of_today() {
    let mut rig = succeeded_before(120, |settings| settings.protection = Some(Protection::Native));
    rig.database(0, [servers(&["SQL01"]), sets("SQL01", &[(-60, Native, false)]), task(true)]);
    assert_eq!(rig.assess(1).verdict, Verdict::Healthy);
    // The right to read msdb is taken away; everything else answers.
    rig.database(6 * DAY, [task(true)]);
    let assessment = rig.assess(6 * DAY);
    assert_eq!((assessment.verdict, assessment.due.success_due), (Verdict::Unknown, None));
}

#[test]
fn a_database_that_joins_a_group_may_be_backed_up_on_servers_nobody_knows() {
    let mut rig = succeeded_before(120, |_| {});
    rig.database(0, [in_group(false), servers(&["SQL01"]), sets("SQL01", &[]), task(true)]);
    rig.database(5, [in_group(true), sets("SQL01", &[])]);
    assert_eq!(rig.assess(6).verdict, Verdict::Unknown, "not unprotected");
}

#[test]
fn a_task_that_is_enabled_again_is_not_due_for_the_time_before() {
    for (native, verdict) in [(true, Verdict::Healthy), (false, Verdict::Overdue)] {
        let mut rig = succeeded_before(59 * DAY, |_| {});
        let found = if native { vec![(-60, Native, false)] } else { Vec::new() };
        rig.database(-58 * DAY, [servers(&["SQL01"]), sets("SQL01", &[]), task(true)]);
        rig.database(-57 * DAY, [task(false)]);
        rig.database(0, [sets("SQL01", &found), task(false)]);
        assert_eq!(rig.assess(1).due.missed, None, "a disabled task misses nothing");
        rig.database(2, [task(true)]);
        rig.log(3, &[]);
        let assessment = rig.assess(3);
        assert_eq!(assessment.verdict, verdict, "{}", assessment.reason);
        assert_eq!(assessment.due.missed, Some(0));
    }
}

#[test]
fn a_schedule_of_no_day_asks_for_a_backup_all_the_same() {
    let window = TaskWindow { days: 0x80, begin: 120, latest_begin: 300 };
    let none = DatabaseFact::Task(TaskDefinition { enabled: true, window, destination: None });
    let mut rig = succeeded_before(90 * DAY, |_| {});
    rig.database(0, [none]);
    rig.log(1, &[]);
    assert_eq!(rig.assess(2).verdict, Verdict::Overdue);
    assert_eq!(rig.check(2, Check::TaskEnabled).0, CheckState::Failed);
}

#[test]
fn what_is_dated_in_the_future_is_no_backup_of_today() {
    const YEARS: i64 = 3 * 365 * DAY;
    let mut rig = succeeded_before(120, |_| {});
    rig.database(0, [task(true)]);
    assert_eq!(rig.assess(1).verdict, Verdict::Healthy);
    rig.log(YEARS, GOOD);
    let assessment = rig.assess(2);
    assert_eq!(assessment.runs.last_success, Some(at(-60)));
    assert!(assessment.due.success_due < Some(at(3 * DAY)), "{:?}", assessment.due.success_due);
    assert_eq!(rig.check(2, Check::ClockSkew).0, CheckState::Failed);
    let mut rig = succeeded_before(120, |_| {});
    rig.database(0, [servers(&["SQL01"]), sets("SQL01", &[(YEARS, Native, false)]), task(false)]);
    assert_eq!(rig.assess(1).verdict, Verdict::Unprotected);
}

#[test]
fn a_verdict_about_native_backups_says_what_is_missing() {
    let reason = |change: &dyn Fn(&mut Rig)| {
        let mut rig = Rig::with(|settings| settings.snapshot = None);
        rig.log(0, GOOD);
        rig.database(80, [in_group(true), servers(&["SQL01", "SQL02"]), sets("SQL01", &[])]);
        change(&mut rig);
        rig.assess(90).reason
    };
    assert!(reason(&|_| {}).contains("SQL02 has not told yet"));
    let denied = Unread {
        topic: site_database::Topic::Replicas,
        failure: PollFailure {
            kind: FailureKind::Permission,
            message: "grant VIEW ANY DEFINITION".to_owned(),
        },
    };
    assert!(
        reason(&|rig| rig.database(81, [DatabaseFact::Unread(vec![denied.clone()])]))
            .contains("VIEW ANY DEFINITION")
    );
    assert!(
        reason(&|rig| rig.database(81, [sets("SQL02", &[])])).starts_with("In an availability group only")
    );
}

#[test]
fn a_run_of_the_task_is_no_excuse_where_its_snapshot_does_not_count() {
    for protection in [None, Some(Protection::Native)] {
        let mut rig = Rig::with(|settings| settings.protection = protection);
        rig.log(0, GOOD);
        rig.walk(70, &Sample::good(1));
        rig.database(80, [in_group(true), servers(&["SQL01"]), sets("SQL01", &[]), task(true)]);
        assert_eq!(
            (rig.assess(81).verdict, rig.valid(81)),
            (Verdict::Unprotected, Some(0)),
            "{protection:?}"
        );
        rig.log(90, &[(0, "500"), (1, "5055")]);
        assert_eq!(rig.assess(92).verdict, Verdict::Unprotected, "{protection:?}");
    }
}

#[test]
fn switching_the_task_off_and_on_pays_nothing_that_is_owed() {
    let mut rig = succeeded_before(10 * DAY, |_| {});
    let old = [servers(&["SQL01"]), sets("SQL01", &[(-50 * DAY, Native, false)])];
    rig.database(-11 * DAY, [task(true)]);
    rig.database(0, old);
    rig.log(1, &[]);
    for (minute, enabled) in [(2, true), (5, false), (10, true)] {
        rig.database(minute, [task(enabled)]);
        rig.log(minute, &[]);
        assert_eq!(rig.assess(minute + 1).verdict, Verdict::Overdue, "{minute}");
    }
    // Nor does a success of next year, or another window.
    rig.log(365 * DAY, GOOD);
    let window = TaskWindow { days: 0x7f, begin: 180, latest_begin: 300 };
    rig.database(15, [DatabaseFact::Task(TaskDefinition { enabled: true, window, destination: None })]);
    rig.log(16, &[]);
    assert_eq!(rig.assess(17).verdict, Verdict::Overdue);
}
