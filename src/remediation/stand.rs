//! How a site stands with restarts: the decision of the policy, in words, beside what the ledger knows.

use chrono::TimeDelta;

use super::inputs::{DueSeen, Evidence, ServiceSeen, StartSeen};
use super::policy::{Ruling, decide};
use super::situation::Situation;
use super::{Inputs, Ledger, Watched};
use crate::assessment::Assessment;
use crate::site::{Decision, Hold, HoldReason, RestartStanding, Timestamp, delta};
use crate::state::SiteState;

/// How long after its start a run may be without a line that was read, and its service may outlast it.
const TO_BE_READ: TimeDelta = TimeDelta::minutes(15);

/// What is to be done about the newest run, and what was done before; no ledger where it cannot be used.
pub fn stand(
    state: &SiteState,
    assessment: &Assessment,
    ledger: Option<&Ledger>,
    now: Timestamp,
) -> RestartStanding {
    let situation = Situation::new(state, assessment, ledger, now);
    let decision = match decide(&Inputs::from(&situation)) {
        Ruling::Nothing => Decision::Nothing,
        Ruling::Hold(reasons) => {
            Decision::Hold(reasons.into_iter().map(|reason| situation.hold(reason)).collect())
        }
        Ruling::Restart(plan) => Decision::Restart(plan),
    };
    let pending = is_at_work(&situation)
        || match &decision {
            Decision::Nothing => false,
            Decision::Restart(_) => true,
            Decision::Hold(holds) => will_clear(&situation, holds),
        };
    RestartStanding {
        mode: state.settings.remediation.mode,
        run: situation.run.filter(|_| decision != Decision::Nothing).map(|run| run.first),
        decision,
        attempts: ledger.map(|ledger| ledger.attempts.clone()).unwrap_or_default(),
        attempts_total: ledger.map(|ledger| ledger.attempts_total),
        attempts_failed_total: ledger.map(|ledger| ledger.attempts_failed_total),
        pending,
        attempts_remaining: situation.remaining(),
    }
}

/// Whether an attempt goes on, or the run that it has begun.
fn is_at_work(situation: &Situation<'_>) -> bool {
    let Some(last) = situation.ledger.and_then(|ledger| ledger.attempts.last()) else { return false };
    match (last.outcome, last.followed_by) {
        (None, _) => true,
        (Some((outcome, ended)), None) => {
            let newest = situation.state.runs.last();
            let is_over = newest.is_some_and(|run| run.ended.is_some() && run.over_or_last() > ended);
            outcome.began() && !is_over && (ended..ended + TO_BE_READ).contains(&situation.now)
        }
        // One that is no longer the newest, or stalls, is nothing to wait for.
        (Some(_), Some((first, succeeded))) => {
            let newest = situation.state.runs.last();
            let goes_on =
                newest.is_some_and(|run| run.ended.is_none() && (run.first..=run.last).contains(&first));
            succeeded.is_none() && goes_on && situation.assessment.runs.stalled != Some(true)
        }
    }
}

/// Whether a reason goes away without anybody doing anything.
fn passes(situation: &Situation<'_>, reason: HoldReason) -> bool {
    match reason {
        HoldReason::RunInProgress => is_ending(situation),
        HoldReason::ServiceUnavailable => {
            let changes = situation.service() == Watched::Known(ServiceSeen::Changing);
            let can_start =
                !matches!(situation.start(), Watched::Known(StartSeen::Disabled | StartSeen::NoCommand));
            changes && can_start && is_ending(situation)
        }
        HoldReason::SiteMaintenance => situation.comes_back(),
        reason => reason.clears_by_itself(),
    }
}

/// Whether the failed run goes on towards its end, or its service after it: nobody has to be told before that.
fn is_ending(situation: &Situation<'_>) -> bool {
    let newest = situation.state.runs.last().filter(|newest| situation.run == Some(*newest));
    newest.is_some_and(|run| {
        let patience = if run.ended.is_some() { TO_BE_READ } else { delta(situation.config().hung_after) };
        let stalls = situation.assessment.runs.stalled == Some(true);
        !stalls && (situation.now - run.over_or_last()).abs() < patience
    })
}

/// Whether an attempt follows once time has passed, and not the task's own run before it.
fn will_clear(situation: &Situation<'_>, holds: &[Hold]) -> bool {
    if !holds.iter().all(|hold| passes(situation, hold.reason)) {
        return false;
    }
    let waits = holds.iter().any(|hold| hold.reason == HoldReason::OutsideWindow);
    let opening = if waits { situation.opening() } else { Some(situation.now) };
    opening.is_some_and(|opening| {
        let then = Situation { now: opening, ..*situation };
        let is_free = !waits || !matches!(then.due(), Watched::Known(DueSeen::Soon | DueSeen::Awaited));
        is_free && then.evidence() != Evidence::Old
    })
}
