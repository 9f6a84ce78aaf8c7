//! A year of backups, night by night: over every change of the clocks nothing is called overdue or missed that is not,
//! and what is left out is noticed once, at the right time. The nights are reckoned without the code under test.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, LocalResult, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::America::New_York;
use chrono_tz::Australia::Lord_Howe;
use chrono_tz::Europe::Berlin;
use chrono_tz::Tz;

use super::*;
use crate::site::TaskDefinition;
use crate::source::DatabaseFact;

/// What every run takes, and so what the next is expected to take.
const LASTS: TimeDelta = TimeDelta::minutes(4);
const TOLERANCE: TimeDelta = TimeDelta::minutes(15);
const GRACE: TimeDelta = TimeDelta::hours(1);
const LEAD: TimeDelta = TimeDelta::hours(12);
const SECOND: TimeDelta = TimeDelta::seconds(1);

const fn window(days: u8, begin: u16, latest_begin: u16) -> TaskWindow {
    TaskWindow { days, begin, latest_begin }
}

/// Saturday to Monday: clocks change on Sundays.
const WEEKEND: u8 = 64 | 1 | 2;

/// Wide; narrow and in the gap of all three zones, and twice in Berlin; narrow and twice in the others; over midnight;
/// twice a week.
const WINDOWS: [TaskWindow; 5] = [
    window(EVERY_DAY, 120, 300),
    window(WEEKEND, 135, 140),
    window(WEEKEND, 105, 110),
    window(WEEKEND, 23 * 60, 120),
    window(1 | 8, 150, 300),
];

fn due_state(state: &SiteState, now: Timestamp) -> DueState {
    DueState::of(state, &RunSummary::of(state, now), &ProtectionState::of(state, now), now)
}

/// The moments that a local time may mean: two where it comes twice, or where it does not exist.
fn readings(zone: Tz, date: NaiveDate, minutes: u16) -> [Timestamp; 2] {
    let local = date.and_time(NaiveTime::MIN) + TimeDelta::minutes(minutes.into());
    let utc = |moment: DateTime<Tz>| moment.with_timezone(&Utc);
    match zone.from_local_datetime(&local) {
        LocalResult::Single(moment) => [utc(moment); 2],
        LocalResult::Ambiguous(first, second) => [utc(first), utc(second)],
        LocalResult::None => {
            // As before the change, and at once after it: no gap of these zones ends but on a half hour.
            let unchanged =
                utc(zone.from_local_datetime(&(local - TimeDelta::hours(3))).unwrap()) + TimeDelta::hours(3);
            let exists =
                |minutes: &i64| zone.from_local_datetime(&(local + TimeDelta::minutes(*minutes))).single();
            [utc((1..180).find_map(|minutes| exists(&minutes)).unwrap()), unchanged]
        }
    }
}

/// A night on which a backup is due.
#[derive(Debug, Clone, Copy)]
struct Night {
    begin: [Timestamp; 2],
    latest: Timestamp,
}

impl Night {
    /// When it counts as missed.
    fn missed(&self) -> Timestamp {
        self.latest + TOLERANCE
    }

    /// When it is overdue.
    fn deadline(&self) -> Timestamp {
        self.latest + LASTS + GRACE
    }
}

fn nights(window: TaskWindow, zone: Tz) -> Vec<Night> {
    let first = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
    let dates = (0..365).map(|day| first + Days::new(day));
    let due = |date: &NaiveDate| window.days & (1 << date.weekday().num_days_from_sunday()) != 0;
    let night = |date: NaiveDate| {
        let latest_date = date + Days::new(u64::from(window.latest_begin < window.begin));
        let [_, latest] = readings(zone, latest_date, window.latest_begin);
        Night { begin: readings(zone, date, window.begin), latest }
    };
    dates.filter(due).map(night).collect()
}

/// A site as it goes through the year.
struct Site {
    state: SiteState,
    position: u64,
}

impl Site {
    /// Watched since before the first night; the schedule is what the database says.
    fn new(window: TaskWindow, local: Tz, zone: Option<Zone>, since: Timestamp) -> Self {
        let mut settings = SiteSettings::new("P01".parse().unwrap());
        settings.local_zone = Zone::Named(local);
        settings.time_zone = zone;
        let mut state = SiteState::new(Arc::new(settings), since);
        state.watch(source(), Duration::from_secs(5), Some(Witness::Log), since);
        let mut site = Self { state, position: 0 };
        let coverage = Fact::Coverage {
            witness: Witness::Log,
            oldest: Some(since - TimeDelta::days(2)),
            newest: None,
            gap: false,
        };
        site.fold(since, vec![coverage]);
        site.schedule(since, window);
        site
    }

    fn fold(&mut self, now: Timestamp, facts: Vec<Fact>) {
        let cursor = Cursor::Log(backup_log::Cursor::default());
        let result = Ok(Poll { facts, cursor, reach: Reach::CaughtUp });
        let site = self.state.settings.code;
        let report = PollReport { site, source: source(), started: now, duration: Duration::ZERO, result };
        self.state.fold(&report, now);
    }

    fn schedule(&mut self, now: Timestamp, window: TaskWindow) {
        let task = TaskDefinition { enabled: true, window, destination: None };
        self.fold(now, vec![Fact::Database(DatabaseFact::Task(task))]);
    }

    /// A backup that begins at `start` and succeeds.
    fn runs(&mut self, start: Timestamp) {
        let records = vec![self.record(5055, start), self.record(5035, start + LASTS)];
        self.fold(start + LASTS, vec![Fact::Records(Witness::Log, records)]);
    }

    fn say(&mut self, id: u16, time: Timestamp) {
        let records = vec![self.record(id, time)];
        self.fold(time, vec![Fact::Records(Witness::Log, records)]);
    }

    fn record(&mut self, id: u16, time: Timestamp) -> Record {
        let message = StatusMessage {
            id: MessageId(id),
            severity: None,
            component: Component::SiteBackup,
            machine: "cm01".into(),
            pid: None,
            tid: None,
            time,
            hint: None,
        };
        self.position += 1;
        Record { position: self.position, body: RecordBody::Status(message) }
    }

    #[track_caller]
    fn is(&self, now: Timestamp, overdue: bool, missed: u32) {
        let due = due_state(&self.state, now);
        let known = self.state.schedule.as_ref().unwrap();
        assert_eq!(
            (due.overdue, due.missed),
            (Some(overdue), Some(missed)),
            "at {now}, {} ({})",
            known.schedule,
            known.votes
        );
        let passed = due.success_due.is_some_and(|due| due <= now);
        assert_eq!(passed, overdue, "at {now}: {:?}", due.success_due);
    }
}

/// What is the same through a year.
#[derive(Debug, Clone, Copy)]
struct Setting {
    window: TaskWindow,
    /// Where the site is.
    local: Tz,
    /// The zone that the schedule is meant in, and whether somebody wrote it down.
    meant: Tz,
    configured: bool,
    /// Which of two readings of a begin ConfigMgr takes.
    reading: usize,
}

/// Plays the year; the first nights that nothing can be known of yet are left unjudged.
fn play(setting: Setting, is_left_out: fn(usize) -> bool) {
    let Setting { window, local, meant, configured, reading } = setting;
    let nights = nights(window, meant);
    let zone = configured.then_some(Zone::Named(meant));
    let mut site = Site::new(window, local, zone, nights[0].begin[0] - TimeDelta::hours(1));
    let unjudged = if configured { 0 } else { 3 };
    let (mut missed, mut overdue) = (0, false);
    for (number, night) in nights.iter().enumerate() {
        let judge = |site: &Site, now, overdue, missed| {
            if number >= unjudged {
                site.is(now, overdue, missed);
            }
        };
        judge(&site, night.begin[0] - SECOND, overdue, missed);
        if is_left_out(number) {
            judge(&site, night.missed() - SECOND, overdue, missed);
            missed += 1;
            judge(&site, night.missed(), overdue, missed);
            judge(&site, night.deadline() - SECOND, overdue, missed);
            overdue = true;
        } else {
            let start = night.begin[reading] + TimeDelta::seconds(if number % 2 == 0 { 30 } else { 150 });
            judge(&site, start - SECOND, overdue, missed);
            site.runs(start);
            (missed, overdue) = (0, false);
            judge(&site, start + LASTS, overdue, missed);
            judge(&site, night.missed(), overdue, missed);
        }
        judge(&site, night.deadline(), overdue, missed);
        let far = site.state.schedule.as_ref().unwrap().schedule.zone;
        if number >= unjudged && local != chrono_tz::UTC {
            assert_eq!(far.to_string().to_lowercase(), meant.name().to_lowercase(), "{setting:?} {number}");
        }
    }
}

fn play_all(local: Tz) {
    for window in WINDOWS {
        let setting = Setting { window, local, meant: local, configured: true, reading: 1 };
        play(setting, |_| false);
        let some = |number| matches!(number % 23, 7 | 15 | 16);
        for meant in BTreeSet::from([local.name(), "UTC"]) {
            play(Setting { meant: meant.parse().unwrap(), configured: false, reading: 0, ..setting }, some);
        }
    }
}

#[test]
fn a_year_in_berlin() {
    play_all(Berlin);
}

#[test]
fn a_year_in_new_york() {
    play_all(New_York);
}

#[test]
fn a_year_on_lord_howe_island() {
    play_all(Lord_Howe);
}

#[test]
fn a_year_in_utc() {
    play_all(chrono_tz::UTC);
}

/// A site in Berlin on a night of its first spring, after two weeks of backups.
fn settled(window: TaskWindow) -> (Site, Vec<Night>) {
    let mut nights = nights(window, Berlin);
    let berlin = Some(Zone::Named(Berlin));
    let mut site = Site::new(window, Berlin, berlin, nights[0].begin[0] - TimeDelta::hours(1));
    let later = nights.split_off(14);
    for night in nights {
        site.runs(night.begin[0] + SECOND);
    }
    (site, later)
}

#[test]
fn a_backup_by_hand_in_the_half_day_before_stands_in_for_the_night() {
    for (before, stands_in) in [
        (TimeDelta::minutes(10), true),
        (TimeDelta::hours(6), true),
        (LEAD - SECOND, true),
        (LEAD + SECOND, false),
    ] {
        let (mut site, nights) = settled(WINDOWS[0]);
        site.runs(nights[0].begin[0] - before);
        site.is(nights[0].missed(), false, u32::from(!stands_in));
        site.is(nights[0].deadline(), !stands_in, u32::from(!stands_in));
        site.is(nights[1].missed(), !stands_in, 1 + u32::from(!stands_in));
        site.is(nights[1].deadline(), true, 1 + u32::from(!stands_in));
    }
}

#[test]
fn a_run_in_progress_at_begin_or_begun_in_time_is_no_miss() {
    for before in [TimeDelta::hours(20), TimeDelta::hours(1), -TimeDelta::hours(3) - TOLERANCE] {
        let (mut site, nights) = settled(WINDOWS[0]);
        let start = nights[0].begin[0] - before;
        site.say(5055, start);
        site.is(nights[0].missed(), false, 0);
        // What began so long before does not protect the night even if it succeeds.
        site.say(5035, nights[0].missed() + SECOND);
        site.is(nights[0].deadline() + TimeDelta::hours(12), before > LEAD, 0);
    }
}

#[test]
fn a_schedule_that_changes_makes_no_miss_in_the_past() {
    let sundays = window(1, 120, 300);
    for changed in [WINDOWS[0], WINDOWS[3], window(EVERY_DAY, 600, 660), window(EVERY_DAY, 0, 1439)] {
        let (mut site, later) = settled(sundays);
        // Days after the last backup, at noon.
        let seen = later[0].begin[0] - TimeDelta::hours(38);
        site.is(seen - SECOND, false, 0);
        site.schedule(seen, changed);
        site.is(seen + SECOND, false, 0);
        let next = nights(changed, Berlin).into_iter().find(|night| night.begin[0] > seen).unwrap();
        site.is(next.missed() - SECOND, false, 0);
        site.is(next.missed(), false, 1);
        site.is(next.deadline() - SECOND, false, 1);
        site.is(next.deadline(), true, 1);
        // The same again, as every poll brings it; then the old one, to which the new one's night is still owed.
        site.schedule(next.deadline(), changed);
        site.is(next.deadline(), true, 1);
        site.schedule(next.deadline() + SECOND, sundays);
        site.is(next.deadline() + SECOND, true, 0);
        site.runs(next.deadline() + TimeDelta::hours(1));
        site.is(next.deadline() + TimeDelta::hours(2), false, 0);
    }
}

#[test]
fn what_is_overdue_stays_so_whatever_the_schedule_becomes() {
    let (mut site, later) = settled(WINDOWS[0]);
    let passed = later[1].deadline();
    site.is(passed, true, 2);
    for (hours, changed) in [(1, window(1, 120, 300)), (2, WINDOWS[3]), (3, window(EVERY_DAY, 1200, 1260))] {
        let now = passed + TimeDelta::hours(hours);
        site.schedule(now, changed);
        site.is(now, true, 0);
        let due = due_state(&site.state, now);
        assert_eq!(due.success_due, Some(later[0].deadline()));
    }
    // A night whose window was still open when it was moved is not owed.
    let (mut site, later) = settled(WINDOWS[0]);
    let open = later[0].latest - TimeDelta::hours(1);
    site.schedule(open, window(EVERY_DAY, 1200, 1260));
    site.is(later[0].deadline(), false, 0);
}
