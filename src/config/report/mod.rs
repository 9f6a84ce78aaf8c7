//! The resolved configuration as text, each value followed by where it came from.
//!
//! What it writes is itself a valid configuration with the same meaning: what is not set is a comment.

mod database;
mod services;

use std::fmt::{Display, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::discovery::OF_TASK;
use super::duration::format_duration;
use super::size::format_size;
use super::{
    ArchiveConfig, Config, DEFAULT_RETENTION, EventLogConfig, Freshness, LogConfig, RecoveryDrill,
    SiteConfig, SnapshotConfig, SupplementalConfig, VerifyConfig,
};
use crate::schedule::{EVERY_DAY, Schedule, Zone};
use crate::site::TaskWindow;
use crate::trace::UserPatterns;

/// The configuration as YAML, one value a line, each with `# where it came from`.
pub fn describe(config: &Config) -> String {
    let mut text: String = config.notices.iter().map(|notice| format!("# {notice}.\n")).collect();
    text.push_str("sites:\n");
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
        let is_asked = settings.database.is_some();
        self.line("  - code: ", settings.code, "code");
        match (settings.role, settings.discovered_role) {
            (Some(role), _) => self.line("    role: ", role, "role"),
            (None, Some(role)) => self.line(
                if is_asked { "    # role: as the site database says, until then " } else { "    role: " },
                role,
                "role",
            ),
            (None, None) => self.unset(if is_asked {
                "    # role: as the site database says, until then judged as hierarchy"
            } else {
                "    # role: unknown, judged as hierarchy"
            }),
        }
        match settings.protection {
            Some(protection) => self.line("    protection: ", protection, "protection"),
            None => self.unset(if is_asked {
                "    # protection: told from the site database, else task"
            } else {
                "    # protection: task"
            }),
        }
        self.line(
            "    retention: ",
            format_duration(settings.retention.unwrap_or(DEFAULT_RETENTION)),
            "retention",
        );
        match &self.site.log {
            Some(log) => self.log(log),
            None => self.off("log"),
        }
        match &self.site.event_log {
            Some(log) => self.event_log(log),
            None => self.off("event_log"),
        }
        match (&settings.snapshot, &settings.snapshot_of_task) {
            (Some(snapshot), _) => self.snapshot(&quoted_path(&snapshot.path), snapshot),
            (None, Some(of_task)) => self.snapshot(OF_TASK, of_task.anywhere()),
            (None, None) => self.off("snapshot"),
        }
        self.supplemental(&self.site.settings.supplemental);
        match &settings.recovery_drill {
            Some(drill) => self.recovery_drill(drill),
            None => self.unset("    # recovery_drill: unknown"),
        }
        self.database();
        self.package_sources(&settings.package_sources);
        self.services(settings.services.as_ref());
        self.remediation(&settings.remediation, settings.services.is_some());
        self.schedule(settings.schedule, settings.time_zone);
        self.heading("    judgement:");
        self.line("      grace: ", format_duration(settings.timings.grace), "judgement.grace");
        self.line("      settle: ", format_duration(settings.timings.settle), "judgement.settle");
        self.measured("stalled_after", settings.stalled_after, "three times the median of the successes");
        self.measured("expected_duration", settings.expected_duration, "the median of the last successes");
        self.patterns(&self.site.patterns);
    }

    fn log(&mut self, log: &LogConfig) {
        self.heading("    log:");
        self.line("      path: ", quoted_path(&log.path), "log.path");
        self.line("      interval: ", format_duration(log.interval), "log.interval");
    }

    fn event_log(&mut self, log: &EventLogConfig) {
        self.heading("    event_log:");
        self.line("      path: ", quoted_path(&log.path), "event_log.path");
        self.line("      interval: ", format_duration(log.interval), "event_log.interval");
    }

    fn snapshot(&mut self, path: &str, snapshot: &SnapshotConfig) {
        self.heading("    snapshot:");
        self.line("      path: ", path, "snapshot.path");
        match &snapshot.database_path {
            Some(path) => self.line("      database_path: ", quoted_path(path), "snapshot.database_path"),
            None => self.unset("      # database_path: with the rest"),
        }
        match &snapshot.control_file {
            Some(path) => self.line("      control_file: ", quoted_path(path), "snapshot.control_file"),
            None => self.unset("      # control_file: not watched"),
        }
        self.archives(&snapshot.archives);
        let VerifyConfig { pages, interval, rate_limit, settle } = snapshot.verify;
        self.heading("      verify:");
        self.line("        pages: ", pages, "snapshot.verify.pages");
        self.line("        interval: ", format_duration(interval), "snapshot.verify.interval");
        self.line("        rate_limit: ", format_size(rate_limit), "snapshot.verify.rate_limit");
        self.line("        settle: ", format_duration(settle), "snapshot.verify.settle");
        self.line("      interval: ", format_duration(snapshot.interval), "snapshot.interval");
    }

    fn archives(&mut self, archives: &[ArchiveConfig]) {
        if archives.is_empty() {
            return self.unset("      # archives: none but those found");
        }
        self.heading("      archives:");
        for (index, archive) in archives.iter().enumerate() {
            let key = |name: &str| format!("snapshot.archives[{index}].{name}");
            self.line("        - name: ", quoted(&archive.name), &key("name"));
            self.line("          path: ", quoted_path(&archive.pattern), &key("path"));
            match archive.max_age {
                Some(max_age) => self.line("          max_age: ", format_duration(max_age), &key("max_age")),
                None => self.unset("          # max_age: any"),
            }
            self.line("          verify: ", archive.verify, &key("verify"));
        }
    }

    fn supplemental(&mut self, copies: &[SupplementalConfig]) {
        if copies.is_empty() {
            return self.unset("    # supplemental: none");
        }
        self.heading("    supplemental:");
        for (index, copy) in copies.iter().enumerate() {
            let key = |name: &str| format!("supplemental[{index}].{name}");
            self.line("      - name: ", quoted(&copy.name), &key("name"));
            self.line("        path: ", quoted_path(&copy.path), &key("path"));
            match &copy.freshness {
                Freshness::Source(path) => self.line("        source: ", quoted_path(path), &key("source")),
                Freshness::Marker(path) => self.line("        marker: ", quoted_path(path), &key("marker")),
                Freshness::Newest => self.unset("        # source: none, the newest file of the copy counts"),
            }
            self.line("        max_age: ", format_duration(copy.max_age), &key("max_age"));
        }
    }

    fn recovery_drill(&mut self, drill: &RecoveryDrill) {
        self.heading("    recovery_drill:");
        self.line("      last: ", drill.last.date_naive(), "recovery_drill.last");
        self.line("      max_age: ", format_duration(drill.max_age), "recovery_drill.max_age");
    }

    fn package_sources(&mut self, roots: &[PathBuf]) {
        if roots.is_empty() {
            return self.unset("    # package_sources: none is contacted");
        }
        self.heading("    package_sources:");
        for (index, root) in roots.iter().enumerate() {
            self.line("      - ", quoted_path(root), &format!("package_sources[{index}]"));
        }
    }

    fn schedule(&mut self, window: Option<TaskWindow>, zone: Option<Zone>) {
        match (window, zone) {
            (None, None) if self.site.settings.database.is_none() => {
                return self.unset("    # schedule: unknown");
            }
            (None, None) => return self.unset("    # schedule: as the site database says"),
            (None, Some(_)) => {
                self.heading("    schedule:");
                self.unset("      # days, begin, latest_begin: as the site database says");
            }
            (Some(window), _) => self.window(window),
        }
        match zone {
            Some(zone) => self.line("      time_zone: ", zone, "schedule.time_zone"),
            None => self.unset("      # time_zone: learned from when backups start"),
        }
    }

    fn window(&mut self, window: TaskWindow) {
        let schedule = Schedule::new(window, Zone::Local);
        self.heading("    schedule:");
        let days = match schedule.days {
            EVERY_DAY => "daily".to_owned(),
            _ => format!("[{}]", schedule.day_names().collect::<Vec<_>>().join(", ")),
        };
        self.line("      days: ", days, "schedule.days");
        self.line("      begin: ", schedule.begin_label(), "schedule.begin");
        self.line("      latest_begin: ", schedule.latest_begin_label(), "schedule.latest_begin");
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

    /// A section of which nothing is watched.
    fn off(&mut self, key: &str) {
        self.line(&format!("    {key}: "), "off", key);
    }

    fn unset(&mut self, text: &str) {
        self.heading(&format!("{text}  # default"));
    }
}

/// A text in YAML's single quotes, in which nothing but the quote itself is special.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}
