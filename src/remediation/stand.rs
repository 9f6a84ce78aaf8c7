//! How a site stands with restarts: the decision of the policy, in words, beside what the ledger knows.

use chrono::TimeDelta;

use super::Ledger;
use crate::assessment::Assessment;
use crate::site::{Attempt, Decision, RestartStanding, Timestamp};
use crate::state::SiteState;

/// What is to be done about the newest run, and what was done before; no ledger where it cannot be used.
pub fn stand(
    state: &SiteState,
    _assessment: &Assessment,
    ledger: Option<&Ledger>,
    now: Timestamp,
) -> RestartStanding {
    let config = &state.settings.remediation;
    let spent = ledger.map(|ledger| spent(&ledger.attempts, now));
    RestartStanding {
        mode: config.mode,
        decision: Decision::Nothing,
        run: None,
        attempts: ledger.map(|ledger| ledger.attempts.clone()).unwrap_or_default(),
        attempts_total: ledger.map_or(0, |ledger| ledger.attempts_total),
        attempts_failed_total: ledger.map_or(0, |ledger| ledger.attempts_failed_total),
        attempts_remaining: spent.map_or(0, |spent| config.max_attempts_per_day.saturating_sub(spent)),
    }
}

/// How many attempts of the last 24 hours count against the budget; one that is under way does.
fn spent(attempts: &[Attempt], now: Timestamp) -> u32 {
    let counts = |attempt: &&Attempt| {
        attempt.decided > now - TimeDelta::hours(24)
            && attempt.outcome.is_none_or(|(outcome, _)| outcome.is_spent())
    };
    u32::try_from(attempts.iter().filter(counts).count()).unwrap_or(u32::MAX)
}
