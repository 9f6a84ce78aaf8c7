//! With what to log on and whom to believe, read for each connection, so that changing it needs no restart.
//!
//! All servers of a site are logged on to with the same: whoever hangs on a share with the password keeps one thread.

use std::sync::Arc;

use tiberius::AuthMethod;
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout_at};

use super::authorities;
use super::connection::LogOn;
use super::failure::Trouble;
use super::password::Password;
use crate::config::{Authentication, DatabaseConfig, Trust};
use crate::environment::Environment;
use crate::platform::integrated_authentication;

type Reading = JoinHandle<Result<LogOn, Trouble>>;

/// The files and variables of one site; clones share what is being read.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    environment: Arc<Environment>,
    /// Files that are being read, perhaps from a share that hangs: no second thread goes there.
    reading: Arc<Mutex<Option<Reading>>>,
}

impl Credentials {
    pub(super) fn new(environment: Arc<Environment>) -> Self {
        Self { environment, reading: Arc::default() }
    }

    /// Reads them anew, or waits for who already does.
    pub(super) async fn read(&self, config: &DatabaseConfig, deadline: Instant) -> Result<LogOn, Trouble> {
        let read = timeout_at(deadline, async {
            let mut reading = self.reading.lock().await;
            let handle = reading.get_or_insert_with(|| {
                let (config, environment) = (config.clone(), Arc::clone(&self.environment));
                spawn_blocking(move || read_log_on(&config, &environment))
            });
            let read = handle.await;
            *reading = None;
            read
        });
        let read = read.await.map_err(|_| Trouble::slow_files(config))?;
        read.unwrap_or_else(|_| Err(Trouble::slow_files(config)))
    }
}

/// Blocks while it reads files.
fn read_log_on(config: &DatabaseConfig, environment: &Environment) -> Result<LogOn, Trouble> {
    let method = match &config.authentication {
        Authentication::Integrated => integrated_authentication().ok_or_else(Trouble::not_on_windows)?,
        Authentication::Login { user, password } => {
            let password =
                Password::read(password, environment).map_err(|error| Trouble::password(&error))?;
            AuthMethod::sql_server(user, password.expose())
        }
    };
    let authorities = match &config.trust {
        Trust::CaFile(path) => Some(authorities::read(path).map_err(|error| Trouble::authorities(&error))?),
        Trust::Platform | Trust::Anything => None,
    };
    Ok(LogOn { method, authorities, trusts_anything: config.trust == Trust::Anything })
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use futures_util::FutureExt;

    use super::super::tests::config;
    use super::*;
    use crate::config::{Encryption, PasswordSource};

    /// A FIFO blocks whoever opens it until somebody writes.
    #[tokio::test]
    async fn whoever_waits_for_a_hung_file_waits_for_the_same_thread() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let password = PasswordSource::File(path.clone());
        let authentication = Authentication::Login { user: "cm_monitor".to_owned(), password };
        let config = config("sql01", authentication, Encryption::Required);
        let credentials = Credentials::new(Arc::default());
        let never = Instant::now() + super::super::CONNECTING * 100;
        let mut threads = Vec::new();
        for credentials in [&credentials, &credentials.clone()] {
            // Given up at once.
            assert!(credentials.read(&config, never).now_or_never().is_none());
            threads.push(credentials.reading.lock().await.as_ref().unwrap().id());
        }
        std::fs::write(&path, "s3cret").unwrap();
        let read = credentials.read(&config, never).await.unwrap();
        assert_eq!(read.method, AuthMethod::sql_server("cm_monitor", "s3cret"));
        assert_eq!(threads[0], threads[1]);
    }
}
