//! The resolved configuration as text, each value followed by where it came from.
//!
//! What it writes is itself a valid configuration with the same meaning: what is not set is a comment.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use super::duration::format_duration;
use super::{Config, DEFAULT_RETENTION, LogConfig, SiteConfig};
use crate::schedule::{EVERY_DAY, Schedule};
use crate::trace::UserPatterns;

/// The configuration as YAML, one value a line, each with `# where it came from`.
pub fn describe(config: &Config) -> String {
    let mut text = String::from("sites:\n");
    for site in &config.sites {
        Report { text: &mut text, site }.site();
    }
    text
}

struct Report<'a> {
    text: &'a mut String,
    site: &'a SiteConfig,
}

impl Report<'_> {
    fn site(&mut self) {
        let settings = &self.site.settings;
        self.line("  - code: ", settings.code, "code");
        match settings.role {
            Some(role) => self.line("    role: ", role, "role"),
            None => self.unset("    # role: unknown, judged as hierarchy"),
        }
        self.line(
            "    retention: ",
            format_duration(settings.retention.unwrap_or(DEFAULT_RETENTION)),
            "retention",
        );
        match &self.site.log {
            Some(log) => self.log(log),
            None => self.unset("    # log: not watched"),
        }
        match &settings.schedule {
            Some(schedule) => self.schedule(schedule),
            None => self.unset("    # schedule: unknown"),
        }
        self.heading("    judgement:");
        self.line("      grace: ", format_duration(settings.timings.grace), "judgement.grace");
        self.line("      settle: ", format_duration(settings.timings.settle), "judgement.settle");
        self.measured("stalled_after", settings.stalled_after, "three times the median of the successes");
        self.measured("expected_duration", settings.expected_duration, "the median of the last successes");
        self.patterns(&self.site.patterns);
    }

    fn log(&mut self, log: &LogConfig) {
        self.heading("    log:");
        self.line("      path: ", quoted(&log.path.to_string_lossy()), "log.path");
        self.line("      interval: ", format_duration(log.interval), "log.interval");
    }

    fn schedule(&mut self, schedule: &Schedule) {
        self.heading("    schedule:");
        let days = match schedule.days {
            EVERY_DAY => "daily".to_owned(),
            _ => format!("[{}]", schedule.day_names().collect::<Vec<_>>().join(", ")),
        };
        self.line("      days: ", days, "schedule.days");
        self.line("      begin: ", schedule.begin_label(), "schedule.begin");
        self.line("      latest_begin: ", schedule.latest_begin_label(), "schedule.latest_begin");
        self.line("      time_zone: ", schedule.zone, "schedule.time_zone");
    }

    fn patterns(&mut self, patterns: &UserPatterns) {
        if patterns.success.is_empty() && patterns.failure.is_empty() {
            return self.unset("    # patterns: the built-in ones");
        }
        self.heading("    patterns:");
        if !patterns.success.is_empty() {
            self.heading("      success:");
        }
        for (index, regex) in patterns.success.iter().enumerate() {
            self.line("        - ", quoted(regex.as_str()), &format!("patterns.success[{index}]"));
        }
        if !patterns.failure.is_empty() {
            self.heading("      failure:");
        }
        for (index, (regex, cause)) in patterns.failure.iter().enumerate() {
            let value = format!("{{ match: {}, cause: {cause} }}", quoted(regex.as_str()));
            self.line("        - ", value, &format!("patterns.failure[{index}]"));
        }
    }

    /// A duration that the runs themselves tell where nobody set it.
    fn measured(&mut self, key: &str, value: Option<Duration>, otherwise: &str) {
        match value {
            Some(value) => {
                self.line(&format!("      {key}: "), format_duration(value), &format!("judgement.{key}"));
            }
            None => self.unset(&format!("      # {key}: {otherwise}")),
        }
    }

    fn heading(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn line(&mut self, start: &str, value: impl Display, key: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{start}{value}  # {}", self.site.origins.of(key));
    }

    fn unset(&mut self, text: &str) {
        self.heading(&format!("{text}  # default"));
    }
}

/// A text in YAML's single quotes, in which nothing but the quote itself is special.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
