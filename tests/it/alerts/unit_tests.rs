//! promtool runs every file of `alerts/tests`, and no alert is without a test of its own.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{asked, files, rules::rules};

#[derive(Deserialize)]
struct File {
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    #[serde(default)]
    alert_rule_test: Vec<Expectation>,
}

#[derive(Deserialize)]
struct Expectation {
    alertname: String,
    exp_alerts: Vec<Alert>,
}

#[derive(Deserialize)]
struct Alert {
    #[serde(default)]
    exp_annotations: BTreeMap<String, String>,
}

#[test]
fn each_alert_is_seen_to_wait_to_fire_and_to_be_silent() {
    let mut seen: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for file in files("alerts/tests", ".yml") {
        let content: File = serde_saphyr::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        for expectation in content.tests.into_iter().flat_map(|test| test.alert_rule_test) {
            let (fires, silent) = seen.entry(expectation.alertname).or_default();
            let alerts = &expectation.exp_alerts;
            *(if alerts.is_empty() { silent } else { fires }) += 1;
            assert!(alerts.iter().all(|alert| alert.exp_annotations.len() == 4), "{}", file.display());
        }
    }
    for rule in rules() {
        let (fires, silent) = seen.remove(&rule.alert).unwrap_or_default();
        assert!(fires > 0 && silent > 0, "{}: fires {fires} times, silent {silent} times", rule.alert);
    }
    assert!(seen.is_empty(), "no such alert: {seen:?}");
}

#[test]
fn promtool_runs_every_test_of_the_rules() {
    let files = files("alerts/tests", ".yml");
    std::thread::scope(|scope| {
        // Two at a time: each is one thread's work.
        for half in files.chunks(files.len().div_ceil(2)) {
            let files: Vec<_> = half.iter().map(|file| file.to_str().unwrap()).collect();
            scope.spawn(move || asked("promtool", ["test", "rules"].into_iter().chain(files)));
        }
    });
}
