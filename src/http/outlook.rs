//! What the exporter does about a failed backup, in words: the page and `check` say the same.
//!
//! It is told, never asked for: nothing over HTTP restarts anything.

use super::words::time;
use crate::assessment::{Assessment, restart_pending};
use crate::site::{
    Attempt, AttemptOutcome, Decision, Hold, HoldReason, Node, RestartMode, RestartPlan, RestartStanding,
};
use crate::state::SiteState;

/// What the exporter is about to do, in one or two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    /// It restarts nothing.
    Off,
    /// Not everything was read yet that a decision rests on.
    Undecided,
    /// There is nothing to restart.
    Nothing,
    /// A restart, or the run after one, goes on.
    UnderWay,
    /// It restarts the service at this moment.
    Now,
    /// It will restart the service by itself.
    Pending,
    /// Something stands in the way that does not pass by itself.
    Held,
}

impl Intent {
    pub(super) fn of(standing: &RestartStanding, state: &SiteState, assessment: &Assessment) -> Self {
        match &standing.decision {
            _ if standing.mode == RestartMode::Off => Self::Off,
            _ if standing.is_under_way() || at_work(standing).is_some() => Self::UnderWay,
            Decision::Nothing if restart_pending(state, assessment) == Some(true) => Self::Pending,
            Decision::Nothing => match idle(state, assessment) {
                Idle::Undecided | Idle::NewFailure => Self::Undecided,
                Idle::Native | Idle::NothingFailed => Self::Nothing,
            },
            Decision::Restart(_) => Self::Now,
            Decision::Hold(_) if standing.pending => Self::Pending,
            Decision::Hold(_) => Self::Held,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Undecided => "undecided",
            Self::Nothing => "nothing to do",
            Self::UnderWay => "under way",
            Self::Now => "now",
            Self::Pending => "pending",
            Self::Held => "held",
        }
    }
}

/// What the exporter does now, in one sentence; the reasons of a hold are not part of it.
pub(super) fn outlook(standing: &RestartStanding, state: &SiteState, assessment: &Assessment) -> String {
    let RestartStanding { mode, decision, .. } = standing;
    if *mode == RestartMode::Off {
        return "Failed backups are not restarted.".to_owned();
    }
    if let Some(attempt) = standing.attempts.last().filter(|attempt| attempt.outcome.is_none()) {
        return format!("A restart of the backup service is under way since {}.", time(attempt.decided));
    }
    if let Some(attempt) = at_work(standing) {
        let decided = time(attempt.decided);
        let what = match (attempt.outcome, attempt.followed_by) {
            (Some((AttemptOutcome::Adopted, _)), _) => {
                format!("Somebody else had started a backup before the attempt of {decided}, and it goes on")
            }
            (_, Some(_)) => format!("The backup service was restarted at {decided}, and its run goes on"),
            (_, None) => {
                format!("The backup service was restarted at {decided}, and nothing was read of its run yet")
            }
        };
        return format!("{what}: no other attempt is made now.");
    }
    match decision {
        Decision::Nothing => idle(state, assessment).words().to_owned(),
        Decision::Restart(RestartPlan::Start) => "The backup service is started now.".to_owned(),
        Decision::Restart(RestartPlan::StopFirst) => {
            "The backup service is stopped and started now: its run has come to a halt.".to_owned()
        }
        Decision::Hold(holds) if holds.iter().any(|hold| hold.reason == HoldReason::ScheduledRunDue) => {
            "The backup service is not restarted now: the task itself is about to start it.".to_owned()
        }
        Decision::Hold(_) if standing.pending => {
            "The backup service will be restarted once what holds it has passed.".to_owned()
        }
        Decision::Hold(holds) => {
            let would_clear = holds.iter().all(would_clear);
            match (would_clear, mode) {
                (true, RestartMode::Observe) => {
                    "The backup service is only observed; in mode restart it would be restarted.".to_owned()
                }
                (true, _) => {
                    "The backup service is not restarted: before what holds it has passed, the task itself is due, \
                     or the failure is too old."
                        .to_owned()
                }
                (false, _) => "The backup service is not restarted, for these reasons.".to_owned(),
            }
        }
    }
}

/// The same, said by somebody who looks once and restarts nothing.
pub fn outlook_from_outside(
    standing: &RestartStanding,
    state: &SiteState,
    assessment: &Assessment,
) -> String {
    let goes_on = standing.is_under_way() || at_work(standing).is_some();
    let would = match &standing.decision {
        _ if goes_on || standing.mode == RestartMode::Off => None,
        Decision::Restart(RestartPlan::Start) => Some("start the backup service now"),
        Decision::Restart(RestartPlan::StopFirst) => {
            Some("stop and start the backup service now: its run has come to a halt")
        }
        Decision::Hold(holds) if holds.iter().any(|hold| hold.reason == HoldReason::ScheduledRunDue) => None,
        Decision::Hold(_) if standing.pending => {
            Some("restart the backup service once what holds it has passed")
        }
        Decision::Hold(_) | Decision::Nothing => None,
    };
    let said = |would| format!("A running exporter would {would}.");
    would.map_or_else(|| outlook(standing, state, assessment), said)
}

/// Why nothing is to be done.
#[derive(Debug, Clone, Copy)]
enum Idle {
    /// Not everything was read yet that a decision rests on.
    Undecided,
    /// The site does not depend on the task.
    Native,
    /// A run has failed a moment ago.
    NewFailure,
    /// No run has failed.
    NothingFailed,
}

impl Idle {
    fn words(self) -> &'static str {
        match self {
            Self::Undecided => "Nothing is decided before every source was read once.",
            Self::Native => "SQL Server's own backups protect this site: no run of the task is restarted.",
            Self::NewFailure => "The failed run has not been decided on yet.",
            Self::NothingFailed => "There is no failed run to restart.",
        }
    }
}

fn idle(state: &SiteState, assessment: &Assessment) -> Idle {
    if !state.knows_all() {
        Idle::Undecided
    } else if !assessment.protection.mode.needs_task() {
        Idle::Native
    } else if assessment.runs.last_failed == Some(true) && state.node() != Some(Node::Passive) {
        Idle::NewFailure
    } else {
        Idle::NothingFailed
    }
}

/// The last attempt, if the run after it goes on: then a restart is pending for no reason that passes.
fn at_work(standing: &RestartStanding) -> Option<&Attempt> {
    let last = standing.attempts.last()?;
    let (outcome, _) = last.outcome?;
    let waits = standing.holds().iter().all(|hold| hold.passes);
    (outcome.began() && standing.pending && !waits).then_some(last)
}

fn would_clear(hold: &Hold) -> bool {
    hold.reason == HoldReason::ObserveOnly || hold.passes
}

#[cfg(test)]
mod tests;
