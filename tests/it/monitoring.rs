//! End to end with a real Prometheus and a real Alertmanager: a backup of the demo fails, somebody is told why and later
//! that it is over, and whatever dashboards and rules ask for is there.
//!
//! Rules and routes are the shipped ones. Of the rules one `for` is shortened and every `keep_firing_for` taken away, of the
//! routes the times and the receivers are replaced; nothing else.

mod sample;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::alertmanager::Alertmanager;
use crate::support::dashboards::{self, Query};
use crate::support::process::{DEADLINE, ONE_SITE, Place};
use crate::support::prometheus::{Prometheus, Setup, job};
use crate::support::promql;
use crate::support::wait;
use crate::support::webhook::{Told, Webhook};

/// The job that rules and dashboards rely on.
const JOB: &str = "configmgr_backup";

/// The next backup begins a minute after the first and is verified half a minute later; on a machine that has much else
/// to do, or where a look came too late, it may be one after it.
const NEXT_BACKUPS: Duration = Duration::from_secs(300);

/// What is there only while something is wrong: a metric, and how it is compared.
const ONLY_IN_A_FAULT: [(&str, &str); 3] =
    [("last_run_failure_cause", "== 1"), ("check_passed", "== 0"), ("restart_held", "== 1")];

/// What is there only where the exporter has restarted a backup and is not made to only observe, as it is here: see
/// `sample`.
const NEEDS_A_RESTART: [&str; 2] =
    ["configmgr_backup_last_restart_attempt_timestamp_seconds", r#"mode="observe"} == 1"#];

/// What a rule asks of a time before the test.
const AN_HOUR_AGO: &str = " offset 1h";

#[test]
fn a_failed_backup_is_told_with_its_cause_and_so_is_its_end_and_every_query_finds_something() {
    let place = Place::new(ONE_SITE);
    let rules = rules();
    let short = place.path("rules.yml");
    fs::write(&short, sooner(rules.clone(), "ConfigMgrBackupExporterDown").to_string()).unwrap();
    let webhook = Webhook::start();
    let Some(alertmanager) = Alertmanager::start(&routes(&webhook)) else { return };
    let demo = place.launch(&["demo", "--remediation.mode=observe"]);
    let target = demo.address();
    let setup = Setup {
        jobs: vec![job(JOB, target)],
        rules: &[&short],
        alertmanager: Some(alertmanager.address()),
        ..Setup::default()
    };
    let Some(prometheus) = Prometheus::start(&setup) else { return };

    // The first live backup fails after some seconds.
    let failed = webhook.until(DEADLINE, "firing", "ConfigMgrBackupFailed");
    says_what_failed(&failed);

    // Now and later each expression runs, and each query finds something in one of the two.
    let runs = |condition: &str| drop(prometheus.query(condition));
    conditions(&rules).for_each(runs);
    let (of_a_fault, mut others): (Vec<_>, Vec<_>) =
        queries(&rules).into_iter().filter(|query| !needs_a_restart(query)).partition(is_of_a_fault);
    assert!(!of_a_fault.is_empty());
    find(&prometheus, DEADLINE, &of_a_fault);
    others.retain(|query| !prometheus.finds(&query.filled()));

    // The next one succeeds.
    webhook.until(NEXT_BACKUPS, "resolved", "ConfigMgrBackupFailed");
    find(&prometheus, NEXT_BACKUPS, &others);
    conditions(&rules).for_each(runs);

    demo.kill();
    let down = webhook.until(DEADLINE, "firing", "ConfigMgrBackupExporterDown");
    assert_eq!(down.alert["labels"]["instance"], target.to_string(), "{down:?}");
    assert_eq!(down.alert["annotations"]["summary"], "An exporter cannot be scraped.", "{down:?}");
    is_shown_as_not_watched(&prometheus);
}

/// The site is still in the fleet, as the worst, although none of its series is there any more.
fn is_shown_as_not_watched(prometheus: &Prometheus) {
    assert!(!prometheus.finds("configmgr_backup_site_info"));
    let [fleet, _] = dashboards::all();
    let row = prometheus.query(&fleet.query("Sites", "A").of_all_sites().filled());
    assert_eq!(row[0]["metric"], json!({ "site_code": "P01" }), "{row}");
    assert_eq!(row[0]["value"][1], "8", "{row}: the number of \"not watched\"");
    assert_eq!(row.as_array().map(Vec::len), Some(1), "{row}");
    let counted = prometheus.query(&fleet.query("Sites by verdict", "H").filled());
    assert_eq!(counted[0]["value"][1], "1", "{counted}");
}

fn says_what_failed(told: &Told) {
    let alert = &told.alert;
    assert_eq!(told.receiver, "tickets", "{alert}");
    assert_eq!(alert["labels"]["severity"], "warning", "{alert}");
    assert_eq!(alert["labels"]["site_code"], "P01", "{alert}");
    let text = |what: &str| alert["annotations"][what].as_str().unwrap_or_default();
    assert_eq!(text("summary"), "The last backup failed and is not about to be tried again.");
    for part in ["site P01", "sharing_violation", "observe_only"] {
        assert!(text("description").contains(part), "{part}: {alert}");
    }
    assert!(text("runbook_url").ends_with("/runbooks/ConfigMgrBackupFailed.md"), "{alert}");
    assert!(text("dashboard_url").ends_with("/configmgr-backup-site?var-site_code=P01"), "{alert}");
}

fn is_of_a_fault(query: &Query) -> bool {
    let mut is_told = ONLY_IN_A_FAULT.iter();
    is_told.any(|(metric, compared)| query.expression.contains(metric) && query.expression.contains(compared))
}

fn needs_a_restart(query: &Query) -> bool {
    NEEDS_A_RESTART.iter().any(|part| query.expression.contains(part))
}

/// Waits until each query has found something.
#[track_caller]
fn find(prometheus: &Prometheus, deadline: Duration, queries: &[Query]) {
    for query in queries {
        let look = || prometheus.finds(&query.filled()).then_some(());
        wait::until(deadline, &format!("a result of {query:?}"), look);
    }
}

/// Every query of the dashboards, and everything that the conditions of the rules are put together from.
fn queries(rules: &Value) -> Vec<Query> {
    let asked = conditions(rules).flat_map(|condition| {
        promql::answers(condition).into_iter().map(move |answer| Query {
            place: format!("rule: {condition}"),
            expression: answer.replace(AN_HOUR_AGO, ""),
        })
    });
    dashboards::every_query().into_iter().chain(asked).collect()
}

/// The shipped rules.
fn rules() -> Value {
    yaml("alerts/configmgr_backup.yml")
}

fn conditions(rules: &Value) -> impl Iterator<Item = &str> {
    let rules = dashboards::list(&rules["groups"]).iter().flat_map(|group| dashboards::list(&group["rules"]));
    rules.map(|rule| rule["expr"].as_str().unwrap())
}

/// The same rules, but for one alert that fires as soon as it is seen twice, and all of them end once their reason has.
fn sooner(mut rules: Value, alert: &str) -> Value {
    let groups = rules["groups"].as_array_mut().unwrap();
    for rule in groups.iter_mut().flat_map(|group| group["rules"].as_array_mut().unwrap()) {
        rule.as_object_mut().unwrap().remove("keep_firing_for");
    }
    let groups = groups.iter_mut();
    let mut found = groups.flat_map(|group| group["rules"].as_array_mut().unwrap());
    let duration = found.find(|rule| rule["alert"] == alert).and_then(|rule| rule.get_mut("for"));
    *duration.expect("a duration to shorten") = json!("1s");
    rules
}

/// The shipped example of routes, with all receivers at one webhook and short times.
fn routes(webhook: &Webhook) -> Value {
    let mut routes = yaml("alerts/alertmanager.yml");
    hasten(&mut routes["route"]);
    for receiver in routes["receivers"].as_array_mut().unwrap() {
        *receiver = json!({ "name": receiver["name"], "webhook_configs": [{ "url": webhook.url() }] });
    }
    routes
}

/// Lets a route and those below it tell at once.
fn hasten(route: &mut Value) {
    let fields = route.as_object_mut().unwrap();
    for time in ["group_wait", "group_interval"] {
        fields.insert(time.to_owned(), json!("1s"));
    }
    fields.get_mut("routes").and_then(Value::as_array_mut).into_iter().flatten().for_each(hasten);
}

fn yaml(path: &str) -> Value {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
