//! What is known to be due, and what nobody can know.

mod year;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};

use super::*;
use crate::config::SiteSettings;
use crate::schedule::{EVERY_DAY, Zone};
use crate::site::{
    Component, MessageId, ServicesSeen, Severity, SiteServer, StatusMessage, TaskWindow, Witness,
};
use crate::source::{
    Cursor, Fact, FailureKind, Poll, PollFailure, PollReport, Quiet, Reach, Record, RecordBody, SourceId,
    SourceKind, backup_log,
};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn at(seconds: i64) -> Timestamp {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn source() -> SourceId {
    SourceId { kind: SourceKind::BackupLog, location: String::new() }
}

/// A site whose daily backup is due at 02:00 to 05:00, so that it is overdue from 14:00.
fn state() -> SiteState {
    let mut settings = SiteSettings::new("P01".parse().unwrap());
    settings.schedule = Some(TaskWindow { days: EVERY_DAY, begin: 120, latest_begin: 300 });
    settings.time_zone = Some(Zone::Utc);
    let mut state = SiteState::new(Arc::new(settings), at(0));
    state.watch(source(), Duration::from_secs(5), Some(Witness::Log), at(0));
    state
}

fn poll(state: &mut SiteState, now: i64, reach: Option<Reach>) {
    let coverage =
        Fact::Coverage { witness: Witness::Log, oldest: Some(at(-2 * DAY)), newest: None, gap: false };
    let cursor = Cursor::Log(backup_log::Cursor::default());
    let result = match reach {
        Some(reach) => Ok(Poll { facts: vec![coverage], cursor, reach }),
        None => Err(PollFailure { kind: FailureKind::Unreachable, message: "gone".to_owned() }),
    };
    let (site, started) = (state.settings.code, at(now));
    state.fold(&PollReport { site, source: source(), started, duration: Duration::ZERO, result }, started);
}

fn verdict_at(state: &SiteState, now: i64) -> (Verdict, bool) {
    let assessment = assess(state, at(now));
    (assessment.verdict, assessment.due.success_due.is_some_and(|due| due <= at(now)))
}

#[test]
fn unknown_never_replaces_overdue() {
    let mut state = state();
    poll(&mut state, 13 * HOUR, Some(Reach::CaughtUp));
    assert_eq!(verdict_at(&state, 13 * HOUR), (Verdict::Pending, false));
    poll(&mut state, 15 * HOUR, Some(Reach::CaughtUp));
    assert_eq!(verdict_at(&state, 15 * HOUR), (Verdict::Overdue, true));
    poll(&mut state, 16 * HOUR, None);
    for days in 0..4 {
        assert_eq!(verdict_at(&state, days * DAY + 16 * HOUR), (Verdict::Overdue, true), "{days}");
    }
}

#[test]
fn what_was_not_read_to_its_end_proves_nothing() {
    let mut state = state();
    poll(&mut state, 3 * HOUR, Some(Reach::CaughtUp));
    // Down for two days; then an older file is locked, and what it holds may be all good.
    for reach in [Some(Reach::Unsettled), Some(Reach::More), None] {
        poll(&mut state, 2 * DAY + 15 * HOUR, reach);
        let assessment = assess(&state, at(2 * DAY + 15 * HOUR));
        assert_eq!((assessment.due.overdue, assessment.due.missed), (None, None), "{reach:?}");
        assert_eq!(assessment.verdict, Verdict::Unknown);
    }
    poll(&mut state, 2 * DAY + 15 * HOUR + 5, Some(Reach::CaughtUp));
    assert_eq!(assess(&state, at(2 * DAY + 15 * HOUR + 5)).due.missed, Some(3));
}

#[test]
fn a_missed_day_is_told_for_a_month_after_the_success_that_ended_it() {
    let mut state = state();
    poll(&mut state, 0, Some(Reach::CaughtUp));
    // The first two nights nothing starts; from then on all is well.
    let missed = |state: &mut SiteState, day: i64| {
        poll(state, day * DAY + 12 * HOUR, Some(Reach::CaughtUp));
        let due = assess(state, at(day * DAY + 12 * HOUR)).due;
        (due.missed, due.missed_days)
    };
    let begins = |days: &[i64]| days.iter().map(|day| at(day * DAY + 2 * HOUR)).collect::<Vec<_>>();
    assert_eq!(missed(&mut state, 1), (Some(2), begins(&[0, 1])));
    for day in 2..=31 {
        say(&mut state, day * DAY + 3 * HOUR, &[500, 5055, 5035, 501]);
    }
    assert_eq!(missed(&mut state, 29), (Some(0), begins(&[0, 1])));
    assert_eq!(missed(&mut state, 30), (Some(0), begins(&[1])));
    assert_eq!(missed(&mut state, 31), (Some(0), Vec::new()));
}

/// What the log says at a second of the day: ids of SMS_SITE_BACKUP.
fn say(state: &mut SiteState, now: i64, ids: &[u16]) {
    let message = |id: &u16| StatusMessage {
        id: MessageId(*id),
        severity: Some(Severity::Information),
        component: Component::SiteBackup,
        machine: "cm01".into(),
        pid: None,
        tid: None,
        time: at(now),
        hint: None,
    };
    let first = state.timeline.records().values().map(Vec::len).sum::<usize>() as u64;
    let records =
        (first..).zip(ids).map(|(position, id)| Record { position, body: RecordBody::Status(message(id)) });
    let facts = vec![Fact::Records(Witness::Log, records.collect())];
    let cursor = Cursor::Log(backup_log::Cursor::default());
    let result = Ok(Poll { facts, cursor, reach: Reach::CaughtUp });
    let (site, started) = (state.settings.code, at(now));
    state.fold(&PollReport { site, source: source(), started, duration: Duration::ZERO, result }, started);
}

#[test]
fn sources_keep_quiet_around_a_backup() {
    const MINUTE: i64 = 60;
    let mut state = state();
    let quiet = |state: &SiteState, now: i64| guidance(state, at(now)).quiet;
    assert_eq!(quiet(&state, 0), Some(Quiet::Unknown), "nothing has been read yet");
    poll(&mut state, 0, Some(Reach::CaughtUp));
    let begin = 2 * HOUR;
    assert_eq!(quiet(&state, begin - 11 * MINUTE), None);
    assert_eq!(quiet(&state, begin - 9 * MINUTE), Some(Quiet::RunDue));
    say(&mut state, begin + MINUTE, &[500, 5055]);
    assert_eq!(quiet(&state, begin + 2 * MINUTE), Some(Quiet::RunInProgress));
    let end = begin + 60 * MINUTE;
    say(&mut state, end, &[5035, 5040, 501]);
    assert_eq!(quiet(&state, end + 29 * MINUTE), Some(Quiet::AfterBackup));
    assert_eq!(quiet(&state, end + 31 * MINUTE), None);
    // The next day nothing comes: quiet until it counts as missed, 15 minutes after the latest begin.
    assert_eq!(quiet(&state, DAY + 5 * HOUR + 14 * MINUTE), Some(Quiet::RunDue));
    assert_eq!(quiet(&state, DAY + 5 * HOUR + 16 * MINUTE), None);
}

/// What the services of one of two site servers tell of which one is active.
fn see_pair(state: &mut SiteState, now: i64, active: &str) {
    let server = |name: &str| SiteServer { name: name.into(), active: name == active };
    let site_servers = Some(["CM01", "CM02"].map(server).to_vec());
    let seen = ServicesSeen { machine: Some("CM02".into()), site_servers, ..ServicesSeen::default() };
    let source = SourceId { kind: SourceKind::Services, location: String::new() };
    if !state.sources.contains_key(&source) {
        state.watch(source.clone(), Duration::from_secs(30), None, at(now));
    }
    let result = Ok(Poll { facts: vec![Fact::Services(seen)], cursor: Cursor::Anew, reach: Reach::CaughtUp });
    let (site, started) = (state.settings.code, at(now));
    state.fold(&PollReport { site, source, started, duration: Duration::ZERO, result }, started);
}

#[test]
fn nothing_is_due_of_a_node_from_before_it_took_the_site_over() {
    const TAKEOVER: i64 = 9 * DAY + 12 * HOUR;
    let due = |database: bool, schedule: bool, now: i64| {
        let mut state = state();
        if !schedule {
            Arc::make_mut(&mut state.settings).schedule = None;
            state.schedule = None;
        }
        if database {
            let source = SourceId { kind: SourceKind::Database, location: String::new() };
            state.watch(source, Duration::from_secs(300), SourceKind::Database.witness(), at(0));
        }
        // Its own last backup, before the other one was active for a week.
        say(&mut state, 3 * HOUR, &[500, 5055, 5035, 501]);
        see_pair(&mut state, 2 * DAY, "CM01");
        see_pair(&mut state, TAKEOVER, "CM02");
        poll(&mut state, now, Some(Reach::CaughtUp));
        let assessment = assess(&state, at(now));
        (assessment.verdict, assessment.due.missed, assessment.due.overdue)
    };
    let soon = TAKEOVER + HOUR;
    assert_eq!(due(false, true, soon), (Verdict::Healthy, Some(0), Some(false)));
    assert_eq!(due(true, true, soon), (Verdict::Overdue, Some(9), Some(true)), "it tells of both nodes");
    // The first due day since is the next one: until five, and then what a run takes, and an hour.
    assert_eq!(due(false, true, 10 * DAY + 5 * HOUR).2, Some(false));
    assert_eq!(due(false, true, 10 * DAY + 6 * HOUR + 1), (Verdict::Overdue, Some(1), Some(true)));
    // Without a schedule, four days and twelve hours.
    assert_eq!(due(false, false, TAKEOVER + 4 * DAY + 12 * HOUR - 1).2, Some(false));
    assert_eq!(due(false, false, TAKEOVER + 4 * DAY + 12 * HOUR).2, Some(true));
}
