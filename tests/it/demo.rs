//! The demo as a process: three witnesses tell of the same runs, those before it and the first live one.

use std::time::Duration;

use crate::support::process::{DEADLINE, ONE_SITE, Place};
use crate::support::wait;

/// A poll may be under way when it is asked to stop.
const STOPS_WITHIN: Duration = Duration::from_secs(30);

fn site(name: &str, labels: &str) -> String {
    let comma = if labels.is_empty() { "" } else { "," };
    format!("{name}{{site_code=\"P01\"{comma}{labels}}}")
}

#[test]
fn log_event_log_and_database_of_the_demo_tell_of_the_same_runs() {
    let place = Place::new(ONE_SITE);
    let mut demo = place.launch(&["demo"]);
    let last_success = |witness: &str| {
        site("witness_last_backup_success_timestamp_seconds", &format!("witness=\"{witness}\""))
    };
    let witnesses = ["log", "event_log", "status_messages"];
    let history = wait::until(DEADLINE, "every witness to tell of the history", || {
        let samples = demo.scrape();
        witnesses.iter().all(|witness| samples.get(&last_success(witness)).is_some()).then_some(samples)
    });
    let before = history.get(&last_success("event_log"));
    // The first live backup starts after 5 s and takes 20 s.
    let runs = history.get(&site("runs_total", "")).expect("the runs of the history");
    let live = wait::until(DEADLINE, "every witness to tell of a live success, which counts once", || {
        let samples = demo.scrape();
        let told = witnesses.iter().all(|witness| samples.get(&last_success(witness)) > before);
        (told && samples.get(&site("runs_total", "")) == Some(runs + 1.0)).then_some(samples)
    });
    let value = |name: &str, labels: &str| live.get(&site(name, labels));
    for source in ["backup_log", "event_log", "database"] {
        assert_eq!(value("source_up", &format!("source=\"{source}\"")), Some(1.0), "{source}");
    }
    assert_eq!(value("witnesses_agree", ""), Some(1.0));
    assert_eq!(value("event_log_damaged_chunks_total", ""), Some(0.0));
    assert_eq!(value("event_log_unattributed_total", ""), Some(0.0));
    // More than the messages alone: SQL Server's and others' events stand between them.
    assert!(value("event_log_records_total", "") > Some(600.0), "{live:?}");
    // Killed it would leave its files.
    demo.terminate();
    assert!(demo.wait(STOPS_WITHIN).success(), "{}", demo.log());
}
