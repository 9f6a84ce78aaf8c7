//! A site database as a witness: recovered, renamed, silent; and what it says of settings.

use tokio::time::advance;

use super::*;
use crate::clock::Clock;
use crate::source::site_database::scripted::{Scripted, Trouble, config};
use crate::source::site_database::{DatabaseSource, Topic};
use crate::state::checkpoint::{StateDirectory, peek};

const INTERVAL: Duration = Duration::from_secs(300);

/// An exporter that reads only a database, as often restarted as need be.
struct World {
    clock: Clock,
    database: Scripted,
    source: DatabaseSource,
    state: SiteState,
    place: tempfile::TempDir,
    sequence: u64,
    /// Milliseconds that make every message's time its own.
    written: i64,
    server: &'static str,
}

impl World {
    fn new() -> Self {
        let clock = Clock::anchored(at(0));
        let database = Scripted::new(clock);
        let settings =
            SiteSettings { database: Some(config("sql01")), ..SiteSettings::new("P01".parse().unwrap()) };
        let state = SiteState::new(Arc::new(settings), at(0));
        let place = tempfile::tempdir().unwrap();
        let source = database.source(None);
        let mut world =
            Self { clock, database, source, state, place, sequence: 0, written: 0, server: "sql01" };
        world.watch();
        world
    }

    fn id(&self) -> SourceId {
        DatabaseSource::id_of(&config(self.server))
    }

    fn watch(&mut self) {
        self.state.sources.clear();
        self.state.watch(self.id(), INTERVAL, Some(Witness::StatusMessages), self.clock.now());
        self.source = self.database.source_on(self.server, self.state.cursor_for(&self.id()));
    }

    fn save(&mut self) {
        self.sequence += 1;
        StateDirectory::open(self.place.path()).unwrap().save(&self.state, self.sequence).unwrap();
    }

    /// What was not saved is gone.
    fn restart(&mut self) {
        self.state = peek(self.place.path(), &self.state.settings, self.clock.now()).unwrap().state;
        self.watch();
    }

    async fn poll(&mut self) -> bool {
        let started = self.clock.now();
        let result = self.source.poll(&Guidance::default()).await;
        let read = result.as_ref().is_ok_and(|poll| poll.reach == Reach::CaughtUp);
        let (site, source) = (self.state.settings.code, self.id());
        let report = PollReport { site, source, started, duration: Duration::ZERO, result };
        self.state.fold(&report, self.clock.now());
        read
    }

    /// A message of the backup, or of something else, under the next number.
    fn write(&mut self, word: Option<&str>) {
        self.written += 1;
        let time = self.clock.now() + TimeDelta::milliseconds(self.written);
        let message = word.map(|word| match body(word, 0) {
            RecordBody::Status(message) => StatusMessage { time, ..message },
            RecordBody::Remark { .. } => panic!("{word} is no message"),
        });
        let messages = &mut self.database.world().messages;
        let record = messages.keys().last().map_or(1, |last| last + 1);
        messages.insert(record, message);
    }

    /// The times of the messages that the state knows.
    fn known(&self) -> Vec<Timestamp> {
        let records = self.state.timeline.records().get(&Witness::StatusMessages);
        let mut known: Vec<_> = records.into_iter().flatten().map(Record::time).collect();
        known.sort();
        known
    }

    /// The times of the backup's messages that the database holds.
    fn held(&self) -> Vec<Timestamp> {
        self.database.world().messages.values().flatten().map(|message| message.time).collect()
    }
}

/// What happens to a site and to the exporter that watches its database.
#[derive(Debug, Clone)]
enum Step {
    Write(Vec<Option<&'static str>>),
    /// A backup from so many messages ago is put in place.
    Recover(usize),
    Wait(u64),
    Poll,
    Refuse(Topic, bool),
    Heal,
    Save,
    Restart,
    /// Another name for the same server, which a restart brings.
    Rename,
}

fn step() -> impl Strategy<Value = Step> {
    let word = prop_oneof![
        2 => Just(None),
        1 => Just(Some("500")),
        1 => Just(Some("5055")),
        1 => Just(Some("-5060")),
        1 => Just(Some("5035")),
        1 => Just(Some("501")),
    ];
    let topic = proptest::sample::select(&[Topic::Server, Topic::StatusMessages, Topic::Task][..]);
    prop_oneof![
        4 => proptest::collection::vec(word, 1..6).prop_map(Step::Write),
        1 => (1_usize..8).prop_map(Step::Recover),
        2 => prop_oneof![3 => 1_u64..60, 1 => 600_u64..6000].prop_map(Step::Wait),
        5 => Just(Step::Poll),
        1 => (topic, any::<bool>()).prop_map(|(topic, disconnects)| Step::Refuse(topic, disconnects)),
        1 => Just(Step::Heal),
        2 => Just(Step::Save),
        1 => Just(Step::Restart),
        1 => Just(Step::Rename),
    ]
}

async fn nothing_is_lost_and_nothing_counted_twice(steps: Vec<Step>) {
    let mut world = World::new();
    world.save();
    // The messages that were read, now and when the state was last saved.
    let (mut read, mut saved) = (Vec::new(), Vec::new());
    let mut newest = None;
    for step in steps.iter().cloned().chain([Step::Heal, Step::Write(vec![None]), Step::Poll]) {
        match step {
            Step::Write(words) => words.into_iter().for_each(|word| world.write(word)),
            Step::Recover(count) => {
                let mut database = world.database.world();
                for _ in 0..count {
                    database.messages.pop_last();
                }
            }
            Step::Wait(minutes) => advance(Duration::from_secs(60 * minutes)).await,
            Step::Poll => {
                // Where just as many messages came as were lost, only the next one tells.
                let highest = |world: &World| world.database.world().messages.keys().last().copied();
                if highest(&world) == newest {
                    world.write(None);
                }
                newest = highest(&world);
                if world.poll().await {
                    read.extend(world.held());
                    read.sort();
                    read.dedup();
                    assert_eq!(world.known(), read, "{steps:?}");
                    let counted: u64 = world.state.totals.messages.values().sum();
                    assert_eq!(counted, read.len() as u64, "{steps:?}");
                }
            }
            Step::Refuse(topic, disconnects) => {
                let trouble = if disconnects {
                    Trouble::Disconnects
                } else {
                    Trouble::Refused(FailureKind::Permission)
                };
                world.database.world().trouble.insert(topic, trouble);
            }
            Step::Heal => world.database.world().trouble.clear(),
            Step::Save => {
                world.save();
                saved.clone_from(&read);
            }
            Step::Restart => {
                world.restart();
                read.clone_from(&saved);
            }
            Step::Rename => {
                world.server = if world.server == "sql01" { "sql01.corp.example" } else { "sql01" };
                world.restart();
                read.clone_from(&saved);
            }
        }
    }
}

fn in_paused_time(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(test);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn messages_count_once_whatever_happens_to_the_database(steps in proptest::collection::vec(step(), 1..40)) {
        in_paused_time(nothing_is_lost_and_nothing_counted_twice(steps));
    }
}

#[tokio::test(start_paused = true)]
async fn a_witness_that_was_heard_keeps_its_coverage_when_its_messages_are_refused() {
    let refused = Trouble::Refused(FailureKind::Permission);
    let mut world = World::new();
    world.write(Some("500"));
    advance(Duration::from_secs(40 * 3600)).await;
    // Never heard, it is no witness.
    world.database.world().trouble.insert(Topic::StatusMessages, refused);
    assert!(!world.poll().await);
    assert_eq!((world.state.witnesses().count(), world.state.coverage.len()), (0, 0));
    world.database.world().trouble.clear();
    assert!(world.poll().await);
    let coverage = world.state.coverage.clone();
    assert_eq!((world.state.witnesses().count(), coverage.len()), (1, 1));
    // Heard once, it stays with what it told, also across a restart.
    world.database.world().trouble.insert(Topic::StatusMessages, refused);
    world.write(None);
    for _ in 0..2 {
        assert!(!world.poll().await);
        assert_eq!((world.state.witnesses().count(), &world.state.coverage), (1, &coverage));
        world.save();
        world.restart();
    }
    world.database.world().trouble.clear();
    assert!(world.poll().await);
    assert_eq!(
        world.state.coverage[&Witness::StatusMessages].since,
        coverage[&Witness::StatusMessages].since
    );
}

#[tokio::test(start_paused = true)]
async fn a_version_that_changed_is_remembered() {
    let mut world = World::new();
    world.poll().await;
    assert_eq!(world.state.database.update, None);
    world.database.world().version = "5.00.9132.1000".to_owned();
    advance(INTERVAL).await;
    let seen = world.clock.now();
    world.poll().await;
    world.save();
    world.restart();
    advance(INTERVAL).await;
    world.poll().await;
    let update = SiteUpdate { from: "5.00.9128.1000".into(), seen };
    assert_eq!(world.state.database.update, Some(update));
}

#[tokio::test(start_paused = true)]
async fn backups_are_known_by_server_and_go_with_it() {
    let mut world = World::new();
    let set = |hours: i64| BackupSet {
        started: at(hours * 3600),
        finished: at(hours * 3600 + 60),
        method: BackupMethod::Native,
        damaged: false,
    };
    world.database.world().servers =
        [("SQL01", -1), ("SQL02", -2)].map(|(server, hours)| (server.to_owned(), vec![set(hours)])).to_vec();
    world.poll().await;
    world.save();
    world.restart();
    assert_eq!(world.state.database.backup_sets.values().flatten().count(), 2);
    assert_eq!(world.state.database.servers, ["SQL01", "SQL02"]);
    world.database.world().servers.truncate(1);
    world.poll().await;
    assert_eq!(world.state.database.backup_sets.keys().collect::<Vec<_>>(), ["SQL01"]);
    assert_eq!(world.state.database.in_availability_group, Some(false));
}

#[tokio::test(start_paused = true)]
async fn an_observation_without_answer_in_three_polls_is_dropped_and_a_setting_stays() {
    let mut world = World::new();
    world.poll().await;
    for topic in [Topic::SiteStatus, Topic::Task, Topic::Site] {
        world.database.world().trouble.insert(topic, Trouble::Refused(FailureKind::Permission));
    }
    for poll in 1..=3 {
        assert!(world.state.database.site_status.is_some(), "{poll}");
        advance(INTERVAL).await;
        world.poll().await;
    }
    let database = &world.state.database;
    assert_eq!(database.site_status, None);
    assert!(database.task.is_some() && database.site.is_some() && database.server.is_some());
    assert!(world.state.schedule.is_some());
    // One answer between starts the count anew.
    world.database.world().trouble.clear();
    world.poll().await;
    world.database.world().trouble.insert(Topic::SiteStatus, Trouble::Refused(FailureKind::Timeout));
    world.poll().await;
    assert!(world.state.database.site_status.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_the_log_dates_otherwise_than_the_database_is_counted_once() {
    for milliseconds in [-700, 700] {
        let mut world = World::new();
        let log = SourceId { kind: LOG, location: String::new() };
        world.state.watch(log, Duration::from_secs(5), LOG.witness(), at(0));
        for word in ["500", "5055", "5035", "501", "500", "5055", "5035", "501"] {
            world.write(Some(word));
            advance(Duration::from_secs(60)).await;
        }
        world.poll().await;
        let messages: Vec<_> = world.database.world().messages.values().flatten().cloned().collect();
        let same = (0..).zip(messages).map(|(position, message)| {
            let time = message.time + TimeDelta::milliseconds(milliseconds);
            Record { position, body: RecordBody::Status(StatusMessage { time, ..message }) }
        });
        let records = vec![Fact::Records(Witness::Log, same.collect())];
        world.state.fold(&report(LOG, world.clock.now(), records), world.clock.now());
        assert_eq!(world.state.totals.messages.values().sum::<u64>(), 8);
        assert_eq!((world.state.runs.len(), world.state.totals.runs), (2, 2), "{milliseconds}");
    }
}

/// The database of a central administration site holds every site's messages; whose a report is, its source says.
#[tokio::test(start_paused = true)]
async fn what_a_source_tells_that_is_not_this_sites_changes_nothing() {
    let mut world = World::new();
    for word in ["500", "5055", "-5060", "501"] {
        world.write(Some(word));
    }
    world.state.sources.clear();
    world.state.watch(
        SourceId { kind: SourceKind::Database, location: "CM_CAS on sql09".to_owned() },
        INTERVAL,
        Some(Witness::StatusMessages),
        at(0),
    );
    world.poll().await;
    assert_eq!((world.known(), world.state.coverage.len(), world.state.cursors.len()), (vec![], 0, 0));
    assert!(world.state.database.task.is_none() && world.state.runs.is_empty());
}
