//! `check`: one look at every site now, and an exit code that scripts and other monitoring understand.
//!
//! Reads the checkpoints of a running exporter without its lock, polls every source until it has said what there is, and
//! writes nothing.

use std::io::Write;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};

use crate::assessment::{
    Assessment, CheckState, NOTHING_IS_WATCHED, Verdict, amiss, assess, frozen_io, guidance,
};
use crate::clock::Clock;
use crate::config::{Config, SiteConfig};
use crate::environment::Environment;
use crate::error_chain;
use crate::http::{api, outlook_from_outside, schedule};
use crate::platform::account::account;
use crate::remediation::{LedgerFile, standing};
use crate::services::{ServiceControllers, SystemServices};
use crate::site::Timestamp;
use crate::source::site_database::SqlServers;
use crate::source::{Quiet, ServicesSource, SourceKind, Surroundings, sources_of};
use crate::state::{SiteState, checkpoint};

use super::args::OutputFormat;
use super::look::{Sources, ask_database, poll_each};

/// What was found of every site.
#[derive(Debug)]
pub struct Checked(Vec<(SiteState, Assessment)>);

impl Checked {
    /// Looks at every site; what stands in the way of a full look goes to `notes`.
    pub fn look(
        config: &Config,
        state_path: &Path,
        environment: &Environment,
        clock: Clock,
        notes: &mut dyn Write,
    ) -> anyhow::Result<Self> {
        for notice in &config.notices {
            writeln!(notes, "{notice}")?;
        }
        // Side by side: what is silent at one site must not delay what is said of the others.
        let looks = thread::scope(|scope| {
            let look = |site| scope.spawn(move || look(site, state_path, environment, clock));
            let looks: Vec<_> = config.sites.iter().map(look).collect();
            looks.into_iter().map(ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        let mut looked = Vec::new();
        for found in looks {
            let (state, note) = found.unwrap_or_else(|panic| resume_unwind(panic))?;
            notes.write_all(note.as_bytes())?;
            let assessment = assess(&state, clock.now());
            looked.push((state, assessment));
        }
        Ok(Self(looked))
    }

    /// Prints what was found.
    pub fn print(&self, format: OutputFormat, out: &mut dyn Write) -> anyhow::Result<()> {
        match format {
            OutputFormat::Json => {
                let sites: Vec<_> =
                    self.0.iter().map(|(state, assessment)| api::site(state, assessment)).collect();
                serde_json::to_writer_pretty(&mut *out, &sites)?;
                writeln!(out)?;
            }
            OutputFormat::Text => {
                for (state, assessment) in &self.0 {
                    text(state, assessment, out)?;
                }
            }
        }
        out.flush()?;
        Ok(())
    }

    /// The worst of several sites: failed, then unknown, then degraded.
    pub fn exit_code(&self) -> u8 {
        let codes = self.0.iter().map(|(_, assessment)| exit_code(assessment.verdict));
        codes.max_by_key(|code| [0, 1, 3, 2].iter().position(|worse| worse == code)).unwrap_or(3)
    }
}

/// 0 healthy, pending, passive; 1 degraded; 2 failed, overdue, unprotected; 3 unknown.
fn exit_code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Healthy | Verdict::Pending | Verdict::Passive => 0,
        Verdict::Degraded => 1,
        Verdict::Failed | Verdict::Overdue | Verdict::Unprotected => 2,
        Verdict::Unknown => 3,
    }
}

/// What the checkpoint knows, and what the sources say now; with a note of what stood in the way.
fn look(
    site: &SiteConfig,
    state_path: &Path,
    environment: &Environment,
    clock: Clock,
) -> anyhow::Result<(SiteState, String)> {
    let mut note = String::new();
    let account = account(environment);
    let surroundings = Surroundings { clock, state_path, account: &account };
    let settings = Arc::new(site.settings.clone());
    let mut state = match checkpoint::peek(state_path, &settings, clock.now()) {
        Ok(loaded) => loaded.state,
        Err(error) => {
            note = format!("{}; going on without it\n", error_chain(&error));
            SiteState::new(settings, clock.now())
        }
    };
    // The logs first: they say whether the destination must be left alone. The database may tell where it is.
    let (logs, _) = sources_under(&state, site, &surroundings)?;
    poll_each(&mut state, logs, clock);
    ask_database(&mut state, &site.patterns, &SqlServers::new(environment), clock)?;
    let (_, mut others) = sources_under(&state, site, &surroundings)?;
    if let Some(config) = &site.settings.services {
        let controller = SystemServices::new(environment).of(config);
        let pause_file = site.settings.remediation.pause_file.clone();
        others.push(Box::new(ServicesSource::new(config, pause_file, controller)));
    }
    poll_each(&mut state, others, clock);
    if state.settings.services.is_some() {
        note += &look_at_restarts(&mut state, state_path, clock.now());
    }
    Ok((state, note))
}

/// The logs, and the other sources, where the state says that things are.
fn sources_under(
    state: &SiteState,
    site: &SiteConfig,
    surroundings: &Surroundings<'_>,
) -> anyhow::Result<(Sources, Sources)> {
    let mut sources = sources_of(&site.under(&state.settings), surroundings)?;
    // What a verification found is in the checkpoint; to read everything takes longer than a look.
    sources.retain(|source| source.id().kind != SourceKind::Verification);
    Ok(sources.into_iter().partition(|source| source.id().kind.witness().is_some()))
}

/// Says how the site stands with restarts; an attempt of a running exporter is shown as it is.
fn look_at_restarts(state: &mut SiteState, state_path: &Path, now: Timestamp) -> String {
    let (mut ledger, note) = match LedgerFile::new(state_path, state.settings.code).peek(now) {
        Ok(ledger) => (Some(ledger), String::new()),
        Err(error) => (None, format!("{}\n", error_chain(&error))),
    };
    if let Some(ledger) = &mut ledger {
        ledger.redate(now, None);
    }
    state.stands(standing(state, ledger.as_ref(), ledger.as_ref(), now));
    note
}

fn text(state: &SiteState, assessment: &Assessment, out: &mut dyn Write) -> anyhow::Result<()> {
    writeln!(out, "{} {}: {}", state.settings.code, assessment.verdict, assessment.reason)?;
    if state.sources.is_empty() {
        writeln!(out, "  {NOTHING_IS_WATCHED}")?;
    }
    for (id, source) in &state.sources {
        if let Some(failure) = &source.failure {
            writeln!(out, "  {}: {}", id.kind, failure.message)?;
        }
    }
    for unread in &state.database.unread {
        writeln!(out, "  {}: {}: {}", SourceKind::Database, unread.topic, unread.failure.message)?;
    }
    for (root, readable) in &state.database.package_sources {
        if state.observed(readable) == Some(&false) {
            writeln!(out, "  package source {root} cannot be read")?;
        }
    }
    for testimony in &assessment.witnesses {
        writeln!(out, "  {} {}", testimony.witness, testimony.finding())?;
        if !testimony.advice().is_empty() {
            writeln!(out, "    {}", testimony.advice())?;
        }
    }
    if let Some(frozen) = frozen_io(state) {
        writeln!(out, "  by the event log: {frozen}")?;
    }
    for (name, service) in state.observed(&state.services).into_iter().flat_map(|seen| &seen.services) {
        if let Some(wrong) = amiss(name, service, state, assessment) {
            writeln!(out, "  service {name} {wrong}")?;
        }
    }
    if let Some(standing) = &state.restart {
        writeln!(
            out,
            "  restart (mode {}): {}",
            standing.mode,
            outlook_from_outside(standing, state, assessment)
        )?;
        for hold in standing.holds() {
            writeln!(out, "    {}: {}", hold.reason, hold.finding)?;
        }
    }
    writeln!(out, "  protected by: {}", assessment.protection.mode)?;
    if let Some(known) = &state.schedule {
        writeln!(out, "  schedule: {}", schedule(known))?;
    }
    if state.settings.snapshot.is_some()
        && let Some(quiet) = guidance(state, assessment.at).quiet
    {
        writeln!(out, "  the destination is left alone now: {}", because(quiet))?;
    }
    for result in &assessment.checks {
        let word = match result.state {
            CheckState::Passed => "passed",
            CheckState::Failed => "FAILED",
            CheckState::Unknown => "unknown",
        };
        writeln!(out, "  {:<26} {word:<8} {}", result.check, result.finding)?;
        if !result.advice.is_empty() {
            writeln!(out, "  {:<35} {}", "", result.advice)?;
        }
    }
    Ok(())
}

fn because(quiet: Quiet) -> &'static str {
    match quiet {
        Quiet::RunInProgress => "a backup runs",
        Quiet::RunDue => "a backup is due",
        Quiet::AfterBackup => "AfterBackup.bat may be at work",
        Quiet::Unknown => "nothing that could be read tells whether a backup runs",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use chrono::TimeDelta;

    use super::*;
    use crate::config::SiteSettings;
    use crate::demo::database::{SimulatedDatabase, database_config};
    use crate::demo::history::{Nights, history};
    use crate::demo::live::LiveRuns;
    use crate::demo::writer::{BackupTask, LogWriter};
    use crate::site::{
        BackupMethod, BackupSet, Decision, FailureCause, Hold, HoldReason, RestartMode, RestartPlan,
        RestartStanding, Service, ServiceState, ServicesSeen, SiteCode, SqlServerEvent, Timestamp,
    };
    use crate::source::SourceId;
    use crate::source::site_database::Topic;
    use crate::source::site_database::scripted::{self, Scripted};
    use crate::state::Observation;
    use crate::trace::UserPatterns;

    /// What `check` says of a site of which only the simulated database tells, at this time of the day.
    fn said(time: &str) -> String {
        let now: Timestamp = format!("2026-11-21T{time}Z").parse().unwrap();
        let (clock, site) = (Clock::anchored(now), "P01".parse::<SiteCode>().unwrap());
        let (task, writer) = (BackupTask::new(site), LogWriter::new(site, "CM01.corp.example"));
        let live = LiveRuns::new(task.clone(), now + TimeDelta::days(1));
        let runs = history(now, &task, &Nights::default());
        let database = SimulatedDatabase::new(clock, &task, writer, Nights::default().window(), runs, live);
        let mut settings = SiteSettings::new(site);
        settings.database = Some(database_config(site));
        let mut state = SiteState::new(Arc::new(settings), now);
        ask_database(&mut state, &UserPatterns::default(), &database, clock).unwrap();
        let mut said = Vec::new();
        text(&state, &assess(&state, clock.now()), &mut said).unwrap();
        String::from_utf8(said).unwrap()
    }

    #[test]
    fn all_servers_of_an_availability_group_are_asked() {
        let now = "2026-11-21T08:00:00Z".parse().unwrap();
        let (clock, site) = (Clock::anchored(now), "P01".parse().unwrap());
        let finished = |hours| now - TimeDelta::hours(hours);
        let set =
            |time| BackupSet { started: time, finished: time, method: BackupMethod::Native, damaged: false };
        let database = Scripted::new(clock);
        database.world().servers =
            ["SQL01", "SQL02", "SQL03", "SQL04"].map(|server| (server.to_owned(), Vec::new())).to_vec();
        database.world().dead = vec!["SQL02".to_owned()];
        database.world().servers[3].1 = vec![set(finished(5))];
        let mut settings = SiteSettings::new(site);
        settings.database = Some(scripted::config("sql01"));
        let mut state = SiteState::new(Arc::new(settings), now);
        ask_database(&mut state, &UserPatterns::default(), &database, clock).unwrap();
        let asked = database.world().asked.iter().map(|(server, _)| server.clone()).collect::<BTreeSet<_>>();
        assert_eq!(asked, ["SQL01", "SQL03", "SQL04"].map(str::to_owned).into());
        assert_eq!(state.database.backup_sets["SQL04"], [set(finished(5))]);
        assert_eq!(database.times_asked(Topic::Server), 3, "no more polls than servers are left");
    }

    #[test]
    fn restarts_are_looked_at_without_touching_the_ledger() {
        use crate::config::{RemediationConfig, ServiceControl, ServicesConfig};
        let now: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        let control = ServiceControl::Windows;
        let services = ServicesConfig { control, machine: None, interval: Duration::from_secs(30) };
        let mut settings = SiteSettings::new("P01".parse().unwrap());
        settings.remediation = RemediationConfig::for_services(Some(&services));
        settings.services = Some(services);
        let mut state = SiteState::new(Arc::new(settings), now);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(look_at_restarts(&mut state, folder.path(), now), "");
        assert_eq!(state.restart.as_ref().unwrap().attempts_total, Some(0));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

        // One of a running exporter.
        let file = LedgerFile::new(folder.path(), state.settings.code);
        let mut ledger = file.peek(now).unwrap();
        ledger.begin(now, FailureCause::Vss, RestartPlan::Start, now);
        file.write(&ledger).unwrap();
        assert_eq!(look_at_restarts(&mut state, folder.path(), now), "");
        assert!(state.restart.as_ref().unwrap().is_under_way());
        assert_eq!(file.read().unwrap(), Some(ledger));

        std::fs::write(folder.path().join("P01.ledger.json"), "{}").unwrap();
        let note = look_at_restarts(&mut state, folder.path(), now);
        assert!(note.contains("cannot use the ledger") && note.ends_with('\n'), "{note}");
        assert_eq!(state.restart.unwrap().attempts_remaining, 0);
    }

    #[test]
    fn it_says_who_is_silent_and_why_and_that_io_is_frozen() {
        let now: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        let mut state = SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), now);
        let source = SourceId { kind: SourceKind::EventLog, location: "Application.evtx".to_owned() };
        state.watch(source.clone(), Duration::from_secs(30), source.kind.witness(), now);
        let watched = state.sources.get_mut(&source).unwrap();
        (watched.last_poll, watched.silent) = (Some(now), true);
        state.sql_server.insert(SqlServerEvent::Frozen, now);
        let mut said = Vec::new();
        text(&state, &assess(&state, now), &mut said).unwrap();
        let said = String::from_utf8(said).unwrap();
        for line in [
            "  event_log has held no message of the backup yet",
            "    Status reporting to the Windows event log may be off: look at the site's properties, Status Reporting.",
            "  by the event log: I/O of CM_P01 frozen since 2026-11-21 08:00:00 UTC, not resumed",
        ] {
            assert!(said.lines().any(|said| said == line), "{line}: {said}");
        }
    }

    #[test]
    fn it_says_which_service_is_amiss_and_why_a_failed_backup_is_not_restarted() {
        let now: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        let mut state = SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), now);
        let source = SourceId { kind: SourceKind::Services, location: "cm01".to_owned() };
        state.watch(source.clone(), Duration::from_secs(30), None, now);
        state.sources.get_mut(&source).unwrap().last_success = Some(now);
        let service = |name: &str| (name.into(), Service::in_state(ServiceState::Stopped));
        let services = ["SMS_EXECUTIVE", "SMS_SITE_BACKUP"].map(service).into();
        let value = ServicesSeen { services, ..ServicesSeen::default() };
        state.services = Some(Observation { value, source });
        let hold = |reason, finding: &str| Hold {
            reason,
            finding: finding.into(),
            passes: reason.clears_by_itself(),
        };
        state.restart = Some(RestartStanding {
            mode: RestartMode::Restart,
            decision: Decision::Hold(vec![
                hold(HoldReason::SiteMaintenance, "SMS_EXECUTIVE is stopped."),
                hold(HoldReason::CoolingDown, "The last attempt was 5 min 0 s ago."),
            ]),
            run: Some(now),
            attempts: Vec::new(),
            attempts_total: Some(1),
            attempts_failed_total: Some(0),
            pending: false,
            attempts_remaining: 1,
        });
        let mut said = Vec::new();
        text(&state, &assess(&state, now), &mut said).unwrap();
        let said = String::from_utf8(said).unwrap();
        let lines = "  service SMS_EXECUTIVE is stopped\n  \
                     restart (mode restart): The backup service is not restarted, for these reasons.\n    \
                     site_maintenance: SMS_EXECUTIVE is stopped.\n    \
                     cooling_down: The last attempt was 5 min 0 s ago.\n  protected by: ";
        assert!(said.contains(lines), "{said}");
    }

    #[test]
    fn it_does_not_say_that_it_starts_anything() {
        let now: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        let mut state = SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), now);
        state.restart = Some(RestartStanding {
            mode: RestartMode::Restart,
            decision: Decision::Restart(RestartPlan::Start),
            run: Some(now),
            attempts: Vec::new(),
            attempts_total: Some(0),
            attempts_failed_total: Some(0),
            pending: true,
            attempts_remaining: 2,
        });
        let mut said = Vec::new();
        text(&state, &assess(&state, now), &mut said).unwrap();
        let said = String::from_utf8(said).unwrap();
        let line = "  restart (mode restart): A running exporter would start the backup service now.\n";
        assert!(said.contains(line), "{said}");
    }

    #[test]
    fn it_says_which_witness_is_heard_what_is_due_and_what_is_not_read() {
        let (with_all, without_one) = (said("08:00:00"), said("08:09:00"));
        for part in
            ["\n  status_messages tells everything since 2026-10-23 02:0", "\n  schedule: daily 02:00-05:00 "]
        {
            assert!(with_all.contains(part), "{part}: {with_all}");
        }
        assert!(!with_all.contains("  database: "), "{with_all}");
        assert!(without_one.contains("\n  database: alerts: the SELECT permission on "), "{without_one}");
    }
}
