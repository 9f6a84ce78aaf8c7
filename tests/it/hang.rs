//! A log that hangs for ever, as behind a dead share: a FIFO that nobody writes, which blocks whoever opens it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use configmgr_backup_exporter::site::Timings;

use crate::support::backups::{one_more, successes};
use crate::support::inside::Inside;
use crate::support::process::{DEADLINE, ONE_SITE, Place, append};
use crate::support::{http, wait};

/// The most that a stop may take: the grace period of 10 s, and something for a machine under load.
const STOPPED_WITHIN: Duration = Duration::from_secs(12);

const TWO_SITES: &str = "\
sites:
  - { code: P01, log: { path: logs/p01.log, interval: 1s } }
  - { code: P02, log: { path: logs/p02.log, interval: 1s } }
";

/// A file that hangs whoever opens it, until this value goes.
struct Hanging(PathBuf);

impl Hanging {
    #[track_caller]
    fn at(path: PathBuf) -> Self {
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo starts").success(), "{}", path.display());
        Self(path)
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        // Whoever still hangs in this process goes on; opening both ends at once never hangs.
        drop(fs::File::options().read(true).write(true).open(&self.0));
    }
}

fn totals(checkpoint: &Path) -> serde_json::Value {
    let bytes = fs::read(checkpoint).expect("a checkpoint");
    serde_json::from_slice::<serde_json::Value>(&bytes).expect("JSON")["totals"].take()
}

#[test]
fn a_hung_log_stops_neither_the_other_site_nor_the_end_of_the_process() {
    let place = Place::new(TWO_SITES);
    let _hanging = Hanging::at(place.path("logs/p01.log"));
    append(&place.path("logs/p02.log"), &successes("P02", 3));
    let mut exporter = place.start();
    let samples = exporter.until("runs_total{site_code=\"P02\"}", 3.0);
    assert_eq!(samples.get("runs_total{site_code=\"P01\"}"), None, "nothing is known of the hung one");
    // Neither up nor down before its first poll has ended or passed its deadline.
    assert_eq!(samples.get("source_up{site_code=\"P01\",source=\"backup_log\"}"), None);
    assert_eq!(exporter.get("/-/healthy").status, 200);
    // Something newer than the last checkpoint for certain, unless it was already seen.
    append(&place.path("logs/p02.log"), &one_more("P02"));

    exporter.terminate();
    let began = Instant::now();
    let status = exporter.wait(DEADLINE);
    let took = began.elapsed();
    assert!(took < STOPPED_WITHIN, "{took:?}");
    assert_eq!(status.code(), Some(0), "{}", exporter.log());
    assert!(exporter.log().contains("message=stopped"), "{}", exporter.log());
    let saved = totals(&place.checkpoint("P02"));
    assert!(saved["runs"].as_u64() >= Some(3), "{saved}");
    assert_eq!(saved["messages"]["5035"], saved["runs"], "{saved}");
}

#[test]
fn with_every_source_hung_each_of_a_thousand_scrapes_is_answered_at_once() {
    let place = Place::new(TWO_SITES);
    let _hanging = ["logs/p01.log", "logs/p02.log"].map(|log| Hanging::at(place.path(log)));
    let exporter = place.start();
    let address = exporter.address();
    let latencies = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..250 {
                    let began = Instant::now();
                    assert_eq!(http::get(address, "/metrics", &[]).status, 200);
                    latencies.lock().expect("no test failed").push(began.elapsed());
                }
            });
        }
    });
    let mut latencies = latencies.into_inner().expect("no test failed");
    latencies.sort_unstable();
    let (median, most, slowest) = (latencies[500], latencies[990], latencies[999]);
    eprintln!(
        "1000 scrapes, 4 at a time, all sources hung: median {median:.2?}, 99 % {most:.2?}, all {slowest:.2?}"
    );
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    assert_eq!(exporter.get("/-/healthy").status, 200);
}

const TIMEOUTS: &str = "source_poll_failures_total{site_code=\"P01\",source=\"backup_log\",kind=\"timeout\"}";
const UP: &str = "source_up{site_code=\"P01\",source=\"backup_log\"}";
const RUNS: &str = "runs_total{site_code=\"P01\"}";

#[test]
fn a_log_that_begins_to_hang_is_down_after_the_deadline_and_keeps_its_events() {
    let place = Place::new(ONE_SITE);
    place.append(&successes("P01", 3));
    let short = Timings { poll_deadline: Duration::from_millis(200), ..Timings::DEFAULT };
    let inside = Inside::start(&place, short);
    inside.until(RUNS, |runs| runs == 3.0);
    fs::remove_file(place.log()).expect("the log goes");
    let hanging = Hanging::at(place.log());
    let hung = inside.until(TIMEOUTS, |timeouts| timeouts >= 2.0);
    assert_eq!((hung.get(UP), hung.get(RUNS)), (Some(0.0), Some(3.0)));
    let polls = hung.get("source_polls_total{site_code=\"P01\",source=\"backup_log\"}");
    assert!(polls > hung.get(TIMEOUTS), "{hung:?}");
    assert_eq!(inside.get("/-/healthy").status, 200);

    // It answers again, with the log as it was and one more run.
    fs::rename(place.log(), place.path("fifo")).expect("the hanging file goes");
    place.append(&one_more("P01"));
    let released = fs::File::options().read(true).write(true).open(place.path("fifo"));
    inside.until(UP, |up| up == 1.0);
    inside.until(RUNS, |runs| runs == 4.0);
    inside.stop();
    drop((hanging, released));
}

#[test]
fn a_hung_source_delays_readiness_until_its_deadline_or_the_longest_wait() {
    let never = Duration::from_secs(3600);
    let soon = Duration::from_millis(500);
    for (poll_deadline, ready_after) in [(soon, never), (never, soon)] {
        let place = Place::new(ONE_SITE);
        let _hanging = Hanging::at(place.log());
        let began = Instant::now();
        let grace = Duration::from_secs(1);
        let timings = Timings { poll_deadline, ready_after, shutdown_grace: grace, ..Timings::DEFAULT };
        let inside = Inside::start(&place, timings);
        wait::until(DEADLINE, "the exporter to be ready", || {
            (inside.get("/-/ready").status == 200).then_some(())
        });
        assert!(began.elapsed() >= soon, "{:?}", began.elapsed());
        inside.stop();
    }
}
