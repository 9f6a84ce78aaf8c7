//! Each reason from real evidence: one site that would be restarted, and one thing amiss.

use std::time::Duration;

use chrono::TimeDelta;

use super::site::{Site, at, task, version};
use crate::config::{CommandAnswer, CommandConfig, DayWindow, ServiceControl};
use crate::remediation::Ledger;
use crate::site::HoldReason::*;
use crate::site::{
    AttemptOutcome, ClosedSet, DatabaseServer, Decision, FailureCause, HoldReason, Remark, RestartMode,
    RestartPlan, RunEnd, Service, ServiceState, SiteServer, SiteService, SqlServerEvent, StartMode, Witness,
};
use crate::snapshot::samples::Sample;
use crate::source::site_database::Topic;
use crate::source::{DatabaseFact, Fact, FailureKind, PollFailure, Record, RecordBody, SourceKind, Unread};

fn failed() -> Site {
    let mut site = Site::new();
    site.fail("-5060:copy_failed");
    site
}

/// Puts one thing amiss, looks again, and expects these reasons, with these words in the first one's finding.
#[track_caller]
fn holds(change: impl FnOnce(&mut Site), reasons: &[HoldReason], words: &[&str]) {
    let mut site = failed();
    change(&mut site);
    site.poll();
    expect(&site, reasons, words);
}

fn fails(site: &mut Site, kind: SourceKind) {
    site.failing.insert(kind);
}

#[track_caller]
fn expect(site: &Site, reasons: &[HoldReason], words: &[&str]) {
    assert_eq!(site.reasons(), reasons);
    let standing = site.stand();
    for hold in standing.holds() {
        let text = &hold.finding;
        assert!(text.ends_with('.') && !text.contains("..") && !text.contains("  "), "{text}");
        assert!(text.chars().next().unwrap().is_uppercase() || text.starts_with('/'), "{text}");
    }
    let finding = &standing.holds()[0].finding;
    for word in words {
        assert!(finding.contains(word), "{word}: {finding}");
    }
}

#[test]
fn a_failed_backup_is_tried_again() {
    let site = failed();
    let standing = site.stand();
    assert_eq!(standing.decision, Decision::Restart(RestartPlan::Start));
    assert_eq!(standing.run, Some(site.newest()));
    assert_eq!((standing.attempts_remaining, standing.pending), (2, true));
}

#[test]
fn nothing_is_decided_where_nothing_has_failed_or_nothing_may_be_done() {
    let good = Site::new();
    assert_eq!((good.stand().decision, good.stand().run), (Decision::Nothing, None));
    let mut off = failed();
    off.settings().remediation.mode = RestartMode::Off;
    assert_eq!((off.stand().decision, off.stand().run), (Decision::Nothing, None));
    let mut succeeded = failed();
    succeeded.say(&["500", "5055", "5035"]);
    assert_eq!(succeeded.stand().decision, Decision::Nothing, "though it has not ended");
    let mut native = failed();
    native.settings().protection = Some(crate::site::Protection::Native);
    assert_eq!(native.stand().decision, Decision::Nothing, "the site does not need it");
}

#[test]
fn only_the_active_server_acts() {
    fn servers(pair: [(&'static str, bool); 2]) -> impl Fn(&mut Site) {
        move |site| {
            let server = |(name, active): (&str, bool)| SiteServer { name: name.into(), active };
            site.seen.site_servers = Some(pair.map(server).to_vec());
        }
    }
    let words = ["CM01 is the passive site server", "CM02 is the active one"];
    holds(servers([("CM01", false), ("CM02", true)]), &[PassiveNode], &words);
    holds(servers([("CM01", true), ("CM02", true)]), &[PassiveNode], &["CM01, CM02", "registry", "by hand"]);
    holds(
        |site| site.seen.machine = Some("CM02".into()),
        &[PassiveNode],
        &["failed on CM01", "this is CM02"],
    );
    let mut active = failed();
    servers([("CM01.corp.example", true), ("CM02.corp.example", false)])(&mut active);
    active.poll();
    assert_eq!(active.reasons(), []);
}

#[test]
fn while_something_runs_nothing_is_started() {
    let state = |state: ServiceState| move |site: &mut Site| site.service(SiteService::Backup).state = state;
    holds(state(ServiceState::Running), &[RunInProgress], &["SMS_SITE_BACKUP is running", "another backup"]);
    holds(
        |site| {
            site.service(SiteService::Backup).state = ServiceState::Running;
            site.write(&["500", "5055"]);
        },
        &[RunInProgress],
        &["The run of 2026-11-21 02:15 UTC goes on"],
    );
    for pending in [ServiceState::StartPending, ServiceState::StopPending, ServiceState::Paused] {
        let label = pending.label();
        holds(state(pending), &[RunInProgress, ServiceUnavailable], &[label]);
    }
    let mut open = Site::new();
    open.service(SiteService::Backup).state = ServiceState::Running;
    open.fail_with(&["500", "5055", "preparing", "-5060"]);
    expect(&open, &[RunInProgress, Settling], &["has failed and not ended", "logged for 1h"]);
    open.service(SiteService::Backup).state = ServiceState::Stopped;
    open.unpolled.insert(SourceKind::BackupLog);
    open.pass(1);
    expect(&open, &[RunInProgress, Settling], &["does not run, and nothing has told"]);
    open.unpolled.clear();
    open.poll();
    expect(&open, &[Settling], &["ended at 2026-11-21 02:16 UTC"]);
    open.pass(3);
    assert_eq!(open.reasons(), [], "it is over, for its service was seen to stand still");
}

#[test]
fn a_run_that_hangs_after_its_failure_is_stopped_first() {
    let mut site = Site::new();
    site.service(SiteService::Backup).state = ServiceState::Running;
    site.fail_with(&["500", "5055", "preparing", "-5060"]);
    let hangs = |change: &dyn Fn(&mut Site)| {
        let mut site = site.clone();
        change(&mut site);
        site.pass(49);
        assert!(site.reasons().contains(&RunInProgress), "an hour has not passed");
        site.pass(1);
        site.stand().decision
    };
    assert_eq!(hangs(&|_| {}), Decision::Restart(RestartPlan::StopFirst));
    let its_own = at("2026-11-21T02:05:01Z");
    let started = |time| move |site: &mut Site| site.service(SiteService::Backup).started = Some(time);
    assert_eq!(hangs(&started(its_own)), Decision::Restart(RestartPlan::StopFirst));
    let another = hangs(&started(its_own + TimeDelta::minutes(20)));
    assert!(matches!(another, Decision::Hold(_)), "that process is another run's, which has not failed");
    let lines = crate::source::LineTotals { lines: 1, ..Default::default() };
    let grows = hangs(&|site| site.fold(SourceKind::BackupLog, Ok(vec![Fact::Lines(lines)])));
    assert!(matches!(grows, Decision::Hold(_)), "it copies: its log grows, though without a message");
    let mut jumped = site.clone();
    jumped.skip(120);
    jumped.poll();
    assert!(jumped.reasons().contains(&RunInProgress), "the clock was put forward");
    let cannot = hangs(&|site| command(site, |command| command.stop = None));
    assert!(matches!(cannot, Decision::Hold(_)), "nothing can stop it");
    let mut unread = site.clone();
    unread.unwatch(SourceKind::BackupLog);
    unread.pass(120);
    expect(&unread, &[RunInProgress, Settling, StaleEvidence], &["without smsbkup.log", "by hand"]);
}

#[test]
fn who_cannot_stop_a_failed_run_says_so_and_what_to_do() {
    let finding = |change: &dyn Fn(&mut Site)| {
        let mut site = Site::new();
        site.service(SiteService::Backup).state = ServiceState::Running;
        site.fail_with(&["500", "5055", "preparing", "-5060"]);
        change(&mut site);
        site.pass(1);
        let hold = site.stand().holds().iter().find(|hold| hold.reason == RunInProgress).unwrap().clone();
        hold.finding.into_string()
    };
    let usual = finding(&|_| {});
    assert!(usual.contains("It is stopped once nothing was logged for 1h and nothing else holds"), "{usual}");
    let unread = |site: &mut Site| fails(site, SourceKind::BackupLog);
    let cases: [(&dyn Fn(&mut Site), &str); 7] = [
        (&|site| command(site, |command| command.stop = None), "sites[].services.command.stop"),
        (
            &|site| site.service(SiteService::Backup).started = Some(at("2026-11-21T02:10:00Z")),
            "was started at 2026-11-21 02:10 UTC, after its last message",
        ),
        (&|site| site.service(SiteService::Backup).state = ServiceState::StopPending, "is stop pending"),
        (&|site| site.settings().remediation.mode = RestartMode::Observe, "in mode observe nothing stops it"),
        (&unread, "whether it hangs cannot be seen: backup_log: backup_log is gone."),
        (&|site| site.unwatch(SourceKind::BackupLog), "without smsbkup.log"),
        (
            &|site| {
                site.unwatch(SourceKind::Services);
                site.settings().services = None;
            },
            "nobody watches the service",
        ),
    ];
    for (change, words) in cases {
        let finding = finding(change);
        assert!(finding.contains(words) && !finding.contains("It is stopped once"), "{finding}");
        assert!(finding.contains(". Stop SMS_SITE_BACKUP by hand if it hangs; its last"), "{finding}");
    }
}

#[test]
fn who_only_observes_a_run_that_hangs_says_how_it_is_ended() {
    let mut site = Site::new();
    site.settings().remediation.mode = RestartMode::Observe;
    site.service(SiteService::Backup).state = ServiceState::Running;
    site.fail_with(&["500", "5055", "preparing", "-5060"]);
    site.pass(60);
    expect(
        &site,
        &[ObserveOnly],
        &["nothing is stopped or started. Stop SMS_SITE_BACKUP and start it by hand"],
    );
}

#[test]
fn a_stalled_run_is_stopped_first_only_where_that_is_configured() {
    let mut site = Site::with(|settings| {
        settings.stalled_after = Some(Duration::from_secs(3 * 3600));
    });
    site.service(SiteService::Backup).state = ServiceState::Running;
    site.fail_with(&["500", "5055", "preparing"]);
    assert_eq!(site.stand().decision, Decision::Nothing);
    site.pass(240);
    expect(&site, &[RunInProgress, Settling], &["longer than 3h", "stop_stalled", "by hand"]);
    site.settings().remediation.stop_stalled = true;
    let mut cannot = site.clone();
    command(&mut cannot, |command| command.stop = None);
    expect(&cannot, &[RunInProgress, Settling], &["longer than 3h", "services.command.stop", "by hand"]);
    assert_eq!(site.stand().decision, Decision::Restart(RestartPlan::StopFirst));
    assert_eq!(site.stand().run, Some(site.newest()));
}

#[test]
fn a_failure_settles_first() {
    let mut site = Site::new();
    site.now = at("2026-11-21T02:05:00Z");
    site.write(&["500", "5055", "preparing", "-5060", "501"]);
    site.copy = None;
    site.pass(1);
    expect(&site, &[Settling], &["ended at 2026-11-21 02:05 UTC", "until 2026-11-21 02:07 UTC", "withdraw"]);
    assert!(site.stand().pending);
    site.skip(2);
    assert_eq!(site.reasons(), [Settling], "nobody has looked since");
    site.poll();
    assert_eq!(site.reasons(), []);
}

#[test]
fn without_the_ledger_nothing_is_done() {
    holds(|site| site.ledger = None, &[LedgerUnavailable], &["P01.ledger.json", "rename"]);
}

#[test]
fn a_failure_from_before_the_ledger_is_left_to_people() {
    let begun = at("2026-11-21T02:06:00Z");
    let words =
        ["before this program kept a ledger (2026-11-21 02:06 UTC)", "later failures only", "by hand"];
    holds(|site| site.ledger = Some(Ledger::new(begun)), &[NotArmed], &words);
    let mut never = Site::unproven(|_| {});
    never.fail("-5060");
    expect(&never, &[NotArmed], &["ever seen to succeed"]);
}

#[test]
fn an_end_that_was_only_inferred_does_not_make_a_failure_young() {
    let mut site = Site::new();
    site.now = at("2026-11-20T20:00:00Z");
    site.say(&["500", "5055", "preparing"]);
    site.copy = None;
    site.ledger = Some(Ledger::new(at("2026-11-21T02:00:00Z")));
    // The run of 20:00 broke off, which only the next start tells, and that one goes on.
    site.now = at("2026-11-21T02:05:00Z");
    site.service(SiteService::Backup).state = ServiceState::Running;
    site.say(&["500", "5055"]);
    site.pass(10);
    expect(&site, &[RunInProgress, NotArmed], &["02:05 UTC goes on"]);
}

#[test]
fn old_future_and_silent_evidence_is_none() {
    let mut old = failed();
    for _ in 0..30 {
        old.pass(60);
    }
    assert_eq!(old.reasons(), [StaleEvidence, OutsideWindow]);
    expect(&old, &[StaleEvidence, OutsideWindow], &["(2026-11-21 02:05 UTC) is older than 1d", "by hand"]);
    holds(
        |site| site.now = at("2026-11-21T01:30:00Z"),
        &[StaleEvidence, ScheduledRunDue, OutsideWindow],
        &[],
    );
    let mut future = failed();
    future.now = at("2026-11-21T01:59:00Z");
    future.poll();
    let finding =
        future.stand().holds().iter().find(|hold| hold.reason == StaleEvidence).unwrap().finding.clone();
    assert!(finding.contains("is dated in the future") && finding.contains("clock"), "{finding}");
    let words = ["The log told of the run of 2026-11-21 02:05 UTC", "cannot be read"];
    holds(|site| fails(site, SourceKind::BackupLog), &[StaleEvidence], &words);
    let mut silent = failed();
    silent.skip(30);
    silent.unpolled.insert(SourceKind::BackupLog);
    silent.poll();
    assert_eq!(silent.reasons(), [StaleEvidence]);
    let mut restarted = failed();
    restarted.restart(true);
    restarted.unpolled.insert(SourceKind::BackupLog);
    restarted.poll();
    assert!(restarted.reasons().contains(&StaleEvidence), "a success may stand in what was not read yet");
    restarted.unpolled.clear();
    restarted.poll();
    assert_eq!(restarted.reasons(), []);
}

/// A poll of the log that finds what was written since `oldest`, perhaps after a stretch that nobody can read any more.
fn reads_on(site: &mut Site, oldest: &str, gap: bool, records: Vec<Record>) {
    let oldest = Some(at(oldest));
    let coverage = Fact::Coverage { witness: Witness::Log, oldest, newest: None, gap };
    site.fold(SourceKind::BackupLog, Ok(vec![coverage, Fact::Records(Witness::Log, records)]));
}

#[test]
fn evidence_with_a_hole_is_none() {
    let mut rolled = failed();
    reads_on(&mut rolled, "2026-11-21T02:14:00Z", false, Vec::new());
    assert_eq!(rolled.reasons(), [], "it rolled, and all of it was read");
    let mut gone = failed();
    reads_on(&mut gone, "2026-11-21T02:14:00Z", true, Vec::new());
    expect(&gone, &[StaleEvidence], &["all backups since the run of 2026-11-21 02:05 UTC", "by hand"]);
    // Who has seen all of it still vouches for it.
    let coverage = Fact::Coverage {
        witness: Witness::EventLog,
        oldest: Some(at("2026-11-01T00:00:00Z")),
        newest: None,
        gap: false,
    };
    gone.also_hears(SourceKind::EventLog, coverage);
    assert_eq!(gone.reasons(), []);
    // A first start reads all there is.
    let mut first = failed();
    first.restart(false);
    first.poll();
    assert_eq!(first.reasons(), []);
}

#[test]
fn a_run_whose_end_rolled_away_may_have_succeeded() {
    let mut site = Site::new();
    site.fail_with(&["500", "5055", "preparing", "-5060"]);
    let gap = Record {
        position: 99,
        body: RecordBody::Remark {
            time: at("2026-11-21T02:14:00Z"),
            remark: Remark::Gap,
            text: Box::default(),
        },
    };
    // Its coverage is as if nothing was missing: the run itself tells.
    reads_on(&mut site, "2026-11-21T02:14:00Z", false, vec![gap]);
    assert_eq!(site.state.runs.last().and_then(|run| run.ended).map(|(end, _)| end), Some(RunEnd::Unseen));
    expect(&site, &[StaleEvidence], &["What followed in the run of 2026-11-21 02:05 UTC", "by hand"]);
}

#[test]
fn a_disabled_task_stays_disabled() {
    let words = ["task is disabled", "Site Maintenance", "by hand"];
    holds(|site| site.answer(task(false)), &[TaskDisabled], &words);
}

#[test]
fn nothing_is_done_while_somebody_works_on_the_site() {
    for service in [SiteService::Executive, SiteService::ComponentManager] {
        let down = |site: &mut Site| site.service(service).state = ServiceState::Stopped;
        holds(down, &[SiteMaintenance], &[service.label(), "does not run"]);
    }
    let installs = |site: &mut Site| site.answer(DatabaseFact::UpdateInstalls(true));
    holds(installs, &[SiteMaintenance], &["update is being installed"]);
    holds(|site| site.answer(DatabaseFact::SiteStatus(Some(120))), &[SiteMaintenance], &["SiteStatus 120"]);
    let updated = |site: &mut Site| site.answer(version("5.00.9135.1000"));
    let words = ["from version 5.00.9128.1000 to 5.00.9135.1000", "passes at 2026-11-21 03:15 UTC"];
    holds(updated, &[SiteMaintenance], &words);
    let booted = |site: &mut Site| site.seen.booted = Some(at("2026-11-21T02:10:00Z"));
    holds(booted, &[SiteMaintenance], &["started at 2026-11-21 02:10 UTC", "passes at 2026-11-21 03:10 UTC"]);
    holds(
        |site| site.seen.paused = Some(true),
        &[SiteMaintenance],
        &["/etc/no-restarts exists", "Delete it"],
    );
    let mut later = failed();
    updated(&mut later);
    booted(&mut later);
    later.poll();
    later.pass(59);
    assert_eq!(later.reasons(), [SiteMaintenance]);
    later.pass(1);
    assert_eq!(later.reasons(), []);
}

#[test]
fn services_that_are_down_during_a_run_are_no_maintenance() {
    let mut site = Site::new();
    site.service(SiteService::Backup).state = ServiceState::Running;
    site.service(SiteService::Executive).state = ServiceState::Stopped;
    site.fail_with(&["500", "5055", "preparing", "-5060"]);
    assert_eq!(site.reasons(), [RunInProgress, Settling]);
}

#[test]
fn causes_that_need_a_person_are_left_to_one() {
    use FailureCause::*;
    for cause in FailureCause::ALL {
        let mut site = Site::new();
        match cause {
            ServiceStopped => site.fail_with(&["500", "5055", "preparing", "501"]),
            // Those are told by the end of a run, not by an error.
            Interrupted | Stalled => continue,
            _ => site.fail(&format!("-5060:{cause}")),
        }
        if matches!(cause, AccessDenied | PathNotFound | DiskFull | ControlFile | Registry | ServiceStopped) {
            expect(&site, &[NeedsOperator], &[cause.label(), cause.advice()]);
        } else {
            assert_eq!(site.reasons(), [], "{cause}");
        }
    }
}

/// An attempt at this time for a run long ago, and what became of it.
fn attempt(site: &mut Site, time: &str, outcome: AttemptOutcome) {
    let ledger = site.ledger.as_mut().unwrap();
    let decided = at(time);
    ledger.begin(decided - TimeDelta::minutes(30), FailureCause::Vss, RestartPlan::Start, decided);
    ledger.finish(outcome, None, decided);
}

#[test]
fn two_nights_without_success_need_a_person() {
    use AttemptOutcome::*;
    for (first, outcome, second, reasons) in [
        ("2026-11-20T04:00:00Z", StartFailed, "2026-11-20T11:00:00Z", &[][..]),
        ("2026-11-20T11:00:00Z", StartFailed, "2026-11-20T14:00:00Z", &[NeedsOperator][..]),
        ("2026-11-20T11:00:00Z", Lost, "2026-11-20T23:00:00Z", &[NeedsOperator]),
        ("2026-11-20T11:00:00Z", Started, "2026-11-20T23:00:00Z", &[]),
        ("2026-11-20T11:00:00Z", Adopted, "2026-11-20T23:00:00Z", &[]),
        ("2026-11-20T11:00:00Z", Abandoned, "2026-11-20T23:00:00Z", &[]),
        // Before the last success.
        ("2026-11-19T23:00:00Z", StartFailed, "2026-11-20T23:00:00Z", &[]),
    ] {
        let mut site = failed();
        site.settings().remediation.max_attempts_per_day = 9;
        attempt(&mut site, first, outcome);
        attempt(&mut site, second, StartTimedOut);
        assert_eq!(site.reasons(), reasons, "{first} {outcome} {second}");
        let of = format!("attempts of {}", at(first).format("%F %H:%M UTC"));
        let words = [of.as_str(), "find the reason (copy_failed)"];
        if !reasons.is_empty() {
            expect(&site, reasons, &words);
        }
    }
    let mut judged = failed();
    judged.settings().remediation.max_attempts_per_day = 9;
    attempt(&mut judged, "2026-11-20T11:00:00Z", Started);
    attempt(&mut judged, "2026-11-20T23:00:00Z", Started);
    for attempt in &mut judged.ledger.as_mut().unwrap().attempts {
        attempt.followed_by = Some((attempt.decided, Some(false)));
    }
    assert_eq!(judged.reasons(), [NeedsOperator], "they started, and their runs failed");
}

fn command(site: &mut Site, change: impl FnOnce(&mut CommandConfig)) {
    let line = || Some(vec!["ssh".to_owned()]);
    let answer = || CommandAnswer::Exit(0);
    let mut command = CommandConfig {
        state: line().unwrap(),
        running: answer(),
        stopped: answer(),
        start: line(),
        stop: line(),
        timeout: Duration::from_secs(60),
    };
    change(&mut command);
    site.settings().services.as_mut().unwrap().control = ServiceControl::Command(command);
}

#[test]
fn a_service_that_cannot_be_started_is_not() {
    let disabled = |site: &mut Site| site.service(SiteService::Backup).start = Some(StartMode::Disabled);
    holds(disabled, &[ServiceUnavailable], &["is disabled", "Manual"]);
    let missing =
        |site: &mut Site| *site.service(SiteService::Backup) = Service::in_state(ServiceState::Missing);
    holds(missing, &[ServiceUnavailable], &["no service SMS_SITE_BACKUP"]);
    let paused = |site: &mut Site| site.service(SiteService::Backup).state = ServiceState::Paused;
    holds(paused, &[RunInProgress, ServiceUnavailable], &[]);
    holds(
        |site| command(site, |command| command.start = None),
        &[ServiceUnavailable],
        &["services.command.start"],
    );
    let nobody = |site: &mut Site| {
        site.unwatch(SourceKind::Services);
        site.settings().services = None;
    };
    holds(nobody, &[ServiceUnavailable], &["Nobody watches"]);
}

#[test]
fn a_backup_needs_its_writers_and_sql_server() {
    let state = |service, state| move |site: &mut Site| site.service(service).state = state;
    let missing = &[PrerequisiteMissing][..];
    holds(
        state(SiteService::VssWriter, ServiceState::Stopped),
        missing,
        &["SMS_SITE_VSS_WRITER", "Start it"],
    );
    let sql_writer = |site: &mut Site| {
        site.settings().database.as_mut().unwrap().server.host = "cm01.corp.example".to_owned();
        site.service(SiteService::SqlWriter).state = ServiceState::Stopped;
    };
    holds(sql_writer, missing, &["SQLWriter", "Start it"]);
    holds(
        |site| site.service(SiteService::Vss).start = Some(StartMode::Disabled),
        missing,
        &["VSS", "Manual"],
    );
    holds(state(SiteService::Vss, ServiceState::Missing), missing, &["VSS"]);
    let sql = |site: &mut Site| fails(site, SourceKind::Database);
    holds(sql, missing, &["SQL Server does not answer: database is gone."]);
    for (event, reasons) in [(SqlServerEvent::Frozen, missing), (SqlServerEvent::Resumed, &[])] {
        let mut site = failed();
        site.also(SourceKind::EventLog, Fact::SqlServer(SqlServerEvent::Frozen, at("2026-11-21T02:12:00Z")));
        site.also(SourceKind::EventLog, Fact::SqlServer(event, at("2026-11-21T02:12:10Z")));
        assert_eq!(site.reasons(), reasons, "{event}");
        if event == SqlServerEvent::Frozen {
            expect(
                &site,
                missing,
                &["CM_P01 is frozen since 2026-11-21 02:12 UTC", "or at 2026-11-22 02:12 UTC"],
            );
        }
    }
}

#[test]
fn a_site_database_that_answers_and_says_no_is_not_seen() {
    for kind in FailureKind::ALL {
        let mut site = failed();
        site.fold(
            SourceKind::Database,
            Err(PollFailure { kind: *kind, message: "login failed.".to_owned() }),
        );
        assert_eq!(site.reasons(), [PrerequisiteMissing], "{kind}");
        let words = match kind {
            FailureKind::Unreachable | FailureKind::Timeout => "SQL Server does not answer: login failed.",
            _ => "Whether a backup has what it needs cannot be seen: database: login failed.",
        };
        expect(&site, &[PrerequisiteMissing], &[words]);
    }
}

#[test]
fn sql_writer_is_needed_where_the_database_is() {
    use ServiceState::{Missing, Stopped};
    for (server, state, missing) in [
        (None, Missing, false),
        (None, Stopped, false),
        (Some("CM01"), Missing, true),
        (Some("cm01\\CM"), Stopped, true),
        (Some("SQL01"), Missing, false),
        (Some("SQL01\\CM01"), Stopped, false),
    ] {
        let mut site = failed();
        site.service(SiteService::SqlWriter).state = state;
        if let Some(name) = server {
            let server = DatabaseServer {
                name: name.into(),
                version: "16.0".into(),
                in_availability_group: false,
                utc: site.now,
                offset: 0,
            };
            site.answer(DatabaseFact::Server { server, skew: TimeDelta::zero() });
        }
        site.poll();
        assert_eq!(site.reasons() == [PrerequisiteMissing], missing, "{server:?} {state}");
    }
}

#[test]
fn a_backup_needs_room() {
    holds(
        |site| site.free = 1 << 20,
        &[NoSpace],
        &["/backup has 1 MiB free and 0 MiB", "next one needs 17 MiB"],
    );
}

#[test]
fn the_last_valid_copy_is_never_risked() {
    let keep = |site: &mut Site| site.fail_with(&["500", "5055", "-5060:vss", "501"]);
    let mut kept = Site::new();
    keep(&mut kept);
    let words = ["only copy", "the backup of 2026-11-20 02:00 UTC", "Copy it elsewhere"];
    expect(&kept, &[LastValidCopy], &words);
    let mut unseen = Site::new();
    unseen.unpolled.insert(SourceKind::Snapshot);
    keep(&mut unseen);
    expect(&unseen, &[LastValidCopy], &["is not known", "Look at the destination"]);
    let mut damaged = Site::new();
    damaged.copy = Some(Sample::good(1).without("SiteDBServer").survey(damaged.now));
    keep(&mut damaged);
    assert_eq!(damaged.reasons(), [], "what is there is no copy");
    let mut archived = Site::with(|settings| {
        let archive = crate::config::ArchiveConfig {
            name: "nas".to_owned(),
            pattern: "/nas/*".into(),
            max_age: None,
            verify: false,
        };
        settings.snapshot.as_mut().unwrap().archives.push(archive);
    });
    let run = archived.newest();
    let own = crate::snapshot::OwnRun { started: run, succeeded: Some(run + TimeDelta::hours(1)) };
    let content = crate::snapshot::ArchiveContent::Folder {
        survey: Sample::good(1).survey(archived.now),
        run: Some(own),
    };
    let copy = crate::snapshot::ArchiveCopy { path: "/nas/1".to_owned(), content };
    archived.fold(SourceKind::Snapshot, Ok(vec![Fact::Archives("nas".to_owned(), vec![copy])]));
    keep(&mut archived);
    assert_eq!(archived.reasons(), [], "there is another one");
}

#[test]
fn each_failed_run_has_one_attempt() {
    let mut site = failed();
    let (run, now) = (site.newest(), site.now);
    let ledger = site.ledger.as_mut().unwrap();
    ledger.begin(run, FailureCause::CopyFailed, RestartPlan::Start, now);
    expect(&site, &[AlreadyAttempted, CoolingDown], &["under way"]);
    assert!(site.stand().pending);
    let ledger = site.ledger.as_mut().unwrap();
    ledger.finish(AttemptOutcome::StartFailed, Some("access denied".into()), now);
    site.pass(31);
    expect(&site, &[AlreadyAttempted], &["attempt at 2026-11-21 02:15 UTC (start_failed: access denied)"]);
    assert!(!site.stand().pending);
}

/// What is said of a run that has had its attempt.
#[track_caller]
fn attempted(site: &Site) -> String {
    let standing = site.stand();
    let hold = standing.holds().iter().find(|hold| hold.reason == AlreadyAttempted);
    hold.expect("it has had its attempt").finding.to_string()
}

#[test]
fn while_the_run_of_an_attempt_goes_on_nobody_is_told_to_start_another() {
    use AttemptOutcome::{Adopted, StartFailed, Started};
    const BY_HAND: &str = "Start a backup by hand.";
    const GOES_ON: &str = "The run after it goes on, and how that ends decides.";
    for (outcome, before_a_line) in [(Started, GOES_ON), (Adopted, GOES_ON), (StartFailed, BY_HAND)] {
        let mut site = failed();
        let (run, now) = (site.newest(), site.now);
        let ledger = site.ledger.as_mut().unwrap();
        ledger.begin(run, FailureCause::CopyFailed, RestartPlan::Start, now);
        ledger.finish(outcome, None, now);
        assert!(attempted(&site).ends_with(BY_HAND), "{outcome}: nothing runs");
        site.service(SiteService::Backup).state = ServiceState::Running;
        site.poll();
        assert!(attempted(&site).ends_with(before_a_line), "{outcome}");
        site.say(&["500", "5055"]);
        let runs = site.state.runs.clone();
        site.ledger.as_mut().unwrap().judge(&runs);
        assert!(attempted(&site).ends_with(before_a_line), "{outcome}");
    }
}

#[test]
fn the_attempt_that_is_told_is_that_of_the_run() {
    let mut site = failed();
    let (run, now) = (site.newest(), site.now);
    let ledger = site.ledger.as_mut().unwrap();
    ledger.begin(run, FailureCause::CopyFailed, RestartPlan::Start, now);
    ledger.finish(AttemptOutcome::StartTimedOut, None, now);
    let later = now + TimeDelta::hours(2);
    ledger.begin(later, FailureCause::Vss, RestartPlan::Start, later);
    ledger.finish(AttemptOutcome::StartFailed, None, later);
    let finding = attempted(&site);
    assert!(finding.contains("attempt at 2026-11-21 02:15 UTC (start_timed_out)"), "{finding}");
}

#[test]
fn a_day_has_so_many_attempts() {
    let mut site = failed();
    attempt(&mut site, "2026-11-20T02:10:00Z", AttemptOutcome::StartFailed);
    attempt(&mut site, "2026-11-20T22:00:00Z", AttemptOutcome::Adopted);
    assert_eq!((site.reasons(), site.stand().attempts_remaining), (vec![], 2));
    attempt(&mut site, "2026-11-20T22:10:00Z", AttemptOutcome::Started);
    attempt(&mut site, "2026-11-20T22:50:00Z", AttemptOutcome::Started);
    let words = ["Of 2 attempts", "24 hours, 2 were made", "made at 2026-11-21 22:10 UTC"];
    expect(&site, &[BudgetSpent], &words);
    assert_eq!(site.stand().attempts_remaining, 0);
    site.settings().remediation.max_attempts_per_day = 0;
    expect(&site, &[BudgetSpent], &["No attempt is allowed"]);
}

#[test]
fn attempts_are_apart() {
    let mut site = failed();
    attempt(&mut site, "2026-11-21T01:50:00Z", AttemptOutcome::Started);
    let words = ["made at 2026-11-21 01:50 UTC", "passes at 2026-11-21 02:20 UTC"];
    expect(&site, &[CoolingDown], &words);
    site.pass(5);
    assert_eq!(site.reasons(), []);
}

#[test]
fn the_task_itself_comes_first() {
    // A backup of the evening fails, and the task has not started yet.
    let mut site = Site::with(|settings| {
        settings.remediation.window = Some(DayWindow { begin: 0, end: 0 });
    });
    site.now = at("2026-11-20T21:00:00Z");
    site.write(&["500", "5055", "preparing", "-5060", "501"]);
    site.copy = None;
    site.poll();
    site.pass(10);
    assert_eq!(site.reasons(), []);
    site.now = at("2026-11-21T00:01:00Z");
    site.poll();
    expect(&site, &[ScheduledRunDue], &["by itself at 2026-11-21 02:00 UTC", "about 1h"]);
    for (time, reasons) in [
        ("2026-11-20T23:59:00Z", &[][..]),
        ("2026-11-21T02:00:00Z", &[ScheduledRunDue][..]),
        ("2026-11-21T05:14:00Z", &[ScheduledRunDue]),
        ("2026-11-21T05:15:00Z", &[]),
    ] {
        site.now = at(time);
        site.poll();
        assert_eq!(site.reasons(), reasons, "{time}");
    }
    site.now = at("2026-11-21T03:00:00Z");
    site.poll();
    expect(
        &site,
        &[ScheduledRunDue],
        &["start of 2026-11-21 02:00 UTC has not come", "until 2026-11-21 05:15 UTC"],
    );
    site.answer(task(false));
    site.poll();
    assert_eq!(site.reasons(), [TaskDisabled], "what is disabled does not start by itself");
}

#[test]
fn backups_have_their_time_of_day() {
    let mut site = failed();
    site.now = at("2026-11-21T07:59:00Z");
    site.poll();
    assert_eq!(site.reasons(), []);
    site.pass(1);
    expect(&site, &[OutsideWindow], &["Outside 02:00-08:00 (utc); opens 2026-11-22 02:00 UTC."]);
    assert!(!site.stand().pending, "the task itself starts when it opens");
    // One that opens before the task's own start.
    site.settings().remediation.window = Some(DayWindow { begin: 22 * 60, end: 23 * 60 });
    assert_eq!((site.reasons(), site.stand().pending), (vec![OutsideWindow], true));
    site.settings().remediation.max_failure_age = Duration::from_secs(12 * 3600);
    assert_eq!((site.reasons(), site.stand().pending), (vec![OutsideWindow], false), "it is too old by then");
}

#[test]
fn who_only_observes_says_so() {
    let observe = |site: &mut Site| site.settings().remediation.mode = RestartMode::Observe;
    holds(observe, &[ObserveOnly], &["mode is observe", "remediation.mode"]);
}

#[test]
fn every_reason_that_applies_is_shown_in_the_order_of_the_table() {
    let mut site = failed();
    site.settings().remediation.mode = RestartMode::Observe;
    site.answer(task(false));
    site.service(SiteService::VssWriter).state = ServiceState::Stopped;
    site.ledger = None;
    site.poll();
    expect(&site, &[LedgerUnavailable, TaskDisabled, PrerequisiteMissing, ObserveOnly], &[]);
    assert_eq!(site.stand().attempts_remaining, 0, "nobody knows how many were made");
}

#[test]
fn what_this_account_may_not_read_of_the_site_database_holds_nothing() {
    let mut site = failed();
    for (kind, reasons) in
        [(FailureKind::Permission, &[][..]), (FailureKind::Malformed, &[SiteMaintenance][..])]
    {
        site.state.database.update_installs = None;
        let failure = PollFailure { kind, message: "no answer".to_owned() };
        site.state.database.unread = vec![Unread { topic: Topic::Updates, failure }];
        assert_eq!(site.reasons(), reasons, "{kind}");
    }
}
