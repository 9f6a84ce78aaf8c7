//! What is said of each standing, on the page and in the JSON.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::assessment::assess;
use crate::config::SiteSettings;
use crate::http::{api, status_page};
use crate::site::{Hold, Protection};
use crate::source::{Cursor, Poll, PollReport, Reach, SourceId, SourceKind};

const FOREIGN: &str = "<a href='x'>&";

fn at(minute: u32) -> Timestamp {
    format!("2026-11-21T08:{minute:02}:00Z").parse().unwrap()
}

fn standing(mode: RestartMode, decision: Decision) -> RestartStanding {
    RestartStanding {
        mode,
        decision,
        run: Some(at(0)),
        attempts: Vec::new(),
        attempts_total: Some(3),
        attempts_failed_total: Some(1),
        pending: false,
        attempts_remaining: 2,
    }
}

fn held(reasons: &[HoldReason]) -> Decision {
    Decision::Hold(reasons.iter().map(|reason| Hold { reason: *reason, finding: FOREIGN.into() }).collect())
}

fn attempt(outcome: Option<AttemptOutcome>, followed_by: Option<Option<bool>>) -> Attempt {
    Attempt {
        run: at(0),
        cause: FailureCause::Vss,
        decided: at(5),
        seen_ahead: None,
        plan: RestartPlan::Start,
        outcome: outcome.map(|outcome| (outcome, at(6))),
        error: None,
        followed_by: followed_by.map(|succeeded| (at(6), succeeded)),
    }
}

/// A site of which everything was read that there is.
fn read(protection: Protection) -> SiteState {
    let mut settings = SiteSettings::new("P01".parse().unwrap());
    settings.protection = Some(protection);
    let mut state = SiteState::new(Arc::new(settings), at(0));
    let source = SourceId { kind: SourceKind::BackupLog, location: String::new() };
    state.watch(source.clone(), Duration::from_secs(5), source.kind.witness(), at(0));
    let poll = Poll { facts: Vec::new(), cursor: Cursor::Anew, reach: Reach::CaughtUp };
    let (site, result) = (state.settings.code, Ok(poll));
    let report = PollReport { site, source, started: at(0), duration: Duration::ZERO, result };
    state.fold(&report, at(0));
    state
}

/// What is said of a standing at minute 10.
fn from_inside(standing: &RestartStanding) -> String {
    let state = read(Protection::Task);
    outlook(standing, &state, &assess(&state, at(10)))
}

fn from_outside(standing: &RestartStanding) -> String {
    let state = read(Protection::Task);
    outlook_from_outside(standing, &state, &assess(&state, at(10)))
}

/// The page and the JSON of a standing.
fn shown(standing: Option<RestartStanding>) -> (String, Value) {
    shown_of(read(Protection::Task), standing)
}

fn shown_of(mut state: SiteState, standing: Option<RestartStanding>) -> (String, Value) {
    state.restart = standing;
    let assessment = assess(&state, at(10));
    let page = status_page::page([(&state, &assessment)].into_iter(), "/metrics", at(10));
    (page, serde_json::to_value(api::site(&state, &assessment)).unwrap()["restart"].take())
}

#[test]
fn where_nobody_decides_nothing_is_shown() {
    let (page, json) = shown(None);
    assert!(!page.contains("<h3>Restart</h3>"), "{page}");
    assert_eq!(json, Value::Null);
}

#[test]
fn every_standing_says_what_happens_now() {
    use HoldReason::{CoolingDown, NoSpace, ObserveOnly, Settling};
    use RestartMode::{Observe, Off, Restart};
    for (mode, decision, word, words) in [
        (Off, Decision::Nothing, "off", "Failed backups are not restarted."),
        (Restart, Decision::Nothing, "nothing to do", "There is no failed run to restart."),
        (Restart, Decision::Restart(RestartPlan::Start), "now", "The backup service is started now."),
        (
            Restart,
            Decision::Restart(RestartPlan::StopFirst),
            "now",
            "The backup service is stopped and started now",
        ),
        (
            Restart,
            held(&[Settling, CoolingDown]),
            "pending",
            "will be restarted once what holds it has passed.",
        ),
        (Restart, held(&[HoldReason::OutsideWindow]), "held", "the task itself is due, or the failure"),
        (Restart, held(&[CoolingDown, NoSpace]), "held", "is not restarted, for these reasons."),
        (Observe, held(&[CoolingDown, ObserveOnly]), "held", "only observed; in mode restart it would be"),
        (Observe, held(&[NoSpace, ObserveOnly]), "held", "is not restarted, for these reasons."),
    ] {
        let standing = RestartStanding { pending: word == "pending", ..standing(mode, decision) };
        assert!(from_inside(&standing).contains(words), "{words}: {}", from_inside(&standing));
        let (page, _) = shown(Some(standing.clone()));
        assert!(
            page.contains(&format!(">{word}</span></td><td>{}", from_inside(&standing))),
            "{word}: {page}"
        );
    }
    let mut standing = standing(Restart, held(&[HoldReason::RunInProgress]));
    standing.attempts.push(attempt(None, None));
    assert_eq!(
        from_inside(&standing),
        "A restart of the backup service is under way since 2026-11-21 08:05:00 UTC."
    );
    assert!(shown(Some(standing)).0.contains(">under way</span>"));
}

#[test]
fn that_nothing_failed_is_said_only_of_a_site_where_that_is_known_and_matters() {
    let unread = || SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), at(0));
    let mut waiting = read(Protection::Task);
    let services = SourceId { kind: SourceKind::Services, location: String::new() };
    waiting.watch(services, Duration::from_secs(30), None, at(0));
    for (state, word, words) in [
        (unread(), "undecided", "Nothing is decided before every source was read once."),
        (waiting, "undecided", "Nothing is decided before every source was read once."),
        (read(Protection::Native), "nothing to do", "SQL Server's own backups protect this site"),
        (read(Protection::Both), "nothing to do", "There is no failed run to restart."),
    ] {
        let standing = standing(RestartMode::Restart, Decision::Nothing);
        let assessment = assess(&state, at(10));
        assert!(outlook(&standing, &state, &assessment).starts_with(words), "{words}");
        let (page, _) = shown_of(state, Some(standing));
        assert!(page.contains(&format!(">{word}</span></td><td>{}", words.replace('\'', "&#39;"))), "{page}");
    }
}

#[test]
fn who_only_looks_says_what_an_exporter_would_do() {
    use RestartMode::{Off, Restart};
    let hold = || held(&[HoldReason::Settling]);
    for (mode, decision, pending, said) in [
        (Restart, Decision::Restart(RestartPlan::Start), true, "would start the backup service now."),
        (
            Restart,
            Decision::Restart(RestartPlan::StopFirst),
            true,
            "would stop and start the backup service now",
        ),
        (Restart, hold(), true, "would restart the backup service once what holds it has passed."),
        (Restart, hold(), false, ""),
        (Restart, Decision::Nothing, false, ""),
        (Off, Decision::Nothing, false, ""),
    ] {
        let mut standing = RestartStanding { pending, ..standing(mode, decision) };
        let outside = from_outside(&standing);
        if said.is_empty() {
            assert_eq!(outside, from_inside(&standing));
        } else {
            assert!(outside.starts_with(&format!("A running exporter {said}")), "{said}: {outside}");
        }
        standing.attempts.push(attempt(None, None));
        assert_eq!(from_outside(&standing), from_inside(&standing), "one that is made is made");
    }
}

#[test]
fn the_run_of_an_attempt_is_told_while_it_goes_on() {
    use AttemptOutcome::{Adopted, StartFailed, Started};
    use HoldReason::{AlreadyAttempted, RunInProgress};
    const OWN: &str = "The backup service was restarted at 2026-11-21 08:05:00 UTC, and its run goes on: ";
    const UNREAD: &str =
        "The backup service was restarted at 2026-11-21 08:05:00 UTC, and nothing was read of its run yet: ";
    const ADOPTED: &str =
        "Somebody else had started a backup before the attempt of 2026-11-21 08:05:00 UTC, and it goes on: ";
    for (reason, outcome, followed_by, pending, words) in [
        (RunInProgress, Started, None, true, Some(UNREAD)),
        (AlreadyAttempted, Started, None, true, Some(UNREAD)),
        (RunInProgress, Started, None, false, None),
        (RunInProgress, Started, Some(None), true, Some(OWN)),
        (RunInProgress, Started, Some(None), false, None),
        (RunInProgress, Started, Some(Some(false)), false, None),
        (RunInProgress, Adopted, None, true, Some(ADOPTED)),
        (RunInProgress, Adopted, Some(None), true, Some(ADOPTED)),
        (RunInProgress, StartFailed, None, false, None),
        (AlreadyAttempted, Started, None, false, None),
    ] {
        let mut standing = RestartStanding { pending, ..standing(RestartMode::Restart, held(&[reason])) };
        let attempt = attempt(Some(outcome), followed_by);
        standing.attempts.push(attempt);
        let found = from_inside(&standing);
        let expected = words.unwrap_or("The backup service is not restarted, for these reasons.");
        assert!(found.starts_with(expected), "{reason} {outcome} {followed_by:?}: {found}");
        assert_eq!(shown(Some(standing)).0.contains(">under way</span>"), words.is_some());
    }
}

#[test]
fn every_reason_has_its_finding_and_no_text_becomes_markup() {
    let mut standing =
        standing(RestartMode::Restart, held(&[HoldReason::NoSpace, HoldReason::OutsideWindow]));
    standing.attempts.push(Attempt {
        plan: RestartPlan::StopFirst,
        error: Some(FOREIGN.into()),
        ..attempt(Some(AttemptOutcome::StopFailed), None)
    });
    standing.attempts.push(attempt(Some(AttemptOutcome::Started), Some(Some(true))));
    let (page, json) = shown(Some(standing));
    for part in [
        "for these reasons. This is about the run of 2026-11-21 08:00:00 UTC.",
        "<td>no space</td><td><span class=\"tag warn\">holds</span></td><td>&lt;a href=&#39;x&#39;&gt;&amp;</td>",
        "<td>outside window</td><td><span class=\"tag none\">passes</span></td>",
        ">restart</span></td><td>3 attempt(s) so far, 1 without a run; 2 more allowed within 24 hours.</td>",
        "<tag bad\">stop failed</span></td><td>Stop and start after the run of 2026-11-21 08:00:00 UTC (vss). &lt;a",
        "<tag good\">started</span></td><td>Start after the run of 2026-11-21 08:00:00 UTC (vss). The run after it succeeded.</td>",
    ] {
        let part = part.replace("<tag", "class=\"tag");
        assert!(page.contains(&part), "{part}: {page}");
    }
    assert!(!page.contains(FOREIGN), "{page}");
    let (run, decided, finished) = ("2026-11-21T08:00:00Z", "2026-11-21T08:05:00Z", "2026-11-21T08:06:00Z");
    let expected = json!({
        "mode": "restart", "decision": "hold", "pending": false, "run": run,
        "reasons": [
            { "reason": "no_space", "finding": FOREIGN }, { "reason": "outside_window", "finding": FOREIGN },
        ],
        "attempts_remaining": 2, "attempts_total": 3, "attempts_failed_total": 1,
        "attempts": [
            { "run": run, "cause": "vss", "decided": decided, "plan": "stop_first", "outcome": "stop_failed",
              "finished": finished, "error": FOREIGN, "followed_by": null, "succeeded": null },
            { "run": run, "cause": "vss", "decided": decided, "plan": "start", "outcome": "started",
              "finished": finished, "error": null, "followed_by": finished, "succeeded": true },
        ],
    });
    assert_eq!(json, expected);
}

#[test]
fn an_attempt_is_judged_by_the_run_that_followed_it() {
    use AttemptOutcome::{Abandoned, Adopted, Lost, StartTimedOut, Started};
    for (outcome, followed_by, class, word, became) in [
        (None, None, "none", "under way", "(vss).</td>"),
        (Some(Started), None, "none", "started", "(vss).</td>"),
        (Some(Started), Some(None), "none", "started", "The run after it goes on."),
        (Some(Adopted), Some(Some(true)), "good", "adopted", "The run after it succeeded."),
        (Some(Started), Some(Some(false)), "bad", "started", "The run after it failed."),
        (Some(Lost), Some(Some(true)), "good", "lost", "The run after it succeeded."),
        (Some(StartTimedOut), None, "bad", "start timed out", "(vss).</td>"),
        (Some(Abandoned), None, "none", "abandoned", "(vss).</td>"),
    ] {
        let mut html = String::new();
        attempt_row(&mut html, &attempt(outcome, followed_by));
        assert!(html.contains(&format!("\"tag {class}\">{word}</span>")) && html.contains(became), "{html}");
    }
}

#[test]
fn the_page_has_the_newest_attempts_and_the_json_all_that_are_known() {
    let mut standing = standing(RestartMode::Restart, Decision::Nothing);
    standing.attempts = vec![attempt(Some(AttemptOutcome::Lost), None); SHOWN_ATTEMPTS];
    standing.attempts.push(attempt(Some(AttemptOutcome::Started), None));
    let (page, json) = shown(Some(standing));
    assert_eq!(page.matches(">lost</span>").count(), SHOWN_ATTEMPTS - 1);
    assert!(page.contains(">started</span>"), "{page}");
    assert_eq!(json["attempts"].as_array().map(Vec::len), Some(SHOWN_ATTEMPTS + 1));
    assert_eq!((&json["decision"], &json["pending"]), (&json!("nothing"), &json!(false)));
}
