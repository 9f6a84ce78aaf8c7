//! What the exporter does about a failed backup and why not: for the JSON, for the status page and for `check`.
//!
//! It is told, never asked for: nothing over HTTP restarts anything.

use serde::Serialize;

use super::html::{row, time};
use crate::assessment::Assessment;
use crate::site::{
    Attempt, AttemptOutcome, ClosedSet, Decision, FailureCause, HoldReason, RestartMode, RestartPlan,
    RestartStanding, Timestamp,
};
use crate::state::SiteState;

/// So many attempts are on the page, newest first.
const SHOWN_ATTEMPTS: usize = 10;

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
pub(super) fn restart(state: &SiteState) -> Option<RestartJson<'_>> {
    let standing = state.restart.as_ref()?;
    let decision = match standing.decision {
        Decision::Nothing => "nothing",
        Decision::Hold(_) => "hold",
        Decision::Restart(_) => "restart",
    };
    let reasons =
        standing.holds().iter().map(|hold| ReasonJson { reason: hold.reason, finding: &hold.finding });
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
        pending: standing.pending,
        reasons: reasons.collect(),
        run: standing.run,
        attempts_remaining: standing.attempts_remaining,
        attempts_total: standing.attempts_total,
        attempts_failed_total: standing.attempts_failed_total,
        attempts: attempts.collect(),
    })
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
            let would_clear = holds.iter().all(|hold| would_clear(hold.reason));
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
    /// No run has failed.
    NothingFailed,
}

impl Idle {
    fn words(self) -> &'static str {
        match self {
            Self::Undecided => "Nothing is decided before every source was read once.",
            Self::Native => "SQL Server's own backups protect this site: no run of the task is restarted.",
            Self::NothingFailed => "There is no failed run to restart.",
        }
    }
}

fn idle(state: &SiteState, assessment: &Assessment) -> Idle {
    if !state.knows_all() {
        Idle::Undecided
    } else if !assessment.protection.mode.needs_task() {
        Idle::Native
    } else {
        Idle::NothingFailed
    }
}

/// The last attempt, if the run after it goes on: then a restart is pending for no reason that passes.
fn at_work(standing: &RestartStanding) -> Option<&Attempt> {
    let last = standing.attempts.last()?;
    let (outcome, _) = last.outcome?;
    let waits = standing.holds().iter().all(|hold| hold.reason.clears_by_itself());
    (outcome.began() && standing.pending && !waits).then_some(last)
}

fn would_clear(reason: HoldReason) -> bool {
    reason == HoldReason::ObserveOnly || reason.clears_by_itself()
}

/// Nothing where nobody decides on restarts.
pub(super) fn section(html: &mut String, state: &SiteState, assessment: &Assessment) {
    let Some(standing) = &state.restart else { return };
    html.push_str("<h3>Restart</h3><table>");
    let (class, word) = match &standing.decision {
        _ if standing.mode == RestartMode::Off => ("none", "off"),
        _ if standing.is_under_way() || at_work(standing).is_some() => ("warn", "under way"),
        Decision::Nothing => match idle(state, assessment) {
            Idle::Undecided => ("none", "undecided"),
            Idle::Native | Idle::NothingFailed => ("none", "nothing to do"),
        },
        Decision::Restart(_) => ("warn", "now"),
        Decision::Hold(_) if standing.pending => ("warn", "pending"),
        Decision::Hold(_) => ("bad", "held"),
    };
    let run =
        standing.run.map_or_else(String::new, |run| format!(" This is about the run of {}.", time(run)));
    row(html, "now", class, word, &format!("{}{run}", outlook(standing, state, assessment)));
    for hold in standing.holds() {
        let (class, word) =
            if hold.reason.clears_by_itself() { ("none", "passes") } else { ("warn", "holds") };
        row(html, &hold.reason.label().replace('_', " "), class, word, &hold.finding);
    }
    let RestartStanding { attempts_total, attempts_failed_total, attempts_remaining, .. } = standing;
    let attempts = match attempts_total.zip(*attempts_failed_total) {
        Some((total, failed)) => format!(
            "{total} attempt(s) so far, {failed} without a run; {attempts_remaining} more allowed within 24 hours."
        ),
        None => "How many attempts were made cannot be read.".to_owned(),
    };
    row(html, "mode", "none", standing.mode.label(), &attempts);
    for attempt in standing.attempts.iter().rev().take(SHOWN_ATTEMPTS) {
        attempt_row(html, attempt);
    }
    html.push_str("</table>");
}

fn attempt_row(html: &mut String, attempt: &Attempt) {
    let outcome = attempt.outcome.map(|(outcome, _)| outcome);
    let (became, succeeded) = match attempt.followed_by {
        Some((_, Some(true))) => (" The run after it succeeded.", Some(true)),
        Some((_, Some(false))) => (" The run after it failed.", Some(false)),
        Some((_, None)) => (" The run after it goes on.", None),
        None => ("", None),
    };
    let class = match (outcome, succeeded) {
        (_, Some(true)) => "good",
        (_, Some(false)) => "bad",
        (
            None | Some(AttemptOutcome::Started | AttemptOutcome::Adopted | AttemptOutcome::Abandoned),
            None,
        ) => "none",
        (Some(_), None) => "bad",
    };
    let word = outcome.map_or_else(|| "under way".to_owned(), |outcome| outcome.label().replace('_', " "));
    let plan = match attempt.plan {
        RestartPlan::Start => "Start",
        RestartPlan::StopFirst => "Stop and start",
    };
    let error = attempt.error.as_ref().map_or_else(String::new, |error| format!(" {error}"));
    let text = format!("{plan} after the run of {} ({}).{became}{error}", time(attempt.run), attempt.cause);
    row(html, &time(attempt.decided), class, &word, &text);
}

#[cfg(test)]
mod tests;
