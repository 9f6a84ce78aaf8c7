//! What the dashboards ask for: only what is exported, of the targets that were chosen, a pair of site servers once.

use std::collections::BTreeSet;

use configmgr_backup_exporter::metrics::{CATALOGUE, Kind, Metric, Read};
use promql_parser::parser::LabelModifier;

use crate::support::dashboards::{Dashboard, Query, all, every_query, list};
use crate::support::promql::{Parts, Selected, parts};

/// Durations that nothing else has, in place of Grafana's.
const RATE_INTERVAL: &str = "11m17s";
const RANGE: &str = "13m19s";

/// What Prometheus itself adds to every series.
const OF_TARGET: [&str; 2] = ["job", "instance"];

/// What no panel shows, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("configmgr_backup_exporter_config_last_reload_successful", "an alert says it"),
    ("configmgr_backup_exporter_config_last_reload_success_timestamp_seconds", "of use beside the log only"),
    ("configmgr_backup_exporter_web_config_last_reload_successful", "an alert says it"),
    ("process_virtual_memory_bytes", "resident memory tells what the exporter uses"),
    ("process_max_fds", "the number of open files alone shows a leak"),
];

/// Of which the smallest value tells of a fault that the others would hide.
const LESS_IS_WORSE: [&str; 5] = [
    "up",
    "configmgr_backup_source_up",
    "configmgr_backup_source_last_poll_success_timestamp_seconds",
    "configmgr_backup_exporter_checkpoint_timestamp_seconds",
    "configmgr_backup_destination_free_bytes",
];

/// Totals that live in the checkpoint: one that is lost lets them begin anew with what history still holds, which looks
/// like growth.
const DURABLE: [&str; 3] = ["runs_", "status_message", "restart_attempts"];

#[track_caller]
fn parts_of(query: &Query) -> Parts {
    let parts =
        parts(&query.expression.replace("$__rate_interval", RATE_INTERVAL).replace("$__range", RANGE));
    assert!(!parts.selected.is_empty(), "{query:?}");
    parts
}

#[track_caller]
fn selected(query: &Query) -> Vec<Selected> {
    parts_of(query).selected
}

/// The metric of that name; `up` has none.
fn metric(name: &str) -> Option<&'static Metric> {
    CATALOGUE.iter().find(|metric| metric.full_name() == name)
}

fn labels(metric: Option<&Metric>) -> BTreeSet<&'static str> {
    let site = metric.is_some_and(is_of_site).then_some("site_code");
    let own = metric.map_or(&[][..], |metric| metric.labels);
    OF_TARGET.into_iter().chain(site).chain(own.iter().copied()).collect()
}

fn is_of_site(metric: &Metric) -> bool {
    matches!(metric.read, Read::Site(_))
}

fn panel_queries() -> Vec<Query> {
    all().iter().flat_map(Dashboard::panel_queries).collect()
}

#[test]
fn every_selector_is_of_the_catalogue_with_labels_that_it_has() {
    for query in every_query() {
        for Selected { selector, .. } in selected(&query) {
            let name = selector.name.as_deref().unwrap_or_else(|| panic!("{query:?}: no name"));
            let metric = metric(name);
            assert!(metric.is_some() || name == "up", "{query:?}: {name} is not exported");
            let known = labels(metric);
            for matcher in &selector.matchers.matchers {
                assert!(known.contains(matcher.name.as_str()), "{query:?}: {name} has no {}", matcher.name);
            }
        }
    }
}

#[test]
fn every_selector_of_a_panel_is_narrowed_to_what_was_chosen() {
    let annotations = all().into_iter().flat_map(|dashboard| {
        let names: Vec<_> = dashboard.variables().iter().map(|variable| variable["name"].clone()).collect();
        let mut queries = dashboard.other_queries();
        queries.retain(|query| {
            !names.iter().any(|name| query.place.ends_with(name.as_str().unwrap_or_default()))
        });
        queries
    });
    for query in panel_queries().into_iter().chain(annotations) {
        for Selected { selector, .. } in selected(&query) {
            let metric = metric(selector.name.as_deref().unwrap_or_default());
            let matchers: Vec<_> = selector.matchers.matchers.iter().map(ToString::to_string).collect();
            let site = metric.is_some_and(is_of_site).then_some(r#"site_code=~"$site_code""#);
            for wanted in [r#"job=~"$job""#, r#"instance=~"$instance""#].into_iter().chain(site) {
                assert!(matchers.iter().any(|found| found == wanted), "{query:?}: no {wanted} in {selector}");
            }
        }
    }
}

#[test]
fn counters_are_only_seen_to_grow_and_rates_are_over_the_interval_that_grafana_chooses() {
    let range_of = |text: &str| parts(&format!("up[{text}]")).selected[0].range;
    let (rate_interval, range) = (range_of(RATE_INTERVAL), range_of(RANGE));
    for query in every_query() {
        for Selected { selector, functions, range: over, .. } in selected(&query) {
            let allowed = match functions.as_slice() {
                ["rate"] => rate_interval,
                ["increase" | "last_over_time"] => range,
                [] => None,
                others => panic!("{query:?}: {selector} in {others:?}"),
            };
            assert_eq!(over, allowed, "{query:?}: {selector}");
            let name = selector.name.as_deref().unwrap_or_default();
            let is_counter = name.ends_with("_total") && !is_durable(name);
            let grows = matches!(functions.as_slice(), ["rate" | "increase"]);
            assert_eq!(is_counter, grows, "{query:?}: {selector}");
        }
    }
}

#[test]
fn totals_that_a_lost_checkpoint_restarts_are_shown_as_they_are() {
    let durable: BTreeSet<_> = CATALOGUE
        .iter()
        .filter(|metric| metric.kind == Kind::Counter && is_durable(&metric.full_name()))
        .map(Metric::full_name)
        .collect();
    assert_eq!(durable.len(), 7, "{durable:?}");
    let mut shown = BTreeSet::new();
    for query in every_query() {
        for Selected { selector, functions, range, .. } in selected(&query) {
            let name = selector.name.unwrap_or_default();
            if durable.contains(&name) {
                assert_eq!((functions.as_slice(), range), (&[][..], None), "{query:?}: {name}");
                shown.insert(name);
            }
        }
    }
    assert_eq!(shown, durable);
}

fn is_durable(name: &str) -> bool {
    let name = name.strip_prefix("configmgr_backup_").unwrap_or(name);
    name.ends_with("_total") && DURABLE.iter().any(|prefix| name.starts_with(prefix))
}

#[test]
fn a_pair_of_site_servers_counts_once() {
    // Only the site's name is used as it is, to find out which targets watch it.
    for query in panel_queries() {
        let parts = parts_of(&query);
        for Selected { selector, is_aggregated, .. } in parts.selected {
            let metric = metric(selector.name.as_deref().unwrap_or_default());
            let is_of_site = metric.is_some_and(|metric| is_of_site(metric) && metric.name != "site_info");
            assert!(is_aggregated || !is_of_site, "{query:?}: {selector} once for each server");
        }
        // Every aggregation says by what, so that a label more in some release changes no panel.
        for aggregation in parts.aggregations {
            // Sums over sites have no label left; what they sum has one value for each site.
            let by = match &aggregation.modifier {
                Some(LabelModifier::Include(labels)) => labels.labels.len(),
                Some(LabelModifier::Exclude(_)) => panic!("{query:?}: without"),
                None => 0,
            };
            assert!(by > 0 || aggregation.op.to_string() == "sum", "{query:?}");
        }
    }
}

#[test]
fn of_several_values_of_an_exporter_the_worse_is_shown() {
    let mut looked_at = BTreeSet::new();
    for query in panel_queries() {
        for aggregation in parts_of(&query).aggregations {
            for selector in parts(&aggregation.expr.to_string()).selectors() {
                let name = selector.name.clone().unwrap_or_default();
                if LESS_IS_WORSE.contains(&name.as_str()) {
                    // How many there are is asked, too.
                    let how = aggregation.op.to_string();
                    assert!(how == "min" || (name == "up" && how == "sum"), "{query:?}: {how} of {name}");
                    looked_at.insert(name);
                }
            }
        }
    }
    assert_eq!(looked_at, LESS_IS_WORSE.map(str::to_owned).into());
}

#[test]
fn what_is_exported_is_shown_or_left_out_for_a_reason() {
    let shown: BTreeSet<_> = every_query()
        .iter()
        .flat_map(selected)
        .map(|found| found.selector.name.unwrap_or_default())
        .collect();
    let left_out: BTreeSet<_> = LEFT_OUT.iter().map(|(name, _)| (*name).to_owned()).collect();
    let missing: Vec<_> = CATALOGUE
        .iter()
        .map(Metric::full_name)
        .filter(|name| !shown.contains(name) && !left_out.contains(name))
        .collect();
    assert!(missing.is_empty(), "on neither dashboard: {missing:?}");
    let both: Vec<_> = left_out.intersection(&shown).collect();
    assert!(both.is_empty(), "shown after all: {both:?}");
}

#[test]
fn verdicts_have_a_number_each_and_the_same_words_everywhere() {
    use configmgr_backup_exporter::assessment::Verdict;
    use configmgr_backup_exporter::site::ClosedSet;
    let labels: BTreeSet<_> = Verdict::ALL.iter().map(|verdict| verdict.label()).collect();
    let numbered: Vec<_> = panel_queries()
        .into_iter()
        .filter(|query| query.expression.contains(r#"verdict="failed"} * 7"#))
        .collect();
    assert!(numbered.len() >= 4, "{numbered:?}");
    for query in numbered {
        let named: BTreeSet<_> =
            query.expression.split("verdict=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        // What is shown of now says of a site with a passive server alone that nobody watches it.
        let is_now = query.expression.contains("last_over_time");
        let expected = labels.iter().copied().filter(|label| !is_now || *label != "passive");
        assert_eq!(named, expected.collect(), "{query:?}");
    }
    for dashboard in all() {
        for panel in dashboard.panels() {
            let is_numbered = list(&panel["targets"]).iter().any(|target| {
                target["expr"]
                    .as_str()
                    .is_some_and(|expression| expression.contains(r#"verdict="failed"} * 7"#))
            });
            let text = panel.to_string();
            let last = if panel["type"] == "state-timeline" { "passive" } else { "not watched" };
            let labels = labels.iter().copied().filter(|label| *label != "passive").chain([last]);
            for label in labels.filter(|_| is_numbered) {
                assert!(text.contains(&format!(r#""text":"{label}""#)), "{}: {label}", panel["title"]);
            }
        }
    }
}
