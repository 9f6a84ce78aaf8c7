//! Rows as a server would send them, for every question, and how tests have them read.

use super::super::super::rows::{Malformed, Rows, Value};
use super::{read, site};
use crate::site::Timestamp;
use crate::source::site_database::{Answer, Depth, Question};

pub(super) const MESSAGES: Question = Question::StatusMessages(Depth::Recent);

/// A column, and whether NULL has a meaning in it.
pub(super) type Column = (&'static str, bool);

pub(super) const NULL: Value = Value::Null;

pub(super) fn int(number: i64) -> Value {
    Value::Int(number)
}

pub(super) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The columns of the answer to a question.
pub(super) fn columns(question: Question) -> &'static [Column] {
    match question {
        Question::Server => &[
            ("server_name", false),
            ("product_version", false),
            ("utc_time", false),
            ("utc_offset_minutes", false),
            ("in_availability_group", false),
        ],
        Question::Site => &[
            ("SiteCode", false),
            ("ServerName", false),
            ("Version", false),
            ("Type", false),
            ("ReportingSiteCode", true),
            ("HasCas", false),
        ],
        Question::SiteStatus => &[("SiteCode", false), ("SiteStatus", true)],
        Question::Updates => &[("SiteCode", false), ("State", true)],
        Question::Task => &[
            ("SiteCode", false),
            ("IsEnabled", false),
            ("DaysOfWeek", false),
            ("BeginTime", false),
            ("LatestBeginTime", false),
            ("BackupLocation", true),
        ],
        Question::TaskStatus => &[("SiteCode", false), ("LastStartTime", true), ("LastCompletionTime", true)],
        Question::NewestRecord => &[("RecordID", true)],
        Question::StatusMessages(_) => &[
            ("RecordID", false),
            ("SiteCode", false),
            ("Component", false),
            ("MessageID", false),
            ("Severity", true),
            ("MachineName", false),
            ("Time", false),
            ("ProcessID", true),
            ("ThreadID", true),
            ("Win32Error", true),
        ],
        Question::Reasons(_) => &[("RecordID", false), ("InsStrIndex", false), ("InsStrValue", true)],
        Question::ChangeTracking => &[
            ("permitted", false),
            ("is_auto_cleanup_on", false),
            ("retention_period", true),
            ("retention_period_units", false),
        ],
        Question::OldestCommit => &[("commit_time", false)],
        Question::BackupSets => &[
            ("backup_set_id", false),
            ("backup_start_date", false),
            ("backup_finish_date", false),
            ("time_zone", true),
            ("utc_offset_minutes", false),
            ("is_snapshot", true),
            ("is_damaged", true),
            ("device_type", true),
            ("physical_device_name", true),
        ],
        Question::Replicas => &[("replica_server_name", false)],
        Question::Alerts => {
            &[("ID", false), ("TypeID", true), ("Name", true), ("AlertState", false), ("RuleState", true)]
        }
        Question::PackageRoots => &[("root", true)],
    }
}

/// These rows of values, under the columns of a question.
pub(super) fn rows<const ROWS: usize>(question: Question, rows: [Vec<Value>; ROWS]) -> Rows {
    let columns = columns(question).iter().map(|(name, _)| (*name).to_owned()).collect();
    Rows { columns, rows: rows.into() }
}

/// One usable row.
pub(super) fn row(question: Question) -> Vec<Value> {
    match question {
        Question::Server => {
            vec![text("SQL01"), text("15.0.4335.1"), text("2026-07-24T02:00:00.1234567"), int(120), int(0)]
        }
        Question::Site => {
            vec![text("P01"), text("cm01.corp.example"), text("5.00.9128.1000"), int(2), text(""), int(0)]
        }
        Question::Updates => vec![text("P01"), int(196_612)],
        Question::SiteStatus => vec![text("P01"), int(125)],
        Question::Task => {
            vec![text("P01"), int(1), int(0b000_1001), int(200), int(500), text(r" E:\SCCMBackup ")]
        }
        Question::TaskStatus => vec![text("P01"), text("2026-07-24T02:00:05"), text("2026-07-24T02:00:06.5")],
        Question::NewestRecord => vec![int(72_057_594_037_928_005)],
        Question::StatusMessages(_) => vec![
            int(7),
            text("P01"),
            text("SMS_SITE_BACKUP"),
            int(5060),
            int(-1_073_741_824),
            text("CM01.corp.example"),
            text("2026-07-24T02:31:07.253"),
            int(4804),
            int(5172),
            int(112),
        ],
        Question::Reasons(_) => vec![int(7), int(0), text("Win32 Error = 5")],
        Question::ChangeTracking => vec![int(1), int(1), int(5), int(3)],
        Question::OldestCommit => vec![text("2026-07-19T11:42:00")],
        Question::BackupSets => vec![
            int(31),
            text("2026-07-24T02:10:00"),
            text("2026-07-24T02:20:30"),
            int(8),
            int(60),
            int(0),
            int(0),
            int(2),
            text(r"E:\native\CM_P01.bak"),
        ],
        Question::Replicas => vec![text("SQL01")],
        Question::Alerts => vec![int(3), int(26), text("Backup failed"), int(0), int(1)],
        Question::PackageRoots => vec![text(r"\\SRC01\pkg")],
    }
}

/// One usable row in which some columns are otherwise.
pub(super) fn row_with(question: Question, changes: &[(&str, Value)]) -> Vec<Value> {
    let mut row = row(question);
    for (column, value) in changes {
        let place = columns(question).iter().position(|(name, _)| name == column).unwrap();
        row[place] = value.clone();
    }
    row
}

pub(super) fn answer(question: Question, rows: &Rows) -> Answer {
    read(question, site(), rows).unwrap()
}

pub(super) fn refusal(question: Question, rows: &Rows) -> String {
    let Malformed(message) = read(question, site(), rows).unwrap_err();
    message
}

/// One row, otherwise in these columns.
pub(super) fn with(question: Question, changes: &[(&str, Value)]) -> Rows {
    rows(question, [row_with(question, changes)])
}

pub(super) fn utc(text: &str) -> Timestamp {
    format!("{text}Z").parse().unwrap()
}
