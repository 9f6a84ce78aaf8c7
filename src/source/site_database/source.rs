//! The poller: asks what is due, and turns the answers into facts.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;

use super::{Answer, Cadence, Cursor, Depth, Question, SiteDatabase, Topic, Unanswered};
use crate::clock::Clock;
use crate::config::{AlertMatch, DatabaseConfig};
use crate::site::{SiteAlert, SiteCode, StatusMessage, Timestamp, Witness};
use crate::source::{
    Cursor as SourceCursor, DatabaseFact, Fact, FailureKind, Guidance, Poll, PollFailure, Reach, Record,
    RecordBody, Source, SourceId, SourceKind, Unread,
};

/// How often what changes slowly is asked.
const SLOW: Duration = Duration::from_secs(3600);

/// After a longer pause, the messages of the last two days may not be all that came since.
const RECENT: TimeDelta = TimeDelta::days(1);

/// A connection that is lost is made anew once in a poll.
const CONNECTIONS: u32 = 2;

/// What a connection and its log-on may take, besides the queries.
pub(super) const CONNECTING: Duration = Duration::from_secs(15);

/// So many queries may take all the time that they have before the poll is too long.
const SLOW_QUERIES: u32 = 3;

/// What is asked, in this order: what tells of backups first.
const QUESTIONS: &[Question] = &[
    Question::Server,
    Question::NewestRecord,
    Question::StatusMessages(Depth::Recent),
    Question::Task,
    Question::Site,
    Question::SiteStatus,
    Question::TaskStatus,
    Question::ChangeTracking,
    Question::BackupSets,
    Question::Alerts,
    Question::Replicas,
    Question::PackageRoots,
    // The one that can take long comes last.
    Question::OldestCommit,
];

/// The database of one site.
#[derive(Debug)]
pub struct DatabaseSource {
    id: SourceId,
    interval: Duration,
    deadline: Duration,
    alert: Option<AlertMatch>,
    clock: Clock,
    database: Box<dyn SiteDatabase>,
    cursor: Cursor,
    site: SiteCode,
    /// When each slow question was last asked.
    asked: HashMap<Question, Instant>,
    /// What the server calls itself, as far as is known.
    server: String,
    /// Other servers of the availability group that are to be asked for backups, one in a poll.
    replicas: VecDeque<String>,
    /// What had no answer in the last poll, so that a change of it is told once.
    unread: Vec<Unread>,
}

/// What one poll gathers.
#[derive(Debug)]
struct Gathered {
    facts: Vec<Fact>,
    unread: Vec<Unread>,
    cursor: Cursor,
    answered: bool,
    lost_connections: u32,
    /// Whether the server's record numbers are lower than those that were read.
    went_back: bool,
    newest_record: Option<i64>,
    in_availability_group: bool,
}

impl DatabaseSource {
    /// Polls the database of a site as configured, from `cursor` on.
    pub fn new(
        site: SiteCode,
        config: &DatabaseConfig,
        clock: Clock,
        database: Box<dyn SiteDatabase>,
        cursor: Option<SourceCursor>,
    ) -> Self {
        let cursor = match cursor {
            Some(SourceCursor::Database(cursor)) => cursor,
            _ => Cursor::default(),
        };
        let slow_queries = config.query_timeout.saturating_mul(SLOW_QUERIES);
        Self {
            id: Self::id_of(config),
            interval: config.interval,
            deadline: (CONNECTING * CONNECTIONS).saturating_add(slow_queries),
            alert: config.alert.clone(),
            clock,
            database,
            cursor,
            site,
            asked: HashMap::new(),
            server: config.server.to_string(),
            replicas: VecDeque::new(),
            unread: Vec::new(),
        }
    }

    /// Which source a configured database is.
    pub fn id_of(config: &DatabaseConfig) -> SourceId {
        SourceId { kind: SourceKind::Database, location: format!("{} on {}", config.name, config.server) }
    }

    /// Whether a question is to be asked now; one that is left out says nothing.
    fn is_due(&self, question: Question, gathered: &Gathered, started: Timestamp) -> bool {
        let slow = question.cadence() == Cadence::Hourly;
        if slow && self.asked.get(&question).is_some_and(|asked| asked.elapsed() < SLOW) {
            return false;
        }
        match question {
            Question::Alerts => self.alert.is_some(),
            Question::Replicas => gathered.in_availability_group,
            // Where nothing at all came since, there is no need to look for what concerns the backup.
            Question::StatusMessages(_) => {
                let nothing_new =
                    gathered.newest_record.is_some() && gathered.newest_record == self.cursor.record;
                !nothing_new || self.depth(gathered, started) == Depth::All
            }
            _ => true,
        }
    }

    /// How far back messages are read: everything at first, after a recovery, and after a long pause.
    fn depth(&self, gathered: &Gathered, started: Timestamp) -> Depth {
        let lately = self.cursor.read().is_some_and(|read| (started - read).abs() < RECENT);
        if self.cursor.record.is_none() || gathered.went_back || !lately { Depth::All } else { Depth::Recent }
    }

    fn take(&mut self, answer: Answer, asked: Timestamp, gathered: &mut Gathered) {
        let fact = match answer {
            Answer::Server(server) => {
                let halfway = asked + (self.clock.now() - asked) / 2;
                self.server = server.name.to_string();
                gathered.in_availability_group = server.in_availability_group;
                if !server.in_availability_group {
                    self.replicas.clear();
                    gathered.facts.push(Fact::Database(DatabaseFact::Servers(vec![self.server.clone()])));
                }
                DatabaseFact::Server { skew: server.utc - halfway, server }
            }
            Answer::NewestRecord(newest) => {
                gathered.newest_record = newest;
                gathered.went_back = newest.is_some_and(|newest| Some(newest) < self.cursor.record);
                return;
            }
            Answer::StatusMessages(messages) => return self.messages(messages, asked, gathered),
            Answer::Replicas(servers) => {
                let own = |server: &&String| server.eq_ignore_ascii_case(&self.server);
                self.replicas = servers.iter().filter(|server| !own(server)).cloned().collect();
                DatabaseFact::Servers(servers)
            }
            Answer::Alerts(alerts) => {
                let alert = alerts
                    .into_iter()
                    .find(|alert| self.alert.as_ref().is_some_and(|wanted| is(alert, wanted)));
                DatabaseFact::Alert(alert)
            }
            Answer::Site(site) => DatabaseFact::Site(site),
            Answer::SiteStatus(status) => DatabaseFact::SiteStatus(status),
            Answer::Task(task) => DatabaseFact::Task(task),
            Answer::TaskStatus(status) => DatabaseFact::TaskStatus(status),
            Answer::ChangeTracking(tracking) => DatabaseFact::ChangeTracking(tracking),
            Answer::OldestCommit(oldest) => DatabaseFact::OldestCommit(oldest),
            Answer::BackupSets(sets) => DatabaseFact::BackupSets(self.server.clone(), sets),
            Answer::PackageRoots(roots) => DatabaseFact::PackageRoots(roots),
        };
        gathered.facts.push(Fact::Database(fact));
    }

    /// Hands on what is above the watermark.
    fn messages(&self, messages: Vec<(i64, StatusMessage)>, asked: Timestamp, gathered: &mut Gathered) {
        let known = self.cursor.record.filter(|_| !gathered.went_back);
        let depth = self.depth(gathered, asked);
        let reaches_known = messages.iter().any(|(record, _)| Some(*record) <= known);
        let is_old = self.cursor.read().is_some_and(|read| (asked - read).abs() >= RECENT);
        let oldest = messages.first().map(|(_, message)| message.time);
        // What came since the last poll may have been deleted again.
        let gap = depth == Depth::All && known.is_some() && is_old && !reaches_known;
        gathered.facts.push(Fact::Coverage { witness: Witness::StatusMessages, oldest, gap });
        let cursor = &mut gathered.cursor;
        cursor.recoveries += u32::from(gathered.went_back);
        let newest = messages.last().map(|(record, _)| *record);
        cursor.record = newest.max(gathered.newest_record).max(known);
        let mut records = Vec::new();
        for (record, message) in messages {
            if Some(record) > known {
                records.push(Record { position: cursor.next, body: RecordBody::Status(message) });
                cursor.next += 1;
            }
        }
        gathered.facts.push(Fact::Records(Witness::StatusMessages, records));
    }

    /// Logs what has no answer now and had one, or never was asked before.
    fn tell(&mut self, unread: &[Unread]) {
        let same = |a: &Unread, b: &Unread| a.topic == b.topic && a.failure.kind == b.failure.kind;
        for new in unread.iter().filter(|new| !self.unread.iter().any(|known| same(known, new))) {
            let (site, topic, kind, reason) = (self.site, new.topic, new.failure.kind, &new.failure.message);
            tracing::warn!(%site, source = %self.id.kind, %topic, %kind, reason, "part of the site database cannot be read");
        }
        self.unread = unread.to_vec();
    }
}

fn is(alert: &SiteAlert, wanted: &AlertMatch) -> bool {
    match wanted {
        AlertMatch::Name(name) => alert.name.eq_ignore_ascii_case(name),
        AlertMatch::TypeId(id) => alert.type_id == Some(*id),
    }
}

/// Whether waiting does not help: somebody must grant or mend something.
fn stays(failure: &PollFailure) -> bool {
    !matches!(failure.kind, FailureKind::Timeout | FailureKind::Unreachable)
}

impl Source for DatabaseSource {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn deadline(&self) -> Option<Duration> {
        Some(self.deadline)
    }

    async fn poll(&mut self, _: &Guidance) -> Result<Poll<SourceCursor>, PollFailure> {
        let started = self.clock.now();
        let mut gathered = Gathered {
            facts: Vec::new(),
            unread: Vec::new(),
            cursor: self.cursor.clone(),
            answered: false,
            lost_connections: 0,
            went_back: false,
            newest_record: None,
            in_availability_group: false,
        };
        for question in QUESTIONS {
            if !self.is_due(*question, &gathered, started) {
                continue;
            }
            let question = match question {
                Question::StatusMessages(_) => Question::StatusMessages(self.depth(&gathered, started)),
                other => *other,
            };
            let asked = self.clock.now();
            self.asked.insert(question, Instant::now());
            match self.database.ask(question).await {
                Ok(answer) => {
                    gathered.answered = true;
                    self.take(answer, asked, &mut gathered);
                }
                Err(Unanswered { failure, disconnected }) => {
                    if disconnected && !gathered.answered {
                        return Err(failure);
                    }
                    gathered.unread.push(Unread { topic: question.topic(), failure });
                    gathered.lost_connections += u32::from(disconnected);
                    if gathered.lost_connections == CONNECTIONS {
                        break;
                    }
                }
            }
        }
        if !gathered.answered {
            let first = gathered.unread.into_iter().next().map(|unread| unread.failure);
            return Err(first.unwrap_or_else(|| PollFailure {
                kind: FailureKind::Protocol,
                message: format!("{} answered nothing; please report this", self.id.location),
            }));
        }
        if let Some(server) = self.replicas.pop_front() {
            match self.database.replica(&server).ask(Question::BackupSets).await {
                Ok(Answer::BackupSets(sets)) => {
                    gathered.facts.push(Fact::Database(DatabaseFact::BackupSets(server, sets)));
                }
                Ok(_) => {}
                Err(Unanswered { failure, .. }) => {
                    gathered.unread.push(Unread { topic: Topic::BackupSets, failure });
                }
            }
        }
        let messages: Vec<_> =
            gathered.unread.iter().filter(|unread| unread.topic == Topic::StatusMessages).collect();
        let messages_are_read = messages.is_empty() && gathered.lost_connections < CONNECTIONS;
        if messages_are_read {
            gathered.cursor.set_read(started);
        } else if messages.iter().any(|unread| stays(&unread.failure)) {
            gathered.facts.push(Fact::Silent(Witness::StatusMessages));
        }
        self.tell(&gathered.unread);
        gathered.facts.push(Fact::Database(DatabaseFact::Unread(gathered.unread)));
        self.cursor = gathered.cursor;
        let reach = if messages_are_read { Reach::CaughtUp } else { Reach::Unsettled };
        Ok(Poll { facts: gathered.facts, cursor: SourceCursor::Database(self.cursor.clone()), reach })
    }
}
