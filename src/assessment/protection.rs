//! By what a site is protected, and what SQL Server's own backups give.

use chrono::TimeDelta;

use super::delta;
use crate::site::{Protection, Timestamp};
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
    /// Since when every server has been asked that may have recorded one: up to then there were no others.
    pub known_until: Option<Timestamp>,
    /// Whether that was a short time ago, so that there are no others now.
    pub all_known: bool,
}

impl ProtectionState {
    pub(super) fn of(state: &SiteState, now: Timestamp) -> Self {
        let native = NativeBackups::of(state, now);
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
        self.mode == Protection::Task || state.database.in_availability_group != Some(true)
    }
}

impl NativeBackups {
    fn of(state: &SiteState, now: Timestamp) -> Self {
        let database = &state.database;
        let mut starts: Vec<_> = database
            .backup_sets
            .values()
            .flatten()
            .filter(|set| set.is_usable())
            .map(|set| set.started)
            .collect();
        // One of the future is dated by a clock that was ahead.
        let ahead = now + delta(state.settings.timings.clock_skew);
        starts.retain(|start| *start <= ahead);
        starts.sort_unstable_by(|a, b| b.cmp(a));
        starts.dedup();
        let known_until = database.backups_known_since();
        let fresh = delta(state.settings.timings.backup_sets_fresh);
        Self { starts, known_until, all_known: known_until.is_some_and(|known| known + fresh >= now) }
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
