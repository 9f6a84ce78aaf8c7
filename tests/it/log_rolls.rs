//! Another process writes, rolls, cuts, deletes and locks the log while the program follows it: nobody is in the other's
//! way, and every line counts once.
//!
//! This process is ConfigMgr here. None of its calls is tried a second time, so one that the program stands in the way of
//! fails the test.

use std::fs;

use chrono::TimeDelta;

use super::support::backups::{Roll, roll, run, task};
use super::support::process::{DEADLINE, Exporter, ONE_SITE, Place};
use super::support::wait;

/// How often the log is rolled in each way.
const ROUNDS: usize = 15;

fn until_read(exporter: &Exporter, lines: usize) {
    let wanted = lines as f64;
    wait::until(DEADLINE, "every line to be read", || {
        let read = exporter.scrape().get(r#"log_lines_total{site_code="P01"}"#)?;
        assert!(read <= wanted, "{read} lines read of {wanted}");
        (read == wanted).then_some(())
    });
}

/// A backup of its own each time; the later, the younger.
fn backup(number: usize) -> String {
    let days = i64::try_from(2 * ROUNDS - number).expect("a few rounds");
    run("P01", &task("P01").success(), TimeDelta::days(days))
}

#[test]
fn whoever_rolls_the_log_is_never_in_the_way_and_never_held_up() {
    let place = Place::new(ONE_SITE);
    let log = place.log();
    place.write("logs/smsbkup.log", "");
    let exporter = place.start();
    let mut lines = 0;
    for round in 0..2 * ROUNDS {
        let text = backup(round);
        let middle = text[..text.len() / 2].rfind('\n').expect("several lines") + 1;
        let (first, rest) = text.split_at(middle);
        place.append(first);
        // The first half wakes the program; the log is rolled while it reads.
        let how = if round < ROUNDS { Roll::Rename } else { Roll::CopyAndTruncate };
        roll(&log, how, || {});
        place.append(rest);
        lines += text.lines().count();
        until_read(&exporter, lines);
        if round % 5 == 4 {
            fs::remove_file(log.with_extension("lo_")).expect("the old log is deleted");
            fs::remove_file(&log).expect("the log is deleted");
            // Wine keeps the name as long as somebody has the file open, and deletes it then, whatever was added.
            wait::until(DEADLINE, "the log to be gone", || (!log.exists()).then_some(()));
        }
    }
    let samples = exporter.scrape();
    for (series, value) in
        [("runs_total", 2 * ROUNDS), ("runs_failed_total", 0), ("log_malformed_lines_total", 0)]
    {
        assert_eq!(samples.get(&format!(r#"{series}{{site_code="P01"}}"#)), Some(value as f64), "{series}");
    }
}

#[cfg(windows)]
#[test]
fn a_log_that_another_process_keeps_to_itself_is_read_once_it_lets_go() {
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::os::windows::fs::OpenOptionsExt;

    let place = Place::new(ONE_SITE);
    let text = backup(0);
    place.append(&text);
    let exporter = place.start();
    until_read(&exporter, text.lines().count());
    let mut kept = OpenOptions::new().append(true).share_mode(0).open(place.log()).expect("the log alone");
    kept.write_all(backup(1).as_bytes()).expect("the log grows");
    let locked = r#"source_poll_failures_total{site_code="P01",source="backup_log",kind="locked"}"#;
    wait::until(DEADLINE, "a poll that finds it locked", || {
        exporter.scrape().get(locked).filter(|failures| *failures > 0.0)
    });
    drop(kept);
    until_read(&exporter, text.lines().count() + backup(1).lines().count());
    exporter.until(r#"runs_total{site_code="P01"}"#, 2.0);
    exporter.until(r#"source_up{site_code="P01",source="backup_log"}"#, 1.0);
}
