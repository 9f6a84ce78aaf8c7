//! The loop around sources that answer, fail, hang and panic. Time is paused, so waits cost nothing.

use std::panic::panic_any;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::source::{Quiet, SourceKind};
use crate::watchdog::Watchdog;

const INTERVAL: Duration = Duration::from_secs(10);

fn id() -> SourceId {
    SourceId { kind: SourceKind::BackupLog, location: "smsbkup.log".to_owned() }
}

/// A cursor that differs from those with other numbers.
fn cursor(number: u64) -> Cursor {
    serde_json::from_value(serde_json::json!({ "log": { "next": number } })).unwrap()
}

fn answer(number: u64, reach: Reach) -> Outcome {
    Ok(Poll { facts: Vec::new(), cursor: cursor(number), reach })
}

fn failure(kind: FailureKind) -> Outcome {
    Err(PollFailure { kind, message: kind.to_string() })
}

/// A running supervisor and both ends of what it is connected to.
struct Rig {
    reports: mpsc::Receiver<Report>,
    wake: Arc<Notify>,
    stop: CancellationToken,
    watchdog: Watchdog,
    task: JoinHandle<()>,
    clock: Clock,
    advice: watch::Sender<Guidance>,
}

fn poll(report: Report) -> PollReport {
    let Report::Poll(report) = report else { panic!("a source reports polls") };
    report
}

impl Rig {
    fn start(source: impl Source) -> Self {
        let (sender, reports) = mpsc::channel(16);
        let (advice, guidance) = watch::channel(Guidance::default());
        let (wake, stop, watchdog) = (Arc::new(Notify::new()), CancellationToken::new(), Watchdog::default());
        let clock = Clock::anchored(chrono::DateTime::UNIX_EPOCH);
        let supervision = Supervision {
            site: "P01".parse().unwrap(),
            clock,
            timings: Timings::DEFAULT,
            guidance,
            wake: Arc::clone(&wake),
            reports: sender,
            heartbeat: watchdog.register("source", Timings::DEFAULT.watchdog),
            stop: stop.clone(),
        };
        let task = tokio::spawn(supervise(source, supervision));
        Self { reports, wake, stop, watchdog, task, clock, advice }
    }

    async fn next(&mut self) -> PollReport {
        poll(self.reports.recv().await.unwrap())
    }

    /// Seconds from the start to when the next poll began.
    async fn next_start(&mut self) -> f64 {
        let started = self.next().await.started - chrono::DateTime::UNIX_EPOCH;
        started.as_seconds_f64()
    }

    /// Where a blocking thread runs, paused time does not advance by itself: this moves it until a report comes.
    async fn next_while_blocked(&mut self) -> PollReport {
        for _ in 0..1_000_000 {
            if let Ok(report) = self.reports.try_recv() {
                return poll(report);
            }
            tokio::time::advance(Duration::from_millis(250)).await;
        }
        panic!("no report in three days");
    }

    /// As [`Self::next_while_blocked`], past the timeouts that real threads cause while paused time flies.
    async fn next_answer(&mut self) -> PollReport {
        let began = std::time::Instant::now();
        loop {
            let report = self.next_while_blocked().await;
            if report.result.is_ok() {
                return report;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "no answer");
        }
    }
}

/// Answers from a list, then always that all is well.
struct Scripted {
    id: SourceId,
    answers: std::vec::IntoIter<Option<Outcome>>,
}

impl Scripted {
    /// `None` hangs until the poll is dropped.
    fn new(answers: Vec<Option<Outcome>>) -> Self {
        Self { id: id(), answers: answers.into_iter() }
    }
}

impl Source for Scripted {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    async fn poll(&mut self, _: &Guidance) -> Outcome {
        match self.answers.next() {
            Some(Some(outcome)) => outcome,
            Some(None) => std::future::pending().await,
            None => answer(0, Reach::CaughtUp),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn polls_follow_the_interval_and_back_off_only_where_asking_costs() {
    let fails = |kind| Some(failure(kind));
    let well = |reach| Some(answer(0, reach));
    let mut rig = Rig::start(Scripted::new(vec![
        well(Reach::CaughtUp),
        well(Reach::More),
        well(Reach::Unsettled),
        fails(FailureKind::NotFound),
        fails(FailureKind::Locked),
        fails(FailureKind::Unreachable),
        fails(FailureKind::Unreachable),
        fails(FailureKind::Unreachable),
        fails(FailureKind::Unreachable),
        well(Reach::CaughtUp),
    ]));
    let mut before = rig.next_start().await;
    assert_eq!(before, 0.0, "the first poll comes at once");
    for (poll, pause) in [10.0, 0.0, 10.0, 10.0, 10.0, 20.0, 40.0, 60.0, 60.0, 10.0].into_iter().enumerate() {
        let started = rig.next_start().await;
        let most = pause * (1.0 + JITTER) + 0.01;
        assert!((pause..=most).contains(&(started - before)), "after poll {poll}: {}", started - before);
        before = started;
    }
    assert!(rig.watchdog.silent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn many_wake_ups_are_one_early_poll() {
    let mut rig = Rig::start(Scripted::new(Vec::new()));
    let first = rig.next_start().await;
    for _ in 0..5 {
        rig.wake.notify_one();
        tokio::time::advance(Duration::from_millis(5)).await;
    }
    let woken = rig.next_start().await - first;
    assert!(woken < 0.2, "{woken}");
    // A notification that came while it was about to poll may bring one more, then the interval holds again.
    let mut last = rig.next_start().await;
    if last - first < 1.0 {
        last = rig.next_start().await;
    }
    assert!(last - first >= 10.0, "{last}");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_its_own_does_not_make_the_next_answer_older() {
    let mut rig = Rig::start(Scripted::new(vec![Some(failure(FailureKind::Timeout))]));
    let (first, second) = (rig.next_start().await, rig.next_start().await);
    assert!(first == 0.0 && second >= 10.0, "{first} {second}");
}

#[tokio::test(start_paused = true)]
async fn it_stops_at_once_between_polls_and_soon_in_a_hung_one() {
    let mut rig = Rig::start(Scripted::new(vec![Some(answer(1, Reach::CaughtUp)), None]));
    rig.next().await;
    let before = Instant::now();
    rig.stop.cancel();
    rig.task.await.unwrap();
    assert_eq!(before.elapsed(), Duration::ZERO);

    let rig = Rig::start(Scripted::new(vec![None]));
    tokio::time::advance(Duration::from_secs(5)).await;
    let before = Instant::now();
    rig.stop.cancel();
    rig.task.await.unwrap();
    assert!(before.elapsed() < Timings::DEFAULT.shutdown_grace, "{:?}", before.elapsed());
}

/// What a blocking source does, and how it was asked.
#[derive(Default)]
struct Blocker {
    asked: Mutex<Vec<Option<Cursor>>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl Blocker {
    /// Waits, in real time, until threads have begun so many polls.
    async fn is_asked(&self, times: usize) {
        let began = std::time::Instant::now();
        while self.cursors().len() < times {
            assert!(began.elapsed() < Duration::from_secs(60), "it is never asked");
            tokio::task::yield_now().await;
        }
    }

    /// The cursors from which polls began.
    fn cursors(&self) -> Vec<Option<Cursor>> {
        self.asked.lock().unwrap().clone()
    }
}

struct BlockingScript<F> {
    id: SourceId,
    blocker: Arc<Blocker>,
    poll: F,
}

impl<F> std::fmt::Debug for BlockingScript<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockingScript").field("id", &self.id).finish_non_exhaustive()
    }
}

impl<F> BlockingSource for BlockingScript<F>
where
    F: Fn(usize) -> Outcome + Send + Sync + 'static,
{
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    fn poll(&self, cursor: Option<&Cursor>, _: &Guidance) -> Outcome {
        let number = {
            let mut asked = self.blocker.asked.lock().unwrap();
            asked.push(cursor.cloned());
            asked.len()
        };
        let in_flight = self.blocker.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.blocker.most_in_flight.fetch_max(in_flight, Ordering::SeqCst);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (self.poll)(number)));
        self.blocker.in_flight.fetch_sub(1, Ordering::SeqCst);
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn blocking(
    poll: impl Fn(usize) -> Outcome + Send + Sync + 'static,
) -> (Blocking<impl BlockingSource>, Arc<Blocker>) {
    let (blocker, under_way) = (Arc::new(Blocker::default()), UnderWay::default());
    let script = BlockingScript { id: id(), blocker: Arc::clone(&blocker), poll };
    (Blocking::new(script, Some(cursor(0)), under_way), blocker)
}

#[tokio::test]
async fn a_poll_is_counted_until_it_ends_though_nobody_waits_for_it() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Mutex::new(released);
    let (mut source, blocker) = blocking(move |number| {
        released.lock().unwrap().recv().unwrap();
        match number {
            1 => answer(1, Reach::CaughtUp),
            _ => panic_any("a line that nobody thought of"),
        }
    });
    let (under_way, advice) = (source.under_way.clone(), Guidance::default());
    for times in 1..=2 {
        assert_eq!(under_way.count(), 0);
        tokio::select! {
            _ = source.poll(&advice) => panic!("it hangs"),
            () = blocker.is_asked(times) => {}
        }
        source.in_flight = None;
        assert_eq!(under_way.count(), 1);
        release.send(()).unwrap();
        // It ends on a thread of its own.
        let began = std::time::Instant::now();
        while under_way.count() > 0 {
            assert!(began.elapsed() < Duration::from_secs(60), "it is counted for ever");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_panics_goes_on_with_its_old_cursor() {
    let (source, blocker) = blocking(|number| match number {
        2 => panic_any("a line that nobody thought of"),
        number => answer(number as u64, Reach::CaughtUp),
    });
    let mut rig = Rig::start(source);
    assert!(rig.next().await.result.is_ok());
    let panicked = rig.next().await.result.unwrap_err();
    assert_eq!(panicked.kind, FailureKind::Malformed);
    assert!(id().kind.failures().contains(&panicked.kind), "it is exported");
    assert!(panicked.message.contains("smsbkup.log"), "{}", panicked.message);
    assert!(rig.next().await.result.is_ok() && rig.next().await.result.is_ok());
    assert_eq!(blocker.cursors()[..4], [0, 1, 1, 3].map(|number| Some(cursor(number))));
}

#[tokio::test(start_paused = true)]
async fn a_hung_source_times_out_again_and_again_with_one_poll_in_flight_and_its_late_answer_counts() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Mutex::new(released);
    let (source, blocker) = blocking(move |number| {
        if number == 1 {
            released.lock().unwrap().recv().unwrap();
        }
        answer(number as u64, Reach::CaughtUp)
    });
    let mut rig = Rig::start(source);
    blocker.is_asked(1).await;
    let mut first = None;
    for expected in 1..=4 {
        let report = rig.next_while_blocked().await;
        let failure = report.result.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Timeout);
        assert!(failure.message.contains("smsbkup.log") && failure.message.contains("60 s"), "{failure:?}");
        assert_eq!(report.started, *first.get_or_insert(report.started), "it is still the first poll");
        assert!(report.duration >= expected * Timings::DEFAULT.poll_deadline, "{:?}", report.duration);
        assert!(rig.watchdog.silent().is_empty(), "the loop itself is alive");
    }
    assert_eq!(blocker.cursors().len(), 1);

    release.send(()).unwrap();
    let late = rig.next_answer().await;
    assert_eq!(Some(late.started), first, "what it brings is as old as its beginning");
    assert_eq!(late.result.unwrap().cursor, cursor(1));
    let next = rig.next_answer().await;
    assert!(next.started > late.started && rig.clock.now() > late.started);
    assert_eq!(blocker.cursors()[..2], [0, 1].map(|number| Some(cursor(number))));
    assert_eq!(blocker.most_in_flight.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_while_it_stops_is_still_reported() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Mutex::new(released);
    let (source, blocker) = blocking(move |_| {
        released.lock().unwrap().recv().unwrap();
        answer(1, Reach::CaughtUp)
    });
    let mut rig = Rig::start(source);
    blocker.is_asked(1).await;
    rig.stop.cancel();
    release.send(()).unwrap();
    assert_eq!(rig.next().await.result.unwrap().cursor, cursor(1));
    rig.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_put_off_is_done_as_soon_as_quiet_ends() {
    let mut rig = Rig::start(Scripted::new(Vec::new()));
    let advise = |rig: &Rig, quiet| rig.advice.send_replace(Guidance { quiet, ..Guidance::default() });
    advise(&rig, Some(Quiet::RunInProgress));
    let first = rig.next_start().await;
    // Another reason is no end.
    advise(&rig, Some(Quiet::AfterBackup));
    let second = rig.next_start().await;
    assert!(second - first >= INTERVAL.as_secs_f64(), "{first} {second}");
    advise(&rig, None);
    let third = rig.next_start().await;
    assert!(third - second < 1.0, "{second} {third}");
    assert!(rig.next_start().await - third >= INTERVAL.as_secs_f64());
}

/// A source whose poll ends with its future, and that never answers.
struct Mute(SourceId);

impl Source for Mute {
    fn id(&self) -> &SourceId {
        &self.0
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    async fn poll(&mut self, _: &Guidance) -> Outcome {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_ended_with_its_future_does_not_date_the_next_one() {
    let id = SourceId { kind: SourceKind::Database, location: "CM_P01 on sql01".to_owned() };
    let mut rig = Rig::start(Mute(id));
    let (first, second) = (rig.next().await, rig.next().await);
    assert!(second.started > first.started && second.duration < 2 * Timings::DEFAULT.poll_deadline);
}
