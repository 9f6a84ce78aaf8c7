//! What scrapes of the simulated exporters brought: the series that the shipped rules read, on a clock that begins at 0 as
//! promtool's does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use configmgr_backup_exporter::site::Timestamp;

use super::notation::notation;
use super::rules::rules;

/// What scrapes brought.
pub(super) struct Recording {
    start: Timestamp,
    /// How many scrapes, and the minutes between two.
    steps: usize,
    step: i64,
    /// The metrics that the rules read, and of one of them only these checks.
    metrics: BTreeSet<String>,
    checks: BTreeSet<String>,
    /// The values of each series, up to its last step.
    series: BTreeMap<String, Vec<Option<String>>>,
}

impl Recording {
    /// One that begins now, of the metrics that the rules read.
    pub(super) fn new(start: Timestamp, steps: usize, step: i64) -> Self {
        let (metrics, checks) =
            rules().iter().map(|rule| (rule.metrics(), rule.checks())).unzip::<_, _, Vec<_>, Vec<_>>();
        let [metrics, checks] = [metrics, checks].map(|all| all.into_iter().flatten().collect());
        Self { start, steps, step, metrics, checks, series: BTreeMap::new() }
    }

    /// Adds what a scrape of a target brings, if a rule reads it.
    pub(super) fn scrape(&mut self, target: &str, text: &str, step: usize) {
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap();
            if self.is_read(name, labels) {
                let value =
                    if name.ends_with("_timestamp_seconds") { self.since(value) } else { value.to_owned() };
                self.add(format!("{name}{{{target},{labels}"), step, value);
            }
        }
    }

    /// The series as the input of a test by promtool.
    pub(super) fn input(&self) -> String {
        let mut input = format!("  interval: {}m\n  input_series:\n", self.step);
        for (series, values) in &self.series {
            let mut values = values.clone();
            values.resize(self.steps, None);
            let _ = writeln!(input, "  - series: '{series}'\n    values: '{}'", notation(&values));
        }
        input
    }

    fn is_read(&self, metric: &str, labels: &str) -> bool {
        let check = labels.split_once("check=\"").and_then(|(_, check)| check.split('"').next());
        self.metrics.contains(metric) && check.is_none_or(|check| self.checks.contains(check))
    }

    /// Adds a value at a step.
    pub(super) fn add(&mut self, series: String, step: usize, value: String) {
        let values = self.series.entry(series).or_default();
        values.resize(step, None);
        values.push(Some(value));
    }

    /// A Unix time as seconds since the recording began.
    fn since(&self, value: &str) -> String {
        let milliseconds =
            (value.parse::<f64>().unwrap() * 1000.0).round() - self.start.timestamp_millis() as f64;
        (milliseconds / 1000.0).to_string()
    }
}
