//! What a checkpoint keeps of an event log.

use super::*;
use crate::site::SqlServerEvent::{BackedUp, Frozen, Resumed};

pub(super) const V1_EVENT_LOG: &str = include_str!("../../../../tests/fixtures/checkpoint/v1_event_log.json");

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn what_an_event_log_told_is_still_read() {
    let Loaded { state, set_aside, .. } = load_text(V1_EVENT_LOG);
    assert_eq!(set_aside, []);
    let location = r"C:\Windows\System32\winevt\Logs\Application.evtx".to_owned();
    let source = SourceId { kind: SourceKind::EventLog, location };
    let cursor = &serde_json::to_value(&state.cursors[&source]).unwrap()["event_log"];
    let last = serde_json::json!({
        "chunk": 211, "id": 1_804_412, "written": 134_397_024_115_000_000_u64, "checksum": 3_735_928_559_u32
    });
    assert_eq!(cursor["last"], last);
    assert_eq!(
        [&cursor["next"], &cursor["since"], &cursor["heard"]],
        [&9.into(), &7.into(), &serde_json::Value::Bool(true)]
    );
    let coverage = state.coverage[&Witness::EventLog];
    assert_eq!(
        (coverage.since, coverage.until),
        (at("2026-11-01T02:00:04Z"), Some(at("2026-11-21T07:59:30Z")))
    );
    assert_eq!(state.runs.len(), 1);
    assert_eq!(state.runs[0].succeeded, Some(at("2026-11-21T02:40:11Z")));
    assert_eq!(state.counted, [true], "it is not counted again");
    let said = [
        (Frozen, at("2026-11-21T02:10:05.25Z")),
        (Resumed, at("2026-11-21T02:10:07Z")),
        (BackedUp, at("2026-11-21T02:10:07.5Z")),
    ];
    assert_eq!(state.sql_server, said.into());
}

#[test]
fn what_an_event_log_told_is_written_as_it_was() {
    let written = serde_json::to_value(Checkpoint::of(&load_text(V1_EVENT_LOG).state, 45)).unwrap();
    let fixture: serde_json::Value = serde_json::from_str(V1_EVENT_LOG).unwrap();
    // Of the cursor the test above tells: it may have more in it by now.
    for (key, value) in fixture.as_object().unwrap().iter().filter(|(key, _)| *key != "cursors") {
        assert_eq!(&written[key], value, "{key}");
    }
}

#[test]
fn an_event_of_the_future_is_one_of_now() {
    let ahead = V1_EVENT_LOG.replace("\"frozen\": 1795", "\"frozen\": 1995");
    assert_ne!(ahead, V1_EVENT_LOG);
    let state = load_text(&ahead).state;
    assert_eq!(state.sql_server[&Frozen], now());
}
