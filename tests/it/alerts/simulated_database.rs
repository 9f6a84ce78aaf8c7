//! The site database of the simulated site, but for the status messages: its answers as facts.

use std::time::Duration;

use chrono::{DurationRound, TimeDelta};
use configmgr_backup_exporter::site::{BackupMethod, BackupSet, MAINTENANCE_MODE, TaskWindow, Timestamp};
use configmgr_backup_exporter::source::{DatabaseFact, Fact};

use crate::support::database;

/// The status of a site that works.
const ACTIVE: i64 = 125;

/// What the database says of the site.
#[derive(Debug, Clone)]
pub(super) struct Database {
    /// When the task may run.
    pub(super) window: TaskWindow,
    /// Whether it may at all; if not, SQL Server makes a backup at every midnight.
    pub(super) task_enabled: bool,
    /// For how long change tracking keeps changes.
    pub(super) retention: Duration,
    /// The version of the site.
    pub(super) version: &'static str,
    /// Whether an update is being installed, for which the site is in maintenance.
    pub(super) installs: bool,
}

impl Database {
    /// Its answers to all questions but that for status messages, while the site runs on a server.
    pub(super) fn facts(&self, server: &str, now: Timestamp) -> Vec<Fact> {
        let answer = |mut fact| {
            match &mut fact {
                // It is asked once an hour.
                Fact::Database(DatabaseFact::OldestCommit(Some(oldest))) => {
                    *oldest = oldest.duration_trunc(TimeDelta::hours(1)).unwrap();
                }
                Fact::Database(DatabaseFact::BackupSets(_, sets)) if !self.task_enabled => {
                    *sets = self.sets(now);
                }
                Fact::Database(DatabaseFact::Task(task)) => {
                    (task.enabled, task.window) = (self.task_enabled, self.window);
                }
                Fact::Database(DatabaseFact::Site(site)) => {
                    site.version = self.version.into();
                    site.server = format!("{server}.corp.example").into();
                }
                Fact::Database(DatabaseFact::ChangeTracking(Some(tracking))) => {
                    tracking.retention = self.retention;
                }
                Fact::Coverage { oldest, .. } => *oldest = Some(now - TimeDelta::days(30)),
                _ => {}
            }
            fact
        };
        let status = if self.installs { MAINTENANCE_MODE } else { ACTIVE };
        let state = [DatabaseFact::SiteStatus(Some(status)), DatabaseFact::UpdateInstalls(self.installs)];
        let answers = database::everything(now).into_iter().map(answer);
        answers.chain(state.map(Fact::Database)).collect()
    }

    /// The backups of the last week that SQL Server made by itself.
    fn sets(&self, now: Timestamp) -> Vec<BackupSet> {
        let midnight = now.duration_trunc(TimeDelta::days(1)).unwrap();
        let set = |day| {
            let started = midnight - TimeDelta::days(day);
            let finished = started + TimeDelta::minutes(40);
            BackupSet { started, finished, method: BackupMethod::Native, damaged: false }
        };
        (0..7).map(set).filter(|set| set.finished <= now).collect()
    }
}
