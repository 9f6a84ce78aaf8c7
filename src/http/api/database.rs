//! What the site database said, as JSON; the page shows the same.
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
pub(in crate::http) struct DatabaseJson<'a> {
    pub(in crate::http) server: Option<ServerJson<'a>>,
    pub(in crate::http) in_availability_group: Option<bool>,
    pub(in crate::http) site: Option<SiteRowJson<'a>>,
    pub(in crate::http) site_status: Option<i64>,
    pub(in crate::http) update: Option<UpdateJson<'a>>,
    pub(in crate::http) task: Option<TaskJson<'a>>,
    pub(in crate::http) task_status: Option<TaskStatusJson>,
    pub(in crate::http) change_tracking: Option<ChangeTrackingJson>,
    /// Both no answer and no change are `null`.
    pub(in crate::http) oldest_change: Option<Option<Timestamp>>,
    pub(in crate::http) backups: Vec<BackupJson<'a>>,
    pub(in crate::http) alert: Option<AlertJson<'a>>,
    pub(in crate::http) package_roots: Option<&'a [String]>,
    pub(in crate::http) package_sources: Vec<PackageSourceJson<'a>>,
    pub(in crate::http) unread: Vec<UnreadJson<'a>>,
}

#[derive(Debug, PartialEq, Serialize)]
pub(in crate::http) struct ServerJson<'a> {
    pub(in crate::http) name: &'a str,
    pub(in crate::http) version: &'a str,
    /// How far its clock is ahead of this machine's.
    #[serde(rename = "clock_skew_seconds", serialize_with = "seconds")]
    pub(in crate::http) clock_skew: TimeDelta,
}

#[derive(Debug, PartialEq, Serialize)]
pub(in crate::http) struct SiteRowJson<'a> {
    pub(in crate::http) role: Option<SiteRole>,
    pub(in crate::http) server: &'a str,
    pub(in crate::http) version: &'a str,
}

/// The last change of the site's version that was seen.
#[derive(Debug, PartialEq, Serialize)]
pub(in crate::http) struct UpdateJson<'a> {
    pub(in crate::http) from: &'a str,
    pub(in crate::http) seen: Timestamp,
}

/// The task's row, as it is written: without a time zone.
#[derive(Debug, PartialEq, Serialize)]
pub(in crate::http) struct TaskJson<'a> {
    pub(in crate::http) enabled: bool,
    pub(in crate::http) days: String,
    pub(in crate::http) begin: String,
    pub(in crate::http) latest_begin: String,
    pub(in crate::http) destination: Option<&'a str>,
}

/// What the site says of the task's last run, in a zone that is not documented; it proves no backup.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(in crate::http) struct TaskStatusJson {
    pub(in crate::http) last_start: Option<NaiveDateTime>,
    pub(in crate::http) last_completion: Option<NaiveDateTime>,
}

#[derive(Debug, PartialEq, Serialize)]
pub(in crate::http) struct ChangeTrackingJson {
    pub(in crate::http) enabled: bool,
    pub(in crate::http) auto_cleanup: Option<bool>,
    #[serde(rename = "retention_seconds", serialize_with = "whole_seconds")]
    pub(in crate::http) retention: Option<Duration>,
}

/// The newest full backup of one method that one server recorded.
#[derive(Debug, PartialEq, Serialize)]
pub(in crate::http) struct BackupJson<'a> {
    pub(in crate::http) server: &'a str,
    pub(in crate::http) method: BackupMethod,
    pub(in crate::http) started: Timestamp,
    pub(in crate::http) finished: Timestamp,
    pub(in crate::http) damaged: bool,
}

/// The site's own alert; where there is none as configured, `exists` is false.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(in crate::http) struct AlertJson<'a> {
    pub(in crate::http) exists: bool,
    pub(in crate::http) name: Option<&'a str>,
    pub(in crate::http) active: Option<bool>,
    pub(in crate::http) bad: Option<bool>,
}

/// A root of package sources that is configured, so that it was looked at.
#[derive(Debug, PartialEq, Serialize)]
pub(in crate::http) struct PackageSourceJson<'a> {
    pub(in crate::http) path: &'a str,
    pub(in crate::http) readable: bool,
}

#[derive(Debug, PartialEq, Serialize)]
pub(in crate::http) struct UnreadJson<'a> {
    pub(in crate::http) topic: Topic,
    pub(in crate::http) kind: FailureKind,
    pub(in crate::http) reason: &'a str,
}

/// What is known of the site database; `None` where that is nothing.
pub(in crate::http) fn database(state: &SiteState) -> Option<DatabaseJson<'_>> {
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
