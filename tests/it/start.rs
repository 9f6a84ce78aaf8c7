//! How soon it is of use: a log of full size and its predecessor are read before it says that it is ready.

use std::time::{Duration, Instant};

use chrono::TimeDelta;

use crate::support::backups::{run, task};
use crate::support::process::{ONE_SITE, Place};

/// The size at which ConfigMgr rolls a log.
const FULL: usize = 2_500_000;
/// The aim is 300 ms; the rest is for builds without optimisation and machines under load.
const READY_WITHIN: Duration = Duration::from_secs(3);

#[test]
fn two_logs_of_full_size_are_read_before_it_is_ready() {
    let place = Place::new(ONE_SITE);
    let task = task("P01").copied(2_000);
    let mut days =
        (0..60).rev().map(|day| run("P01", &task.success(), TimeDelta::days(day) + TimeDelta::hours(3)));
    let mut runs = 0;
    for name in ["logs/smsbkup.lo_", "logs/smsbkup.log"] {
        let mut text = String::new();
        while text.len() < FULL {
            text.push_str(&days.next().expect("enough runs"));
            runs += 1;
        }
        place.write(name, text);
    }

    let began = Instant::now();
    let exporter = place.start();
    let listening = began.elapsed();
    exporter.until_ok("/-/ready");
    let ready = began.elapsed();
    let samples = exporter.scrape();
    eprintln!(
        "listening after {listening:.0?}, ready after {ready:.0?} with {runs} runs in 2 x {FULL} bytes"
    );
    assert_eq!(samples.get("runs_total{site_code=\"P01\"}"), Some(f64::from(runs)));
    assert!(ready < READY_WITHIN, "{ready:?}");
}

#[cfg(unix)]
#[test]
fn a_pipe_for_the_lock_holds_up_no_start() {
    let place = Place::new(ONE_SITE);
    std::fs::create_dir(place.path("state")).expect("the state directory");
    // Who opens it to write waits until somebody reads.
    let made = std::process::Command::new("mkfifo").arg(place.path("state/lock")).status();
    assert!(made.expect("mkfifo starts").success());
    let exporter = place.start();
    exporter.until_ok("/-/ready");
    let second = place.output(&[]);
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(told.contains("another exporter uses the state directory"), "{told}");
}
