//! The time of day: in which zone, over midnight, and when the clocks are changed.

use chrono::TimeDelta;

use super::site::{Site, at};
use crate::config::{DayWindow, SiteSettings};
use crate::schedule::Zone;
use crate::site::{AttemptOutcome, FailureCause, RestartPlan, TaskWindow, Timestamp};

/// The moments of a day at which the window opens or closes.
fn changes(site: &mut Site, day: &str) -> Vec<String> {
    let from: Timestamp = at(&format!("{day}T00:00:00Z"));
    let mut open = |minute: i64| {
        site.now = from + TimeDelta::minutes(minute);
        site.inputs().in_window
    };
    let mut changes = vec![open(0).to_string()];
    for minute in (15..24 * 60).step_by(15) {
        if open(minute) != open(minute - 15) {
            changes.push((from + TimeDelta::minutes(minute)).format("%H:%M").to_string());
        }
    }
    changes
}

#[track_caller]
fn opens(change: impl FnOnce(&mut SiteSettings), day: &str, expected: &[&str]) {
    let mut site = Site::with(change);
    assert_eq!(changes(&mut site, day), expected);
}

const BERLIN: Zone = Zone::Named(chrono_tz::Europe::Berlin);
const TOKYO: Zone = Zone::Named(chrono_tz::Asia::Tokyo);
const LOS_ANGELES: Zone = Zone::Named(chrono_tz::America::Los_Angeles);

#[test]
fn the_window_of_the_task_is_open_until_three_hours_after_its_latest_begin() {
    opens(|_| {}, "2026-11-25", &["false", "02:00", "08:00"]);
    opens(|settings| settings.time_zone = Some(BERLIN), "2026-11-25", &["false", "01:00", "07:00"]);
    // Every night, also where the task has one in the week: a failure that is older than a day is none.
    let late = TaskWindow { days: 1, begin: 22 * 60, latest_begin: 60 };
    opens(|settings| settings.schedule = Some(late), "2026-11-25", &["true", "04:00", "22:00"]);
    let long = TaskWindow { days: 1, begin: 0, latest_begin: 22 * 60 };
    opens(|settings| settings.schedule = Some(long), "2026-11-25", &["true"]);
}

#[test]
fn a_configured_window_is_meant_in_the_zone_that_is_configured() {
    let configured = |begin, end, zone| {
        move |settings: &mut SiteSettings| {
            settings.remediation.window = Some(DayWindow { begin, end });
            settings.time_zone = Some(zone);
        }
    };
    opens(configured(60, 300, Zone::Utc), "2026-11-25", &["false", "01:00", "05:00"]);
    opens(configured(0, 24 * 60, Zone::Utc), "2026-11-25", &["true"]);
    opens(configured(300, 300, Zone::Utc), "2026-11-25", &["true"]);
    opens(configured(23 * 60, 60, BERLIN), "2026-11-25", &["false", "22:00"]);
}

#[test]
fn that_the_task_is_stored_in_utc_moves_only_the_window_of_the_task() {
    let stored_so = |local_zone, configured: bool| {
        move |settings: &mut SiteSettings| {
            settings.time_zone = Some(Zone::Utc);
            settings.local_zone = local_zone;
            settings.remediation.window = configured.then_some(DayWindow { begin: 60, end: 300 });
        }
    };
    for (zone, night) in [(TOKYO, &["false", "16:00", "20:00"]), (LOS_ANGELES, &["false", "09:00", "13:00"])]
    {
        opens(stored_so(zone, true), "2026-11-25", night);
        opens(stored_so(zone, false), "2026-11-25", &["false", "02:00", "08:00"]);
        // Without a schedule, midnight to six.
        let mut without = Site::with(stored_so(zone, false));
        without.state.schedule = None;
        let night = if zone == TOKYO { ["false", "15:00", "21:00"] } else { ["false", "08:00", "14:00"] };
        assert_eq!(changes(&mut without, "2026-11-25"), night);
        // A zone that is named beats that of this machine.
        let named = |settings: &mut SiteSettings| {
            stored_so(zone, true)(settings);
            settings.time_zone = Some(BERLIN);
        };
        opens(named, "2026-11-25", &["true", "04:00"]);
    }
}

#[test]
fn while_the_zone_is_unknown_the_night_of_the_site_is_the_window() {
    let unknown = |settings: &mut SiteSettings| {
        settings.time_zone = None;
        settings.local_zone = BERLIN;
    };
    opens(unknown, "2026-11-25", &["true", "05:00", "23:00"]);
    // Where local time is UTC, there is nothing to know.
    opens(|settings| settings.time_zone = None, "2026-11-25", &["false", "02:00", "08:00"]);
    let mut without = Site::with(unknown);
    without.state.schedule = None;
    assert_eq!(changes(&mut without, "2026-11-25"), ["true", "05:00", "23:00"]);
}

#[test]
fn when_the_clocks_are_changed_the_window_is_open_for_either_reading() {
    for (day, begin, end, expected) in [
        // 02:00 to 03:00 does not exist.
        ("2026-03-29", 150, 240, ["false", "01:00", "02:00"]),
        ("2026-03-29", 120, 150, ["false", "01:00", "01:30"]),
        // 02:00 to 03:00 comes twice.
        ("2026-10-25", 150, 240, ["false", "00:30", "03:00"]),
        ("2026-10-25", 120, 150, ["false", "00:00", "01:30"]),
    ] {
        let mut site = Site::with(|settings| {
            settings.remediation.window = Some(DayWindow { begin, end });
            settings.time_zone = Some(BERLIN);
        });
        let found = changes(&mut site, day);
        // The one that opens at midnight UTC is open at once.
        let expected = if expected[1] == "00:00" { vec!["true", expected[2]] } else { expected.to_vec() };
        assert_eq!(found, expected, "{day} {begin}-{end}");
    }
}

#[test]
fn a_night_is_from_noon_to_noon_where_people_live() {
    for (zone, local, first, second, nights) in [
        (BERLIN, Zone::Utc, "2026-11-20T10:59:00Z", "2026-11-20T11:00:00Z", 2),
        (BERLIN, Zone::Utc, "2026-11-20T11:00:00Z", "2026-11-21T02:00:00Z", 1),
        // The task's times are stored in UTC.
        (Zone::Utc, TOKYO, "2026-11-20T11:00:00Z", "2026-11-20T13:00:00Z", 1),
        (Zone::Utc, TOKYO, "2026-11-20T11:00:00Z", "2026-11-21T02:00:00Z", 1),
        (Zone::Utc, TOKYO, "2026-11-20T11:00:00Z", "2026-11-21T03:00:00Z", 2),
        (Zone::Utc, LOS_ANGELES, "2026-11-20T11:00:00Z", "2026-11-20T13:00:00Z", 1),
        (Zone::Utc, LOS_ANGELES, "2026-11-20T19:59:00Z", "2026-11-20T20:00:00Z", 2),
    ] {
        let mut site = Site::with(|settings| {
            settings.time_zone = Some(zone);
            settings.local_zone = local;
        });
        site.settings().remediation.max_attempts_per_day = 9;
        site.fail("-5060");
        let mut ledger = crate::remediation::Ledger::new(at("2026-11-19T00:00:00Z"));
        for time in [first, second].map(at) {
            let long_ago = time - TimeDelta::minutes(30);
            ledger.begin(long_ago, FailureCause::Vss, RestartPlan::Start, time);
            ledger.finish(AttemptOutcome::StartFailed, None, time);
        }
        site.ledger = Some(ledger);
        let two = site.inputs().remedy == crate::remediation::Remedy::TwoNights;
        assert_eq!(two, nights == 2, "{first} {second}");
    }
}
