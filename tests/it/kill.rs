//! Killed without warning again and again while the log grows and rolls: nothing is lost, counted twice or taken
//! back, and no scrape shows less than the one before.
//!
//! The random choices have a seed, which a failure prints; `SEED` repeats it.

mod story;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fastrand::Rng;

use self::story::{Story, expected, messages};
use crate::support::backups::{Roll, roll, task};
use crate::support::process::{DEADLINE, Exporter, ONE_SITE, Place, Samples};
use crate::support::{http, wait};

const WRITES: usize = 200;
/// One roll after so many writes, so 25 in all.
const WRITES_PER_ROLL: usize = 8;
/// From one scrape to the next.
const PACE: Duration = Duration::from_millis(50);
/// The same until a process has answered a few times: what it shows first is what is most easily wrong.
const FIRST_PACE: Duration = Duration::from_millis(1);
const FIRST_SCRAPES: u32 = 20;
/// Runs before the first start, which no scrape may show only in part; with those that follow, more than are kept.
const HISTORY: usize = 150;

/// What may never decrease: durable counters, and times of a log whose runs come in order.
const RISING: [&str; 9] = [
    "runs_total",
    "runs_failed_total",
    "status_messages_total",
    "status_message_errors_total",
    "status_message_warnings_total",
    "last_start_timestamp_seconds",
    "last_completion_timestamp_seconds",
    "last_success_timestamp_seconds",
    "last_failure_timestamp_seconds",
];

/// What the scraping thread and the test share.
#[derive(Default)]
struct Seen {
    scrapes: u32,
    latest: Samples,
    greatest: BTreeMap<String, f64>,
    fallen: Vec<String>,
}

impl Seen {
    fn take(&mut self, samples: Samples) {
        self.scrapes += 1;
        for family in RISING {
            for (series, value) in samples.family(family) {
                let greatest = self.greatest.entry(series.to_owned()).or_insert(value);
                if value < *greatest {
                    self.fallen
                        .push(format!("scrape {}: {series} fell from {greatest} to {value}", self.scrapes));
                }
                *greatest = greatest.max(value);
            }
        }
        self.latest = samples;
    }

    /// The sum of all messages in the newest scrape.
    fn messages(&self) -> f64 {
        self.latest.family("status_messages_total").map(|(_, value)| value).sum()
    }
}

/// Scrapes whatever runs at the moment, from the first moment that it answers, until `end` is dropped.
fn scrape_all_the_time(target: SocketAddr, seen: &Mutex<Seen>, end: &Receiver<()>) {
    let mut early = FIRST_SCRAPES;
    loop {
        let pace = if early > 0 { FIRST_PACE } else { PACE };
        if end.recv_timeout(pace) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        match http::request("GET", target, "/metrics", &[]) {
            Ok(response) if response.status == 200 => {
                early = early.saturating_sub(1);
                let samples = Samples::parse(response.text());
                seen.lock().unwrap_or_else(PoisonError::into_inner).take(samples);
            }
            // There is no process, or it was killed in the middle of its answer.
            _ => early = FIRST_SCRAPES,
        }
    }
}

#[test]
fn killed_at_any_moment_it_counts_everything_exactly_once() {
    let seed =
        std::env::var("SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().expect("a number"));
    eprintln!("SEED={seed}");
    let began = Instant::now();
    let mut random = Rng::with_seed(seed);
    let mut story = Story::new(random.fork());
    let place = Place::new(ONE_SITE);
    let target = place.keep_port();

    (0..HISTORY).for_each(|_| story.think_of_any());
    let history = story.take(story.unwritten.len());
    place.append(&history);
    let mut seen = Seen { greatest: expected(&history), ..Seen::default() };
    // The last run of the history may not have ended yet.
    seen.greatest.insert("runs_total{site_code=\"P01\"}".to_owned(), f64::from(story.runs - 1));
    let seen = Mutex::new(seen);

    let (end, ended) = channel();
    let (kills, rolls) = std::thread::scope(|scope| {
        let shared = &seen;
        let scraping = scope.spawn(move || scrape_all_the_time(target, shared, &ended));
        let counts = write_and_kill(&place, &mut story, &seen, &mut random);
        drop(end);
        scraping.join().expect("the scraping thread");
        counts
    });
    let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    eprintln!(
        "{} runs, {kills} kills, {rolls} rolls, {} scrapes in {:.1?}",
        story.runs,
        seen.scrapes,
        began.elapsed()
    );
    assert_eq!(seen.fallen, Vec::<String>::new());
    assert!(
        rolls >= 20 && kills >= 20 && seen.scrapes > 50 && story.runs > 210,
        "{rolls} {kills} {}",
        seen.scrapes
    );
}

fn write_and_kill(place: &Place, story: &mut Story, seen: &Mutex<Seen>, random: &mut Rng) -> (usize, usize) {
    let lock = || seen.lock().unwrap_or_else(PoisonError::into_inner);
    let start = || place.start();
    let (mut kills, mut rolls, mut in_rolled) = (0, 0, messages(&story.written));
    let mut running: Option<Exporter> = None;
    for write in 1..=WRITES {
        place.append(&story.piece());
        if write % WRITES_PER_ROLL == 0 {
            place.append(&story.finish_line());
            // What this roll overwrites must have been read for good, or nobody could know it: only a message behind it
            // shows that, because where reading has come to among other lines is saved minutes later.
            while messages(&story.written) <= in_rolled {
                place.append(&story.piece());
                place.append(&story.finish_line());
            }
            running.get_or_insert_with(start);
            wait::until(
                DEADLINE,
                "what follows the lines that are about to be overwritten to be shown",
                || (lock().messages() > in_rolled).then_some(()),
            );
            if random.bool() {
                kills += usize::from(running.take().map(Exporter::kill).is_some());
            }
            in_rolled = messages(&story.written);
            let how = if random.bool() { Roll::Rename } else { Roll::CopyAndTruncate };
            let midway = random.bool();
            roll(&place.log(), how, || {
                if midway && let Some(exporter) = running.take() {
                    exporter.kill();
                    kills += 1;
                }
            });
            rolls += 1;
        } else if random.u8(..4) == 0
            && let Some(exporter) = running.take()
        {
            let moment = Duration::from_millis(random.u64(..150));
            let began = Instant::now();
            wait::until(DEADLINE, "the moment of the kill", || (began.elapsed() >= moment).then_some(()));
            exporter.kill();
            kills += 1;
        } else if running.is_some() && random.bool() {
            let scrapes = lock().scrapes;
            wait::until(DEADLINE, "another scrape", || (lock().scrapes > scrapes).then_some(()));
        }
        if running.is_none() && random.u8(..3) > 0 {
            // Sometimes it dies before it listens.
            if random.u8(..5) == 0 {
                place.launch(&[]).kill();
                kills += 1;
            }
            running = Some(start());
        }
    }
    story.think(task("P01").success(), false);
    place.append(&story.take(story.unwritten.len()));

    let mut wanted = expected(&story.written);
    wanted.insert("runs_total{site_code=\"P01\"}".to_owned(), f64::from(story.runs));
    wanted.insert("runs_failed_total{site_code=\"P01\"}".to_owned(), f64::from(story.failed));
    let exporter = running.unwrap_or_else(start);
    assert_ends_with(&exporter, &wanted);
    exporter.kill();
    // Everything that was shown outlives the kill, and the next process shows the same.
    assert_ends_with(&start(), &wanted);
    (kills, rolls)
}

/// Waits until the last message is there, then compares everything.
#[track_caller]
fn assert_ends_with(exporter: &Exporter, wanted: &BTreeMap<String, f64>) {
    let counts = |samples: &Samples| -> BTreeMap<String, f64> {
        let families = RISING[..5].iter().flat_map(|family| samples.family(family));
        families.map(|(series, value)| (series.to_owned(), value)).collect()
    };
    let sum = |counts: &BTreeMap<String, f64>| counts.values().sum::<f64>();
    let found = wait::until(DEADLINE, "as much to be counted as was written", || {
        Some(counts(&exporter.scrape())).filter(|found| sum(found) >= sum(wanted))
    });
    assert_eq!(&found, wanted);
}
