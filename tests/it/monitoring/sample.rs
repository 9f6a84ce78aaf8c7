//! What the demo exposes after the exporter has restarted a failed backup: the queries that need a restart find
//! something, and `docs/sample-metrics.txt` shows what everybody would get.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::{JOB, NEXT_BACKUPS, find, needs_a_restart, queries, rules};
use crate::support::process::{DEADLINE, ONE_SITE, Place, Samples};
use crate::support::prometheus::{Prometheus, Setup, job};
use crate::support::{golden, tool, wait};

/// Labels that depend on the build or on the time of day, and what the sample has instead.
const FIXED: [(&str, &str); 5] = [
    ("version", "1.0.0"),
    ("revision", "0123456789abcdef0123456789abcdef01234567"),
    ("rustversion", "1.95.0"),
    ("begin", "02:00"),
    ("latest_begin", "05:00"),
];

#[test]
fn after_a_restart_its_queries_find_something_and_the_sample_is_what_the_demo_exposes() {
    let place = Place::new(ONE_SITE);
    let demo = place.launch(&["demo"]);
    let scraped = wait::until(NEXT_BACKUPS, "the demo to be healthy after a restart", || {
        let response = demo.get("/metrics");
        is_complete(&Samples::parse(response.text())).then(|| response.text().to_owned())
    });
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sample-metrics.txt");
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    let difference = golden::differs(&file, &with_values_of(&kept, &fixed(&scraped)));
    assert!(difference.is_none(), "{}", difference.unwrap_or_default());

    let setup = Setup { jobs: vec![job(JOB, demo.address())], ..Setup::default() };
    let Some(prometheus) = Prometheus::start(&setup) else { return };
    let mut queries = queries(&rules());
    queries.retain(needs_a_restart);
    assert!(!queries.is_empty());
    find(&prometheus, DEADLINE, &queries);
}

#[test]
fn promtool_has_nothing_to_say_about_the_sample() {
    let Some(promtool) = tool("promtool") else { return };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sample-metrics.txt");
    let sample = std::fs::File::open(file).expect("the sample");
    let output = Command::new(promtool).args(["check", "metrics"]).stdin(sample).output().expect("promtool");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

/// Whether a restarted backup has succeeded, was looked at and verified, and nothing goes on.
fn is_complete(samples: &Samples) -> bool {
    let value = |name: &str, label: &str| samples.get(&format!("{name}{{site_code=\"P01\"{label}}}"));
    value("verdict", ",verdict=\"healthy\"") == Some(1.0)
        && value("restart_attempts_total", "") >= Some(1.0)
        && value("run_in_progress", "") == Some(0.0)
        && value("snapshot_intact", "") == Some(1.0)
        && value("snapshot_files_changed", "") == Some(0.0)
}

/// The lines with the labels that a sample has.
fn fixed(exposition: &str) -> String {
    let put_in = |line: &str| {
        FIXED.iter().fold(line.to_owned(), |line, (name, value)| {
            // Of `site_version` only the end is `version`.
            let Some(at) = [format!("{{{name}=\""), format!(",{name}=\"")]
                .iter()
                .find_map(|start| line.find(start).map(|at| at + start.len()))
            else {
                return line;
            };
            let end = line[at..].find('"').map_or(line.len(), |length| at + length);
            format!("{}{value}{}", &line[..at], &line[end..])
        })
    };
    exposition
        .lines()
        .map(|line| if line.starts_with('#') { line.to_owned() } else { put_in(line) } + "\n")
        .collect()
}

/// An exposition with the values that an older one has for the same series: none of them matters.
fn with_values_of(older: &str, exposition: &str) -> String {
    let samples = |text| str::lines(text).filter_map(|line| line.rsplit_once(' '));
    let known: BTreeMap<_, _> = samples(older).filter(|(series, _)| !series.starts_with('#')).collect();
    let line =
        |line: &str| match line.rsplit_once(' ').and_then(|(series, _)| Some((series, known.get(series)?))) {
            Some((series, value)) => format!("{series} {value}\n"),
            None => format!("{line}\n"),
        };
    exposition.lines().map(line).collect()
}
