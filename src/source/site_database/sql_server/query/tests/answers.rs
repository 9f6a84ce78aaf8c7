//! What rows say of the site, its task, its database and its server.

use super::super::super::rows::{Malformed, Rows, Value};
use super::samples::{NULL, answer, int, refusal, rows, text, with};
use super::{read, site};
use crate::site::{SiteRole, TaskStatus};
use crate::source::site_database::{Answer, Question};

#[test]
fn a_sites_role_is_its_type_and_what_is_above_it() {
    use SiteRole::{Cas, Hierarchy, Standalone};
    for (kind, parent, has_cas, expected) in [
        (4, "", 1, Some(Cas)),
        (2, "CAS", 0, Some(Hierarchy)),
        (2, "", 1, Some(Hierarchy)),
        (2, " ", 0, Some(Standalone)),
        (2, "P01", 0, Some(Standalone)),
        (1, "P02", 0, None),
        (0, "", 0, None),
    ] {
        let changes = [("Type", int(kind)), ("ReportingSiteCode", text(parent)), ("HasCas", int(has_cas))];
        let Answer::Site(site) = answer(Question::Site, &with(Question::Site, &changes)) else { panic!() };
        assert_eq!(site.role, expected, "{kind} {parent:?} {has_cas}");
    }
}

#[test]
fn a_site_is_in_maintenance_as_soon_as_one_row_says_so() {
    let status = |statuses: [Value; 3]| {
        answer(
            Question::SiteStatus,
            &rows(Question::SiteStatus, statuses.map(|status| vec![text("P01"), status])),
        )
    };
    assert_eq!(status([int(125), int(120), int(130)]), Answer::SiteStatus(Some(120)));
    assert_eq!(status([int(100), NULL, int(125)]), Answer::SiteStatus(Some(125)));
    assert_eq!(status([NULL, NULL, NULL]), Answer::SiteStatus(None));
}

#[test]
fn an_update_installs_until_it_is_installed() {
    let installs = |states: [Value; 2]| {
        answer(Question::Updates, &rows(Question::Updates, states.map(|state| vec![text("P01"), state])))
    };
    assert_eq!(answer(Question::Updates, &rows(Question::Updates, [])), Answer::Updates(false));
    for (states, expected) in [
        ([NULL, int(196_608)], false),
        ([NULL, int(196_609)], true),
        ([int(196_612), int(196_613)], false),
        ([int(196_612), int(196_620)], true),
        ([int(131_074), int(196_629)], true),
        ([int(196_630), int(262_146)], false),
    ] {
        assert_eq!(installs(states.clone()), Answer::Updates(expected), "{states:?}");
    }
}

#[test]
fn the_tasks_times_are_hours_and_minutes() {
    let begin = |written: i64| {
        let rows = with(Question::Task, &[("BeginTime", int(written))]);
        match read(Question::Task, site(), &rows) {
            Ok(Answer::Task(task)) => Ok(task.window.begin),
            Ok(other) => panic!("{other:?}"),
            Err(Malformed(message)) => Err(message),
        }
    };
    for (written, minutes) in [(0, 0), (5, 5), (100, 60), (2359, 23 * 60 + 59)] {
        assert_eq!(begin(written), Ok(minutes));
    }
    for written in [60, 199, 2360, 2400, 2561, -1, i64::MIN, i64::MAX] {
        assert_eq!(begin(written), Err(format!("BeginTime is {written}, which is no time of day")));
    }
}

#[test]
fn the_tasks_days_are_a_set_and_its_destination_may_be_empty() {
    for days in [128, -1, i64::MAX] {
        let refused = refusal(Question::Task, &with(Question::Task, &[("DaysOfWeek", int(days))]));
        assert_eq!(refused, format!("DaysOfWeek is {days}, which is no set of days"));
    }
    let odd = [("DaysOfWeek", int(0)), ("BackupLocation", text(" ")), ("IsEnabled", int(0))];
    let Answer::Task(task) = answer(Question::Task, &with(Question::Task, &odd)) else { panic!() };
    assert_eq!((task.enabled, task.window.days, task.destination), (false, 0, None));
}

#[test]
fn a_task_that_never_ran_has_no_status() {
    let status = |times: [[&str; 2]; 2]| {
        let row = |[start, end]: [&str; 2]| vec![text("P01"), text(start), text(end)];
        answer(Question::TaskStatus, &rows(Question::TaskStatus, times.map(row)))
    };
    let never = ["1980-01-01T00:00:00", "1600-01-01T00:00:00"];
    assert_eq!(status([never, never]), Answer::TaskStatus(None));
    let newest = TaskStatus {
        last_start: Some("2026-07-24T02:00:00".parse().unwrap()),
        last_completion: Some("2026-07-17T03:00:00".parse().unwrap()),
    };
    let ran = [["2026-07-24T02:00:00", never[0]], ["2026-07-17T02:00:00", "2026-07-17T03:00:00"]];
    assert_eq!(status(ran), Answer::TaskStatus(Some(newest)));
}

#[test]
fn the_retention_is_a_period_in_its_unit() {
    let tracking = |period: i64, unit: i64| {
        let changes = [("retention_period", int(period)), ("retention_period_units", int(unit))];
        match read(Question::ChangeTracking, site(), &with(Question::ChangeTracking, &changes)) {
            Ok(Answer::ChangeTracking(Some(tracking))) => Ok(tracking.retention.as_secs()),
            Ok(other) => panic!("{other:?}"),
            Err(Malformed(message)) => Err(message),
        }
    };
    assert_eq!([tracking(7200, 1), tracking(120, 2), tracking(5, 3)].map(Result::unwrap), [432_000; 3]);
    assert_eq!(tracking(5, 4).unwrap_err(), "retention_period_units is 4, which is no known unit");
    for period in [-5, i64::MAX, 40_000] {
        let expected = format!("retention_period is {period}, which is no retention");
        assert_eq!(tracking(period, 3).unwrap_err(), expected);
    }
}

#[test]
fn change_tracking_is_off_only_where_it_would_be_seen() {
    let off = |permitted: i64| {
        let unknown =
            [("retention_period", NULL), ("retention_period_units", NULL), ("is_auto_cleanup_on", NULL)];
        let mut rows = with(Question::ChangeTracking, &unknown);
        rows.rows[0][0] = int(permitted);
        read(Question::ChangeTracking, site(), &rows)
    };
    assert_eq!(off(1), Ok(Answer::ChangeTracking(None)));
    assert!(off(0).unwrap_err().0.contains("VIEW ANY DATABASE"));
}

#[test]
fn the_server_is_in_a_zone_that_there_is() {
    let offset = |minutes: i64| {
        let rows = with(
            Question::Server,
            &[("utc_offset_minutes", int(minutes)), ("in_availability_group", int(1))],
        );
        read(Question::Server, site(), &rows)
    };
    let Ok(Answer::Server(server)) = offset(-210) else { panic!() };
    assert_eq!((server.offset, server.in_availability_group), (-210, true));
    for minutes in [841, -841, i64::MIN] {
        assert_eq!(
            offset(minutes).unwrap_err().0,
            format!("utc_offset_minutes is {minutes}, which is no zone's")
        );
    }
}

#[test]
fn an_alert_tells_whether_it_is_active_and_whether_its_rule_is_bad() {
    for (state, rule, active, bad) in [
        (0, int(0), true, Some(true)),
        (5, int(1), false, Some(false)),
        (1, int(-1), false, None),
        (4, NULL, false, None),
    ] {
        let changes = [("AlertState", int(state)), ("RuleState", rule), ("Name", NULL)];
        let read = answer(Question::Alerts, &with(Question::Alerts, &changes));
        let Answer::Alerts(alerts) = read else { panic!() };
        assert_eq!((alerts[0].active, alerts[0].bad, &*alerts[0].name), (active, bad, ""));
    }
}

#[test]
fn roots_are_told_once_and_what_is_none_is_left_out() {
    let paths = [
        r"\\SRC02\pkg\a",
        r"\\src01\PKG",
        r"\\SRC01\pkg",
        "d:",
        r"D:\sources\x",
        "",
        " ",
        "sources",
        r"\\",
        r"\\srv",
        r"\\srv\",
        r"\\\share",
        r"\\?\UNC",
        "1:",
        ":",
        "é:",
    ];
    for reversed in [false, true] {
        let mut sent: Vec<_> = paths.iter().map(|path| vec![text(path)]).chain([vec![NULL]]).collect();
        if reversed {
            sent.reverse();
        }
        let read = answer(Question::PackageRoots, &Rows { columns: vec!["root".into()], rows: sent });
        let expected = [r"\\SRC01\pkg", r"\\SRC02\pkg", r"D:\"].map(str::to_owned);
        assert_eq!(read, Answer::PackageRoots(expected.into()));
    }
}
