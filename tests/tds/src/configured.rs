//! A site and its database as the configuration would have them.

use std::net::SocketAddr;
use std::time::Duration;

use configmgr_backup_exporter::config::{
    Authentication, DatabaseConfig, Encryption, PasswordSource, ServerAddress, SiteSettings, Trust,
};
use configmgr_backup_exporter::environment::Environment;
use configmgr_backup_exporter::site::SiteCode;
use configmgr_backup_exporter::source::site_database::{Databases, SiteDatabase, SqlServers};
use configmgr_backup_exporter::trace::{Phrases, UserPatterns};

/// The site database's name.
pub const DATABASE: &str = "CM_P01";

/// Who logs on.
pub const USER: &str = "cm_monitor";

/// Nothing else that a test meets looks like it.
pub const PASSWORD: &str = "Kr4nichfeder!zwei";

/// The environment variable that holds the password.
pub const PASSWORD_VARIABLE: &str = "CM_MONITOR_PASSWORD";

/// The site.
pub fn site() -> SiteCode {
    "P01".parse().expect("a site code")
}

/// A database on a server of this machine, without encryption.
pub fn config(server: SocketAddr) -> DatabaseConfig {
    DatabaseConfig {
        server: ServerAddress { host: server.ip().to_string(), instance: None, port: Some(server.port()) },
        name: DATABASE.to_owned(),
        authentication: Authentication::Login {
            user: USER.to_owned(),
            password: PasswordSource::Environment(PASSWORD_VARIABLE.to_owned()),
        },
        encryption: Encryption::Off,
        trust: Trust::Platform,
        interval: Duration::from_secs(300),
        query_timeout: Duration::from_secs(30),
        alert: None,
    }
}

/// What answers for a database in the real program.
pub fn database(config: &DatabaseConfig) -> Box<dyn SiteDatabase> {
    database_with(config, UserPatterns::default())
}

/// The same for a site with patterns of its own.
pub fn database_with(config: &DatabaseConfig, patterns: UserPatterns) -> Box<dyn SiteDatabase> {
    let environment = Environment::new([(PASSWORD_VARIABLE, PASSWORD)]);
    let phrases = Phrases::new(patterns).expect("the phrases");
    SqlServers::new(&environment).of(&SiteSettings::new(site()), config, phrases)
}
