//! How the site database is asked, as text: of a password only where it is.

use super::{Report, quoted, quoted_path};
use crate::config::duration::format_duration;
use crate::config::{
    AlertMatch, Authentication, DatabaseConfig, Encryption, PasswordSource, ServerAddress, Trust,
};

/// Where SQL Server listens unless it has been told otherwise.
const DEFAULT_PORT: u16 = 1433;

impl Report<'_> {
    pub(super) fn database(&mut self) {
        let settings = &self.site.settings;
        match (&settings.database, &settings.database_name) {
            (Some(config), _) => self.connection(config),
            (None, Some(name)) => {
                self.heading("    database:");
                self.unset("      # server: not asked");
                self.line("      name: ", quoted(name), "database.name");
            }
            (None, None) => {
                self.off("database");
                self.unset(&format!("    # its name: CM_{}", settings.code));
            }
        }
    }

    fn connection(&mut self, config: &DatabaseConfig) {
        let server = ServerAddress { port: None, ..config.server.clone() };
        self.heading("    database:");
        self.line("      server: ", quoted(&server.to_string()), "database.server");
        match (config.server.port, &server.instance) {
            (None, Some(_)) => self.unset("      # port: as SQL Server Browser says"),
            (port, _) => self.line("      port: ", port.unwrap_or(DEFAULT_PORT), "database.port"),
        }
        self.line("      name: ", quoted(&config.name), "database.name");
        self.authentication(&config.authentication);
        self.line("      encryption: ", config.encryption, "database.encryption");
        match &config.trust {
            Trust::CaFile(path) => self.line("      ca_file: ", quoted_path(path), "database.ca_file"),
            Trust::Anything => {
                self.line("      trust_server_certificate: ", true, "database.trust_server_certificate");
            }
            Trust::Platform if config.encryption == Encryption::Off => {
                self.unset("      # ca_file: nothing is encrypted");
            }
            Trust::Platform => self.unset("      # ca_file: what this machine trusts"),
        }
        self.line("      interval: ", format_duration(config.interval), "database.interval");
        self.line("      query_timeout: ", format_duration(config.query_timeout), "database.query_timeout");
        match &config.alert {
            Some(AlertMatch::Name(name)) => {
                self.heading("      alert:");
                self.line("        name: ", quoted(name), "database.alert.name");
            }
            Some(AlertMatch::TypeId(id)) => {
                self.heading("      alert:");
                self.line("        type_id: ", id, "database.alert.type_id");
            }
            None => self.unset("      # alert: not looked for"),
        }
    }

    fn authentication(&mut self, authentication: &Authentication) {
        let key = |name: &str| format!("database.authentication.{name}");
        self.heading("      authentication:");
        match authentication {
            Authentication::Integrated => self.line("        integrated: ", true, &key("integrated")),
            Authentication::Login { user, password } => {
                self.line("        user: ", quoted(user), &key("user"));
                match password {
                    PasswordSource::File(path) => {
                        self.line("        password_file: ", quoted_path(path), &key("password_file"));
                    }
                    PasswordSource::Environment(name) => {
                        self.line("        password_env: ", quoted(name), &key("password_env"));
                    }
                }
            }
        }
    }
}
