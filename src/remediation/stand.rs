//! How a site stands with restarts: the decision of the policy, in words, beside what the ledger knows.

use super::policy::{Ruling, decide};
use super::situation::Situation;
use super::{Inputs, Ledger};
use crate::assessment::Assessment;
use crate::site::{Decision, RestartStanding, Timestamp};
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
    RestartStanding {
        mode: state.settings.remediation.mode,
        run: situation.run.filter(|_| decision != Decision::Nothing).map(|run| run.first),
        decision,
        attempts: ledger.map(|ledger| ledger.attempts.clone()).unwrap_or_default(),
        attempts_total: ledger.map_or(0, |ledger| ledger.attempts_total),
        attempts_failed_total: ledger.map_or(0, |ledger| ledger.attempts_failed_total),
        attempts_remaining: situation.remaining(),
    }
}
