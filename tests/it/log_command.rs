//! `log FILE...` on whatever it is given: good logs in any order, no log at all, and a reader that goes away.

use std::path::Path;
use std::process::{Output, Stdio};

use chrono::{DateTime, TimeDelta};
use configmgr_backup_exporter::demo::writer::RunScript;
use configmgr_backup_exporter::site::{BackupPhase, FailureCause};

use crate::support::backups::{run, successes, task};
use crate::support::process::{ONE_SITE, Place, binary};

fn log(arguments: &[&Path]) -> Output {
    binary().arg("log").args(arguments).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text in UTF-8")
}

#[test]
fn what_is_no_log_is_named() {
    let place = Place::new(ONE_SITE);
    let missing = log(&[&place.log()]);
    assert_eq!(missing.status.code(), Some(1));
    assert_eq!(text(&missing.stderr).lines().count(), 1, "{}", text(&missing.stderr));
    assert!(text(&missing.stderr).contains(&*place.log().to_string_lossy()), "{}", text(&missing.stderr));

    let folder = log(&[&place.path("logs")]);
    assert_eq!(folder.status.code(), Some(1));
    assert!(text(&folder.stderr).contains("is a directory"), "{}", text(&folder.stderr));

    place.append("");
    let empty = log(&[&place.log()]);
    assert_eq!((empty.status.code(), text(&empty.stdout)), (Some(0), "No backup run found.\n"));
    let none = log(&[Path::new("--format=json"), &place.log()]);
    assert_eq!((none.status.code(), text(&none.stdout).trim()), (Some(0), "[]"));
    assert_eq!(log(&[]).status.code(), Some(64));
}

/// Enough output that no pipe holds it.
const MANY_DAYS: i64 = 1000;

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new(ONE_SITE);
    place.append(&successes("P01", MANY_DAYS));
    for format in ["--format=text", "--format=json"] {
        let mut command = binary();
        command.args(["log", format]).arg(place.log()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the program starts");
        drop(process.stdout.take());
        let output = process.wait_with_output().expect("it ends");
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{format}");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_from_its_beginning_but_only_alone() {
    let place = Place::new(ONE_SITE);
    let whole = successes("P01", 60);
    place.append(&whole);
    let mut command = binary();
    command.args(["log", "/dev/stdin"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.spawn().expect("the program starts");
    let mut stdin = process.stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut stdin, whole.as_bytes()).expect("all is read");
    drop(stdin);
    let piped = process.wait_with_output().expect("it ends");
    assert_eq!(text(&piped.stdout), text(&log(&[&place.log()]).stdout));

    let mut command = binary();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    command.args(["log", "/dev/stdin"]).arg(place.log()).stdin(reader);
    let several = command.output().expect("the program starts");
    drop(writer);
    assert_eq!(several.status.code(), Some(1));
    assert!(text(&several.stderr).contains("is no regular file"), "{}", text(&several.stderr));
}

#[test]
fn files_in_any_order_give_the_same_table() {
    let place = Place::new(ONE_SITE);
    let whole = successes("P01", 12);
    let lines: Vec<_> = whole.split_inclusive('\n').collect();
    // Cut within runs, as a log is that rolls by size.
    let (oldest, rest) = lines.split_at(lines.len() / 3 + 2);
    let (middle, newest) = rest.split_at(rest.len() / 2 + 3);
    let files = [
        ("logs/smsbkup-20260102-030405.log", oldest),
        ("logs/smsbkup.lo_", middle),
        ("logs/smsbkup.log", newest),
    ];
    files.iter().for_each(|(name, lines)| place.write(name, lines.concat()));
    let [a, b, c] = files.map(|(name, _)| place.path(name));

    place.write("logs/whole.log", &whole);
    let expected = log(&[&place.path("logs/whole.log")]);
    assert_eq!(text(&expected.stdout).lines().count(), 13, "{}", text(&expected.stdout));
    for order in [[&a, &b, &c], [&c, &b, &a], [&b, &c, &a], [&c, &a, &b]] {
        let output = log(&order.map(std::path::PathBuf::as_path));
        assert_eq!(
            (output.status.code(), text(&output.stdout)),
            (Some(0), text(&expected.stdout)),
            "{order:?}"
        );
    }
}

#[test]
fn a_log_that_begins_within_a_run_is_of_one_site_only() {
    let place = Place::new(ONE_SITE);
    let whole = run("P01", &task("P01").success(), TimeDelta::hours(3));
    // Free text names no site, and this line is a sign of a run.
    let from = whole.find("Starts cleaning and preparing").expect("the line before the old snapshot goes");
    place.append(&whole[from..]);
    let output = log(&[&place.log()]);
    let table = text(&output.stdout);
    assert!(table.lines().count() == 2 && table.contains("\nP01 "), "{table}");
}

#[test]
fn json_has_the_promised_shape() {
    let place = Place::new(ONE_SITE);
    let scripts: [(RunScript, _, _); 4] = [
        (task("P01").success(), "succeeded", None),
        (task("P01").failure(FailureCause::DiskFull), "failed", Some("disk_full")),
        (task("P01").unfinished(BackupPhase::Copy), "interrupted", Some("interrupted")),
        (task("P01").unfinished(BackupPhase::Copy), "in_progress", None),
    ];
    for ((script, ..), days) in scripts.iter().zip([4, 3, 2, 1]) {
        place.append(&run("P01", script, TimeDelta::days(days)));
    }
    place.append("this is no line of a log\r\n");
    let output = log(&[Path::new("--format=json"), &place.log()]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains(": 1 of "), "the malformed line: {}", text(&output.stderr));
    let runs: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).expect("an array");
    assert_eq!(runs.len(), scripts.len());
    let mut earlier = None;
    for (run, (_, outcome, cause)) in runs.iter().zip(&scripts) {
        let keys: Vec<_> = run.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(keys, ["site", "started", "ended", "outcome", "cause", "error", "phases", "messages"]);
        assert_eq!(
            (run["site"].as_str(), run["outcome"].as_str(), run["cause"].as_str()),
            (Some("P01"), Some(*outcome), *cause)
        );
        // Lines tell causes; how a run ended tells the others.
        let tells = |cause: &str| !matches!(cause, "service_stopped" | "interrupted");
        assert_eq!(run["error"].is_string(), cause.is_some_and(tells), "{run}");
        let started = utc(&run["started"]);
        assert!(earlier < Some(started), "oldest first");
        earlier = Some(started);
        assert_eq!(run["ended"].is_null(), *outcome == "in_progress", "{run}");
        if !run["ended"].is_null() {
            assert!(utc(&run["ended"]) > started, "{run}");
        }
        let phases = run["phases"].as_object().expect("an object");
        assert!(phases.values().all(serde_json::Value::is_number), "{run}");
        let messages = run["messages"].as_array().expect("an array");
        assert!(messages.len() >= 3, "{run}");
        for message in messages {
            let keys: Vec<_> = message.as_object().expect("an object").keys().map(String::as_str).collect();
            assert_eq!(keys, ["id", "severity", "component", "time"]);
            assert!(
                message["id"].is_u64() && utc(&message["time"]) >= started - TimeDelta::minutes(2),
                "{message}"
            );
        }
    }
    assert_eq!(runs[0]["phases"]["copy"].as_f64().map(f64::round), Some(4401.0), "{}", runs[0]);
}

#[track_caller]
fn utc(value: &serde_json::Value) -> DateTime<chrono::Utc> {
    let text = value.as_str().unwrap_or_else(|| panic!("a time: {value}"));
    assert!(text.ends_with('Z'), "{text} is not in UTC");
    text.parse().expect("RFC 3339")
}
