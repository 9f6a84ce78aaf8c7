use evtx::{EvtxChunkData, EvtxParser, ParserSettings};
use proptest::prelude::*;
use serde_json::Value;

use super::binxml::hash_of;
use super::*;
use crate::demo::writer::{BackupTask, LogWriter, Status};
use crate::site::{MessageId, Severity};

mod ring;

/// A record's id, and its event as a reader sees it.
type Read = (u64, WindowsEvent);

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn noon() -> Timestamp {
    time("2026-06-10T12:00:00.1234567Z")
}

/// The records of a file in the order of the parser, whatever the checksums say.
fn json(bytes: Vec<u8>, settings: ParserSettings) -> Vec<Value> {
    let mut parser = EvtxParser::from_buffer(bytes).unwrap().with_configuration(settings);
    parser.records_json_value().map(|record| record.unwrap().data["Event"].take()).collect()
}

fn event(event: &Value) -> Read {
    let system = &event["System"];
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        number => number.to_string(),
    };
    let number = |value: &Value| text(value).parse::<u64>().unwrap();
    let short = |value: &Value| u16::try_from(number(value)).unwrap();
    assert_eq!(system["Keywords"], "0x80000000000000");
    assert_eq!(system["Channel"], "Application");
    let data = match &event["EventData"]["Data"]["#text"] {
        Value::Null => Vec::new(),
        Value::Array(strings) => strings.iter().map(text).collect(),
        string => vec![text(string)],
    };
    let read = WindowsEvent {
        provider: text(&system["Provider"]["#attributes"]["Name"]),
        id: short(&system["EventID"]["#text"]),
        qualifiers: short(&system["EventID"]["#attributes"]["Qualifiers"]),
        level: u8::try_from(number(&system["Level"])).unwrap(),
        task: short(&system["Task"]),
        time: time(&text(&system["TimeCreated"]["#attributes"]["SystemTime"])),
        computer: text(&system["Computer"]),
        data,
    };
    (number(&system["EventRecordID"]), read)
}

fn read(bytes: Vec<u8>) -> Vec<Read> {
    json(bytes, ParserSettings::new()).iter().map(event).collect()
}

/// The same, of a file that must be sound in every part.
fn read_sound(log: &EventLogWriter) -> Vec<Read> {
    let bytes = log.bytes();
    assert_sound(&bytes);
    read(bytes)
}

#[track_caller]
fn assert_sound(bytes: &[u8]) {
    assert!(EvtxParser::from_buffer(bytes.to_vec()).unwrap().header().validate_checksum());
    assert_eq!(bytes.len() % CHUNK_SIZE, HEADER_SIZE);
    for (number, chunk) in bytes[HEADER_SIZE..].chunks(CHUNK_SIZE).enumerate() {
        if let Err(error) = EvtxChunkData::new(chunk.to_vec(), true) {
            panic!("chunk {number}: {error}");
        }
    }
}

fn written(events: &[WindowsEvent], style: BinXmlStyle) -> Vec<Read> {
    let mut log = EventLogWriter::new().style(style);
    events.iter().for_each(|event| _ = log.push(event));
    read_sound(&log)
}

fn numbered(events: &[WindowsEvent]) -> Vec<Read> {
    (1..).zip(events.iter().cloned()).collect()
}

#[test]
fn a_public_sample_reads_field_by_field() {
    let sample = WindowsEvent {
        provider: "SMS Server".to_owned(),
        id: 7002,
        qualifiers: 49152,
        level: 2,
        task: 78,
        time: time("2019-12-12T11:59:34.4501226Z"),
        computer: "SERVER.DOMAIN.com".to_owned(),
        data: vec![
            "SERVER.DOMAIN.com".to_owned(),
            "-2146232060".to_owned(),
            HeaderLanguage::English.header(
                time("2019-12-12T11:59:34Z"),
                "SMS_WSUS_CONTROL_MANAGER",
                "SERVER.DOMAIN.com",
            ),
        ],
    };
    let mut log = EventLogWriter::new().first_id(71_002);
    assert_eq!(log.push(&sample), 71_002);
    let read = &json(log.bytes(), ParserSettings::new())[0];
    let system = &read["System"];
    let expected = serde_json::json!({
        "Provider": { "#attributes": { "Name": "SMS Server" } },
        "EventID": { "#attributes": { "Qualifiers": 49152 }, "#text": 7002 },
        "Version": 0,
        "Level": 2,
        "Task": 78,
        "Opcode": 0,
        "Keywords": "0x80000000000000",
        "TimeCreated": { "#attributes": { "SystemTime": "2019-12-12T11:59:34.4501226Z" } },
        "EventRecordID": 71_002,
        "Correlation": null,
        "Execution": { "#attributes": { "ProcessID": 0, "ThreadID": 0 } },
        "Channel": "Application",
        "Computer": "SERVER.DOMAIN.com",
        "Security": null,
    });
    assert_eq!(*system, expected);
    let elements: Vec<_> = system.as_object().unwrap().keys().collect();
    assert_eq!(elements, expected.as_object().unwrap().keys().collect::<Vec<_>>(), "their order is Windows'");
    let header = "On 12/12/2019 11:59:34, component SMS_WSUS_CONTROL_MANAGER on computer SERVER.DOMAIN.com reported:  ";
    let data = serde_json::json!(["SERVER.DOMAIN.com", "-2146232060", header]);
    assert_eq!(read["EventData"]["Data"]["#text"], data);
}

#[test]
fn a_status_message_has_twelve_strings() {
    let status = Status::new(MessageId(7402), Severity::Warning, &["ISTR0", "second"]);
    let event = WindowsEvent::status(&status, "CM01.corp.example", noon(), HeaderLanguage::English);
    let (id, read) = written(std::slice::from_ref(&event), BinXmlStyle::Templates).remove(0);
    assert_eq!((id, &read), (1, &event));
    assert_eq!((read.id, read.qualifiers, read.level), (7402, 32768, 3));
    assert_eq!(read.data.len(), 12);
    assert_eq!(read.data[..2], ["ISTR0", "second"]);
    assert!(read.data[2..10].iter().all(String::is_empty));
    let header =
        "On 06/10/2026 12:00:00, component SMS_SITE_BACKUP on computer CM01.corp.example reported:  ";
    assert_eq!(read.data[10..], [header, ""]);

    let too_many = Status::new(MessageId(5060), Severity::Error, &["x"; 11]);
    let event = WindowsEvent::status(&too_many, "CM01", noon(), HeaderLanguage::English);
    assert_eq!((event.qualifiers, event.level, event.data.len()), (49152, 2, 12));
    assert!(event.data[10].starts_with("On "));
}

#[test]
fn a_run_stands_in_the_log_as_its_messages_do() {
    let site = "P01".parse().unwrap();
    let (writer, run) = (LogWriter::new(site, "CM01.corp.example"), BackupTask::new(site).success());
    let messages = run.messages(&writer, noon());
    for language in HeaderLanguage::ALL {
        let read = written(&run.events(&writer, noon(), language), BinXmlStyle::Templates);
        assert_eq!(read.len(), messages.len());
        for ((_, event), message) in read.iter().zip(&messages) {
            assert_eq!(event.id, message.id.0);
            assert_eq!((event.time - message.time).num_milliseconds(), 0);
            let header = &event.data[10];
            let component = crate::site::ClosedSet::label(message.component);
            assert!(header.contains(component) && header.contains("CM01.corp.example"), "{header}");
        }
    }
    let touching = HeaderLanguage::Chinese.header(noon(), "SMS_SITE_BACKUP", "CM01");
    assert!(touching.contains("计算机CM01上的组件SMS_SITE_BACKUP报告"), "{touching}");
}

#[test]
fn sql_server_names_its_instance_and_the_database() {
    let frozen = WindowsEvent::sql_server(None, 3197, "CM_P01", "SQL01", noon());
    let backed_up = WindowsEvent::sql_server(Some("SCCM"), 18264, "CM_P01", "SQL01", noon());
    assert_eq!((frozen.provider.as_str(), frozen.task, frozen.data.len()), ("MSSQLSERVER", 2, 1));
    assert_eq!((backed_up.provider.as_str(), backed_up.task), ("MSSQL$SCCM", 6));
    let events = [frozen, backed_up];
    assert_eq!(written(&events, BinXmlStyle::Templates), numbered(&events));
    assert!(
        events.iter().all(|event| event.data[0] == "CM_P01" && (event.qualifiers, event.level) == (16384, 4))
    );
}

#[test]
fn both_styles_read_alike() {
    let events: Vec<_> = (0..500).map(|number| WindowsEvent::other(number, "CM01", noon())).collect();
    let [templates, plain] = [BinXmlStyle::Templates, BinXmlStyle::Plain].map(|style| {
        let mut log = EventLogWriter::new().style(style);
        events.iter().for_each(|event| _ = log.push(event));
        let mut parser = EvtxParser::from_buffer(log.bytes()).unwrap();
        parser.records().map(|record| record.unwrap().data).collect::<Vec<_>>()
    });
    assert_eq!(templates.len(), events.len());
    assert_eq!(templates, plain);
}

#[test]
fn names_are_chained_by_the_hash_of_windows() {
    // As they stand in the log of a Windows 10.
    let known = [("Event", 0x0CBA), ("xmlns", 0x0FBC), ("System", 0x546F), ("EventRecordID", 0x0346)];
    known.iter().for_each(|(name, hash)| assert_eq!(hash_of(name), *hash, "{name}"));
}

#[test]
fn times_are_those_of_windows() {
    assert_eq!(file_time(Timestamp::UNIX_EPOCH), 116_444_736_000_000_000);
    assert_eq!(file_time(time("1601-01-01T00:00:00.0000001Z")), 1);
    assert_eq!(file_time(Timestamp::MIN_UTC), 0);
    assert_eq!(system_time(time("2019-12-12T11:59:34.45Z")), "2019-12-12T11:59:34.4500000Z");
}

#[test]
fn what_no_chunk_could_hold_is_cut() {
    let long = |unit: &str| unit.repeat(70_000 / unit.len());
    let event = |data: Vec<String>| WindowsEvent {
        provider: long("P"),
        computer: long("😀"),
        data,
        ..WindowsEvent::other(0, "", noon())
    };
    let cases = [
        vec![long("x")],
        vec![long("😀"), "behind".to_owned()],
        vec![long("一"), long("x")],
        vec![String::new(); 70_000],
        vec![long("x"); 300],
        // As long as it gets.
        (0..256).map(|_| "x".repeat(111)).collect(),
    ];
    for style in [BinXmlStyle::Templates, BinXmlStyle::Plain] {
        for data in &cases {
            let (whole, read) = (event(data.clone()), written(&[event(data.clone())], style).remove(0).1);
            assert!(whole.provider.starts_with(&read.provider) && read.provider.len() == 255);
            assert!(whole.computer.starts_with(&read.computer) && read.computer.chars().count() == 127);
            assert_eq!(read.data.len(), data.len().min(256));
            let units: usize = read.data.iter().map(|text| text.encode_utf16().count() + 1).sum();
            let expected: usize = data.iter().take(256).map(|text| text.encode_utf16().count() + 1).sum();
            assert!(units == expected || (MOST_UNITS - 1..MOST_UNITS + 256).contains(&units), "{units}");
            assert!(data.iter().zip(&read.data).all(|(whole, read)| whole.starts_with(read)));
        }
    }
}

prop_compose! {
    fn any_event()(
        provider in ".{0,60}",
        (id, qualifiers, level, task) in any::<(u16, u16, u8, u16)>(),
        seconds in -11_644_473_600_i64..253_402_300_800,
        ticks in 0_u32..10_000_000,
        computer in ".{0,60}",
        data in prop::collection::vec(prop_oneof![".{0,40}", "(?s).{0,300}", "[ -~]{3500}", "\\PC{1700}"], 0..8),
    ) -> WindowsEvent {
        let time = Timestamp::from_timestamp(seconds, ticks * 100).unwrap();
        WindowsEvent { provider, id, qualifiers, level, task, time, computer, data }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_event_comes_back_as_it_was(
        events in prop::collection::vec(any_event(), 1..12),
        plain in any::<bool>(),
    ) {
        let style = if plain { BinXmlStyle::Plain } else { BinXmlStyle::Templates };
        let before_nul = |text: &String| text.split('\0').next().unwrap_or_default().to_owned();
        let expected: Vec<_> = events.iter().map(|event| WindowsEvent {
            provider: before_nul(&event.provider),
            computer: before_nul(&event.computer),
            data: event.data.iter().map(before_nul).collect(),
            ..event.clone()
        }).collect();
        prop_assert!(written(&events, style) == numbered(&expected));
    }
}
