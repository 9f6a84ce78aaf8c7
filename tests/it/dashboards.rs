//! The dashboards without a Grafana: what its linter asks for, what a person needs, and where each query gets its data.
//!
//! That the queries return data is shown by `monitoring`, with a real Prometheus.

mod queries;
mod simulated;

use std::collections::BTreeSet;
use std::path::Path;

use promql_parser::parser::LabelModifier;
use serde_json::{Value, json};

use crate::support::dashboards::{all, list};
use crate::support::promql::parts;

/// What stands before the path of a page in every link.
const DOCS: &str = "https://example.com/configmgr_backup_exporter/docs/";

/// The units in use, as Grafana calls them.
const UNITS: [&str; 9] = ["none", "short", "s", "bytes", "Bps", "percentunit", "cps", "cpm", "dateTimeAsIso"];

#[test]
fn a_dashboard_can_be_provisioned_and_is_known_by_its_uid() {
    for (dashboard, (uid, title)) in all().iter().zip([
        ("configmgr-backup-fleet", "ConfigMgr backup / Fleet"),
        ("configmgr-backup-site", "ConfigMgr backup / Site"),
    ]) {
        let json = &dashboard.json;
        assert_eq!(json["uid"], uid);
        assert_eq!(json["title"], title);
        assert_eq!(json.get("id"), None, "{uid}: the server gives it a number");
        assert_eq!(json["editable"], false, "{uid}");
        assert_eq!(json["tags"], json!(["configmgr", "backup"]), "{uid}");
        assert_eq!(json["schemaVersion"], 39, "{uid}");
    }
}

#[test]
fn variables_are_as_the_linter_of_grafana_wants_them() {
    for dashboard in all() {
        let variables = dashboard.variables();
        let names: Vec<_> = variables.iter().map(|variable| &variable["name"]).collect();
        assert_eq!(names, ["datasource", "job", "instance", "site_code"], "{}", dashboard.file);
        let [datasource, job, instance, site_code] = variables else { panic!("{}", dashboard.file) };
        assert_eq!(datasource["type"], "datasource");
        assert_eq!(datasource["query"], "prometheus");
        assert_eq!(datasource["label"], "Data source");
        for (variable, label) in [(job, "Job"), (instance, "Instance")] {
            assert_eq!(variable["label"], label);
            for (key, expected) in
                [("multi", json!(true)), ("includeAll", json!(true)), ("allValue", json!(".+"))]
            {
                assert_eq!(variable[key], expected, "{}: {label}: {key}", dashboard.file);
            }
        }
        for variable in [job, instance, site_code] {
            let name = format!("{}: {}", dashboard.file, variable["name"]);
            assert_eq!(variable["type"], "query", "{name}");
            assert_eq!(variable["refresh"], 2, "{name}: read again when the time range changes");
            assert!(has_templated_datasource(variable), "{name}");
        }
    }
}

#[test]
fn panels_say_what_they_show_and_in_what_unit() {
    for dashboard in all() {
        for panel in dashboard.panels() {
            let title = panel["title"].as_str().unwrap_or_default();
            let name = format!("{}: {title:?}", dashboard.file);
            assert!(!title.is_empty(), "{name}: {panel}");
            let description = panel["description"].as_str().unwrap_or_default();
            assert!(description.len() > 60 && description.ends_with('.'), "{name}: {description:?}");
            assert!(has_templated_datasource(panel), "{name}");
            assert!(!list(&panel["targets"]).is_empty(), "{name}");
            for target in list(&panel["targets"]) {
                assert!(has_templated_datasource(target), "{name}: {target}");
            }
            let defaults = &panel["fieldConfig"]["defaults"];
            let unit = defaults["unit"].as_str();
            let has_texts = !list(&defaults["mappings"]).is_empty();
            assert!(has_texts || unit.is_some(), "{name}: neither a unit nor texts");
            for unit in unit.into_iter().chain(overridden(panel, "unit").filter_map(Value::as_str)) {
                assert!(UNITS.contains(&unit), "{name}: unit {unit:?}");
            }
        }
    }
}

#[test]
fn states_have_texts_and_not_colours_alone() {
    for dashboard in all() {
        for panel in dashboard.panels() {
            let name = format!("{}: {}", dashboard.file, panel["title"]);
            let mappings = list(&panel["fieldConfig"]["defaults"]["mappings"]);
            assert!(panel["type"] != "state-timeline" || !mappings.is_empty(), "{name}");
            let mappings = mappings.iter().chain(overridden(panel, "mappings").flat_map(list));
            for mapping in mappings {
                assert_eq!(mapping["type"], "value", "{name}");
                for (value, result) in mapping["options"].as_object().expect("values") {
                    let text = result["text"].as_str().unwrap_or_default();
                    assert!(!text.is_empty() && result["color"].is_string(), "{name}: {value}");
                }
            }
        }
    }
}

#[test]
fn what_is_not_known_has_no_colour() {
    // Grafana gives to what is absent the colour of the first step, whatever that stands for.
    for dashboard in all() {
        for panel in dashboard
            .panels()
            .into_iter()
            .filter(|panel| panel["type"] != "timeseries" && panel["type"] != "state-timeline")
        {
            let name = format!("{}: {}", dashboard.file, panel["title"]);
            let own = &panel["fieldConfig"]["defaults"]["thresholds"];
            for thresholds in [own].into_iter().chain(overridden(panel, "thresholds")) {
                let first = &thresholds["steps"][0];
                assert_eq!(first["value"], Value::Null, "{name}");
                let neutral = if panel["options"]["colorMode"] == "background" {
                    &["transparent"][..]
                } else {
                    &["text", "transparent"]
                };
                assert!(neutral.iter().any(|color| first["color"] == *color), "{name}: {first}");
            }
        }
    }
}

#[test]
fn a_legend_tells_values_apart() {
    for dashboard in all() {
        for panel in dashboard.panels() {
            let has_columns = panel["type"] == "table";
            for target in list(&panel["targets"]).iter().filter(|_| !has_columns) {
                let letter = target["refId"].as_str().expect("a letter");
                let query = dashboard.query(panel["title"].as_str().expect("a title"), letter);
                let parts = parts(&query.filled());
                // The outermost comes first; its labels are what is left.
                let Some(LabelModifier::Include(kept)) = &parts.aggregations[0].modifier else { continue };
                // Of the site there is a page, where it is the only one.
                let is_told = |label: &&String| *label != "site_code" || dashboard.file == "fleet.json";
                let legend = target["legendFormat"].as_str().unwrap_or_default();
                for label in kept.labels.iter().filter(is_told) {
                    assert!(
                        legend.contains(&format!("{{{{{label}}}}}")),
                        "{}: {}: {legend}",
                        dashboard.file,
                        panel["title"]
                    );
                }
            }
        }
    }
}

#[test]
fn every_panel_leads_to_a_page_that_exists() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut missing = BTreeSet::new();
    for dashboard in all() {
        for panel in dashboard.panels() {
            let name = format!("{}: {}", dashboard.file, panel["title"]);
            assert!(!list(&panel["links"]).is_empty(), "{name}: no link");
            for link in list(&panel["links"]) {
                let page = link["url"].as_str().and_then(|url| url.strip_prefix(DOCS));
                let page = page.unwrap_or_else(|| panic!("{name}: {link}"));
                if let Some(alert) = page.strip_prefix("runbooks/") {
                    let title = format!("Runbook: {}", alert.trim_end_matches(".md"));
                    assert_eq!(link["title"], title.as_str(), "{name}");
                }
                missing.extend((!docs.join(page).is_file()).then(|| page.to_owned()));
            }
        }
    }
    assert!(missing.is_empty(), "pages that panels lead to: {missing:?}");
}

#[test]
fn a_row_of_the_fleet_leads_to_its_site() {
    let [fleet, site] = all();
    let panels = fleet.panels();
    let sites = panels.iter().find(|panel| panel["title"] == "Sites").expect("the table of sites");
    let url = overridden(sites, "links").find_map(|links| links[0]["url"].as_str()).expect("a data link");
    let uid = site.json["uid"].as_str().expect("a uid");
    assert!(url.starts_with(&format!("/d/{uid}?var-site_code=${{__value.raw}}&")), "{url}");
    assert_eq!(
        sites["options"]["sortBy"],
        json!([{ "displayName": "Verdict", "desc": true }]),
        "worst first"
    );
}

#[test]
fn panels_have_ids_of_their_own_and_do_not_overlap() {
    for dashboard in all() {
        let planes = dashboard.planes();
        let every: Vec<_> = planes.iter().flat_map(|plane| plane.iter()).collect();
        let ids: BTreeSet<_> = every.iter().map(|panel| panel["id"].as_u64()).collect();
        assert!(ids.len() == every.len() && !ids.contains(&None), "{}: {ids:?}", dashboard.file);
        for plane in planes {
            let mut taken = BTreeSet::new();
            for panel in plane {
                let side = |name: &str| panel["gridPos"][name].as_u64().expect("a position");
                let (x, y) = (side("x"), side("y"));
                assert!(side("w") > 0 && side("h") > 0 && x + side("w") <= 24, "{panel}");
                for cell in (x..x + side("w")).flat_map(|x| (y..y + side("h")).map(move |y| (x, y))) {
                    assert!(taken.insert(cell), "{}: {} overlaps", dashboard.file, panel["title"]);
                }
            }
        }
        for row in list(&dashboard.json["panels"]).iter().filter(|panel| panel["type"] == "row") {
            let is_collapsed = row["collapsed"].as_bool().expect("collapsed or not");
            assert_eq!(is_collapsed, !list(&row["panels"]).is_empty(), "{}", row["title"]);
        }
    }
}

fn has_templated_datasource(value: &Value) -> bool {
    value["datasource"] == json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// The values that single fields have for a property.
fn overridden<'a>(panel: &'a Value, property: &'a str) -> impl Iterator<Item = &'a Value> {
    let properties = list(&panel["fieldConfig"]["overrides"]).iter().flat_map(|one| list(&one["properties"]));
    properties.filter(move |found| found["id"] == property).map(|found| &found["value"])
}
