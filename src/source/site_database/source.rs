//! The poller: asks what is due, and turns the answers into facts.
//!
//! A poll never takes longer than its deadline: what the server leaves no time for is told as unread, so that nothing
//! that was answered is lost. What is asked once an hour is told with every poll, answer or failure alike.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use super::messages::{Messages, Taken};
use super::replicas::Replicas;
use super::{Answer, Cadence, Depth, Question, SiteDatabase, Topic, Unanswered};
use crate::clock::Clock;
use crate::config::{AlertMatch, DatabaseConfig};
use crate::site::{ClosedSet, SiteAlert, SiteCode, Timestamp, Witness};
use crate::source::{
    Cursor as SourceCursor, DatabaseFact, Fact, FailureKind, Guidance, Poll, PollFailure, Reach, Source,
    SourceId, SourceKind, Unread,
};

/// How often what changes slowly is asked.
const SLOW: Duration = Duration::from_secs(3600);

/// A connection that is lost is made anew once in a poll.
const CONNECTIONS: usize = 2;

/// What a connection and its log-on may take, besides the query.
pub(super) const CONNECTING: Duration = Duration::from_secs(15);

/// So many questions may take all the time that they have before no further one is asked.
const PATIENCE: u32 = 2;

/// What is asked, in this order: what tells of backups first.
const QUESTIONS: &[Question] = &[
    Question::Server,
    Question::NewestRecord,
    Question::StatusMessages(Depth::Recent),
    Question::Task,
    Question::Site,
    Question::SiteStatus,
    Question::Updates,
    Question::TaskStatus,
    Question::ChangeTracking,
    Question::BackupSets,
    Question::Alerts,
    Question::Replicas,
    Question::PackageRoots,
    // They come with the messages; asked for themselves, they tell whether that is allowed, errors or none.
    Question::Reasons(Depth::Recent),
    // The one that can take long comes last.
    Question::OldestCommit,
];

/// The database of one site.
#[derive(Debug)]
pub struct DatabaseSource {
    id: SourceId,
    interval: Duration,
    /// How long one question may take.
    longest: Duration,
    alert: Option<AlertMatch>,
    clock: Clock,
    database: Box<dyn SiteDatabase>,
    messages: Messages,
    site: SiteCode,
    /// When each slow question was last asked, and with which result.
    slow: HashMap<Question, (Instant, Result<Vec<Fact>, PollFailure>)>,
    /// What the server calls itself, as far as is known.
    server: String,
    in_availability_group: bool,
    replicas: Replicas,
    /// What had no answer in the last poll, so that a change of it is told once.
    unread: Vec<Unread>,
}

/// What one poll gathers.
#[derive(Debug)]
struct Gathered {
    started: Timestamp,
    begun: Instant,
    facts: Vec<Fact>,
    unread: Vec<Unread>,
    answered: bool,
    /// Why each connection was lost.
    lost: Vec<PollFailure>,
    /// The site's highest `RecordID`, if it was told.
    newest: Option<Option<i64>>,
    taken: Option<Taken>,
    messages_read: bool,
}

impl Gathered {
    fn new(started: Timestamp) -> Self {
        Self {
            started,
            begun: Instant::now(),
            facts: Vec::new(),
            unread: Vec::new(),
            answered: false,
            lost: Vec::new(),
            newest: None,
            taken: None,
            messages_read: false,
        }
    }
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
            _ => super::Cursor::default(),
        };
        Self {
            id: Self::id_of(config),
            interval: config.interval,
            longest: CONNECTING.saturating_add(config.query_timeout),
            alert: config.alert.clone(),
            clock,
            database,
            messages: Messages::new(cursor),
            site,
            slow: HashMap::new(),
            server: config.server.to_string(),
            in_availability_group: false,
            replicas: Replicas::default(),
            unread: Vec::new(),
        }
    }

    /// Which source a configured database is.
    pub fn id_of(config: &DatabaseConfig) -> SourceId {
        SourceId { kind: SourceKind::Database, location: format!("{} on {}", config.name, config.server) }
    }

    /// Whether servers of the availability group are yet to be asked, of which each poll asks one.
    pub fn has_replicas_left(&self) -> bool {
        self.replicas.are_left()
    }

    /// The question as it is to be asked, if it means anything now.
    fn wanted(&self, question: Question, gathered: &Gathered) -> Option<Question> {
        let wanted = match question {
            Question::Alerts => self.alert.is_some(),
            Question::Replicas => self.in_availability_group,
            // Where nothing at all came since, there is no need to look for what concerns the backup.
            Question::StatusMessages(_) => {
                let depth = self.messages.depth(gathered.started);
                let may_have_come = self.messages.may_have_come(gathered.newest, gathered.started);
                return may_have_come.then_some(Question::StatusMessages(depth));
            }
            _ => true,
        };
        wanted.then_some(question)
    }

    /// Asks what is due.
    async fn look(&mut self) -> Result<Poll<SourceCursor>, PollFailure> {
        let mut gathered = Gathered::new(self.clock.now());
        for question in QUESTIONS {
            let topic = question.topic();
            let Some(question) = self.wanted(*question, &gathered) else {
                self.slow.remove(question);
                gathered.messages_read |= topic == Topic::StatusMessages;
                continue;
            };
            let known = self.slow.get(&question).filter(|(asked, _)| asked.elapsed() < SLOW);
            let result = if let Some((_, result)) = known {
                result.clone()
            } else if let Some(failure) = self.give_up(&gathered) {
                Err(failure)
            } else {
                let result = self.ask(question, &mut gathered).await;
                // What was refused is asked again with the next poll: somebody may have granted it.
                let is_slow = |failure: &PollFailure| failure.kind == FailureKind::Timeout;
                if question.cadence() == Cadence::Hourly && result.as_ref().err().is_none_or(is_slow) {
                    self.slow.insert(question, (Instant::now(), result.clone()));
                }
                result
            };
            match result {
                Ok(facts) => gathered.facts.extend(facts),
                // Where the first question finds nobody, the others would not either.
                Err(failure) if !gathered.answered && !gathered.lost.is_empty() => return Err(failure),
                Err(failure) => {
                    if matches!(question, Question::StatusMessages(_)) && stays(&failure) {
                        gathered.facts.extend(self.silence());
                        self.messages.forget();
                    }
                    gathered.unread.push(Unread { topic, failure });
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
        self.ask_replica(&mut gathered).await;
        self.tell(&gathered.unread);
        let Gathered { started, mut facts, unread, newest, taken, messages_read, .. } = gathered;
        facts.push(Fact::Database(DatabaseFact::Unread(unread)));
        if messages_read {
            self.messages.keep(taken, newest, started);
        }
        let reach = if messages_read { Reach::CaughtUp } else { Reach::Unsettled };
        Ok(Poll { facts, cursor: SourceCursor::Database(self.messages.cursor().clone()), reach })
    }

    /// Asks one question.
    async fn ask(&mut self, question: Question, gathered: &mut Gathered) -> Result<Vec<Fact>, PollFailure> {
        let asked = self.clock.now();
        match self.database.ask(question).await {
            Ok(answer) => {
                gathered.answered = true;
                Ok(self.facts(question, answer, asked, gathered))
            }
            Err(Unanswered { failure, disconnected }) => {
                gathered.lost.extend(disconnected.then(|| failure.clone()));
                Err(failure)
            }
        }
    }

    /// Why nothing more is to be asked in this poll.
    fn give_up(&self, gathered: &Gathered) -> Option<PollFailure> {
        if gathered.lost.len() >= CONNECTIONS {
            return gathered.lost.last().cloned();
        }
        let (passed, patience) = (gathered.begun.elapsed(), self.longest.saturating_mul(PATIENCE));
        (passed > patience).then(|| {
            let (location, seconds) = (&self.id.location, passed.as_secs());
            let message = format!(
                "{location} took {seconds} s for the questions before; look for what makes the server slow"
            );
            PollFailure { kind: FailureKind::Timeout, message }
        })
    }

    fn facts(
        &mut self,
        question: Question,
        answer: Answer,
        asked: Timestamp,
        gathered: &mut Gathered,
    ) -> Vec<Fact> {
        let own = |server: &String| server.eq_ignore_ascii_case(&self.server);
        let fact = match answer {
            Answer::Server(server) => {
                let halfway = asked + (self.clock.now() - asked) / 2;
                self.server = server.name.to_string();
                self.in_availability_group = server.in_availability_group;
                let skew = server.utc - halfway;
                let alone = (!server.in_availability_group).then(|| vec![self.server.clone()]);
                let facts = [Some(DatabaseFact::Server { server, skew }), alone.map(DatabaseFact::Servers)];
                return facts.into_iter().flatten().map(Fact::Database).collect();
            }
            Answer::NewestRecord(newest) => {
                gathered.newest = Some(newest);
                return Vec::new();
            }
            Answer::StatusMessages(messages) => {
                let Question::StatusMessages(depth) = question else { return Vec::new() };
                let (facts, taken) = self.messages.take(depth, messages, gathered.started);
                gathered.taken = Some(taken);
                gathered.messages_read = true;
                return facts.into();
            }
            Answer::Replicas(mut servers) => {
                // A server that was renamed may not know its new name; what it recorded counts all the same.
                if !servers.iter().any(own) {
                    servers.push(self.server.clone());
                }
                self.replicas.are(servers.iter().filter(|server| !own(server)).cloned().collect());
                DatabaseFact::Servers(servers)
            }
            Answer::Alerts(alerts) => {
                let wanted = |alert: &SiteAlert| self.alert.as_ref().is_some_and(|wanted| is(alert, wanted));
                // Of several, the one that tells something.
                let alerts = alerts.into_iter().filter(wanted);
                let found = alerts.min_by_key(|alert| (!alert.active, alert.id));
                if found.is_none() {
                    let location = &self.id.location;
                    let message =
                        format!("{location}: no alert is as configured; check sites[].database.alert");
                    let failure = PollFailure { kind: FailureKind::NotFound, message };
                    gathered.unread.push(Unread { topic: Topic::Alerts, failure });
                }
                DatabaseFact::Alert(found)
            }
            Answer::Reasons(_) => return Vec::new(),
            Answer::Site(site) => DatabaseFact::Site(site),
            Answer::SiteStatus(status) => DatabaseFact::SiteStatus(status),
            Answer::Updates(installs) => DatabaseFact::UpdateInstalls(installs),
            Answer::Task(task) => DatabaseFact::Task(task),
            Answer::TaskStatus(status) => DatabaseFact::TaskStatus(status),
            Answer::ChangeTracking(tracking) => DatabaseFact::ChangeTracking(tracking),
            Answer::OldestCommit(oldest) => DatabaseFact::OldestCommit(oldest),
            Answer::BackupSets(sets) => DatabaseFact::BackupSets(self.server.clone(), sets),
            Answer::PackageRoots(roots) => DatabaseFact::PackageRoots(roots),
        };
        vec![Fact::Database(fact)]
    }

    /// Asks the next server of the availability group for what it recorded.
    async fn ask_replica(&mut self, gathered: &mut Gathered) {
        if !self.in_availability_group {
            self.replicas.are(Vec::new());
        }
        if self.give_up(gathered).is_none() {
            gathered.facts.extend(self.replicas.ask_next(&mut *self.database).await);
        }
        gathered.unread.extend(self.replicas.unread());
    }

    /// Of messages that were never read the witness has nothing to say. Of others it goes on telling what it has told:
    /// silence would take back of which time that was, and with it that a backup is overdue.
    fn silence(&self) -> Option<Fact> {
        let was_heard = self.messages.cursor().read().is_some();
        (!was_heard).then_some(Fact::Silent(Witness::StatusMessages))
    }

    /// Logs what has no answer now and had one, or never was asked before: one line for each reason.
    fn tell(&mut self, unread: &[Unread]) {
        let same = |a: &Unread, b: &Unread| a.topic == b.topic && a.failure.kind == b.failure.kind;
        let mut new: BTreeMap<&str, (FailureKind, Vec<&str>)> = BTreeMap::new();
        for unread in unread.iter().filter(|new| !self.unread.iter().any(|known| same(known, new))) {
            let (_, topics) = new.entry(&unread.failure.message).or_insert((unread.failure.kind, Vec::new()));
            topics.push(unread.topic.label());
        }
        for (reason, (kind, topics)) in new {
            let (site, topics) = (self.site, topics.join(","));
            tracing::warn!(%site, source = %self.id.kind, topics, %kind, reason, "part of the site database cannot be read");
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

    fn heeds_quiet(&self) -> bool {
        false
    }

    fn deadline(&self) -> Option<Duration> {
        // Its patience, the question after which it is lost, and a replica's.
        Some(self.longest.saturating_mul(PATIENCE + 2))
    }

    async fn poll(&mut self, _: &Guidance) -> Result<Poll<SourceCursor>, PollFailure> {
        let polled = self.look().await;
        self.database.rest();
        polled
    }
}

#[cfg(test)]
mod tests;
