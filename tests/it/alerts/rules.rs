//! What every alert must be like: labels, annotations, runbook, and expressions of the catalogue's metrics only.

use std::collections::BTreeSet;

use configmgr_backup_exporter::metrics::{CATALOGUE, Kind, Metric, Read};
use configmgr_backup_exporter::site::{ClosedSet, HoldReason};
use promql_parser::parser::{AggregateExpr, LabelModifier, VectorSelector, token};
use regex::Regex;

use super::{asked, files, path};
use crate::support::promql::{Parts, Selected, parts};
pub(super) use crate::support::rules::{NAME, RULES, expression, rules};
use crate::support::rules::{Rule, name};

const DOCS: &str = "https://example.com/configmgr_backup_exporter/docs/";
const GRAFANA: &str = "https://grafana.example.com/d/";
/// The job of the exporters, as the rules name it.
const JOB: &str = "job=\"configmgr_backup\"";

/// The labels that a metric has once it is scraped; `None` for one that is not the exporter's.
fn labels(metric: &str) -> Option<BTreeSet<&'static str>> {
    let of_target = ["job", "instance"];
    if metric == "up" {
        return Some(of_target.into());
    }
    let metric: &Metric = CATALOGUE.iter().find(|row| row.full_name() == metric)?;
    Some(metric.labels.iter().copied().chain(["site_code"]).chain(of_target).collect())
}

#[test]
fn each_alert_is_complete() {
    let rules = rules();
    let names: BTreeSet<_> = rules.iter().map(|rule| &rule.alert).collect();
    assert_eq!(names.len(), rules.len(), "each name once");
    for Rule { alert, waits, keep_firing_for, labels, annotations, expr } in &rules {
        assert!(alert.starts_with(NAME), "{alert}");
        let keys: Vec<_> = annotations.keys().map(String::as_str).collect();
        assert_eq!(keys, ["dashboard_url", "description", "runbook_url", "summary"], "{alert}");
        let summary = &annotations["summary"];
        assert!(!summary.contains("{{") && summary.ends_with('.'), "{alert}: {summary}");
        assert!(summary.starts_with(char::is_uppercase) && !summary.contains('\n'), "{alert}: {summary}");
        assert!(annotations["description"].contains("{{"), "{alert}: which one?");
        assert!(annotations["description"].ends_with(['.', '}']), "{alert}");
        assert_eq!(annotations["runbook_url"], format!("{DOCS}runbooks/{alert}.md"));
        let is_of_site = expr.contains("site_code");
        let dashboard = match is_of_site {
            true => "configmgr-backup-site?var-site_code={{ $labels.site_code }}",
            false => "configmgr-backup-fleet",
        };
        assert_eq!(annotations["dashboard_url"], format!("{GRAFANA}{dashboard}"), "{alert}");
        assert_eq!(
            labels.keys().collect::<Vec<_>>(),
            ["severity"],
            "{alert}: a value in a label makes other alerts"
        );
        // An alert waits, but for one that says what has just happened. Whoever is woken is not told too early that it is
        // over; nor is who hears of that one, which would come again at once.
        let is_critical = match labels["severity"].as_str() {
            "critical" => true,
            "warning" => false,
            other => panic!("{alert}: {other}"),
        };
        assert_eq!(keep_firing_for.is_some(), is_critical || waits.is_none(), "{alert}");
        assert_eq!(waits.is_some(), alert != "ConfigMgrBackupFailed", "{alert}");
    }
}

#[test]
fn each_alert_has_its_runbook_and_each_runbook_its_alert() {
    let runbooks: BTreeSet<_> = files("docs/runbooks", ".md")
        .iter()
        .map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let alerts: BTreeSet<_> = rules().into_iter().map(|rule| rule.alert).collect();
    assert_eq!(alerts, runbooks);
}

#[test]
fn alerts_read_the_catalogue_and_nothing_else() {
    for rule in rules() {
        for expression in rule.queries().into_iter().chain([rule.expr.clone()]) {
            let parts = parts(&expression);
            let Parts { aggregations, functions, .. } = &parts;
            for selector in parts.selectors() {
                let metric = name(selector);
                let known = labels(&metric).unwrap_or_else(|| panic!("{}: {metric}", rule.alert));
                for matcher in &selector.matchers.matchers {
                    assert!(
                        known.contains(matcher.name.as_str()),
                        "{}: {metric} has no {}",
                        rule.alert,
                        matcher.name
                    );
                }
            }
            let all: BTreeSet<_> =
                parts.selectors().filter_map(|selector| labels(&name(selector))).flatten().collect();
            for label in aggregations.iter().flat_map(kept) {
                assert!(all.contains(label.as_str()), "{}: no metric has {label}", rule.alert);
            }
            // Restarts and lost checkpoints make counters of runs begin anew.
            let counts = |selector: &&VectorSelector| {
                CATALOGUE.iter().any(|row| row.full_name() == name(selector) && row.kind == Kind::Counter)
            };
            assert!(parts.selectors().find(counts).is_none(), "{}: a counter", rule.alert);
            // A vector of 0 would make of what is unknown something good. What was best within a day may be asked for: it is
            // good for longer, and never out of nothing.
            assert!(
                functions.iter().all(|called| ["absent", "max_over_time", "time"].contains(called)),
                "{}: {functions:?}",
                rule.alert
            );
        }
    }
}

fn kept(aggregation: &AggregateExpr) -> Vec<String> {
    match &aggregation.modifier {
        Some(LabelModifier::Include(labels)) => labels.labels.clone(),
        _ => panic!("{aggregation}: it does not say what it keeps"),
    }
}

#[test]
fn a_pair_of_site_servers_counts_once() {
    for rule in rules() {
        let Parts { selected, aggregations, .. } = parts(&rule.expr);
        // What tells of the exporter itself is that of each, however many watch the same site.
        let is_of_process = |selector: &VectorSelector| {
            let of_process = |row: &&Metric| matches!(row.read, Read::Process(_));
            CATALOGUE.iter().filter(of_process).any(|row| row.full_name() == name(selector))
        };
        let is_asked = |found: &&Selected| !found.is_aggregated && !is_of_process(&found.selector);
        for Selected { selector, .. } in selected.iter().filter(is_asked) {
            assert_eq!(name(selector), "up", "{}: not aggregated", rule.alert);
            let matchers: Vec<_> = selector.matchers.matchers.iter().map(ToString::to_string).collect();
            assert_eq!(matchers, [JOB], "{}", rule.alert);
        }
        for aggregation in &aggregations {
            let labels = kept(aggregation);
            assert_eq!(aggregation.op.id(), token::T_MAX, "{}: {aggregation}", rule.alert);
            assert_eq!(
                labels.first().map(String::as_str),
                Some("site_code"),
                "{}: {aggregation}",
                rule.alert
            );
        }
    }
}

#[test]
fn templates_use_labels_that_aggregation_has_kept() {
    let label = Regex::new(r"\$labels\.(\w+)").unwrap();
    for rule in rules() {
        // The left side decides, and it comes first.
        let Parts { aggregations, .. } = parts(&rule.expr);
        let kept: Vec<_> = match aggregations.first() {
            Some(first) => kept(first),
            None => ["instance", "job"].map(str::to_owned).into(),
        };
        for (annotation, text) in &rule.annotations {
            for found in label.captures_iter(text) {
                assert!(kept.contains(&found[1].to_owned()), "{}: {annotation}: {}", rule.alert, &found[1]);
            }
        }
        let absent = rule.expr.contains("absent(");
        assert!(!absent || !rule.annotations["description"].contains("$labels.instance"), "{}", rule.alert);
    }
}

#[test]
fn a_restart_is_held_by_the_same_reasons_in_expression_and_text_and_none_passes_by_itself() {
    let name = format!("{NAME}RestartHeld");
    let rule = rules().into_iter().find(|rule| rule.alert == name).unwrap();
    let asked = |expression: &String| {
        let parts = parts(expression);
        let matchers = parts.selectors().flat_map(|selector| selector.matchers.matchers.clone());
        matchers.filter(|matcher| matcher.name == "reason").map(|matcher| matcher.value).collect::<Vec<_>>()
    };
    let reasons = asked(&rule.expr);
    let told: Vec<_> = rule.queries().iter().flat_map(asked).collect();
    assert_eq!((reasons.len(), &told), (1, &reasons));
    for label in reasons[0].split('|') {
        let reason = HoldReason::ALL.iter().find(|reason| reason.label() == label);
        let reason = reason.unwrap_or_else(|| panic!("no reason {label}"));
        assert!(!reason.clears_by_itself(), "{label}");
    }
}

#[test]
fn promtool_has_nothing_to_say_about_the_rules() {
    asked("promtool", ["check", "rules", "--lint=all", "--lint-fatal", path(RULES).to_str().unwrap()]);
}
