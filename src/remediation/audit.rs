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
    let plan = match plan {
        RestartPlan::Start => "start",
        RestartPlan::StopFirst => "stop_first",
    };
    let (run, cause) = (run.first.to_rfc3339(), cause_of(run).label());
    tracing::warn!(%site, run, cause, plan, "restarting the backup service");
}

/// Tells what became of it; a run that has had its attempt in vain is a person's.
pub(super) fn ended(site: SiteCode, outcome: AttemptOutcome, error: &str) {
    use AttemptOutcome::{
        Abandoned, Adopted, Lost, QueryFailed, StartFailed, StartTimedOut, Started, StopFailed, StopTimedOut,
    };
    match outcome {
        Started => tracing::info!(%site, %outcome, "the backup service was restarted"),
        Adopted => tracing::info!(%site, %outcome, "the backup service was started by somebody else"),
        Abandoned | Lost => {
            tracing::warn!(%site, %outcome, "the restart of the backup service was cut short by the end of the exporter");
        }
        QueryFailed | StopFailed | StopTimedOut | StartFailed | StartTimedOut => {
            tracing::error!(%site, %outcome, error, "the backup service was not restarted; start a backup by hand");
        }
    }
}
