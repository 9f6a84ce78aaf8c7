//! A real SQL Server behind [`SiteDatabase`]: when to connect, when to keep a connection, and when to try a second one.
//!
//! Passwords and certificates are read for each connection, so that changing them needs no restart.

mod allowance;
mod authorities;
mod connection;
mod failure;
mod password;
mod query;
mod rows;

use std::net::IpAddr;
use std::sync::Arc;

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout_at};

use self::connection::{Connection, LogOn, NotAnswered};
use self::failure::Trouble;
use self::password::Password;
use self::rows::Rows;
use super::source::CONNECTING;
use super::{Answer, Asked, Databases, Depth, Question, SiteDatabase, Topic};
use crate::config::{Authentication, DatabaseConfig, Encryption, ServerAddress, SiteSettings, Trust};
use crate::environment::Environment;
use crate::platform::integrated_authentication;
use crate::site::{SiteCode, StatusMessage};
use crate::trace::Phrases;

/// Where every server keeps what it knows of backups.
const BACKUP_HISTORY: &str = "msdb";

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
        if sends_password_openly(config) {
            tracing::warn!(
                site = %settings.code,
                server = %config.server,
                "the password of the site database goes over the network unencrypted; \
                 write encryption: required in sites[].database"
            );
        }
        let site_database = config.name.clone();
        let (environment, phrases) = (Arc::clone(&self.environment), Arc::new(phrases));
        Box::new(SqlServer::new(settings.code, site_database, config.clone(), environment, phrases))
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
    config: Arc<DatabaseConfig>,
    environment: Arc<Environment>,
    /// What insertion strings say.
    phrases: Arc<Phrases>,
    connection: Option<Connection>,
    /// Files that are being read, perhaps from a share that hangs: no second thread goes there.
    reading: Option<JoinHandle<Result<LogOn, Trouble>>>,
}

impl SqlServer {
    fn new(
        site: SiteCode,
        site_database: String,
        config: DatabaseConfig,
        environment: Arc<Environment>,
        phrases: Arc<Phrases>,
    ) -> Self {
        let config = Arc::new(config);
        Self { site, site_database, config, environment, phrases, connection: None, reading: None }
    }

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
    /// question itself tells of that), but a message must not be read without its reason now and with it later.
    async fn with_reasons(
        &mut self,
        depth: Depth,
        mut messages: Vec<(i64, StatusMessage)>,
    ) -> Result<Vec<(i64, StatusMessage)>, Trouble> {
        if query::wants_reasons(&messages) {
            match self.plain_answer(Question::Reasons(depth)).await {
                Ok(Answer::Reasons(strings)) => query::add_reasons(&mut messages, &strings, &self.phrases),
                Err(trouble) if !trouble.stays() => return Err(trouble),
                _ => {}
            }
        }
        Ok(messages)
    }

    /// Runs a batch on the connection that there is; if that was dead, or there is none, on a new one.
    async fn rows(&mut self, topic: Topic, grant: &str, batch: &str) -> Result<Rows, Trouble> {
        if let Some(kept) = self.connection.take() {
            match self.run(kept, batch).await {
                Err(NotAnswered::Gone(_)) => {}
                answered => {
                    return answered.map_err(|failed| Trouble::asking(&failed, topic, grant, &self.config));
                }
            }
        }
        let connection = self.connect().await?;
        let answered = self.run(connection, batch).await;
        answered.map_err(|failed| Trouble::asking(&failed, topic, grant, &self.config))
    }

    /// Runs a batch, and keeps the connection if it can be asked again.
    async fn run(&mut self, mut connection: Connection, batch: &str) -> Result<Rows, NotAnswered> {
        let answered = connection.run(batch, self.config.query_timeout).await;
        if answered.as_ref().err().is_none_or(NotAnswered::leaves_connection) {
            self.connection = Some(connection);
        }
        answered
    }

    async fn connect(&mut self) -> Result<Connection, Trouble> {
        let deadline = Instant::now() + CONNECTING;
        let log_on = self.log_on(deadline).await?;
        let connection = timeout_at(deadline, Connection::open(&self.config, log_on)).await;
        connection
            .map_err(|_| Trouble::slow_connection(&self.config))?
            .map_err(|failed| Trouble::connecting(&failed, &self.config))
    }

    /// Reads the password and the certificates.
    async fn log_on(&mut self, deadline: Instant) -> Result<LogOn, Trouble> {
        let reading = self.reading.get_or_insert_with(|| {
            let (config, environment) = (Arc::clone(&self.config), Arc::clone(&self.environment));
            spawn_blocking(move || read_log_on(&config, &environment))
        });
        let read = timeout_at(deadline, reading).await.map_err(|_| Trouble::slow_files(&self.config))?;
        self.reading = None;
        read.unwrap_or_else(|_| Err(Trouble::slow_files(&self.config)))
    }
}

impl SiteDatabase for SqlServer {
    fn ask(&mut self, question: Question) -> Asked<'_> {
        Box::pin(async move { self.answer(question).await.map_err(|trouble| trouble.told(&self.config)) })
    }

    fn replica(&self, server: &str) -> Box<dyn SiteDatabase> {
        let mut config = DatabaseConfig::clone(&self.config);
        config.name = BACKUP_HISTORY.to_owned();
        config.server = replica_address(server, &config.server);
        let (environment, phrases) = (Arc::clone(&self.environment), Arc::clone(&self.phrases));
        Box::new(Self::new(self.site, self.site_database.clone(), config, environment, phrases))
    }
}

/// Blocks while it reads files.
fn read_log_on(config: &DatabaseConfig, environment: &Environment) -> Result<LogOn, Trouble> {
    let method = match &config.authentication {
        Authentication::Integrated => integrated_authentication().ok_or_else(Trouble::not_on_windows)?,
        Authentication::Login { user, password } => {
            let password =
                Password::read(password, environment).map_err(|error| Trouble::password(&error))?;
            tiberius::AuthMethod::sql_server(user, password.expose())
        }
    };
    let authorities = match &config.trust {
        Trust::CaFile(path) => Some(authorities::read(path).map_err(|error| Trouble::authorities(&error))?),
        Trust::Platform | Trust::Anything => None,
    };
    Ok(LogOn { method, authorities, trusts_anything: config.trust == Trust::Anything })
}

/// A server by the name that SQL Server gives it; the configured port is that of default instances.
fn replica_address(name: &str, configured: &ServerAddress) -> ServerAddress {
    match name.split_once('\\') {
        Some((host, instance)) => {
            ServerAddress { host: host.to_owned(), instance: Some(instance.to_owned()), port: None }
        }
        None => {
            let port = configured.port.filter(|_| configured.instance.is_none());
            ServerAddress { host: name.to_owned(), instance: None, port }
        }
    }
}

fn sends_password_openly(config: &DatabaseConfig) -> bool {
    let host = config.server.host.trim_start_matches('[').trim_end_matches(']');
    let is_here = host.eq_ignore_ascii_case("localhost")
        || host == "."
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let has_password = config.authentication != Authentication::Integrated;
    config.encryption == Encryption::Off && has_password && !is_here
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::PasswordSource;
    use crate::source::FailureKind;
    use crate::trace::UserPatterns;

    fn config(host: &str, authentication: Authentication, encryption: Encryption) -> DatabaseConfig {
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

    fn login(variable: &str) -> Authentication {
        let password = PasswordSource::Environment(variable.to_owned());
        Authentication::Login { user: "cm_monitor".to_owned(), password }
    }

    fn server(config: DatabaseConfig) -> SqlServer {
        let environment = Environment::new([("CM_PASSWORD", "dIstInctIve")]);
        let phrases = Phrases::new(UserPatterns::default()).unwrap();
        let site = "P01".parse().unwrap();
        SqlServer::new(site, config.name.clone(), config, Arc::new(environment), Arc::new(phrases))
    }

    #[test]
    fn a_replica_is_found_by_the_name_that_sql_server_gives_it() {
        let address = |host: &str, instance: Option<&str>, port| ServerAddress {
            host: host.to_owned(),
            instance: instance.map(str::to_owned),
            port,
        };
        for (name, configured, found) in [
            ("SQL02", address("sql01", None, None), "SQL02"),
            ("SQL02", address("sql01", None, Some(1500)), "SQL02,1500"),
            ("SQL02", address("sql01", Some("CM"), Some(1500)), "SQL02"),
            ("SQL02\\CM", address("sql01", None, Some(1500)), "SQL02\\CM"),
        ] {
            assert_eq!(replica_address(name, &configured).to_string(), found, "{configured}");
        }
    }

    #[test]
    fn a_replica_is_asked_in_msdb_about_the_site_database() {
        let replica = format!(
            "{:?}",
            server(config("sql01", login("CM_PASSWORD"), Encryption::Strict)).replica("SQL02")
        );
        for part in ["site_database: \"CM_P01\"", "name: \"msdb\"", "host: \"SQL02\"", "encryption: Strict"] {
            assert!(replica.contains(part), "{part} in {replica}");
        }
    }

    #[test]
    fn only_a_password_that_leaves_the_machine_unencrypted_is_warned_of() {
        for (host, authentication, encryption, warned) in [
            ("sql01", login("X"), Encryption::Off, true),
            ("10.0.0.1", login("X"), Encryption::Off, true),
            ("sql01", login("X"), Encryption::Required, false),
            ("sql01", login("X"), Encryption::Strict, false),
            ("sql01", Authentication::Integrated, Encryption::Off, false),
            ("LOCALHOST", login("X"), Encryption::Off, false),
            ("127.0.0.1", login("X"), Encryption::Off, false),
            ("::1", login("X"), Encryption::Off, false),
            ("[::1]", login("X"), Encryption::Off, false),
        ] {
            assert_eq!(sends_password_openly(&config(host, authentication, encryption)), warned, "{host}");
        }
    }

    #[cfg(not(windows))]
    #[tokio::test]
    async fn integrated_authentication_off_windows_is_refused_before_anything_is_sent() {
        let mut server = server(config("203.0.113.1", Authentication::Integrated, Encryption::Required));
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
            let unanswered = server(config).ask(Question::Server).await.unwrap_err();
            assert_eq!(unanswered.failure.kind, kind);
            assert!(unanswered.failure.message.contains(part), "{}", unanswered.failure.message);
            assert!(!unanswered.failure.message.contains("dIstInctIve"));
        }
    }
}
