//! The site database of the simulated site: what a SQL Server would answer, made from the runs that the log tells of.
//!
//! It has no network and no SQL, and its server is called `simulated`, so that nobody takes it for a real one. For one
//! minute of every ten a right is missing, as it is where somebody forgot a grant.

use std::collections::{BTreeMap, VecDeque};
use std::future::ready;
use std::time::Duration;
use std::vec;

use chrono::{DurationRound, TimeDelta, Timelike};

use super::live::LiveRuns;
use super::writer::{BackupTask, LogWriter, RunScript};
use crate::clock::Clock;
use crate::config::{
    AlertMatch, Authentication, DEFAULT_QUERY_TIMEOUT, DEFAULT_RETENTION, DatabaseConfig, Encryption,
    ServerAddress, SiteSettings, Trust,
};
use crate::site::{
    BackupMethod, BackupSet, ChangeTracking, DatabaseServer, MessageId, SiteAlert, SiteCode, SiteDefinition,
    SiteRole, StatusMessage, TaskDefinition, TaskStatus, TaskWindow, Timestamp,
};
use crate::source::site_database::{Answer, Asked, Databases, Depth, Question, SiteDatabase, Unanswered};
use crate::source::{FailureKind, PollFailure};
use crate::trace::Phrases;

/// What the server calls itself.
const SERVER: &str = "simulated";

/// The name of the site's alert about failed backups.
const ALERT: &str = "Site backup failed";

/// Where `RecordID`s begin: far above 32 bits, as at real sites.
const FIRST_RECORD: i64 = 1 << 56;

/// So many messages are kept, as a site keeps them for a while only: those of more than 500 runs.
const KEPT: usize = 5000;

/// So many backups are told.
const BACKUP_SETS: usize = 10;

/// How often change tracking is cleaned up.
const CLEANUP: TimeDelta = TimeDelta::minutes(30);

/// `SiteStatus` of a site that works.
const ACTIVE: i64 = 125;

const PACKAGE_ROOTS: [&str; 3] = [r"\\CM01\Sources$", r"\\NAS01\Drivers", r"\\NAS01\Packages"];

/// How it is asked: as a real one, but for the short interval and what only a network needs.
pub fn database_config(site: SiteCode) -> DatabaseConfig {
    DatabaseConfig {
        server: ServerAddress { host: SERVER.to_owned(), instance: None, port: None },
        name: format!("CM_{site}"),
        authentication: Authentication::Integrated,
        encryption: Encryption::Required,
        trust: Trust::Platform,
        interval: Duration::from_secs(10),
        query_timeout: DEFAULT_QUERY_TIMEOUT,
        alert: Some(AlertMatch::Name(ALERT.to_owned())),
    }
}

/// The site database, and every replica of it that is asked for.
#[derive(Debug, Clone)]
pub struct SimulatedDatabase {
    clock: Clock,
    machine: Box<str>,
    destination: Box<str>,
    writer: LogWriter,
    window: TaskWindow,
    /// The runs before the live ones of which nothing has been said.
    history: vec::IntoIter<(Timestamp, RunScript)>,
    live: LiveRuns,
    /// The live run that comes next.
    next: usize,
    /// What the run that has begun is yet to say.
    coming: VecDeque<StatusMessage>,
    /// What has been said, with its `RecordID`.
    told: VecDeque<(i64, StatusMessage)>,
    last_record: i64,
}

impl SimulatedDatabase {
    /// The database of the site whose log `writer` writes: of these runs before now, and of the live ones after them.
    ///
    /// `window` is what the task's row says.
    pub fn new(
        clock: Clock,
        task: &BackupTask,
        writer: LogWriter,
        window: TaskWindow,
        history: Vec<(Timestamp, RunScript)>,
        live: LiveRuns,
    ) -> Self {
        Self {
            clock,
            machine: writer.machine().into(),
            destination: task.location().into(),
            writer,
            window,
            history: history.into_iter(),
            live,
            next: 0,
            coming: VecDeque::new(),
            told: VecDeque::new(),
            last_record: FIRST_RECORD,
        }
    }

    /// Writes what has been said by now.
    fn advance(&mut self, now: Timestamp) {
        loop {
            while let Some(message) = self.coming.pop_front_if(|message| message.time <= now) {
                self.last_record += 1;
                self.told.push_back((self.last_record, message));
            }
            if !self.coming.is_empty() {
                break;
            }
            let Some((start, run)) = self.next_run(now) else { break };
            self.coming.extend(run.messages(&self.writer, start));
        }
        self.told.drain(..self.told.len().saturating_sub(KEPT));
    }

    /// The next run that has begun by now.
    fn next_run(&mut self, now: Timestamp) -> Option<(Timestamp, RunScript)> {
        self.history.next().or_else(|| {
            let run = self.live.run(self.next, now)?;
            self.next += 1;
            Some((run.start, run.script))
        })
    }

    fn answer(&mut self, question: Question) -> Result<Answer, Unanswered> {
        let now = self.clock.now();
        self.advance(now);
        if question == Question::Alerts && now.minute() % 10 == 9 {
            return Err(refused("fnListAlerts"));
        }
        Ok(match question {
            Question::Server => Answer::Server(DatabaseServer {
                name: SERVER.into(),
                version: "16.0.4125.3".into(),
                in_availability_group: false,
                utc: now,
                offset: 0,
            }),
            Question::Site => Answer::Site(SiteDefinition {
                role: Some(SiteRole::Hierarchy),
                server: self.machine.clone(),
                version: "5.00.9128.1000".into(),
            }),
            Question::Updates => Answer::Updates(false),
            Question::SiteStatus => Answer::SiteStatus(Some(ACTIVE)),
            Question::Task => Answer::Task(TaskDefinition {
                enabled: true,
                window: self.window,
                destination: Some(self.destination.clone()),
            }),
            Question::TaskStatus => Answer::TaskStatus(self.task_status()),
            Question::NewestRecord => Answer::NewestRecord(self.told.back().map(|(record, _)| *record)),
            Question::StatusMessages(depth) => Answer::StatusMessages(self.messages(depth, now)),
            Question::Reasons(_) => Answer::Reasons(BTreeMap::new()),
            Question::ChangeTracking => Answer::ChangeTracking(Some(ChangeTracking {
                auto_cleanup: true,
                retention: DEFAULT_RETENTION,
            })),
            Question::OldestCommit => {
                let cleaned = now.duration_trunc(CLEANUP).ok();
                Answer::OldestCommit(cleaned.map(|at| at - DEFAULT_RETENTION))
            }
            Question::BackupSets => Answer::BackupSets(self.backup_sets()),
            Question::Replicas => Answer::Replicas(Vec::new()),
            Question::Alerts => Answer::Alerts(vec![self.alert()]),
            Question::PackageRoots => Answer::PackageRoots(PACKAGE_ROOTS.map(str::to_owned).to_vec()),
        })
    }

    fn messages(&self, depth: Depth, now: Timestamp) -> Vec<(i64, StatusMessage)> {
        let is_asked_for = |message: &StatusMessage| match depth {
            Depth::All => true,
            Depth::Recent => message.time > now - TimeDelta::days(2),
        };
        self.told.iter().filter(|(_, message)| is_asked_for(message)).cloned().collect()
    }

    /// The site hands the task on to a service; when that was is all that this row tells.
    fn task_status(&self) -> Option<TaskStatus> {
        let started = |(_, message): &&(i64, StatusMessage)| message.id == MessageId::SERVICE_STARTED;
        let (_, message) = self.told.iter().rev().find(started)?;
        let handed_on = Some(message.time.naive_utc());
        Some(TaskStatus { last_start: handed_on, last_completion: handed_on })
    }

    /// SQL Server has recorded the snapshot that each success was copied from.
    fn backup_sets(&self) -> Vec<BackupSet> {
        let mut started = None;
        let mut finished = None;
        let mut sets = Vec::new();
        for (_, message) in &self.told {
            match message.id {
                MessageId::SERVICE_STARTED => (started, finished) = (None, None),
                MessageId::WRITER_FREEZES => started = Some(message.time),
                MessageId::COPY_FINISHED => finished = Some(message.time),
                MessageId::COMPLETED => sets.extend(started.zip(finished).map(|(started, finished)| {
                    BackupSet { started, finished, method: BackupMethod::Vss, damaged: false }
                })),
                _ => {}
            }
        }
        sets.into_iter().rev().take(BACKUP_SETS).collect()
    }

    /// Active from a failure to the next success.
    fn alert(&self) -> SiteAlert {
        let outcome = |id: MessageId| [MessageId::COMPLETED, MessageId::FAILED].contains(&id).then_some(id);
        let last = self.told.iter().rev().find_map(|(_, message)| outcome(message.id));
        let bad = last == Some(MessageId::FAILED);
        SiteAlert { id: 1, type_id: None, name: ALERT.into(), active: bad, bad: Some(bad) }
    }
}

fn refused(object: &str) -> Unanswered {
    let message = format!(
        "the SELECT permission on {object} was denied; grant it to this program's login as in docs/sql-permissions.md \
         (here it is missing on purpose)"
    );
    Unanswered { failure: PollFailure { kind: FailureKind::Permission, message }, disconnected: false }
}

impl SiteDatabase for SimulatedDatabase {
    fn ask(&mut self, question: Question) -> Asked<'_> {
        Box::pin(ready(self.answer(question)))
    }

    fn replica(&self, _: &str) -> Box<dyn SiteDatabase> {
        Box::new(self.clone())
    }
}

impl Databases for SimulatedDatabase {
    fn of(&self, _: &SiteSettings, _: &DatabaseConfig, _: Phrases) -> Box<dyn SiteDatabase> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests;
