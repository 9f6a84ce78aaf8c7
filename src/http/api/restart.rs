//! What the exporter does about a failed backup and why not, as JSON.

use serde::Serialize;

use crate::assessment::{Assessment, restart_pending};
use crate::site::{AttemptOutcome, Decision, FailureCause, HoldReason, RestartMode, RestartPlan, Timestamp};
use crate::state::SiteState;

/// How a site stands with restarts; `run` is the failed run that it is about.
#[derive(Debug, Serialize)]
pub(super) struct RestartJson<'a> {
    mode: RestartMode,
    decision: &'static str,
    pending: bool,
    reasons: Vec<ReasonJson<'a>>,
    run: Option<Timestamp>,
    attempts_remaining: u32,
    attempts_total: Option<u64>,
    attempts_failed_total: Option<u64>,
    /// Oldest first.
    attempts: Vec<AttemptJson<'a>>,
}

#[derive(Debug, Serialize)]
struct ReasonJson<'a> {
    reason: HoldReason,
    finding: &'a str,
    /// Whether it goes away without anybody doing anything.
    passes: bool,
}

/// One attempt for the failed `run`; `followed_by` is the run that began after it.
#[derive(Debug, Serialize)]
struct AttemptJson<'a> {
    run: Timestamp,
    cause: FailureCause,
    decided: Timestamp,
    plan: RestartPlan,
    /// `null` while it is under way.
    outcome: Option<AttemptOutcome>,
    finished: Option<Timestamp>,
    error: Option<&'a str>,
    followed_by: Option<Timestamp>,
    succeeded: Option<bool>,
}

/// `None` where nobody decides on restarts.
pub(super) fn restart<'a>(state: &'a SiteState, assessment: &Assessment) -> Option<RestartJson<'a>> {
    let standing = state.restart.as_ref()?;
    let decision = match standing.decision {
        Decision::Nothing => "nothing",
        Decision::Hold(_) => "hold",
        Decision::Restart(_) => "restart",
    };
    let reasons = standing.holds().iter().map(|hold| ReasonJson {
        reason: hold.reason,
        finding: &hold.finding,
        passes: hold.passes,
    });
    let attempts = standing.attempts.iter().map(|attempt| AttemptJson {
        run: attempt.run,
        cause: attempt.cause,
        decided: attempt.decided,
        plan: attempt.plan,
        outcome: attempt.outcome.map(|(outcome, _)| outcome),
        finished: attempt.outcome.map(|(_, finished)| finished),
        error: attempt.error.as_deref(),
        followed_by: attempt.followed_by.map(|(run, _)| run),
        succeeded: attempt.followed_by.and_then(|(_, succeeded)| succeeded),
    });
    Some(RestartJson {
        mode: standing.mode,
        decision,
        pending: restart_pending(state, assessment) == Some(true),
        reasons: reasons.collect(),
        run: standing.run,
        attempts_remaining: standing.attempts_remaining,
        attempts_total: standing.attempts_total,
        attempts_failed_total: standing.attempts_failed_total,
        attempts: attempts.collect(),
    })
}
