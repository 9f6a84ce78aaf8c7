//! What the site database said, as JSON; the status page shows the same.
//!
//! How this program logs on (its account, its password, its certificates) is no part of it.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use serde::{Serialize, Serializer};

use crate::schedule::{Schedule, Zone};
use crate::site::{BackupMethod, ClosedSet, SiteRole, Timestamp};
use crate::source::FailureKind;
use crate::source::site_database::Topic;
use crate::state::{DatabaseState, SiteState};

/// The answers of the site database; `null` where nothing is known.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct DatabaseJson<'a> {
    pub(super) server: Option<ServerJson<'a>>,
    pub(super) in_availability_group: Option<bool>,
    pub(super) site: Option<SiteRowJson<'a>>,
    pub(super) site_status: Option<i64>,
    pub(super) update: Option<UpdateJson<'a>>,
    pub(super) task: Option<TaskJson<'a>>,
    pub(super) task_status: Option<TaskStatusJson>,
    pub(super) change_tracking: Option<ChangeTrackingJson>,
    /// Both no answer and no change are `null`.
    pub(super) oldest_change: Option<Option<Timestamp>>,
    pub(super) backups: Vec<BackupJson<'a>>,
    pub(super) alert: Option<AlertJson<'a>>,
    pub(super) package_roots: Option<&'a [String]>,
    pub(super) package_sources: Vec<PackageSourceJson<'a>>,
    pub(super) unread: Vec<UnreadJson<'a>>,
}

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct ServerJson<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    /// How far its clock is ahead of this machine's.
    #[serde(rename = "clock_skew_seconds", serialize_with = "seconds")]
    pub(super) clock_skew: TimeDelta,
}

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct SiteRowJson<'a> {
    pub(super) role: Option<SiteRole>,
    pub(super) server: &'a str,
    pub(super) version: &'a str,
}

/// The last change of the site's version that was seen.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct UpdateJson<'a> {
    pub(super) from: &'a str,
    pub(super) seen: Timestamp,
}

/// The task's row, as it is written: without a time zone.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct TaskJson<'a> {
    pub(super) enabled: bool,
    pub(super) days: String,
    pub(super) begin: String,
    pub(super) latest_begin: String,
    pub(super) destination: Option<&'a str>,
}

/// What the site says of the task's last run, in a zone that is not documented; it proves no backup.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct TaskStatusJson {
    pub(super) last_start: Option<NaiveDateTime>,
    pub(super) last_completion: Option<NaiveDateTime>,
}

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct ChangeTrackingJson {
    pub(super) enabled: bool,
    pub(super) auto_cleanup: Option<bool>,
    #[serde(rename = "retention_seconds", serialize_with = "whole_seconds")]
    pub(super) retention: Option<Duration>,
}

/// The newest full backup of one method that one server recorded.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct BackupJson<'a> {
    pub(super) server: &'a str,
    pub(super) method: BackupMethod,
    pub(super) started: Timestamp,
    pub(super) finished: Timestamp,
    pub(super) damaged: bool,
}

/// The site's own alert; where there is none as configured, `exists` is false.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct AlertJson<'a> {
    pub(super) exists: bool,
    pub(super) name: Option<&'a str>,
    pub(super) active: Option<bool>,
    pub(super) bad: Option<bool>,
}

/// A root of package sources that is configured, so that it was looked at.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct PackageSourceJson<'a> {
    pub(super) path: &'a str,
    pub(super) readable: bool,
}

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct UnreadJson<'a> {
    pub(super) topic: Topic,
    pub(super) kind: FailureKind,
    pub(super) reason: &'a str,
}

/// What is known of the site database; `None` where that is nothing.
pub(super) fn database(state: &SiteState) -> Option<DatabaseJson<'_>> {
    let known = &state.database;
    let alert = state.observed(&known.alert).map(Option::as_ref);
    let json = DatabaseJson {
        server: state.observed(&known.server).map(|seen| ServerJson {
            name: &seen.server.name,
            version: &seen.server.version,
            clock_skew: seen.skew,
        }),
        in_availability_group: known.in_availability_group,
        site: known.site.as_ref().map(|site| SiteRowJson {
            role: site.role,
            server: &site.server,
            version: &site.version,
        }),
        site_status: state.observed(&known.site_status).copied().flatten(),
        update: known.update.as_ref().map(|update| UpdateJson { from: &update.from, seen: update.seen }),
        task: known.task.as_ref().map(|task| {
            let schedule = Schedule::new(task.window, Zone::Local);
            TaskJson {
                enabled: task.enabled,
                days: schedule.days_label(),
                begin: schedule.begin_label(),
                latest_begin: schedule.latest_begin_label(),
                destination: task.destination.as_deref(),
            }
        }),
        task_status: state.observed(&known.task_status).map(|status| {
            status.as_ref().map_or_else(TaskStatusJson::default, |status| TaskStatusJson {
                last_start: status.last_start,
                last_completion: status.last_completion,
            })
        }),
        change_tracking: known.change_tracking.map(|tracking| ChangeTrackingJson {
            enabled: tracking.is_some(),
            auto_cleanup: tracking.map(|tracking| tracking.auto_cleanup),
            retention: tracking.map(|tracking| tracking.retention),
        }),
        oldest_change: state.observed(&known.oldest_commit).copied(),
        backups: newest_backups(known),
        alert: alert.map(|alert| {
            alert.map_or_else(AlertJson::default, |alert| AlertJson {
                exists: true,
                name: Some(&alert.name),
                active: Some(alert.active),
                bad: alert.bad,
            })
        }),
        package_roots: state.observed(&known.package_roots).map(Vec::as_slice),
        package_sources: (known.package_sources.iter())
            .filter_map(|(path, readable)| {
                Some(PackageSourceJson { path, readable: *state.observed(readable)? })
            })
            .collect(),
        unread: (known.unread.iter())
            .map(|unread| UnreadJson {
                topic: unread.topic,
                kind: unread.failure.kind,
                reason: &unread.failure.message,
            })
            .collect(),
    };
    (json != DatabaseJson::default()).then_some(json)
}

/// The newest of each server and method.
fn newest_backups(known: &DatabaseState) -> Vec<BackupJson<'_>> {
    let mut newest = Vec::new();
    for (server, sets) in &known.backup_sets {
        for &method in BackupMethod::ALL {
            let of_method = sets.iter().filter(|set| set.method == method);
            newest.extend(of_method.max_by_key(|set| set.finished).map(|set| BackupJson {
                server,
                method,
                started: set.started,
                finished: set.finished,
                damaged: set.damaged,
            }));
        }
    }
    newest
}

/// To the millisecond: what is behind it is the time that the question took.
fn seconds<S: Serializer>(delta: &TimeDelta, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(delta.num_milliseconds() as f64 / 1000.0)
}

fn whole_seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs()).serialize(serializer)
}
