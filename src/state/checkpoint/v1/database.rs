//! What the site database said, in schema 1: its settings and events; observations are made anew.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{nanoseconds, timestamp};
use crate::site::{
    BackupMethod, BackupSet, ChangeTracking, ClosedSet, SiteDefinition, SiteRole, TaskDefinition, TaskWindow,
    Timestamp,
};
use crate::state::{DatabaseState, SiteUpdate};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct DatabaseV1 {
    in_availability_group: Option<bool>,
    site: Option<SiteV1>,
    update: Option<UpdateV1>,
    task: Option<TaskV1>,
    change_tracking: Option<ChangeTrackingV1>,
    backup_sets: BTreeMap<String, Vec<BackupSetV1>>,
    backups_told: BTreeMap<String, i64>,
    servers: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SiteV1 {
    role: Option<String>,
    server: Box<str>,
    version: Box<str>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct UpdateV1 {
    from: Box<str>,
    seen: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct TaskV1 {
    enabled: bool,
    days: u8,
    begin: u16,
    latest_begin: u16,
    destination: Option<Box<str>>,
}

/// Off where it has no retention.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct ChangeTrackingV1 {
    auto_cleanup: bool,
    retention_seconds: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct BackupSetV1 {
    started: i64,
    finished: i64,
    method: String,
    damaged: bool,
}

impl DatabaseV1 {
    pub(super) fn of(state: &DatabaseState) -> Self {
        let set = |set: &BackupSet| BackupSetV1 {
            started: nanoseconds(set.started),
            finished: nanoseconds(set.finished),
            method: set.method.label().to_owned(),
            damaged: set.damaged,
        };
        Self {
            in_availability_group: state.in_availability_group,
            site: state.site.as_ref().map(|site| SiteV1 {
                role: site.role.map(|role| role.label().to_owned()),
                server: site.server.clone(),
                version: site.version.clone(),
            }),
            update: state
                .update
                .as_ref()
                .map(|update| UpdateV1 { from: update.from.clone(), seen: nanoseconds(update.seen) }),
            task: state.task.as_ref().map(|task| TaskV1 {
                enabled: task.enabled,
                days: task.window.days,
                begin: task.window.begin,
                latest_begin: task.window.latest_begin,
                destination: task.destination.clone(),
            }),
            change_tracking: state.change_tracking.map(|tracking| ChangeTrackingV1 {
                auto_cleanup: tracking.is_some_and(|tracking| tracking.auto_cleanup),
                retention_seconds: tracking.map(|tracking| tracking.retention.as_secs()),
            }),
            backup_sets: (state.backup_sets.iter())
                .map(|(server, sets)| (server.clone(), sets.iter().map(set).collect()))
                .collect(),
            backups_told: (state.backups_told.iter())
                .map(|(server, time)| (server.clone(), nanoseconds(*time)))
                .collect(),
            servers: state.servers.clone(),
        }
    }

    /// `retention` is where checkpoints of before kept it alone. A word that is not known costs its own entry only:
    /// the next poll brings it again.
    pub(super) fn restore(self, retention: Option<u64>, now: Timestamp) -> DatabaseState {
        let set = |set: BackupSetV1| {
            let method = BackupMethod::from_label(&set.method)?;
            let BackupSetV1 { started, finished, damaged, .. } = set;
            Some(BackupSet { started: timestamp(started), finished: timestamp(finished), method, damaged })
        };
        let sets =
            |(server, sets): (String, Vec<BackupSetV1>)| (server, sets.into_iter().filter_map(set).collect());
        let site = |site: SiteV1| {
            let role = site.role.as_deref().and_then(SiteRole::from_label);
            SiteDefinition { role, server: site.server, version: site.version }
        };
        let alone = retention
            .map(|seconds| ChangeTrackingV1 { auto_cleanup: true, retention_seconds: Some(seconds) });
        DatabaseState {
            in_availability_group: self.in_availability_group,
            site: self.site.map(site),
            update: self
                .update
                .map(|update| SiteUpdate { from: update.from, seen: timestamp(update.seen).min(now) }),
            task: self.task.map(|task| TaskDefinition {
                enabled: task.enabled,
                window: TaskWindow { days: task.days, begin: task.begin, latest_begin: task.latest_begin },
                destination: task.destination,
            }),
            change_tracking: self.change_tracking.or(alone).map(|tracking| {
                let retention = tracking.retention_seconds.map(Duration::from_secs)?;
                Some(ChangeTracking { auto_cleanup: tracking.auto_cleanup, retention })
            }),
            backup_sets: self.backup_sets.into_iter().map(sets).collect(),
            backups_told: (self.backups_told.into_iter())
                .map(|(server, time)| (server, timestamp(time).min(now)))
                .collect(),
            servers: self.servers,
            ..DatabaseState::default()
        }
    }
}
