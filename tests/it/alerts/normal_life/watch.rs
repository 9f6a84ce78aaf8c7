//! What happens to the watch itself: exporters that restart or are installed, logs that roll, sources that fail.

use configmgr_backup_exporter::site::{ClosedSet, FailureCause};
use configmgr_backup_exporter::source::SourceKind;

use super::super::event::Event::{Fails, Forget, Rolls, Start, Stop};
use super::super::story::{CM01, Story};
use super::{DAY, HOUR, Life, quiet};
use crate::support::backups::Roll;

pub(super) fn lives() -> Vec<Life> {
    vec![
        quiet(
            "exporter_restarts",
            "The exporter is restarted before a run, within it after the snapshot was deleted, and without its checkpoint; \
             two failures are history by then.",
            Story::new("2026-03-04T01:00:00Z", 8 * HOUR, 1)
                .backups(&[HOUR - 5 * DAY])
                .run(CM01, HOUR - 3 * DAY, Some(FailureCause::Vss), false)
                .run(CM01, HOUR - 2 * DAY, Some(FailureCause::DiskFull), false)
                .backups(&[HOUR - DAY, HOUR])
                .and(&[
                    (30, Stop(CM01)),
                    (34, Start(CM01)),
                    (90, Stop(CM01)),
                    (93, Start(CM01)),
                    (5 * HOUR, Stop(CM01)),
                    (5 * HOUR, Forget(CM01)),
                    (5 * HOUR + 5, Start(CM01)),
                ]),
        ),
        quiet(
            "log_rolls",
            "The log rolls within a run, and again while nothing is written for half a day.",
            Story::new("2026-03-04T01:00:00Z", 28 * HOUR, 5)
                .backups(&[HOUR - 2 * DAY, HOUR - DAY, HOUR, HOUR + DAY])
                .and(&[(100, Rolls(Roll::Rename)), (14 * HOUR, Rolls(Roll::CopyAndTruncate))]),
        ),
        quiet(
            "sources_flap",
            "SQL Server and the share of the destination restart within a run; by day nothing can be read for a while.",
            Story::new("2026-03-04T00:00:00Z", 12 * HOUR, 1).backups(&[2 * HOUR - DAY, 2 * HOUR]).and(&[
                (3 * HOUR, Fails(&[SourceKind::Database, SourceKind::Snapshot, SourceKind::Verification])),
                (3 * HOUR + 20, Fails(&[])),
                (9 * HOUR, Fails(&[SourceKind::BackupLog, SourceKind::Services])),
                (9 * HOUR + 5, Fails(&[])),
                (9 * HOUR + 8, Fails(SourceKind::ALL)),
                (9 * HOUR + 28, Fails(&[])),
            ]),
        ),
        quiet(
            "first_start_with_history",
            "The exporter is installed at a site that has a history, two failures among it.",
            Story::new("2026-03-04T10:00:00Z", DAY, 5)
                .backups(&[-6 * DAY - 8 * HOUR])
                .run(CM01, -3 * DAY - 8 * HOUR, Some(FailureCause::Vss), false)
                .run(CM01, -2 * DAY - 8 * HOUR, Some(FailureCause::CopyFailed), false)
                .backups(&[-8 * HOUR, 16 * HOUR]),
        ),
        quiet(
            "first_start_of_all",
            "No backup was ever made when the exporter is installed; the first comes with the first night.",
            Story::new("2026-03-04T10:00:00Z", DAY, 5).backups(&[16 * HOUR]),
        ),
    ]
}
