//! The loop with real files, a scripted service and paused time, against a state that is folded as the state task does.

use std::fs;
use std::sync::Mutex;
use std::time::Duration;

use chrono::TimeDelta;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::assessment::samples::{GOOD, Rig, at};
use crate::config::{DayWindow, RemediationConfig, ServiceControl, ServicesConfig, SiteSettings};
use crate::services::scripted::{Call, Scripted};
use crate::site::{
    Attempt, AttemptOutcome, FailureCause, HoldReason, RestartMode, Service, ServiceState, ServicesSeen,
    SiteService,
};
use crate::source::{Cursor, Fact, Poll, PollReport, Reach, SourceId, SourceKind};
use crate::watchdog::Watchdog;

use HoldReason::*;

/// More than anything here takes.
const DEADLINE: Duration = Duration::from_secs(3600);

const FAILED: &[(i64, &str)] = &[(0, "500"), (1, "5055"), (5, "-5060"), (6, "501")];
/// A day after a success, minutes after a failure has become final.
const NOW: i64 = 1440 + 10;

fn settings(settings: &mut SiteSettings) {
    let control = ServiceControl::Windows;
    let services = ServicesConfig { control, machine: None, interval: Duration::from_secs(30) };
    settings.remediation = RemediationConfig {
        window: Some(DayWindow { begin: 0, end: 0 }),
        ..RemediationConfig::for_services(Some(&services))
    };
    settings.services = Some(services);
    settings.snapshot = None;
}

/// A site, its state directory and its backup service; what is reported of restarts is folded and published.
struct World {
    rig: Arc<Mutex<Rig>>,
    folder: TempDir,
    services: Scripted,
    publish: watch::Sender<Published>,
    /// Every standing that was reported.
    reported: Arc<Mutex<Vec<RestartStanding>>>,
    clock: Clock,
}

/// A running loop.
struct Running {
    stop: CancellationToken,
    watchdog: Watchdog,
    task: JoinHandle<()>,
    fold: JoinHandle<()>,
}

impl World {
    /// A site whose ledger is older than its failure.
    fn with(change: impl Fn(&mut SiteSettings)) -> Self {
        let mut rig = Rig::with(|all| {
            settings(all);
            change(all);
        });
        let id = SourceId { kind: SourceKind::Services, location: "scripted".to_owned() };
        rig.state.watch(id, Duration::from_secs(30), None, at(0));
        rig.log(0, GOOD);
        rig.all_reported(70);
        let world = Self {
            rig: Arc::new(Mutex::new(rig)),
            folder: TempDir::new().unwrap(),
            services: Scripted::default(),
            publish: watch::Sender::default(),
            reported: Arc::default(),
            clock: Clock::anchored(at(NOW)),
        };
        world.file().write(&Ledger::new(at(100))).unwrap();
        world
    }

    /// The same, whose newest run has failed for good.
    fn failed() -> Self {
        Self::failed_with(|_| {})
    }

    fn failed_with(change: impl Fn(&mut SiteSettings)) -> Self {
        let world = Self::with(change);
        world.fold(NOW, |rig| rig.log(1440, FAILED));
        world
    }

    fn file(&self) -> LedgerFile {
        LedgerFile::new(self.folder.path(), "P01".parse().unwrap())
    }

    fn ledger(&self) -> Ledger {
        self.file().read().unwrap().unwrap()
    }

    /// Folds something, then a poll of every source at this minute, and publishes.
    fn fold(&self, minute: i64, change: impl FnOnce(&mut Rig)) {
        let mut rig = self.rig.lock().unwrap();
        change(&mut rig);
        rig.all_reported(minute);
        let mut seen = ServicesSeen::default();
        let backup = Service::in_state(self.services.0.lock().unwrap().state.clone().unwrap());
        seen.services.insert(SiteService::Backup.to_string().into(), backup);
        let report = PollReport {
            site: rig.state.settings.code,
            source: SourceId { kind: SourceKind::Services, location: "scripted".to_owned() },
            // A log is read after the last look at the services.
            started: at(minute) - TimeDelta::seconds(1),
            duration: Duration::ZERO,
            result: Ok(Poll {
                facts: vec![Fact::Services(seen)],
                cursor: Cursor::Anew,
                reach: Reach::CaughtUp,
            }),
        };
        rig.state.fold(&report, at(minute));
        publish(&self.publish, &rig.state);
    }

    fn start(&self) -> Running {
        let (reports, mut inbox) = mpsc::channel(16);
        let (stop, watchdog) = (CancellationToken::new(), Watchdog::default());
        let mut rig = self.rig.lock().unwrap();
        let controller = Arc::new(self.services.clone());
        let remediation = Remediation::open(&rig.state, self.folder.path(), controller, self.clock);
        rig.state.stands(remediation.standing().clone());
        publish(&self.publish, &rig.state);
        let connections = Connections {
            published: self.publish.subscribe(),
            reports,
            heartbeat: watchdog.register("restarts", Timings::DEFAULT.watchdog),
            stop: stop.clone(),
        };
        let (rig, sender) = (Arc::clone(&self.rig), self.publish.clone());
        let reported = Arc::clone(&self.reported);
        let fold = tokio::spawn(async move {
            while let Some(Report::Restart(report)) = inbox.recv().await {
                reported.lock().unwrap().push(report.standing.clone());
                let mut rig = rig.lock().unwrap();
                rig.state.stands(report.standing);
                publish(&sender, &rig.state);
            }
        });
        Running { stop, watchdog, task: tokio::spawn(remediation.run(connections)), fold }
    }

    /// Waits until the published standing fits.
    async fn until(&self, fits: impl Fn(&RestartStanding) -> bool) -> RestartStanding {
        let mut published = self.publish.subscribe();
        let standing = |published: &Published| published.sites.values().next()?.restart.clone();
        let fitting = published.wait_for(|published| standing(published).is_some_and(|it| fits(&it)));
        let found = timeout(DEADLINE, fitting).await.expect("it is published").unwrap().clone();
        standing(&found).unwrap()
    }

    async fn until_ended(&self) -> Attempt {
        let ended = |standing: &RestartStanding| !standing.attempts.is_empty() && !standing.is_under_way();
        self.until(ended).await.attempts.pop().unwrap()
    }

    async fn until_held(&self, reason: HoldReason) -> RestartStanding {
        self.until(|standing| standing.holds().iter().any(|hold| hold.reason == reason)).await
    }

    fn calls(&self) -> Vec<Call> {
        self.services.0.lock().unwrap().calls.clone()
    }
}

fn publish(publish: &watch::Sender<Published>, state: &SiteState) {
    publish.send_modify(|published| {
        published.sites.insert(state.settings.code, Arc::new(state.clone()));
    });
}

impl Running {
    async fn end(self) {
        assert!(self.watchdog.silent().is_empty());
        self.stop.cancel();
        timeout(DEADLINE, self.task).await.expect("it ends").unwrap();
        timeout(DEADLINE, self.fold).await.expect("its reports have an end").unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_has_one_attempt_that_is_judged_by_the_run_that_follows() {
    let world = World::failed();
    let running = world.start();
    let attempt = world.until_ended().await;
    assert_eq!(attempt.outcome.unwrap().0, AttemptOutcome::Started);
    assert_eq!((attempt.run, attempt.plan), (at(1440), RestartPlan::Start));
    assert_eq!(world.ledger().attempts, [attempt], "what is shown is on disk");
    // Its decision was shown before anything was done, and then the attempt under way.
    let shown: Vec<_> = (world.reported.lock().unwrap().iter())
        .map(|standing| (matches!(standing.decision, Decision::Restart(_)), standing.is_under_way()))
        .collect();
    assert_eq!(shown[..3], [(true, false), (false, true), (false, false)], "{shown:?}");

    // Nothing new for hours: no second attempt, and hardly a report.
    let held = world.until_held(AlreadyAttempted).await;
    assert_eq!((held.attempts_total, held.attempts_failed_total), (Some(1), Some(0)));
    sleep(Duration::from_secs(600)).await;
    assert_eq!(world.calls(), [Call::Start]);
    let reports = world.reported.lock().unwrap().len();
    assert!(reports < 30, "{reports}");

    world.services.0.lock().unwrap().state = Ok(ServiceState::Stopped);
    world.fold(NOW + 70, |rig| rig.log(NOW + 1, GOOD));
    let judged = world.until(|standing| standing.attempts[0].followed_by.is_some()).await;
    assert_eq!(judged.attempts[0].followed_by, Some((at(NOW + 1), Some(true))));
    let settled = world.until(|standing| standing.decision == Decision::Nothing).await;
    assert_eq!(world.ledger().attempts, settled.attempts);
    running.end().await;
    assert_eq!(world.calls(), [Call::Start]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_decided_before_everything_was_read_nor_with_the_mode_off() {
    for (mode, decided) in [(RestartMode::Off, false), (RestartMode::Observe, true)] {
        let world = World::failed_with(|settings| settings.remediation.mode = mode);
        let running = world.start();
        sleep(Duration::from_secs(60)).await;
        let held = world.until(|standing| standing.mode == mode).await;
        assert_eq!(held.holds().iter().map(|hold| hold.reason).eq([ObserveOnly]), decided, "{held:?}");
        running.end().await;
        assert_eq!((world.calls(), world.ledger().attempts_total), (vec![], 0));
    }
    let world = World::failed();
    let late = SourceId { kind: SourceKind::Verification, location: "late".to_owned() };
    world.rig.lock().unwrap().state.watch(late.clone(), Duration::from_secs(300), None, at(NOW));
    let running = world.start();
    sleep(Duration::from_secs(60)).await;
    assert_eq!((world.calls(), world.reported.lock().unwrap().len()), (vec![], 0));
    world.fold(NOW + 1, |rig| {
        rig.state.sources.get_mut(&late).unwrap().last_poll = Some(at(NOW + 1));
    });
    assert_eq!(world.until_ended().await.outcome.unwrap().0, AttemptOutcome::Started);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_could_not_be_written_is_not_made() {
    let world = World::failed();
    let running = world.start();
    // The ledger was read; from now on it cannot be replaced.
    let temporary = world.folder.path().join("P01.ledger.json.tmp");
    fs::create_dir(world.folder.path().join("P01.ledger.json.tmp")).unwrap();
    let held = world.until_held(LedgerUnavailable).await;
    assert_eq!((held.is_under_way(), held.attempts_total, held.attempts.len()), (false, Some(0), 0));
    sleep(Duration::from_secs(600)).await;
    assert_eq!((world.calls(), world.ledger()), (vec![], Ledger::new(at(100))));
    // Somebody clears the way: the attempt is made, and it is the first.
    fs::remove_dir(temporary).unwrap();
    world.fold(NOW + 10, |_| {});
    let attempt = world.until_ended().await;
    assert_eq!(attempt.outcome.unwrap().0, AttemptOutcome::Started);
    running.end().await;
    assert_eq!((world.calls(), world.ledger().attempts_total), (vec![Call::Start], 1));
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_cannot_be_used_holds_until_somebody_renames_it() {
    let world = World::failed();
    let path = world.folder.path().join("P01.ledger.json");
    fs::write(&path, "{}").unwrap();
    let running = world.start();
    let held = world.until_held(LedgerUnavailable).await;
    assert_eq!(held.attempts_remaining, 0);
    sleep(Duration::from_secs(600)).await;
    assert_eq!(fs::read_to_string(&path).unwrap(), "{}", "it is not overwritten");
    fs::rename(&path, world.folder.path().join("kept")).unwrap();
    // A new one is begun, and knows nothing of failures before that.
    let held = world.until_held(NotArmed).await;
    assert!(held.holds().iter().all(|hold| hold.reason != LedgerUnavailable), "{held:?}");
    assert!(world.ledger().begun > at(NOW));
    running.end().await;
    assert_eq!(world.calls(), []);
}

#[tokio::test(start_paused = true)]
async fn a_missing_ledger_is_on_disk_before_anything_is_decided() {
    let world = World::failed();
    fs::remove_file(world.folder.path().join("P01.ledger.json")).unwrap();
    let running = world.start();
    assert_eq!(world.ledger(), Ledger::new(at(NOW)));
    world.until_held(NotArmed).await;
    running.end().await;
    assert_eq!(world.calls(), []);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_an_earlier_process_left_open_is_lost_and_not_made_again() {
    let world = World::failed();
    let mut ledger = world.ledger();
    ledger.begin(at(1440), FailureCause::Unknown, RestartPlan::Start, at(NOW - 1));
    world.file().write(&ledger).unwrap();
    let running = world.start();
    assert_eq!(world.ledger().attempts[0].outcome, Some((AttemptOutcome::Lost, at(NOW))));
    let held = world.until_held(AlreadyAttempted).await;
    assert_eq!(
        (held.attempts_total, held.attempts_failed_total, held.attempts_remaining),
        (Some(1), Some(1), 1)
    );
    sleep(Duration::from_secs(600)).await;
    running.end().await;
    assert_eq!(world.calls(), []);
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_an_attempt_is_in_the_ledger_and_reported() {
    let world = World::failed();
    world.services.0.lock().unwrap().start.1 = vec![ServiceState::StartPending];
    let running = world.start();
    world.until(RestartStanding::is_under_way).await;
    // Long enough for the start, and for a heartbeat while it waits for the run.
    sleep(Duration::from_secs(60)).await;
    running.end().await;
    let (outcome, _) = world.ledger().attempts[0].outcome.unwrap();
    assert_eq!((outcome, world.calls()), (AttemptOutcome::Lost, vec![Call::Start]));
    let shown = world.reported.lock().unwrap().last().unwrap().clone();
    assert_eq!((shown.attempts, shown.attempts_failed_total), (world.ledger().attempts, Some(1)));
}

#[tokio::test(start_paused = true)]
async fn what_became_of_an_attempt_is_written_when_that_works_again() {
    let world = World::failed();
    world.services.0.lock().unwrap().start.1 = vec![ServiceState::StartPending];
    let running = world.start();
    world.until(RestartStanding::is_under_way).await;
    let temporary = world.folder.path().join("P01.ledger.json.tmp");
    fs::create_dir(&temporary).unwrap();
    // Until the start was asked for.
    sleep(Duration::from_secs(10)).await;
    world.services.0.lock().unwrap().next = vec![ServiceState::Running].into();
    let held = world.until_held(LedgerUnavailable).await;
    assert!(!held.is_under_way(), "it is shown all the same");
    assert!(world.ledger().under_way().is_some());
    fs::remove_dir(&temporary).unwrap();
    world.until(|standing| standing.holds().iter().all(|hold| hold.reason != LedgerUnavailable)).await;
    assert_eq!(world.ledger().attempts[0].outcome.unwrap().0, AttemptOutcome::Started);
    running.end().await;
    assert_eq!(world.calls(), [Call::Start]);
}

#[tokio::test(start_paused = true)]
async fn services_that_were_last_seen_before_the_last_attempt_ended_do_not_decide() {
    let world = World::failed_with(|settings| settings.remediation.cooldown = Duration::ZERO);
    let mut ledger = world.ledger();
    ledger.begin(at(1430), FailureCause::Unknown, RestartPlan::Start, at(1430));
    ledger.finish(AttemptOutcome::Adopted, None, at(NOW));
    world.file().write(&ledger).unwrap();
    let running = world.start();
    world.until(|standing| matches!(standing.decision, Decision::Restart(_))).await;
    sleep(Duration::from_secs(120)).await;
    assert_eq!(world.calls(), []);
    world.fold(NOW + 2, |_| {});
    world.until(|standing| standing.attempts_total == Some(2) && !standing.is_under_way()).await;
    running.end().await;
    assert_eq!(world.calls(), [Call::Start]);
}
