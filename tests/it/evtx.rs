//! Event log files of the writer, as two independent readers see them: the `evtx` crate and python-evtx.
//!
//! What every reader must say of a record is one JSON object, which `tests/evtx.py` prints as a line.

use std::fs;
use std::path::Path;

use ::evtx::{EvtxParser, ParserSettings};
use chrono::TimeDelta;
use configmgr_backup_exporter::demo::writer::{
    BackupTask, BinXmlStyle, EventLogWriter, HeaderLanguage, LogWriter, WindowsEvent,
};
use configmgr_backup_exporter::site::{FailureCause, Timestamp};
use serde_json::{Value, json};

use crate::support::python;

const MACHINE: &str = "CM01.corp.example";

fn start() -> Timestamp {
    "2026-06-10T02:00:00.1234567Z".parse().unwrap()
}

/// What a reader must say of an event.
fn expected(id: u64, event: &WindowsEvent) -> Value {
    json!({
        "provider": event.provider,
        "id": event.id,
        "qualifiers": event.qualifiers,
        "level": event.level,
        "task": event.task,
        "keywords": "0x80000000000000",
        "time": format!("{}.{:07}Z", event.time.format("%Y-%m-%dT%H:%M:%S"), event.time.timestamp_subsec_nanos() / 100),
        "record_id": id,
        "channel": "Application",
        "computer": event.computer,
        "data": event.data,
    })
}

/// Runs in every language, each after what SQL Server says of it, between events of others.
fn events() -> Vec<WindowsEvent> {
    let (site, mut events) = ("P01".parse().unwrap(), Vec::new());
    let (writer, task) = (LogWriter::new(site, MACHINE), BackupTask::new(site));
    for (night, language) in HeaderLanguage::ALL.into_iter().enumerate() {
        let at = start() + TimeDelta::days(i64::try_from(night).unwrap());
        for run in [task.success(), task.warning(), task.failure(FailureCause::DiskFull)] {
            events.extend(run.events(&writer, at, language));
        }
        for id in [3197, 3198, 18264] {
            events.push(WindowsEvent::sql_server(None, id, "CM_P01", MACHINE, at));
            events.push(WindowsEvent::sql_server(Some("SCCM"), id, "CM_P01", MACHINE, at));
        }
        events.extend((0..20).map(|number| WindowsEvent::other(number, MACHINE, at)));
    }
    // Characters with a zero byte, outside the first plane, that XML would escape, and empty strings at the ends.
    let strings = ["", "一Ā㌀", "😀 \u{10FFFF}", "<&>\"'", " spaces ", "line\r\nbreak\ttab", "", ""];
    for count in 0..=strings.len() {
        let data = strings[..count].iter().map(|text| (*text).to_owned()).collect();
        let event = WindowsEvent::other(count, "Café-サーバー", start());
        events.push(WindowsEvent { provider: "Größe 大".to_owned(), data, ..event });
    }
    events
}

/// The events as they were pushed, with their ids.
fn push(log: &mut EventLogWriter, events: &[WindowsEvent]) -> Vec<Value> {
    events.iter().map(|event| expected(log.push(event), event)).collect()
}

/// What the crate reads; a wrong checksum is an error.
fn read(bytes: Vec<u8>) -> Vec<Value> {
    let strict = ParserSettings::new().validate_checksums(true);
    let mut parser = EvtxParser::from_buffer(bytes).unwrap().with_configuration(strict);
    let record = |event: &Value| {
        let system = &event["System"];
        // Plain records have numbers as text.
        let number =
            |value: &Value| value.as_str().map_or_else(|| value.clone(), |text| text.parse().unwrap());
        let data = match &event["EventData"]["Data"]["#text"] {
            Value::Null => json!([]),
            Value::Array(strings) => json!(strings),
            string => json!([string]),
        };
        json!({
            "provider": system["Provider"]["#attributes"]["Name"],
            "id": number(&system["EventID"]["#text"]),
            "qualifiers": number(&system["EventID"]["#attributes"]["Qualifiers"]),
            "level": number(&system["Level"]),
            "task": number(&system["Task"]),
            "keywords": system["Keywords"],
            "time": system["TimeCreated"]["#attributes"]["SystemTime"],
            "record_id": number(&system["EventRecordID"]),
            "channel": system["Channel"],
            "computer": system["Computer"],
            "data": data,
        })
    };
    parser.records_json_value().map(|found| record(&found.unwrap().data["Event"])).collect()
}

/// What python-evtx reads, or `None`, after a message, where it is missing.
fn read_by_python(file: &Path) -> Option<Vec<Value>> {
    let output = python("evtx.py")?.arg(file).output().expect("TESTS_PYTHON starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Compares record by record, so that a difference shows as two records and not as two files.
#[track_caller]
fn assert_reads(reader: &str, read: &[Value], written: &[Value]) {
    for (read, written) in read.iter().zip(written) {
        assert_eq!(read, written, "{reader}");
    }
    assert_eq!(read.len(), written.len(), "{reader}");
}

#[track_caller]
fn assert_both_read(log: &EventLogWriter, written: &[Value]) {
    assert_reads("the crate", &read(log.bytes()), written);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("Application.evtx");
    fs::write(&file, log.bytes()).unwrap();
    if let Some(read) = read_by_python(&file) {
        assert_reads("python-evtx", &read, written);
    }
}

#[test]
fn two_readers_see_what_was_written() {
    let mut log = EventLogWriter::new();
    let written = push(&mut log, &events());
    assert_both_read(&log, &written);
}

#[test]
fn two_readers_see_what_a_ring_still_has() {
    let mut log = EventLogWriter::new().capacity(3).first_id(4_294_967_290);
    let events: Vec<_> = std::iter::repeat_n(events(), 5).flatten().collect();
    let written = push(&mut log, &events);
    let oldest = EvtxParser::from_buffer(log.bytes()).unwrap().header().first_chunk_number;
    assert_ne!(oldest, 0, "the file does not begin with the oldest records");
    let kept = read(log.bytes()).len();
    assert!((100..written.len() / 2).contains(&kept), "{kept} of {}", written.len());
    assert_both_read(&log, &written[written.len() - kept..]);
}

#[test]
fn two_readers_see_a_log_that_was_cleared_and_one_that_is_empty() {
    let mut log = EventLogWriter::new();
    assert_both_read(&log, &[]);
    push(&mut log, &events());
    log.clear();
    let written = push(&mut log, &events()[..7]);
    assert_eq!(written[0]["record_id"], 1);
    assert_both_read(&log, &written);
}

#[test]
fn plain_elements_read_as_templates_do() {
    // No second reader: python-evtx takes every element for one of a template.
    let mut log = EventLogWriter::new().style(BinXmlStyle::Plain);
    let written = push(&mut log, &events());
    assert_reads("the crate", &read(log.bytes()), &written);
}
