//! The site database: what it said, what could not be read of it, and what SQL Server wrote into the event log.
//!
//! Everything in it is text: the root of a package source is never a link. Whether a disabled task or an update without a
//! backup is bad is for the checks to say.

use chrono::{NaiveDateTime, TimeDelta};
use maud::{Markup, html};

use super::elements::{Tone, folded, moment, row};
use crate::assessment::frozen_io;
use crate::http::api::database::{
    AlertJson, BackupJson, ChangeTrackingJson, DatabaseJson, TaskStatusJson, database,
};
use crate::http::words::{ago, capital, count, spaced, title};
use crate::site::{ClosedSet, SqlServerEvent, Timestamp};
use crate::state::SiteState;

/// So many roots of package sources are shown.
const SHOWN_ROOTS: usize = 50;

/// Nothing where nothing is known of a site database; folded up while everything could be read.
pub(super) fn section(state: &SiteState) -> Markup {
    let Some(database) = database(state) else { return html! {} };
    let unread = database.unread.len();
    let summary = match unread {
        0 => state.settings.site_database().to_string(),
        unread => count(unread, "answer is missing", "answers are missing"),
    };
    let body = html! {
        dl.rows {
            (site(&database))
            (task(&database))
            @for backup in &database.backups { (full_backup(backup)) }
            @if let Some(found) = &database.alert { (alert(found)) }
            (package_sources(&database))
            @for unread in &database.unread {
                (row(title(unread.topic.label()), Tone::Warn, "not read",
                    html! { (spaced(unread.kind.label())) ": " bdi { (unread.reason) } }))
            }
        }
    };
    folded("Site database", &summary, unread > 0, &body)
}

/// The server, and what it says of the site.
fn site(database: &DatabaseJson<'_>) -> Markup {
    html! {
        @if let Some(server) = &database.server {
            (row("Server", Tone::Plain, "seen",
                html! { (server.name) ", version " (server.version) "; " (skew(server.clock_skew)) "." }))
        }
        @if let Some(in_group) = database.in_availability_group {
            (row("Availability group", Tone::Plain, if in_group { "yes" } else { "no" }, ""))
        }
        @if let Some(site) = &database.site {
            (row("Site", Tone::Plain, site.role.map_or("unknown role", ClosedSet::label), html! {
                (site.server) ", version " (site.version)
                @if let Some(status) = database.site_status { ", status " (status) }
                "."
            }))
        }
        @if let Some(update) = &database.update {
            (row("Last update", Tone::Plain, "seen",
                html! { "From version " (update.from) ", first seen at " (moment(update.seen)) "." }))
        }
    }
}

/// The task, and what limits the age of its backups.
fn task(database: &DatabaseJson<'_>) -> Markup {
    html! {
        @if let Some(task) = &database.task {
            (row("Task", if task.enabled { Tone::Good } else { Tone::Plain },
                if task.enabled { "enabled" } else { "disabled" },
                html! {
                    (task.days) " " (task.begin) "-" (task.latest_begin)
                    @if let Some(path) = task.destination { ", to " bdi { (path) } }
                    "."
                }))
        }
        @if let Some(status) = &database.task_status { (row("Task status", Tone::Plain, "noted", noted(status))) }
        @if let Some(tracking) = &database.change_tracking {
            (row("Change tracking", if tracking.enabled { Tone::Good } else { Tone::Plain },
                if tracking.enabled { "on" } else { "off" }, kept(tracking, database.oldest_change)))
        }
    }
}

fn noted(status: &TaskStatusJson) -> Markup {
    let at = |time: Option<NaiveDateTime>| {
        time.map_or_else(|| "never".to_owned(), |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
    };
    html! {
        "Started " (at(status.last_start)) ", completed " (at(status.last_completion))
        ", in a time zone that is not documented. The site notes when it handed the task on; that proves no backup."
    }
}

fn kept(tracking: &ChangeTrackingJson, oldest: Option<Option<Timestamp>>) -> Markup {
    let retention =
        tracking.retention.map(|retention| TimeDelta::from_std(retention).unwrap_or(TimeDelta::MAX));
    html! {
        @if let Some(cleanup) = tracking.auto_cleanup {
            "Automatic cleanup is " (if cleanup { "on" } else { "off" }) ". "
        }
        @if let Some(retention) = retention { "Changes are kept for " (ago(retention)) ". " }
        @match oldest {
            Some(Some(oldest)) => { "The oldest is of " (moment(oldest)) "." },
            Some(None) => "None is kept now.",
            None => {},
        }
    }
}

/// The newest full backup of a kind.
fn full_backup(backup: &BackupJson<'_>) -> Markup {
    let (tone, word) =
        if backup.damaged { (Tone::Bad, "damaged") } else { (Tone::Plain, backup.method.label()) };
    let said = html! {
        "Full backup (" (backup.method.label()) ") recorded by " (backup.server) ", finished at "
        (moment(backup.finished)) "."
    };
    row("Database backup", tone, word, said)
}

/// The site's own alert about its backups.
fn alert(alert: &AlertJson<'_>) -> Markup {
    let (tone, word) = match (alert.exists, alert.active) {
        (false, _) => (Tone::Plain, "missing"),
        (true, Some(true)) => (Tone::Bad, "active"),
        (true, _) => (Tone::Plain, "not active"),
    };
    let bad = match alert.bad {
        Some(true) => ": the backup is bad by its rule",
        Some(false) => ": the backup is good by its rule",
        None => "",
    };
    let said = html! {
        @match alert.name {
            Some(name) => { (name) (bad) "." },
            None => "The site has no alert as configured.",
        }
    };
    row("Alert", tone, word, said)
}

fn package_sources(database: &DatabaseJson<'_>) -> Markup {
    let roots = database.package_roots.unwrap_or_default();
    html! {
        @for source in &database.package_sources {
            (row("Package source", if source.readable { Tone::Good } else { Tone::Bad },
                if source.readable { "readable" } else { "unreadable" }, html! { bdi { (source.path) } }))
        }
        @for root in roots.iter().take(SHOWN_ROOTS) {
            (row("Package root", Tone::Plain, "listed", html! { bdi { (root) } }))
        }
        @if let Some(more) = roots.len().checked_sub(SHOWN_ROOTS).filter(|more| *more > 0) {
            (row("Package root", Tone::Plain, "more", html! { "and " (more) " more" }))
        }
    }
}

fn skew(skew: TimeDelta) -> String {
    if skew.abs() < TimeDelta::seconds(1) {
        return "its clock agrees with this machine's".to_owned();
    }
    let side = if skew > TimeDelta::zero() { "ahead of" } else { "behind" };
    format!("its clock is {} {side} this machine's", ago(skew.abs()))
}

/// What SQL Server wrote into the event log of the site database; nothing where that is nothing.
pub(super) fn sql_server(state: &SiteState) -> Markup {
    if state.sql_server.is_empty() {
        return html! {};
    }
    let said = |event| state.sql_server.get(&event).copied();
    let frozen = frozen_io(state);
    let summary = if frozen.is_some() { "I/O is frozen" } else { "I/O is not frozen" };
    let body = html! {
        dl.rows {
            @if let Some(text) = &frozen {
                (row("I/O", Tone::Plain, "frozen", html! { (capital(text)) "." }))
            } @else if let Some(resumed) = said(SqlServerEvent::Resumed) {
                (row("I/O", Tone::Plain, "resumed", html! {
                    @if let Some(frozen) = said(SqlServerEvent::Frozen) { "Frozen at " (moment(frozen)) ". " }
                    "Resumed at " (moment(resumed)) "."
                }))
            }
            @if let Some(backed_up) = said(SqlServerEvent::BackedUp) {
                (row("Database backup", Tone::Plain, "seen", html! { "At " (moment(backed_up)) ", by any program." }))
            }
        }
    };
    folded("SQL Server, by the event log", summary, frozen.is_some(), &body)
}

#[cfg(test)]
mod tests;
