//! What a driver's error means to an operator: one line with the server, the database and the remedy.
//!
//! Texts of the server are foreign: they are cut, and hold no line breaks. Texts of the driver name its own interface,
//! so they are recognised and never shown where something better can be said.

mod server;
mod tls;

use std::io::ErrorKind;

use tiberius::error::Error as DriverError;

use super::authorities::AuthoritiesError;
use super::connection::{NotAnswered, NotConnected};
use super::password::PasswordError;
use super::rows::Malformed;
use super::target::Target;
use crate::config::{Authentication, DatabaseConfig, Encryption, PasswordSource, Trust};
use crate::error_chain;
use crate::source::site_database::source::CONNECTING;
use crate::source::site_database::{Topic, Unanswered};
use crate::source::{FailureKind, PollFailure};

/// So much of a foreign text is shown, in characters.
const MOST_FOREIGN: usize = 200;

/// Why a question has no answer, and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    kind: FailureKind,
    /// Without the server and the database.
    text: String,
    disconnected: bool,
}

impl Trouble {
    /// Whether asking again without a change would end in the same.
    pub(super) fn stays(&self) -> bool {
        matches!(self.kind, FailureKind::Permission | FailureKind::Malformed)
    }

    /// Whether the server let nobody log on in this way.
    pub(super) fn is_refused(&self) -> bool {
        self.kind == FailureKind::Authentication
    }

    /// Something without which there is no connection.
    fn new(kind: FailureKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), disconnected: true }
    }

    /// With the server and the database, for whoever reads messages of several sites.
    pub(super) fn told(self, target: &Target) -> Unanswered {
        let Self { kind, text, disconnected } = self;
        let message = format!("{target}: {text}");
        Unanswered { failure: PollFailure { kind, message }, disconnected }
    }

    /// The account of this process cannot log on from here.
    pub(super) fn not_on_windows() -> Self {
        let text = "integrated authentication works on Windows only; write user and password_file in \
                    sites[].database.authentication";
        Self::new(FailureKind::Authentication, text)
    }

    /// There is no password.
    pub(super) fn password(error: &PasswordError) -> Self {
        let text = format!("{} (sites[].database.authentication)", error_chain(error));
        Self::new(FailureKind::Authentication, text)
    }

    /// There are no certificates.
    pub(super) fn authorities(error: &AuthoritiesError) -> Self {
        Self::new(FailureKind::Tls, format!("{} (sites[].database.ca_file)", error_chain(error)))
    }

    /// The files with the password and the certificates take too long.
    pub(super) fn slow_files(config: &DatabaseConfig) -> Self {
        let password = match &config.authentication {
            Authentication::Login { password: PasswordSource::File(path), .. } => Some(path),
            _ => None,
        };
        let authorities = if let Trust::CaFile(path) = &config.trust { Some(path) } else { None };
        let files: Vec<_> =
            password.into_iter().chain(authorities).map(|path| path.display().to_string()).collect();
        let text = format!("{} cannot be read; keep it on a local disk", files.join(" or "));
        Self::new(FailureKind::Timeout, text)
    }

    /// Connecting and logging on take too long.
    pub(super) fn slow_connection(config: &DatabaseConfig) -> Self {
        let seconds = CONNECTING.as_secs();
        let port = match (config.server.port, &config.server.instance) {
            (Some(port), _) => format!("TCP port {port}"),
            (None, Some(_)) => "UDP port 1434 and the instance's TCP port".to_owned(),
            (None, None) => "TCP port 1433".to_owned(),
        };
        let strict = if config.encryption == Encryption::Strict {
            " strict needs SQL Server 2022 or newer"
        } else {
            ""
        };
        let text = format!(
            "no log-on within {seconds} s; is the server up, and does a firewall let {port} through?{strict}"
        );
        Self::new(FailureKind::Timeout, text)
    }

    /// Connecting or logging on failed.
    pub(super) fn connecting(failed: &NotConnected, target: &Target) -> Self {
        let config = &target.config;
        let uses_browser = config.server.instance.is_some() && config.server.port.is_none();
        let error = match failed {
            NotConnected::UnknownHost(error) => {
                let error = foreign(&error.to_string());
                let remedy = if target.is_replica {
                    "the availability group calls it so; make this name known in DNS"
                } else {
                    "check sites[].database.server, or DNS"
                };
                let text = format!("no such host ({error}); {remedy}");
                return Self::new(FailureKind::Unreachable, text);
            }
            NotConnected::Driver(error) => error,
        };
        match error {
            DriverError::Server(token) => {
                let (kind, text) = server::connecting(token.code(), token.message(), target);
                Self::new(kind, text)
            }
            DriverError::Conversion(_) if uses_browser => {
                let or = if target.is_replica { "" } else { ", or write sites[].database.port" };
                let text = format!(
                    "SQL Server Browser does not tell the instance's port; start it and let UDP port 1434 through{or}"
                );
                Self::new(FailureKind::Unreachable, text)
            }
            DriverError::Routing { host, port } => {
                let other = foreign(&format!("{host}, port {port}"));
                let text = format!("the server sends to {other}; write that in sites[].database");
                Self::new(FailureKind::Protocol, text)
            }
            DriverError::Io { message, .. } if message.contains("bytes remaining") => Self::new(
                FailureKind::Protocol,
                "what answers there does not log on as a SQL Server; check the port",
            ),
            DriverError::Io { kind: ErrorKind::ConnectionReset, message }
                if config.encryption == Encryption::Required =>
            {
                let message = foreign(message);
                let text = format!(
                    "the connection was lost before the log-on ({message}); a server that forces strict encryption \
                     does that: then write `encryption: strict`"
                );
                Self::new(FailureKind::Unreachable, text)
            }
            DriverError::Io { kind, message } => tls::in_io(*kind, message, config)
                .map_or_else(|| Self::network(*kind, message), |text| Self::new(FailureKind::Tls, text)),
            error => tls::in_protocol(error, target).map_or_else(
                || {
                    let error = foreign(&error.to_string());
                    let text = format!(
                        "what answers there does not log on as a SQL Server ({error}); check the port"
                    );
                    Self::new(FailureKind::Protocol, text)
                },
                |text| Self::new(FailureKind::Tls, text),
            ),
        }
    }

    /// The network failed, while connecting or later.
    fn network(kind: ErrorKind, message: &str) -> Self {
        // The driver puts one error into the text of another.
        let message = foreign(message.rsplit("performing I/O: ").next().unwrap_or(message));
        let (kind, text) = match kind {
            ErrorKind::ConnectionRefused => (
                FailureKind::Unreachable,
                format!(
                    "refused ({message}); is SQL Server running there, with TCP/IP enabled, on that port?"
                ),
            ),
            ErrorKind::TimedOut => {
                (FailureKind::Timeout, format!("no answer ({message}); check the network and firewalls"))
            }
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => (
                FailureKind::Unreachable,
                format!("no way there ({message}); check the network and firewalls"),
            ),
            _ => (
                FailureKind::Unreachable,
                format!(
                    "the connection was lost ({message}); if that stays, SQL Server's error log tells more"
                ),
            ),
        };
        Self::new(kind, text)
    }

    /// A batch failed.
    ///
    /// `grant` is what the account needs for it.
    pub(super) fn asking(failed: &NotAnswered, topic: Topic, grant: &str, target: &Target) -> Self {
        let trouble = match failed {
            NotAnswered::TimedOut => {
                let seconds = target.config.query_timeout.as_secs_f64();
                let text = format!(
                    "no answer about {topic} within {seconds} s; if that stays, raise \
                     sites[].database.query_timeout"
                );
                Self::new(FailureKind::Timeout, text)
            }
            NotAnswered::TooLong => {
                let text = format!(
                    "the answer about {topic} is longer than any of a site database; check \
                     sites[].database.server and name"
                );
                Self::new(FailureKind::Protocol, text)
            }
            NotAnswered::Driver(DriverError::Server(token)) => {
                let (kind, text) = server::asking(token.code(), token.message(), topic, grant);
                Self::new(kind, text)
            }
            NotAnswered::Gone(DriverError::Io { kind, message })
            | NotAnswered::Driver(DriverError::Io { kind, message }) => Self::network(*kind, message),
            NotAnswered::Gone(error) | NotAnswered::Driver(error) => {
                let error = foreign(&error.to_string());
                let text =
                    format!("the answer about {topic} cannot be understood ({error}); please report this");
                Self::new(FailureKind::Protocol, text)
            }
        };
        Self { disconnected: !failed.leaves_connection(), ..trouble }
    }

    /// An answer does not say what it should.
    pub(super) fn malformed(topic: Topic, malformed: &Malformed) -> Self {
        let malformed = foreign(&malformed.to_string());
        let text = format!("the answer about {topic} is not what it should be: {malformed}");
        Self { disconnected: false, ..Self::new(FailureKind::Malformed, text) }
    }
}

/// A text of somebody else as a part of one line: no control characters, no line breaks, and not long.
fn foreign(text: &str) -> String {
    let is_blank = |character: char| {
        character.is_whitespace() || character.is_control() || matches!(character, '\u{200b}'..='\u{202e}')
    };
    let mut shown = text.split(is_blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = shown.char_indices().nth(MOST_FOREIGN) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests;
