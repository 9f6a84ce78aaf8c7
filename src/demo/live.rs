//! The live part of the demo: one short backup a minute, without end, and whatever is started besides.
//!
//! Owns which runs there are; everything that tells of them (log, event log, database, services, destination) reads
//! them here, so that all tell the same. Every fifth scheduled run fails, the first one to begin with, each time of
//! another cause; of every ten scheduled runs one has a damaged page in its snapshot and one is cut.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use tokio::sync::Notify;

use super::writer::{BackupTask, Flaw, RunScript};
use crate::site::{FailureCause, MessageId, Timestamp};

/// How long a run takes that goes to its end.
const RUN: TimeDelta = TimeDelta::seconds(20);
/// From one scheduled start to the next.
const INTERVAL: TimeDelta = TimeDelta::seconds(60);
/// From the last line of a run until its service has stopped.
const EXIT: TimeDelta = TimeDelta::seconds(1);
/// Of so many scheduled runs the first one fails.
const FAILS_EVERY: usize = 5;
const CAUSES: [FailureCause; 8] = [
    FailureCause::SharingViolation,
    FailureCause::DiskFull,
    FailureCause::Vss,
    FailureCause::CleanupFailed,
    FailureCause::AccessDenied,
    FailureCause::Writer,
    FailureCause::CopyFailed,
    FailureCause::Sql,
];

/// The live runs; clones share them.
#[derive(Debug, Clone)]
pub struct LiveRuns(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    plan: Mutex<Plan>,
    begun: Notify,
}

#[derive(Debug)]
struct Plan {
    task: BackupTask,
    /// When the next scheduled run begins, and how many there were before it.
    next: Timestamp,
    scheduled: usize,
    /// Every run so far; it goes on until its second time.
    begun: Vec<(Timestamp, Timestamp, Course)>,
}

/// How a run goes.
#[derive(Debug, Clone, Copy)]
enum Course {
    Succeeds(Option<Flaw>),
    Fails(FailureCause),
}

/// A run that has begun.
#[derive(Debug, Clone)]
pub struct LiveRun {
    /// Counted from 0.
    pub number: usize,
    /// When it began.
    pub start: Timestamp,
    /// What it writes.
    pub script: RunScript,
    /// How its snapshot is spoilt.
    pub flaw: Option<Flaw>,
}

impl LiveRuns {
    /// The first scheduled run begins at `start`.
    pub fn new(task: BackupTask, start: Timestamp) -> Self {
        let plan = Plan { task: task.lasting(RUN), next: start, scheduled: 0, begun: Vec::new() };
        Self(Arc::new(Shared { plan: Mutex::new(plan), begun: Notify::new() }))
    }

    /// A run by its number, if it has begun by now.
    pub fn run(&self, number: usize, now: Timestamp) -> Option<LiveRun> {
        self.plan(now).run(number)
    }

    /// The runs that have begun by now, newest first.
    pub fn newest_first(&self, now: Timestamp) -> impl Iterator<Item = LiveRun> {
        let begun = self.plan(now).begun.len();
        (0..begun).rev().filter_map(move |number| self.run(number, now))
    }

    /// Begins a run now, which will succeed, unless one goes on; whether it did.
    pub fn start(&self, now: Timestamp) -> bool {
        let mut plan = self.plan(now);
        let starts = plan.is_idle(now);
        if starts {
            plan.begin(now, Course::Succeeds(None));
            self.0.begun.notify_one();
        }
        starts
    }

    /// When the next scheduled run begins.
    pub fn next_scheduled(&self, now: Timestamp) -> Timestamp {
        self.plan(now).next
    }

    /// Waits for a run that nobody scheduled, for one waiter.
    pub async fn started(&self) {
        self.0.begun.notified().await;
    }

    /// The plan after everything that was scheduled until now.
    fn plan(&self, now: Timestamp) -> MutexGuard<'_, Plan> {
        let mut plan = self.0.plan.lock().unwrap_or_else(PoisonError::into_inner);
        plan.advance(now);
        plan
    }
}

impl Plan {
    /// Begins what is scheduled until now; a run that goes on takes the place of those that fall into it.
    fn advance(&mut self, now: Timestamp) {
        while self.next <= now {
            let (start, number) = (self.next, self.scheduled);
            self.next += INTERVAL;
            self.scheduled += 1;
            if self.is_idle(start) {
                self.begin(start, scheduled(number));
            }
        }
    }

    fn is_idle(&self, at: Timestamp) -> bool {
        self.begun.last().is_none_or(|(_, end, _)| *end <= at)
    }

    fn begin(&mut self, start: Timestamp, course: Course) {
        let end = start + self.script(course).duration() + EXIT;
        self.begun.push((start, end, course));
    }

    fn script(&self, course: Course) -> RunScript {
        match course {
            Course::Succeeds(_) => self.task.success(),
            Course::Fails(cause) => self.task.failure(cause),
        }
    }

    fn run(&self, number: usize) -> Option<LiveRun> {
        let (start, _, course) = *self.begun.get(number)?;
        // Process ids of Windows are multiples of four.
        let pid = 4 * (1_000 + u32::try_from(number % 4_000).unwrap_or(0));
        let script = self.script(course).process(pid, pid + 308);
        let flaw = match course {
            Course::Succeeds(flaw) => flaw,
            Course::Fails(_) => None,
        };
        Some(LiveRun { number, start, script, flaw })
    }
}

/// How a scheduled run goes.
fn scheduled(number: usize) -> Course {
    let failures = number / FAILS_EVERY;
    match (CAUSES.get(failures % CAUSES.len()), number % 10) {
        (Some(cause), _) if number.is_multiple_of(FAILS_EVERY) => Course::Fails(*cause),
        (_, 3) => Course::Succeeds(Some(Flaw::FlippedBit)),
        (_, 7) => Course::Succeeds(Some(Flaw::Truncated)),
        _ => Course::Succeeds(None),
    }
}

impl LiveRun {
    /// Whether its service still runs.
    pub fn goes_on(&self, now: Timestamp) -> bool {
        now < self.start + self.script.duration() + EXIT
    }

    /// When SMS Writer stopped the site's services for its snapshot, and when it started them again.
    pub fn frozen(&self) -> Option<(Timestamp, Timestamp)> {
        let at = |id| self.script.at(id).map(|at| self.start + at);
        at(MessageId::WRITER_FREEZES).zip(at(MessageId::WRITER_THAWED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::writer::LogWriter;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn runs() -> LiveRuns {
        LiveRuns::new(BackupTask::new("P01".parse().unwrap()), at(0))
    }

    fn text(run: &LiveRun) -> String {
        run.script.text(&LogWriter::new("P01".parse().unwrap(), "CM01"), run.start)
    }

    #[test]
    fn every_fifth_run_fails_of_the_next_cause_and_the_others_succeed() {
        let live = runs();
        for number in 0..45 {
            assert!(live.run(number, at(60 * i64::try_from(number).unwrap() - 1)).is_none());
            let run = live.run(number, at(60 * i64::try_from(number).unwrap())).unwrap();
            assert_eq!(run.start, at(60 * i64::try_from(number).unwrap()));
            assert!(run.script.duration() < TimeDelta::seconds(21));
            assert_eq!(text(&run).contains("ID=5060 "), number % 5 == 0, "{number}");
            assert_eq!(text(&run).contains("ID=5035 "), number % 5 != 0, "{number}");
            assert_eq!(run.flaw.is_some(), [3, 7].contains(&(number % 10)), "{number}");
        }
        for (number, code) in [(0, "= 32"), (5, "= 112"), (15, "= 145"), (40, "= 32")] {
            let run = live.run(number, at(0)).unwrap();
            assert!(text(&run).contains(&format!("Win32 Error {code}")), "{number}");
        }
    }

    #[test]
    fn a_run_that_was_started_is_one_of_the_others() {
        let live = runs();
        assert!(!live.start(at(5)), "the scheduled one goes on");
        assert!(live.start(at(45)));
        assert!(!live.start(at(46)));
        let run = live.run(1, at(45)).unwrap();
        assert_eq!((run.number, run.start), (1, at(45)));
        assert!(text(&run).contains("ID=5035 ") && run.flaw.is_none());
        assert!(run.goes_on(at(65)) && !run.goes_on(at(67)));
        // The one scheduled at 60 s falls into it.
        assert_eq!(live.next_scheduled(at(60)), at(120));
        let starts = |now| live.newest_first(at(now)).map(|run| run.start).collect::<Vec<_>>();
        assert_eq!(starts(119), [at(45), at(0)]);
        assert_eq!(starts(120), [at(120), at(45), at(0)]);
        assert_ne!(text(&run).find("PID=4004 "), None, "each run has a process of its own");
    }

    #[test]
    fn services_are_stopped_for_the_snapshot_only() {
        let live = runs();
        let (from, until) = live.run(1, at(60)).unwrap().frozen().unwrap();
        assert!(at(60) < from && from < until && until < at(80), "{from} {until}");
        assert_eq!(live.run(15, at(900)).unwrap().frozen(), None, "it fails before that");
    }

    #[tokio::test]
    async fn who_waits_for_a_started_run_is_woken_also_afterwards() {
        let live = runs();
        live.start(at(40));
        live.started().await;
    }
}
