//! Reasons that lie in what was tried before, and in the time of day.

use std::time::Duration;

use chrono::TimeDelta;

use super::amiss::{attempt, expect, failed, holds};
use super::site::{Site, at, task};
use crate::config::DayWindow;
use crate::site::HoldReason::*;
use crate::site::{AttemptOutcome, FailureCause, RestartMode, RestartPlan, ServiceState, SiteService};

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
