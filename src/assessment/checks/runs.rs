//! Checks of the runs themselves.

use super::{Assessment, Finding};
use crate::site::{ClosedSet, FailureCause};
use crate::snapshot::AfterBackupScript;
use crate::state::SiteState;

pub(super) fn last_run(_: &SiteState, assessment: &Assessment) -> Finding {
    let runs = &assessment.runs;
    match (runs.last_failed, runs.last_success) {
        (Some(true), _) => {
            let cause = runs.failure_cause.unwrap_or(FailureCause::Unknown);
            Finding::failed(format!("The last run failed: {}.", cause.label()), cause.advice())
        }
        (Some(false), Some(at)) => {
            Finding::passed(format!("The last run succeeded at {}.", at.format("%Y-%m-%d %H:%M:%S UTC")))
        }
        _ => Finding::unknown("No run has ended yet."),
    }
}

pub(super) fn not_stalled(_: &SiteState, assessment: &Assessment) -> Finding {
    match assessment.runs.stalled {
        Some(true) => Finding::failed(
            format!(
                "The run has been going for more than {} minutes.",
                assessment.runs.stalled_after.num_minutes()
            ),
            FailureCause::Stalled.advice(),
        ),
        Some(false) => Finding::passed("No run takes too long."),
        None => Finding::unknown("No run is known."),
    }
}

pub(super) fn after_backup(state: &SiteState, assessment: &Assessment) -> Finding {
    if assessment.runs.after_backup_failed == Some(true) {
        return Finding::failed(
            "An error followed the last success in the same run.",
            "The snapshot is good: look at AfterBackup.bat and at the lines after 5035 in Smsbkup.log.",
        );
    }
    let script = state.observed(&state.snapshot.task_files).map(|files| files.after_backup);
    if script == Some(AfterBackupScript::NeverRuns) {
        return Finding::failed(
            r"AfterBackup.bat lies in inboxes\smsbkup, where nothing ever starts it.",
            r"Move it to inboxes\smsbkup.box.",
        );
    }
    let success = super::super::runs::successes(state).next();
    if let (Some(AfterBackupScript::Runs(since)), Some(run), Some(succeeded)) =
        (script, success, success.and_then(|run| run.succeeded))
        && run.after_backup_started.is_none()
        && since.is_some_and(|since| since <= succeeded)
        && assessment.at > succeeded + super::super::delta(state.settings.timings.after_backup_start)
    {
        return Finding::failed(
            "AfterBackup.bat exists and was not started after the last success.",
            "Look for 5040 and what follows 5035 in Smsbkup.log; start the script by hand if its work matters.",
        );
    }
    match assessment.runs.after_backup_failed {
        Some(_) => Finding::passed("No error followed the last success."),
        None => Finding::unknown("No success is known."),
    }
}

/// The site's own alert says that the backup fails, and the last run succeeded some time ago.
fn contradicting_alert(state: &SiteState, assessment: &Assessment) -> Option<Finding> {
    let alert = state.observed(&state.database.alert)?.as_ref()?;
    let runs = &assessment.runs;
    let lag = super::super::delta(state.settings.timings.alert_lag);
    let succeeded =
        runs.last_success.filter(|_| runs.last_failed == Some(false) && runs.in_progress != Some(true))?;
    (alert.active && alert.bad != Some(false) && assessment.at - succeeded > lag).then(|| {
        Finding::failed(
            format!("The site's alert {:?} is active though the last run succeeded.", alert.name),
            "Look at Monitoring, Alerts; close the alert if it tells of an earlier run.",
        )
    })
}

pub(super) fn witnesses_agree(state: &SiteState, assessment: &Assessment) -> Finding {
    if let Some(finding) = contradicting_alert(state, assessment) {
        return finding;
    }
    match (state.timeline.records().len(), state.contradictions.first()) {
        (_, Some(first)) => Finding::failed(
            first.clone(),
            "Compare what Smsbkup.log, the event log and the status messages say of it; trust the run only after a look.",
        ),
        (0 | 1, None) => Finding::unknown("Fewer than two deciding witnesses tell of the runs."),
        (_, None) => Finding::passed("All witnesses agree."),
    }
}
