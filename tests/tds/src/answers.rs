//! What the server of a healthy site answers to each question, with the columns that the queries name.

use configmgr_backup_exporter::source::site_database::{Depth, Question};
use time::OffsetDateTime;

use crate::{Cell, Column, Table, int, text};

/// One question, what the server answers, and what of it is understood.
#[derive(Debug)]
pub struct Known {
    /// What is asked.
    pub question: Question,
    /// What the server answers.
    pub table: Table,
    /// Parts of the answer as `Debug` shows it.
    pub understood: &'static [&'static str],
}

fn rows(columns: impl IntoIterator<Item = Column>, rows: impl IntoIterator<Item = Vec<Cell>>) -> Table {
    rows.into_iter().fold(Table::new(columns), Table::row)
}

/// The row of a task on these days that writes into a folder.
fn task(days: i64, destination: Option<&str>) -> Table {
    let destination = destination.map_or(Cell::Null, Cell::from);
    rows(
        [
            text("SiteCode"),
            int("IsEnabled"),
            int("DaysOfWeek"),
            int("BeginTime"),
            int("LatestBeginTime"),
            text("BackupLocation"),
        ],
        [vec!["P01".into(), 1.into(), days.into(), 200.into(), 500.into(), destination]],
    )
}

/// The row of a task that writes into a folder, and does not run for days: around a backup nobody looks at the folder.
pub fn distant_task_to(destination: &str) -> Table {
    let today = OffsetDateTime::now_utc().weekday().number_days_from_sunday();
    task(1 << ((today + 3) % 7), Some(destination))
}

/// Every question of a site that is a standalone primary, whose last backup succeeded.
pub fn healthy() -> Vec<Known> {
    let messages = |question| Known {
        question,
        table: rows(
            message_columns(),
            [
                message(41, 5055, 1000, "2026-06-01T02:00:05.123"),
                message(42, 5035, 1001, "2026-06-01T02:47:00"),
            ],
        ),
        understood: &[
            "StatusMessages([(41, ",
            "MessageId(5055)",
            "(42, ",
            "MessageId(5035)",
            "CM01",
            "2026-06-01T02:47:00Z",
        ],
    };
    let reasons = |question| Known {
        question,
        table: rows(
            [int("RecordID"), int("InsStrIndex"), text("InsStrValue")],
            [vec![40.into(), 0.into(), "E:\\SCCMBackup".into()]],
        ),
        understood: &["Reasons({40: [", "SCCMBackup"],
    };
    vec![
        Known {
            question: Question::Server,
            table: rows(
                [
                    text("server_name"),
                    text("product_version"),
                    text("utc_time"),
                    int("utc_offset_minutes"),
                    int("in_availability_group"),
                ],
                [vec![
                    "SQL01\\CM".into(),
                    "16.0.4165.4".into(),
                    "2026-06-01T10:00:00.1234567".into(),
                    120.into(),
                    0.into(),
                ]],
            ),
            understood: &[
                r#"name: "SQL01\\CM""#,
                "16.0.4165.4",
                "in_availability_group: false",
                "offset: 120",
            ],
        },
        Known {
            question: Question::NewestRecord,
            table: rows([int("RecordID")], [vec![i64::MAX.into()]]),
            understood: &["NewestRecord(Some(9223372036854775807))"],
        },
        messages(Question::StatusMessages(Depth::Recent)),
        messages(Question::StatusMessages(Depth::All)),
        reasons(Question::Reasons(Depth::Recent)),
        reasons(Question::Reasons(Depth::All)),
        Known {
            question: Question::Task,
            table: task(127, None),
            understood: &[
                "enabled: true",
                "days: 127",
                "begin: 120",
                "latest_begin: 300",
                "destination: None",
            ],
        },
        Known {
            question: Question::Site,
            table: rows(
                [
                    text("SiteCode"),
                    text("ServerName"),
                    text("Version"),
                    int("Type"),
                    text("ReportingSiteCode"),
                    int("HasCas"),
                ],
                [vec![
                    "P01".into(),
                    "CM01.corp.example".into(),
                    "5.00.9128.1000".into(),
                    2.into(),
                    "".into(),
                    0.into(),
                ]],
            ),
            understood: &["Some(Standalone)", "CM01.corp.example", "5.00.9128.1000"],
        },
        Known {
            question: Question::SiteStatus,
            table: rows([text("SiteCode"), int("SiteStatus")], [vec!["P01".into(), 125.into()]]),
            understood: &["SiteStatus(Some(125))"],
        },
        Known {
            question: Question::Updates,
            table: rows([text("SiteCode"), int("State")], [vec!["P01".into(), 196_612.into()]]),
            understood: &["Updates(false)"],
        },
        Known {
            question: Question::TaskStatus,
            table: rows(
                [text("SiteCode"), text("LastStartTime"), text("LastCompletionTime")],
                [vec!["P01".into(), "2026-06-01T02:00:00".into(), Cell::Null]],
            ),
            understood: &["last_start: Some(2026-06-01T02:00:00)", "last_completion: None"],
        },
        Known {
            question: Question::ChangeTracking,
            table: rows(
                [
                    int("permitted"),
                    int("is_auto_cleanup_on"),
                    int("retention_period"),
                    int("retention_period_units"),
                ],
                [vec![1.into(), 1.into(), 5.into(), 3.into()]],
            ),
            understood: &["auto_cleanup: true", "retention: 432000s"],
        },
        Known {
            question: Question::BackupSets,
            table: rows(
                [
                    int("backup_set_id"),
                    text("backup_start_date"),
                    text("backup_finish_date"),
                    int("time_zone"),
                    int("utc_offset_minutes"),
                    int("is_snapshot"),
                    int("is_damaged"),
                    int("device_type"),
                    text("physical_device_name"),
                ],
                [vec![
                    7.into(),
                    "2026-06-01T01:00:00".into(),
                    "2026-06-01T01:10:00".into(),
                    Cell::Null,
                    60.into(),
                    0.into(),
                    Cell::Null,
                    2.into(),
                    r"E:\Backup\CM_P01.bak".into(),
                ]],
            ),
            understood: &["2026-06-01T00:10:00Z", "method: Native", "damaged: false"],
        },
        Known {
            question: Question::Alerts,
            table: rows(
                [int("ID"), int("TypeID"), text("Name"), int("AlertState"), int("RuleState")],
                [vec![
                    3.into(),
                    Cell::Null,
                    "Backup \u{2013} Sicherung fehlgeschlagen".into(),
                    0.into(),
                    Cell::Null,
                ]],
            ),
            understood: &[
                "id: 3",
                "type_id: None",
                "Backup \u{2013} Sicherung fehlgeschlagen",
                "active: true",
            ],
        },
        Known {
            question: Question::Replicas,
            table: rows([text("replica_server_name")], [vec!["SQL01".into()], vec!["SQL02".into()]]),
            understood: &[r#"Replicas(["SQL01", "SQL02"])"#],
        },
        Known {
            question: Question::PackageRoots,
            table: rows([text("root")], [vec![r"\\SRC01\pkg".into()], vec!["D:".into()]]),
            understood: &["PackageRoots", "SRC01", "D:"],
        },
        Known {
            question: Question::OldestCommit,
            table: rows([text("commit_time")], [vec!["2026-05-27T03:04:05.997".into()]]),
            understood: &["OldestCommit(Some(2026-05-27T03:04:05.997Z))"],
        },
    ]
}

/// Status messages of which the second is an error without a code.
pub fn failed_backup() -> Table {
    let mut error = message(42, 5060, 1001, "2026-06-01T02:30:00");
    error[4] = (-1_073_741_824).into();
    rows(message_columns(), [message(41, 5055, 1000, "2026-06-01T02:00:05"), error])
}

/// Messages in the database of a central site: its own backup failed, and after that one of its primaries succeeded.
pub fn failed_above_a_success() -> Table {
    let of_primary = |record, id, time| {
        let mut message = message(record, id, 1000, time);
        message[1] = "PS1".into();
        message
    };
    failed_backup()
        .row(message(43, 501, 1000, "2026-06-01T02:30:05"))
        .row(of_primary(44, 5055, "2026-06-01T03:00:00"))
        .row(of_primary(45, 5035, "2026-06-01T03:40:00"))
}

fn message_columns() -> [Column; 10] {
    [
        int("RecordID"),
        text("SiteCode"),
        text("Component"),
        int("MessageID"),
        int("Severity"),
        text("MachineName"),
        text("Time"),
        int("ProcessID"),
        int("ThreadID"),
        int("Win32Error"),
    ]
}

fn message(record: i64, id: i64, thread: i64, time: &str) -> Vec<Cell> {
    vec![
        record.into(),
        "P01".into(),
        "SMS_SITE_BACKUP".into(),
        id.into(),
        0x4000_0000.into(),
        "CM01.corp.example".into(),
        time.into(),
        4711.into(),
        thread.into(),
        Cell::Null,
    ]
}
