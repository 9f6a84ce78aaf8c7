//! What all readers keep to: usable rows are their answers, and nothing that a server could send makes one panic.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::super::super::rows::{Malformed, Rows, Value};
use super::backup_sets::set;
use super::messages::message;
use super::samples::{MESSAGES, NULL, answer, columns, int, refusal, row, rows, text, utc, with};
use super::{ALL, batch, query, read, site};
use crate::site::{
    ChangeTracking, DatabaseServer, SiteAlert, SiteDefinition, SiteRole, TaskDefinition, TaskStatus,
    TaskWindow,
};
use crate::source::site_database::{Answer, Depth, Question};

/// What the usable row of a question says.
fn expected(question: Question) -> Answer {
    let time = |text: &str| text.parse().unwrap();
    match question {
        Question::Server => Answer::Server(DatabaseServer {
            name: "SQL01".into(),
            version: "15.0.4335.1".into(),
            in_availability_group: false,
            utc: utc("2026-07-24T02:00:00.123"),
            offset: 120,
        }),
        Question::Site => Answer::Site(SiteDefinition {
            role: Some(SiteRole::Standalone),
            server: "cm01.corp.example".into(),
            version: "5.00.9128.1000".into(),
        }),
        Question::SiteStatus => Answer::SiteStatus(Some(125)),
        Question::Updates => Answer::Updates(false),
        Question::Task => Answer::Task(TaskDefinition {
            enabled: true,
            window: TaskWindow { days: 9, begin: 120, latest_begin: 300 },
            destination: Some(r"E:\SCCMBackup".into()),
        }),
        Question::TaskStatus => Answer::TaskStatus(Some(TaskStatus {
            last_start: Some(time("2026-07-24T02:00:05")),
            last_completion: Some(time("2026-07-24T02:00:06.5")),
        })),
        Question::NewestRecord => Answer::NewestRecord(Some(72_057_594_037_928_005)),
        Question::StatusMessages(_) => Answer::StatusMessages(vec![(7, message())]),
        Question::Reasons(_) => Answer::Reasons([(7, vec!["Win32 Error = 5".to_owned()])].into()),
        Question::ChangeTracking => Answer::ChangeTracking(Some(ChangeTracking {
            auto_cleanup: true,
            retention: Duration::from_secs(5 * 86_400),
        })),
        Question::OldestCommit => Answer::OldestCommit(Some(utc("2026-07-19T11:42:00"))),
        Question::BackupSets => Answer::BackupSets(vec![set()]),
        Question::Replicas => Answer::Replicas(vec!["SQL01".to_owned()]),
        Question::Alerts => Answer::Alerts(vec![SiteAlert {
            id: 3,
            type_id: Some(26),
            name: "Backup failed".into(),
            active: true,
            bad: Some(false),
        }]),
        Question::PackageRoots => Answer::PackageRoots(vec![r"\\SRC01\pkg".to_owned()]),
    }
}

#[test]
fn a_usable_row_is_its_answer() {
    for question in ALL {
        assert_eq!(answer(question, &rows(question, [row(question)])), expected(question));
    }
}

#[test]
fn the_columns_are_those_that_are_asked_for() {
    for question in ALL {
        let statement = batch(query(question).file, site());
        for (column, _) in columns(question) {
            assert!(statement.contains(&format!(" AS {column}")), "{question:?}: {column}");
        }
    }
}

#[test]
fn a_null_is_refused_by_its_column_unless_it_has_a_meaning() {
    for question in ALL {
        for (column, has_meaning) in columns(question) {
            let read = read(question, site(), &with(question, &[(column, NULL)]));
            let refused = Err(Malformed(format!("{column} is NULL")));
            assert!(
                if *has_meaning { read.is_ok() } else { read == refused },
                "{question:?} {column}: {read:?}"
            );
        }
    }
}

#[test]
fn a_value_of_another_kind_is_refused_by_its_column() {
    for question in ALL {
        for (place, (column, _)) in columns(question).iter().enumerate() {
            let swapped = match &row(question)[place] {
                Value::Text(_) => int(7),
                _ => text("abc"),
            };
            for value in [Value::Other("money".into()), swapped] {
                let refused = refusal(question, &with(question, &[(column, value)]));
                assert!(refused.starts_with(&format!("{column} is ")), "{question:?}: {refused}");
                assert!(refused.contains(" instead of a "), "{question:?}: {refused}");
            }
        }
    }
}

#[test]
fn a_column_that_is_missing_is_refused_by_its_name() {
    for question in ALL {
        for (place, (column, _)) in columns(question).iter().enumerate() {
            let mut rows = rows(question, [row(question)]);
            rows.columns[place] = "another".to_owned();
            assert_eq!(refusal(question, &rows), format!("{column} is missing among the columns"));
        }
    }
}

#[test]
fn without_rows_nothing_is_said_or_something_is_wrong() {
    let nothing = |question| read(question, site(), &rows(question, []));
    for (question, expected) in [
        (Question::SiteStatus, Answer::SiteStatus(None)),
        (Question::Updates, Answer::Updates(false)),
        (Question::TaskStatus, Answer::TaskStatus(None)),
        (Question::NewestRecord, Answer::NewestRecord(None)),
        (MESSAGES, Answer::StatusMessages(Vec::new())),
        (Question::Reasons(Depth::All), Answer::Reasons(BTreeMap::new())),
        (Question::OldestCommit, Answer::OldestCommit(None)),
        (Question::BackupSets, Answer::BackupSets(Vec::new())),
        (Question::Alerts, Answer::Alerts(Vec::new())),
        (Question::PackageRoots, Answer::PackageRoots(Vec::new())),
    ] {
        assert_eq!(nothing(question), Ok(expected));
    }
    for (question, expected) in [
        (Question::Server, "the server said nothing of itself"),
        (Question::ChangeTracking, "the server said nothing of change tracking"),
        (Question::Site, "v_Site has no row for site P01"),
        (Question::Task, "vSMS_SC_SQL_Task has no row for site P01"),
        (
            Question::Replicas,
            "sys.availability_replicas shows no server, perhaps for want of VIEW ANY DEFINITION",
        ),
    ] {
        assert_eq!(nothing(question), Err(Malformed(expected.to_owned())));
    }
}

#[test]
fn rows_of_another_site_are_as_if_they_were_not_there() {
    for question in [
        Question::Site,
        Question::SiteStatus,
        Question::Updates,
        Question::Task,
        Question::TaskStatus,
        MESSAGES,
    ] {
        let mut foreign = vec![NULL; columns(question).len()];
        let place = columns(question).iter().position(|(name, _)| *name == "SiteCode").unwrap();
        foreign[place] = text("P02");
        let mixed = rows(question, [foreign.clone(), row(question), foreign]);
        assert_eq!(answer(question, &mixed), expected(question));
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let numbers =
        prop::sample::select(vec![0, 1, 2, 3, 4, 7, 56, 120, 127, 200, 840, 2561, 5060, i64::MIN, i64::MAX]);
    let texts = prop::sample::select(vec![
        "P01",
        "P02",
        "SMS_SITE_BACKUP",
        "SMS_SITE_VSS_WRITER",
        "CM01",
        "2026-07-24T02:00:00.123",
        "0000-01-01T00:00:00",
        "9999-12-31T23:59:59.9999999",
        "2026-12-31T23:59:60",
        r"\\srv\share",
        r"\\",
        "é:",
        "NUL",
        "{a}",
        "Win32 Error = 5",
    ]);
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::Int),
        numbers.prop_map(Value::Int),
        any::<String>().prop_map(Value::Text),
        texts.prop_map(text),
        any::<String>().prop_map(Value::Other),
    ]
}

/// Rows of which each value is as a server would send it, or anything.
fn any_rows(question: Question) -> impl Strategy<Value = Rows> {
    let value = |usable: Value| prop_oneof![3 => Just(usable), 1 => any_value()];
    let row = row(question).into_iter().map(value).collect::<Vec<_>>();
    let any_row = prop::collection::vec(any_value(), 0..12);
    let sent = prop::collection::vec(prop_oneof![4 => row, 1 => any_row], 0..4);
    sent.prop_map(move |sent| Rows { rows: sent, ..rows(question, []) })
}

fn any_answer() -> impl Strategy<Value = (Question, Rows)> {
    prop::sample::select(ALL.to_vec()).prop_flat_map(|question| (Just(question), any_rows(question)))
}

proptest! {
    #[test]
    fn no_rows_make_a_reader_panic((question, rows) in any_answer()) {
        if let Ok(Answer::StatusMessages(messages)) = read(question, site(), &rows) {
            prop_assert!(messages.is_sorted_by(|(a, _), (b, _)| a < b));
        }
    }

    #[test]
    fn rows_under_no_known_name_are_refused(names: Vec<String>, values in prop::collection::vec(any_value(), 0..5)) {
        for question in ALL {
            let is_known = |name: &String| columns(question).iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
            prop_assume!(!names.iter().any(is_known));
            let rows = Rows { columns: names.clone(), rows: vec![values.clone()] };
            prop_assert!(read(question, site(), &rows).is_err());
        }
    }
}
