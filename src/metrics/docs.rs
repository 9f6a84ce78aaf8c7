//! `docs/metrics.md`, made from the catalogue.

use std::fmt::Write;

use super::{CATALOGUE, Class, Kind, Read};

const HEAD: &str = "\
# Metrics

Made from the catalogue in `src/metrics/catalogue.rs`; a test keeps it so (`UPDATE_GOLDEN=1` rewrites it).

Every series of a site has the label `site_code`. Timestamps are Unix seconds. Enumerations are gauges with one label,
every value of the closed set exported with 0 or 1. *Absent* tells when a metric is not there: `always` there from the
first scrape; an `event` once history has been read, then for ever; a `setting` once it is known, then for ever; an
`observation` while its source can be read (dropped after three failed polls); a `judgement` once every source has
reported once. Of these nothing is there on the passive site server; what tells of the machine itself (`node`) is there
on both, once every source has reported once. What was never known is absent, never 0.

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
