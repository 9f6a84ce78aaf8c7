//! promtool runs every file of `alerts/tests`, and no alert is without tests of its own that could fail.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use promql_parser::util::parse_duration;
use serde::Deserialize;

use super::{asked, files};
use crate::support::rules::{Rule, rules};

/// Alerts that lack one of the proofs, and why.
const EXCEPTIONS: [(&str, Proof, &str); 1] =
    [("ConfigMgrBackupFailed", Proof::Waits, "the failure is a fact: it has no `for`")];

/// What a test must show of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Proof {
    /// It is silent less than its `for` before it fires, so it was true already.
    Waits,
    /// It is silent after it has fired.
    Ends,
    /// There is a history in which it never fires.
    NeverFires,
}

#[derive(Deserialize)]
struct File {
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    name: String,
    #[serde(default)]
    alert_rule_test: Vec<Expectation>,
}

#[derive(Deserialize)]
struct Expectation {
    eval_time: String,
    alertname: String,
    exp_alerts: Vec<Alert>,
}

#[derive(Deserialize)]
struct Alert {
    #[serde(default)]
    exp_annotations: BTreeMap<String, String>,
}

impl Test {
    /// What it shows of a rule.
    fn shows(&self, rule: &Rule) -> BTreeSet<Proof> {
        let own = self.alert_rule_test.iter().filter(|expected| expected.alertname == rule.alert);
        let mut seen: Vec<_> =
            own.map(|expected| (duration(&expected.eval_time), !expected.exp_alerts.is_empty())).collect();
        seen.sort();
        let waits = rule.waits.as_deref().map(duration).unwrap_or_default();
        let pairs = || seen.windows(2).map(|pair| (pair[0], pair[1]));
        let shown = [
            (Proof::Waits, pairs().any(|((from, was), (to, is))| !was && is && to - from < waits)),
            (Proof::Ends, pairs().any(|((_, was), (_, is))| was && !is)),
            (Proof::NeverFires, !seen.is_empty() && seen.iter().all(|(_, fires)| !fires)),
        ];
        shown.into_iter().filter_map(|(proof, is_shown)| is_shown.then_some(proof)).collect()
    }
}

fn duration(text: &str) -> Duration {
    parse_duration(text).unwrap_or_else(|problem| panic!("{text}: {problem}"))
}

fn tests() -> Vec<Test> {
    let read = |file: &std::path::PathBuf| {
        let content: File = serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        content.tests
    };
    files("alerts/tests", ".yml").iter().flat_map(read).collect()
}

#[test]
fn each_alert_is_seen_to_wait_to_fire_to_end_and_to_be_silent() {
    let tests = tests();
    let mut missing = Vec::new();
    for rule in rules() {
        let shown: BTreeSet<_> = tests.iter().flat_map(|test| test.shows(&rule)).collect();
        for proof in [Proof::Waits, Proof::Ends, Proof::NeverFires] {
            let is_excepted =
                EXCEPTIONS.iter().any(|(alert, what, _)| *alert == rule.alert && *what == proof);
            if shown.contains(&proof) == is_excepted {
                missing.push(format!("{}: {proof:?}", rule.alert));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn each_expectation_is_of_a_rule_and_has_the_whole_text() {
    let names: BTreeSet<_> = rules().into_iter().map(|rule| rule.alert).collect();
    for test in tests() {
        for expected in test.alert_rule_test {
            assert!(names.contains(&expected.alertname), "{}: {}", test.name, expected.alertname);
            let mut alerts = expected.exp_alerts.iter();
            assert!(alerts.all(|alert| alert.exp_annotations.len() == 4), "{}", test.name);
        }
    }
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
