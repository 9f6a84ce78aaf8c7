//! Checkpoints of every schema stay loadable, and what is written is what is read.

mod databases;
mod event_logs;
mod services;
mod snapshots;

use chrono::DateTime;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::site::*;
use crate::source::site_database::scripted::config;
use crate::source::*;
use crate::state::{Coverage, Timeline};

const V1: &str = include_str!("../../../tests/fixtures/checkpoint/v1.json");

/// One for each part that a release added.
const FIXTURES: &[&str] =
    &[V1, snapshots::V1_SNAPSHOT, databases::V1_DATABASE, event_logs::V1_EVENT_LOG, services::V1_SERVICES];

fn settings() -> Arc<SiteSettings> {
    let database = Some(config("sql01.corp.example"));
    Arc::new(SiteSettings { database, ..SiteSettings::new("P01".parse().unwrap()) })
}

fn now() -> Timestamp {
    "2026-11-21T08:00:00Z".parse().unwrap()
}

/// What a state directory with this checkpoint knows.
fn load_text(text: &str) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    fs::write(file(folder.path(), settings().code), text).unwrap();
    peek(folder.path(), &settings(), now()).unwrap()
}

#[test]
fn the_first_schema_is_still_read() {
    let Loaded { state, sequence, set_aside } = load_text(V1);
    assert_eq!(set_aside, []);
    assert_eq!(sequence, 42);
    assert!(state.history_known);
    let time = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!(state.first_observed, time("2026-10-01T06:30:00.5Z"));
    assert_eq!((state.totals.runs, state.totals.runs_failed), (57, 3));
    assert_eq!((state.totals.errors, state.totals.warnings), (4, 2));
    let messages: Vec<_> =
        state.totals.messages.iter().map(|(id, count)| (id.map(|id| id.0), *count)).collect();
    assert_eq!(messages, [(None, 2), (Some(500), 57), (Some(5035), 54), (Some(5060), 3)]);
    assert_eq!(state.totals.counted.len(), 1);
    assert_eq!(state.retention(), Some(std::time::Duration::from_secs(432_000)));
    assert_eq!(state.coverage[&Witness::Log].since, time("2026-10-01T00:00:00Z"));
    assert_eq!(state.timeline.horizon().time, Some(time("2026-09-30T22:00:00Z")));
    let records: Vec<_> =
        state.timeline.records()[&Witness::Log].iter().map(|record| record.position).collect();
    assert_eq!(records, [100, 101, 102, 103, 104]);

    assert_eq!(state.runs.len(), 1);
    let run = &state.runs[0];
    assert_eq!(run.outcome_label(), "failed");
    assert_eq!(run.failure(), Some(FailureCause::DiskFull));
    assert_eq!(run.started, Some(time("2026-11-21T02:00:05.25Z")));
    assert_eq!(state.counted, [true], "it is not counted again");

    let source = SourceId { kind: SourceKind::BackupLog, location: "/logs/smsbkup.log".to_owned() };
    let cursor = serde_json::to_value(&state.cursors[&source]).unwrap();
    assert_eq!(cursor["log"]["next"], 105);
    assert_eq!(cursor["log"]["files"]["contents"][0]["positions"][0]["offset"], 812_345);
}

#[test]
fn the_first_schema_is_written_as_it_was() {
    let state = load_text(V1).state;
    let written = serde_json::to_value(Checkpoint::of(&state, 42)).unwrap();
    let fixture: serde_json::Value = serde_json::from_str(V1).unwrap();
    for (key, value) in fixture.as_object().unwrap() {
        // The schedule is written as configured now, and here none is; no release ever filled `snapshot_intact`.
        if !["schedule", "snapshot_intact"].contains(&key.as_str()) {
            assert_eq!(&written[key], value, "{key}");
        }
    }
}

#[test]
fn only_what_says_which_site_and_when_is_required() {
    let loaded = load_text(r#"{ "schema": 1, "site": "P01", "sequence": 3, "first_observed": 0 }"#);
    assert_eq!((loaded.sequence, loaded.set_aside.len(), loaded.state.totals.runs), (3, 0, 0));
    // A field of a later version that kept the schema is passed over.
    let later = r#"{ "schema": 1, "site": "P01", "sequence": 3, "first_observed": 0, "more": [1] }"#;
    assert_eq!(load_text(later).sequence, 3);
}

#[test]
fn what_cannot_be_used_says_why() {
    for (text, reason) in [
        ("", "EOF"),
        ("{}", "schema"),
        (r#"{ "schema": 99 }"#, "its schema 99 is newer than 1"),
        (r#"{ "schema": 1, "site": "XYZ", "sequence": 3, "first_observed": 0 }"#, "it belongs to site XYZ"),
        (&V1.replace("\"disk_full\"", "\"gremlins\""), "\"gremlins\" is not known"),
        (&V1[..V1.len() / 2], "EOF"),
    ] {
        let loaded = load_text(text);
        assert_eq!(
            (loaded.sequence, loaded.state.history_known, loaded.set_aside.len()),
            (0, false, 1),
            "{text}"
        );
        assert!(loaded.set_aside[0].reason.contains(reason), "{:?}", loaded.set_aside);
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let directory = StateDirectory::open(folder.path()).unwrap();
    let path = file(folder.path(), settings().code);
    for is_folder in [true, false] {
        let make = |path: &Path| std::os::unix::fs::symlink("/dev/null", path);
        if is_folder { fs::create_dir(&path) } else { make(&path) }.unwrap();
        let loaded = directory.load(&settings(), now()).unwrap();
        let [SetAside { kept_as, reason, .. }] = &loaded.set_aside[..] else { panic!("{loaded:?}") };
        assert_eq!(reason, "it is no regular file");
        assert!(fs::symlink_metadata(kept_as).is_ok() && fs::symlink_metadata(&path).is_err());
        fs::rename(kept_as, folder.path().join("away")).unwrap();
        fs::remove_dir(folder.path().join("away")).ok();
    }
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_left_alone_and_refused() {
    let folder = tempfile::tempdir().unwrap();
    let directory = StateDirectory::open(folder.path()).unwrap();
    let path = file(folder.path(), settings().code);
    // Even an account that may do anything cannot read this.
    std::os::unix::fs::symlink(&path, &path).unwrap();
    let told = directory.load(&settings(), now()).unwrap_err().to_string();
    assert!(told.contains(&*path.to_string_lossy()), "{told}");
    assert!(peek(folder.path(), &settings(), now()).is_err());
    assert!(fs::symlink_metadata(&path).is_ok(), "it keeps its name");
}

fn hint() -> impl Strategy<Value = Hint> {
    (proptest::sample::select(FailureCause::ALL), any::<bool>()).prop_map(|(cause, code)| {
        let strength = if code { HintStrength::Code } else { HintStrength::Phrase };
        Hint { cause, strength }
    })
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0_i64..4_000_000_000, 0_u32..1_000_000_000)
        .prop_map(|(seconds, nanoseconds)| DateTime::from_timestamp(seconds, nanoseconds).unwrap())
}

fn record_body() -> impl Strategy<Value = RecordBody> {
    let status = (
        any::<u16>(),
        option::of(proptest::sample::select(Severity::ALL)),
        proptest::sample::select(Component::ALL),
        "\\PC{0,12}",
        (option::of(any::<u32>()), option::of(any::<u32>())),
        time(),
        option::of(hint()),
    );
    let status = status.prop_map(|(id, severity, component, machine, (pid, tid), time, hint)| {
        let (id, machine) = (MessageId(id), machine.into());
        RecordBody::Status(StatusMessage { id, severity, component, machine, pid, tid, time, hint })
    });
    let remark = prop_oneof![
        Just(Remark::Stopping),
        Just(Remark::Completed),
        Just(Remark::Preparing),
        Just(Remark::Failed),
        hint().prop_map(Remark::Reason),
    ];
    let remark = (time(), remark, "\\PC{0,20}");
    let remark =
        remark.prop_map(|(time, remark, text)| RecordBody::Remark { time, remark, text: text.into() });
    prop_oneof![status, remark]
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(
        log in vec(record_body(), 0..20),
        event_log in vec(record_body(), 0..5),
        totals in (any::<u32>(), any::<u32>(), any::<u32>()),
        times in vec(time(), 3),
        snapshot in snapshots::state(),
        sql_server in btree_map(proptest::sample::select(SqlServerEvent::ALL), time(), 0..=3),
        next in any::<u64>(),
    ) {
        let mut state = SiteState::new(settings(), times[0].min(now()));
        let records = |bodies: Vec<RecordBody>| -> Vec<Record> {
            (0..).zip(bodies).map(|(position, body)| Record { position, body }).collect()
        };
        let witnesses = [(Witness::Log, records(log)), (Witness::EventLog, records(event_log))];
        state.timeline = Arc::new(Timeline::restore(witnesses.into(), crate::state::Horizon::default()));
        state.totals.runs = totals.0.into();
        state.totals.errors = totals.1.into();
        state.totals.messages = [(None, totals.2.into()), (Some(MessageId(5035)), totals.0.into())].into();
        state.totals.counted = times.iter().copied().collect();
        state.coverage.insert(Witness::Log, Coverage { since: times[1].min(now()), until: Some(times[2].min(now())) });
        let id = SourceId { kind: SourceKind::BackupLog, location: "\\\\CM01\\Logs\\ß".to_owned() };
        let cursor = serde_json::from_value(serde_json::json!({ "log": { "next": next } })).unwrap();
        state.cursors.insert(id, cursor);
        state.snapshot = snapshot;
        state.sql_server = sql_server.into_iter().map(|(event, time)| (event, time.min(now()))).collect();
        state.derive();

        let folder = tempfile::tempdir().unwrap();
        StateDirectory::open(folder.path()).unwrap().save(&state, 7).unwrap();
        let loaded = peek(folder.path(), &settings(), now()).unwrap();
        prop_assert_eq!(&loaded.set_aside, &[]);
        prop_assert_eq!(loaded.sequence, 7);
        prop_assert_eq!(loaded.state.first_observed, state.first_observed);
        prop_assert_eq!(&loaded.state.timeline, &state.timeline);
        prop_assert_eq!(&loaded.state.runs, &state.runs);
        prop_assert_eq!(&loaded.state.totals, &state.totals);
        prop_assert_eq!(&loaded.state.coverage, &state.coverage);
        prop_assert_eq!(&loaded.state.cursors, &state.cursors);
        prop_assert_eq!(&loaded.state.sql_server, &state.sql_server);
        let (read, written) = (&loaded.state.snapshot, &state.snapshot);
        prop_assert_eq!(&read.records, &written.records);
        prop_assert_eq!(&read.verifications, &written.verifications);
        prop_assert_eq!(&read.unchanged, &written.unchanged);
    }

    /// Whatever a crash or a disk leaves of a checkpoint is refused in words, never a panic.
    #[test]
    fn no_damage_breaks_it(
        fixture in proptest::sample::select(FIXTURES),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = fixture.as_bytes().to_vec();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        let folder = tempfile::tempdir().unwrap();
        fs::write(file(folder.path(), settings().code), bytes).unwrap();
        let loaded = peek(folder.path(), &settings(), now()).unwrap();
        prop_assert!(loaded.set_aside.len() <= 1);
    }
}
