//! Checks of what the site database says.

use super::{Assessment, Finding};
use crate::assessment::delta;
use crate::config::{DEFAULT_RETENTION, format_duration};
use crate::schedule::EVERY_DAY;
use crate::site::ChangeTracking;
use crate::state::SiteState;

pub(super) fn task_enabled(state: &SiteState, assessment: &Assessment) -> Finding {
    let Some(task) = &state.database.task else {
        return Finding::unknown("The site database has not told whether the task is enabled.");
    };
    if task.enabled && task.window.days & EVERY_DAY == 0 && assessment.protection.mode.needs_task() {
        return Finding::failed(
            "The Backup Site Server task is enabled and runs on no day.",
            "Choose its days (Administration, Sites, Site Maintenance).",
        );
    }
    if task.enabled {
        return Finding::passed("The Backup Site Server task is enabled.");
    }
    if assessment.protection.mode.needs_task() {
        return Finding::failed(
            "The Backup Site Server task is disabled.",
            "Enable it (Administration, Sites, Site Maintenance), or make SQL Server back up the site database and \
             write `protection: native`.",
        );
    }
    Finding::passed("The task is disabled; SQL Server's own backups protect this site.")
}

pub(super) fn change_tracking(state: &SiteState, assessment: &Assessment) -> Finding {
    let Some(tracking) = state.database.change_tracking else {
        return Finding::unknown("The site database has not told of its change tracking.");
    };
    let Some(ChangeTracking { auto_cleanup, retention }) = tracking else {
        return Finding::failed(
            "Change tracking of the site database is off, so nothing can be replicated after a recovery.",
            "Ask Microsoft Support before you turn it on: ConfigMgr's setup does it, and something has undone that.",
        );
    };
    let expected = state.settings.retention.unwrap_or(DEFAULT_RETENTION);
    if !auto_cleanup {
        return Finding::failed(
            "Change tracking of the site database is never cleaned up.",
            "Set AUTO_CLEANUP = ON for the site database; until then its tables grow without end.",
        );
    }
    if retention != expected {
        return Finding::failed(
            format!(
                "Change tracking keeps changes for {}, and {} was expected.",
                format_duration(retention),
                format_duration(expected)
            ),
            "Set CHANGE_RETENTION of the site database back, or write sites[].retention if this is meant.",
        );
    }
    let backlog = delta(retention) + delta(state.settings.timings.change_tracking_backlog);
    match state.observed(&state.database.oldest_commit) {
        Some(Some(oldest)) if *oldest < assessment.at - backlog => Finding::failed(
            format!(
                "Change tracking still holds a change of {}, though it keeps {}.",
                oldest.format("%F"),
                format_duration(retention)
            ),
            "Its clean-up does not keep up: see spDiagChangeTracking in Microsoft's documentation of ConfigMgr.",
        ),
        _ => Finding::passed(format!("Change tracking keeps changes for {}.", format_duration(retention))),
    }
}

pub(super) fn backup_after_update(state: &SiteState, assessment: &Assessment) -> Finding {
    let Some(site) = &state.database.site else {
        return Finding::unknown("The site database has not told the site's version.");
    };
    let Some(update) = &state.database.update else {
        return Finding::passed(format!(
            "The site has had version {} since it was first read.",
            site.version
        ));
    };
    let protection = &assessment.protection;
    let native = protection.native.newest() > Some(update.seen) || !protection.mode.needs_native();
    let task = assessment.runs.last_success_start > Some(update.seen) || !protection.mode.needs_task();
    if native && task {
        return Finding::passed(format!("A backup was made since the site has version {}.", site.version));
    }
    Finding::failed(
        format!(
            "The site went from version {} to {} before {}, and no successful backup has started since.",
            update.from,
            site.version,
            update.seen.format("%F %H:%M UTC")
        ),
        "Start a backup: one of another version cannot be used to recover this site.",
    )
}

pub(super) fn clock_skew(state: &SiteState, assessment: &Assessment) -> Finding {
    let ahead = assessment.at + delta(state.settings.timings.clock_skew);
    if let Some(run) = state.runs.last().filter(|run| run.last > ahead) {
        return Finding::failed(
            format!("The newest run is dated {}, which is in the future.", run.last.format("%F %H:%M UTC")),
            "Correct the clock of the site server, or of this machine; until then that run counts for nothing.",
        );
    }
    let Some(seen) = state.observed(&state.database.server) else {
        return Finding::unknown("SQL Server has not told its time.");
    };
    let (server, skew) = (&seen.server.name, seen.skew);
    if skew.abs() <= delta(state.settings.timings.clock_skew) {
        return Finding::passed(format!("The clocks of {server} and of this machine agree."));
    }
    let direction = if skew.num_seconds() > 0 { "ahead of" } else { "behind" };
    Finding::failed(
        format!("The clock of {server} is {} s {direction} this machine's.", skew.num_seconds().abs()),
        "Correct the clock that is wrong: times of backups are compared with it.",
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::TimeDelta;

    use super::*;
    use crate::assessment::samples::{GOOD, Rig, at};
    use crate::assessment::{Check, CheckState};
    use crate::site::{DatabaseServer, SiteAlert, SiteDefinition, TaskDefinition, TaskWindow};
    use crate::source::DatabaseFact;

    use CheckState::{Failed, Passed, Unknown};

    const DAY: i64 = 24 * 60;

    fn rig() -> Rig {
        let mut rig = Rig::with(|_| {});
        rig.log(-200, GOOD);
        rig
    }

    #[test]
    fn what_was_never_told_is_unknown() {
        for check in [Check::TaskEnabled, Check::ChangeTracking, Check::BackupAfterUpdate, Check::ClockSkew] {
            assert_eq!(rig().check(0, check).0, Unknown, "{check}");
        }
    }

    #[test]
    fn change_tracking_must_be_on_cleaned_up_and_kept_as_long_as_expected() {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        for (told, expected) in [
            (None, Failed),
            (Some(ChangeTracking { auto_cleanup: true, retention: days(5) }), Passed),
            (Some(ChangeTracking { auto_cleanup: false, retention: days(5) }), Failed),
            (Some(ChangeTracking { auto_cleanup: true, retention: days(2) }), Failed),
            (Some(ChangeTracking { auto_cleanup: true, retention: days(14) }), Failed),
        ] {
            let mut rig = rig();
            rig.database(0, [DatabaseFact::ChangeTracking(told)]);
            assert_eq!(rig.check(1, Check::ChangeTracking).0, expected, "{told:?}");
        }
        let mut meant = Rig::with(|settings| settings.retention = Some(days(14)));
        meant.database(
            0,
            [DatabaseFact::ChangeTracking(Some(ChangeTracking { auto_cleanup: true, retention: days(14) }))],
        );
        assert_eq!(meant.check(1, Check::ChangeTracking).0, Passed);
    }

    #[test]
    fn changes_two_days_beyond_their_retention_are_a_backlog() {
        let tracking = ChangeTracking { auto_cleanup: true, retention: Duration::from_secs(5 * 86_400) };
        for (oldest, expected) in
            [(None, Passed), (Some(at(1 - 7 * DAY)), Passed), (Some(at(-7 * DAY - 1)), Failed)]
        {
            let mut rig = rig();
            rig.database(
                0,
                [DatabaseFact::ChangeTracking(Some(tracking)), DatabaseFact::OldestCommit(oldest)],
            );
            assert_eq!(rig.check(0, Check::ChangeTracking).0, expected, "{oldest:?}");
        }
    }

    #[test]
    fn an_update_asks_for_a_backup_that_started_after_it() {
        let site = |version: &str| {
            DatabaseFact::Site(SiteDefinition { role: None, server: "cm01".into(), version: version.into() })
        };
        let mut rig = rig();
        rig.database(0, [site("5.00.9128.1000")]);
        assert_eq!(rig.check(1, Check::BackupAfterUpdate).0, Passed);
        rig.log(5, &[(0, "500"), (1, "5055")]);
        rig.database(10, [site("5.00.9132.1000")]);
        let (state, finding) = rig.check(11, Check::BackupAfterUpdate);
        assert_eq!(state, Failed);
        assert!(finding.contains("5.00.9128.1000") && finding.contains("5.00.9132.1000"), "{finding}");
        rig.log(12, &[(0, "5035"), (1, "501")]);
        assert_eq!(rig.check(20, Check::BackupAfterUpdate).0, Failed, "it started before the update");
        rig.log(30, GOOD);
        rig.database(100, [site("5.00.9132.1000")]);
        assert_eq!(rig.check(100, Check::BackupAfterUpdate).0, Passed);
    }

    #[test]
    fn clocks_may_differ_by_two_minutes() {
        for (seconds, expected) in
            [(0, Passed), (120, Passed), (-120, Passed), (121, Failed), (-3600, Failed)]
        {
            let mut rig = rig();
            let server = DatabaseServer {
                name: "SQL01".into(),
                version: "15.0".into(),
                in_availability_group: false,
                utc: at(0),
                offset: 0,
            };
            rig.database(0, [DatabaseFact::Server { server, skew: TimeDelta::seconds(seconds) }]);
            let (state, finding) = rig.check(0, Check::ClockSkew);
            assert_eq!(state, expected, "{seconds}");
            assert!(finding.contains("SQL01"), "{finding}");
        }
    }

    #[test]
    fn a_schedule_of_one_day_is_too_rare_in_a_hierarchy_however_long_changes_are_kept() {
        for (days, kept, expected) in
            [(0x01, 10, Failed), (0x09, 10, Passed), (0x09, 3, Failed), (0x7f, 5, Passed)]
        {
            let mut rig = rig();
            let window = TaskWindow { days, begin: 120, latest_begin: 300 };
            let tracking =
                ChangeTracking { auto_cleanup: true, retention: Duration::from_secs(kept * 86_400) };
            let task = TaskDefinition { enabled: true, window, destination: None };
            rig.database(0, [DatabaseFact::Task(task), DatabaseFact::ChangeTracking(Some(tracking))]);
            assert_eq!(rig.check(1, Check::ScheduleWithinRetention).0, expected, "{days} {kept}");
        }
    }

    #[test]
    fn an_active_alert_contradicts_a_success_of_more_than_an_hour_ago() {
        let alert = |active, bad| SiteAlert { id: 1, type_id: None, name: "Backup".into(), active, bad };
        for (alert, minute, expected) in [
            (None, 0, Unknown),
            (Some(alert(true, Some(true))), 0, Failed),
            (Some(alert(true, None)), 0, Failed),
            (Some(alert(true, Some(true))), -80, Unknown),
            (Some(alert(true, Some(false))), 0, Unknown),
            (Some(alert(false, Some(true))), 0, Unknown),
        ] {
            let mut rig = rig();
            rig.database(minute, [DatabaseFact::Alert(alert.clone())]);
            assert_eq!(rig.check(minute, Check::WitnessesAgree).0, expected, "{alert:?} {minute}");
        }
    }
}
