//! What a checkpoint keeps of the services of a site server.

use super::*;

pub(super) const V1_SERVICES: &str = include_str!("../../../../tests/fixtures/checkpoint/v1_services.json");

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn what_services_told_is_still_read() {
    let Loaded { state, set_aside, .. } = load_text(V1_SERVICES);
    assert_eq!(set_aside, []);
    let stopped = at("2026-11-21T02:10:15.25Z");
    assert_eq!(state.runs[0].ended, Some((RunEnd::ServiceStopped, stopped)));
    assert_eq!(state.runs[0].outcome(), Some(BackupOutcome::Interrupted));
    assert_eq!(state.counted, [true], "it is not counted again");
    assert_eq!(state.known_node, Some(Node::Active));
    assert_eq!(state.takeover, Some(at("2026-11-06T21:40:00Z")));
}

#[test]
fn what_services_told_is_written_as_it_was() {
    let written = serde_json::to_value(Checkpoint::of(&load_text(V1_SERVICES).state, 46)).unwrap();
    let fixture: serde_json::Value = serde_json::from_str(V1_SERVICES).unwrap();
    for (key, value) in fixture.as_object().unwrap() {
        assert_eq!(&written[key], value, "{key}");
    }
}

#[test]
fn what_was_seen_of_a_run_that_is_another_one_now_ends_nothing() {
    let other = V1_SERVICES.replace("1795226405000000000\n  ],", "1795226406000000000\n  ],");
    assert_ne!(other, V1_SERVICES);
    assert_eq!(load_text(&other).state.runs[0].ended, None);
}
