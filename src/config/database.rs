//! How the site database is asked.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::site::closed_set;

/// How often the site database is asked unless the configuration says otherwise.
pub const DEFAULT_DATABASE_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// How long one query may take unless the configuration says otherwise.
pub const DEFAULT_QUERY_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the site database is, and how this program logs on to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// The SQL Server.
    pub server: ServerAddress,
    /// The database on it.
    pub name: String,
    /// Who logs on.
    pub authentication: Authentication,
    /// Whether the connection is encrypted.
    pub encryption: Encryption,
    /// Which certificates are believed.
    pub trust: Trust,
    /// From one poll to the next.
    pub interval: Duration,
    /// How long one query may take.
    pub query_timeout: Duration,
    /// Which of the site's alerts tells of failed backups; `None` where none is named.
    pub alert: Option<AlertMatch>,
}

/// A SQL Server on the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// A DNS name or an IP address.
    pub host: String,
    /// A named instance, whose port SQL Server Browser tells.
    pub instance: Option<String>,
    /// The port, which beats the instance's name; `None` for 1433 or what SQL Server Browser says.
    pub port: Option<u16>,
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        if let Some(instance) = &self.instance {
            write!(f, "\\{instance}")?;
        }
        // As SQL Server's own tools write it.
        self.port.map_or(Ok(()), |port| write!(f, ",{port}"))
    }
}

/// Who logs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// The account of this process; on Windows only.
    Integrated,
    /// A login of SQL Server. The password itself is never kept here.
    Login {
        /// Its name.
        user: String,
        /// Where its password is.
        password: PasswordSource,
    },
}

/// Where a password is read each time that it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordSource {
    /// The first line of a file.
    File(PathBuf),
    /// An environment variable of this process.
    Environment(String),
}

closed_set! {
    /// Whether a connection is encrypted.
    pub enum Encryption {
        /// Yes, or there is no connection.
        Required => "required",
        /// TDS 8.0: TLS before anything else; SQL Server 2022 and newer.
        Strict => "strict",
        /// No, not even the password.
        Off => "off",
    }
}

/// Which certificates of a server are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Those that the operating system believes.
    Platform,
    /// Those as well that the authorities in this PEM file have signed.
    CaFile(PathBuf),
    /// Every one: the connection is encrypted, but nobody knows to whom.
    Anything,
}

/// How the site's own alert about failed backups is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertMatch {
    /// By its name as the console shows it.
    Name(String),
    /// By its `TypeID`.
    TypeId(i64),
}
