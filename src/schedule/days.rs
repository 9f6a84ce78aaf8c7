//! The days of a week as ConfigMgr keeps them: a bit mask that starts with Sunday.

use chrono::{Datelike, NaiveDate};

/// The days of the week in the order of their bits: `DAY_NAMES[n]` is the day of bit `1 << n`.
pub const DAY_NAMES: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// The mask with all seven days.
pub const EVERY_DAY: u8 = 0x7f;

/// The days in a mask, without bits that mean no day.
pub(super) fn of(mask: u8) -> u8 {
    mask & EVERY_DAY
}

/// Whether the mask holds the weekday of this date.
pub(super) fn contains(mask: u8, date: NaiveDate) -> bool {
    mask & (1 << date.weekday().num_days_from_sunday()) != 0
}

/// The names of the days in a mask, Sunday first.
pub(super) fn names(mask: u8) -> impl Iterator<Item = &'static str> {
    DAY_NAMES.iter().enumerate().filter(move |(bit, _)| mask & (1 << bit) != 0).map(|(_, name)| *name)
}

/// The most days from one day in the mask to the next, over the end of the week; `None` without days.
pub(super) fn longest_gap(mask: u8) -> Option<u8> {
    let held = |day: u8| mask & (1 << (day % 7)) != 0;
    (0..7u8).filter(|day| held(*day)).filter_map(|day| (1..=7u8).find(|ahead| held(day + ahead))).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_run_over_the_end_of_the_week() {
        for (mask, days) in [
            (EVERY_DAY, Some(1)),
            (0, None),
            (0x80, None),
            (1, Some(7)),
            (64, Some(7)),
            (1 | 8, Some(4)),
            (2 | 4, Some(6)),
            (1 | 64, Some(6)),
            (0x3e, Some(3)),
        ] {
            assert_eq!(longest_gap(mask), days, "mask {mask:#x}");
        }
    }

    #[test]
    fn the_first_bit_is_sunday() {
        let sunday = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
        assert!(contains(1, sunday));
        assert!(!contains(2, sunday));
        assert!(names(0x81 | 64).eq(["sunday", "saturday"]));
    }
}
