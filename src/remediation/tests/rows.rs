//! Each reason from real evidence: one site that would be restarted, and one thing amiss.

use super::amiss::{attempt, expect, failed, fails, holds};
use super::site::{Site, at};
use crate::remediation::Ledger;
use crate::site::HoldReason::*;
use crate::site::{
    AttemptOutcome, ClosedSet, Decision, FailureCause, Remark, RestartMode, RestartPlan, RunEnd,
    ServiceState, SiteServer, SiteService, Witness,
};
use crate::source::{Fact, Record, RecordBody, SourceKind};

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
