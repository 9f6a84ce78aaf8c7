//! By what a site is protected, and what SQL Server's own backups give.

use chrono::TimeDelta;

use crate::site::{BackupMethod, BackupSet, Protection, Timestamp};
use crate::state::SiteState;

/// What protects a site, and the backups that the task does not make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectionState {
    /// As configured, else as it looks.
    pub mode: Protection,
    /// SQL Server's own backups of the site database.
    pub native: NativeBackups,
}

/// The undamaged full backups of the site database that SQL Server made by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeBackups {
    /// When each of them started, newest first.
    pub starts: Vec<Timestamp>,
    /// Whether every server was asked that may have recorded one, so that there are no others.
    pub all_known: bool,
}

impl ProtectionState {
    pub(super) fn of(state: &SiteState) -> Self {
        let native = NativeBackups::of(state);
        let mode = state.settings.protection.unwrap_or_else(|| {
            let disabled = state.database.task.as_ref().is_some_and(|task| !task.enabled);
            match state.database.in_availability_group {
                // Microsoft forbids to restore the task's copy of such a database.
                Some(true) => Protection::Both,
                _ if disabled && native.newest().is_some() => Protection::Native,
                _ => Protection::Task,
            }
        });
        Self { mode, native }
    }

    /// Whether the database in the task's snapshots may be restored.
    pub fn snapshots_count(&self, state: &SiteState) -> bool {
        self.mode != Protection::Both || state.database.in_availability_group != Some(true)
    }
}

impl NativeBackups {
    fn of(state: &SiteState) -> Self {
        let database = &state.database;
        let mut starts: Vec<_> =
            database.backup_sets.values().flatten().filter(is_usable).map(|set| set.started).collect();
        starts.sort_unstable_by(|a, b| b.cmp(a));
        starts.dedup();
        let asked =
            |server: &String| database.backup_sets.keys().any(|known| known.eq_ignore_ascii_case(server));
        let all_known = !database.servers.is_empty() && database.servers.iter().all(asked);
        Self { starts, all_known }
    }

    /// When the newest of them started.
    pub fn newest(&self) -> Option<Timestamp> {
        self.starts.first().copied()
    }

    /// The distances between one and the next.
    pub(super) fn distances(&self) -> Vec<TimeDelta> {
        self.starts.windows(2).map(|pair| pair[0] - pair[1]).collect()
    }
}

/// Whether SQL Server can restore a backup without any other program.
fn is_usable(set: &&BackupSet) -> bool {
    set.method == BackupMethod::Native && !set.damaged
}
