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
    use std::time::Duration;

    use super::*;
    use crate::metrics::services::tests::{exported, fold, now, state};
    use crate::site::{
        Attempt, ClosedSet, Component, Decision, FailureCause, Hold, MessageId, RestartPlan, ServicesSeen,
        Severity, StatusMessage, Witness,
    };
    use crate::source::{
        Cursor, Fact, Poll, PollReport, Reach, Record, RecordBody, SourceId, SourceKind, backup_log,
    };
    use crate::state::SiteState;

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
        let hold = |reason| Hold { reason, finding: "".into(), passes: reason.clears_by_itself() };
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

    /// A log that tells of a run with this message at its end.
    fn log(state: &mut SiteState, id: u16, severity: Severity) {
        let source = SourceId { kind: SourceKind::BackupLog, location: String::new() };
        state.watch(source.clone(), Duration::from_secs(5), Some(Witness::Log), now());
        let record = |(position, (id, severity)): (u64, (u16, Severity))| {
            let message = StatusMessage {
                id: MessageId(id),
                severity: Some(severity),
                component: Component::SiteBackup,
                machine: "cm01".into(),
                pid: None,
                tid: None,
                time: now(),
                hint: None,
            };
            Record { position, body: RecordBody::Status(message) }
        };
        let records = (0..).zip([(5055, Severity::Information), (id, severity)]).map(record).collect();
        let facts = vec![Fact::Records(Witness::Log, records)];
        let poll = Poll { facts, cursor: Cursor::Log(backup_log::Cursor::default()), reach: Reach::CaughtUp };
        let (site, started) = (state.settings.code, now());
        let report = PollReport { site, source, started, duration: Duration::ZERO, result: Ok(poll) };
        state.fold(&report, now());
    }

    #[test]
    fn a_failure_that_nobody_has_decided_on_yet_is_about_to_be_tried_again() {
        let pending = |mode, decision, severity| {
            let mut state = state();
            fold(&mut state, Ok(ServicesSeen::default()));
            log(&mut state, 5060, severity);
            state.stands(standing(mode, decision));
            exported(&state).contains(&"restart_pending 1".to_owned())
        };
        use Decision::{Hold as Holds, Nothing};
        let operator = Hold { reason: HoldReason::NeedsOperator, finding: "".into(), passes: false };
        assert!(pending(RestartMode::Restart, Nothing, Severity::Error));
        assert!(!pending(RestartMode::Restart, Nothing, Severity::Information), "nothing has failed");
        assert!(!pending(RestartMode::Observe, Nothing, Severity::Error), "nothing will be done");
        assert!(!pending(RestartMode::Restart, Holds(vec![operator]), Severity::Error), "it was decided");
    }

    #[test]
    fn after_a_start_it_is_so_until_every_source_has_reported() {
        let mut state = state();
        log(&mut state, 5060, Severity::Error);
        state.stands(standing(RestartMode::Restart, Decision::Nothing));
        assert!(!state.knows_all(), "nobody has told of the services");
        let samples = exported(&state);
        assert!(samples.contains(&"restart_pending 1".to_owned()), "{samples:?}");
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
