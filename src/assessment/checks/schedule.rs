//! Checks against the schedule.

use super::super::known_retention;
use super::{Assessment, Finding};
use crate::site::SiteRole;
use crate::state::SiteState;

pub(super) fn on_schedule(state: &SiteState, assessment: &Assessment) -> Finding {
    let due = &assessment.due;
    let advice = if assessment.protection.mode.needs_task() {
        "Check that the Backup Site Server task is enabled, that SMS_SITE_BACKUP is not disabled, and that the site \
         server ran at that time."
    } else {
        "Look at the job of SQL Server Agent, or whatever else makes full backups of the site database."
    };
    match (due.overdue, due.missed) {
        (Some(true), _) => Finding::failed("A successful backup is overdue.", advice),
        (_, Some(missed)) if missed > 0 => Finding::failed(
            format!("No backup started on {missed} due day(s) since the last success."),
            advice,
        ),
        _ if !state.knows_events() => {
            Finding::unknown("Nothing that tells of the backups has been read yet.")
        }
        (Some(false), _) => Finding::passed("Nothing is overdue."),
        (None, _) => Finding::unknown("No readable witness reaches back to the last due day."),
    }
}

pub(super) fn schedule_within_retention(state: &SiteState, assessment: &Assessment) -> Finding {
    if !SiteRole::in_hierarchy(state.role()) {
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
        (Some(_), _) if rarer_than_twice_a_week(state) => Finding::failed(
            "In a hierarchy a backup is to be made at least twice a week; the schedule has one day.",
            "Add a day to the task's schedule.",
        ),
        (Some(_), Some(_)) => {
            Finding::passed("The schedule's longest interval is within change tracking retention.")
        }
        _ => Finding::unknown("The schedule or change tracking retention is not known."),
    }
}

fn rarer_than_twice_a_week(state: &SiteState) -> bool {
    state.schedule.as_ref().is_some_and(|known| known.schedule.day_names().count() == 1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::assessment::{Check, CheckState, assess};
    use crate::config::SiteSettings;
    use crate::site::{Timestamp, Witness};
    use crate::source::{
        Cursor, FailureKind, Poll, PollFailure, PollReport, Reach, SourceId, SourceKind, backup_log,
    };

    #[test]
    fn nothing_is_on_schedule_before_anything_was_read() {
        let now = Timestamp::UNIX_EPOCH;
        let mut state = SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), now);
        let source = SourceId { kind: SourceKind::BackupLog, location: "smsbkup.log".to_owned() };
        state.watch(source.clone(), Duration::from_secs(5), Some(Witness::Log), now);
        let failure = PollFailure { kind: FailureKind::NotFound, message: "not there".to_owned() };
        let cursor = Cursor::Log(backup_log::Cursor::default());
        let empty = Poll { facts: Vec::new(), cursor, reach: Reach::CaughtUp };
        for (result, expected) in [(Err(failure), CheckState::Unknown), (Ok(empty), CheckState::Passed)] {
            let (site, duration) = (state.settings.code, Duration::ZERO);
            let report = PollReport { site, source: source.clone(), started: now, duration, result };
            state.fold(&report, now);
            let checks = assess(&state, now).checks;
            let check = checks.iter().find(|result| result.check == Check::OnSchedule).unwrap();
            assert_eq!(check.state, expected, "{}", check.finding);
        }
    }
}
