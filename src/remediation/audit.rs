//! What the program's own log says of restarts: a line for each decision that is another one, and for each attempt.
//!
//! The words of a reason may change with time; only which reasons hold makes a line.

use crate::site::{
    AttemptOutcome, BackupRun, ClosedSet, Decision, FailureCause, HoldReason, RestartPlan, RestartStanding,
    SiteCode, Timestamp,
};

/// What was told last of a site.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Audit {
    run: Option<Timestamp>,
    cause: Option<FailureCause>,
    restarts: bool,
    reasons: Vec<HoldReason>,
}

impl Audit {
    /// Tells a decision that is news.
    pub(super) fn decided(&mut self, site: SiteCode, standing: &RestartStanding, runs: &[BackupRun]) {
        let about = runs.iter().find(|run| Some(run.first) == standing.run);
        let news = Self {
            run: standing.run,
            cause: about.map(cause_of),
            restarts: matches!(standing.decision, Decision::Restart(_)),
            reasons: standing.holds().iter().map(|hold| hold.reason).collect(),
        };
        if *self == news {
            return;
        }
        let run = news.run.map(|run| run.to_rfc3339()).unwrap_or_default();
        let cause = news.cause.map_or("", ClosedSet::label);
        let reasons = news.reasons.iter().map(|reason| reason.label()).collect::<Vec<_>>().join(",");
        let decision = match standing.decision {
            Decision::Nothing => "nothing",
            Decision::Hold(_) => "hold",
            Decision::Restart(_) => "restart",
        };
        tracing::info!(%site, run, cause, decision, reasons, "restart decision");
        *self = news;
    }
}

/// Why a run failed; one that is tried again and has no error is stalled.
pub(super) fn cause_of(run: &BackupRun) -> FailureCause {
    run.failure().unwrap_or(FailureCause::Stalled)
}

/// Tells that an attempt begins.
pub(super) fn begins(site: SiteCode, run: &BackupRun, plan: RestartPlan) {
    let (run, cause) = (run.first.to_rfc3339(), cause_of(run).label());
    tracing::warn!(%site, run, cause, plan = plan.label(), "restarting the backup service");
}

/// Tells what became of it; a run that has had its attempt in vain is a person's.
pub(super) fn ended(site: SiteCode, outcome: AttemptOutcome, error: &str) {
    use AttemptOutcome::{
        Abandoned, Adopted, Lost, QueryFailed, StartFailed, StartTimedOut, Started, StopFailed, StopTimedOut,
        Unconfirmed, Withdrawn,
    };
    match outcome {
        Started => tracing::info!(%site, %outcome, "the backup service was restarted"),
        Adopted => tracing::info!(%site, %outcome, "the backup service was started by somebody else"),
        Withdrawn => {
            tracing::info!(%site, %outcome, error, "the backup service is not restarted after all");
        }
        Abandoned | Lost => {
            tracing::warn!(%site, %outcome, "the restart of the backup service was cut short: the exporter ended, or its site was reloaded");
        }
        StopFailed | StopTimedOut | Unconfirmed => {
            tracing::error!(%site, %outcome, error, "the backup service was not restarted after its run was to be stopped; see that it has ended, then start a backup by hand");
        }
        QueryFailed | StartFailed | StartTimedOut => {
            tracing::error!(%site, %outcome, error, "the backup service was not restarted; start a backup by hand");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::Lines;
    use crate::remediation::ledger::tests::{FAILED, at, run};
    use crate::site::{Hold, RestartMode};

    fn hold(reasons: &[HoldReason], words: &str) -> Decision {
        let hold = |reason: &HoldReason| Hold { reason: *reason, finding: words.into(), passes: false };
        Decision::Hold(reasons.iter().map(hold).collect())
    }

    #[test]
    fn a_line_tells_each_other_decision_and_none_other_words() {
        use HoldReason::{CoolingDown, OutsideWindow};
        let written = Lines::default();
        let runs = [run(0, 20, FAILED), run(60, 80, FAILED)];
        let mut audit = Audit::default();
        tracing::subscriber::with_default(written.subscriber(), || {
            for (decision, about, line) in [
                (Decision::Nothing, None, None),
                (
                    hold(&[CoolingDown], "in 5 min"),
                    Some(at(0)),
                    Some("cause=\"vss\" decision=\"hold\" reasons=\"cooling_down\""),
                ),
                (hold(&[CoolingDown], "in 4 min"), Some(at(0)), None),
                (
                    hold(&[CoolingDown, OutsideWindow], "later"),
                    Some(at(0)),
                    Some("reasons=\"cooling_down,outside_window\""),
                ),
                (
                    hold(&[CoolingDown, OutsideWindow], "later"),
                    Some(at(60)),
                    Some("run=\"2024-10-04T01:00:00+00:00\""),
                ),
                (
                    Decision::Restart(RestartPlan::Start),
                    Some(at(60)),
                    Some("decision=\"restart\" reasons=\"\""),
                ),
                (Decision::Nothing, None, Some("run=\"\" cause=\"\" decision=\"nothing\" reasons=\"\"")),
            ] {
                let standing = RestartStanding {
                    mode: RestartMode::Restart,
                    decision,
                    run: about,
                    attempts: Vec::new(),
                    attempts_total: Some(0),
                    attempts_failed_total: Some(0),
                    pending: false,
                    attempts_remaining: 2,
                };
                audit.decided("P01".parse().unwrap(), &standing, &runs);
                let told = written.take();
                assert_eq!(told.lines().count(), line.iter().len(), "{told}");
                assert!(
                    line.is_none_or(|line| told.contains(line) && told.contains("restart decision site=P01")),
                    "{told}"
                );
            }
        });
    }
}
