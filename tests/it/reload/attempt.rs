//! A reload while a failed backup is being started again: the attempt ends as at a stop of the exporter, and is not made
//! a second time.

use super::{LIFECYCLE, ask};
use crate::restart_command::stage::{Plot, STARTS, Stage, WAITS, reasons, standing, until_decided_again};
use crate::support::process::DEADLINE;
use crate::support::wait;

const ATTEMPTS: &str = "restart_attempts_total{site_code=\"P01\"}";

fn change(stage: &Stage) {
    let yaml = std::fs::read_to_string(stage.place.path("exporter.yml")).expect("the configuration");
    stage.place.write("exporter.yml", yaml.replace("role: hierarchy", "role: hierarchy\n    retention: 9d"));
}

#[test]
fn a_start_that_hangs_when_its_site_changes_is_lost_and_not_made_again() {
    let start = format!("{WAITS}; {STARTS}");
    let stage = Stage::new(&Plot { start: &start, ..Plot::default() });
    let exporter = stage.start(&[LIFECYCLE]);
    stage.fail(20);
    stage.until_calls(&["start"]);
    change(&stage);
    let response = ask(exporter.address());
    assert_eq!(response.text(), "configuration reloaded: changed P01\n");
    let ledger = stage.ledger();
    assert_eq!(ledger["attempts"][0]["outcome"]["outcome"], "lost", "{ledger}");
    exporter.until(ATTEMPTS, 1.0);
    // Nothing of the program that was run goes on, so it never gets to its end.
    stage.go();
    until_decided_again(|| exporter.scrape());
    assert_eq!(reasons(&standing(&exporter)), ["already_attempted"]);
    assert_eq!(stage.calls(), ["start"]);
    assert_eq!(std::fs::read_to_string(stage.place.path("service")).expect("a state"), "STOPPED\n");
}

#[test]
fn a_site_that_has_changed_still_has_its_failures_started_again_once() {
    let stage = Stage::new(&Plot::default());
    let exporter = stage.start(&[LIFECYCLE]);
    change(&stage);
    assert_eq!(ask(exporter.address()).text(), "configuration reloaded: changed P01\n");
    stage.fail(20);
    stage.until_calls(&["start"]);
    wait::until(DEADLINE, "the start to be known", || {
        (standing(&exporter)["attempts"][0]["outcome"] == "started").then_some(())
    });
    until_decided_again(|| exporter.scrape());
    assert_eq!(stage.calls(), ["start"]);
}
