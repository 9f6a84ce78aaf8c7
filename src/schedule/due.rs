//! Which runs are due: the last, the next, and all between two times.
//!
//! A due run belongs to the local day on which it begins, so the questions walk local days around a moment; nine
//! days hold every weekday, whatever the zone's distance from UTC.

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};

use super::{Due, Schedule, days};
use crate::site::Timestamp;

/// How many days away from a moment's UTC date its neighbouring due days can lie: a week, a day for the zone's
/// offset, and a day that a zone may skip.
const REACH: u64 = 9;

impl Schedule {
    /// The latest due run with `begin <= now`; `None` without days.
    pub fn last_due(&self, now: Timestamp) -> Option<Due> {
        let first = now.date_naive().checked_add_days(Days::new(1))?;
        (0..=REACH)
            .filter_map(|back| self.due_on(first.checked_sub_days(Days::new(back))?))
            .find(|due| due.begin <= now)
    }

    /// The first due run with `begin > after`; `None` without days.
    pub fn next_due(&self, after: Timestamp) -> Option<Due> {
        let first = after.date_naive().checked_sub_days(Days::new(1))?;
        let mut dues = (0..=REACH + 1)
            .filter_map(|ahead| self.due_on(first.checked_add_days(Days::new(ahead))?))
            .skip_while(|due| due.begin <= after)
            .peekable();
        let due = dues.next()?;
        // Two days begin at the same moment only where a zone skipped a day; `last_due` takes the later one too.
        Some(dues.next_if(|later| later.begin == due.begin).unwrap_or(due))
    }

    /// The due runs with `from < begin <= to`, in order.
    pub fn dues(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Due> + '_ {
        std::iter::successors(self.next_due(from), |due| self.next_due(due.begin))
            .take_while(move |due| due.begin <= to)
    }

    /// The longest time from one begin to the next over a week, changes of the clocks aside; `None` without days.
    pub fn max_interval(&self) -> Option<TimeDelta> {
        days::longest_gap(self.days).map(|gap| TimeDelta::days(gap.into()))
    }

    /// The due run that begins on a local day, if there is one.
    fn due_on(&self, date: NaiveDate) -> Option<Due> {
        if !days::contains(self.days, date) {
            return None;
        }
        let latest_date = if self.latest_begin < self.begin { date.succ_opt()? } else { date };
        let [begin, _] = self.moments(date, self.begin)?;
        let [_, latest_begin] = self.moments(latest_date, self.latest_begin)?;
        Some(Due { begin, latest_begin })
    }

    fn moments(&self, date: NaiveDate, minutes: u16) -> Option<[Timestamp; 2]> {
        let local = date.and_time(NaiveTime::MIN).checked_add_signed(TimeDelta::minutes(minutes.into()))?;
        Some(self.zone.moments(local))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Timelike, Utc};
    use proptest::prelude::*;

    use super::super::{EVERY_DAY, Zone};
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse::<DateTime<Utc>>().unwrap()
    }

    fn schedule(days: u8, begin: u16, latest_begin: u16, zone: Zone) -> Schedule {
        Schedule { days, begin, latest_begin, zone }
    }

    #[test]
    fn the_last_and_the_next_due_run_surround_now() {
        // Sunday and Wednesday, 02:00 to 05:00; 2026-11-22 is a Sunday.
        let schedule = schedule(1 | 8, 120, 300, Zone::Utc);
        for (now, last, next) in [
            ("2026-11-22T01:59:59Z", "2026-11-18T02:00:00Z", "2026-11-22T02:00:00Z"),
            ("2026-11-22T02:00:00Z", "2026-11-22T02:00:00Z", "2026-11-25T02:00:00Z"),
            ("2026-11-24T23:00:00Z", "2026-11-22T02:00:00Z", "2026-11-25T02:00:00Z"),
        ] {
            assert_eq!(schedule.last_due(at(now)).unwrap().begin, at(last), "last at {now}");
            assert_eq!(schedule.next_due(at(now)).unwrap().begin, at(next), "next at {now}");
        }
    }

    #[test]
    fn a_latest_begin_before_the_begin_is_on_the_next_day() {
        let due = schedule(64, 23 * 60, 120, Zone::Utc).last_due(at("2026-11-22T00:30:00Z")).unwrap();
        assert_eq!(due, Due { begin: at("2026-11-21T23:00:00Z"), latest_begin: at("2026-11-22T02:00:00Z") });
    }

    #[test]
    fn a_schedule_without_days_is_never_due() {
        for days in [0, 0x80] {
            let schedule = schedule(days, 120, 300, Zone::Local);
            let now = at("2026-11-22T02:00:00Z");
            assert_eq!((schedule.last_due(now), schedule.next_due(now)), (None, None));
            assert_eq!(schedule.dues(now, at("2027-11-22T02:00:00Z")).count(), 0);
            assert_eq!(schedule.max_interval(), None);
        }
    }

    #[test]
    fn the_longest_interval_is_that_of_the_week() {
        assert_eq!(schedule(EVERY_DAY, 120, 300, Zone::Utc).max_interval(), Some(TimeDelta::hours(24)));
        assert_eq!(schedule(1, 120, 300, Zone::Utc).max_interval(), Some(TimeDelta::days(7)));
        assert_eq!(schedule(1 | 8, 120, 300, Zone::Utc).max_interval(), Some(TimeDelta::days(4)));
    }

    #[test]
    fn dues_are_those_after_from_up_to_to() {
        let daily = schedule(EVERY_DAY, 120, 300, Zone::Utc);
        let begins: Vec<_> = daily
            .dues(at("2026-11-20T02:00:00Z"), at("2026-11-22T02:00:00Z"))
            .map(|due| due.begin.to_rfc3339())
            .collect();
        assert_eq!(begins, ["2026-11-21T02:00:00+00:00", "2026-11-22T02:00:00+00:00"]);
        assert_eq!(daily.dues(at("2026-11-22T02:00:00Z"), at("2026-11-20T02:00:00Z")).count(), 0);
    }

    #[test]
    fn a_change_of_the_clocks_moves_the_due_run_and_loses_none() {
        for (zone, night, begin, latest_begin) in [
            // Begin in the gap, latest begin after it; then both in the hour that comes twice.
            (chrono_tz::Europe::Berlin, "2026-03-29", "01:00", "03:00"),
            (chrono_tz::Europe::Berlin, "2026-10-25", "00:30", "04:00"),
            (chrono_tz::America::New_York, "2026-03-08", "07:00", "09:00"),
            (chrono_tz::America::New_York, "2026-11-01", "07:30", "10:00"),
        ] {
            let daily = schedule(EVERY_DAY, 150, 300, Zone::Named(zone));
            let noon = at(&format!("{night}T12:00:00Z"));
            let due = daily.last_due(noon).unwrap();
            assert_eq!(due.begin, at(&format!("{night}T{begin}:00Z")), "{zone} {night}");
            assert_eq!(due.latest_begin, at(&format!("{night}T{latest_begin}:00Z")), "{zone} {night}");
            assert_eq!(
                daily.dues(noon - TimeDelta::days(5), noon + TimeDelta::days(5)).count(),
                10,
                "{zone}"
            );
        }
        // Lord Howe, half an hour: 02:15 does not exist on 4 October; 01:45 comes twice on 5 April.
        let lord_howe = Zone::Named(chrono_tz::Australia::Lord_Howe);
        let spring = schedule(EVERY_DAY, 135, 300, lord_howe).last_due(at("2026-10-04T00:00:00Z")).unwrap();
        assert_eq!(
            spring,
            Due { begin: at("2026-10-03T15:30:00Z"), latest_begin: at("2026-10-03T18:00:00Z") }
        );
        let autumn = schedule(EVERY_DAY, 105, 300, lord_howe).last_due(at("2026-04-05T00:00:00Z")).unwrap();
        assert_eq!(
            autumn,
            Due { begin: at("2026-04-04T14:45:00Z"), latest_begin: at("2026-04-04T18:30:00Z") }
        );
    }

    #[test]
    fn a_narrow_window_in_a_change_of_the_clocks_is_open_for_either_reading() {
        let narrow = schedule(EVERY_DAY, 150, 165, Zone::Named(chrono_tz::Europe::Berlin));
        for (night, begin, latest_begin) in [
            ("2026-03-29", "01:00", "01:45"),
            ("2026-10-25", "00:30", "01:45"),
            ("2026-11-25", "01:30", "01:45"),
        ] {
            let due = narrow.last_due(at(&format!("{night}T12:00:00Z"))).unwrap();
            assert_eq!(due.begin, at(&format!("{night}T{begin}:00Z")), "{night}");
            assert_eq!(due.latest_begin, at(&format!("{night}T{latest_begin}:00Z")), "{night}");
        }
    }

    fn zones() -> impl Strategy<Value = Zone> {
        prop_oneof![
            Just(Zone::Local),
            Just(Zone::Utc),
            Just(Zone::Named(chrono_tz::Europe::Berlin)),
            Just(Zone::Named(chrono_tz::America::New_York)),
            Just(Zone::Named(chrono_tz::Australia::Lord_Howe)),
            Just(Zone::Named(chrono_tz::Pacific::Apia)),
            Just(Zone::Named(chrono_tz::Pacific::Kiritimati)),
        ]
    }

    prop_compose! {
        fn schedules()(days in 1u8..=EVERY_DAY, begin in 0u16..1440, latest in 0u16..1440, zone in zones())
            -> Schedule {
            schedule(days, begin, latest, zone)
        }
    }

    /// 2000 to 2037, in milliseconds.
    fn moments() -> impl Strategy<Value = Timestamp> {
        (946_684_800_000i64..2_145_916_800_000).prop_map(|ms| DateTime::from_timestamp_millis(ms).unwrap())
    }

    proptest! {
        #[test]
        fn last_and_next_meet_at_now(schedule in schedules(), now in moments()) {
            let (last, next) = (schedule.last_due(now).unwrap(), schedule.next_due(now).unwrap());
            prop_assert!(last.begin <= now && now < next.begin);
            prop_assert_eq!(schedule.next_due(last.begin - TimeDelta::milliseconds(1)), Some(last));
            prop_assert_eq!(schedule.last_due(next.begin), Some(next));
            prop_assert_eq!(schedule.last_due(next.begin - TimeDelta::milliseconds(1)), Some(last));
            // A change of the clocks, or a skipped day, is all that may lengthen the interval.
            prop_assert!(next.begin - last.begin <= schedule.max_interval().unwrap() + TimeDelta::hours(24));
        }

        #[test]
        fn the_latest_begin_is_within_a_day_of_the_begin(schedule in schedules(), now in moments()) {
            let due = schedule.last_due(now).unwrap();
            prop_assert!(due.begin <= due.latest_begin);
            prop_assert!(due.latest_begin - due.begin < TimeDelta::hours(25));
            prop_assert_eq!(due.begin.second(), 0);
        }

        #[test]
        fn dues_leave_nothing_out(schedule in schedules(), from in moments(), length in 0i64..60) {
            let to = from + TimeDelta::days(length);
            let dues: Vec<_> = schedule.dues(from, to).collect();
            prop_assert!(dues.windows(2).all(|pair| pair[0].begin < pair[1].begin));
            prop_assert!(dues.iter().all(|due| from < due.begin && due.begin <= to));
            prop_assert_eq!(dues.last().copied(), schedule.last_due(to).filter(|due| due.begin > from));
            for pair in dues.windows(2) {
                prop_assert_eq!(schedule.next_due(pair[0].begin), Some(pair[1]));
            }
        }

        #[test]
        fn no_mask_and_no_time_of_day_breaks_it(days: u8, begin: u16, latest: u16, ms: i64) {
            let schedule = schedule(days, begin, latest, Zone::Named(chrono_tz::Europe::Berlin));
            if let Some(now) = DateTime::from_timestamp_millis(ms) {
                let _ = (schedule.last_due(now), schedule.next_due(now));
            }
        }
    }
}
