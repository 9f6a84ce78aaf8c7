//! Where the schedule comes from, since when it holds, and in which zone it is meant.

use super::*;
use crate::schedule::{EVERY_DAY, Votes, Zone};
use crate::source::site_database::scripted::config;
use crate::state::checkpoint::{StateDirectory, peek};

const BERLIN: Zone = Zone::Named(chrono_tz::Europe::Berlin);

const NIGHTLY: TaskWindow = TaskWindow { days: EVERY_DAY, begin: 120, latest_begin: 300 };

/// Two minutes after 02:00 of a day in June, when it is 04:00 in Berlin, and so many hours later.
fn start(day: i64, hours: i64) -> Timestamp {
    let first: Timestamp = "2026-06-01T02:02:00Z".parse().unwrap();
    first + TimeDelta::hours(24 * day + hours)
}

/// By how many hours starts are earlier where local time is meant.
const LOCAL: i64 = -2;

fn settings() -> SiteSettings {
    let database = Some(config("sql01"));
    SiteSettings { local_zone: BERLIN, database, ..SiteSettings::new("P01".parse().unwrap()) }
}

fn state_of(settings: SiteSettings) -> SiteState {
    let mut state = SiteState::new(Arc::new(settings), start(0, -24));
    for kind in [LOG, SourceKind::Database] {
        state.watch(
            SourceId { kind, location: String::new() },
            Duration::from_secs(5),
            kind.witness(),
            start(0, -24),
        );
    }
    state
}

/// A backup that began then, as the log tells it.
fn ran(state: &mut SiteState, start: Timestamp) -> Change {
    let next = state.timeline.next_position(Witness::Log);
    let body = |(word, minutes): (&str, i64)| match body(word, 0) {
        RecordBody::Status(message) => {
            RecordBody::Status(StatusMessage { time: start + TimeDelta::minutes(minutes), ..message })
        }
        other => other,
    };
    let bodies = [("5055", 0), ("5035", 20), ("501", 21)].map(body);
    let records = (next..).zip(bodies).map(|(position, body)| Record { position, body }).collect();
    let now = start + TimeDelta::minutes(25);
    state.fold(&report(LOG, now, vec![Fact::Records(Witness::Log, records)]), now)
}

fn asked(state: &mut SiteState, window: TaskWindow, now: Timestamp) -> Change {
    let task = DatabaseFact::Task(TaskDefinition { enabled: true, window, destination: None });
    state.fold(&report(SourceKind::Database, now, vec![Fact::Database(task)]), now)
}

fn known(state: &SiteState) -> (Zone, Timestamp, bool) {
    let known = state.schedule.as_ref().unwrap();
    (known.schedule.zone, known.since, known.changed)
}

fn restarted(state: &SiteState, settings: SiteSettings, now: Timestamp) -> SiteState {
    let folder = tempfile::tempdir().unwrap();
    StateDirectory::open(folder.path()).unwrap().save(state, 1).unwrap();
    let loaded = peek(folder.path(), &Arc::new(settings), now).unwrap();
    assert_eq!(loaded.set_aside, []);
    let mut state = loaded.state;
    for kind in [LOG, SourceKind::Database] {
        state.watch(SourceId { kind, location: String::new() }, Duration::from_secs(5), kind.witness(), now);
    }
    state
}

#[test]
fn at_the_first_reading_the_whole_history_votes() {
    for (hours, zone) in [(0, Zone::Utc), (LOCAL, BERLIN)] {
        let mut state = state_of(settings());
        for day in 0..5 {
            ran(&mut state, start(day, hours));
        }
        assert_eq!(state.schedule, None);
        asked(&mut state, NIGHTLY, start(5, 0));
        assert_eq!(known(&state), (zone, start(5, 0), false));
        let known = state.schedule.unwrap();
        let (local, utc) = if zone == Zone::Utc { (0, 5) } else { (5, 0) };
        assert_eq!((known.zone_assumed, known.votes), (true, Votes { starts: 5, local, utc }));
    }
}

#[test]
fn before_three_starts_it_is_local_time() {
    let mut state = state_of(settings());
    asked(&mut state, NIGHTLY, start(0, -12));
    for day in 0..3 {
        assert_eq!(known(&state).0, BERLIN, "{day}");
        ran(&mut state, start(day, 0));
    }
    assert_eq!(known(&state), (Zone::Utc, start(0, -12), false), "the zone is no other schedule");
}

#[test]
fn after_a_change_only_later_starts_vote_and_the_zone_stays_until_they_do() {
    let mut state = state_of(settings());
    for day in 0..5 {
        ran(&mut state, start(day, 0));
    }
    asked(&mut state, NIGHTLY, start(5, -6));
    // An hour later, from the console on the site server.
    let later = TaskWindow { begin: 180, ..NIGHTLY };
    asked(&mut state, later, start(5, -5));
    assert_eq!(known(&state), (Zone::Utc, start(5, -5), true));
    for day in 5..8 {
        assert_eq!(known(&state).0, Zone::Utc, "{day}");
        state = restarted(&state, settings(), start(day, -4));
        assert_eq!(known(&state), (Zone::Utc, start(5, -5), true), "{day}");
        ran(&mut state, start(day, LOCAL + 1));
    }
    assert_eq!(known(&state), (BERLIN, start(5, -5), true));
}

#[test]
fn the_same_window_again_changes_nothing() {
    let mut state = state_of(settings());
    asked(&mut state, NIGHTLY, start(0, 0));
    let first = state.schedule.clone();
    assert_eq!(asked(&mut state, NIGHTLY, start(1, 0)), Change::Position, "only that it was read");
    state = restarted(&state, settings(), start(2, 0));
    asked(&mut state, NIGHTLY, start(3, 0));
    assert_eq!(state.schedule, first);
    // It stays where the database says nothing any more.
    state = restarted(&state, settings(), start(40, 0));
    assert_eq!(state.schedule, first);
}

#[test]
fn what_is_configured_beats_the_database_and_what_was_learned() {
    let mut state = state_of(settings());
    for day in 0..5 {
        ran(&mut state, start(day, 0));
    }
    asked(&mut state, NIGHTLY, start(5, 0));
    let configured = TaskWindow { days: 1, begin: 60, latest_begin: 90 };
    let fixed = SiteSettings { schedule: Some(configured), time_zone: Some(BERLIN), ..settings() };
    let mut state = restarted(&state, fixed, start(6, 0));
    assert_eq!(known(&state), (BERLIN, start(6, 0), true));
    asked(&mut state, NIGHTLY, start(6, 1));
    let schedule = state.schedule.as_ref().unwrap();
    assert_eq!((schedule.schedule.window(), schedule.zone_assumed), (configured, false));
    // Taken out again, what the database says counts again; what somebody wrote was no assumption.
    let fixed = SiteSettings { time_zone: Some(Zone::Utc), ..settings() };
    let state = restarted(&state, fixed, start(7, 0));
    assert_eq!(known(&state), (Zone::Utc, start(7, 0), true));
    let state = restarted(&state, settings(), start(8, 0));
    assert_eq!(known(&state), (BERLIN, start(7, 0), true));
}

#[test]
fn without_any_schedule_there_is_none() {
    let mut state = state_of(settings());
    ran(&mut state, start(0, 0));
    assert_eq!(restarted(&state, settings(), start(1, 0)).schedule, None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever starts come, the zone does not go back and forth with them.
    #[test]
    fn the_zone_does_not_flap(starts in proptest::collection::vec(0_usize..4, 1..40)) {
        let mut state = state_of(settings());
        asked(&mut state, NIGHTLY, start(0, -12));
        let (mut zone, mut changed) = (BERLIN, None);
        for (day, kind) in (0..).zip(starts) {
            // Local time, UTC, neither, and no start at all.
            if let Some(hours) = [Some(LOCAL), Some(0), Some(10), None][kind] {
                ran(&mut state, start(day, hours));
            }
            let now = known(&state).0;
            if std::mem::replace(&mut zone, now) != now {
                prop_assert!(changed.is_none_or(|before| day - before >= 4), "after {:?} on {day}", changed);
                changed = Some(day);
            }
        }
    }
}
