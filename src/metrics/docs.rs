//! `docs/metrics.md`, made from the catalogue.

use std::fmt::Write;

use super::{CATALOGUE, Class, Kind, Read};

const HEAD: &str = "\
# Metrics

Made from the catalogue in `src/metrics/catalogue.rs`; a test keeps it so (`UPDATE_GOLDEN=1` rewrites it).

Every series of a site has the label `site_code`. Timestamps are Unix seconds. Enumerations are gauges with one label,
every value of the closed set exported with 0 or 1. *Absent* tells when a metric is there: `always` from the first
scrape, where what it tells of is configured and has happened; an `event` once history has been read, from then on also
while its source fails, but what tells of the present snapshot (intact, changed files, pages, verification) goes with that
snapshot; a `setting` once it is known, from then on; an `observation` while its source can be read (dropped after three
failed polls); a `judgement` once every source has reported once. Of all but `always` nothing is there on the passive site
server; what tells of the machine itself (`node`) is there on both, once every source has reported once. *Meaning* names
what else has to be so. What was never known is absent, never 0.

| Metric | Type | Labels | Absent | Meaning |
|---|---|---|---|---|
";

/// The whole document.
pub fn markdown() -> String {
    let mut text = HEAD.to_owned();
    for metric in CATALOGUE {
        let kind = match metric.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Info => "info",
        };
        let class = match metric.class {
            Class::Always => "always",
            Class::Event => "event",
            Class::Setting => "setting",
            Class::Observation => "observation",
            Class::Judgement => "judgement",
            Class::Node => "node",
        };
        let site = matches!(metric.read, Read::Site(_)).then_some("site_code");
        let labels: Vec<_> =
            site.into_iter().chain(metric.labels.iter().copied()).map(|l| format!("`{l}`")).collect();
        // Writing to a String cannot fail.
        let (name, labels, help) = (metric.full_name(), labels.join(" "), metric.help);
        let _ = writeln!(text, "| `{name}` | {kind} | {labels} | {class} | {help} |");
    }
    text
}
