//! What is exported: one catalogue, read from published state, encoded in the formats of the Prometheus world.
//!
//! A scrape touches no disk, no database and no service; it judges the published state at the present moment and
//! writes it down family by family.

mod catalogue;
mod copies;
mod docs;
mod openmetrics;
mod process;
mod read;
mod restart;
mod services;

pub use catalogue::{CATALOGUE, Class, Kind, METRIC_PREFIX, Metric, Read, Unit};
pub use docs::markdown;
pub use process::ProcessMetrics;

use prometheus::TextEncoder;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric as Sample, MetricFamily, MetricType};

use crate::assessment::{Assessment, assess};
use crate::site::{ClosedSet, Timestamp};
use crate::state::{Published, SiteState};

/// The formats that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text, 0.0.4 and 1.0.0, which do not differ for plain names.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// One site as a metric reads it.
#[derive(Debug)]
pub struct SiteView<'a> {
    /// What is known.
    pub state: &'a SiteState,
    /// What it means now.
    pub assessment: &'a Assessment,
}

/// The samples of one family for one site or for the process.
#[derive(Debug)]
pub struct Samples<'a> {
    metric: &'a Metric,
    site_code: Option<&'a str>,
    samples: Vec<Sample>,
}

impl Samples<'_> {
    /// Adds a sample; `labels` are the values of the metric's own labels, in its order.
    pub(crate) fn push(&mut self, labels: &[&str], value: f64) {
        debug_assert_eq!(labels.len(), self.metric.labels.len(), "{}", self.metric.name);
        let pair = |(name, value): (&str, &str)| {
            let mut pair = LabelPair::default();
            pair.set_name(name.to_owned());
            pair.set_value(value.to_owned());
            pair
        };
        let site = self.site_code.map(|code| ("site_code", code));
        let own = self.metric.labels.iter().copied().zip(labels.iter().copied());
        let mut sample = Sample::from_label(site.into_iter().chain(own).map(pair).collect());
        match self.metric.kind {
            Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                sample.set_counter(counter);
            }
            Kind::Gauge | Kind::Info => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                sample.set_gauge(gauge);
            }
        }
        self.samples.push(sample);
    }

    /// Adds the one sample of a metric without labels of its own, if its value is known.
    pub(crate) fn maybe(&mut self, value: Option<impl Number>) {
        if let Some(value) = value {
            self.push(&[], value.number());
        }
    }

    /// Adds one sample for each member of a closed set: 1 for those that `is` says, else 0.
    pub(crate) fn each<T: ClosedSet>(&mut self, is: impl Fn(T) -> bool) {
        for member in T::ALL {
            self.push(&[member.label()], f64::from(u8::from(is(*member))));
        }
    }
}

/// What can be the value of a sample.
pub(crate) trait Number {
    /// The value in the metric's unit.
    fn number(self) -> f64;
}

impl Number for bool {
    fn number(self) -> f64 {
        f64::from(u8::from(self))
    }
}

impl Number for u32 {
    fn number(self) -> f64 {
        f64::from(self)
    }
}

impl Number for u64 {
    fn number(self) -> f64 {
        self as f64
    }
}

impl Number for f64 {
    fn number(self) -> f64 {
        self
    }
}

impl Number for Timestamp {
    fn number(self) -> f64 {
        // Milliseconds are all that logs have, and all that a float of this size holds exactly.
        self.timestamp_millis() as f64 / 1000.0
    }
}

impl Number for chrono::TimeDelta {
    fn number(self) -> f64 {
        self.num_milliseconds() as f64 / 1000.0
    }
}

impl Number for std::time::Duration {
    fn number(self) -> f64 {
        self.as_secs_f64()
    }
}

/// Everything there is to export at a moment, in one of the formats.
///
/// Without `process` only the sites are exported.
pub fn encode(
    published: &Published,
    process: Option<&ProcessMetrics>,
    now: Timestamp,
    format: Format,
) -> String {
    let sites: Vec<_> =
        published.sites.iter().map(|(code, state)| (code.as_str(), state, assess(state, now))).collect();
    let process = process.map(|process| process.view(published));
    let mut text = String::with_capacity(32 << 10);
    for metric in CATALOGUE {
        let mut samples = Samples { metric, site_code: None, samples: Vec::new() };
        match metric.read {
            Read::Site(read) => {
                for (code, state, assessment) in &sites {
                    if metric.class.is_known(state) {
                        samples.site_code = Some(code);
                        read(&SiteView { state, assessment }, &mut samples);
                    }
                }
            }
            Read::Process(read) => {
                if let Some(view) = &process {
                    read(view, &mut samples);
                }
            }
        }
        // An encoder refuses a family without samples; such a family is just not there.
        if !samples.samples.is_empty() {
            write(metric, samples.samples, format, &mut text);
        }
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn write(metric: &Metric, samples: Vec<Sample>, format: Format, text: &mut String) {
    if format == Format::OpenMetrics {
        return openmetrics::write(metric, &samples, text);
    }
    let mut family = MetricFamily::default();
    family.set_name(metric.full_name());
    family.set_help(metric.help.to_owned());
    family.set_field_type(match metric.kind {
        Kind::Counter => MetricType::COUNTER,
        Kind::Gauge | Kind::Info => MetricType::GAUGE,
    });
    family.set_metric(samples);
    if let Err(error) = TextEncoder::new().encode_utf8(&[family], text) {
        tracing::error!(metric = metric.name, %error, "metric not encoded; please report this");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `value` of a label and of HELP becomes in a format.
    fn written(kind: Kind, name: &'static str, value: &'static str, format: Format) -> String {
        let metric = Metric {
            name,
            kind,
            unit: Unit::None,
            labels: &["path", "also"],
            class: Class::Always,
            help: value,
            read: Read::Process(|_, _| {}),
        };
        let mut samples = Samples { metric: &metric, site_code: None, samples: Vec::new() };
        samples.push(&[value, "x"], 1.5);
        let mut text = String::new();
        write(&metric, samples.samples, format, &mut text);
        text
    }

    #[test]
    fn labels_and_help_are_escaped_as_each_format_wants_it() {
        const RAW: &str = "C:\\new \"quoted\"\nπ \u{1F4BE}\r\t";
        const LABEL: &str = "C:\\\\new \\\"quoted\\\"\\nπ \u{1F4BE}\r\t";
        const TEXT_HELP: &str = "C:\\\\new \"quoted\"\\nπ \u{1F4BE}\r\t";
        for (kind, name, family, kind_name) in [
            (Kind::Gauge, "a", "a", "gauge"),
            (Kind::Counter, "a_total", "a", "counter"),
            (Kind::Info, "a_info", "a", "info"),
        ] {
            let sample = format!("{METRIC_PREFIX}{name}{{path=\"{LABEL}\",also=\"x\"}} 1.5\n");
            let (full, family) = (format!("{METRIC_PREFIX}{name}"), format!("{METRIC_PREFIX}{family}"));
            let text_kind = if kind == Kind::Info { "gauge" } else { kind_name };
            assert_eq!(
                written(kind, name, RAW, Format::Text),
                format!("# HELP {full} {TEXT_HELP}\n# TYPE {full} {text_kind}\n{sample}")
            );
            assert_eq!(
                written(kind, name, RAW, Format::OpenMetrics),
                format!("# TYPE {family} {kind_name}\n# HELP {family} {LABEL}\n{sample}")
            );
        }
    }
}
