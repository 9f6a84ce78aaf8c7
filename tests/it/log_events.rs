//! `log FILE...` with event logs: beside logs, instead of them, in copies, damaged, and of other computers.

use std::path::{Path, PathBuf};
use std::process::Output;

use chrono::TimeDelta;
use configmgr_backup_exporter::demo::writer::{
    CHUNK_SIZE, Entry, EventLogWriter, HEADER_SIZE, HeaderLanguage, LogWriter, RunScript, WindowsEvent,
};
use configmgr_backup_exporter::site::{BackupPhase, FailureCause, Severity, Timestamp};
use serde_json::Value;

use crate::support::backups::{begin, task, writer};
use crate::support::process::{ONE_SITE, Place, binary};

/// So much later than its line an event is written.
const LATER: TimeDelta = TimeDelta::seconds(70);

type Runs = Vec<(Timestamp, RunScript)>;

/// One run a day of every kind, the last one succeeded.
fn runs(site: &str) -> Runs {
    let task = task(site);
    let scripts = [
        task.success(),
        task.failure(FailureCause::DiskFull),
        task.unfinished(BackupPhase::Copy),
        task.after_backup_fails(),
        task.stopped(),
        task.failure(FailureCause::CleanupFailed),
        task.success(),
    ];
    (1..=7).rev().zip(scripts).map(|(ago, run)| (begin(TimeDelta::days(ago)), run)).collect()
}

fn text_of(runs: &Runs, writer: &LogWriter) -> String {
    runs.iter().map(|(start, run)| run.text(writer, *start)).collect()
}

fn events_of(runs: &Runs, writer: &LogWriter) -> Vec<WindowsEvent> {
    let events = runs.iter().flat_map(|(start, run)| run.events(writer, *start, HeaderLanguage::German));
    events.map(|event| WindowsEvent { time: event.time + LATER, ..event }).collect()
}

/// An event log of these events, with others between them.
fn evtx(events: &[WindowsEvent]) -> Vec<u8> {
    let mut log = EventLogWriter::new();
    for (number, event) in events.iter().enumerate() {
        log.push(event);
        log.push(&WindowsEvent::other(number, &event.computer, event.time));
    }
    log.bytes()
}

/// A place with the log and the event log of the same runs.
fn both(runs: &Runs) -> (Place, PathBuf, PathBuf) {
    let place = Place::new(ONE_SITE);
    let writer = writer("P01");
    place.write("logs/smsbkup.log", text_of(runs, &writer));
    place.write("logs/Application.evtx", evtx(&events_of(runs, &writer)));
    let (log, events) = (place.path("logs/smsbkup.log"), place.path("logs/Application.evtx"));
    (place, log, events)
}

fn log(arguments: &[&Path]) -> Output {
    let output = binary().arg("log").args(arguments).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// What is printed for people, where nothing is to be noted.
#[track_caller]
fn table(arguments: &[&Path]) -> String {
    let Output { stdout, stderr, .. } = log(arguments);
    assert_eq!(String::from_utf8_lossy(&stderr), "");
    String::from_utf8(stdout).expect("text in UTF-8")
}

fn json(arguments: &[&Path]) -> Vec<Value> {
    let arguments: Vec<_> = [Path::new("--format=json")].iter().chain(arguments).copied().collect();
    serde_json::from_slice(&log(&arguments).stdout).expect("an array")
}

/// Site and outcome of every run.
fn outcomes(runs: &[Value]) -> Vec<(Option<&str>, &str)> {
    runs.iter().map(|run| (run["site"].as_str(), run["outcome"].as_str().expect("an outcome"))).collect()
}

#[test]
fn a_log_and_the_events_of_its_runs_are_one_list_in_any_order() {
    let (_place, log, events) = both(&runs("P01"));
    let expected = table(&[&log]);
    assert_eq!(expected.lines().filter(|line| line.starts_with("P01 ")).count(), 7, "{expected}");
    for order in [[&log, &events], [&events, &log]] {
        assert_eq!(table(&order.map(PathBuf::as_path)), expected);
        assert_eq!(json(&order.map(PathBuf::as_path)), json(&[&log]));
    }
}

#[test]
fn events_alone_tell_the_same_outcomes_of_a_site_that_they_do_not_name() {
    let (_place, log, events) = both(&runs("P01"));
    let (by_log, by_events) = (json(&[&log]), json(&[&events]));
    let expected: Vec<_> = outcomes(&by_log).into_iter().map(|(_, outcome)| (None, outcome)).collect();
    assert_eq!(outcomes(&by_events), expected);
    let count = |runs: &[Value]| {
        runs.iter().map(|run| run["messages"].as_array().expect("messages").len()).collect::<Vec<_>>()
    };
    assert_eq!(count(&by_events), count(&by_log));
    assert!(table(&[&events]).lines().skip(1).all(|line| line.starts_with("-  ") || line.starts_with("   ")));
}

#[test]
fn what_rolled_away_from_the_log_stands_in_the_event_log() {
    let runs = runs("P01");
    let (place, log, events) = both(&runs);
    let whole = text_of(&runs, &writer("P01"));
    let lines: Vec<_> = whole.split_inclusive('\n').collect();
    // Cut within a run, as a log is that rolls by size.
    place.write("logs/rest.log", lines[lines.len() * 3 / 5..].concat());
    let rest = place.path("logs/rest.log");
    assert!(json(&[&rest]).len() < 7);
    let (expected, merged) = (json(&[&log]), json(&[&rest, &events]));
    assert_eq!(outcomes(&merged), outcomes(&expected));
    assert_eq!(merged.last(), expected.last(), "the log's own times where it has the line");
}

#[test]
fn a_log_that_keeps_errors_only_gives_the_reasons_and_the_event_log_the_rest() {
    let place = Place::new(ONE_SITE);
    let (runs, writer) = (runs("P01"), writer("P01"));
    let is_error = |(_, entry): &&(TimeDelta, Entry)| entry.severity() == Severity::Error;
    let errors = runs.iter().flat_map(|(start, run)| {
        let errors = run.entries().iter().filter(is_error);
        errors.map(|(at, entry)| writer.line(*start + *at, entry)).collect::<Vec<_>>()
    });
    place.write("logs/smsbkup.log", errors.collect::<String>());
    place.write("logs/Application.evtx", evtx(&events_of(&runs, &writer)));
    let (log, events) = (place.path("logs/smsbkup.log"), place.path("logs/Application.evtx"));
    place.write("logs/whole.log", text_of(&runs, &writer));
    let (expected, merged) = (json(&[&place.path("logs/whole.log")]), json(&[&log, &events]));
    assert_eq!(outcomes(&merged), outcomes(&expected));
    let causes = |runs: &[Value]| runs.iter().map(|run| run["cause"].clone()).collect::<Vec<_>>();
    assert_eq!(causes(&merged), causes(&expected));
    assert_ne!(causes(&json(&[&events])), causes(&expected), "events alone know no code of Windows");
}

#[test]
fn copies_of_an_event_log_that_overlap_count_each_record_once() {
    let place = Place::new(ONE_SITE);
    let writer = writer("P01");
    let task = task("P01");
    let runs: Runs = (1..=12).rev().map(|ago| (begin(TimeDelta::days(ago)), task.success())).collect();
    let events = events_of(&runs, &writer);
    let mut live = EventLogWriter::new().capacity(2).first_id(1 << 40);
    for (number, event) in events.iter().enumerate() {
        live.push(event);
        (0..4).for_each(|noise| {
            live.push(&WindowsEvent::other(number + noise, &event.computer, event.time));
        });
        // Saved before the ring was full, and again while its oldest chunk still was there.
        match number {
            30 => place.write("logs/first.evtx", live.bytes()),
            50 => place.write("logs/second.evtx", live.bytes()),
            _ => {}
        }
    }
    place.write("logs/Application.evtx", live.bytes());
    place.write("logs/whole.evtx", evtx(&events));
    let [first, second, last] =
        ["first", "second", "Application"].map(|name| place.path(&format!("logs/{name}.evtx")));
    let [by_first, by_second, by_last] = [&first, &second, &last].map(|file| json(&[file]).len());
    assert!(by_first < by_second && by_last < 12, "{by_first} {by_second} {by_last}");
    let expected = json(&[&place.path("logs/whole.evtx")]);
    assert_eq!(outcomes(&expected), [(None, "succeeded"); 12]);
    let covered = json(&[&first, &second, &last]);
    assert_eq!(covered, json(&[&last, &second, &first, &second]));
    // Between the copies some runs may have been overwritten; no run may stand twice.
    assert!(covered.iter().all(|run| expected.contains(run)), "{covered:?}");
    assert!(covered.len() > by_second.max(by_last), "{} {by_second} {by_last}", covered.len());
}

#[test]
fn a_computer_is_of_the_site_that_a_log_names_for_it() {
    let place = Place::new(ONE_SITE);
    let computers = [("P01", "CM01.corp.example"), ("P02", "cm02"), ("P03", "CM09.corp.example")];
    for (site, computer) in computers {
        let (runs, writer) = (runs(site), LogWriter::new(site.parse().expect("a site code"), computer));
        place.write(&format!("logs/{site}.log"), text_of(&runs, &writer));
        // The same computer, as Windows names it in its own log.
        let named = match computer {
            "cm02" => LogWriter::new(site.parse().expect("a site code"), "CM02.corp.example"),
            _ => writer,
        };
        place.write(&format!("logs/{site}.evtx"), evtx(&events_of(&runs, &named)));
    }
    let path = |name: &str| place.path(&format!("logs/{name}"));
    let (p01, p02) = (path("P01.log"), path("P02.log"));
    let all = json(&[&path("P02.evtx"), &p01, &path("P01.evtx"), &p02]);
    let of_site = |site: &str| all.iter().filter(|run| run["site"] == site).cloned().collect::<Vec<_>>();
    assert_eq!((of_site("P01"), of_site("P02")), (json(&[&p01]), json(&[&p02])));
    let starts: Vec<_> = all.iter().map(|run| run["started"].as_str()).collect();
    assert!(all.len() == 14 && starts.is_sorted(), "oldest first, of both: {starts:?}");
    // Of this one no log tells, and two sites could be its own.
    let with_stranger = json(&[&p01, &p02, &path("P03.evtx")]);
    let of = |site: Option<&str>| with_stranger.iter().filter(|run| run["site"].as_str() == site).count();
    assert_eq!((of(Some("P01")), of(Some("P02")), of(None)), (7, 7, 7));
    // Nor is it the only site's: its runs would end those of that site.
    let pair = json(&[&p01, &path("P03.evtx")]);
    let of_p01: Vec<_> = pair.iter().filter(|run| run["site"] == "P01").cloned().collect();
    assert_eq!((of_p01, pair.len()), (json(&[&p01]), 14));
    // Without any log, computers are not mixed.
    let alone = json(&[&path("P01.evtx"), &path("P03.evtx")]);
    assert_eq!(alone.len(), 14);
}

#[test]
fn a_damaged_event_log_is_noted_and_read_as_far_as_it_can_be() {
    let place = Place::new(ONE_SITE);
    let writer = writer("P01");
    let task = task("P01");
    let runs: Runs = (1..=40).rev().map(|ago| (begin(TimeDelta::days(ago)), task.success())).collect();
    let mut events = events_of(&runs, &writer);
    // An id of the backup without the name of its service, as other software of this provider may write it.
    events.push(WindowsEvent { data: vec!["something".to_owned()], ..events[1].clone() });
    let mut bytes = evtx(&events);
    let second = HEADER_SIZE + CHUNK_SIZE;
    assert!(bytes.len() > second + 2 * CHUNK_SIZE, "{} bytes", bytes.len());
    bytes[second..second + CHUNK_SIZE].fill(0xFF);
    place.write("logs/Application.evtx", &bytes);
    let damaged = place.path("logs/Application.evtx");
    let output = log(&[&damaged]);
    let notes = String::from_utf8_lossy(&output.stderr);
    assert_eq!(notes.lines().count(), 1, "{notes}");
    assert!(notes.starts_with(&*damaged.to_string_lossy()), "{notes}");
    assert!(notes.contains("; damaged chunks: 1; ") && notes.ends_with(": 1\n"), "{notes}");
    let table = String::from_utf8_lossy(&output.stdout);
    let kept = table.matches("succeeded").count();
    assert!((20..40).contains(&kept), "{kept}");
    // What stood in the damaged chunk may have been the end of one run and the start of another.
    assert!(!table.contains("interrupted"), "{table}");
}

#[test]
fn the_first_bytes_tell_what_a_file_is() {
    let (place, log_file, events) = both(&runs("P01"));
    let expected = json(&[&log_file, &events]);
    std::fs::rename(&log_file, place.path("logs/a.evtx")).expect("renamed");
    std::fs::rename(&events, place.path("logs/b.log")).expect("renamed");
    assert_eq!(json(&[&place.path("logs/a.evtx"), &place.path("logs/b.log")]), expected);

    place.write("logs/nothing.evtx", "no event log\r\n");
    let nothing = log(&[&place.path("logs/nothing.evtx")]);
    assert_eq!(String::from_utf8_lossy(&nothing.stdout), "No backup run found.\n");
    assert!(String::from_utf8_lossy(&nothing.stderr).contains(": 1 of 1 lines malformed"));
    // Copied while it was made: only its header came.
    place.write("logs/header.evtx", &EventLogWriter::new().bytes()[..HEADER_SIZE]);
    assert_eq!(table(&[&place.path("logs/header.evtx")]), "No backup run found.\n");
}

#[cfg(unix)]
#[test]
fn an_event_log_from_a_pipe_is_refused_in_one_sentence() {
    use std::process::Stdio;
    let mut command = binary();
    command.args(["log", "/dev/stdin"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("the program starts");
    let mut stdin = process.stdin.take().expect("a pipe");
    // The first bytes come one by one, and the rest is not waited for.
    for byte in b"ElfFile\0" {
        std::io::Write::write_all(&mut stdin, &[*byte]).expect("it is read");
    }
    let output = process.wait_with_output().expect("it ends");
    drop(stdin);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), [].as_slice()));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.lines().count() == 1 && error.contains("copy it to a file"), "{error}");
}
