//! How the metrics about restarts are read.
//!
//! What the ledger counts is there in any mode; what is decided is absent while the mode is off.

use super::{Samples, SiteView};
use crate::site::{HoldReason, RestartMode, RestartStanding, Timestamp};

/// How the site stands, where restarts are decided on at all.
pub(super) fn decided<'a>(view: &SiteView<'a>) -> Option<&'a RestartStanding> {
    view.state.restart.as_ref().filter(|standing| standing.mode != RestartMode::Off)
}

pub(super) fn last_attempt(view: &SiteView<'_>) -> Option<Timestamp> {
    view.state.restart.as_ref()?.attempts.last().map(|attempt| attempt.decided)
}

pub(super) fn restart_held(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    if let Some(standing) = decided(view) {
        samples.each(|reason: HoldReason| standing.holds().iter().any(|hold| hold.reason == reason));
    }
}

pub(super) fn remediation_mode(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    if let Some(standing) = &view.state.restart {
        samples.each(|mode: RestartMode| standing.mode == mode);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::services::tests::{exported, fold, now, state};
    use crate::site::{Attempt, ClosedSet, Decision, FailureCause, Hold, RestartPlan, ServicesSeen};

    fn standing(mode: RestartMode, decision: Decision) -> RestartStanding {
        RestartStanding {
            mode,
            decision,
            run: None,
            attempts: Vec::new(),
            attempts_total: Some(7),
            attempts_failed_total: Some(2),
            pending: false,
            attempts_remaining: 1,
        }
    }

    #[test]
    fn every_reason_and_every_mode_is_there_once_restarts_are_decided_on() {
        let mut state = state();
        fold(&mut state, Ok(ServicesSeen::default()));
        assert_eq!(exported(&state), [""; 0]);
        let hold = |reason| Hold { reason, finding: "".into() };
        let holds = vec![hold(HoldReason::CoolingDown), hold(HoldReason::ObserveOnly)];
        state.stands(standing(RestartMode::Observe, Decision::Hold(holds)));
        let samples = exported(&state);
        let held = samples.iter().filter(|sample| sample.starts_with("restart_held{")).count();
        assert_eq!(held, HoldReason::ALL.len());
        let ones: Vec<_> = samples.iter().filter(|sample| sample.ends_with(" 1")).collect();
        let expected = [
            "restart_held{reason=cooling_down} 1",
            "restart_held{reason=observe_only} 1",
            "restart_attempts_remaining 1",
            "remediation_mode{mode=observe} 1",
        ];
        assert_eq!(ones, expected);
        for sample in ["restart_attempts_total 7", "restart_attempts_failed_total 2", "restart_pending 0"] {
            assert!(samples.contains(&sample.to_owned()), "{sample}: {samples:?}");
        }
    }

    #[test]
    fn while_the_mode_is_off_the_totals_and_the_mode_stay() {
        let mut state = state();
        fold(&mut state, Ok(ServicesSeen::default()));
        let mut standing = standing(RestartMode::Off, Decision::Nothing);
        standing.attempts.push(Attempt {
            run: now(),
            cause: FailureCause::Vss,
            decided: now(),
            seen_ahead: None,
            plan: RestartPlan::Start,
            outcome: None,
            error: None,
            followed_by: None,
        });
        state.stands(standing);
        let expected = [
            "restart_attempts_total 7",
            "restart_attempts_failed_total 2",
            "last_restart_attempt_timestamp_seconds 1795248000",
            "remediation_mode{mode=off} 1",
            "remediation_mode{mode=observe} 0",
            "remediation_mode{mode=restart} 0",
        ];
        assert_eq!(exported(&state), expected);
    }
}
