//! What single events mean.

use super::*;
use crate::demo::writer::BinXmlStyle;
use crate::site::{ClosedSet, Component, FailureCause, Hint, HintStrength, SqlServerEvent, StatusMessage};

const STYLES: [BinXmlStyle; 2] = [BinXmlStyle::Templates, BinXmlStyle::Plain];

/// What one event among others brings.
fn news(event: &WindowsEvent, style: BinXmlStyle) -> News {
    let mut bench = Bench::new(EventLogWriter::new().style(style));
    bench.push([noise(0), event.clone(), noise(1)]);
    let news = bench.poll();
    assert_eq!((news.totals.records, news.reach), (3, Reach::CaughtUp));
    news
}

/// The one message of an event, and how many were unattributed; the same in both styles.
fn told(event: &WindowsEvent) -> (Option<StatusMessage>, u64) {
    let [a, b] = STYLES.map(|style| {
        let news = news(event, style);
        let mut bodies = news.records.into_iter().map(|record| record.body);
        let message = bodies.next().map(|body| match body {
            RecordBody::Status(message) => message,
            RecordBody::Remark { .. } => panic!("{body:?}"),
        });
        assert_eq!(bodies.next(), None);
        (message, news.totals.unattributed)
    });
    assert_eq!(a, b);
    a
}

/// An event of ConfigMgr whose strings are these.
fn event(id: u16, data: &[&str]) -> WindowsEvent {
    let data = data.iter().map(|text| (*text).to_owned()).collect();
    WindowsEvent { id, data, ..message(7) }
}

#[test]
fn a_status_message_is_read_in_every_language_and_style() {
    for language in HeaderLanguage::ALL {
        for component in Component::ALL {
            let strings = [r"E:\SMSBackup", "CopyFileW failed, Win32 Error = 112"];
            let status = Status::new(MessageId::FAILED, Severity::Error, &strings).by(*component);
            let expected = StatusMessage {
                id: MessageId::FAILED,
                severity: Some(Severity::Error),
                component: *component,
                machine: COMPUTER.into(),
                pid: None,
                tid: None,
                time: at(7),
                hint: Some(Hint { cause: FailureCause::DiskFull, strength: HintStrength::Code }),
            };
            let event = WindowsEvent::status(&status, COMPUTER, at(7), language);
            assert_eq!(told(&event), (Some(expected), 0), "{language:?}");
        }
    }
}

#[test]
fn the_severity_is_in_the_highest_bits_of_the_qualifiers() {
    for (qualifiers, severity) in [
        (49152, Some(Severity::Error)),
        (32768, Some(Severity::Warning)),
        (16384, Some(Severity::Information)),
        (0xC001, Some(Severity::Error)),
        (0, None),
    ] {
        let event = WindowsEvent { qualifiers, ..message(7) };
        assert_eq!(told(&event).0.unwrap().severity, severity, "{qualifiers}");
    }
}

#[test]
fn a_component_is_named_by_a_token_and_not_by_a_part_of_one() {
    for text in [
        "SMS_SITE_BACKUP",
        "\"SMS_SITE_BACKUP\"",
        "(SMS_SITE_BACKUP)",
        "计算机上的组件SMS_SITE_BACKUP报告",
        "コンポーネントSMS_SITE_BACKUPが",
        "Am 12.12.2019 meldete SMS_SITE_BACKUP:",
        "SMS_SITE_BACKUP，",
    ] {
        assert!(told(&event(5035, &["", text])).0.is_some(), "{text}");
    }
    for text in ["SMS_SITE_BACKUP_X", "XSMS_SITE_BACKUP", "SMS_SITE_BACKUP2", "sms_site_backup", "SMS_SITE_"]
    {
        assert_eq!(told(&event(5035, &["", text])), (None, 1), "{text}");
    }
}

#[test]
fn numbers_of_the_backup_without_its_component_are_counted_and_nothing_else() {
    for (id, unattributed) in
        [(4999, 0), (5000, 1), (5035, 1), (5055, 1), (5060, 1), (5061, 0), (500, 0), (501, 0), (6833, 0)]
    {
        let header = "On 12/12/2019 11:59:34, component SMS_EXECUTIVE on computer CM01 reported:  ";
        assert_eq!(told(&event(id, &["", header])), (None, unattributed), "{id}");
    }
    for id in [500, 501, 6833, 1] {
        let header = "On 12/12/2019 11:59:34, component SMS_SITE_BACKUP on computer CM01 reported:  ";
        assert_eq!(told(&event(id, &["", header])).0.unwrap().id, MessageId(id));
    }
}

#[test]
fn a_time_that_no_checkpoint_holds_is_the_nearest_that_it_does() {
    for (time, nearest) in [("1650-01-01T00:00:00Z", i64::MIN), ("2300-01-01T00:00:00Z", i64::MAX)] {
        let time: Timestamp = time.parse().unwrap();
        let told = told(&WindowsEvent { time, ..message(7) }).0.unwrap();
        assert_eq!(told.time, DateTime::from_timestamp_nanos(nearest));
    }
}

#[test]
fn a_report_about_the_component_is_not_its_own() {
    let header =
        "On 12/12/2019 11:59:34, component SMS_COMPONENT_STATUS_SUMMARIZER on computer CM01 reported:  ";
    assert_eq!(told(&event(4609, &["SMS_SITE_BACKUP", COMPUTER, header])), (None, 0));
    // Nor is one that the central site's Status Manager wrote for another site.
    for (id, component, computer, is_counted) in [
        (4609, "SMS_COMPONENT_STATUS_SUMMARIZER", "PRI01.corp.example", 0),
        (501, "SMS_EXECUTIVE", "PRI01", 0),
        (5060, "SMS_EXECUTIVE", "PRI01", 1),
        (5060, "SMS_SITE_BACKUP", "PRI01.corp.example", 1),
    ] {
        let header =
            format!("On 12/12/2019 11:59:34, component {component} on computer {computer} reported:");
        let event = event(id, &["SMS_SITE_BACKUP", "PRI01.corp.example", "", &header, ""]);
        assert_eq!(told(&event), (None, is_counted), "{header}");
    }
    // The other way round, its own message names others.
    let header = "On 12/12/2019 11:59:34, component SMS_SITE_VSS_WRITER on computer CM01 reported:  ";
    let own = told(&event(6829, &["SMS_SITE_BACKUP on CM01", "SMS_EXECUTIVE", header, ""])).0.unwrap();
    assert_eq!(own.component, Component::VssWriter);
}

#[test]
fn a_message_from_another_computer_is_not_this_sites() {
    for (machine, is_own) in [
        (COMPUTER, true),
        ("CM01", true),
        ("cm01", true),
        ("CM01.other.example", true),
        ("PRI2.corp.example", false),
        ("CM011.corp.example", false),
        ("cm-01.corp.example", false),
        // Without a domain it could be any word.
        ("PRI2", true),
    ] {
        for language in HeaderLanguage::ALL {
            let header = language.header(at(7), "SMS_SITE_BACKUP", machine);
            let (message, unattributed) = told(&event(5055, &["", &header, ""]));
            assert_eq!((message.is_some(), unattributed), (is_own, u64::from(!is_own)), "{header}");
        }
    }
    // Abbreviations and dates are no names of computers.
    let header = "On 12.12.2019 at 3.30 p.m., z. B. component SMS_SITE_BACKUP reported:";
    assert!(told(&event(5055, &[header])).0.is_some());
}

#[test]
fn other_providers_are_left_alone() {
    for provider in ["SMS Client", "SMS Server Extension", "MSSQLSERVER", "Application"] {
        let event = WindowsEvent { provider: provider.to_owned(), ..message(7) };
        assert_eq!(told(&event), (None, 0), "{provider}");
    }
}

#[test]
fn sql_server_is_heard_about_the_site_database_only() {
    let facts = |event: &WindowsEvent| {
        let facts = STYLES.map(|style| {
            let facts = news(event, style).facts;
            let sql = facts.into_iter().filter(|fact| matches!(fact, Fact::SqlServer(..)));
            sql.collect::<Vec<_>>()
        });
        assert_eq!(facts[0], facts[1]);
        facts[0].clone()
    };
    for (id, meaning) in [
        (3197, Some(SqlServerEvent::Frozen)),
        (3198, Some(SqlServerEvent::Resumed)),
        (18264, Some(SqlServerEvent::BackedUp)),
        (18265, None),
    ] {
        for instance in [None, Some("CM")] {
            let event = |database| WindowsEvent::sql_server(instance, id, database, COMPUTER, at(3));
            let expected: Vec<_> =
                meaning.map(|meaning| Fact::SqlServer(meaning, at(3))).into_iter().collect();
            assert_eq!(facts(&event("CM_P01")), expected, "{id}");
            assert_eq!(facts(&event("cm_p01")), expected, "{id}");
            assert_eq!(facts(&event("CM_P02")), vec![], "{id}");
        }
    }
    let foreign = WindowsEvent::sql_server(None, 3197, "CM_P01", COMPUTER, at(3));
    assert_eq!(facts(&WindowsEvent { provider: "MSSQLSERVER2".to_owned(), ..foreign }), vec![]);
}

#[test]
fn of_sql_servers_events_only_the_newest_of_each_is_told() {
    let mut bench = Bench::new(EventLogWriter::new());
    let event = |id, seconds| WindowsEvent::sql_server(None, id, "CM_P01", COMPUTER, at(seconds));
    bench.push([event(3197, 1), event(3198, 2), event(3197, 11), event(3198, 12)]);
    let told = bench.poll().facts.into_iter().filter(|fact| matches!(fact, Fact::SqlServer(..)));
    let newest = [(SqlServerEvent::Frozen, at(11)), (SqlServerEvent::Resumed, at(12))];
    assert_eq!(told.collect::<Vec<_>>(), newest.map(|(event, time)| Fact::SqlServer(event, time)));
}
