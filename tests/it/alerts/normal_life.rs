//! What must not fire in the normal life of a site, and what must where something fails: recorded series, and what
//! the shipped rules made of them at any time.
//!
//! `UPDATE_GOLDEN=1` records them anew; read the difference, because a metric that dips is what this is for.

use configmgr_backup_exporter::schedule::Zone;
use configmgr_backup_exporter::site::{ClosedSet, FailureCause};
use configmgr_backup_exporter::source::SourceKind;

use super::case::Event::{Fails, Forget, Rolls, Start, Stop, TakeOver};
use super::case::{CM01, Case};
use super::path;
use crate::support::backups::Roll;
use crate::support::golden;

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;
const CM02: &str = "CM02";

fn cases() -> Vec<Case> {
    const SUNDAY: u8 = 1;
    const WEDNESDAY: u8 = 8;
    const BERLIN: Zone = Zone::Named(chrono_tz::Europe::Berlin);
    vec![
        Case {
            days: SUNDAY | WEDNESDAY,
            archives: true,
            ..Case::new(
                "run_in_progress",
                "A run deletes the snapshot of Wednesday; the archive of last Sunday is older than retention.",
                "2026-03-08T00:30:00Z",
                9 * HOUR,
                5,
            )
        }
        .run(CM01, -7 * DAY + 90, None, true)
        .run(CM01, -4 * DAY + 90, None, false)
        .run(CM01, 90, None, true),
        Case {
            flaps: true,
            ..Case::new(
                "services_flap",
                "Services, SMS Writer among them, come and go from the freeze until ten minutes after the thaw.",
                "2026-03-04T01:00:00Z",
                4 * HOUR,
                1,
            )
        }
        .backups(&[HOUR - DAY, HOUR]),
        Case {
            events: vec![
                (30, Stop(CM01)),
                (34, Start(CM01)),
                (90, Stop(CM01)),
                (93, Start(CM01)),
                (5 * HOUR, Stop(CM01)),
                (5 * HOUR, Forget(CM01)),
                (5 * HOUR + 5, Start(CM01)),
            ],
            ..Case::new(
                "exporter_restarts",
                "The exporter is restarted before a run, within it after the snapshot was deleted, and without its checkpoint; \
                 two failures are history by then.",
                "2026-03-04T01:00:00Z",
                8 * HOUR,
                1,
            )
        }
        .backups(&[HOUR - 5 * DAY])
        .run(CM01, HOUR - 3 * DAY, Some(FailureCause::Vss), false)
        .run(CM01, HOUR - 2 * DAY, Some(FailureCause::DiskFull), false)
        .backups(&[HOUR - DAY, HOUR]),
        Case {
            events: vec![(100, Rolls(Roll::Rename)), (14 * HOUR, Rolls(Roll::CopyAndTruncate))],
            ..Case::new(
                "log_rolls",
                "The log rolls within a run, and again while nothing is written for half a day.",
                "2026-03-04T01:00:00Z",
                28 * HOUR,
                5,
            )
        }
        .backups(&[HOUR - 2 * DAY, HOUR - DAY, HOUR, HOUR + DAY]),
        Case {
            zone: BERLIN,
            ..Case::new(
                "clocks_go_forward",
                "In Berlin the 02:00 at which the task begins does not exist on 29 March.",
                "2026-03-27T12:00:00Z",
                3 * DAY,
                5,
            )
        }
        .backups(&[13 * HOUR - DAY, 13 * HOUR, 13 * HOUR + DAY, 12 * HOUR + 2 * DAY]),
        Case {
            zone: BERLIN,
            ..Case::new(
                "clocks_go_back",
                "In Berlin it is 02:00 twice on 25 October.",
                "2026-10-23T12:00:00Z",
                3 * DAY,
                5,
            )
        }
        .backups(&[12 * HOUR - DAY, 12 * HOUR, 12 * HOUR + DAY, 13 * HOUR + 2 * DAY]),
        Case {
            servers: &[CM01, CM02],
            events: vec![
                (20 * HOUR, Stop(CM01)),
                (20 * HOUR + 5, TakeOver(CM02)),
                (20 * HOUR + 10, Start(CM01)),
            ],
            ..Case::new(
                "takeover",
                "A passive site server is watched beside the active one, and takes the site over.",
                "2026-03-04T00:00:00Z",
                3 * DAY,
                5,
            )
        }
        .backups(&[2 * HOUR - DAY, 2 * HOUR])
        .run(CM02, 2 * HOUR + DAY, None, false)
        .run(CM02, 2 * HOUR + 2 * DAY, None, false),
        Case {
            servers: &[CM01, CM02],
            logs_on_both: false,
            ..Case::new(
                "passive",
                "The passive site server has never run a backup, so it has no log; the active one backs up.",
                "2026-03-04T00:00:00Z",
                DAY,
                5,
            )
        }
        .backups(&[2 * HOUR - DAY, 2 * HOUR]),
        Case {
            events: vec![
                (3 * HOUR, Fails(&[SourceKind::Database, SourceKind::Snapshot, SourceKind::Verification])),
                (3 * HOUR + 20, Fails(&[])),
                (9 * HOUR, Fails(&[SourceKind::BackupLog, SourceKind::Services])),
                (9 * HOUR + 5, Fails(&[])),
                (9 * HOUR + 8, Fails(SourceKind::ALL)),
                (9 * HOUR + 28, Fails(&[])),
            ],
            ..Case::new(
                "sources_flap",
                "SQL Server and the share of the destination restart within a run; by day nothing can be read for a while.",
                "2026-03-04T00:00:00Z",
                12 * HOUR,
                1,
            )
        }
        .backups(&[2 * HOUR - DAY, 2 * HOUR]),
        Case::new(
            "first_start_with_history",
            "The exporter is installed at a site that has a history, two failures among it.",
            "2026-03-04T10:00:00Z",
            DAY,
            5,
        )
        .backups(&[-6 * DAY - 8 * HOUR])
        .run(CM01, -3 * DAY - 8 * HOUR, Some(FailureCause::Vss), false)
        .run(CM01, -2 * DAY - 8 * HOUR, Some(FailureCause::CopyFailed), false)
        .backups(&[-8 * HOUR, 16 * HOUR]),
        Case::new(
            "first_start_of_all",
            "No backup was ever made when the exporter is installed; the first comes with the first night.",
            "2026-03-04T10:00:00Z",
            DAY,
            5,
        )
        .backups(&[16 * HOUR]),
        Case::new(
            "retried",
            "A backup fails of what passes, and the exporter makes another one by itself.",
            "2026-03-04T00:00:00Z",
            9 * HOUR,
            1,
        )
        .backups(&[2 * HOUR - 2 * DAY, 2 * HOUR - DAY])
        .run(CM01, 2 * HOUR, Some(FailureCause::SharingViolation), false),
        Case {
            events: vec![(2 * HOUR + 38, Stop(CM01)), (2 * HOUR + 41, Start(CM01))],
            ..Case::new(
                "retried_after_restart",
                "The exporter is restarted between the failure and the backup that it then makes by itself.",
                "2026-03-04T00:00:00Z",
                9 * HOUR,
                1,
            )
        }
        .backups(&[2 * HOUR - 2 * DAY, 2 * HOUR - DAY])
        .run(CM01, 2 * HOUR, Some(FailureCause::SharingViolation), false),
        Case {
            fires: &["Failed", "FailedRepeatedly", "NoValidCopy", "Overdue", "RestartHeld", "SnapshotIncomplete"],
            ..Case::new(
                "disk_full",
                "The destination is full for two nights, and the third backup succeeds: these recordings can fire.",
                "2026-03-04T00:00:00Z",
                3 * DAY,
                5,
            )
        }
        .backups(&[2 * HOUR - 2 * DAY, 2 * HOUR - DAY])
        .run(CM01, 2 * HOUR, Some(FailureCause::DiskFull), false)
        .run(CM01, 2 * HOUR + DAY, Some(FailureCause::DiskFull), false)
        .backups(&[2 * HOUR + 2 * DAY]),
    ]
}

#[test]
fn nothing_fires_in_the_normal_life_of_a_site() {
    let cases = cases();
    let file = |case: &Case| path("alerts/tests").join(format!("life_{}.yml", case.name));
    let record = |cases: &[Case]| -> Vec<_> {
        cases.iter().filter_map(|case| golden::differs(&file(case), &case.file())).collect()
    };
    // Each case is one thread's work.
    let (first, second) = cases.split_at(cases.len() / 2);
    let differences = std::thread::scope(|scope| {
        let second = scope.spawn(|| record(second));
        [record(first), second.join().unwrap()].concat().concat()
    });
    assert!(differences.is_empty(), "{differences}");
    let mut recorded = super::files("alerts/tests", ".yml");
    recorded.retain(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("life_")));
    let mut files: Vec<_> = cases.iter().map(file).collect();
    files.sort();
    assert_eq!(recorded, files, "a recording without its case");
}
