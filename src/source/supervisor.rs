//! The loop around every source, written once: cadence, jitter, deadline, back-off, panic isolation, reporting.
//!
//! A source that hangs keeps its one poll in flight: it is reported as timed out again and again, never started a
//! second time by its supervisor, and does not keep the process from stopping. A reload that ends the supervisor leaves the
//! poll behind, and the next supervisor begins its own beside it, so polls are counted until they end.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Cursor, FailureKind, Guidance, Poll, PollFailure, PollReport, Reach, Report, SourceId};
use crate::clock::Clock;
use crate::site::{SiteCode, Timings, Witness};
use crate::watchdog::Heartbeat;

/// The longest pause that back-off makes of a shorter interval.
const MAX_BACKOFF: Duration = Duration::from_secs(60);
/// Wake-ups in quick succession (one per written line) become one poll.
const WAKE_PAUSE: Duration = Duration::from_millis(50);
/// Jitter keeps the sources of many sites from polling in step: up to this part of the interval is added.
const JITTER: f64 = 0.05;

/// Something that is polled.
pub trait Source: Send + 'static {
    /// Which one.
    fn id(&self) -> &SourceId;

    /// How often it wants to be polled.
    fn interval(&self) -> Duration;

    /// Whether it puts off what it does while sources are to keep quiet.
    fn heeds_quiet(&self) -> bool {
        true
    }

    /// Whether a poll goes on when its future has been dropped, and the next one only waits for its end.
    fn outlives_its_future(&self) -> bool {
        false
    }

    /// How long a poll may take; `None` for the time that every source has.
    fn deadline(&self) -> Option<Duration> {
        None
    }

    /// Looks once. The future may be dropped at any time; nothing that was read is lost by it.
    fn poll(&mut self, guidance: &Guidance)
    -> impl Future<Output = Result<Poll<Cursor>, PollFailure>> + Send;
}

/// A source that blocks: files, the registry, services.
pub trait BlockingSource: std::fmt::Debug + Send + Sync + 'static {
    /// Which one.
    fn id(&self) -> &SourceId;

    /// How often it wants to be polled.
    fn interval(&self) -> Duration;

    /// The deciding witness that it reads, if it reads one.
    fn witness(&self) -> Option<Witness> {
        self.id().kind.witness()
    }

    /// The file whose changes wake it before its interval has passed.
    fn wakes_on(&self) -> Option<&Path> {
        None
    }

    /// How long a poll may take; `None` for the time that every source has.
    fn deadline(&self) -> Option<Duration> {
        None
    }

    /// Looks once, from `cursor` on. May block for ever; may panic, which leaves the cursor as it was.
    fn poll(&self, cursor: Option<&Cursor>, guidance: &Guidance) -> Result<Poll<Cursor>, PollFailure>;
}

impl BlockingSource for Box<dyn BlockingSource> {
    fn id(&self) -> &SourceId {
        (**self).id()
    }

    fn interval(&self) -> Duration {
        (**self).interval()
    }

    fn witness(&self) -> Option<Witness> {
        (**self).witness()
    }

    fn wakes_on(&self) -> Option<&Path> {
        (**self).wakes_on()
    }

    fn deadline(&self) -> Option<Duration> {
        (**self).deadline()
    }

    fn poll(&self, cursor: Option<&Cursor>, guidance: &Guidance) -> Outcome {
        (**self).poll(cursor, guidance)
    }
}

type Outcome = Result<Poll<Cursor>, PollFailure>;

/// Counts the polls that occupy a blocking thread or wait for one, also those that nobody waits for any more.
#[derive(Debug, Clone, Default)]
pub struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    /// How many there are now.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn begin(&self) -> Counted {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counted(self.clone())
    }
}

/// One that is counted as long as it exists.
struct Counted(UnderWay);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Makes a [`Source`] of a blocking one, with at most one poll in flight.
#[derive(Debug)]
pub struct Blocking<S> {
    source: Arc<S>,
    cursor: Option<Cursor>,
    in_flight: Option<JoinHandle<Outcome>>,
    under_way: UnderWay,
}

impl<S: BlockingSource> Blocking<S> {
    /// Polls `source` on blocking threads, beginning at `cursor`.
    pub fn new(source: S, cursor: Option<Cursor>, under_way: UnderWay) -> Self {
        Self { source: Arc::new(source), cursor, in_flight: None, under_way }
    }
}

impl<S: BlockingSource> Source for Blocking<S> {
    fn id(&self) -> &SourceId {
        self.source.id()
    }

    fn interval(&self) -> Duration {
        self.source.interval()
    }

    fn outlives_its_future(&self) -> bool {
        true
    }

    fn deadline(&self) -> Option<Duration> {
        self.source.deadline()
    }

    async fn poll(&mut self, guidance: &Guidance) -> Outcome {
        let handle = self.in_flight.get_or_insert_with(|| {
            let (source, cursor, guidance) =
                (Arc::clone(&self.source), self.cursor.clone(), guidance.clone());
            let counted = self.under_way.begin();
            tokio::task::spawn_blocking(move || {
                let _counted = counted;
                source.poll(cursor.as_ref(), &guidance)
            })
        });
        let joined = handle.await;
        self.in_flight = None;
        let poll = joined.unwrap_or_else(|error| {
            tracing::error!(source = %self.source.id(), %error, "poll panicked; please report this");
            let message = format!("reading {} panicked; please report this", self.source.id().location);
            Err(PollFailure { kind: FailureKind::Malformed, message })
        })?;
        self.cursor = Some(poll.cursor.clone());
        Ok(poll)
    }
}

/// What a supervisor needs besides its source.
#[derive(Debug)]
pub struct Supervision {
    /// Whose source it is.
    pub site: SiteCode,
    /// Where time comes from.
    pub clock: Clock,
    /// Deadlines.
    pub timings: Timings,
    /// When to keep quiet.
    pub guidance: watch::Receiver<Guidance>,
    /// Wakes the source before its interval has passed.
    pub wake: Arc<Notify>,
    /// Where reports go.
    pub reports: mpsc::Sender<Report>,
    /// Says that this loop turns.
    pub heartbeat: Heartbeat,
    /// Ends the loop.
    pub stop: CancellationToken,
}

/// Polls a source until it is told to stop.
pub async fn supervise(mut source: impl Source, context: Supervision) {
    let Supervision { site, clock, timings, mut guidance, wake, reports, heartbeat, stop } = context;
    let poll_deadline = source.deadline().unwrap_or(timings.poll_deadline);
    let mut pace = Pace { interval: source.interval(), failures: 0 };
    let mut pending = None;
    let mut trouble = Trouble(None);
    let mut delay = Duration::ZERO;
    let mut was_quiet = false;
    loop {
        heartbeat.beat(delay + poll_deadline + timings.watchdog);
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(delay) => {}
            () = async { wake.notified().await; sleep(WAKE_PAUSE).await } => {}
            () = quiet_ends(&mut guidance), if was_quiet => {}
        }
        let advice = guidance.borrow_and_update().clone();
        // A poll that timed out before may still run: what it will bring is as old as its beginning.
        let (started, instant) = *pending.get_or_insert_with(|| (clock.now(), Instant::now()));
        let deadline = if stop.is_cancelled() { Duration::ZERO } else { poll_deadline };
        let polled = tokio::select! {
            polled = timeout(deadline, source.poll(&advice)) => polled,
            // What is being read may still arrive; a hung poll must not keep the process.
            () = async { stop.cancelled().await; sleep(timings.shutdown_grace / 4).await } => return,
        };
        if polled.is_ok() || !source.outlives_its_future() {
            pending = None;
        }
        let result = polled.unwrap_or_else(|_| Err(hung(source.id(), poll_deadline)));
        if !stop.is_cancelled() {
            trouble.tell(site, source.id(), &result);
        }
        was_quiet = advice.quiet.is_some() && source.heeds_quiet();
        delay = pace.next(&result);
        let report =
            PollReport { site, source: source.id().clone(), started, duration: instant.elapsed(), result };
        if reports.send(report.into()).await.is_err() {
            return;
        }
    }
}

/// Until sources need not keep quiet: what they put off, they do at once.
async fn quiet_ends(guidance: &mut watch::Receiver<Guidance>) {
    if guidance.wait_for(|advice| advice.quiet.is_none()).await.is_err() {
        // Nobody advises any more.
        std::future::pending::<()>().await;
    }
}

fn hung(source: &SourceId, deadline: Duration) -> PollFailure {
    let message = format!(
        "{} did not answer within {} s; check the disk, share or machine behind it",
        source.location,
        deadline.as_secs()
    );
    PollFailure { kind: FailureKind::Timeout, message }
}

/// The kind of failure that the log of this program was last told of.
struct Trouble(Option<FailureKind>);

impl Trouble {
    /// Logs a change for better or worse: once, not with every poll.
    fn tell(&mut self, site: SiteCode, source: &SourceId, result: &Outcome) {
        let known = std::mem::replace(&mut self.0, result.as_ref().err().map(|failure| failure.kind));
        let path = &source.location;
        match result {
            Err(failure) if known != Some(failure.kind) => {
                let (kind, reason) = (failure.kind, &failure.message);
                tracing::warn!(%site, source = %source.kind, path, %kind, reason, "source cannot be read");
            }
            Ok(_) if known.is_some() => {
                tracing::info!(%site, source = %source.kind, path, "source can be read again");
            }
            _ => {}
        }
    }
}

/// The pause after a poll, as a value.
struct Pace {
    interval: Duration,
    failures: u32,
}

impl Pace {
    fn next(&mut self, result: &Outcome) -> Duration {
        self.failures = if slows_down(result) { self.failures.saturating_add(1) } else { 0 };
        match result {
            Ok(Poll { reach: Reach::More, .. }) => return Duration::ZERO,
            Ok(Poll { reach: Reach::MoreAfter(pause), .. }) => return *pause,
            _ => {}
        }
        let factor = 1_u32 << self.failures.min(6);
        let pause = (self.interval * factor).min(MAX_BACKOFF.max(self.interval));
        pause.mul_f64(1.0 + JITTER * fastrand::f64())
    }
}

/// Asking a machine that does not answer costs something; looking for a file that is not there does not.
fn slows_down(result: &Outcome) -> bool {
    use FailureKind::{AccessDenied, Locked, NotFound};
    matches!(result, Err(PollFailure { kind, .. }) if !matches!(kind, NotFound | Locked | AccessDenied))
}

#[cfg(test)]
mod tests;
