//! Status messages out of rows.

use super::super::super::rows::Value;
use super::super::{add_reasons, wants_reasons};
use super::samples::{MESSAGES, NULL, answer, int, refusal, row_with, rows, text, utc, with};
use crate::site::{Component, FailureCause, Hint, HintStrength, MessageId, Severity, StatusMessage};
use crate::source::site_database::{Answer, Depth, Question};
use crate::trace::{Phrases, UserPatterns};

pub(super) fn message() -> StatusMessage {
    StatusMessage {
        id: MessageId::FAILED,
        severity: Some(Severity::Error),
        component: Component::SiteBackup,
        machine: "CM01.corp.example".into(),
        pid: Some(4804),
        tid: Some(5172),
        time: utc("2026-07-24T02:31:07.253"),
        hint: Some(Hint { cause: FailureCause::DiskFull, strength: HintStrength::Code }),
    }
}

#[test]
fn messages_come_in_the_order_of_their_records_and_once() {
    let record = |record: i64| row_with(MESSAGES, &[("RecordID", int(record))]);
    let of_another = row_with(MESSAGES, &[("Component", text("SMS_EXECUTIVE")), ("MessageID", NULL)]);
    let writer = row_with(MESSAGES, &[("RecordID", int(8)), ("Component", text("sms_site_vss_writer "))]);
    let read = answer(MESSAGES, &rows(MESSAGES, [record(9), record(7), of_another, writer, record(9)]));
    let Answer::StatusMessages(messages) = read else { panic!() };
    let numbers: Vec<_> = messages.iter().map(|(record, message)| (*record, message.component)).collect();
    assert_eq!(numbers, [(7, Component::SiteBackup), (8, Component::VssWriter), (9, Component::SiteBackup)]);
}

#[test]
fn numbers_of_messages_are_understood_with_and_without_their_sign() {
    type Check = fn(&StatusMessage) -> bool;
    let cases: &[(&str, i64, Check)] = &[
        ("Severity", 1_073_741_824, |message| message.severity == Some(Severity::Information)),
        ("Severity", -2_147_483_648, |message| message.severity == Some(Severity::Warning)),
        ("Severity", 2_147_483_648, |message| message.severity == Some(Severity::Warning)),
        ("Severity", -1_073_741_824, |message| message.severity == Some(Severity::Error)),
        ("Severity", 3_221_225_472, |message| message.severity == Some(Severity::Error)),
        ("Severity", 0, |message| message.severity.is_none()),
        ("Severity", i64::MAX, |message| message.severity.is_none()),
        ("MessageID", 0, |message| message.id == MessageId(0)),
        ("MessageID", 65_535, |message| message.id == MessageId(65_535)),
        ("MessageID", 0x4000_0000 + 5035, |message| message.id == MessageId::COMPLETED),
        ("MessageID", 0xC000_0000 + 5060, |message| message.id == MessageId::FAILED),
        ("MessageID", -1_073_741_824 + 5060, |message| message.id == MessageId::FAILED),
        ("ProcessID", 0, |message| message.pid.is_none()),
        ("ThreadID", i64::MIN, |message| message.tid.is_none()),
        ("Win32Error", 0, |message| message.hint.is_none()),
        ("Win32Error", 9999, |message| message.hint.is_none()),
        ("Win32Error", 5, |message| message.hint.unwrap().cause == FailureCause::AccessDenied),
        ("Win32Error", -2_147_024_891, |message| message.hint.unwrap().cause == FailureCause::AccessDenied),
        ("Win32Error", 0x8004_2306, |message| message.hint.unwrap().cause == FailureCause::Vss),
    ];
    for (column, value, holds) in cases {
        let read = answer(MESSAGES, &with(MESSAGES, &[(column, int(*value))]));
        let Answer::StatusMessages(messages) = read else { panic!() };
        assert!(holds(&messages[0].1), "{column} {value}: {messages:?}");
    }
    for id in [65_536, -1, i64::MAX] {
        let refused = refusal(MESSAGES, &with(MESSAGES, &[("MessageID", int(id))]));
        assert_eq!(refused, format!("MessageID is {id}, which is no message's"));
    }
    assert_eq!(refusal(MESSAGES, &with(MESSAGES, &[("MachineName", text(" "))])), "MachineName is empty");
}

#[test]
fn an_error_without_a_code_has_the_reason_that_its_strings_give() {
    let phrases = Phrases::new(UserPatterns::default()).unwrap();
    let bare = StatusMessage { hint: None, ..message() };
    let good = StatusMessage { severity: Some(Severity::Information), ..bare.clone() };
    let mut messages = vec![(1, bare.clone()), (2, message()), (3, good), (4, bare)];
    assert!(wants_reasons(&messages) && !wants_reasons(&messages[1..3]));
    let string = |record: i64, index: i64, value: Value| vec![int(record), int(index), value];
    let sent = [
        string(1, 1, text("Win32 Error = 5")),
        string(1, 0, text("Failed to copy file")),
        string(1, 2, NULL),
        string(2, 0, text("Win32 Error = 5")),
        string(3, 0, text("Win32 Error = 5")),
    ];
    let asked = Question::Reasons(Depth::Recent);
    let Answer::Reasons(strings) = answer(asked, &rows(asked, sent)) else { panic!() };
    assert_eq!(strings[&1], ["Failed to copy file", "Win32 Error = 5"]);
    add_reasons(&mut messages, &strings, &phrases);
    let causes: Vec<_> = messages.iter().map(|(_, message)| message.hint.map(|hint| hint.cause)).collect();
    assert_eq!(causes, [Some(FailureCause::AccessDenied), Some(FailureCause::DiskFull), None, None]);
}
