//! How a site stands with restarts: the decision of the policy, in words, beside what the ledger knows.

use super::inputs::{DueSeen, Evidence};
use super::policy::{Ruling, decide};
use super::situation::{Situation, TO_BE_READ};
use super::{Inputs, Ledger, Watched};
use crate::assessment::Assessment;
use crate::site::{Decision, Hold, HoldReason, RestartStanding, Timestamp};
use crate::state::SiteState;

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

/// Whether an attempt follows once time has passed, and not the task's own run before it.
fn will_clear(situation: &Situation<'_>, holds: &[Hold]) -> bool {
    if !holds.iter().all(|hold| hold.passes) {
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
