//! The table of situations: files, settings, the times of the polls, and the facts that decide.

use configmgr_backup_exporter::config::SiteSettings;
use configmgr_backup_exporter::schedule::{EVERY_DAY, Zone};
use configmgr_backup_exporter::site::{SiteRole, TaskWindow};
use configmgr_backup_exporter::source::{Fact, Record};

use super::event_logs::{nothing, success_instead, the_same};

/// Logs, how they are read, and what must come of them.
pub(super) struct Situation {
    /// The name of the golden file.
    pub(super) name: &'static str,
    /// Each site with its files: their names in `tests/golden` and in the folder of the log.
    pub(super) sites: Vec<(SiteSettings, Vec<(&'static str, &'static str)>)>,
    /// When the log is polled; watching begins with the first, and the last is when everything is judged.
    pub(super) polls: Vec<&'static str>,
    /// What an event log of the first site tells after the last poll, made of the records of its log.
    pub(super) event_log: Option<fn(Vec<Record>) -> Vec<Fact>>,
    /// In the words of `shows`.
    pub(super) facts: Vec<String>,
}

impl Situation {
    /// One site P01, a primary in a hierarchy, with one log.
    fn new(name: &'static str, log: &'static str, polls: &[&'static str], facts: &[&str]) -> Self {
        let mut settings = SiteSettings::new("P01".parse().unwrap());
        settings.role = Some(SiteRole::Hierarchy);
        Self {
            name,
            sites: vec![(settings, vec![(log, "smsbkup.log")])],
            polls: polls.to_vec(),
            event_log: None,
            facts: facts.iter().map(|fact| (*fact).to_owned()).collect(),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut SiteSettings)) -> Self {
        change(&mut self.sites[0].0);
        self
    }

    fn role(self, role: SiteRole) -> Self {
        self.with(|settings| settings.role = Some(role))
    }

    /// Each day at 02:00, latest at 05:00.
    fn daily(self, zone: chrono_tz::Tz) -> Self {
        self.with(|settings| {
            settings.schedule = Some(TaskWindow { days: EVERY_DAY, begin: 120, latest_begin: 300 });
            settings.time_zone = Some(Zone::Named(zone));
        })
    }

    fn site(mut self, code: &str, role: SiteRole, log: &'static str) -> Self {
        let mut settings = SiteSettings::new(code.parse().unwrap());
        settings.role = Some(role);
        self.sites.push((settings, vec![(log, "smsbkup.log")]));
        self
    }

    fn rolled(mut self, file: &'static str) -> Self {
        self.sites[0].1.push((file, "smsbkup.lo_"));
        self
    }

    fn event_log(self, tells: fn(Vec<Record>) -> Vec<Fact>) -> Self {
        Self { event_log: Some(tells), ..self }
    }

    /// When everything is judged.
    pub(super) fn now(&self) -> &'static str {
        self.polls.last().unwrap()
    }
}

/// Every situation but the restart, which is a test of its own.
pub(super) fn situations() -> Vec<Situation> {
    let mut all = vec![
        Situation::new(
            "success",
            "success.log",
            &["2026-01-14T04:00:00Z"],
            &[
                "verdict{healthy}",
                "last_run_failed = 0",
                "runs_total = 1",
                "run_in_progress = 0",
                "last_success_timestamp_seconds = 2026-01-14T02:27:48.413Z",
                "check_passed{after_backup}",
            ],
        )
        .daily(chrono_tz::Europe::Berlin),
        Situation::new(
            "success_with_warning",
            "success_with_warning.log",
            &["2026-01-14T12:00:00Z"],
            &[
                "verdict{healthy}",
                "last_run_failed = 0",
                "status_message_warnings_total = 1",
                "runs_failed_total = 0",
            ],
        )
        .role(SiteRole::Standalone),
        Situation::new(
            "error_after_success",
            "error_after_success.log",
            &["2026-06-10T12:00:00Z"],
            &[
                "verdict{degraded}",
                "last_run_failed = 0",
                "check_passed{after_backup} = 0",
                "runs_failed_total = 0",
                "status_message_errors_total = 1",
                "check_passed{last_run}",
            ],
        ),
        Situation::new(
            "error_withdrawn",
            "error_withdrawn.log",
            &["2026-03-03T23:00:00Z"],
            &[
                "verdict{healthy}",
                "last_run_failed = 0",
                "status_message_errors_total = 1",
                "runs_failed_total = 0",
                "check_passed{after_backup}",
                "no last_failure_timestamp_seconds",
            ],
        ),
        Situation::new(
            "stopped",
            "stopped.log",
            &["2026-01-14T04:00:00Z"],
            &[
                "verdict{failed}",
                "last_run_failure_cause{service_stopped}",
                "run_in_progress = 0",
                "runs_failed_total = 1",
                "status_message_errors_total = 0",
            ],
        ),
        Situation::new(
            "interrupted",
            "interrupted.log",
            &["2026-01-15T08:11:00Z"],
            &[
                "verdict{failed}",
                "last_run_failure_cause{interrupted}",
                "run_in_progress = 1",
                "run_stalled = 0",
                "runs_failed_total = 1",
                "consecutive_failed_runs = 1",
                "no last_run_duration_seconds",
                "last_start_timestamp_seconds = 2026-01-15T08:00:30.002Z",
            ],
        ),
        Situation::new(
            "in_progress",
            "in_progress.log",
            &["2026-01-14T01:41:00Z"],
            &[
                "verdict{healthy}",
                "run_in_progress = 1",
                "run_stalled = 0",
                "last_run_failed = 0",
                "runs_total = 1",
            ],
        )
        .daily(chrono_tz::Europe::Berlin),
        // Three successes took 89 min 33 s each, from 5055 on: stalled three times that after its 5055, at 06:29:09.
        Situation::new(
            "stalled",
            "stalled.log",
            &["2026-01-14T06:29:10Z"],
            &[
                "verdict{failed}",
                "run_in_progress = 1",
                "run_stalled = 1",
                "last_run_failed = 0",
                "check_passed{not_stalled} = 0",
            ],
        ),
        Situation::new(
            "not_yet_stalled",
            "stalled.log",
            &["2026-01-14T06:29:00Z"],
            &["verdict{healthy}", "run_in_progress = 1", "run_stalled = 0"],
        ),
        Situation::new(
            "failed_and_running",
            "failed_and_running.log",
            &["2026-01-14T02:29:00Z"],
            &[
                "verdict{failed}",
                "last_run_failed = 1",
                "last_run_failure_cause{disk_full}",
                "run_in_progress = 1",
                "runs_total = 1",
                "runs_failed_total = 0",
            ],
        ),
        Situation::new(
            "without_5055",
            "without_5055.log",
            &["2026-01-14T08:00:00Z"],
            &[
                "verdict{healthy}",
                "last_start_timestamp_seconds = 2026-01-14T05:00:03.004Z",
                "runs_total = 1",
                "status_messages_total{5055} = 0",
            ],
        ),
        Situation::new(
            "overdue",
            "success.log",
            &["2026-01-14T04:00:00Z", "2026-01-16T09:00:00Z"],
            &[
                "verdict{overdue}",
                "last_run_failed = 0",
                "missed_runs = 2",
                "check_passed{on_schedule} = 0",
                "success_due_timestamp_seconds = 2026-01-15T06:29:33.004Z",
            ],
        )
        .daily(chrono_tz::Europe::Berlin),
        Situation::new(
            "two_sites",
            "two_sites_p01.log",
            &["2026-01-14T06:00:00Z"],
            &[
                "verdict{healthy}",
                "last_run_failed = 0",
                "C00: verdict{failed}",
                "C00: last_run_failure_cause{access_denied}",
                "C00: runs_total = 2",
                "runs_total = 1",
            ],
        )
        .site("C00", SiteRole::Cas, "two_sites_c00.log"),
        Situation::new(
            "utf16",
            "utf16.log",
            &["2026-04-02T19:00:00Z"],
            &[
                "verdict{healthy}",
                "runs_total = 1",
                "log_malformed_lines_total = 0",
                "last_success_timestamp_seconds = 2026-04-02T18:27:47.032Z",
            ],
        ),
        Situation::new(
            "windows_1252",
            "windows_1252.log",
            &["2026-07-07T02:00:00Z"],
            &["verdict{failed}", "last_run_failure_cause{access_denied}", "log_malformed_lines_total = 0"],
        ),
        // Clocks went back while it copied: a run of 90 minutes that by local time took 30.
        Situation::new(
            "daylight_saving",
            "daylight_saving.log",
            &["2026-10-25T02:00:00Z"],
            &[
                "verdict{healthy}",
                "last_run_duration_seconds = 5373.004",
                "last_phase_duration_seconds{copy} = 4401.001",
                "last_completion_timestamp_seconds = 2026-10-25T01:30:02.106Z",
            ],
        )
        .daily(chrono_tz::Europe::Berlin),
        Situation::new(
            "rolled",
            "rolled.log",
            &["2026-01-14T04:00:00Z"],
            &[
                "verdict{healthy}",
                "runs_total = 2",
                "log_rotations_total = 0",
                "status_messages_total{5055} = 2",
            ],
        )
        .rolled("rolled.lo_"),
        Situation::new(
            "words_only",
            "words_only.log",
            &["2026-01-14T04:00:00Z"],
            &[
                "verdict{healthy}",
                "runs_total = 2",
                "last_success_timestamp_seconds = 2026-01-14T02:27:21.508Z",
                "status_messages_total{5035} = 0",
                "run_in_progress = 0",
            ],
        ),
        Situation::new(
            "words_only_failure",
            "words_only_failure.log",
            &["2026-01-14T10:00:00Z"],
            &[
                "verdict{failed}",
                "last_run_failure_cause{cleanup_failed}",
                "runs_total = 2",
                "runs_failed_total = 1",
            ],
        ),
        // LoggingLevel 3: no start and no end, so that the run counts as going on.
        Situation::new(
            "errors_only",
            "errors_only.log",
            &["2026-01-14T04:00:00Z"],
            &[
                "verdict{failed}",
                "last_run_failure_cause{disk_full}",
                "run_in_progress = 1",
                "runs_total = 0",
                "no last_start_timestamp_seconds",
            ],
        ),
        Situation::new(
            "multiline",
            "multiline.log",
            &["2026-01-14T10:00:00Z"],
            &["verdict{failed}", "last_run_failure_cause{cleanup_failed}", "log_malformed_lines_total = 0"],
        ),
        Situation::new(
            "garbage",
            "garbage.log",
            &["2026-01-14T04:00:00Z"],
            &[
                "verdict{healthy}",
                "log_malformed_lines_total = 3",
                "status_message_errors_total = 0",
                "runs_total = 1",
            ],
        ),
        Situation::new(
            "event_log_agrees",
            "success.log",
            &["2026-01-14T04:00:00Z"],
            &[
                "verdict{healthy}",
                "witnesses_agree = 1",
                "status_messages_total{5035} = 1",
                "witness_last_backup_success_timestamp_seconds{event_log} = 2026-01-14T02:27:48.413Z",
                "source_up{event_log}",
                "event_log_records_total = 31000",
                "event_log_unattributed_total = 2",
            ],
        )
        .event_log(the_same),
        Situation::new(
            "event_log_contradicts",
            "failure_disk_full.log",
            &["2026-02-08T06:00:00Z"],
            &["verdict{degraded}", "witnesses_agree = 0", "check_passed{witnesses_agree} = 0"],
        )
        .event_log(success_instead),
        Situation::new(
            "event_log_silent",
            "success.log",
            &["2026-01-14T04:00:00Z"],
            &[
                "verdict{healthy}",
                "runs_total = 1",
                "no witnesses_agree",
                "no check_passed{witnesses_agree}",
                "event_log_damaged_chunks_total = 1",
            ],
        )
        .event_log(nothing),
        Situation::new(
            "log_missing",
            "",
            &["2026-01-14T04:00:00Z"],
            &[
                "verdict{unknown}",
                "source_up{backup_log} = 0",
                "no runs_total",
                "no success_due_timestamp_seconds",
                "no check_passed",
            ],
        ),
    ];
    all.last_mut().unwrap().sites[0].1.clear();
    all.extend(failures());
    all
}

/// A failure by each cause that has a known code or phrase; every second log has a success on the day before.
fn failures() -> impl Iterator<Item = Situation> {
    let table = [
        ("failure_vss", "failure_vss.log", "2026-02-03T06:00:00Z", "vss", 1),
        ("failure_writer", "failure_writer.log", "2026-02-04T06:00:00Z", "writer", 2),
        ("failure_access_denied", "failure_access_denied.log", "2026-02-05T06:00:00Z", "access_denied", 1),
        ("failure_path_not_found", "failure_path_not_found.log", "2026-02-06T06:00:00Z", "path_not_found", 2),
        (
            "failure_sharing_violation",
            "failure_sharing_violation.log",
            "2026-02-07T06:00:00Z",
            "sharing_violation",
            1,
        ),
        ("failure_disk_full", "failure_disk_full.log", "2026-02-08T06:00:00Z", "disk_full", 2),
        ("failure_cleanup_failed", "failure_cleanup_failed.log", "2026-02-09T06:00:00Z", "cleanup_failed", 1),
        ("failure_copy_failed", "failure_copy_failed.log", "2026-02-10T06:00:00Z", "copy_failed", 2),
        ("failure_sql", "failure_sql.log", "2026-02-11T06:00:00Z", "sql", 1),
        ("failure_registry", "failure_registry.log", "2026-02-12T06:00:00Z", "registry", 2),
        ("failure_control_file", "failure_control_file.log", "2026-02-13T06:00:00Z", "control_file", 1),
        ("failure_unknown", "failure_unknown.log", "2026-02-14T06:00:00Z", "unknown", 2),
    ];
    table.into_iter().map(|(name, log, now, cause, runs)| {
        let cause = format!("last_run_failure_cause{{{cause}}}");
        let runs = format!("runs_total = {runs}");
        let facts = ["verdict{failed}", &cause, "run_in_progress = 0", "runs_failed_total = 1", &runs];
        Situation::new(name, log, &[now], &facts)
    })
}
