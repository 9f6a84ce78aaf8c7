//! Backups and their times: a run in progress, clocks that change, what protects a site, failures and what mends them.

use configmgr_backup_exporter::schedule::Zone;
use configmgr_backup_exporter::site::FailureCause;

use super::super::event::Event::{Reaches, Start, Stop};
use super::super::story::{CM01, Story};
use super::{DAY, HOUR, Life, quiet};

const SUNDAY: u8 = 1;
const WEDNESDAY: u8 = 8;
const BERLIN: Zone = Zone::Named(chrono_tz::Europe::Berlin);

pub(super) fn lives() -> Vec<Life> {
    let archives = |story| Story { days: SUNDAY | WEDNESDAY, archives: true, ..story };
    vec![
        quiet(
            "run_in_progress",
            "A run deletes the snapshot of Wednesday; the archive of last Sunday is older than retention.",
            archives(Story::new("2026-03-08T00:30:00Z", 9 * HOUR, 5))
                .run(CM01, -7 * DAY + 90, None, true)
                .run(CM01, -4 * DAY + 90, None, false)
                .run(CM01, 90, None, true),
        ),
        Life {
            name: "destination_unreachable",
            about: "The destination cannot be read until three hours after a run; the archive is older than retention.",
            story: archives(Story::new("2026-03-08T00:30:00Z", 12 * HOUR, 5))
                .run(CM01, -7 * DAY + 90, None, true)
                .run(CM01, -4 * DAY + 90, None, false)
                .run(CM01, 90, None, false)
                .and(&[(150, Reaches(false)), (90 + 90 + 3 * HOUR, Reaches(true))]),
            fires: &["SourceSilent"],
        },
        quiet(
            "clocks_go_forward",
            "In Berlin the 02:00 at which the task begins does not exist on 29 March.",
            Story { zone: BERLIN, ..Story::new("2026-03-27T12:00:00Z", 3 * DAY, 5) }.backups(&[
                13 * HOUR - DAY,
                13 * HOUR,
                13 * HOUR + DAY,
                12 * HOUR + 2 * DAY,
            ]),
        ),
        quiet(
            "clocks_go_back",
            "In Berlin it is 02:00 twice on 25 October.",
            Story { zone: BERLIN, ..Story::new("2026-10-23T12:00:00Z", 3 * DAY, 5) }.backups(&[
                12 * HOUR - DAY,
                12 * HOUR,
                12 * HOUR + DAY,
                13 * HOUR + 2 * DAY,
            ]),
        ),
        quiet(
            "sql_server_backups",
            "The task is disabled since a month, and SQL Server backs up the database at every midnight.",
            Story { task_enabled: false, ..Story::new("2026-03-04T06:00:00Z", 3 * DAY, 5) }
                .backups(&[-29 * DAY - 4 * HOUR]),
        ),
        quiet(
            "retried",
            "A backup fails of what passes, and the exporter makes another one by itself.",
            retried(),
        ),
        quiet(
            "retried_after_restart",
            "The exporter is restarted between the failure and the backup that it then makes by itself.",
            retried().and(&[(2 * HOUR + 38, Stop(CM01)), (2 * HOUR + 41, Start(CM01))]),
        ),
        Life {
            name: "disk_full",
            about: "The destination is full for two nights, and the third backup succeeds: these recordings can fire.",
            story: Story::new("2026-03-04T00:00:00Z", 3 * DAY, 5)
                .backups(&[2 * HOUR - 2 * DAY, 2 * HOUR - DAY])
                .run(CM01, 2 * HOUR, Some(FailureCause::DiskFull), false)
                .run(CM01, 2 * HOUR + DAY, Some(FailureCause::DiskFull), false)
                .backups(&[2 * HOUR + 2 * DAY]),
            fires: &[
                "Failed",
                "FailedRepeatedly",
                "NoValidCopy",
                "Overdue",
                "RestartHeld",
                "SnapshotIncomplete",
            ],
        },
    ]
}

fn retried() -> Story {
    Story::new("2026-03-04T00:00:00Z", 9 * HOUR, 1).backups(&[2 * HOUR - 2 * DAY, 2 * HOUR - DAY]).run(
        CM01,
        2 * HOUR,
        Some(FailureCause::SharingViolation),
        false,
    )
}
