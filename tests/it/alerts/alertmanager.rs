//! The example for Alertmanager: who is told of each alert, and which alerts silence which.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{asked, path, read};
use crate::support::rules::{NAME, rules};

const CONFIG: &str = "alerts/alertmanager.yml";

#[derive(Deserialize)]
struct Config {
    route: Route,
    inhibit_rules: Vec<Inhibition>,
}

#[derive(Deserialize)]
struct Route {
    #[serde(default)]
    group_by: Vec<String>,
    #[serde(default)]
    routes: Vec<Route>,
    #[serde(flatten)]
    others: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
struct Inhibition {
    source_matchers: Vec<String>,
    target_matchers: Vec<String>,
    #[serde(default)]
    equal: Vec<String>,
}

fn config() -> Config {
    serde_saphyr::from_str(&read(CONFIG)).unwrap()
}

/// Whether a matcher (`label="value"`, `label=~"expression"`) takes this value.
fn takes(matcher: &str, label: &str, value: &str) -> bool {
    let parts = Regex::new(r#"^(\w+)(=~?)"(.*)"$"#).unwrap();
    let parts = parts.captures(matcher).unwrap_or_else(|| panic!("{matcher}"));
    assert_eq!(&parts[1], label, "{matcher}");
    match &parts[2] {
        "=" => &parts[3] == value,
        _ => Regex::new(&format!("^(?:{})$", &parts[3])).unwrap().is_match(value),
    }
}

#[test]
fn amtool_accepts_the_example() {
    asked("amtool", ["check-config", path(CONFIG).to_str().unwrap()]);
}

#[test]
fn critical_alerts_wake_somebody_and_warnings_make_a_ticket() {
    for rule in rules() {
        let severity = &rule.labels["severity"];
        let receiver = if severity == "critical" { "pager" } else { "tickets" };
        let config = format!("--config.file={}", path(CONFIG).display());
        let labels =
            [format!("alertname={}", rule.alert), format!("severity={severity}"), "site_code=P01".to_owned()];
        let receivers = format!("--verify.receivers={receiver}");
        let arguments = ["config", "routes", "test", &config, &receivers].map(str::to_owned);
        if asked("amtool", arguments.iter().chain(&labels)).is_none() {
            return;
        }
    }
}

#[test]
fn one_message_tells_of_one_site() {
    let [own] = <[Route; 1]>::try_from(config().route.routes).ok().unwrap();
    assert_eq!(own.group_by, ["site_code"]);
    assert!(own.routes.iter().all(|route| route.group_by.is_empty()));
}

/// The end of an alert that comes while its route is mute is never told.
#[test]
fn no_route_is_mute_at_any_hour() {
    fn is_mute(route: &Route) -> bool {
        let mut keys = route.others.keys();
        keys.any(|key| key.ends_with("_time_intervals")) || route.routes.iter().any(is_mute)
    }
    let route = config().route;
    assert!(route.others.contains_key("receiver"), "what stands in a route is seen");
    assert!(!is_mute(&route));
}

#[test]
fn an_alert_silences_only_what_the_same_work_mends() {
    let rules = rules();
    let names: Vec<_> = rules.iter().map(|rule| rule.alert.strip_prefix(NAME).unwrap()).collect();
    let mut silences: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Inhibition { source_matchers, target_matchers, equal } in config().inhibit_rules {
        let matching = |matchers: &[String]| {
            let all = |name: &&&str| {
                matchers.iter().all(|matcher| takes(matcher, "alertname", &format!("{NAME}{name}")))
            };
            names.iter().filter(all).copied().collect::<BTreeSet<_>>()
        };
        let (sources, targets) = (matching(&source_matchers), matching(&target_matchers));
        // What stands for no site at all stands for every one.
        let expected: &[&str] = if sources.contains("ExporterAbsent") { &[] } else { &["site_code"] };
        assert_eq!(equal, expected, "{sources:?}");
        assert!(!sources.is_empty() && !targets.is_empty(), "{source_matchers:?} {target_matchers:?}");
        // Each name that an expression lists is one of an alert.
        let listed = target_matchers.concat().matches('|').count() + 1;
        assert_eq!(targets.len(), listed, "{target_matchers:?}");
        for source in sources {
            silences.entry(source).or_default().extend(&targets);
        }
    }
    let expected: BTreeMap<_, BTreeSet<_>> = [
        ("Failed", &["SnapshotIncomplete"][..]),
        ("FailedRepeatedly", &["Failed", "SnapshotIncomplete"]),
        ("NoValidCopy", &["SnapshotIncomplete", "SnapshotChanged", "ArchiveStale", "Overdue", "Missed"]),
        ("Unrecoverable", &["Overdue", "Missed"]),
        ("SnapshotCorrupt", &["SnapshotChanged"]),
        ("Overdue", &["Missed"]),
        ("ExporterAbsent", &["SiteGone"]),
    ]
    .map(|(source, targets)| (source, targets.iter().copied().collect()))
    .into();
    assert_eq!(silences, expected);
    let critical = |name: &&str| {
        rules
            .iter()
            .any(|rule| rule.alert == format!("{NAME}{name}") && rule.labels["severity"] == "critical")
    };
    assert_eq!(
        silences.values().flatten().find(|name| critical(name)),
        None,
        "a critical alert is always told"
    );
}
