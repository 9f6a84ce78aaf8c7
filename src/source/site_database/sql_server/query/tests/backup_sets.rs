//! Backups out of rows of msdb's history.

use super::super::super::rows::Value;
use super::samples::{NULL, answer, int, row_with, rows, text, utc};
use crate::site::{BackupMethod, BackupSet};
use crate::source::site_database::{Answer, Question};

pub(super) fn set() -> BackupSet {
    BackupSet {
        started: utc("2026-07-24T00:10:00"),
        finished: utc("2026-07-24T00:20:30"),
        method: BackupMethod::Native,
        damaged: false,
    }
}

fn sets<const ROWS: usize>(changed: [&[(&str, Value)]; ROWS]) -> Vec<BackupSet> {
    let rows = rows(Question::BackupSets, changed.map(|changes| row_with(Question::BackupSets, changes)));
    let Answer::BackupSets(sets) = answer(Question::BackupSets, &rows) else { panic!() };
    sets
}

#[test]
fn what_was_made_through_a_virtual_device_is_not_native() {
    use BackupMethod::{Native, Vss};
    for (column, value, method) in [
        ("is_snapshot", int(1), Vss),
        ("device_type", int(7), Vss),
        ("device_type", int(107), Vss),
        ("device_type", int(9), Native),
        ("device_type", NULL, Native),
        ("physical_device_name", text("{8F6C6A1C-4A2B-4C7A-9C9E-4E7C5B0C3C0F}1"), Vss),
        ("physical_device_name", NULL, Native),
        ("is_snapshot", NULL, Native),
    ] {
        assert_eq!(sets([&[(column, value.clone())]]), [BackupSet { method, ..set() }], "{column} {value:?}");
    }
    assert!(sets([&[("is_damaged", int(1))]])[0].damaged);
}

#[test]
fn a_set_that_was_thrown_away_or_lies_nowhere_is_none() {
    for device in ["NUL", "nul:", r"\\.\NUL"] {
        let stripe: &[_] = &[("physical_device_name", text(device))];
        assert_eq!(sets([stripe]), []);
        assert_eq!(sets([&[], stripe]), []);
    }
    assert_eq!(sets([&[("device_type", NULL), ("physical_device_name", NULL)]]), []);
    assert_eq!(sets([&[("physical_device_name", text(r"E:\NULL\annul"))]]), [set()]);
}

#[test]
fn the_stripes_of_a_set_are_one_backup_and_the_newest_is_first() {
    let older: &[_] = &[
        ("backup_set_id", int(40)),
        ("backup_start_date", text("2026-07-20T02:00:00")),
        ("backup_finish_date", text("2026-07-20T02:30:00")),
    ];
    let read = sets([older, &[], older, &[("device_type", int(7))]]);
    assert_eq!(read.len(), 2);
    assert_eq!((read[0].finished, read[0].method), (set().finished, BackupMethod::Vss));
    assert_eq!(read[1].finished, utc("2026-07-20T00:30:00"));
}

#[test]
fn the_times_of_a_set_are_in_its_own_zone_or_else_the_servers() {
    for (zone, started) in [
        (int(8), "2026-07-24T00:10:00"),
        (int(-20), "2026-07-24T07:10:00"),
        (int(0), "2026-07-24T02:10:00"),
        (int(127), "2026-07-24T01:10:00"),
        (NULL, "2026-07-24T01:10:00"),
        (int(i64::MIN), "2026-07-24T01:10:00"),
    ] {
        assert_eq!(sets([&[("time_zone", zone.clone())]])[0].started, utc(started), "{zone:?}");
    }
    let early = sets([&[("backup_start_date", text("0001-01-01T00:00:00")), ("time_zone", int(56))]]);
    assert_eq!(early.len(), 1);
}
