//! The catalogue: every metric there is, in one table. Names, labels and meanings are a contract with users' rules.
//!
//! `docs/metrics.md` is generated from it, and a test keeps it so.

use std::sync::Arc;

use super::process::ProcessView;
use super::{Number, Samples, SiteView, copies, process, read, restart, services};
use crate::source::SourceKind::{BackupLog, EventLog};
use crate::state::SiteState;

/// What every name begins with, but for the standard `process_` metrics.
pub const METRIC_PREFIX: &str = "configmgr_backup_";

/// What kind of metric it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up; its name ends in `_total`.
    Counter,
    /// Labels with the value 1; its name ends in `_info`.
    Info,
}

/// In what its value is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A count, or 0 and 1.
    None,
    /// Seconds; Unix time for timestamps.
    Seconds,
    /// Bytes.
    Bytes,
}

/// When a metric is absent, and how long it stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// There from the first scrape.
    Always,
    /// What happened: absent until history has been read, then for ever, also while the source fails.
    Event,
    /// What is configured in ConfigMgr: absent until known, then for ever.
    Setting,
    /// What was seen: absent until known, and again after three failed polls.
    Observation,
    /// A judgement of all of these: absent until every source has reported once.
    Judgement,
    /// What tells of this machine itself, also where it is the passive site server: absent as a judgement is.
    Node,
}

impl Class {
    /// Whether a metric of this class may be read for a site: on the passive site server nothing may that alarms.
    pub(super) fn is_known(self, state: &Arc<SiteState>) -> bool {
        match self {
            Self::Always => true,
            Self::Node => state.all_reported(),
            _ if state.node() == Some(crate::site::Node::Passive) => false,
            Self::Event => state.knows_events(),
            Self::Judgement => state.all_reported(),
            Self::Setting | Self::Observation => true,
        }
    }
}

/// How a metric is read.
#[derive(Debug, Clone, Copy)]
pub enum Read {
    /// From a site; the samples carry the label `site_code`.
    Site(fn(&SiteView<'_>, &mut Samples<'_>)),
    /// From the process.
    Process(fn(&ProcessView<'_>, &mut Samples<'_>)),
}

/// One row of the catalogue.
#[derive(Debug)]
pub struct Metric {
    /// Without the prefix; whole for the standard `process_` metrics.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its unit.
    pub unit: Unit,
    /// Its labels, besides `site_code`.
    pub labels: &'static [&'static str],
    /// When it is absent.
    pub class: Class,
    /// HELP: what it is and where that comes from.
    pub help: &'static str,
    /// Its value.
    pub read: Read,
}

impl Metric {
    /// The name as exported.
    pub fn full_name(&self) -> String {
        let prefix = if self.name.starts_with("process_") { "" } else { METRIC_PREFIX };
        format!("{prefix}{}", self.name)
    }
}

const fn site(
    name: &'static str,
    kind: Kind,
    unit: Unit,
    labels: &'static [&'static str],
    class: Class,
    help: &'static str,
    read: fn(&SiteView<'_>, &mut Samples<'_>),
) -> Metric {
    Metric { name, kind, unit, labels, class, help, read: Read::Site(read) }
}

const fn process(
    name: &'static str,
    kind: Kind,
    unit: Unit,
    labels: &'static [&'static str],
    help: &'static str,
    read: fn(&ProcessView<'_>, &mut Samples<'_>),
) -> Metric {
    Metric { name, kind, unit, labels, class: Always, help, read: Read::Process(read) }
}

use Class::{Always, Event, Judgement, Node, Observation, Setting};
use Kind::{Counter, Gauge, Info};
use Unit::{Bytes, None as Count, Seconds};

/// Every metric, in the order of exposition.
#[rustfmt::skip]
pub const CATALOGUE: &[Metric] = &[
    site("site_info", Info, Count, &["site_role", "site_server", "site_version"], Always,
        "The watched site; role from the configuration or v_Site, server and version from v_Site, else the server from the newest status message of its backup; empty while unknown.",
        read::site_info),

    site("runs_total", Counter, Count, &[], Event,
        "Backup runs whose outcome is final: a success at its 5035, any other after the settle time.",
        |v, s| s.maybe(Some(v.state.totals.runs))),
    site("runs_failed_total", Counter, Count, &[], Event,
        "Backup runs that failed or were interrupted, of those in runs_total.",
        |v, s| s.maybe(Some(v.state.totals.runs_failed))),
    site("last_run_failed", Gauge, Count, &[], Event,
        "1 from the first error (status message of SMS_SITE_BACKUP with SEV=E) or interrupted end of a run, 0 from the 5035 of one; absent where SQL Server's own backups alone protect the site.",
        |v, s| s.maybe(v.assessment.runs.last_failed)),
    site("consecutive_failed_runs", Gauge, Count, &[], Event,
        "Runs that failed or were interrupted since the last 5035; absent where SQL Server's own backups alone protect the site.",
        |v, s| s.maybe(v.assessment.runs.consecutive_failures)),
    site("run_in_progress", Gauge, Count, &[], Event,
        "1 from the start of a run (500 or 5055) to its end (501, the line that the service is stopping, or the service seen Stopped); absent where SQL Server's own backups alone protect the site.",
        |v, s| s.maybe(v.assessment.runs.in_progress)),
    site("run_stalled", Gauge, Count, &[], Event,
        "1 if the run in progress takes longer than three times the median of the last successes (at least 4 h; 24 h with fewer than three).",
        |v, s| s.maybe(v.assessment.runs.stalled)),
    site("last_start_timestamp_seconds", Gauge, Seconds, &[], Event,
        "When the newest run started (5055, or 500 where that is missing).",
        |v, s| s.maybe(v.assessment.runs.last_start)),
    site("last_completion_timestamp_seconds", Gauge, Seconds, &[], Event,
        "When the newest ended run ended, in success or failure (501 or what ended it).",
        |v, s| s.maybe(v.assessment.runs.last_completion)),
    site("last_success_timestamp_seconds", Gauge, Seconds, &[], Event,
        "When the newest successful run reported 5035.",
        |v, s| s.maybe(v.assessment.runs.last_success)),
    site("last_failure_timestamp_seconds", Gauge, Seconds, &[], Event,
        "When the newest failure was reported: its first error, or its end where there was none.",
        |v, s| s.maybe(v.assessment.runs.last_failure)),
    site("last_run_duration_seconds", Gauge, Seconds, &[], Event,
        "How long the newest ended run took, from 5055 to its end.",
        |v, s| s.maybe(v.assessment.runs.last_duration)),
    site("last_phase_duration_seconds", Gauge, Seconds, &["phase"], Event,
        "How long each phase of the newest ended run took, between the status messages 500, 5055, 6829, 5056, 5057 and 5035.",
        read::last_phase_duration),
    site("last_run_failure_cause", Gauge, Count, &["cause"], Event,
        "1 for the cause of the failure while last_run_failed is 1: the first error's Win32 code, else its phrase, else unknown.",
        read::last_run_failure_cause),
    site("after_backup_started_timestamp_seconds", Gauge, Seconds, &[], Event,
        "When AfterBackup.bat was last started (5040), which says nothing of its result.",
        |v, s| s.maybe(v.assessment.runs.after_backup_started)),
    site("status_messages_total", Counter, Count, &["message_id"], Event,
        "Status messages of SMS_SITE_BACKUP and SMS_SITE_VSS_WRITER by id, each counted once however many witnesses report it.",
        read::status_messages),
    site("status_message_errors_total", Counter, Count, &[], Event,
        "Status messages of the backup with SEV=E, or with an id of the failure set where there is no severity.",
        |v, s| s.maybe(Some(v.state.totals.errors))),
    site("status_message_warnings_total", Counter, Count, &[], Event,
        "Status messages of the backup with SEV=W.",
        |v, s| s.maybe(Some(v.state.totals.warnings))),

    site("witness_last_backup_success_timestamp_seconds", Gauge, Seconds, &["witness"], Event,
        "The newest 5035 that each witness reports; for msdb the end of the newest full backup through a snapshot, which any program may have made.",
        read::witness_last_success),
    site("witnesses_agree", Gauge, Count, &[], Event,
        "0 if two witnesses report opposite outcomes of the same run and no later run succeeded undisputed; absent with fewer than two witnesses.",
        |v, s| s.maybe((v.state.timeline.records().len() > 1).then(|| v.state.contradictions.is_empty()))),

    site("verdict", Gauge, Count, &["verdict"], Node,
        "1 for the verdict on the site, as judged at this scrape.",
        |v, s| s.each(|verdict| v.assessment.verdict == verdict)),
    site("check_passed", Gauge, Count, &["check"], Judgement,
        "1 if a check passes, 0 if it fails; absent while it is unknown or not watched.",
        read::check_passed),
    site("success_due_timestamp_seconds", Gauge, Seconds, &[], Judgement,
        "Until when the first due success must have come that has not come; stays in the past until it comes, absent while no witness covers that time.",
        |v, s| s.maybe(v.assessment.due.success_due)),
    site("next_scheduled_timestamp_seconds", Gauge, Seconds, &[], Setting,
        "The next begin of the schedule.",
        |v, s| s.maybe(v.assessment.due.next)),
    site("missed_runs", Gauge, Count, &[], Judgement,
        "Due days without a start since the last success; absent without a schedule, and while the task is disabled.",
        |v, s| s.maybe(v.assessment.due.missed)),
    site("schedule_max_interval_seconds", Gauge, Seconds, &[], Setting,
        "The longest distance between two begins of the schedule; absent for a standalone site, where retention does not limit it.",
        |v, s| s.maybe(v.assessment.due.max_interval)),

    site("valid_copies", Gauge, Count, &[], Observation,
        "Copies that could be restored now: the present snapshot, archives, and one for SQL Server's own backups where these protect the site; absent while there may be some of which nobody knows; as of the last poll.",
        |v, s| s.maybe(v.assessment.copies.valid)),
    site("valid_copies_in_retention", Gauge, Count, &[], Observation,
        "Those of valid_copies whose run started within change tracking retention; as of the last poll.",
        |v, s| s.maybe(v.assessment.copies.valid_in_retention)),
    site("newest_valid_copy_timestamp_seconds", Gauge, Seconds, &[], Observation,
        "When the run started (5055) that made the newest copy that could be restored now; absent also while a newer one may exist of which nobody knows; as of the last poll.",
        |v, s| s.maybe(v.assessment.copies.newest_valid)),
    site("recoverable_until_timestamp_seconds", Gauge, Seconds, &[], Observation,
        "Start of the run that made the newest valid copy plus change tracking retention; absent for a standalone site; as of the last poll.",
        |v, s| s.maybe(v.assessment.copies.recoverable_until)),

    site("snapshot_present", Gauge, Count, &[], Observation,
        "1 if the folder <SiteCode>Backup is in the destination; as of the last poll.",
        |v, s| s.maybe(copies::site_survey(v).map(|survey| survey.present))),
    site("snapshot_files", Gauge, Count, &[], Observation,
        "Files below <SiteCode>Backup, in all folders of the destination; as of the last poll.",
        |v, s| s.maybe(copies::of_surveys(v, |survey| survey.total.files))),
    site("snapshot_size_bytes", Gauge, Bytes, &[], Observation,
        "Their sizes together; as of the last poll.",
        |v, s| s.maybe(copies::of_surveys(v, |survey| survey.total.bytes))),
    site("last_success_size_bytes", Gauge, Bytes, &[], Event,
        "Size of the newest snapshot that was seen complete after a 5035.",
        |v, s| s.maybe(v.state.snapshot.records.last().map(crate::snapshot::SnapshotRecord::total_bytes))),
    site("snapshot_newest_file_timestamp_seconds", Gauge, Seconds, &[], Observation,
        "The newest time of a file in the snapshot, which can be the time of its source; as of the last poll.",
        |v, s| s.maybe(copies::surveys(v).filter_map(|survey| survey.newest).max())),
    site("snapshot_unreadable_entries", Gauge, Count, &[], Observation,
        "Files and folders of the snapshot that this account could not read; as of the last poll.",
        |v, s| s.maybe(copies::of_surveys(v, |survey| survey.unreadable))),
    site("snapshot_component_present", Gauge, Count, &["component"], Observation,
        "1 if the snapshot has files of a part; as of the last poll.",
        copies::component_present),
    site("snapshot_component_size_bytes", Gauge, Bytes, &["component"], Observation,
        "Size of each part of the snapshot; as of the last poll.",
        copies::component_size),
    site("snapshot_files_changed", Gauge, Count, &[], Event,
        "Files of the present snapshot that changed or vanished since they were recorded; absent until they were compared.",
        |v, s| s.maybe(v.assessment.copies.present.as_ref().and_then(|present| present.files_changed))),
    site("snapshot_intact", Gauge, Count, &[], Event,
        "1 if the last full verification of the present snapshot found no damage, 0 as soon as any is found; absent until it has been verified.",
        |v, s| s.maybe(v.assessment.copies.present.as_ref().and_then(|present| present.intact))),
    site("snapshot_verification_timestamp_seconds", Gauge, Seconds, &[], Event,
        "When the last full verification of the snapshot ended; the oldest of its folders.",
        |v, s| s.maybe(copies::verifications(v).filter_map(|verification| verification.finished).min())),
    site("snapshot_verification_duration_seconds", Gauge, Seconds, &[], Event,
        "How long it took, with its pauses; the longest of its folders.",
        |v, s| s.maybe(copies::verifications(v).filter_map(copies::duration).max())),
    site("snapshot_pages_checked", Gauge, Count, &[], Event,
        "Pages of the data files that the last full verification judged.",
        |v, s| s.maybe(copies::pages(v, |pages| pages.verified + pages.unverifiable + pages.damaged))),
    site("snapshot_pages_corrupt", Gauge, Count, &[], Event,
        "Those of them that are damaged: wrong checksum, wrong place, or zeros where data should be.",
        |v, s| s.maybe(copies::pages(v, |pages| pages.damaged))),
    site("snapshot_pages_unverifiable", Gauge, Count, &[], Event,
        "Those of them without a checksum, written before PAGE_VERIFY CHECKSUM was on.",
        |v, s| s.maybe(copies::pages(v, |pages| pages.unverifiable))),

    site("destination_free_bytes", Gauge, Bytes, &["location"], Observation,
        "Bytes that this account may still write where copies lie (site, database, or an archive's name); as of the last poll.",
        copies::destination_free),
    site("destination_size_bytes", Gauge, Bytes, &["location"], Observation,
        "Bytes in the snapshot or in the copies of an archive there; as of the last poll.",
        copies::destination_size),
    site("archives", Gauge, Count, &["name"], Observation,
        "Copies found of each archive; as of the last poll.",
        |v, s| copies::archives(v, s, |archive| archive.copies.as_ref().map(|copies| copies.len() as f64))),
    site("archives_valid", Gauge, Count, &["name"], Observation,
        "Those of them that could be restored now; as of the last poll.",
        |v, s| copies::archives(v, s, |archive| archive.copies.as_ref().map(|_| archive.valid().count() as f64))),
    site("archive_newest_valid_timestamp_seconds", Gauge, Seconds, &["name"], Observation,
        "When the run started that made the newest valid copy of an archive, by the smsbkup.log in it; as of the last poll.",
        |v, s| copies::archives(v, s, |archive| archive.valid().max().map(Number::number))),
    site("archive_max_age_seconds", Gauge, Seconds, &["name"], Always,
        "The configured maximum age of an archive's newest valid copy.",
        |v, s| copies::archives(v, s, |archive| archive.max_age.map(Number::number))),
    site("supplemental_timestamp_seconds", Gauge, Seconds, &["name"], Observation,
        "Up to when a copy of what the task leaves out holds everything; as of the last poll.",
        copies::supplemental_timestamp),
    site("supplemental_fresh", Gauge, Count, &["name"], Observation,
        "1 if that is no longer ago than it may be; as of the last poll.",
        copies::supplemental_fresh),
    site("supplemental_max_age_seconds", Gauge, Seconds, &["name"], Always,
        "How long ago it may be, as configured.",
        |v, s| for item in &v.state.settings.supplemental { s.push(&[&item.name], item.max_age.number()) }),
    site("control_file_changed_timestamp_seconds", Gauge, Seconds, &[], Observation,
        "When smsbkup.ctl was last changed; as of the last poll.",
        copies::control_file_changed),
    site("package_source_roots", Gauge, Count, &[], Observation,
        "Shares and drives that hold the sources of the site's packages (v_Package.PkgSourcePath), asked hourly; as of the last poll.",
        |v, s| s.maybe(v.state.observed(&v.state.database.package_roots).map(|roots| roots.len() as u64))),
    site("package_source_roots_unreachable", Gauge, Count, &[], Observation,
        "Those of the configured package_sources that could not be listed, looked at hourly; no other is contacted; as of the last poll.",
        |v, s| s.maybe(copies::unreachable_package_sources(v))),
    site("recovery_drill_timestamp_seconds", Gauge, Seconds, &[], Always,
        "The day of the last recovery drill, as configured.",
        |v, s| s.maybe(v.state.settings.recovery_drill.as_ref().map(|drill| drill.last))),
    site("recovery_drill_max_age_seconds", Gauge, Seconds, &[], Always,
        "How old that may be, as configured.",
        |v, s| s.maybe(v.state.settings.recovery_drill.as_ref().map(|drill| drill.max_age))),
    site("change_tracking_enabled", Gauge, Count, &[], Setting,
        "1 if change tracking of the site database is on (it has a row in sys.change_tracking_databases).",
        |v, s| s.maybe(v.state.database.change_tracking.map(|tracking| tracking.is_some()))),
    site("change_tracking_auto_cleanup_enabled", Gauge, Count, &[], Setting,
        "1 if old changes are cleaned up (is_auto_cleanup_on of sys.change_tracking_databases).",
        |v, s| s.maybe(v.state.database.change_tracking.flatten().map(|tracking| tracking.auto_cleanup))),
    site("change_tracking_retention_seconds", Gauge, Seconds, &[], Setting,
        "Change tracking retention (sys.change_tracking_databases, else the configuration); absent while neither tells.",
        |v, s| s.maybe(crate::assessment::known_retention(v.state))),
    site("change_tracking_oldest_commit_timestamp_seconds", Gauge, Seconds, &[], Observation,
        "The oldest change that change tracking still holds (sys.dm_tran_commit_table), asked hourly; as of the last poll.",
        |v, s| s.maybe(v.state.observed(&v.state.database.oldest_commit).copied().flatten())),
    site("task_enabled", Gauge, Count, &[], Setting,
        "1 if the Backup Site Server task is enabled (IsEnabled of vSMS_SC_SQL_Task).",
        |v, s| s.maybe(v.state.database.task.as_ref().map(|task| task.enabled))),
    site("task_schedule_info", Info, Count, &["days", "begin", "latest_begin"], Setting,
        "The schedule of the Backup Site Server task as vSMS_SC_SQL_Task has it, without a time zone.",
        read::task_schedule),
    site("schedule_time_zone_assumed", Gauge, Count, &[], Setting,
        "1 if the time zone of the schedule in force is assumed from when backups started, 0 if it is configured.",
        |v, s| s.maybe(v.state.schedule.as_ref().map(|known| known.zone_assumed))),
    site("database_last_full_backup_timestamp_seconds", Gauge, Seconds, &["method"], Event,
        "When the newest undamaged full backup of the site database ended (msdb.dbo.backupset of every server that was asked): vss by the task or another program, native by SQL Server itself.",
        read::last_full_backups),
    site("database_in_availability_group", Gauge, Count, &[], Setting,
        "1 if the site database is in an availability group (replica_id of sys.databases).",
        |v, s| s.maybe(v.state.database.in_availability_group)),
    site("service_running", Gauge, Count, &["name"], Observation,
        "1 if a service of the site runs, 0 if it does not (service control manager); SMS_SITE_BACKUP runs only during a backup; a missing service is 0 if every site server has it, else absent; as of the last poll.",
        services::service_running),
    site("active_node", Gauge, Count, &[], Node,
        "1 on the active site server, 0 on a passive one (registry SMS\\Identification, Site Servers, or a site with one server only); absent while it is not clear; as of the last poll.",
        |v, s| s.maybe(services::active_node(v))),
    site("site_servers", Gauge, Count, &[], Node,
        "How many servers the site has, active and passive (registry SMS\\Identification, Site Servers); as of the last poll.",
        |v, s| s.maybe(services::site_servers(v))),
    site("restart_attempts_total", Counter, Count, &[], Always,
        "Attempts to restart the backup service after a failed run (ledger of this exporter); each is counted before anything is done.",
        |v, s| s.maybe(v.state.restart.as_ref().and_then(|standing| standing.attempts_total))),
    site("restart_attempts_failed_total", Counter, Count, &[], Always,
        "Those of restart_attempts_total after which no run began (ledger of this exporter).",
        |v, s| s.maybe(v.state.restart.as_ref().and_then(|standing| standing.attempts_failed_total))),
    site("last_restart_attempt_timestamp_seconds", Gauge, Seconds, &[], Always,
        "When the newest attempt was decided (ledger of this exporter); absent until the first.",
        |v, s| s.maybe(restart::last_attempt(v))),
    site("restart_held", Gauge, Count, &["reason"], Always,
        "1 for every reason why a failed backup is not restarted now (restart policy); all 0 where none failed or none stands in the way, absent while the mode is off.",
        restart::restart_held),
    site("restart_pending", Gauge, Count, &[], Always,
        "1 if the exporter is about to restart the failed backup by itself (now, or once its run has ended and reasons have passed that pass with time alone, before the task's own start and while the failure is young enough), or while the attempt or its run goes on, or before a failure was decided on (restart policy); 0 on the passive site server; absent while the mode is off.",
        |v, s| s.maybe(crate::assessment::restart_pending(v.state, v.assessment))),
    site("restart_attempts_remaining", Gauge, Count, &[], Always,
        "How many more attempts 24 hours allow (ledger of this exporter, configured maximum); absent while the mode is off.",
        |v, s| s.maybe(restart::decided(v).map(|standing| standing.attempts_remaining))),
    site("remediation_mode", Gauge, Count, &["mode"], Always,
        "1 for what the exporter may do about a failed backup (configuration, --remediation.mode); absent where no services are watched.",
        restart::remediation_mode),

    site("source_up", Gauge, Count, &["source"], Always,
        "1 if the last poll of a source succeeded; the worst of its locations.",
        |v, s| read::polled(v, s, |all| f64::from(u8::from(all.iter().all(|source| source.up()))))),
    site("source_last_poll_success_timestamp_seconds", Gauge, Seconds, &["source"], Always,
        "When the last successful poll of a source began (until the first: when watching began); the oldest of its locations.",
        read::source_last_success),
    site("source_poll_interval_seconds", Gauge, Seconds, &["source"], Always,
        "How often a source is polled; the longest of its locations.",
        |v, s| read::sources(v, s, |all| read::greatest(all, |source| source.interval))),
    site("source_poll_duration_seconds", Gauge, Seconds, &["source"], Always,
        "How long the last poll of a source took; the longest of its locations.",
        |v, s| read::polled(v, s, |all| read::greatest(all, |source| source.duration))),
    site("source_polls_total", Counter, Count, &["source"], Always,
        "Polls of a source since this process started.",
        |v, s| read::sources(v, s, |all| all.iter().map(|source| source.polls as f64).sum())),
    site("source_poll_failures_total", Counter, Count, &["source", "kind"], Always,
        "Polls of a source since this process started that failed, or that could not read a part of it, by the kinds of failure it can have.",
        read::source_failures),

    site("log_lines_total", Counter, Count, &[], Always,
        "Lines of Smsbkup.log read since this process started.",
        |v, s| read::log(v, s, BackupLog, v.state.lines.lines)),
    site("log_read_bytes_total", Counter, Bytes, &[], Always,
        "Bytes of Smsbkup.log read since this process started.",
        |v, s| read::log(v, s, BackupLog, v.state.lines.bytes)),
    site("log_malformed_lines_total", Counter, Count, &[], Always,
        "Lines of Smsbkup.log in no known layout, skipped, since this process started.",
        |v, s| read::log(v, s, BackupLog, v.state.lines.malformed)),
    site("log_oversized_lines_total", Counter, Count, &[], Always,
        "Lines of Smsbkup.log over 1 MiB, skipped, since this process started.",
        |v, s| read::log(v, s, BackupLog, v.state.lines.oversized)),
    site("log_rotations_total", Counter, Count, &[], Always,
        "How often Smsbkup.log was seen rolled, replaced or re-created since this process started.",
        |v, s| read::log(v, s, BackupLog, v.state.lines.rotations)),
    site("event_log_records_total", Counter, Count, &[], Always,
        "Records of the Application event log read since this process started, of whatever provider.",
        |v, s| read::log(v, s, EventLog, v.state.events.records)),
    site("event_log_damaged_chunks_total", Counter, Count, &[], Always,
        "Chunks of the event log that could not be read whole, or whose checksums are wrong, since this process started.",
        |v, s| read::log(v, s, EventLog, v.state.events.damaged_chunks)),
    site("event_log_unattributed_total", Counter, Count, &[], Always,
        "Records of the event log with an id (5000 to 5060) or the name of the backup that are not known to be of this machine's, skipped, since this process started.",
        |v, s| read::log(v, s, EventLog, v.state.events.unattributed)),

    process("exporter_build_info", Info, Count, &["version", "revision", "rustversion"],
        "The build of this exporter.",
        |_, s| s.push(&[crate::build_info::VERSION, crate::build_info::REVISION, crate::build_info::RUST_VERSION], 1.0)),
    process("exporter_checkpoint_timestamp_seconds", Gauge, Seconds, &[],
        "When a checkpoint was last written by this process; absent until the first.",
        |v, s| s.maybe(v.published.checkpoint)),
    process("exporter_checkpoint_failures_total", Counter, Count, &[],
        "Checkpoints that this process could not write.",
        |v, s| s.maybe(Some(v.published.checkpoint_failures))),
    process("exporter_config_last_reload_successful", Gauge, Count, &[],
        "1 if the configuration that was read last is in use, 0 if it was refused and the one before stays in use.",
        |v, s| s.maybe(Some(v.reloads.config_successful))),
    process("exporter_config_last_reload_success_timestamp_seconds", Gauge, Seconds, &[],
        "When a configuration was last taken into use; the start of this process until the first reload.",
        |v, s| s.maybe(Some(v.reloads.config_success))),
    process("exporter_web_config_last_reload_successful", Gauge, Count, &[],
        "1 if the web configuration that was read last is in use, or there is none; 0 if it was refused and the one before stays in use.",
        |v, s| s.maybe(Some(v.reloads.web_config_successful))),
    process("exporter_log_messages_total", Counter, Count, &["level"],
        "Messages that this exporter logged, by level.",
        process::log_messages),
    process("process_cpu_seconds_total", Counter, Seconds, &[],
        "Total user and system CPU time spent in seconds.",
        |v, s| s.maybe(v.usage.as_ref().map(|usage| usage.cpu_seconds))),
    process("process_resident_memory_bytes", Gauge, Bytes, &[],
        "Resident memory size in bytes.",
        |v, s| s.maybe(v.usage.as_ref().and_then(|usage| usage.resident_bytes))),
    process("process_virtual_memory_bytes", Gauge, Bytes, &[],
        "Virtual memory size in bytes (committed private memory on Windows); absent where the system does not tell it.",
        |v, s| s.maybe(v.usage.as_ref().and_then(|usage| usage.virtual_bytes))),
    process("process_open_fds", Gauge, Count, &[],
        "Number of open file descriptors (all handles on Windows); absent where the system does not tell it.",
        |v, s| s.maybe(v.usage.as_ref().and_then(|usage| usage.open_files))),
    process("process_max_fds", Gauge, Count, &[],
        "Maximum number of open file descriptors (16777216 handles on Windows).",
        |v, s| s.maybe(v.usage.as_ref().and_then(|usage| usage.max_files))),
    process("process_start_time_seconds", Gauge, Seconds, &[],
        "Start time of the process since unix epoch in seconds.",
        |v, s| s.maybe(v.usage.as_ref().and_then(|usage| usage.start_time))),
];
