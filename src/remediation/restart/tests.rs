//! Each outcome, each deadline, and a stop at each step, with a scripted service. Time is paused, so waits cost nothing.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::Notify;

use super::*;
use crate::config::SiteSettings;
use crate::remediation::ledger::tests::{FAILED, at, run};
use crate::services::scripted::{Call, Script, Scripted, error};
use crate::site::{ServicesSeen, Witness};
use crate::source::{SourceId, SourceKind};
use crate::state::SiteState;

use AttemptOutcome::*;
use ServiceState::{Missing, Paused, Running, StartPending, StopPending, Stopped};

const TIMINGS: Timings = Timings::DEFAULT;

/// A published site whose newest run is the failed one.
struct Rig {
    publish: watch::Sender<Published>,
    stop: CancellationToken,
    services: Scripted,
    /// How often a hanging service was looked at.
    looks: Arc<AtomicUsize>,
}

impl Rig {
    fn new(script: impl FnOnce(&mut Script)) -> Self {
        let services = Scripted::default();
        script(&mut services.0.lock().unwrap());
        let rig = Self {
            publish: watch::Sender::default(),
            stop: CancellationToken::new(),
            services,
            looks: Arc::default(),
        };
        rig.publish_runs(false);
        rig
    }

    /// Publishes the failed run, and the one that began after it.
    fn publish_runs(&self, with_next: bool) {
        publish_runs(&self.publish, with_next);
    }

    fn restart(&self, plan: RestartPlan) -> Restart {
        self.restart_by(plan, Arc::new(self.services.clone()))
    }

    fn restart_by(&self, plan: RestartPlan, controller: Arc<dyn ServiceController>) -> Restart {
        Restart {
            site: "P01".parse().unwrap(),
            plan,
            failed: (at(0), at(20)),
            wanted: Wanted(Box::new(|state| state.runs[0].error.is_some())),
            pause_file: None,
            clock: Clock::anchored(at(25)),
            controller,
            published: self.publish.subscribe(),
            timings: TIMINGS,
            stop: self.stop.clone(),
        }
    }

    fn calls(&self) -> Vec<Call> {
        self.services.0.lock().unwrap().calls.clone()
    }
}

/// A site whose log was last read then.
fn site(read: Option<Timestamp>) -> SiteState {
    let mut state = SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), at(0));
    let log = SourceId { kind: SourceKind::BackupLog, location: String::new() };
    state.watch(log.clone(), Duration::from_secs(5), Some(Witness::Log), at(0));
    let source = state.sources.get_mut(&log).unwrap();
    (source.is_current, source.last_success) = (true, read);
    state
}

fn publish_runs(publish: &watch::Sender<Published>, with_next: bool) {
    let mut state = site(Some(at(6000)));
    let next = with_next.then(|| run(31, 31, None));
    state.runs = Arc::new(std::iter::once(run(0, 20, FAILED)).chain(next).collect());
    publish.send_modify(|published| {
        published.sites.insert("P01".parse().unwrap(), Arc::new(state));
    });
}

/// What a restart came to, how long it took, and which calls it made.
async fn made(plan: RestartPlan, script: impl FnOnce(&mut Script)) -> (Ended, Duration, Vec<Call>) {
    let rig = Rig::new(script);
    let began = Instant::now();
    let ended = rig.restart(plan).run().await;
    (ended, began.elapsed(), rig.calls())
}

#[tokio::test(start_paused = true)]
async fn a_stopped_service_is_started_and_any_other_is_somebody_elses() {
    for (state, outcome, calls) in [
        (Stopped, Started, &[Call::Start][..]),
        (Running, Adopted, &[]),
        (StartPending, Adopted, &[]),
        (StopPending, Adopted, &[]),
        (Paused, Adopted, &[]),
        (Missing, StartFailed, &[]),
    ] {
        let (ended, took, made) = made(RestartPlan::Start, |script| script.state = Ok(state)).await;
        assert_eq!((ended.outcome, &made[..]), (outcome, calls), "{state}");
        assert_eq!(ended.error.is_some(), state == Missing);
        assert!(took <= 2 * TIMINGS.service_poll, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hung_service_is_stopped_first_and_only_started_once_it_stands_still() {
    use RestartPlan::StopFirst;
    let (both, stop, start) = (&[Call::Stop, Call::Start][..], &[Call::Stop][..], &[Call::Start][..]);
    for (before, after_stop, outcome, calls) in [
        (Running, vec![StopPending, Running, StopPending, Stopped], Started, both),
        (Running, vec![Stopped], Started, both),
        (StopPending, vec![], StopTimedOut, &[]),
        (Running, vec![StopPending, StartPending], Adopted, stop),
        (Running, vec![StopPending, Missing], StartFailed, stop),
        (Stopped, vec![], Started, start),
        (StartPending, vec![], Adopted, &[]),
    ] {
        let name = format!("{before} {after_stop:?}");
        let (ended, _, made) = made(StopFirst, |script| {
            script.state = Ok(before);
            script.stop.1 = after_stop;
        })
        .await;
        assert_eq!((ended.outcome, &made[..]), (outcome, calls), "{name}");
    }
    // It stops by itself while nobody has asked it to.
    let (ended, _, made) = made(StopFirst, |script| script.next = [StopPending, Stopped].into()).await;
    assert_eq!((ended.outcome, &made[..]), (Started, start));
}

#[tokio::test(start_paused = true)]
async fn what_the_machine_refuses_is_told_in_its_words() {
    use RestartPlan::{Start as Plain, StopFirst};
    use ServiceErrorKind::{AccessDenied, Timeout};
    for (plan, kind, outcome) in [(Plain, AccessDenied, QueryFailed), (StopFirst, Timeout, QueryFailed)] {
        let (ended, _, calls) = made(plan, |script| script.state = Err(error(kind))).await;
        assert_eq!((ended, calls), (Ended::because(outcome, format!("scripted: {kind}")), vec![]));
    }
    for (kind, outcome) in [(AccessDenied, StopFailed), (Timeout, StopTimedOut)] {
        let (ended, _, calls) = made(StopFirst, |script| {
            script.state = Ok(Running);
            script.stop.0 = Err(error(kind));
        })
        .await;
        let words = format!("scripted: {kind}");
        assert_eq!((ended, calls), (Ended::because(outcome, words), vec![Call::Stop]));
    }
    let refused = |kind| made(Plain, move |script: &mut Script| script.start.0 = Err(error(kind)));
    let (ended, took, calls) = refused(AccessDenied).await;
    assert_eq!(ended, Ended::because(StartFailed, "scripted: access_denied"));
    assert_eq!((took, calls), (TIMINGS.refused_start_wait, vec![Call::Start]));
    // It may have been started all the same, so it is looked for.
    let (ended, took, calls) = refused(Timeout).await;
    assert_eq!((ended.outcome, took, calls), (StartTimedOut, TIMINGS.start_wait, vec![Call::Start]));
    assert!(ended.error.unwrap().ends_with("scripted: timeout"));
    let (ended, ..) = made(Plain, |script| script.start.0 = Ok(Start::AlreadyRunning)).await;
    assert_eq!(ended, Ended::of(Adopted));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_stop_or_start_in_time_is_given_up() {
    let (ended, took, calls) = made(RestartPlan::StopFirst, |script| {
        script.state = Ok(Running);
        script.stop.1 = vec![StopPending];
    })
    .await;
    assert_eq!((ended.outcome, took, calls), (StopTimedOut, TIMINGS.stop_wait, vec![Call::Stop]));
    assert!(ended.error.unwrap().contains("did not stop within 300 s"));
    for (after, outcome, words) in [
        (vec![StartPending], StartTimedOut, "it is start_pending"),
        (vec![StartPending, StopPending, Stopped], StartFailed, "it is stopped again; see smsbkup.log"),
        (vec![Stopped], StartFailed, "it is stopped again"),
        (vec![Missing], StartTimedOut, "it is missing"),
    ] {
        let (ended, took, calls) = made(RestartPlan::Start, |script| script.start.1 = after).await;
        assert_eq!((ended.outcome, took, calls), (outcome, TIMINGS.start_wait, vec![Call::Start]));
        let error = ended.error.unwrap();
        assert!(error.contains("no run began within 120 s") && error.contains(words), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_over_before_the_service_is_looked_at_counts() {
    let rig = Rig::new(|script| script.start.1 = vec![Stopped]);
    let restart = tokio::spawn(rig.restart(RestartPlan::Start).run());
    sleep(Duration::from_secs(45)).await;
    assert!(!restart.is_finished());
    rig.publish_runs(true);
    assert_eq!(restart.await.unwrap(), Ended::of(Started));

    // A run that began before the start was asked for is somebody else's.
    for plan in [RestartPlan::Start, RestartPlan::StopFirst] {
        for state in [Stopped, Running] {
            let rig = Rig::new(|script| script.state = Ok(state));
            rig.publish_runs(true);
            assert_eq!(rig.restart(plan).run().await, Ended::of(Adopted));
            assert_eq!(rig.calls(), [], "{plan:?} {state}");
        }
    }
}

/// Where a call may hang.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    State(usize),
    Start,
    Stop,
}

/// A scripted service of which one call hangs until the gate is dropped.
#[derive(Debug)]
struct Hanging {
    services: Scripted,
    at: At,
    looks: Arc<AtomicUsize>,
    entered: Arc<Notify>,
    gate: Mutex<mpsc::Receiver<()>>,
}

impl Hanging {
    fn pass(&self, here: At) {
        if here == self.at {
            self.entered.notify_one();
            // An error once the gate is gone.
            let _ = self.gate.lock().unwrap().recv();
        }
    }
}

impl ServiceController for Hanging {
    fn location(&self) -> String {
        self.services.location()
    }

    fn look(&self) -> Result<ServicesSeen, ServiceError> {
        self.services.look()
    }

    fn state(&self, service: SiteService) -> Result<ServiceState, ServiceError> {
        self.pass(At::State(self.looks.fetch_add(1, Ordering::SeqCst) + 1));
        self.services.state(service)
    }

    fn start(&self, service: SiteService) -> Result<Start, ServiceError> {
        let answer = self.services.start(service);
        self.pass(At::Start);
        answer
    }

    fn stop(&self, service: SiteService) -> Result<(), ServiceError> {
        let answer = self.services.stop(service);
        self.pass(At::Stop);
        answer
    }
}

/// A restart of a running service of which one call hangs; it hangs when this returns.
async fn hung(at: At) -> (Rig, JoinHandle<Ended>, Instant, mpsc::Sender<()>) {
    let rig = Rig::new(|script| {
        script.state = Ok(Running);
        script.stop.1 = vec![StopPending, Stopped];
        script.start.1 = vec![StartPending];
    });
    let (gate, closed) = mpsc::channel();
    let entered = Arc::new(Notify::new());
    let controller = Hanging {
        services: rig.services.clone(),
        at,
        looks: Arc::clone(&rig.looks),
        entered: Arc::clone(&entered),
        gate: Mutex::new(closed),
    };
    let restart = rig.restart_by(RestartPlan::StopFirst, Arc::new(controller));
    let restart = tokio::spawn(restart.run());
    entered.notified().await;
    (rig, restart, Instant::now(), gate)
}

/// Paused time stands while a blocking thread runs: this moves it until the restart has ended.
async fn ended(restart: JoinHandle<Ended>) -> Ended {
    for _ in 0..100_000 {
        if restart.is_finished() {
            return restart.await.unwrap();
        }
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    panic!("it never ends")
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_has_a_deadline() {
    // The looks: before the stop, after it (two), and after the start.
    for (at, outcome, longest, words, calls) in [
        (At::State(1), QueryFailed, TIMINGS.service_call, "within 60 s", &[][..]),
        (At::Stop, StopTimedOut, TIMINGS.service_call, "within 60 s", &[Call::Stop]),
        (At::State(2), StopTimedOut, TIMINGS.stop_wait, "did not stop within 300 s: ", &[Call::Stop]),
        (At::State(4), StartTimedOut, TIMINGS.start_wait, "within 120 s", &[Call::Stop, Call::Start]),
    ] {
        let (rig, restart, began, _gate) = hung(at).await;
        let ended = ended(restart).await;
        assert_eq!((ended.outcome, &rig.calls()[..]), (outcome, calls), "{at:?}");
        let error = ended.error.unwrap();
        assert!(error.contains(words), "{at:?}: {error}");
        let most = longest + TIMINGS.service_call + 5 * TIMINGS.service_poll;
        assert!((longest..most).contains(&began.elapsed()), "{at:?}: {:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_hangs_may_have_started_it_all_the_same() {
    let (rig, restart, _, gate) = hung(At::Start).await;
    rig.services.0.lock().unwrap().next = vec![Running].into();
    tokio::time::advance(TIMINGS.service_call + Duration::from_millis(1)).await;
    let began = std::time::Instant::now();
    while rig.looks.load(Ordering::SeqCst) < 4 {
        assert!(began.elapsed() < Duration::from_secs(60), "it is not looked for");
        tokio::task::yield_now().await;
    }
    drop(gate);
    assert_eq!(restart.await.unwrap(), Ended::of(Started));
}

#[tokio::test(start_paused = true)]
async fn a_stop_of_this_process_ends_it_at_each_step_and_starts_nothing_more() {
    let grace = TIMINGS.shutdown_grace;
    for (at, outcome, calls) in [
        (At::State(1), Abandoned, &[][..]),
        (At::Stop, Abandoned, &[Call::Stop]),
        (At::State(2), Abandoned, &[Call::Stop]),
        (At::State(3), Abandoned, &[Call::Stop]),
        (At::Start, Lost, &[Call::Stop, Call::Start]),
        (At::State(4), Lost, &[Call::Stop, Call::Start]),
    ] {
        let (rig, restart, began, gate) = hung(at).await;
        rig.stop.cancel();
        let ended = ended(restart).await;
        assert_eq!(ended.outcome, outcome, "{at:?}");
        assert!(began.elapsed() < grace, "{at:?}: {:?}", began.elapsed());
        drop(gate);
        sleep(TIMINGS.stop_wait).await;
        assert_eq!(rig.calls(), calls, "{at:?}: nothing is done afterwards");
    }
    let rig = Rig::new(|_| {});
    rig.stop.cancel();
    assert_eq!(rig.restart(RestartPlan::Start).run().await, Ended::of(Abandoned));
    assert_eq!(rig.calls(), []);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_shows_while_this_process_stops_is_told_of() {
    let (rig, restart, _, gate) = hung(At::Start).await;
    rig.services.0.lock().unwrap().next = vec![Running].into();
    rig.stop.cancel();
    drop(gate);
    assert_eq!(restart.await.unwrap(), Ended::of(Started));
}

/// All threads are taken: what waits for one must not be done once nobody waits for it any more.
#[test]
fn a_start_that_no_thread_came_to_is_not_made_later() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let rig = Rig::new(|_| {});
        let restart = rig.restart(RestartPlan::Start);
        let (gate, closed) = mpsc::channel::<()>();
        let taken = spawn_blocking(move || closed.recv().is_err());
        let call = tokio::spawn(async move { restart.call(|controller| controller.start(SERVICE)).await });
        while !call.is_finished() {
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let answer = call.await.unwrap().unwrap();
        assert_eq!(answer.unwrap_err().kind, ServiceErrorKind::Timeout);
        drop(gate);
        assert!(taken.await.unwrap());
        // The one thread comes to this only after what was asked for before.
        spawn_blocking(|| {}).await.unwrap();
        assert_eq!(rig.calls(), []);
    });
}

#[test]
fn runs_are_told_apart_by_the_failed_ones_last_evidence() {
    let rig = Rig::new(|_| {});
    let mut restart = rig.restart(RestartPlan::Start);
    assert!(!restart.run_began());
    restart.failed = (at(0) - TimeDelta::minutes(9), at(0) - TimeDelta::seconds(1));
    assert!(restart.run_began());
}

/// A restart of a run that is stopped first, where the log was read then and says that of it.
async fn stopped_first(read: Option<Timestamp>, succeeded: bool) -> (Ended, Duration, Vec<Call>) {
    let rig = Rig::new(|script| {
        script.state = Ok(Running);
        script.stop.1 = vec![StopPending, Stopped];
    });
    let mut restart = rig.restart(RestartPlan::StopFirst);
    restart.wanted = Wanted(Box::new(|_| true));
    let mut state = site(read);
    let mut failed = run(0, 20, FAILED);
    if succeeded {
        (failed.succeeded, failed.error) = (Some(at(20)), None);
    }
    state.runs = Arc::new(vec![failed]);
    rig.publish.send_modify(|published| {
        published.sites.insert("P01".parse().unwrap(), Arc::new(state));
    });
    let began = Instant::now();
    let ended = restart.run().await;
    (ended, began.elapsed(), rig.calls())
}

#[tokio::test(start_paused = true)]
async fn what_was_stopped_is_started_only_once_the_log_tells_that_it_did_not_succeed() {
    let (late, before) = (Some(at(6000)), Some(at(24)));
    for (read, succeeded, outcome, calls) in [
        (late, false, Started, &[Call::Stop, Call::Start][..]),
        (late, true, Withdrawn, &[Call::Stop]),
        (before, false, Unconfirmed, &[Call::Stop]),
        (None, false, Unconfirmed, &[Call::Stop]),
    ] {
        let (ended, took, made) = stopped_first(read, succeeded).await;
        assert_eq!((ended.outcome, &made[..]), (outcome, calls), "{read:?} {succeeded}");
        assert_eq!(took >= TIMINGS.stop_wait, read != late, "it is waited for as long as a stop: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_decided_otherwise_just_before_is_left_alone() {
    for (plan, state) in [(RestartPlan::Start, Stopped), (RestartPlan::StopFirst, Running)] {
        let rig = Rig::new(|script| script.state = Ok(state));
        let mut restart = rig.restart(plan);
        restart.wanted = Wanted(Box::new(|_| false));
        assert_eq!((restart.run().await.outcome, rig.calls()), (Withdrawn, vec![]), "{plan:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_start_that_has_worked_all_the_same_is_one() {
    let rig = Rig::new(|script| {
        script.start.0 = Err(error(ServiceErrorKind::Refused));
        script.next = [Stopped, StartPending, Running].into();
    });
    let ended = rig.restart(RestartPlan::Start).run().await;
    assert_eq!((ended.outcome, rig.calls()), (Started, vec![Call::Start]));
}

#[tokio::test(start_paused = true)]
async fn a_pause_file_holds_until_the_last_moment() {
    for plan in [RestartPlan::Start, RestartPlan::StopFirst] {
        let rig = Rig::new(|script| {
            script.state = Ok(if plan == RestartPlan::Start { Stopped } else { Running });
        });
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut restart = rig.restart(plan);
        restart.pause_file = Some(file.path().to_owned());
        assert_eq!((restart.run().await.outcome, rig.calls()), (Withdrawn, vec![]), "{plan:?}");
        let mut restart = rig.restart(plan);
        restart.pause_file = Some(file.path().with_extension("missing"));
        assert_eq!(restart.run().await.outcome, Started, "{plan:?}");
    }
}
