//! What the dashboards show of sites that no demo has: not watched, standalone, without a copy, a pair of site servers.
//!
//! promtool answers the queries of simulated series, ten minutes of which have passed.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::dashboards::{Dashboard, all, list};
use crate::support::tool;

/// Always.
const STAYS: &str = "x15";
/// Until the exporter stops, after five minutes.
const ENDS: &str = "x5 stale";

/// A site as one exporter tells of it.
struct Told {
    site: &'static str,
    role: &'static str,
    instance: &'static str,
    verdict: &'static str,
    valid_copies: Option<u32>,
    /// When the newest of them is too old: in seconds of the simulation.
    recoverable_until: Option<u32>,
    lasts: &'static str,
}

const TOLD: [Told; 10] = [
    told("P01", "hierarchy", "cm01", "healthy", Some(2), Some(4200), STAYS),
    told("P02", "hierarchy", "cm02", "unprotected", Some(0), None, STAYS),
    told("P03", "standalone", "cm03", "failed", Some(1), None, STAYS),
    told("P04", "standalone", "cm04", "unprotected", Some(0), None, STAYS),
    told("P05", "hierarchy", "cm05", "healthy", Some(1), Some(4200), ENDS),
    // A pair, and one of which only the passive server is left.
    told("P06", "hierarchy", "cm06a", "overdue", Some(1), Some(300), STAYS),
    told("P06", "hierarchy", "cm06b", "passive", None, None, STAYS),
    told("P07", "hierarchy", "cm07a", "healthy", Some(1), Some(4200), ENDS),
    told("P07", "hierarchy", "cm07b", "passive", None, None, STAYS),
    // Nobody knows whether it has copies.
    told("P08", "standalone", "cm08", "healthy", None, None, STAYS),
];

const fn told(
    site: &'static str,
    role: &'static str,
    instance: &'static str,
    verdict: &'static str,
    valid_copies: Option<u32>,
    recoverable_until: Option<u32>,
    lasts: &'static str,
) -> Told {
    Told { site, role, instance, verdict, valid_copies, recoverable_until, lasts }
}

impl Told {
    fn series(&self) -> Vec<Value> {
        use configmgr_backup_exporter::assessment::Verdict;
        use configmgr_backup_exporter::site::ClosedSet;
        let one = |name: &str, label: &str, value: u32| {
            let Self { site, instance, lasts, .. } = self;
            json!({
                "series": format!(
                    "configmgr_backup_{name}{{job=\"configmgr_backup\",instance=\"{instance}\",site_code=\"{site}\"{label}}}"
                ),
                "values": format!("{value}{lasts}"),
            })
        };
        let info = [one("site_info", &format!(",site_role=\"{}\"", self.role), 1)];
        let verdicts = Verdict::ALL.iter().map(|verdict| {
            let label = verdict.label();
            one("verdict", &format!(",verdict=\"{label}\""), u32::from(label == self.verdict))
        });
        // A service of the passive server says nothing of the active one.
        let is_active = u32::from(self.verdict != "passive");
        let node = [
            one("active_node", "", is_active),
            one("service_running", ",name=\"SMS_EXECUTIVE\"", 1 - is_active),
        ];
        let copies = self.valid_copies.map(|count| one("valid_copies", "", count));
        let until = self.recoverable_until.map(|at| one("recoverable_until_timestamp_seconds", "", at));
        info.into_iter().chain(verdicts).chain(node).chain(copies).chain(until).collect()
    }
}

const NOT_WATCHED: f64 = 8.0;
const NONE_LEFT: f64 = -1e12;
const NO_LIMIT: f64 = 1e12;

#[test]
fn a_site_that_nobody_watches_and_one_without_a_copy_are_the_worst() {
    let [fleet, site] = all();
    let verdicts = [
        ("P01", 1.0),
        ("P02", 5.0),
        ("P03", 7.0),
        ("P04", 5.0),
        ("P05", NOT_WATCHED),
        ("P06", 6.0),
        ("P07", NOT_WATCHED),
        ("P08", 1.0),
    ];
    let left = [("P01", 3600.0), ("P02", NONE_LEFT), ("P03", NO_LIMIT), ("P04", NONE_LEFT), ("P06", -300.0)];
    let counted =
        [("A", 1.0), ("B", 1.0), ("C", 2.0), ("D", 0.0), ("E", 0.0), ("F", 0.0), ("G", 2.0), ("H", 2.0)];
    let mut tests = vec![
        answer(&fleet, "Sites", "A", &of_sites(&verdicts)),
        answer(&site, "Verdict", "A", &of_sites(&verdicts)),
        answer(&fleet, "Sites", "D", &of_sites(&left)),
        answer(&site, "Recoverable for", "A", &of_sites(&left)),
    ];
    tests.extend(counted.map(|(letter, count)| {
        answer(&fleet, "Sites by verdict", letter, &[json!({ "labels": "{}", "value": count })])
    }));
    promtool_answers(&tests);
}

#[test]
fn services_are_those_of_the_active_server() {
    let [_, site] = all();
    let stopped = ["P01", "P02", "P03", "P04", "P06", "P08"].map(
        |code| json!({ "labels": format!("{{site_code=\"{code}\", name=\"SMS_EXECUTIVE\"}}"), "value": 0 }),
    );
    let active = ["P01", "P02", "P03", "P04", "P06", "P08"].map(|code| (code, 1.0));
    let active = [&active[..], &[("P07", 0.0)]].concat();
    promtool_answers(&[
        answer(&site, "Services", "A", &stopped),
        answer(&site, "Site servers", "B", &of_sites(&active)),
    ]);
}

#[test]
fn the_worst_and_the_best_have_texts_of_their_own() {
    let [fleet, site] = all();
    let sites = fleet.panel("Sites");
    for (mappings, value, text, color) in [
        (of_field(sites, "Verdict"), NOT_WATCHED, "not watched", "dark-red"),
        (
            &site.panel("Verdict")["fieldConfig"]["defaults"]["mappings"],
            NOT_WATCHED,
            "not watched",
            "dark-red",
        ),
        (of_field(sites, "Recoverable for"), NONE_LEFT, "none left", "red"),
        (of_field(sites, "Recoverable for"), NO_LIMIT, "no limit", "green"),
        (
            &site.panel("Recoverable for")["fieldConfig"]["defaults"]["mappings"],
            NONE_LEFT,
            "none left",
            "red",
        ),
        (
            &site.panel("Recoverable for")["fieldConfig"]["defaults"]["mappings"],
            NO_LIMIT,
            "no limit",
            "green",
        ),
    ] {
        let texts = mappings[0]["options"].as_object().expect("texts");
        let found = &texts[&value.to_string()];
        assert_eq!((&found["text"], &found["color"]), (&json!(text), &json!(color)), "{mappings}");
    }
    let numbers = of_field(sites, "Verdict")[0]["options"].as_object().expect("texts").keys();
    assert_eq!(numbers.max(), Some(&NOT_WATCHED.to_string()), "the worst comes first");
}

fn of_field<'a>(panel: &'a Value, name: &str) -> &'a Value {
    let mut overrides = list(&panel["fieldConfig"]["overrides"]).iter();
    let found = overrides.find(|one| one["matcher"]["options"] == name).expect("a field");
    let mut properties = list(&found["properties"]).iter();
    &properties.find(|property| property["id"] == "mappings").expect("texts")["value"]
}

fn of_sites(values: &[(&str, f64)]) -> Vec<Value> {
    let sample = |(site, value): &(&str, f64)| json!({ "labels": format!("{{site_code=\"{site}\"}}"), "value": value });
    values.iter().map(sample).collect()
}

/// That a query has these samples after ten minutes.
fn answer(dashboard: &Dashboard, title: &str, letter: &str, samples: &[Value]) -> Value {
    let expression = dashboard.query(title, letter).of_all_sites().filled();
    json!({ "expr": expression, "eval_time": "10m", "exp_samples": samples })
}

#[track_caller]
fn promtool_answers(tests: &[Value]) {
    let Some(promtool) = tool("promtool") else { return };
    let series: Vec<_> = TOLD.iter().flat_map(Told::series).collect();
    // JSON is YAML.
    let file = json!({
        "tests": [{ "interval": "1m", "input_series": series, "promql_expr_test": tests }],
    });
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let path = folder.path().join("dashboards.yml");
    fs::write(&path, file.to_string()).expect("the tests are written");
    let output = Command::new(promtool).args(["test", "rules"]).arg(&path).output().expect("promtool");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}
