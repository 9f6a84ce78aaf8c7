//! Checks against the schedule.

use super::super::known_retention;
use super::{Assessment, Finding};
use crate::site::SiteRole;
use crate::state::SiteState;

pub(super) fn on_schedule(_: &SiteState, assessment: &Assessment) -> Finding {
    let due = &assessment.due;
    let advice = "Check that the Backup Site Server task is enabled, that SMS_SITE_BACKUP is not disabled, and that \
                  the site server ran at that time.";
    match (due.overdue, due.missed) {
        (Some(true), _) => Finding::failed("A successful backup is overdue.", advice),
        (_, Some(missed)) if missed > 0 => Finding::failed(
            format!("No backup started on {missed} due day(s) since the last success."),
            advice,
        ),
        (Some(false), _) => Finding::passed("Nothing is overdue."),
        (None, _) => Finding::unknown("No readable witness reaches back to the last due day."),
    }
}

pub(super) fn schedule_within_retention(state: &SiteState, assessment: &Assessment) -> Finding {
    if !SiteRole::in_hierarchy(state.settings.role) {
        return Finding::unknown("Retention does not limit the recovery of a standalone primary site.");
    }
    match (assessment.due.max_interval, known_retention(state)) {
        (Some(interval), Some(retention)) if interval > super::super::delta(retention) => Finding::failed(
            format!(
                "The schedule leaves up to {} h between backups; change tracking keeps {} h.",
                interval.num_hours(),
                retention.as_secs() / 3600
            ),
            "Back up more often (at least twice a week with the default retention of five days).",
        ),
        (Some(_), Some(_)) => {
            Finding::passed("The schedule's longest interval is within change tracking retention.")
        }
        _ => Finding::unknown("The schedule or change tracking retention is not known."),
    }
}
