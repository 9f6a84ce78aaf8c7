//! The section `database`: where the site database is, who asks it, and whom the connection trusts.
//!
//! Its name alone may be written too: the snapshot's files are judged by it, whether or not anybody is asked.

use std::path::Path;

use super::{MINUTE, SECOND};
use crate::config::origin::Origins;
use crate::config::paths::file_path;
use crate::config::problem::Fault;
use crate::config::section::{Entry, Field, Section};
use crate::config::{
    AlertMatch, Authentication, DEFAULT_DATABASE_INTERVAL, DEFAULT_QUERY_TIMEOUT, DatabaseConfig, Encryption,
    PasswordSource, ServerAddress, SiteSettings, Trust, fields,
};

const KEEP_ONE: &str = "remove one of the two";

/// The keys that say how a server is asked: without one nobody must believe that they do anything.
const KEYS_OF_A_SERVER: [&str; 8] = [
    "port",
    "authentication",
    "encryption",
    "ca_file",
    "trust_server_certificate",
    "interval",
    "query_timeout",
    "alert",
];

/// Reads the section; `integrated` is whether the account of this process can log on.
pub(super) fn read(
    entry: &Entry<'_>,
    base: &Path,
    integrated: bool,
    settings: &mut SiteSettings,
    origins: &mut Origins,
) {
    let Some(mut section) = entry.section() else { return };
    let is_asked = section.take("server").is_some();
    let mut field = Field { section: &mut section, prefix: "database.", origins };
    settings.database_name = field.read("name", fields::database_name);
    if is_asked {
        let name = settings.site_database();
        settings.database = connection(&mut section, base, integrated, name, origins);
    } else {
        for key in KEYS_OF_A_SERVER {
            if let Some(entry) = section.take(key) {
                entry.reject(Fault::new(
                    "has no effect without `server`",
                    "add the server, or remove the key",
                ));
            }
        }
    }
    section.close();
}

fn connection(
    section: &mut Section<'_>,
    base: &Path,
    integrated: bool,
    name: String,
    origins: &mut Origins,
) -> Option<DatabaseConfig> {
    let mut field = Field { section, prefix: "database.", origins };
    let server = field.read("server", fields::server_address);
    let port = field.read("port", fields::port);
    let authentication_entry = field.section.take("authentication");
    let encryption = field.read("encryption", fields::label).unwrap_or(Encryption::Required);
    let ca_file = field.read("ca_file", |text| file_path(text, base));
    let anything = field.read("trust_server_certificate", fields::boolean).unwrap_or(false);
    let interval = field.duration("interval", SECOND * 10, MINUTE * 10).unwrap_or(DEFAULT_DATABASE_INTERVAL);
    let query_timeout = field.duration("query_timeout", SECOND, MINUTE * 10).unwrap_or(DEFAULT_QUERY_TIMEOUT);
    let alert = section.take("alert").and_then(|entry| alert(&entry, origins));
    let server = server.map(|server| at_port(server, port, section, origins));
    let trust = match ca_file {
        _ if anything => Trust::Anything,
        Some(path) => Trust::CaFile(path),
        None => Trust::Platform,
    };
    refuse_contradictions(section, encryption, &trust);
    let authentication = match authentication_entry {
        Some(entry) => authentication(&entry, base, integrated, origins),
        None if integrated => Some(Authentication::Integrated),
        None => {
            section.require("authentication", "write `{ user: cm_backup_monitor, password_file: ... }`");
            None
        }
    };
    Some(DatabaseConfig {
        server: server?,
        name,
        authentication: authentication?,
        encryption,
        trust,
        interval,
        query_timeout,
        alert,
    })
}

/// The server at the port of either key.
fn at_port(
    server: ServerAddress,
    port: Option<u16>,
    section: &mut Section<'_>,
    origins: &mut Origins,
) -> ServerAddress {
    if server.port.is_some() {
        section.refuse("port", "stands beside the port in `server`", KEEP_ONE);
        origins.record("database.port", origins.of("database.server"));
    }
    ServerAddress { port: server.port.or(port), ..server }
}

fn refuse_contradictions(section: &mut Section<'_>, encryption: Encryption, trust: &Trust) {
    let trust_key = "trust_server_certificate";
    if encryption == Encryption::Off {
        let what = "has no effect with `encryption: off`: nothing is encrypted, not even the password";
        let remedy = "remove it, or write `encryption: required`";
        section.refuse("ca_file", what, remedy);
        if *trust == Trust::Anything {
            section.refuse(trust_key, what, remedy);
        }
    } else if *trust == Trust::Anything && section.take("ca_file").is_some() {
        section.refuse(trust_key, "stands beside `ca_file`, which would then prove nothing", KEEP_ONE);
    }
}

fn authentication(
    entry: &Entry<'_>,
    base: &Path,
    integrated: bool,
    origins: &mut Origins,
) -> Option<Authentication> {
    let mut section = entry.section()?;
    let remedy =
        "put it into a file that only the exporter's account can read, and write `password_file: ...`";
    let is_literal = section.refuse("password", "is not read from here", remedy);
    let mut field = Field { section: &mut section, prefix: "database.authentication.", origins };
    // What is neither true nor false was meant to be one of them, and only that is reported.
    let integrated_entry = field.section.take("integrated");
    let wanted = field.read("integrated", fields::boolean);
    let user = field.read("user", fields::login);
    let file = field.read("password_file", |text| file_path(text, base));
    let variable = field.read("password_env", fields::variable);
    let authentication = if integrated_entry.is_some() && wanted != Some(false) {
        for key in ["user", "password_file", "password_env"] {
            section.refuse(key, "stands beside `integrated`, and only one of them can log on", KEEP_ONE);
        }
        if wanted == Some(true) && !integrated {
            let remedy = "write `user` and `password_file` of a login of SQL Server";
            section.refuse("integrated", "works on Windows only", remedy);
        }
        Some(Authentication::Integrated)
    } else {
        section.require("user", "write the name of a login of SQL Server, as cm_backup_monitor");
        if section.take("password_file").is_some() {
            section.refuse("password_env", "stands beside `password_file`", KEEP_ONE);
        } else if section.take("password_env").is_none() && !is_literal {
            section.require("password_file", "write the path of a file with the password in its first line");
        }
        let password = file.map(PasswordSource::File).or(variable.map(PasswordSource::Environment));
        user.zip(password).map(|(user, password)| Authentication::Login { user, password })
    };
    section.close();
    authentication
}

fn alert(entry: &Entry<'_>, origins: &mut Origins) -> Option<AlertMatch> {
    let mut section = entry.section()?;
    let mut field = Field { section: &mut section, prefix: "database.alert.", origins };
    let name = field.read("name", fields::alert_name);
    let type_id = field.read("type_id", fields::type_id);
    if section.take("name").is_some() {
        section.refuse("type_id", "stands beside `name`", KEEP_ONE);
    } else if section.take("type_id").is_none() {
        section.require("name", "write the alert's name as the console shows it, or its `type_id`");
    }
    section.close();
    name.map(AlertMatch::Name).or(type_id.map(AlertMatch::TypeId))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::problem::{ConfigError, Problems};
    use crate::config::raw;
    use crate::site::ClosedSet;

    /// What a section becomes, or what is wrong with it; `integrated` as on Windows.
    fn database(yaml: &str, integrated: bool) -> Result<Option<DatabaseConfig>, String> {
        let node = raw::read(yaml).unwrap();
        let (problems, mut origins) = (Problems::default(), Origins::default());
        let mut settings = SiteSettings::new("P01".parse().unwrap());
        let base = Path::new("/etc");
        read(&Entry::root(&node, &problems), base, integrated, &mut settings, &mut origins);
        match problems.into_inner() {
            none if none.is_empty() => Ok(settings.database),
            problems => Err(ConfigError::new("x.yml", problems).to_string()),
        }
    }

    #[test]
    fn the_account_of_the_process_logs_on_where_it_can() {
        for authentication in ["", ", authentication: { integrated: true }"] {
            let config = database(&format!("{{ server: sql01{authentication} }}"), true).unwrap().unwrap();
            assert_eq!(config.authentication, Authentication::Integrated);
            assert_eq!(config.name, "CM_P01");
        }
        let missing =
            "x.yml:1: authentication: is missing; write `{ user: cm_backup_monitor, password_file: ... }`";
        assert_eq!(database("{ server: sql01 }", false), Err(missing.to_owned()));
        let elsewhere = "x.yml:1: authentication.integrated: works on Windows only; \
                         write `user` and `password_file` of a login of SQL Server";
        let yaml = "{ server: sql01, authentication: { integrated: true } }";
        assert_eq!(database(yaml, false), Err(elsewhere.to_owned()));
        for key in ["user", "password_file", "password_env"] {
            let yaml = format!("{{ server: sql01, authentication: {{ integrated: true, {key}: cm }} }}");
            let message = database(&yaml, true).unwrap_err();
            assert!(message.contains(&format!("{key}: stands beside `integrated`")), "{message}");
        }
    }

    #[test]
    fn a_login_is_the_same_on_every_platform() {
        for integrated in [false, true] {
            for (keys, password) in [
                ("password_file: cm.txt", PasswordSource::File(PathBuf::from("/etc/cm.txt"))),
                ("password_env: CM_PW", PasswordSource::Environment("CM_PW".to_owned())),
                ("integrated: false, password_env: P", PasswordSource::Environment("P".to_owned())),
            ] {
                let yaml = format!("{{ server: sql01, authentication: {{ user: cm, {keys} }} }}");
                let config = database(&yaml, integrated).unwrap().unwrap();
                assert_eq!(config.authentication, Authentication::Login { user: "cm".to_owned(), password });
            }
            for yaml in ["{}", "{ integrated: false }"] {
                let yaml = format!("{{ server: sql01, authentication: {yaml} }}");
                let message = database(&yaml, integrated).unwrap_err();
                assert!(message.contains("authentication.user: is missing"), "{message}");
                assert!(message.contains("authentication.password_file: is missing"), "{message}");
            }
        }
    }

    #[test]
    fn every_word_for_encryption_is_understood() {
        for encryption in Encryption::ALL {
            let yaml = format!("{{ server: sql01, encryption: {encryption} }}");
            assert_eq!(database(&yaml, true).unwrap().unwrap().encryption, *encryption);
        }
        assert_eq!(database("{ server: sql01 }", true).unwrap().unwrap().encryption, Encryption::Required);
    }

    #[test]
    fn trust_is_what_the_keys_say_together() {
        for (keys, trust) in [
            ("", Trust::Platform),
            (", trust_server_certificate: false", Trust::Platform),
            (", trust_server_certificate: true", Trust::Anything),
            (", ca_file: ca.pem", Trust::CaFile(PathBuf::from("/etc/ca.pem"))),
            (", trust_server_certificate: false, ca_file: /ca.pem", Trust::CaFile(PathBuf::from("/ca.pem"))),
            (", encryption: off", Trust::Platform),
            (", encryption: off, trust_server_certificate: false", Trust::Platform),
        ] {
            assert_eq!(database(&format!("{{ server: sql01{keys} }}"), true).unwrap().unwrap().trust, trust);
        }
    }

    #[test]
    fn no_message_repeats_a_password() {
        for yaml in [
            "{ server: sql01, authentication: { user: cm, password: hunter2 } }",
            "{ server: sql01, authentication: { user: cm, password: [hunter2] } }",
            "{ server: sql01, authentication: { user: cm, pasword: hunter2, password_file: p } }",
            "{ server: sql01, password: hunter2, authentication: { user: cm, password_file: p } }",
            "{ server: sql01, authentication: { user: cm, password_env: 'hunter2 ' } }",
            "{ server: 'Server=sql01;Password=hunter2' }",
        ] {
            let message = database(yaml, true).unwrap_err();
            assert!(!message.contains("hunter2"), "{message}");
        }
        let message =
            database("{ server: sql01, authentication: { user: cm, password: x } }", true).unwrap_err();
        assert!(
            message.contains("authentication.password: is not read from here; put it into a file"),
            "{message}"
        );
    }
}
