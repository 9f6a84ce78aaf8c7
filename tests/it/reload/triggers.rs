//! Who may ask for a reload: over HTTP only where that was switched on, a signal, and a change of the file.

use std::fs;
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use configmgr_backup_exporter::site::Timings;

use super::{LIFECYCLE, ask, place, runs, start, yaml};
use crate::support::http;
use crate::support::inside::Inside;
use crate::support::process::{DEADLINE, Exporter};
use crate::support::wait;

#[track_caller]
fn hang_up(exporter: &Exporter) {
    let kill = Command::new("kill").args(["-HUP", &exporter.id().to_string()]).status();
    assert!(kill.expect("kill starts").success());
}

#[test]
fn over_http_nobody_may_ask_unless_that_is_switched_on() {
    let place = place(&[("P01", "")]);
    let exporter = place.start();
    exporter.until(&runs("P01"), 1.0);
    place.write("exporter.yml", yaml(&[("P01", ""), ("P02", "")]));
    let refused = ask(exporter.address());
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains(LIFECYCLE), "{}", refused.text());
    let wrong = exporter.get("/-/reload");
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("POST, PUT")));
    assert_eq!(exporter.scrape().get(&runs("P02")), None);
    // Whoever has the rights of the process may, in any case.
    hang_up(&exporter);
    exporter.until(&runs("P02"), 2.0);
}

#[test]
fn put_is_as_good_as_post() {
    let place = place(&[("P01", "")]);
    let exporter = start(&place);
    place.write("exporter.yml", yaml(&[("P01", ""), ("P02", "")]));
    let response = http::send("PUT", exporter.address(), "/-/reload", &[], b"", DEADLINE).expect("an answer");
    assert_eq!((response.status, response.text()), (200, "configuration reloaded: added P02\n"));
}

#[test]
fn a_signal_reloads_and_a_broken_file_is_told_in_the_log() {
    let place = place(&[("P01", "")]);
    let mut exporter = place.start();
    exporter.until(&runs("P01"), 1.0);
    place.write("exporter.yml", "sites: [");
    hang_up(&exporter);
    exporter.until("exporter_config_last_reload_successful", 0.0);
    let log = exporter.log();
    assert!(log.contains("configuration not reloaded; the one before stays in use"), "{log}");
    place.write("exporter.yml", yaml(&[("P02", "")]));
    hang_up(&exporter);
    let samples = exporter.until(&runs("P02"), 2.0);
    assert_eq!(samples.get(&runs("P01")), None);
    assert_eq!(samples.get("exporter_config_last_reload_successful"), Some(1.0));
    exporter.terminate();
    assert_eq!(exporter.wait(DEADLINE).code(), Some(0), "{}", exporter.log());
}

#[test]
fn a_signal_during_the_start_neither_ends_the_process_nor_is_missed() {
    let place = place(&[]);
    let path = place.path("exporter.yml");
    fs::remove_file(&path).expect("the file goes");
    assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo starts").success());
    let exporter = place.launch(&[]);
    // It is opened when the exporter opens it too, which has not read it then.
    let mut pipe = fs::OpenOptions::new().write(true).open(&path).expect("the exporter reads");
    hang_up(&exporter);
    fs::remove_file(&path).expect("the pipe goes");
    place.write("exporter.yml", yaml(&[("P01", ""), ("P02", "")]));
    pipe.write_all(yaml(&[("P01", "")]).as_bytes()).expect("the exporter reads");
    drop(pipe);
    exporter.until(&runs("P02"), 2.0);
}

#[test]
fn a_change_of_the_file_is_found_where_it_is_looked_for() {
    let place = place(&[("P01", "")]);
    let timings =
        Timings { config_look: Duration::from_millis(50), settle: Duration::ZERO, ..Timings::DEFAULT };
    let inside = Inside::start(&place, timings);
    inside.until(&runs("P01"), |value| value == 1.0);
    place.write("exporter.yml", yaml(&[("P01", ""), ("P02", "")]));
    inside.until(&runs("P02"), |value| value == 2.0);
    place.write("exporter.yml", yaml(&[("P02", "")]));
    wait::until(DEADLINE, "the site to go", || {
        (inside.get("/health/backup/P01").status == 404).then_some(())
    });
    inside.stop();
}
