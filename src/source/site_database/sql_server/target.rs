//! Which server is asked: the one that is configured, or another one of its availability group.
//!
//! A group tells its servers by the names that Windows gives them, without a domain. Certificates have them with one, and
//! DNS often does; it is taken to be that of the configured server.

use std::fmt;
use std::net::IpAddr;

use crate::config::{Authentication, DatabaseConfig, Encryption, ServerAddress};

/// Where every server keeps what it knows of backups.
const BACKUP_HISTORY: &str = "msdb";

/// A server, and how to log on to it.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// With this server's address and database.
    pub(super) config: DatabaseConfig,
    /// Whether the availability group names it and not the configuration, which decides what can be mended where.
    pub(super) is_replica: bool,
}

impl Target {
    /// The server that is configured.
    pub(super) fn configured(config: DatabaseConfig) -> Self {
        Self { config, is_replica: false }
    }

    /// Another server of its availability group, by the name that SQL Server gives it, for what it knows of backups.
    pub(super) fn replica(&self, name: &str) -> Self {
        let server = replica_address(name, &self.config.server);
        let name = BACKUP_HISTORY.to_owned();
        Self { config: DatabaseConfig { server, name, ..self.config.clone() }, is_replica: true }
    }

    /// Whether others on the network can read the password.
    pub(super) fn sends_password_openly(&self) -> bool {
        let host = bare(&self.config.server.host);
        let is_here = host.eq_ignore_ascii_case("localhost")
            || host == "."
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let has_password = self.config.authentication != Authentication::Integrated;
        self.config.encryption == Encryption::Off && has_password && !is_here
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let replica = if self.is_replica { "replica " } else { "" };
        write!(f, "{} on {replica}{}", self.config.name, self.config.server)
    }
}

/// The configured port is that of default instances.
fn replica_address(name: &str, configured: &ServerAddress) -> ServerAddress {
    let (host, instance) = match name.split_once('\\') {
        Some((host, instance)) => (host, Some(instance.to_owned())),
        None => (name, None),
    };
    let host = match domain(&configured.host) {
        Some(domain) if !host.contains(['.', ':']) => format!("{host}.{domain}"),
        _ => host.to_owned(),
    };
    let port = configured.port.filter(|_| instance.is_none() && configured.instance.is_none());
    ServerAddress { host, instance, port }
}

/// What follows the first dot of a name; an address has no domain.
fn domain(host: &str) -> Option<&str> {
    let is_address = bare(host).parse::<IpAddr>().is_ok();
    let (_, domain) = host.split_once('.').filter(|_| !is_address)?;
    (!domain.is_empty()).then_some(domain)
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::super::tests::{config, login};
    use super::*;

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
            ("SQL02", address("cm-listener.corp.example", None, Some(1500)), "SQL02.corp.example,1500"),
            ("SQL02\\CM", address("sql01.corp.example", Some("CM"), None), "SQL02.corp.example\\CM"),
            ("SQL02.lab.example", address("sql01.corp.example", None, None), "SQL02.lab.example"),
            ("10.0.0.6", address("sql01.corp.example", None, None), "10.0.0.6"),
            ("::1", address("sql01.corp.example", None, None), "::1"),
            ("SQL02", address("10.0.0.5", None, None), "SQL02"),
            ("SQL02", address("[::ffff:10.0.0.5]", None, None), "SQL02"),
            ("SQL02", address("sql01.", None, None), "SQL02"),
        ] {
            assert_eq!(replica_address(name, &configured).to_string(), found, "{configured}");
        }
    }

    #[test]
    fn a_replica_is_asked_in_msdb_and_called_one() {
        let configured = Target::configured(config("sql01.x", login("X"), Encryption::Strict));
        let replica = configured.replica("SQL02");
        assert_eq!(
            (configured.to_string(), replica.to_string()),
            ("CM_P01 on sql01.x,1".to_owned(), "msdb on replica SQL02.x,1".to_owned())
        );
        assert_eq!(replica.config.encryption, Encryption::Strict);
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
            let target = Target::configured(config(host, authentication, encryption));
            assert_eq!(target.sends_password_openly(), warned, "{host}");
        }
    }
}
