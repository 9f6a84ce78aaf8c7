//! Attempts and the runs that follow them, by table.

use super::*;
use crate::site::{BackupOutcome, RunEnd, RunError};

pub(in crate::remediation) fn at(minute: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minute)
}

/// A run from one minute to another that ended like this; `None` while it goes on.
pub(in crate::remediation) fn run(first: i64, last: i64, outcome: Option<BackupOutcome>) -> BackupRun {
    let cause = outcome.and_then(BackupOutcome::cause);
    BackupRun {
        first: at(first),
        last: at(last),
        started: Some(at(first)),
        ended: outcome.map(|_| (RunEnd::ServiceStop, at(last))),
        succeeded: outcome.filter(|outcome| outcome.cause().is_none()).map(|_| at(last)),
        error: cause.map(|cause| RunError { time: at(last), cause, text: None }),
        error_after_success: None,
        after_backup_started: None,
        thawed: None,
        old_snapshot_deleted: None,
        warnings: 0,
        machine: None,
        phases: Vec::new(),
        messages: Vec::new(),
    }
}

pub(in crate::remediation) const FAILED: Option<BackupOutcome> =
    Some(BackupOutcome::Failed(FailureCause::Vss));
const SUCCEEDED: Option<BackupOutcome> = Some(BackupOutcome::Succeeded);

/// A ledger with one attempt, made at minute 30 for the run that began at minute 0 and ended in minute 32.
fn tried(outcome: Option<AttemptOutcome>) -> Ledger {
    let mut ledger = Ledger::new(at(-1000));
    ledger.begin(at(0), FailureCause::Vss, RestartPlan::Start, at(30));
    if let Some(outcome) = outcome {
        ledger.finish(outcome, None, at(32));
    }
    ledger
}

#[test]
fn each_outcome_is_counted_and_ends_the_attempt_once() {
    use crate::site::ClosedSet;
    for outcome in AttemptOutcome::ALL.iter().copied() {
        let mut ledger = tried(None);
        assert!(ledger.under_way().is_some());
        assert_eq!(ledger.spent_since(at(29)), 1, "as long as it is under way it counts");
        ledger.finish(outcome, Some("words".into()), at(31));
        ledger.finish(AttemptOutcome::Started, None, at(40));
        assert!(!ledger.lose(at(41)) && ledger.under_way().is_none());
        let attempt = &ledger.attempts[0];
        assert_eq!((attempt.outcome, attempt.error.as_deref()), (Some((outcome, at(31))), Some("words")));
        assert_eq!((ledger.attempts_total, ledger.attempts_failed_total), (1, (!outcome.began()).into()));
        assert_eq!(ledger.spent_since(at(29)), usize::from(outcome.is_spent()), "{outcome}");
        assert_eq!(ledger.spent_since(at(30)), 0);
    }
}

#[test]
fn an_attempt_without_an_end_is_lost() {
    let mut ledger = tried(None);
    assert!(ledger.lose(at(90)));
    assert_eq!(ledger.attempts[0].outcome, Some((AttemptOutcome::Lost, at(90))));
    assert_eq!((ledger.attempts_failed_total, ledger.lose(at(91))), (1, false));
    let mut ledger = tried(None);
    ledger.begin(at(50), FailureCause::Sql, RestartPlan::Start, at(60));
    let ends: Vec<_> = ledger.attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(ends, [Some((AttemptOutcome::Lost, at(60))), None], "only the newest is ever under way");
}

#[test]
fn the_newest_attempts_are_kept_and_the_totals_remember_all() {
    let mut ledger = Ledger::new(at(0));
    for minute in 0..250 {
        ledger.begin(at(minute), FailureCause::Vss, RestartPlan::Start, at(minute));
        ledger.finish(AttemptOutcome::StartFailed, None, at(minute));
    }
    assert_eq!((ledger.attempts.len(), ledger.attempts[0].run), (KEPT_ATTEMPTS, at(150)));
    assert_eq!((ledger.attempts_total, ledger.attempts_failed_total), (250, 250));
}

#[test]
fn a_run_has_had_its_attempt_if_one_was_made_for_it_or_after_it_began() {
    let ledger = tried(Some(AttemptOutcome::Started));
    for (first, last, has) in [(0, 20, true), (25, 40, true), (30, 40, true), (31, 40, false)] {
        assert_eq!(ledger.has_tried(&run(first, last, FAILED)), has, "{first}");
    }
    // Evidence of a further witness moves what a run is known by.
    let mut moved = tried(None);
    moved.attempts[0].decided = at(-10);
    let mut late = run(0, 20, FAILED);
    late.first += TimeDelta::seconds(10);
    late.started = Some(late.first);
    assert!(moved.has_tried(&late));
    late.first += TimeDelta::seconds(1);
    assert!(!moved.has_tried(&late));
}

#[test]
fn the_run_that_followed_is_found_by_how_the_attempt_ended() {
    use AttemptOutcome::*;
    let own = || run(0, 20, FAILED);
    let (night, next_night) = ((33, 60), (1440, 1500));
    for (outcome, (first, last), ended, found) in [
        (Some(Started), night, None, Some(None)),
        (Some(Started), night, SUCCEEDED, Some(Some(true))),
        (Some(Started), night, FAILED, Some(Some(false))),
        (Some(Started), next_night, SUCCEEDED, None),
        (Some(Adopted), (25, 60), SUCCEEDED, Some(Some(true))),
        (Some(StartTimedOut), night, FAILED, Some(Some(false))),
        (Some(Lost), night, SUCCEEDED, Some(Some(true))),
        (None, night, None, Some(None)),
        (Some(QueryFailed), night, SUCCEEDED, None),
        (Some(StopFailed), night, SUCCEEDED, None),
        (Some(StopTimedOut), night, SUCCEEDED, None),
        (Some(StartFailed), night, SUCCEEDED, None),
        (Some(Abandoned), night, SUCCEEDED, None),
    ] {
        let mut ledger = tried(outcome);
        let expected = found.map(|went| (at(first), went));
        let runs = [run(-1440, -1400, SUCCEEDED), own(), run(first, last, ended)];
        assert_eq!(ledger.judge(&runs), found.is_some(), "{outcome:?} {ended:?}");
        assert_eq!(ledger.attempts[0].followed_by, expected, "{outcome:?} {ended:?}");
        assert!(!ledger.judge(&runs), "it is no news twice");
    }
}

#[test]
fn how_a_run_went_may_change_and_stays_when_the_run_is_forgotten() {
    let mut ledger = tried(Some(AttemptOutcome::Started));
    assert!(!ledger.judge(&[run(0, 20, FAILED)]));
    assert!(ledger.judge(&[run(0, 20, FAILED), run(33, 60, FAILED)]));
    assert!(ledger.judge(&[run(0, 20, FAILED), run(33, 61, SUCCEEDED)]), "5035 came late");
    assert_eq!(ledger.attempts[0].followed_by, Some((at(33), Some(true))));
    assert!(!ledger.judge(&[run(1440, 1500, FAILED)]));
    assert_eq!(ledger.attempts[0].followed_by, Some((at(33), Some(true))));
    // The failed run itself may have been let go before.
    let mut ledger = tried(Some(AttemptOutcome::Started));
    assert!(ledger.judge(&[run(33, 60, SUCCEEDED)]));
}

#[test]
fn what_lies_in_the_future_was_made_when_the_clock_was_first_seen_to_be_behind_it() {
    let mut ledger = tried(Some(AttemptOutcome::Started));
    let made = (ledger.attempts[0].decided, ledger.attempts[0].outcome);
    let seen = |ledger: &Ledger, now| {
        let attempt = ledger.as_of(at(now)).attempts.remove(0);
        (attempt.decided, attempt.outcome.unwrap().1)
    };
    assert!(!ledger.redate(at(27), None), "clocks differ by minutes");
    assert!(ledger.redate(at(10), None));
    assert_eq!(seen(&ledger, 10), (at(10), at(10)));
    assert!(!ledger.redate(at(20), None));
    assert_eq!(seen(&ledger, 20), (at(10), at(10)), "it ages, should the clock stay as it is");
    assert_eq!((ledger.attempts[0].decided, ledger.attempts[0].outcome), made);
    assert_eq!(seen(&ledger, 60), (made.0, made.1.unwrap().1), "the clock is right again");
    assert!(ledger.redate(at(-2000), None));
    assert_eq!(seen(&ledger, -2000), (at(-2000), at(-2000)));
    assert_eq!(ledger.begun, at(-1000), "a failure of then is still older");
}

#[test]
fn a_ledger_begun_while_the_clock_was_ahead_is_begun_now_or_when_the_newest_run_ended() {
    for (now, newest, begun) in [(24, None, 1000), (24, Some(10), 24), (998, Some(10), 1000)] {
        let mut ledger = Ledger::new(at(1000));
        let is_news = ledger.redate(at(now), newest.map(at));
        assert_eq!((ledger.begun, is_news), (at(begun), begun != 1000), "{now} {newest:?}");
    }
}

#[test]
fn the_run_for_whose_sake_an_attempt_was_given_up_has_one_of_its_own() {
    for (outcome, has_tried) in [(AttemptOutcome::Adopted, false), (AttemptOutcome::Started, true)] {
        let mut ledger = Ledger::new(at(0));
        ledger.begin(at(10), FailureCause::Vss, RestartPlan::Start, at(32));
        ledger.finish(outcome, None, at(32));
        assert!(ledger.has_tried(&run(10, 20, FAILED)));
        assert_eq!(ledger.has_tried(&run(31, 50, FAILED)), has_tried, "{outcome}");
    }
}
