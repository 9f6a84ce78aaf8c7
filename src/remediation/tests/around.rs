//! Reasons that lie around the run: the site, its services, its database and the destination.

use chrono::TimeDelta;

use super::amiss::{command, expect, failed, fails, holds};
use super::site::{Site, at, task, version};
use crate::site::HoldReason::*;
use crate::site::{ClosedSet, DatabaseServer, Service, ServiceState, SiteService, SqlServerEvent, StartMode};
use crate::snapshot::samples::Sample;
use crate::source::site_database::Topic;
use crate::source::{DatabaseFact, Fact, FailureKind, PollFailure, SourceKind, Unread};

#[test]
fn a_disabled_task_stays_disabled() {
    let words = ["task is disabled", "Site Maintenance", "by hand"];
    holds(|site| site.answer(task(false)), &[TaskDisabled], &words);
}

#[test]
fn nothing_is_done_while_somebody_works_on_the_site() {
    for service in [SiteService::Executive, SiteService::ComponentManager] {
        let down = |site: &mut Site| site.service(service).state = ServiceState::Stopped;
        let words = [service.label(), "does not run though", "Start it, or wait for it."];
        holds(down, &[SiteMaintenance], &words);
    }
    let both = ["SMS_EXECUTIVE and SMS_SITE_COMPONENT_MANAGER do not run", "Start them, or wait for them."];
    holds(core_stops, &[SiteMaintenance], &both);
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

/// SMS Writer stops the site's services.
fn core_stops(site: &mut Site) {
    for service in SiteService::STOPPED_FOR_SNAPSHOT {
        site.service(service).state = ServiceState::Stopped;
    }
}

#[test]
fn services_that_come_back_after_a_snapshot_are_waited_for_in_other_words() {
    for (words, before, after) in [
        (&["500", "5055", "preparing", "6829", "5057", "-5060", "501"][..], 14, "the snapshot"),
        (&["500", "5055", "preparing", "-5060", "501"], 4, "the backup"),
    ] {
        let mut site = Site::new();
        site.now = at("2026-11-21T02:05:00Z");
        core_stops(&mut site);
        site.write(words);
        site.copy = None;
        site.pass(before);
        let both = "SMS_EXECUTIVE and SMS_SITE_COMPONENT_MANAGER";
        let waits = format!("{both} are not back yet after {after}; nothing is started before.");
        expect(&site, &[SiteMaintenance], &[&waits]);
        site.pass(1);
        expect(&site, &[SiteMaintenance], &["do not run though no backup does"]);
        site.service(SiteService::Executive).state = ServiceState::Running;
        site.service(SiteService::ComponentManager).state = ServiceState::Running;
        site.pass(1);
        assert_eq!(site.reasons(), []);
    }
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
