//! What the dashboards ask for: only what is exported, of the targets that were chosen, a pair of site servers once.

use std::collections::BTreeSet;
use std::time::Duration;

use configmgr_backup_exporter::metrics::{CATALOGUE, Metric, Read};
use promql_parser::parser::{Expr, LabelModifier, VectorSelector, parse};

use crate::support::dashboards::{Dashboard, Query, all, every_query, list};

/// Durations that nothing else has, in place of Grafana's.
const RATE_INTERVAL: &str = "11m17s";
const RANGE: &str = "13m19s";

/// What Prometheus itself adds to every series.
const OF_TARGET: [&str; 2] = ["job", "instance"];

/// What no panel shows, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("process_virtual_memory_bytes", "resident memory tells what the exporter uses"),
    ("process_max_fds", "the number of open files alone shows a leak"),
];

/// A selector as it stands in its expression.
struct Use {
    selector: VectorSelector,
    /// The function that is called with it.
    function: Option<&'static str>,
    range: Option<Duration>,
    /// Whether an aggregation is around it.
    aggregated: bool,
}

/// Takes an expression apart, for the place where it stands.
fn uses(expression: &Expr, around: (Option<&'static str>, bool), found: &mut Vec<Use>) {
    let (function, aggregated) = around;
    let mut push = |selector: &VectorSelector, range| {
        found.push(Use { selector: selector.clone(), function, range, aggregated });
    };
    match expression {
        Expr::VectorSelector(selector) => push(selector, None),
        Expr::MatrixSelector(matrix) => push(&matrix.vs, Some(matrix.range)),
        Expr::Aggregate(aggregate) => uses(&aggregate.expr, (None, true), found),
        Expr::Binary(binary) => {
            uses(&binary.lhs, (None, aggregated), found);
            uses(&binary.rhs, (None, aggregated), found);
        }
        Expr::Call(call) => {
            call.args
                .args
                .iter()
                .for_each(|argument| uses(argument, (Some(call.func.name), aggregated), found));
        }
        Expr::Paren(paren) => uses(&paren.expr, around, found),
        Expr::Unary(unary) => uses(&unary.expr, (None, aggregated), found),
        Expr::Subquery(subquery) => uses(&subquery.expr, (None, aggregated), found),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

#[track_caller]
fn parsed(query: &Query) -> Expr {
    let expression = query.expression.replace("$__rate_interval", RATE_INTERVAL).replace("$__range", RANGE);
    parse(&expression).unwrap_or_else(|problem| panic!("{}: {expression}: {problem}", query.place))
}

fn uses_of(query: &Query) -> Vec<Use> {
    let mut found = Vec::new();
    uses(&parsed(query), (None, false), &mut found);
    assert!(!found.is_empty(), "{query:?}");
    found
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
        for Use { selector, .. } in uses_of(&query) {
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
        for Use { selector, .. } in uses_of(&query) {
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
    let parse_duration = |text: &str| {
        let Ok(Expr::MatrixSelector(matrix)) = parse(&format!("up[{text}]")) else { panic!("{text}") };
        matrix.range
    };
    let (rate_interval, range) = (parse_duration(RATE_INTERVAL), parse_duration(RANGE));
    for query in every_query() {
        for Use { selector, function, range: over, .. } in uses_of(&query) {
            let allowed = match function {
                Some("rate") => Some(rate_interval),
                Some("increase" | "last_over_time") => Some(range),
                _ => None,
            };
            assert_eq!(over, allowed, "{query:?}: {selector}");
            let is_counter = selector.name.as_deref().is_some_and(|name| name.ends_with("_total"));
            let grows = matches!(function, Some("rate" | "increase"));
            assert_eq!(is_counter, grows, "{query:?}: {selector}");
        }
    }
}

#[test]
fn a_pair_of_site_servers_counts_once() {
    // Only the site's name is used as it is, to find out which targets watch it.
    for query in panel_queries() {
        for Use { selector, aggregated, .. } in uses_of(&query) {
            let metric = metric(selector.name.as_deref().unwrap_or_default());
            let is_of_site = metric.is_some_and(|metric| is_of_site(metric) && metric.name != "site_info");
            assert!(aggregated || !is_of_site, "{query:?}: {selector} once for each server");
        }
        groups(&parsed(&query), &query);
    }
}

/// Every aggregation says by what, so that a label more in some release changes no panel.
fn groups(expression: &Expr, query: &Query) {
    match expression {
        Expr::Aggregate(aggregate) => {
            // Sums over sites have no label left; what they sum has one value for each site.
            let by = match &aggregate.modifier {
                Some(LabelModifier::Include(labels)) => labels.labels.len(),
                Some(LabelModifier::Exclude(_)) => panic!("{query:?}: without"),
                None => 0,
            };
            assert!(by > 0 || aggregate.op.to_string() == "sum", "{query:?}");
            groups(&aggregate.expr, query);
        }
        Expr::Binary(binary) => {
            groups(&binary.lhs, query);
            groups(&binary.rhs, query);
        }
        Expr::Call(call) => call.args.args.iter().for_each(|argument| groups(argument, query)),
        Expr::Paren(paren) => groups(&paren.expr, query),
        _ => {}
    }
}

#[test]
fn what_is_exported_is_shown_or_left_out_for_a_reason() {
    let shown: BTreeSet<_> =
        every_query().iter().flat_map(uses_of).map(|found| found.selector.name.unwrap_or_default()).collect();
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
        assert_eq!(named, labels, "{query:?}");
    }
    for dashboard in all() {
        for panel in dashboard.panels() {
            let is_numbered = list(&panel["targets"]).iter().any(|target| {
                target["expr"]
                    .as_str()
                    .is_some_and(|expression| expression.contains(r#"verdict="failed"} * 7"#))
            });
            let text = panel.to_string();
            for label in labels.iter().filter(|_| is_numbered) {
                assert!(text.contains(&format!(r#""text":"{label}""#)), "{}: {label}", panel["title"]);
            }
        }
    }
}
