//! Every route of the contract on the real program: status, content type, methods, formats.

use std::io::Read;

use chrono::TimeDelta;
use flate2::read::GzDecoder;

use crate::support::backups::{run, successes, task};
use crate::support::process::{Exporter, ONE_SITE, Place, Samples};
use crate::support::{http, openmetrics};

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A site that was backed up every day, and then this.
fn after(last: &str) -> (Place, Exporter) {
    let place = Place::new(ONE_SITE);
    place.append(&successes("P01", 10));
    place.append(last);
    let exporter = place.start();
    exporter.until_ok("/-/ready");
    (place, exporter)
}

fn content_type(response: &http::Response) -> &str {
    response.header("content-type").expect("a content type")
}

#[test]
fn each_route_answers_as_promised() {
    let (_place, exporter) = after("");
    let address = exporter.address();
    for (path, status, kind) in [
        ("/", 200, HTML),
        ("/metrics", 200, EXPOSITION),
        ("/-/healthy", 200, TEXT),
        ("/-/ready", 200, TEXT),
        ("/health/backup", 200, JSON),
        ("/health/backup/P01", 200, JSON),
        ("/health/backup/P99", 404, TEXT),
        ("/health/backup/nonsense", 404, TEXT),
        ("/api/v1/sites", 200, JSON),
        ("/api/v1/sites/P01/runs", 200, JSON),
        ("/api/v1/sites/P99/runs", 404, TEXT),
        ("/api/v1", 404, TEXT),
        ("/metrics/", 404, TEXT),
        ("/favicon.ico", 404, TEXT),
    ] {
        let response = http::get(address, path, &[]);
        assert_eq!((response.status, content_type(&response)), (status, kind), "GET {path}");
        assert!(!response.body.is_empty(), "GET {path}");
        let head = http::request("HEAD", address, path, &[]).expect("an answer");
        assert_eq!((head.status, content_type(&head), head.body.len()), (status, kind, 0), "HEAD {path}");
        if path != "/metrics" && path != "/" {
            assert_eq!(head.header("content-length"), Some(&*response.body.len().to_string()), "HEAD {path}");
        }
        for method in ["POST", "PUT", "DELETE"] {
            let refused = http::request(method, address, path, &[]).expect("an answer");
            assert_eq!(
                (refused.status, refused.header("allow")),
                (405, Some("GET, HEAD")),
                "{method} {path}"
            );
        }
    }
}

#[test]
fn backup_health_tells_probes_how_the_backups_are() {
    let failed = run("P01", &task("P01").lasting(TimeDelta::minutes(30)).stopped(), TimeDelta::hours(1));
    let error = run("P01", &task("P01").after_backup_fails(), TimeDelta::hours(2));
    for (last, status, verdict) in [("", 200, "healthy"), (&error, 200, "degraded"), (&failed, 503, "failed")]
    {
        let (_place, exporter) = after(last);
        let all = exporter.get("/health/backup");
        let one = exporter.get("/health/backup/P01");
        assert_eq!((all.status, one.status), (status, status), "{verdict}: {}", one.text());
        assert_eq!(one.json()["verdict"], verdict);
        assert_eq!(all.json()[0], one.json());
        assert!(one.json()["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
        let checks = one.json()["checks"].clone();
        let failing: Vec<_> =
            checks.as_array().expect("checks").iter().filter(|check| check["passed"] == false).collect();
        assert_eq!(failing.is_empty(), verdict == "healthy", "{failing:?}");
        for check in failing {
            assert!(check["advice"].as_str().is_some_and(|advice| !advice.is_empty()), "{check}");
        }
    }
}

#[test]
fn without_evidence_backup_health_is_not_well() {
    let place = Place::new(ONE_SITE);
    let exporter = place.start();
    exporter.until_ok("/-/ready");
    for path in ["/health/backup", "/health/backup/P01"] {
        assert_eq!(exporter.get(path).status, 503, "{path}");
    }
    assert_eq!(exporter.get("/health/backup/P01").json()["verdict"], "unknown");
    assert_eq!(exporter.get("/api/v1/sites/P01/runs").json(), serde_json::json!([]));
}

#[test]
fn runs_are_served_as_the_log_command_prints_them() {
    let (place, exporter) = after(&run("P01", &task("P01").stopped(), TimeDelta::hours(1)));
    let served = exporter.get("/api/v1/sites/P01/runs").json();
    assert_eq!(served.as_array().map(Vec::len), Some(11));
    assert_eq!(served[10]["cause"], "service_stopped");
    let log = place.log();
    let output = place.output(&["log", "--format=json", &log.to_string_lossy()]);
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(served, printed);
}

#[test]
fn metrics_come_in_the_format_that_is_asked_for() {
    let (_place, exporter) = after("");
    let get = |accept: &str| http::get(exporter.address(), "/metrics", &[("Accept", accept)]);
    let open = get("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5");
    assert!(content_type(&open).starts_with("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(open.text().ends_with("# EOF\n"));
    let newer = get("text/plain;version=1.0.0");
    assert!(content_type(&newer).starts_with("text/plain; version=1.0.0; charset=utf-8"));
    let text = get("text/html, */*;q=0.1");
    assert_eq!(content_type(&text), EXPOSITION);
    assert!(text.header("vary").is_some_and(|vary| vary.contains("Accept")));
    assert!(!text.text().contains("# EOF"));

    // Only what changes between two scrapes may differ.
    let steady = |body: &str| -> Vec<u8> {
        let moving = ["process_", "log_messages", "source_", "log_", "checkpoint"];
        let lines = body.lines().filter(|line| !moving.iter().any(|word| line.contains(word)));
        lines.flat_map(|line| format!("{line}\n").into_bytes()).collect()
    };
    openmetrics::assert_same(&steady(open.text()), &steady(text.text()));
    // Both versions of the text are one text where every name is of the classic characters.
    assert_eq!(String::from_utf8(steady(newer.text())), String::from_utf8(steady(text.text())));
    let values =
        |response: &http::Response| Samples::parse(&String::from_utf8(steady(response.text())).unwrap());
    assert!(values(&open).0.len() > 50, "{}", open.text());
    assert_eq!(values(&open), values(&text));
}

#[test]
fn large_answers_are_compressed_for_those_who_ask() {
    let (_place, exporter) = after("");
    for path in ["/metrics", "/", "/api/v1/sites/P01/runs"] {
        let plain = exporter.get(path);
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        let packed = http::get(exporter.address(), path, &[("Accept-Encoding", "gzip")]);
        assert_eq!(packed.header("content-encoding"), Some("gzip"), "{path}");
        assert!(packed.body.len() * 3 < plain.body.len(), "{path}");
        let mut unpacked = String::new();
        GzDecoder::new(&packed.body[..]).read_to_string(&mut unpacked).expect("gzip");
        if path == "/metrics" {
            let series = |text: &str| Samples::parse(text).0.into_keys().collect::<Vec<_>>();
            assert_eq!(series(&unpacked), series(plain.text()));
        }
        assert!(packed.header("vary").is_some_and(|vary| vary.contains("Accept-Encoding")), "{path}");
    }
    let small = http::get(exporter.address(), "/-/healthy", &[("Accept-Encoding", "gzip")]);
    assert_eq!((small.header("content-encoding"), small.text()), (None, "healthy\n"));
}

#[test]
fn flags_move_the_metrics_and_leave_out_the_process() {
    let place = Place::new(ONE_SITE);
    place.append(&successes("P01", 1));
    let exporter = place.launch(&["--web.telemetry-path=/probe/me", "--web.disable-exporter-metrics"]);
    exporter.until_ok("/-/ready");
    assert_eq!(exporter.get("/metrics").status, 404);
    assert!(exporter.get("/").text().contains("href=\"probe/me\""), "a link that works behind a proxy too");
    let moved = exporter.get("/probe/me");
    assert_eq!((moved.status, content_type(&moved)), (200, EXPOSITION));
    let samples = Samples::parse(moved.text());
    let process: Vec<_> = samples.0.keys().filter(|series| series.starts_with("process_")).collect();
    assert_eq!(process, Vec::<&String>::new());
    // An alert is made of it.
    assert_eq!(samples.get("exporter_config_last_reload_successful"), Some(1.0));
    assert!(samples.get("runs_total{site_code=\"P01\"}").is_some());
}
