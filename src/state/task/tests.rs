//! What the task promises about its checkpoints, with real files and real time: waits are on what it publishes.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::config::SiteSettings;
use crate::site::*;
use crate::source::*;
use crate::watchdog::Watchdog;

/// More than anything here takes on a machine under load.
const DEADLINE: Duration = Duration::from_secs(60);

fn id() -> SourceId {
    SourceId { kind: SourceKind::BackupLog, location: "smsbkup.log".to_owned() }
}

/// A running task with one site, and the folder of its checkpoints.
struct Rig {
    folder: TempDir,
    reports: mpsc::Sender<Report>,
    published: watch::Receiver<Published>,
    requests: StateRequests,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Rig {
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let directory = Arc::new(StateDirectory::open(folder.path()).unwrap());
        let mut state =
            SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), Clock::System.now());
        state.watch(id(), Duration::from_secs(5), Some(Witness::Log), Clock::System.now());
        let heartbeat = Watchdog::default().register("state task", Timings::DEFAULT.watchdog);
        // What may wait for the interval must not be mistaken for what must not.
        let timings = Timings { checkpoint_interval: Duration::from_secs(3600), ..Timings::DEFAULT };
        let (task, published, requests) =
            StateTask::new(vec![(state, 0)], directory, Clock::System, timings, heartbeat);
        let (reports, inbox) = mpsc::channel(INBOX);
        let stop = CancellationToken::new();
        let task = tokio::spawn(task.run(inbox, stop.clone()));
        Self { folder, reports, published, requests, stop, task }
    }

    fn checkpoint(&self) -> std::path::PathBuf {
        self.folder.path().join("P01.checkpoint.json")
    }

    /// Sends a poll that brought these facts and moved the cursor to `next`.
    async fn report(&self, next: u64, facts: Vec<Fact>) {
        let cursor = serde_json::from_value(serde_json::json!({ "log": { "next": next } })).unwrap();
        let report = PollReport {
            site: "P01".parse().unwrap(),
            source: id(),
            started: Clock::System.now(),
            duration: Duration::ZERO,
            result: Ok(Poll { facts, cursor, reach: Reach::CaughtUp }),
        };
        self.reports.send(report.into()).await.unwrap();
    }

    /// Waits until what is published fits; every state that it publishes meanwhile goes to `each`.
    async fn until(
        &mut self,
        mut each: impl FnMut(&Published),
        fits: impl Fn(&Published) -> bool,
    ) -> Published {
        let look = async {
            loop {
                let published = self.published.borrow_and_update().clone();
                each(&published);
                if fits(&published) {
                    return published;
                }
                self.published.changed().await.unwrap();
            }
        };
        timeout(DEADLINE, look).await.expect("it is published")
    }

    async fn end(self) -> TempDir {
        drop(self.reports);
        self.stop.cancel();
        timeout(DEADLINE, self.task).await.expect("it ends").unwrap();
        self.folder
    }
}

/// A success, as far as its records tell.
fn success(number: u64) -> Vec<Fact> {
    let time = |second: i64| {
        let start = 1_700_000_000 + 86_400 * i64::try_from(number).unwrap();
        Timestamp::from_timestamp(start + second, 0).unwrap()
    };
    let record = |(index, (id, second)): (u64, (u16, i64))| Record {
        position: number * 4 + index,
        body: RecordBody::Status(StatusMessage {
            id: MessageId(id),
            severity: Some(Severity::Information),
            component: Component::SiteBackup,
            machine: "CM01".into(),
            pid: None,
            tid: None,
            time: time(second),
            hint: None,
        }),
    };
    let messages = [(500, 0), (5055, 1), (5035, 60), (501, 61)];
    vec![Fact::Records(Witness::Log, (0..).zip(messages).map(record).collect())]
}

fn runs(published: &Published) -> u64 {
    published.sites.values().map(|state| state.totals.runs).sum()
}

fn read(checkpoint: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(checkpoint).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_on_disk_already() {
    const RUNS: u64 = 40;
    let mut rig = Rig::start();
    let checkpoint = rig.checkpoint();
    let mut states = 0;
    for number in 0..RUNS {
        rig.report(number + 1, success(number)).await;
        let saved = |published: &Published| {
            if runs(published) > 0 {
                states += 1;
                let saved = read(&checkpoint);
                assert!(saved["totals"]["runs"].as_u64() >= Some(runs(published)), "{saved}");
                let messages: u64 =
                    published.sites.values().flat_map(|state| state.totals.messages.values()).sum();
                let saved: u64 =
                    saved["totals"]["messages"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
                assert!(saved >= messages, "{saved} of {messages}");
            }
        };
        rig.until(saved, |published| runs(published) > number).await;
        // The effect and the position from which the next poll goes on are in the same file.
        assert_eq!(read(&checkpoint)["cursors"][0]["cursor"]["log"]["next"], number + 1);
    }
    assert!(states >= RUNS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_alone_is_written_at_the_end_at_the_latest() {
    let mut rig = Rig::start();
    rig.report(1, success(0)).await;
    rig.until(|_| {}, |published| runs(published) == 1).await;
    rig.report(2, Vec::new()).await;
    let polls = |published: &Published| published.sites.values().next().unwrap().sources[&id()].polls;
    rig.until(|_| {}, |published| polls(published) == 2).await;
    let checkpoint = rig.checkpoint();
    assert_eq!(read(&checkpoint)["cursors"][0]["cursor"]["log"]["next"], 1);
    let _folder = rig.end().await;
    assert_eq!(read(&checkpoint)["cursors"][0]["cursor"]["log"]["next"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_inbox_at_the_end_is_folded_and_written() {
    let rig = Rig::start();
    let checkpoint = rig.checkpoint();
    rig.stop.cancel();
    for number in 0..100 {
        rig.report(number + 1, success(number)).await;
    }
    let _folder = rig.end().await;
    assert_eq!(read(&checkpoint)["totals"]["runs"], 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_cannot_be_written_is_counted_and_holds_nothing_back() {
    let mut rig = Rig::start();
    let in_the_way = rig.folder.path().join("P01.checkpoint.json.tmp");
    std::fs::create_dir(&in_the_way).unwrap();
    rig.report(1, success(0)).await;
    let published = rig.until(|_| {}, |published| runs(published) == 1).await;
    assert!(published.checkpoint_failures >= 1);
    assert_eq!(published.checkpoint, None);
    // It is tried again until it works, without anything new.
    std::fs::remove_dir(&in_the_way).unwrap();
    rig.until(|_| {}, |published| published.checkpoint.is_some()).await;
    assert_eq!(read(&rig.checkpoint())["totals"]["runs"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_is_handed_out_with_all_it_reported_and_stays_published_until_it_is_replaced() {
    const RUNS: u64 = 100;
    let mut rig = Rig::start();
    let (site, checkpoint) = ("P01".parse().unwrap(), rig.checkpoint());
    for number in 0..RUNS {
        rig.report(number + 1, success(number)).await;
    }
    let settled = timeout(DEADLINE, rig.requests.settle(vec![site, "XYZ".parse().unwrap()])).await;
    let settled = settled.expect("an answer").expect("a task that runs");
    let [(state, sequence)] = &settled[..] else { panic!("{settled:?}") };
    assert_eq!(state.totals.runs, RUNS);
    let saved = read(&checkpoint);
    assert_eq!((&saved["totals"]["runs"], &saved["sequence"]), (&RUNS.into(), &(*sequence).into()));
    let shown = rig.until(|_| {}, |published| !published.sites.is_empty()).await;
    assert_eq!(runs(&shown), RUNS);

    let mut next = SiteState::clone(state);
    next.first_observed = Timestamp::UNIX_EPOCH;
    let exchanged = rig.requests.exchange(vec![site], vec![(next, *sequence)]);
    timeout(DEADLINE, exchanged).await.expect("an answer").expect("a task that runs");
    // Published and on disk as soon as there is an answer.
    assert_eq!(rig.published.borrow().sites[&site].first_observed, Timestamp::UNIX_EPOCH);
    assert_eq!(read(&checkpoint)["sequence"], *sequence + 1);
    rig.report(RUNS + 1, success(RUNS)).await;
    rig.until(|_| {}, |published| runs(published) == RUNS + 1).await;

    timeout(DEADLINE, rig.requests.exchange(vec![site], Vec::new())).await.expect("an answer").unwrap();
    assert!(rig.published.borrow().sites.is_empty());
    // What comes late belongs to nobody.
    rig.report(RUNS + 2, success(RUNS + 1)).await;
    let _folder = rig.end().await;
    assert_eq!(read(&checkpoint)["totals"]["runs"], RUNS + 1);
}
