//! `check` beside a running exporter: its words, its exit codes, and that it leaves no trace.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::time::SystemTime;

use chrono::TimeDelta;
use configmgr_backup_exporter::demo::writer::{RunScript, SnapshotWriter};
use configmgr_backup_exporter::site::FailureCause;

use crate::support::backups::{begin, run, successes, task};
use crate::support::process::{ONE_SITE, Place};

const SITE: &str =
    "- { code: CODE, role: standalone, log: { path: logs/CODE.log }, judgement: { settle: 0s } }\n";

/// Sites with these codes, each with a log of its own.
fn sites(codes: &[&str]) -> String {
    let sites = codes.iter().map(|code| SITE.replace("CODE", code));
    format!("sites:\n{}", sites.collect::<String>())
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text in UTF-8")
}

/// A month of successes and then this run, an hour ago.
fn month_and(site: &str, script: &RunScript) -> String {
    let month = successes(site, 30);
    format!("{month}{}", run(site, script, TimeDelta::hours(1)))
}

#[test]
fn the_exit_code_says_how_the_backups_are() {
    let hour = |script: RunScript| script.until(TimeDelta::minutes(59));
    let short = |site: &str| task(site).lasting(TimeDelta::minutes(30));
    for (case, log, code, verdict) in [
        ("a success", month_and("P01", &short("P01").success()), 0, "healthy"),
        ("AfterBackup.bat failed", month_and("P01", &short("P01").after_backup_fails()), 1, "degraded"),
        ("a failure", month_and("P01", &short("P01").failure(FailureCause::DiskFull)), 2, "failed"),
        (
            "an error, but no end",
            month_and("P01", &hour(task("P01").failed_and_running(FailureCause::Sql))),
            2,
            "failed",
        ),
        ("no log", String::new(), 3, "unknown"),
    ] {
        let place = Place::new(&sites(&["P01"]));
        if !log.is_empty() {
            place.write("logs/P01.log", &log);
        }
        let words = place.output(&["check"]);
        assert_eq!(words.status.code(), Some(code), "{case}: {}", text(&words));
        assert!(text(&words).starts_with(&format!("P01 {verdict}: ")), "{case}: {}", text(&words));
        let output = place.output(&["check", "--format=json"]);
        assert_eq!(output.status.code(), Some(code), "{case}");
        let found: serde_json::Value = serde_json::from_str(&text(&output)).expect("JSON");
        assert_eq!(
            (found[0]["site"].as_str(), found[0]["verdict"].as_str()),
            (Some("P01"), Some(verdict)),
            "{case}"
        );
        assert!(found[0]["checks"].as_array().is_some_and(|checks| checks.len() > 5), "{case}: {found}");
        assert!(!place.path("state").exists(), "{case}: it must not write");
    }
}

const WITH_SNAPSHOT: &str = "
sites:
  - code: P01
    role: standalone
    log: { path: logs/P01.log }
    judgement: { settle: 0s }
    snapshot: { path: backup, control_file: inboxes/smsbkup.box/smsbkup.ctl }
    supplemental: [ { name: scup, path: copy, source: scup, max_age: 7d } ]
";

#[test]
fn the_destination_and_what_lies_around_it_are_looked_at_and_left_as_they_are() {
    let place = Place::new(WITH_SNAPSHOT);
    let (ago, script) = (TimeDelta::hours(2), task("P01").lasting(TimeDelta::minutes(30)).success());
    place.write("logs/P01.log", format!("{}{}", successes("P01", 30), run("P01", &script, ago)));
    let (writer, folder) =
        (SnapshotWriter::new("P01".parse().expect("a code")), place.path("backup/P01Backup"));
    writer.write(&folder, 1, begin(ago), None).expect("a snapshot");
    writer.write_log(&folder, &run("P01", &script, ago), begin(ago)).expect("its log");
    for folder in ["scup", "copy", "inboxes/smsbkup.box", "inboxes/smsbkup"] {
        fs::create_dir_all(place.path(folder)).expect("a folder");
    }
    for file in ["scup/scup.sdf", "copy/scup.sdf", "inboxes/smsbkup.box/smsbkup.ctl"] {
        place.write(file, file);
    }
    let code_and_text = || {
        let output = place.output(&["check"]);
        (output.status.code(), text(&output))
    };
    let before = contents(&place, "backup/P01Backup/SiteDBServer");
    let (code, said) = code_and_text();
    assert_eq!(code, Some(1), "backup and installation share a disk: {said}");
    for check in ["snapshot_complete", "supplemental_fresh", "after_backup"] {
        let passed = |line: &str| line.split_whitespace().take(2).eq([check, "passed"]);
        assert!(said.lines().any(passed), "{check}: {said}");
    }
    assert_eq!(contents(&place, "backup/P01Backup/SiteDBServer"), before);

    fs::remove_dir_all(place.path("copy")).expect("the copy goes");
    place.write("inboxes/smsbkup/AfterBackup.bat", "rem");
    fs::remove_dir_all(place.path("backup/P01Backup/CD.Latest")).expect("a part of the snapshot goes");
    let (code, said) = code_and_text();
    assert_eq!(code, Some(2), "no valid copy is left: {said}");
    for told in ["scup (nothing is at ", "The destination lacks ", "where nothing ever starts it"] {
        assert!(said.contains(told), "{told}: {said}");
    }
    fs::remove_file(place.path("logs/P01.log")).expect("the log goes");
    let (_, said) = code_and_text();
    assert!(said.contains("the destination is left alone now: nothing that could be read tells"), "{said}");
}

#[test]
fn who_watches_nothing_is_told_what_can_be_watched() {
    let place = Place::new("sites: [ { code: P01, role: standalone } ]\n");
    let output = place.output(&["check"]);
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output);
    assert!(
        said.contains("nothing is watched: configure sites[].log, event_log, database or snapshot"),
        "{said}"
    );
}

#[test]
fn a_reader_that_goes_away_does_not_make_a_failure_a_success() {
    let place = Place::new(ONE_SITE);
    place.append(&month_and("P01", &task("P01").stopped()));
    for (arguments, code) in [
        (["check", "--format=text"].as_slice(), 2),
        (&["check", "--format=json"], 2),
        (&["--config.check"], 0),
        (&["--help"], 0),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = place.command(arguments).stdout(writer).output().expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*said), (Some(code), ""), "{arguments:?}");
    }
}

#[test]
fn of_several_sites_the_worst_decides_and_failed_is_worse_than_unknown() {
    let place = Place::new(&sites(&["P01", "P02", "P03"]));
    let code = || place.output(&["check"]).status.code();
    place.write("logs/P01.log", month_and("P01", &task("P01").lasting(TimeDelta::minutes(30)).success()));
    assert_eq!(code(), Some(3), "two sites without a log");
    place.write("logs/P02.log", month_and("P02", &task("P02").stopped()));
    assert_eq!(code(), Some(2), "one of them failed");
}

/// Every file below a folder with its time and content.
fn contents(place: &Place, folder: &str) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    let file = |path: PathBuf| {
        let changed = fs::metadata(&path).and_then(|metadata| metadata.modified()).expect("a time");
        let content = fs::read(&path).expect("a file");
        (path, (changed, content))
    };
    let entries = fs::read_dir(place.path(folder)).expect("a folder");
    entries.map(|entry| file(entry.expect("an entry").path())).collect()
}

#[test]
fn beside_a_running_exporter_it_knows_what_only_the_checkpoint_knows_and_writes_nothing() {
    let place = Place::new(ONE_SITE);
    place.append(&month_and(
        "P01",
        &task("P01").lasting(TimeDelta::minutes(30)).failure(FailureCause::DiskFull),
    ));
    let exporter = place.start();
    exporter.until("runs_total{site_code=\"P01\"}", 31.0);
    // The events roll away: what is left in the log says nothing.
    place.write("logs/smsbkup.log", "");
    let before = (contents(&place, "state"), contents(&place, "logs"));
    for format in ["text", "json"] {
        let output = place.output(&["check", "--format", format]);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains("failed") && text(&output).contains("disk"), "{}", text(&output));
        assert!(output.stderr.is_empty());
    }
    assert_eq!((contents(&place, "state"), contents(&place, "logs")), before);
    // A log that is gone does not undo what is known.
    fs::remove_file(place.log()).expect("the log goes");
    assert_eq!(place.output(&["check"]).status.code(), Some(2));
    assert_eq!(exporter.get("/-/healthy").status, 200);
}

#[test]
fn a_spoilt_checkpoint_is_left_alone() {
    let place = Place::new(ONE_SITE);
    place.append(&month_and("P01", &task("P01").lasting(TimeDelta::minutes(30)).success()));
    fs::create_dir(place.path("state")).expect("the state directory");
    fs::write(place.checkpoint("P01"), "spoilt").expect("a spoilt checkpoint");
    let output = place.output(&["check"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(contents(&place, "state").len(), 1);
    assert_eq!(fs::read(place.checkpoint("P01")).expect("it is there"), b"spoilt");
}
