//! A real SQL Server behind [`SiteDatabase`]: when to connect, when to keep a connection, and when to try a second one.
//!
//! One connection is used for all questions of a poll. Between polls it is kept only where they are less than a minute
//! apart: what is idle for longer is dropped unseen by firewalls, and whoever restores the database, or wants it for
//! himself, would find a session of a mere observer in the way.

mod allowance;
mod authorities;
mod connection;
mod credentials;
mod failure;
mod password;
mod query;
mod refusal;
mod rows;
mod target;

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use self::connection::{Connection, NotAnswered};
use self::credentials::Credentials;
use self::failure::Trouble;
use self::refusal::Refusal;
use self::rows::Rows;
use self::target::Target;
use super::source::CONNECTING;
use super::{Answer, Asked, Databases, Depth, Question, SiteDatabase, Topic};
use crate::config::{Authentication, DatabaseConfig, SiteSettings};
use crate::environment::Environment;
use crate::site::{SiteCode, StatusMessage};
use crate::trace::Phrases;

/// Where polls are so far apart, each has a connection of its own.
const LONG_REST: Duration = Duration::from_secs(60);

/// So many polls wait for the reasons of errors.
const PATIENCE_FOR_REASONS: u32 = 2;

/// Reaches databases as configured; passwords may be in this environment.
#[derive(Debug)]
pub struct SqlServers {
    environment: Arc<Environment>,
}

impl SqlServers {
    /// Reads passwords from `environment` where the configuration says so.
    pub fn new(environment: &Environment) -> Self {
        Self { environment: Arc::new(environment.clone()) }
    }
}

impl Databases for SqlServers {
    fn of(
        &self,
        settings: &SiteSettings,
        config: &DatabaseConfig,
        phrases: Phrases,
    ) -> Box<dyn SiteDatabase> {
        let target = Target::configured(config.clone());
        if target.sends_password_openly() {
            tracing::warn!(
                site = %settings.code,
                server = %config.server,
                "the password of the site database goes over the network unencrypted; \
                 write encryption: required in sites[].database"
            );
        }
        let credentials = Credentials::new(Arc::clone(&self.environment));
        Box::new(SqlServer {
            site: settings.code,
            site_database: config.name.clone(),
            target,
            credentials,
            phrases: Arc::new(phrases),
            connection: None,
            rested: false,
            without_reasons: 0,
            refusal: None,
        })
    }
}

/// The text of the batch that asks a question, for a server that stands in for a real one.
pub fn query_text(question: Question, site: SiteCode, database: &str) -> String {
    query::text(question, site, database)
}

/// One site's database on one server.
#[derive(Debug)]
struct SqlServer {
    site: SiteCode,
    /// The site database that questions are about, whatever database is logged on to.
    site_database: String,
    target: Target,
    credentials: Credentials,
    /// What insertion strings say.
    phrases: Arc<Phrases>,
    connection: Option<Connection>,
    /// Whether nothing was asked since the last poll.
    rested: bool,
    /// How many times in a row the reasons of errors could not be read.
    without_reasons: u32,
    refusal: Option<Refusal>,
}

impl SqlServer {
    async fn answer(&mut self, question: Question) -> Result<Answer, Trouble> {
        match (question, self.plain_answer(question).await?) {
            (Question::StatusMessages(depth), Answer::StatusMessages(messages)) => {
                self.with_reasons(depth, messages).await.map(Answer::StatusMessages)
            }
            (_, answer) => Ok(answer),
        }
    }

    async fn plain_answer(&mut self, question: Question) -> Result<Answer, Trouble> {
        let topic = question.topic();
        let batch = query::text(question, self.site, &self.site_database);
        let rows = self.rows(topic, query::grant(question), &batch).await?;
        query::read(question, self.site, &rows).map_err(|malformed| Trouble::malformed(topic, &malformed))
    }

    /// Looks for the reasons of errors in their insertion strings. Without the right to read them there are none (the
    /// question itself tells of that). What passes is waited for, but not for long: a failure must not wait for its
    /// reason.
    async fn with_reasons(
        &mut self,
        depth: Depth,
        mut messages: Vec<(i64, StatusMessage)>,
    ) -> Result<Vec<(i64, StatusMessage)>, Trouble> {
        if query::wants_reasons(&messages) {
            match self.plain_answer(Question::Reasons(depth)).await {
                Ok(Answer::Reasons(strings)) => {
                    self.without_reasons = 0;
                    query::add_reasons(&mut messages, &strings, &self.phrases);
                }
                Err(trouble) if !trouble.stays() && self.without_reasons < PATIENCE_FOR_REASONS => {
                    self.without_reasons += 1;
                    return Err(trouble);
                }
                _ => {}
            }
        }
        Ok(messages)
    }

    /// Runs a batch on the connection that there is; if that was dead, or there is none, on a new one.
    async fn rows(&mut self, topic: Topic, grant: &str, batch: &str) -> Result<Rows, Trouble> {
        let rested = mem::take(&mut self.rested);
        if let Some(kept) = self.connection.take() {
            match self.run(kept, batch).await {
                Err(NotAnswered::Gone(_)) => {}
                // What died while it was idle may still take a question, and never answers.
                Err(NotAnswered::TimedOut) if rested => {}
                answered => {
                    return answered.map_err(|failed| Trouble::asking(&failed, topic, grant, &self.target));
                }
            }
        }
        let connection = self.connect().await?;
        let answered = self.run(connection, batch).await;
        answered.map_err(|failed| Trouble::asking(&failed, topic, grant, &self.target))
    }

    /// Runs a batch, and keeps the connection if it can be asked again.
    async fn run(&mut self, mut connection: Connection, batch: &str) -> Result<Rows, NotAnswered> {
        let answered = connection.run(batch, self.target.config.query_timeout).await;
        if answered.as_ref().err().is_none_or(NotAnswered::leaves_connection) {
            self.connection = Some(connection);
        }
        answered
    }

    async fn connect(&mut self) -> Result<Connection, Trouble> {
        let (deadline, config) = (Instant::now() + CONNECTING, &self.target.config);
        let log_on = self.credentials.read(config, deadline).await?;
        let method = log_on.method.clone();
        if let Some(trouble) = self.refusal.as_ref().and_then(|refusal| refusal.of(&method)) {
            return Err(trouble);
        }
        let opened = timeout_at(deadline, Connection::open(config, log_on)).await;
        let opened = opened
            .map_err(|_| Trouble::slow_connection(config))
            .and_then(|opened| opened.map_err(|failed| Trouble::connecting(&failed, &self.target)));
        let has_password = config.authentication != Authentication::Integrated;
        match &opened {
            Ok(_) => self.refusal = None,
            Err(trouble) if has_password && trouble.is_refused() => {
                self.refusal = Some(Refusal::new(method, trouble.clone(), self.refusal.take()));
            }
            Err(_) => {}
        }
        opened
    }
}

impl SiteDatabase for SqlServer {
    fn ask(&mut self, question: Question) -> Asked<'_> {
        Box::pin(async move { self.answer(question).await.map_err(|trouble| trouble.told(&self.target)) })
    }

    fn rest(&mut self) {
        self.rested = true;
        if self.target.config.interval >= LONG_REST {
            self.connection = None;
        }
    }

    fn replica(&self, server: &str) -> Box<dyn SiteDatabase> {
        Box::new(Self {
            site: self.site,
            site_database: self.site_database.clone(),
            target: self.target.replica(server),
            credentials: self.credentials.clone(),
            phrases: Arc::clone(&self.phrases),
            connection: None,
            rested: false,
            without_reasons: 0,
            refusal: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Encryption, PasswordSource, ServerAddress, Trust};
    use crate::platform::IS_WINDOWS;
    use crate::source::FailureKind;
    use crate::trace::UserPatterns;

    pub(super) fn config(
        host: &str,
        authentication: Authentication,
        encryption: Encryption,
    ) -> DatabaseConfig {
        DatabaseConfig {
            server: ServerAddress { host: host.to_owned(), instance: None, port: Some(1) },
            name: "CM_P01".to_owned(),
            authentication,
            encryption,
            trust: Trust::Platform,
            interval: Duration::from_secs(300),
            query_timeout: Duration::from_secs(30),
            alert: None,
        }
    }

    pub(super) fn login(variable: &str) -> Authentication {
        let password = PasswordSource::Environment(variable.to_owned());
        Authentication::Login { user: "cm_monitor".to_owned(), password }
    }

    fn server(config: &DatabaseConfig) -> Box<dyn SiteDatabase> {
        let environment = Environment::new([("CM_PASSWORD", "dIstInctIve")]);
        let phrases = Phrases::new(UserPatterns::default()).unwrap();
        SqlServers::new(&environment).of(&SiteSettings::new("P01".parse().unwrap()), config, phrases)
    }

    #[test]
    fn a_replica_is_asked_in_msdb_about_the_site_database() {
        let replica = format!(
            "{:?}",
            server(&config("sql01", login("CM_PASSWORD"), Encryption::Strict)).replica("SQL02")
        );
        for part in ["site_database: \"CM_P01\"", "name: \"msdb\"", "host: \"SQL02\"", "encryption: Strict"] {
            assert!(replica.contains(part), "{part} in {replica}");
        }
    }

    #[tokio::test]
    async fn integrated_authentication_off_windows_is_refused_before_anything_is_sent() {
        if IS_WINDOWS {
            return;
        }
        let mut server = server(&config("203.0.113.1", Authentication::Integrated, Encryption::Required));
        let unanswered = server.ask(Question::Server).await.unwrap_err();
        assert_eq!(unanswered.failure.kind, FailureKind::Authentication);
        let message = unanswered.failure.message;
        assert!(
            message.starts_with("CM_P01 on 203.0.113.1,1: integrated") && message.contains("password_file"),
            "{message}"
        );
    }

    #[tokio::test]
    async fn without_a_password_or_a_certificate_nothing_is_sent() {
        for (authentication, trust, kind, part) in [
            (login("OTHER"), Trust::Platform, FailureKind::Authentication, "variable OTHER is not set"),
            (
                login("CM_PASSWORD"),
                Trust::CaFile("/nowhere/ca.pem".into()),
                FailureKind::Tls,
                "/nowhere/ca.pem",
            ),
        ] {
            let config =
                DatabaseConfig { trust, ..config("203.0.113.1", authentication, Encryption::Required) };
            let unanswered = server(&config).ask(Question::Server).await.unwrap_err();
            assert_eq!(unanswered.failure.kind, kind);
            assert!(unanswered.failure.message.contains(part), "{}", unanswered.failure.message);
            assert!(!unanswered.failure.message.contains("dIstInctIve"));
        }
    }
}
