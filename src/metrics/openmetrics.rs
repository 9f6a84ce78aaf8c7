//! OpenMetrics 1.0: the same samples as the text format, with units and the kinds it does not know.
//!
//! A counter's family has no `_total` and an info's no `_info`; their samples do. HELP escapes quotes too.

use std::fmt::Write;

use prometheus::proto::Metric as Sample;

use super::{Kind, Metric, Unit};

/// Writes one family.
pub(super) fn write(metric: &Metric, samples: &[Sample], text: &mut String) {
    let name = metric.full_name();
    let (family, kind) = match metric.kind {
        Kind::Counter => (name.strip_suffix("_total").unwrap_or(&name), "counter"),
        Kind::Info => (name.strip_suffix("_info").unwrap_or(&name), "info"),
        Kind::Gauge => (name.as_str(), "gauge"),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# TYPE {family} {kind}");
    let unit = match metric.unit {
        Unit::None => None,
        Unit::Seconds => Some("seconds"),
        Unit::Bytes => Some("bytes"),
    };
    if let Some(unit) = unit.filter(|unit| family.ends_with(&format!("_{unit}"))) {
        let _ = writeln!(text, "# UNIT {family} {unit}");
    }
    text.push_str("# HELP ");
    text.push_str(family);
    text.push(' ');
    escape(metric.help, text);
    text.push('\n');
    for sample in samples {
        text.push_str(&name);
        for (index, label) in sample.get_label().iter().enumerate() {
            text.push(if index == 0 { '{' } else { ',' });
            text.push_str(label.name());
            text.push_str("=\"");
            escape(label.value(), text);
            text.push('"');
        }
        if !sample.get_label().is_empty() {
            text.push('}');
        }
        let value = match metric.kind {
            Kind::Counter => sample.get_counter().get_value(),
            Kind::Gauge | Kind::Info => sample.get_gauge().get_value(),
        };
        let _ = writeln!(text, " {value}");
    }
}

fn escape(value: &str, text: &mut String) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
}
