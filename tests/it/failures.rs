//! What goes wrong before or beside the backups: no log yet, a bad configuration, a taken port, a spoilt state.

use std::fs;
use std::net::TcpListener;
use std::process::Output;

use crate::support::backups::{one_more, run, successes, task};
use crate::support::process::{DEADLINE, ONE_SITE, Place, binary};
use crate::support::{http, wait};

use chrono::TimeDelta;

const RUNS: &str = "runs_total{site_code=\"P01\"}";
const COMPLETED: &str = "status_messages_total{site_code=\"P01\",message_id=\"5035\"}";
const UP: &str = "source_up{site_code=\"P01\",source=\"backup_log\"}";

/// The exit code and what was said on standard error.
fn ended(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_log_that_is_missing_is_watched_for_and_never_shown_as_zero() {
    let place = Place::new(ONE_SITE);
    let exporter = place.start();
    exporter.until_ok("/-/ready");
    let samples = exporter.scrape();
    assert_eq!((samples.get(UP), samples.get(RUNS), samples.get(COMPLETED)), (Some(0.0), None, None));
    assert_eq!(samples.family("site_info").count(), 1, "it exists from the first scrape");
    let not_found = "source_poll_failures_total{site_code=\"P01\",source=\"backup_log\",kind=\"not_found\"}";
    assert!(samples.get(not_found) >= Some(1.0));
    let sites = exporter.get("/api/v1/sites").json();
    let failure = sites[0]["sources"][0]["failure"].as_str().expect("a failure");
    assert!(failure.contains("smsbkup.log") && failure.contains("watched for"), "{failure}");

    wait::until(DEADLINE, "a second look", || (exporter.scrape().get(not_found) >= Some(2.0)).then_some(()));
    let told = |words: &str| exporter.log().lines().filter(|line| line.contains(words)).count();
    assert_eq!((told("source cannot be read"), told("watched for")), (1, 1), "{}", exporter.log());

    place.append(&successes("P01", 3));
    let first = wait::until(DEADLINE, "the log to be picked up", || {
        Some(exporter.scrape()).filter(|samples| samples.get(RUNS).is_some())
    });
    assert_eq!((first.get(RUNS), first.get(COMPLETED), first.get(UP)), (Some(3.0), Some(3.0), Some(1.0)));
    assert_eq!(told("source can be read again"), 1, "{}", exporter.log());
}

#[cfg(unix)]
#[test]
fn a_site_without_any_source_is_shown_as_unknown_until_it_is_told_to_stop() {
    let place = Place::new("sites: [{ code: P01 }]\n");
    let mut exporter = place.start();
    exporter.until_ok("/-/ready");
    let unknown = "verdict{site_code=\"P01\",verdict=\"unknown\"}";
    assert_eq!(exporter.scrape().get(unknown), Some(1.0), "{:?}", exporter.scrape());
    let sites = exporter.get("/api/v1/sites").json();
    assert_eq!(sites[0]["verdict"], "unknown", "{sites}");
    exporter.terminate();
    assert_eq!(exporter.wait(DEADLINE).code(), Some(0), "{}", exporter.log());
}

#[test]
fn every_problem_of_a_configuration_is_told_at_once() {
    let place = Place::new("sites: [{ code: P1, log: { path: x.log, interval: soon }, shedule: {} }]\n");
    for arguments in [[].as_slice(), &["check"], &["--config.check"]] {
        let (code, said) = ended(&place.output(arguments));
        assert_eq!(code, Some(64), "{said}");
        assert_eq!(said.lines().count(), 3, "{said}");
        for key in ["code", "interval", "shedule"] {
            assert!(said.contains(key), "{said}");
        }
    }
    fs::remove_file(place.path("exporter.yml")).expect("the configuration goes");
    let (code, said) = ended(&place.output(&[]));
    assert_eq!((code, said.lines().count()), (Some(64), 1), "{said}");
    assert!(said.contains("exporter.yml") && said.contains("no such file"), "{said}");
    let (code, said) = ended(&place.output(&["--no-such-flag"]));
    assert!(code == Some(64) && said.contains("--no-such-flag"), "{said}");
}

#[test]
fn a_port_in_use_is_told_in_one_line() {
    let place = Place::new(ONE_SITE);
    let other = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = other.local_addr().expect("its address").to_string();
    let mut command = binary();
    command.arg(format!("--config.file={}", place.path("exporter.yml").display()));
    command.arg(format!("--state.path={}", place.path("state").display()));
    command.arg(format!("--web.listen-address={address}"));
    let (code, said) = ended(&command.output().expect("the program starts"));
    assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains(&address) && said.contains("in use"), "{said}");
}

#[test]
fn a_checkpoint_that_cannot_be_used_is_set_aside_and_rebuilt_from_the_log() {
    let place = Place::new(ONE_SITE);
    place.append(&successes("P01", 4));
    place.append(&run("P01", &task("P01").stopped(), TimeDelta::hours(1)));
    let exporter = place.start();
    let wanted = exporter.until(RUNS, 5.0);
    exporter.kill();
    let good = fs::read_to_string(place.checkpoint("P01")).expect("a checkpoint");

    let newer = good.replacen("\"schema\":1", "\"schema\":99", 1);
    assert_ne!(newer, good);
    let half = &good[..good.len() / 2];
    for (spoilt, word) in [
        ("\u{0}\u{0}\u{0}not a checkpoint", "corrupt"),
        (half, "corrupt"),
        ("", "corrupt"),
        (&newer, "newer"),
        (&good.replacen("\"site\":\"P01\"", "\"site\":\"XYZ\"", 1), "corrupt"),
    ] {
        fs::write(place.checkpoint("P01"), spoilt).expect("a spoilt checkpoint");
        let exporter = place.start();
        let samples = exporter.until(RUNS, 5.0);
        for family in ["runs_failed_total", "status_messages_total", "last_success_timestamp_seconds"] {
            assert!(samples.family(family).eq(wanted.family(family)), "{family} after {word}");
        }
        let log = exporter.log();
        let line = log.lines().find(|line| line.contains("checkpoint set aside")).expect("a report");
        assert!(line.contains("level=warn") && line.contains("P01.checkpoint.json"), "{line}");
        exporter.kill();
        let folder = fs::read_dir(place.path("state")).expect("the state directory");
        let aside: Vec<_> = folder
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.to_string_lossy().contains(&format!("json.{word}-")))
            .collect();
        assert_eq!(aside.len(), 1, "{word}: {aside:?}");
        assert_eq!(fs::read_to_string(&aside[0]).expect("it is kept"), spoilt);
        fs::remove_file(&aside[0]).expect("it goes");
        assert_ne!(fs::read_to_string(place.checkpoint("P01")).expect("a checkpoint"), spoilt);
    }
}

#[cfg(unix)]
#[test]
fn a_checkpoint_that_cannot_be_read_is_never_thrown_away() {
    let place = Place::new(ONE_SITE);
    place.append(&successes("P01", 4));
    fs::create_dir(place.path("state")).expect("the state directory");
    // Even an account that may do anything cannot read this.
    std::os::unix::fs::symlink(place.checkpoint("P01"), place.checkpoint("P01")).expect("a link to itself");
    let (code, said) = ended(&place.output(&[]));
    assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("P01.checkpoint.json") && said.contains("let this account read it"), "{said}");
    assert!(fs::symlink_metadata(place.checkpoint("P01")).is_ok());

    let output = place.output(&["check"]);
    let (code, said) = ended(&output);
    assert_eq!((code, said.lines().count()), (Some(0), 1), "{said}");
    assert!(said.contains("P01.checkpoint.json") && said.contains("going on without it"), "{said}");
}

#[test]
fn a_crash_between_writing_and_renaming_a_checkpoint_loses_nothing() {
    let place = Place::new(ONE_SITE);
    place.append(&successes("P01", 3));
    let exporter = place.start();
    exporter.until(RUNS, 3.0);
    exporter.kill();
    // The log rolls away twice: only the checkpoint still knows these runs, and it has its temporary name.
    place.write("logs/smsbkup.log", "");
    let temporary = place.checkpoint("P01").with_extension("json.tmp");
    fs::rename(place.checkpoint("P01"), temporary).expect("the checkpoint is renamed");
    let exporter = place.start();
    exporter.until(RUNS, 3.0);
    assert!(!exporter.log().contains("set aside"), "{}", exporter.log());
}

#[test]
fn a_second_exporter_on_the_same_state_directory_is_refused_and_the_first_goes_on() {
    let place = Place::new(ONE_SITE);
    place.append(&successes("P01", 2));
    let first = place.start();
    first.until(RUNS, 2.0);
    let (code, said) = ended(&place.output(&[]));
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("another exporter") && said.contains(&*place.path("state").to_string_lossy()),
        "{said}"
    );
    place.append(&one_more("P01"));
    first.until(RUNS, 3.0);
    assert_eq!(first.get("/-/healthy").status, 200);
}

#[test]
fn a_state_directory_that_cannot_be_written_is_told_before_anything_runs() {
    let place = Place::new(ONE_SITE);
    // A file in its place stops even an account that may do anything.
    place.write("state", "");
    let (code, said) = ended(&place.output(&[]));
    assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("state directory") && said.contains("--state.path"), "{said}");
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_counted_and_the_events_are_shown_all_the_same() {
    let place = Place::new(ONE_SITE);
    place.append(&successes("P01", 2));
    let temporary = place.checkpoint("P01").with_extension("json.tmp");
    fs::create_dir_all(&temporary).expect("a folder in the way");
    let exporter = place.start();
    let samples = exporter.until(RUNS, 2.0);
    assert!(samples.get("exporter_checkpoint_failures_total") >= Some(1.0));
    assert_eq!(samples.get("exporter_checkpoint_timestamp_seconds"), None);
    let told = || exporter.log().lines().filter(|line| line.contains("checkpoint not written")).count();
    assert_eq!(told(), 1, "{}", exporter.log());
    fs::remove_dir(&temporary).expect("the folder goes");
    let what = "the checkpoint to be written after all";
    wait::until(DEADLINE, what, || place.checkpoint("P01").exists().then_some(()));
    assert_eq!(told(), 1, "{}", exporter.log());
    assert_eq!(http::get(exporter.address(), "/-/healthy", &[]).status, 200);
}
