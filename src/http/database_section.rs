//! The part of the status page about the site database: what it said, and what could not be read of it.
//!
//! Everything in it is text: the root of a package source is never a link. Whether a disabled task or an update without a
//! backup is bad is for the checks to say.

use std::fmt::Write;

use chrono::{NaiveDateTime, TimeDelta};

use super::database_json::{DatabaseJson, database};
use super::html::{ago, row, time};
use crate::site::ClosedSet;
use crate::state::SiteState;

/// So many roots of package sources are shown.
const SHOWN_ROOTS: usize = 50;

/// Nothing where nothing is known of a site database.
pub(super) fn section(html: &mut String, state: &SiteState) {
    let Some(database) = database(state) else { return };
    html.push_str("<h3>Site database</h3><table>");
    site(html, &database);
    task(html, &database);
    backups(html, &database);
    package_sources(html, &database);
    for unread in &database.unread {
        let topic = unread.topic.label().replace('_', " ");
        row(html, &topic, "warn", "not read", &format!("{}: {}", unread.kind, unread.reason));
    }
    html.push_str("</table>");
}

/// The server, and what it says of the site.
fn site(html: &mut String, database: &DatabaseJson<'_>) {
    if let Some(server) = &database.server {
        let text = format!("{}, version {}; {}.", server.name, server.version, skew(server.clock_skew));
        row(html, "server", "none", "seen", &text);
    }
    if let Some(in_group) = database.in_availability_group {
        let word = if in_group { "yes" } else { "no" };
        row(html, "availability group", "none", word, "");
    }
    if let Some(site) = &database.site {
        let role = site.role.map_or("unknown role", ClosedSet::label);
        let status = database.site_status.map_or_else(String::new, |status| format!(", status {status}"));
        row(html, "site", "none", role, &format!("{}, version {}{status}.", site.server, site.version));
    }
    if let Some(update) = &database.update {
        let text = format!("From version {}, first seen at {}.", update.from, time(update.seen));
        row(html, "last update", "none", "seen", &text);
    }
}

/// The task, and what limits the age of its backups.
fn task(html: &mut String, database: &DatabaseJson<'_>) {
    if let Some(task) = &database.task {
        let (class, word) = if task.enabled { ("good", "enabled") } else { ("none", "disabled") };
        let destination = task.destination.map_or_else(String::new, |path| format!(", to {path}"));
        let text = format!("{} {}-{}{destination}.", task.days, task.begin, task.latest_begin);
        row(html, "task", class, word, &text);
    }
    if let Some(status) = &database.task_status {
        let at = |time: Option<NaiveDateTime>| {
            time.map_or_else(|| "never".to_owned(), |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
        };
        let (start, completion) = (at(status.last_start), at(status.last_completion));
        let text = format!(
            "Started {start}, completed {completion}, in a time zone that is not documented. The site notes when it \
             handed the task on; that proves no backup."
        );
        row(html, "task status", "none", "noted", &text);
    }
    if let Some(tracking) = &database.change_tracking {
        let (class, word) = if tracking.enabled { ("good", "on") } else { ("none", "off") };
        let mut text = String::new();
        if let Some(cleanup) = tracking.auto_cleanup {
            let _ = write!(text, "Automatic cleanup is {}. ", if cleanup { "on" } else { "off" });
        }
        if let Some(retention) = tracking.retention {
            let retention = TimeDelta::from_std(retention).unwrap_or(TimeDelta::MAX);
            let _ = write!(text, "Changes are kept for {}. ", ago(retention));
        }
        match database.oldest_change {
            Some(Some(oldest)) => {
                let _ = write!(text, "The oldest is of {}.", time(oldest));
            }
            Some(None) => text.push_str("None is kept now."),
            None => {}
        }
        row(html, "change tracking", class, word, &text);
    }
}

/// The newest full backups, and the site's own alert about them.
fn backups(html: &mut String, database: &DatabaseJson<'_>) {
    for backup in &database.backups {
        let (class, word) = if backup.damaged { ("bad", "damaged") } else { ("none", backup.method.label()) };
        let text = format!(
            "Full backup ({}) recorded by {}, finished at {}.",
            backup.method,
            backup.server,
            time(backup.finished)
        );
        row(html, "database backup", class, word, &text);
    }
    let Some(alert) = &database.alert else { return };
    let (class, word) = match (alert.exists, alert.active) {
        (false, _) => ("none", "missing"),
        (true, Some(true)) => ("bad", "active"),
        (true, _) => ("none", "not active"),
    };
    let bad = match alert.bad {
        Some(true) => ": the backup is bad by its rule",
        Some(false) => ": the backup is good by its rule",
        None => "",
    };
    let text = match alert.name {
        Some(name) => format!("{name}{bad}."),
        None => "The site has no alert as configured.".to_owned(),
    };
    row(html, "alert", class, word, &text);
}

fn package_sources(html: &mut String, database: &DatabaseJson<'_>) {
    for source in &database.package_sources {
        let (class, word) = if source.readable { ("good", "readable") } else { ("bad", "unreadable") };
        row(html, "package source", class, word, source.path);
    }
    let Some(roots) = database.package_roots else { return };
    for root in roots.iter().take(SHOWN_ROOTS) {
        row(html, "package root", "none", "listed", root);
    }
    if let Some(more) = roots.len().checked_sub(SHOWN_ROOTS).filter(|more| *more > 0) {
        row(html, "package root", "none", "more", &format!("and {more} more"));
    }
}

fn skew(skew: TimeDelta) -> String {
    if skew.abs() < TimeDelta::seconds(1) {
        return "its clock agrees with this machine's".to_owned();
    }
    let side = if skew > TimeDelta::zero() { "ahead of" } else { "behind" };
    format!("its clock is {} {side} this machine's", ago(skew.abs()))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::assessment::assess;
    use crate::config::{
        Authentication, DatabaseConfig, Encryption, PasswordSource, ServerAddress, SiteSettings, Trust,
    };
    use crate::http::{api, status_page};
    use crate::site::{
        BackupMethod, BackupSet, ChangeTracking, DatabaseServer, SiteAlert, SiteDefinition, SiteRole,
        TaskDefinition, TaskStatus, TaskWindow, Timestamp,
    };
    use crate::source::site_database::{Cursor, DatabaseSource, Topic};
    use crate::source::{
        Cursor as SourceCursor, DatabaseFact, Fact, FailureKind, Poll, PollFailure, PollReport, Reach,
        SourceId, Unread,
    };
    use crate::state::FAILURES_THAT_DROP;

    /// Whatever an administrator may have written somewhere.
    const FOREIGN: &str = "<a href='x'>&";

    fn at(minute: i64) -> Timestamp {
        "2026-10-04T00:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::minutes(minute)
    }

    fn config() -> DatabaseConfig {
        DatabaseConfig {
            server: ServerAddress { host: "sql01".to_owned(), instance: None, port: None },
            name: "CM_P01".to_owned(),
            authentication: Authentication::Login {
                user: "secret_user".to_owned(),
                password: PasswordSource::File(PathBuf::from("secret_password")),
            },
            encryption: Encryption::Required,
            trust: Trust::CaFile(PathBuf::from("secret_ca.pem")),
            interval: Duration::from_secs(300),
            query_timeout: Duration::from_secs(30),
            alert: None,
        }
    }

    fn source() -> SourceId {
        DatabaseSource::id_of(&config())
    }

    fn state() -> SiteState {
        let mut settings = SiteSettings::new("P01".parse().unwrap());
        settings.database = Some(config());
        let mut state = SiteState::new(Arc::new(settings), at(0));
        state.watch(source(), Duration::from_secs(300), None, at(0));
        state
    }

    fn fold(state: &mut SiteState, result: Result<Vec<Fact>, PollFailure>) {
        let cursor = SourceCursor::Database(Cursor::default());
        let result = result.map(|facts| Poll { facts, cursor, reach: Reach::CaughtUp });
        let (site, started) = (state.settings.code, at(1));
        let report = PollReport { site, source: source(), started, duration: Duration::ZERO, result };
        state.fold(&report, at(1));
    }

    fn site(version: &str) -> DatabaseFact {
        let version = version.into();
        DatabaseFact::Site(SiteDefinition { role: Some(SiteRole::Cas), server: FOREIGN.into(), version })
    }

    fn set(method: BackupMethod, hour: i64, damaged: bool) -> BackupSet {
        BackupSet { started: at(60 * hour), finished: at(60 * hour + 20), method, damaged }
    }

    /// Every question has an answer, or none and a reason; wherever a text fits, it is a foreign one.
    fn everything() -> Vec<Fact> {
        let server = DatabaseServer {
            name: FOREIGN.into(),
            version: "16.0.4125.3".into(),
            in_availability_group: true,
            utc: at(1),
            offset: 0,
        };
        let task = TaskDefinition {
            enabled: false,
            window: TaskWindow { days: 1 | 8, begin: 120, latest_begin: 300 },
            destination: Some(FOREIGN.into()),
        };
        let (vss, native) = (BackupMethod::Vss, BackupMethod::Native);
        let sets = vec![set(vss, 9, false), set(vss, 1, false), set(native, 5, true)];
        let alert = SiteAlert { id: 7, type_id: None, name: FOREIGN.into(), active: true, bad: Some(true) };
        let failure = PollFailure { kind: FailureKind::Permission, message: FOREIGN.to_owned() };
        let status = TaskStatus { last_start: Some(at(120).naive_utc()), last_completion: None };
        let tracking = ChangeTracking { auto_cleanup: false, retention: Duration::from_secs(5 * 86_400) };
        let facts = [
            DatabaseFact::Server { server, skew: TimeDelta::milliseconds(-150_500) },
            site("5.00.9122.1000"),
            site("5.00.9128.1000"),
            DatabaseFact::SiteStatus(Some(120)),
            DatabaseFact::Task(task),
            DatabaseFact::TaskStatus(Some(status)),
            DatabaseFact::ChangeTracking(Some(tracking)),
            DatabaseFact::OldestCommit(Some(at(-7200))),
            DatabaseFact::BackupSets(FOREIGN.to_owned(), sets),
            DatabaseFact::Alert(Some(alert)),
            DatabaseFact::PackageRoots(vec![FOREIGN.to_owned(); 53]),
            DatabaseFact::Unread(vec![Unread { topic: Topic::OldestCommit, failure }]),
        ];
        let mut facts: Vec<_> = facts.map(Fact::Database).into();
        facts.push(Fact::PackageSource(FOREIGN.to_owned(), false));
        facts
    }

    fn page(state: &SiteState) -> String {
        status_page::page([(state, &assess(state, at(2)))].into_iter(), "/metrics", at(2))
    }

    fn json(state: &SiteState) -> Value {
        serde_json::to_value(api::site(state, &assess(state, at(2)))).unwrap()["database"].take()
    }

    #[test]
    fn of_a_database_that_said_nothing_nothing_is_shown() {
        let mut state = state();
        for _ in 0..2 {
            assert!(!page(&state).contains("Site database"));
            assert_eq!(json(&state), Value::Null);
            let failure = PollFailure { kind: FailureKind::Unreachable, message: "no route".to_owned() };
            fold(&mut state, Err(failure));
        }
        assert!(page(&state).contains("no route"), "among the sources");
    }

    #[test]
    fn every_answer_is_shown_and_no_text_becomes_markup() {
        let mut state = state();
        fold(&mut state, Ok(everything()));
        let shown = page(&state);
        for part in [
            "&lt;a href=&#39;x&#39;&gt;&amp;, version 16.0.4125.3; its clock is 2 min 30 s behind this machine&#39;s.",
            "<td>availability group</td><td><span class=\"tag none\">yes</span>",
            ">cas</span></td><td>&lt;a href=&#39;x&#39;&gt;&amp;, version 5.00.9128.1000, status 120.",
            "From version 5.00.9122.1000, first seen at 2026-10-04 00:01:00 UTC.",
            ">disabled</span></td><td>sunday,wednesday 02:00-05:00, to &lt;a href",
            "Started 2026-10-04 02:00:00, completed never, in a time zone that is not documented.",
            "Automatic cleanup is off. Changes are kept for 5 d 0 h. The oldest is of 2026-09-29 00:00:00 UTC.",
            "Full backup (vss) recorded by &lt;a href=&#39;x&#39;&gt;&amp;, finished at 2026-10-04 09:20:00 UTC.",
            ">damaged</span></td><td>Full backup (native)",
            ">active</span></td><td>&lt;a href=&#39;x&#39;&gt;&amp;: the backup is bad by its rule.",
            ">unreadable</span></td><td>&lt;a href",
            "and 3 more",
            "<td>oldest commit</td><td><span class=\"tag warn\">not read</span></td><td>permission: &lt;a href",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert_eq!(shown.matches("<td>package root</td>").count(), SHOWN_ROOTS + 1);
        assert!(
            !shown.contains(FOREIGN) && !shown.contains("02:20:00"),
            "of each method the newest: {shown}"
        );
    }

    #[test]
    fn json_has_the_same_answers_and_no_secrets() {
        let mut state = state();
        fold(&mut state, Ok(everything()));
        let database = json(&state);
        let expected = json!({
            "server": { "name": FOREIGN, "version": "16.0.4125.3", "clock_skew_seconds": -150.5 },
            "in_availability_group": true,
            "site": { "role": "cas", "server": FOREIGN, "version": "5.00.9128.1000" },
            "site_status": 120,
            "update": { "from": "5.00.9122.1000", "seen": "2026-10-04T00:01:00Z" },
            "task": { "enabled": false, "days": "sunday,wednesday", "begin": "02:00", "latest_begin": "05:00",
                      "destination": FOREIGN },
            "task_status": { "last_start": "2026-10-04T02:00:00", "last_completion": null },
            "change_tracking": { "enabled": true, "auto_cleanup": false, "retention_seconds": 432_000 },
            "oldest_change": "2026-09-29T00:00:00Z",
            "backups": [
                { "server": FOREIGN, "method": "vss", "started": "2026-10-04T09:00:00Z",
                  "finished": "2026-10-04T09:20:00Z", "damaged": false },
                { "server": FOREIGN, "method": "native", "started": "2026-10-04T05:00:00Z",
                  "finished": "2026-10-04T05:20:00Z", "damaged": true },
            ],
            "alert": { "exists": true, "name": FOREIGN, "active": true, "bad": true },
            "package_roots": vec![FOREIGN; 53],
            "package_sources": [{ "path": FOREIGN, "readable": false }],
            "unread": [{ "topic": "oldest_commit", "kind": "permission", "reason": FOREIGN }],
        });
        assert_eq!(database, expected);
        for told in [database.to_string(), page(&state)] {
            assert!(!told.contains("secret"), "{told}");
        }
    }

    #[test]
    fn what_was_only_observed_goes_when_the_database_is_silent_and_what_was_set_stays() {
        let mut state = state();
        fold(&mut state, Ok(everything()));
        for _ in 0..FAILURES_THAT_DROP {
            assert!(!json(&state)["server"].is_null());
            let failure = PollFailure { kind: FailureKind::Unreachable, message: "no route".to_owned() };
            fold(&mut state, Err(failure));
        }
        let database = json(&state);
        for observation in ["server", "site_status", "task_status", "oldest_change", "alert", "package_roots"]
        {
            assert_eq!(database[observation], Value::Null, "{observation}");
        }
        for setting in ["site", "task", "change_tracking", "update"] {
            assert!(database[setting].is_object(), "{setting}");
        }
        let shown = page(&state);
        assert!(shown.contains(">disabled</span>") && !shown.contains("package root"), "{shown}");
    }

    #[test]
    fn what_the_site_database_does_not_have_is_said() {
        let mut state = state();
        let facts = [
            DatabaseFact::ChangeTracking(None),
            DatabaseFact::OldestCommit(None),
            DatabaseFact::Alert(None),
            DatabaseFact::TaskStatus(None),
        ];
        fold(&mut state, Ok(facts.map(Fact::Database).into()));
        let shown = page(&state);
        for part in [">off</span></td><td>None is kept now.", "no alert as configured", "Started never"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let database = json(&state);
        assert_eq!(
            database["change_tracking"],
            json!({ "enabled": false, "auto_cleanup": null, "retention_seconds": null })
        );
        assert_eq!(database["alert"], json!({ "exists": false, "name": null, "active": null, "bad": null }));
    }
}
