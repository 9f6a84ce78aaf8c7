//! A site database that does as tests say: what it holds, what it refuses, when it is gone.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::TimeDelta;

use super::*;
use crate::clock::Clock;
use crate::config::{Authentication, Encryption, ServerAddress, Trust};
use crate::site::{SiteRole, TaskWindow};
use crate::source::FailureKind;

/// What a question meets that is not answered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trouble {
    /// It is refused.
    Refused(FailureKind),
    /// The connection goes with it.
    Disconnects,
}

/// All servers of one site's database, as the test sets them up.
#[derive(Debug, Default)]
pub(crate) struct World {
    /// The site's status messages by `RecordID`; `None` for one that is not the backup's.
    pub(crate) messages: BTreeMap<i64, Option<StatusMessage>>,
    /// What each server recorded; more than one are an availability group, of which the first answers.
    pub(crate) servers: Vec<(String, Vec<BackupSet>)>,
    pub(crate) trouble: HashMap<Topic, Trouble>,
    /// Servers that nobody reaches.
    pub(crate) dead: Vec<String>,
    /// How long each question takes.
    pub(crate) delay: Duration,
    pub(crate) version: String,
    pub(crate) window: Option<TaskWindow>,
    /// How often somebody tried to connect.
    pub(crate) connections: usize,
    /// How often a poll was over.
    pub(crate) rests: usize,
    /// What was asked of whom.
    pub(crate) asked: Vec<(String, Question)>,
}

/// A handle to the world; every server's connection holds one.
#[derive(Debug, Clone)]
pub(crate) struct Scripted {
    world: Arc<Mutex<World>>,
    clock: Clock,
    /// Which server; the first where it is not said.
    server: Option<String>,
    connected: bool,
}

impl Scripted {
    pub(crate) fn new(clock: Clock) -> Self {
        let world = World {
            servers: vec![("SQL01".to_owned(), Vec::new())],
            version: "5.00.9128.1000".to_owned(),
            ..World::default()
        };
        Self { world: Arc::new(Mutex::new(world)), clock, server: None, connected: false }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// How often a question about this was asked.
    pub(crate) fn times_asked(&self, topic: Topic) -> usize {
        self.world().asked.iter().filter(|(_, question)| question.topic() == topic).count()
    }

    /// A source that asks this database, as a new process would.
    pub(crate) fn source(&self, cursor: Option<crate::source::Cursor>) -> DatabaseSource {
        self.source_on("sql01", cursor)
    }

    /// The same, with another name in the configuration.
    pub(crate) fn source_on(&self, server: &str, cursor: Option<crate::source::Cursor>) -> DatabaseSource {
        let database = Box::new(Self { connected: false, ..self.clone() });
        DatabaseSource::new("P01".parse().unwrap(), &config(server), self.clock, database, cursor)
    }

    fn answer(&mut self, question: Question) -> Result<Answer, Unanswered> {
        let now = self.clock.now();
        let mut world = self.world.lock().unwrap();
        let server = self.server.clone().unwrap_or_else(|| world.servers[0].0.clone());
        world.connections += usize::from(!self.connected);
        let unanswered = |kind, disconnected| {
            let failure = PollFailure { kind, message: format!("{kind} at {server}") };
            Err(Unanswered { failure, disconnected })
        };
        if world.dead.contains(&server) {
            self.connected = false;
            return unanswered(FailureKind::Unreachable, true);
        }
        self.connected = true;
        world.asked.push((server.clone(), question));
        match world.trouble.get(&question.topic()) {
            Some(Trouble::Refused(kind)) => return unanswered(*kind, false),
            Some(Trouble::Disconnects) => {
                self.connected = false;
                return unanswered(FailureKind::Unreachable, true);
            }
            None => {}
        }
        Ok(match question {
            Question::Server => Answer::Server(DatabaseServer {
                name: server.into(),
                version: "16.0.4135.4".into(),
                in_availability_group: world.servers.len() > 1,
                utc: now,
                offset: 60,
            }),
            Question::Site => Answer::Site(SiteDefinition {
                role: Some(SiteRole::Hierarchy),
                server: "CM01.corp.example".into(),
                version: world.version.as_str().into(),
            }),
            Question::Updates => Answer::Updates(false),
            Question::SiteStatus => Answer::SiteStatus(Some(125)),
            Question::Task => Answer::Task(TaskDefinition {
                enabled: true,
                window: world.window.unwrap_or(TaskWindow { days: 127, begin: 120, latest_begin: 300 }),
                destination: None,
            }),
            Question::TaskStatus => Answer::TaskStatus(None),
            Question::NewestRecord => Answer::NewestRecord(world.messages.keys().last().copied()),
            Question::StatusMessages(depth) => {
                let reach = now - TimeDelta::days(2);
                let reaches = |time| depth == Depth::All || time >= reach;
                let own = world.messages.iter().filter_map(|(id, own)| Some((*id, own.clone()?)));
                Answer::StatusMessages(own.filter(|(_, message)| reaches(message.time)).collect())
            }
            Question::Reasons(_) => Answer::Reasons(BTreeMap::new()),
            Question::ChangeTracking => Answer::ChangeTracking(None),
            Question::OldestCommit => Answer::OldestCommit(Some(now - TimeDelta::days(5))),
            Question::BackupSets => {
                let sets = world.servers.iter().find(|(name, _)| *name == server).map(|(_, sets)| sets);
                Answer::BackupSets(sets.cloned().unwrap_or_default())
            }
            Question::Replicas => {
                Answer::Replicas(world.servers.iter().map(|(server, _)| server.clone()).collect())
            }
            Question::Alerts => Answer::Alerts(Vec::new()),
            Question::PackageRoots => Answer::PackageRoots(vec!["\\\\SRC01\\pkg".to_owned()]),
        })
    }
}

impl SiteDatabase for Scripted {
    fn ask(&mut self, question: Question) -> Asked<'_> {
        Box::pin(async move {
            let delay = self.world().delay;
            tokio::time::sleep(delay).await;
            self.answer(question)
        })
    }

    fn rest(&mut self) {
        self.world().rests += 1;
    }

    fn replica(&self, server: &str) -> Box<dyn SiteDatabase> {
        Box::new(Self { server: Some(server.to_owned()), connected: false, ..self.clone() })
    }
}

impl Databases for Scripted {
    fn of(&self, _: &SiteSettings, _: &DatabaseConfig, _: Phrases) -> Box<dyn SiteDatabase> {
        Box::new(self.clone())
    }
}

/// How to reach the site database on a server.
pub(crate) fn config(server: &str) -> DatabaseConfig {
    DatabaseConfig {
        server: ServerAddress { host: server.to_owned(), instance: None, port: None },
        name: "CM_P01".to_owned(),
        authentication: Authentication::Integrated,
        encryption: Encryption::Required,
        trust: Trust::Platform,
        interval: Duration::from_secs(300),
        query_timeout: Duration::from_secs(30),
        alert: None,
    }
}
