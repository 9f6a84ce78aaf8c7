//! What is known to be due, and what nobody can know.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};

use super::*;
use crate::config::SiteSettings;
use crate::schedule::{EVERY_DAY, Schedule, Zone};
use crate::site::Witness;
use crate::source::{
    Cursor, Fact, FailureKind, Poll, PollFailure, PollReport, Reach, SourceId, SourceKind, backup_log,
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
    settings.schedule = Some(Schedule { days: EVERY_DAY, begin: 120, latest_begin: 300, zone: Zone::Utc });
    let mut state = SiteState::new(Arc::new(settings), at(0));
    state.watch(source(), Duration::from_secs(5), at(0));
    state
}

fn poll(state: &mut SiteState, now: i64, reach: Option<Reach>) {
    let coverage = Fact::Coverage { witness: Witness::Log, oldest: Some(at(-2 * DAY)), gap: false };
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
