//! The demo as a process: three witnesses tell of the same runs, those before it, the first live one, which fails, and
//! the one that the exporter starts then.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::support::process::{DEADLINE, ONE_SITE, Place};
use crate::support::wait;

/// A poll may be under way when it is asked to stop.
const STOPS_WITHIN: Duration = Duration::from_secs(30);

fn site(name: &str, labels: &str) -> String {
    let comma = if labels.is_empty() { "" } else { "," };
    format!("{name}{{site_code=\"P01\"{comma}{labels}}}")
}

#[test]
fn a_failed_backup_of_the_demo_is_restarted_once_and_all_witnesses_tell_of_the_same_runs() {
    let place = Place::new(ONE_SITE);
    let mut demo = place.launch(&["demo"]);
    let last_success = |witness: &str| {
        site("witness_last_backup_success_timestamp_seconds", &format!("witness=\"{witness}\""))
    };
    let witnesses = ["log", "event_log", "status_messages"];
    let history =
        wait::until(DEADLINE, "every witness to tell of the history, and the ledger of no attempt", || {
            let samples = demo.scrape();
            let told = witnesses.iter().all(|witness| samples.get(&last_success(witness)).is_some());
            (told && samples.get(&site("restart_attempts_total", "")) == Some(0.0)).then_some(samples)
        });
    let before = |name: &str, labels: &str| history.get(&site(name, labels));
    assert_eq!(before("remediation_mode", "mode=\"restart\""), Some(1.0));
    // The first live backup starts after 5 s and fails after 8 s.
    let restarted = demo.until(&site("restart_attempts_total", ""), 1.0);
    assert_eq!(restarted.get(&site("last_run_failure_cause", "cause=\"sharing_violation\"")), Some(1.0));
    let runs = before("runs_total", "").expect("the runs of the history");
    let success = history.get(&last_success("event_log"));
    let live =
        wait::until(DEADLINE, "every witness to tell of the run that was started, counted once", || {
            let samples = demo.scrape();
            let told = witnesses.iter().all(|witness| samples.get(&last_success(witness)) > success);
            (told && samples.get(&site("runs_total", "")) == Some(runs + 2.0)).then_some(samples)
        });
    let value = |name: &str, labels: &str| live.get(&site(name, labels));
    for source in ["backup_log", "event_log", "database", "services"] {
        assert_eq!(value("source_up", &format!("source=\"{source}\"")), Some(1.0), "{source}");
    }
    for (name, expected) in [
        ("runs_failed_total", before("runs_failed_total", "").map(|failed| failed + 1.0)),
        ("last_run_failed", Some(0.0)),
        ("restart_attempts_total", Some(1.0)),
        ("restart_attempts_failed_total", Some(0.0)),
        ("restart_pending", Some(0.0)),
        ("witnesses_agree", Some(1.0)),
        ("event_log_damaged_chunks_total", Some(0.0)),
        ("event_log_unattributed_total", Some(0.0)),
    ] {
        assert_eq!(value(name, ""), expected, "{name}");
    }
    for check in ["backup_service", "control_file_applied", "services_recovered", "sms_writer"] {
        let failed = value("check_passed", &format!("check=\"{check}\"")) == Some(0.0);
        assert!(!failed, "{check}");
    }
    // More than the messages alone: SQL Server's and others' events stand between them.
    assert!(value("event_log_records_total", "") > Some(600.0), "{live:?}");
    wait::until(DEADLINE, "the attempt to be judged by its run", || {
        let sites = demo.get("/api/v1/sites").json();
        (sites[0]["restart"]["attempts"][0]["succeeded"] == json!(true)).then_some(())
    });
    // Killed it would leave its files.
    demo.terminate();
    assert!(demo.wait(STOPS_WITHIN).success(), "{}", demo.log());
}

#[test]
fn a_demo_whose_terminal_goes_away_takes_its_folder_along() {
    let place = Place::new(ONE_SITE);
    let temporary = place.path("temporary");
    fs::create_dir(&temporary).expect("a folder");
    let mut command = place.command(&["demo"]);
    command.env("TMPDIR", &temporary);
    let mut demo = place.spawn(command);
    demo.address();
    let left = || fs::read_dir(&temporary).expect("the folder").count();
    assert_eq!(left(), 1);
    let kill = Command::new("kill").args(["-HUP", &demo.id().to_string()]).status();
    assert!(kill.expect("kill starts").success());
    assert!(demo.wait(STOPS_WITHIN).success(), "{}", demo.log());
    assert_eq!(left(), 0);
}
