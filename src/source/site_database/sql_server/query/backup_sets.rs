//! Full backups out of rows of msdb's history: one row for each device of a set.
//!
//! A set on device NUL was thrown away, and a set whose devices are not known proves nothing: neither is a backup.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{NaiveDateTime, TimeDelta};

use super::super::rows::{Malformed, Row, Rows};
use super::read::offset;
use crate::site::{BackupMethod, BackupSet, SiteCode, Timestamp};

/// `time_zone` counts quarters of an hour; farther ones, and 127, are unknown.
const FARTHEST_ZONE: i64 = 14 * 4;

/// Where the parts of a set lie.
#[derive(Debug, Default)]
struct Devices {
    known: bool,
    is_virtual: bool,
    is_nul: bool,
}

/// The sets that could be restored if they are undamaged, newest first.
pub(super) fn backup_sets(_: SiteCode, rows: &Rows) -> Result<Vec<BackupSet>, Malformed> {
    let mut sets: BTreeMap<i64, (BackupSet, Devices)> = BTreeMap::new();
    for row in rows.iter() {
        let id = row.int("backup_set_id")?;
        let (_, devices) = sets.entry(id).or_insert((backup_set(row)?, Devices::default()));
        devices.add(row)?;
    }
    let mut sets: Vec<_> = sets.into_iter().collect();
    sets.sort_by_key(|(id, (set, _))| Reverse((set.finished, *id)));
    let real = sets.into_iter().map(|(_, set)| set).filter(|(_, devices)| devices.known && !devices.is_nul);
    let method =
        |set: BackupSet, devices: &Devices| if devices.is_virtual { BackupMethod::Vss } else { set.method };
    Ok(real.map(|(set, devices)| BackupSet { method: method(set, &devices), ..set }).collect())
}

fn backup_set(row: Row<'_>) -> Result<BackupSet, Malformed> {
    let offset_now = i64::from(offset(row)?);
    let zone = row.optional_int("time_zone")?.filter(|zone| (-FARTHEST_ZONE..=FARTHEST_ZONE).contains(zone));
    let ahead = TimeDelta::minutes(zone.map_or(offset_now, |quarters| quarters * 15));
    let utc = |local: NaiveDateTime| -> Timestamp { local.and_utc() - ahead };
    let is_snapshot = row.optional_int("is_snapshot")?.is_some_and(|bit| bit != 0);
    Ok(BackupSet {
        started: utc(row.time("backup_start_date")?),
        finished: utc(row.time("backup_finish_date")?),
        method: if is_snapshot { BackupMethod::Vss } else { BackupMethod::Native },
        damaged: row.optional_int("is_damaged")?.is_some_and(|bit| bit != 0),
    })
}

impl Devices {
    fn add(&mut self, row: Row<'_>) -> Result<(), Malformed> {
        let kind = row.optional_int("device_type")?;
        let name = row.optional_text("physical_device_name")?.map(str::trim);
        self.known |= kind.is_some() || name.is_some();
        // 107 is a virtual device that was made permanent.
        self.is_virtual |= matches!(kind, Some(7 | 107)) || name.is_some_and(|name| name.starts_with('{'));
        self.is_nul |= name.is_some_and(is_nul);
        Ok(())
    }
}

/// Whether everything that is written there is thrown away: `NUL`, `nul:`, `\\.\NUL`.
fn is_nul(device: &str) -> bool {
    let name = device.rsplit('\\').next().unwrap_or_default();
    name.trim_end_matches(':').eq_ignore_ascii_case("nul")
}
