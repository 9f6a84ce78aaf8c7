//! The mixin says what the files say, with the addresses and the job that its settings name.

use std::path::Path;

use serde_json::{Value, json};

use super::{read, said};
use crate::support::python;
use crate::support::rules::RULES;

/// What an expression over the mixin is; `None`, after a message, where jsonnet may be missing.
#[track_caller]
fn rendered(expression: &str) -> Option<Value> {
    let mut jsonnet = python("jsonnet.py")?;
    jsonnet.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    let output = jsonnet.arg(format!("local mixin = import 'alerts/mixin.libsonnet'; {expression}")).output();
    Some(serde_json::from_str(&said(output.unwrap())).unwrap())
}

/// Settings of which nothing is the default.
const OTHERS: &str = "(mixin + { _config+:: { configmgrBackupDocs: 'https://docs.test/', \
                      configmgrBackupGrafana: 'https://grafana.test/', configmgrBackupJob: 'cm_backup' } })";

/// The same text with those settings.
fn with_others(text: &str) -> String {
    text.replace("https://example.com/configmgr_backup_exporter/docs/", "https://docs.test/")
        .replace("https://grafana.example.com/d/", "https://grafana.test/")
        .replace("job=\"configmgr_backup\"", "job=\"cm_backup\"")
}

#[test]
fn the_mixin_has_the_shipped_rules() {
    let shipped: Value = serde_saphyr::from_str(&read(RULES)).unwrap();
    assert!(shipped["groups"][0]["rules"].as_array().is_some_and(|rules| rules.len() > 20));
    let Some(rules) = rendered("mixin.prometheusAlerts") else { return };
    assert_eq!(rules, shipped);
}

#[test]
fn mixins_of_others_keep_their_groups_on_either_side() {
    const FOREIGN: &str = "{ prometheusAlerts+:: { groups+: [{ name: 'foreign', rules: [] }] }, \
                           grafanaDashboards+:: { 'foreign.json': {} } }";
    for (expression, groups) in [
        (format!("mixin + {FOREIGN}"), ["configmgr_backup", "foreign"]),
        (format!("{FOREIGN} + mixin"), ["foreign", "configmgr_backup"]),
    ] {
        let both = format!(
            "local both = {expression}; {{ groups: [group.name for group in both.prometheusAlerts.groups], \
             dashboards: std.objectFields(both.grafanaDashboards) }}"
        );
        let Some(found) = rendered(&both) else { return };
        let dashboards = ["configmgr-backup-fleet.json", "configmgr-backup-site.json", "foreign.json"];
        assert_eq!(found, json!({ "groups": groups, "dashboards": dashboards }), "{expression}");
    }
}

#[test]
fn addresses_and_job_are_settings() {
    let Some(rules) = rendered(&format!("{OTHERS}.prometheusAlerts")) else { return };
    let expected: Value = serde_saphyr::from_str(&with_others(&read(RULES))).unwrap();
    assert_eq!(rules, expected);
    let text = rules.to_string();
    assert!(!text.contains("example.com") && !text.contains("job=\\\"configmgr_backup"), "{text}");
    for needle in
        ["https://docs.test/runbooks/", "https://grafana.test/configmgr-backup-site?", "up{job=\\\"cm_backup"]
    {
        assert!(text.contains(needle), "{needle}");
    }
}

#[test]
fn the_mixin_has_the_shipped_dashboards() {
    let file = |name: &str| read(&format!("dashboards/{name}.json"));
    for (mixin, with) in [("mixin", str::to_owned as fn(&str) -> String), (OTHERS, with_others)] {
        let shipped = |name| serde_json::from_str::<Value>(&with(&file(name))).unwrap();
        let expected = json!({
            "configmgr-backup-fleet.json": shipped("fleet"),
            "configmgr-backup-site.json": shipped("site"),
        });
        let Some(dashboards) = rendered(&format!("{mixin}.grafanaDashboards")) else { return };
        assert_eq!(dashboards, expected);
    }
}
