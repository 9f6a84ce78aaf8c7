//! What is said of each standing, on the page and in the JSON.

use serde_json::{Value, json};

use super::*;
use crate::assessment::assess;
use crate::http::api;
use crate::http::samples::{FOREIGN, at, attempt, held, read, standing, words};
use crate::site::{Attempt, Decision, HoldReason, Protection, RestartMode};

/// What is said of a standing at minute 10.
fn from_inside(standing: &RestartStanding) -> String {
    let state = read(Protection::Task);
    outlook(standing, &state, &assess(&state, at(10)))
}

/// The section and the JSON of a standing.
fn shown(standing: Option<RestartStanding>) -> (String, Value) {
    shown_of(read(Protection::Task), standing)
}

fn shown_of(mut state: SiteState, standing: Option<RestartStanding>) -> (String, Value) {
    state.restart = standing;
    let assessment = assess(&state, at(10));
    let page = section(&state, &assessment).into_string();
    (page, serde_json::to_value(api::site(&state, &assessment)).unwrap()["restart"].take())
}

#[test]
fn where_nobody_decides_nothing_is_shown() {
    let (page, json) = shown(None);
    assert_eq!(page, "");
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
        let said = format!("Now {word} {}", from_inside(&standing));
        assert!(self::words(&page).contains(&said), "{said}: {page}");
    }
    let mut standing = standing(Restart, held(&[HoldReason::RunInProgress]));
    standing.attempts.push(attempt(None, None));
    assert_eq!(
        from_inside(&standing),
        "A restart of the backup service is under way since 2026-11-21 08:05:00 UTC."
    );
    assert!(words(&shown(Some(standing)).0).contains("Now under way"));
}

/// An attempt of an earlier night says nothing of a run that has just failed and still goes on.
#[test]
fn a_failed_run_that_ends_is_not_the_run_of_an_earlier_attempt() {
    let mut standing =
        standing(RestartMode::Restart, held(&[HoldReason::RunInProgress, HoldReason::Settling]));
    if let Decision::Hold(holds) = &mut standing.decision {
        holds.iter_mut().for_each(|hold| hold.passes = true);
    }
    standing.pending = true;
    standing.attempts.push(attempt(Some(AttemptOutcome::Started), Some(Some(true))));
    assert_eq!(from_inside(&standing), "The backup service will be restarted once what holds it has passed.");
    assert!(words(&shown(Some(standing)).0).contains("Run in progress run_in_progress passes"));
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
    let told = words(&page);
    for part in [
        "for these reasons. This is about the run of 2026-11-21 08:00:00 UTC .",
        "No space no_space holds <a href='x'>&",
        "Outside window outside_window passes",
        "Mode restart 3 attempts so far, 1 without a run; 2 more allowed within 24 hours.",
        "stop failed Stop and start after the run of 2026-11-21 08:00:00 UTC (VSS). <a",
        "started Start after the run of 2026-11-21 08:00:00 UTC (VSS). The run after it succeeded.",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!page.contains("<a href"), "{page}");
    let (run, decided, finished) = ("2026-11-21T08:00:00Z", "2026-11-21T08:05:00Z", "2026-11-21T08:06:00Z");
    let expected = json!({
        "mode": "restart", "decision": "hold", "pending": false, "run": run,
        "reasons": [
            { "reason": "no_space", "finding": FOREIGN, "passes": false },
            { "reason": "outside_window", "finding": FOREIGN, "passes": true },
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
        (None, None, "plain", "under way", "(VSS)."),
        (Some(Started), None, "plain", "started", "(VSS)."),
        (Some(Started), Some(None), "plain", "started", "The run after it goes on."),
        (Some(Adopted), Some(Some(true)), "good", "adopted", "The run after it succeeded."),
        (Some(Started), Some(Some(false)), "bad", "started", "The run after it failed."),
        (Some(Lost), Some(Some(true)), "good", "lost", "The run after it succeeded."),
        (Some(StartTimedOut), None, "bad", "start timed out", "(VSS)."),
        (Some(Abandoned), None, "plain", "abandoned", "(VSS)."),
    ] {
        let html = tried(&attempt(outcome, followed_by)).into_string();
        let told = words(&html);
        assert!(
            html.contains(&format!("\"badge {class}\"")) && told.contains(&format!("UTC {word} Start")),
            "{html}"
        );
        assert!(told.ends_with(became), "{told}");
    }
}

#[test]
fn the_page_has_the_newest_attempts_and_the_json_all_that_are_known() {
    let mut standing = standing(RestartMode::Restart, Decision::Nothing);
    standing.attempts = vec![attempt(Some(AttemptOutcome::Lost), None); SHOWN_ATTEMPTS];
    standing.attempts.push(attempt(Some(AttemptOutcome::Started), None));
    let (page, json) = shown(Some(standing));
    assert_eq!(page.matches("lost</span>").count(), SHOWN_ATTEMPTS - 1);
    assert!(page.contains("started</span>"), "{page}");
    assert_eq!(json["attempts"].as_array().map(Vec::len), Some(SHOWN_ATTEMPTS + 1));
    assert_eq!((&json["decision"], &json["pending"]), (&json!("nothing"), &json!(false)));
}
