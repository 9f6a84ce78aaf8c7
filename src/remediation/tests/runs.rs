//! Runs that go on: what is waited for, and what is stopped first.

use std::time::Duration;

use chrono::TimeDelta;

use super::amiss::{command, expect, fails, holds};
use super::site::{Site, at};
use crate::site::HoldReason::*;
use crate::site::{
    ClosedSet, Decision, HoldReason, RestartMode, RestartPlan, ServiceState, SiteService, StartMode,
};
use crate::source::{Fact, SourceKind};

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

/// What an alert leaves to the restart: it must not dip between the first error and the attempt.
#[test]
fn a_failed_run_is_about_to_be_tried_again_from_its_first_error_on() {
    let mut site = Site::new();
    site.service(SiteService::Backup).state = ServiceState::Running;
    site.fail_with(&["500", "5055", "preparing", "6829", "-5060"]);
    assert_eq!(site.reasons(), [RunInProgress, Settling]);
    assert!(site.stand().pending, "it goes on");
    let waits = |site: &mut Site, reasons: &[HoldReason], why: &str| {
        assert_eq!((site.reasons(), site.stand().pending), (reasons.to_vec(), true), "{why}");
    };
    for service in SiteService::STOPPED_FOR_SNAPSHOT {
        site.service(service).state = ServiceState::Stopped;
    }
    site.say(&["501"]);
    waits(&mut site, &[RunInProgress, Settling, SiteMaintenance], "services come back after it");
    site.service(SiteService::Backup).state = ServiceState::StopPending;
    site.poll();
    let stops = [RunInProgress, Settling, SiteMaintenance, ServiceUnavailable];
    waits(&mut site, &stops, "its service stops");
    site.service(SiteService::Backup).state = ServiceState::Stopped;
    site.pass(3);
    waits(&mut site, &[SiteMaintenance], "services come back after it");
    for service in SiteService::STOPPED_FOR_SNAPSHOT {
        site.service(service).state = ServiceState::Running;
    }
    site.poll();
    assert_eq!(site.stand().decision, Decision::Restart(RestartPlan::Start));
}

#[test]
fn what_only_looks_like_the_end_of_a_failed_run_is_not_waited_for() {
    let pending = |change: &dyn Fn(&mut Site), minutes: i64| {
        let mut site = Site::new();
        site.service(SiteService::Backup).state = ServiceState::Running;
        site.fail_with(&["500", "5055", "preparing", "-5060"]);
        change(&mut site);
        site.pass(minutes);
        assert!(matches!(site.stand().decision, Decision::Hold(_)), "{:?}", site.stand().decision);
        site.stand().pending
    };
    let ends = |site: &mut Site| site.say(&["501"]);
    let cannot_stop = |site: &mut Site| command(site, |command| command.stop = None);
    let observes = |site: &mut Site| site.settings().remediation.mode = RestartMode::Observe;
    let disabled = |site: &mut Site| {
        ends(site);
        let service = site.service(SiteService::Backup);
        (service.state, service.start) = (ServiceState::StopPending, Some(StartMode::Disabled));
    };
    let another = |site: &mut Site| {
        ends(site);
        site.say(&["500", "5055"]);
    };
    let cases: [(&str, &dyn Fn(&mut Site), i64, bool); 8] = [
        ("it is slow to end", &cannot_stop, 40, true),
        ("it hangs, and nothing can stop it", &cannot_stop, 120, false),
        ("only watched", &observes, 1, false),
        ("its service is slow to stop", &ends, 4, true),
        ("its service runs on for another backup", &ends, 16, false),
        ("its service stops and cannot be started again", &disabled, 1, false),
        ("another run goes on", &another, 1, false),
        (
            "somebody works on the site too",
            &|site| {
                ends(site);
                site.service(SiteService::Executive).state = ServiceState::Stopped;
                site.seen.paused = Some(true);
            },
            1,
            false,
        ),
    ];
    for (case, change, minutes, expected) in cases {
        assert_eq!(pending(change, minutes), expected, "{case}");
    }
}
