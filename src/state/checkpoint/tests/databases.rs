//! What a checkpoint keeps of what the site database said.

use std::time::Duration;

use super::*;
use crate::schedule::{Due, EVERY_DAY, Zone};
use crate::state::{DatabaseState, SiteUpdate};

pub(super) const V1_DATABASE: &str = include_str!("../../../../tests/fixtures/checkpoint/v1_database.json");

/// The fixture with another text in one place.
fn load_with(this: &str, that: &str) -> SiteState {
    assert!(V1_DATABASE.contains(this), "{this}");
    let Loaded { state, set_aside, .. } = load_text(&V1_DATABASE.replace(this, that));
    assert_eq!(set_aside, []);
    state
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn what_the_database_said_is_still_read() {
    let state = load_text(V1_DATABASE).state;
    let database = &state.database;
    assert_eq!(database.in_availability_group, Some(true));
    let site = database.site.as_ref().unwrap();
    assert_eq!((site.role, &*site.server), (Some(SiteRole::Hierarchy), "CM01.corp.example"));
    let seen = at("2026-11-14T09:05:00.25Z");
    assert_eq!(database.update, Some(SiteUpdate { from: "5.00.9128.1000".into(), seen }));
    let window = TaskWindow { days: EVERY_DAY, begin: 120, latest_begin: 300 };
    let destination = Some("\\\\NAS01\\cm".into());
    assert_eq!(database.task, Some(TaskDefinition { enabled: true, window, destination }));
    let retention = Duration::from_secs(5 * 86_400);
    assert_eq!(database.change_tracking, Some(Some(ChangeTracking { auto_cleanup: true, retention })));
    assert_eq!(database.servers, ["SQL01", "SQL02"]);
    let native = BackupSet {
        started: at("2026-11-20T20:00:00Z"),
        finished: at("2026-11-20T20:31:07Z"),
        method: BackupMethod::Native,
        damaged: false,
    };
    assert_eq!(database.backup_sets["SQL01"][1], native);
    assert_eq!(database.backup_sets["SQL01"][0].method, BackupMethod::Vss);
    assert!(database.backup_sets["SQL02"][0].damaged);

    let schedule = state.schedule.as_ref().unwrap();
    assert_eq!((schedule.schedule.window(), schedule.schedule.zone), (window, Zone::Utc));
    assert_eq!((schedule.since, schedule.changed), (at("2026-11-15T09:00:00Z"), true));
    let owed = Due { begin: at("2026-11-14T02:00:00Z"), latest_begin: at("2026-11-14T05:00:00Z") };
    assert_eq!(schedule.owed, Some(owed));
    assert!(schedule.zone_assumed, "and as no start tells, it stays as it was");

    let source = SourceId { kind: SourceKind::Database, location: "CM_P01 on sql01.corp.example".to_owned() };
    let cursor = serde_json::to_value(&state.cursors[&source]).unwrap();
    assert_eq!(cursor["database"]["last"]["record"], 72_057_594_037_928_101_i64);
    assert_eq!((&cursor["database"]["next"], &cursor["database"]["recoveries"]), (&2.into(), &1.into()));
    let coverage = state.coverage[&Witness::StatusMessages];
    assert_eq!(
        (coverage.since, coverage.until),
        (at("2026-10-22T01:02:03Z"), Some(at("2026-11-21T07:55:00Z")))
    );
}

#[test]
fn what_the_database_said_is_written_as_it_was() {
    let written = serde_json::to_value(Checkpoint::of(&load_text(V1_DATABASE).state, 44)).unwrap();
    let fixture: serde_json::Value = serde_json::from_str(V1_DATABASE).unwrap();
    for (key, value) in fixture.as_object().unwrap() {
        assert_eq!(&written[key], value, "{key}");
    }
}

#[test]
fn a_word_that_is_not_known_costs_only_its_own_entry() {
    for (this, that, [role, sets]) in [
        ("P01", "P01", [1, 3]),
        ("\"role\": \"hierarchy\"", "\"role\": \"moon\"", [0, 3]),
        ("\"role\": \"hierarchy\"", "\"role\": null", [0, 3]),
        ("\"method\": \"native\"", "\"method\": \"tape\"", [1, 1]),
    ] {
        let DatabaseState { site, backup_sets, task, .. } = load_with(this, that).database;
        let known =
            [site.iter().filter(|site| site.role.is_some()).count(), backup_sets.values().flatten().count()];
        assert_eq!(known, [role, sets], "{this} -> {that}");
        assert!(task.is_some());
    }
}

#[test]
fn change_tracking_may_be_off() {
    let retention = format!("\"retention_seconds\": {}", 5 * 86_400);
    let off = load_with(&retention, "\"retention_seconds\": null");
    assert_eq!(off.database.change_tracking, Some(None));
    assert_eq!(off.retention(), None);
}

#[test]
fn a_clock_that_was_ahead_makes_no_future() {
    for (this, of) in [("1794647", "update"), ("1794733", "since")] {
        let state = load_with(this, "1994647");
        let update = state.database.update.unwrap().seen;
        let since = state.schedule.unwrap().since;
        assert_eq!(if of == "update" { update } else { since }, now(), "{of}");
    }
}
