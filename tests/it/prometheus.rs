//! A real Prometheus scrapes the real program: what a user's queries return is what the log states.

use std::io::Write;
use std::process::{Command, Stdio};

use chrono::TimeDelta;

use crate::support::backups::{run, successes, task};
use crate::support::process::{DEADLINE, ONE_SITE, Place};
use crate::support::prometheus::Prometheus;
use crate::support::{http, tool, wait};

#[test]
fn queries_return_what_the_log_states() {
    let place = Place::new(ONE_SITE);
    let success = run("P01", &task("P01").success(), TimeDelta::hours(30));
    place.append(&success);
    place.append(&run("P01", &task("P01").stopped(), TimeDelta::hours(6)));
    let exporter = place.start();
    exporter.until_ok("/-/ready");
    let Some(server) = Prometheus::scraping(exporter.address()) else { return };

    let up = server.query_until_found(DEADLINE, r#"up{job="exporter"} == 1"#);
    assert_eq!(up.as_array().map(Vec::len), Some(1), "{up}");
    let found = server.query_until_found(DEADLINE, "configmgr_backup_last_success_timestamp_seconds");
    assert_eq!(found[0]["metric"]["site_code"], "P01", "{found}");
    let stated = time_of(&success, "STATMSG: ID=5035 ");
    let value: f64 = found[0]["value"][1].as_str().and_then(|value| value.parse().ok()).expect("a number");
    assert!((value - stated).abs() < 0.0005, "{value} instead of {stated}");
    let failed = server.query_until_found(DEADLINE, "configmgr_backup_last_run_failed == 1");
    assert_eq!(failed.as_array().map(Vec::len), Some(1), "{failed}");

    // Everything that is exported arrived.
    let exported = exporter.scrape().0.len();
    let scraped = wait::until(DEADLINE, "a scrape of all samples", || {
        let found = server.query("scrape_samples_scraped");
        let scraped: usize = found[0]["value"][1].as_str()?.parse().ok()?;
        (scraped >= exported).then_some(scraped)
    });
    assert!(scraped <= exporter.scrape().0.len(), "{scraped}");
    let targets = http::get(server.address(), "/api/v1/targets", &[]).json();
    let target = &targets["data"]["activeTargets"][0];
    assert_eq!(
        (target["health"].as_str(), target["lastError"].as_str()),
        (Some("up"), Some("")),
        "{targets}"
    );
    let log = server.log();
    let complaints: Vec<_> =
        log.lines().filter(|line| line.contains("level=warn") || line.contains("level=error")).collect();
    assert_eq!(complaints, Vec::<&str>::new());
}

/// The time that the newest line with this text states, in seconds.
fn time_of(log: &str, text: &str) -> f64 {
    let line = log.lines().rev().find(|line| line.contains(text)).expect("the line");
    let stamp = line
        .rsplit_once("$$<SMS_SITE_BACKUP><")
        .and_then(|(_, rest)| rest.split_once("+000>"))
        .expect("a time");
    let time = chrono::NaiveDateTime::parse_from_str(stamp.0, "%m-%d-%Y %H:%M:%S%.3f").expect("a time");
    time.and_utc().timestamp_millis() as f64 / 1000.0
}

/// What Prometheus 2 sends.
const ACCEPT: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                      text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

#[test]
fn prometheus_is_answered_in_openmetrics() {
    let place = Place::new(ONE_SITE);
    place.append(&successes("P01", 2));
    let exporter = place.start();
    exporter.until_ok("/-/ready");
    let response = http::get(exporter.address(), "/metrics", &[("Accept", ACCEPT)]);
    let kind = response.header("content-type").expect("a content type");
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0; charset=utf-8"), "{kind}");
    assert!(response.text().ends_with("\n# EOF\n"));
}

#[test]
fn promtool_has_nothing_to_say_about_the_live_exposition() {
    let Some(promtool) = tool("promtool") else { return };
    let place = Place::new(ONE_SITE);
    place.append(&successes("P01", 2));
    let exporter = place.start();
    exporter.until_ok("/-/ready");
    let exposition = exporter.get("/metrics");
    let mut command = Command::new(promtool);
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("promtool starts");
    process.stdin.take().expect("a pipe").write_all(&exposition.body).expect("promtool reads");
    let output = process.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}
