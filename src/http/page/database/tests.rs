//! Every answer on the page and in the JSON; each state is one that the fold has made.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::assessment::assess;
use crate::config::{
    Authentication, DatabaseConfig, Encryption, PasswordSource, ServerAddress, SiteSettings, Trust,
};
use crate::http::api;
use crate::http::samples::{FOREIGN, words};
use crate::site::{
    BackupMethod, BackupSet, ChangeTracking, DatabaseServer, SiteAlert, SiteDefinition, SiteRole,
    TaskDefinition, TaskStatus, TaskWindow, Timestamp,
};
use crate::source::site_database::{Cursor, DatabaseSource, Topic};
use crate::source::{
    Cursor as SourceCursor, DatabaseFact, Fact, FailureKind, Poll, PollFailure, PollReport, Reach, SourceId,
    Unread,
};
use crate::state::FAILURES_THAT_DROP;

fn at(minute: i64) -> Timestamp {
    "2026-10-04T00:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::minutes(minute)
}

fn config() -> DatabaseConfig {
    DatabaseConfig {
        server: ServerAddress { host: "sql01".to_owned(), instance: None, port: None },
        name: "CM_P01".to_owned(),
        authentication: Authentication::Login {
            user: "secret_user".to_owned(),
            password: PasswordSource::File(PathBuf::from("secret_password")),
        },
        encryption: Encryption::Required,
        trust: Trust::CaFile(PathBuf::from("secret_ca.pem")),
        interval: Duration::from_secs(300),
        query_timeout: Duration::from_secs(30),
        alert: None,
    }
}

fn source() -> SourceId {
    DatabaseSource::id_of(&config())
}

fn state() -> SiteState {
    let mut settings = SiteSettings::new("P01".parse().unwrap());
    settings.database = Some(config());
    let mut state = SiteState::new(Arc::new(settings), at(0));
    state.watch(source(), Duration::from_secs(300), None, at(0));
    state
}

fn fold(state: &mut SiteState, result: Result<Vec<Fact>, PollFailure>) {
    let cursor = SourceCursor::Database(Cursor::default());
    let result = result.map(|facts| Poll { facts, cursor, reach: Reach::CaughtUp });
    let (site, started) = (state.settings.code, at(1));
    let report = PollReport { site, source: source(), started, duration: Duration::ZERO, result };
    state.fold(&report, at(1));
}

fn site(version: &str) -> DatabaseFact {
    let version = version.into();
    DatabaseFact::Site(SiteDefinition { role: Some(SiteRole::Cas), server: FOREIGN.into(), version })
}

fn set(method: BackupMethod, hour: i64, damaged: bool) -> BackupSet {
    BackupSet { started: at(60 * hour), finished: at(60 * hour + 20), method, damaged }
}

/// Every question has an answer, or none and a reason; wherever a text fits, it is a foreign one.
fn everything() -> Vec<Fact> {
    let server = DatabaseServer {
        name: FOREIGN.into(),
        version: "16.0.4125.3".into(),
        in_availability_group: true,
        utc: at(1),
        offset: 0,
    };
    let task = TaskDefinition {
        enabled: false,
        window: TaskWindow { days: 1 | 8, begin: 120, latest_begin: 300 },
        destination: Some(FOREIGN.into()),
    };
    let (vss, native) = (BackupMethod::Vss, BackupMethod::Native);
    let sets = vec![set(vss, 9, false), set(vss, 1, false), set(native, 5, true)];
    let alert = SiteAlert { id: 7, type_id: None, name: FOREIGN.into(), active: true, bad: Some(true) };
    let failure = PollFailure { kind: FailureKind::Permission, message: FOREIGN.to_owned() };
    let status = TaskStatus { last_start: Some(at(120).naive_utc()), last_completion: None };
    let tracking = ChangeTracking { auto_cleanup: false, retention: Duration::from_secs(5 * 86_400) };
    let facts = [
        DatabaseFact::Server { server, skew: TimeDelta::milliseconds(-150_500) },
        site("5.00.9122.1000"),
        site("5.00.9128.1000"),
        DatabaseFact::SiteStatus(Some(120)),
        DatabaseFact::Task(task),
        DatabaseFact::TaskStatus(Some(status)),
        DatabaseFact::ChangeTracking(Some(tracking)),
        DatabaseFact::OldestCommit(Some(at(-7200))),
        DatabaseFact::BackupSets(FOREIGN.to_owned(), sets),
        DatabaseFact::Alert(Some(alert)),
        DatabaseFact::PackageRoots(vec![FOREIGN.to_owned(); 53]),
        DatabaseFact::Unread(vec![Unread { topic: Topic::OldestCommit, failure }]),
    ];
    let mut facts: Vec<_> = facts.map(Fact::Database).into();
    facts.push(Fact::PackageSource(FOREIGN.to_owned(), false));
    facts
}

fn page(state: &SiteState) -> String {
    crate::http::samples::page(state, at(2))
}

fn json(state: &SiteState) -> Value {
    serde_json::to_value(api::site(state, &assess(state, at(2)))).unwrap()["database"].take()
}

#[test]
fn of_a_database_that_said_nothing_nothing_is_shown() {
    let mut state = state();
    for _ in 0..2 {
        assert!(!page(&state).contains("Site database"));
        assert_eq!(json(&state), Value::Null);
        let failure = PollFailure { kind: FailureKind::Unreachable, message: "no route".to_owned() };
        fold(&mut state, Err(failure));
    }
    assert!(page(&state).contains("no route"), "among the sources");
}

#[test]
fn every_answer_is_shown_and_no_text_becomes_markup() {
    let mut state = state();
    fold(&mut state, Ok(everything()));
    let html = page(&state);
    let shown = words(&html);
    for part in [
        "Server seen <a href='x'>&, version 16.0.4125.3; its clock is 2 min 30 s behind this machine's.",
        "Availability group yes",
        "cas <a href='x'>&, version 5.00.9128.1000, status 120.",
        "From version 5.00.9122.1000, first seen at 2026-10-04 00:01:00 UTC .",
        "disabled sunday,wednesday 02:00-05:00, to <a href",
        "Started 2026-10-04 02:00:00, completed never, in a time zone that is not documented.",
        "Automatic cleanup is off. Changes are kept for 5 d 0 h. The oldest is of 2026-09-29 00:00:00 UTC .",
        "Full backup (vss) recorded by <a href='x'>&, finished at 2026-10-04 09:20:00 UTC .",
        "damaged Full backup (native)",
        "Alert active <a href='x'>&: the backup is bad by its rule.",
        "Package source unreadable <a href",
        "and 3 more",
        "Oldest commit not read permission: <a href",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(html.matches("<dt>Package root</dt>").count(), SHOWN_ROOTS + 1);
    assert!(!html.contains("<a href='x'") && !html.contains("02:20:00"), "of each method the newest: {html}");
    assert!(
        html.contains("<details class=\"panel\" open><summary><h3>Site database</h3>"),
        "an answer is missing"
    );
}

#[test]
fn json_has_the_same_answers_and_no_secrets() {
    let mut state = state();
    fold(&mut state, Ok(everything()));
    let database = json(&state);
    let expected = json!({
        "server": { "name": FOREIGN, "version": "16.0.4125.3", "clock_skew_seconds": -150.5 },
        "in_availability_group": true,
        "site": { "role": "cas", "server": FOREIGN, "version": "5.00.9128.1000" },
        "site_status": 120,
        "update": { "from": "5.00.9122.1000", "seen": "2026-10-04T00:01:00Z" },
        "task": { "enabled": false, "days": "sunday,wednesday", "begin": "02:00", "latest_begin": "05:00",
                  "destination": FOREIGN },
        "task_status": { "last_start": "2026-10-04T02:00:00", "last_completion": null },
        "change_tracking": { "enabled": true, "auto_cleanup": false, "retention_seconds": 432_000 },
        "oldest_change": "2026-09-29T00:00:00Z",
        "backups": [
            { "server": FOREIGN, "method": "vss", "started": "2026-10-04T09:00:00Z",
              "finished": "2026-10-04T09:20:00Z", "damaged": false },
            { "server": FOREIGN, "method": "native", "started": "2026-10-04T05:00:00Z",
              "finished": "2026-10-04T05:20:00Z", "damaged": true },
        ],
        "alert": { "exists": true, "name": FOREIGN, "active": true, "bad": true },
        "package_roots": vec![FOREIGN; 53],
        "package_sources": [{ "path": FOREIGN, "readable": false }],
        "unread": [{ "topic": "oldest_commit", "kind": "permission", "reason": FOREIGN }],
    });
    assert_eq!(database, expected);
    for told in [database.to_string(), page(&state)] {
        assert!(!told.contains("secret"), "{told}");
    }
}

#[test]
fn what_was_only_observed_goes_when_the_database_is_silent_and_what_was_set_stays() {
    let mut state = state();
    fold(&mut state, Ok(everything()));
    for _ in 0..FAILURES_THAT_DROP {
        assert!(!json(&state)["server"].is_null());
        let failure = PollFailure { kind: FailureKind::Unreachable, message: "no route".to_owned() };
        fold(&mut state, Err(failure));
    }
    let database = json(&state);
    for observation in ["server", "site_status", "task_status", "oldest_change", "alert", "package_roots"] {
        assert_eq!(database[observation], Value::Null, "{observation}");
    }
    for setting in ["site", "task", "change_tracking", "update"] {
        assert!(database[setting].is_object(), "{setting}");
    }
    let shown = words(&page(&state));
    assert!(shown.contains("Task disabled") && !shown.contains("Package root"), "{shown}");
}

#[test]
fn what_the_site_database_does_not_have_is_said() {
    let mut state = state();
    let facts = [
        DatabaseFact::ChangeTracking(None),
        DatabaseFact::OldestCommit(None),
        DatabaseFact::Alert(None),
        DatabaseFact::TaskStatus(None),
    ];
    fold(&mut state, Ok(facts.map(Fact::Database).into()));
    let shown = words(&page(&state));
    for part in ["Change tracking off None is kept now.", "no alert as configured", "Started never"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let database = json(&state);
    assert_eq!(
        database["change_tracking"],
        json!({ "enabled": false, "auto_cleanup": null, "retention_seconds": null })
    );
    assert_eq!(database["alert"], json!({ "exists": false, "name": null, "active": null, "bad": null }));
}

/// The section and the JSON of what SQL Server wrote, each event at a second.
fn sql_server_shown(said: &[(SqlServerEvent, i64)]) -> (String, Value) {
    let mut state = state();
    state.sql_server =
        said.iter().map(|(event, second)| (*event, at(0) + TimeDelta::seconds(*second))).collect();
    let json = serde_json::to_value(api::site(&state, &assess(&state, at(2)))).unwrap()["sql_server"].take();
    (words(&sql_server(&state).into_string()), json)
}

#[test]
fn what_sql_server_never_wrote_is_not_shown() {
    assert_eq!(sql_server_shown(&[]), (String::new(), Value::Null));
}

#[test]
fn a_freeze_that_was_not_resumed_is_told_as_going_on() {
    use SqlServerEvent::{BackedUp, Frozen, Resumed};
    let (since, goes_on) =
        ("2026-10-04T00:00:05Z", "frozen I/O of CM_P01 frozen since 2026-10-04 00:00:05 UTC, not resumed.");
    for said in [&[(Frozen, 5)][..], &[(Resumed, 4), (Frozen, 5)]] {
        let (page, json) = sql_server_shown(said);
        assert!(page.contains(goes_on), "{page}");
        assert_eq!(json["frozen_since"], since);
    }
    for resumed in [5, 7] {
        let (page, json) = sql_server_shown(&[(Frozen, 5), (Resumed, resumed), (BackedUp, 9)]);
        assert!(
            page.contains("Frozen at 2026-10-04 00:00:05 UTC . Resumed at ") && !page.contains("not resumed")
        );
        assert!(page.contains("At 2026-10-04 00:00:09 UTC , by any program."), "{page}");
        let resumed = format!("2026-10-04T00:00:{resumed:02}Z");
        let expected = json!({ "frozen": since, "resumed": resumed, "frozen_since": null, "backed_up": "2026-10-04T00:00:09Z" });
        assert_eq!(json, expected);
    }
}

#[test]
fn a_resumption_alone_is_shown_alone() {
    let (page, _) = sql_server_shown(&[(SqlServerEvent::Resumed, 7)]);
    assert!(page.contains("I/O resumed Resumed at 2026-10-04 00:00:07 UTC"), "{page}");
}
