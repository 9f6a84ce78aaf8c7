//! Which configuration a command works with: the file that is named, else the usual one if there is one, and in each case
//! what this machine tells of its site.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::args::Args;
use crate::config::{self, Config, ConfigError, NotDiscovered, discovery};
use crate::environment::Environment;
use crate::http::Material;
use crate::platform::may_exist;
use crate::platform::paths::default_config_path;

/// How long a file and what it names may take at the start: a share or a pipe that hangs is told of, not waited for.
const DEADLINE: Duration = Duration::from_secs(10);

/// Why there is no configuration to work with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// Nobody named one, and this machine has no site.
    #[error(transparent)]
    NotDiscovered(#[from] NotDiscovered),
    /// The one that was named, or found, cannot be used.
    #[error(transparent)]
    Unusable(#[from] ConfigError),
    /// It hangs.
    #[error("{file}: not read within {} s; look at the volume of it and of what it names", DEADLINE.as_secs())]
    Hangs {
        /// The file, as messages call it.
        file: String,
    },
}

/// The file that a command reads; `None` where none is named and the usual one does not exist.
pub fn configuration_file(args: &Args, environment: &Environment) -> Option<PathBuf> {
    // One that may not be looked at is there, and says what the account lacks when it is read.
    let usual = || Some(default_config_path(environment)).filter(|path| may_exist(path));
    args.config_file.clone().or_else(usual)
}

/// The file that an installation begins with cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}; make it by hand if anything is to be configured", path.display())]
pub(super) struct NotWritten {
    path: PathBuf,
    source: io::Error,
}

/// Writes the file that an installation begins with, where nobody named another and there is none.
pub(super) fn write_default_file(args: &Args, environment: &Environment) -> Result<(), NotWritten> {
    if args.config_file.is_some() {
        return Ok(());
    }
    let path = default_config_path(environment);
    match config::write_default_file(&path) {
        Ok(_) => Ok(()),
        Err(source) => Err(NotWritten { path, source }),
    }
}

/// The web configuration that the arguments name, with its certificates looked at; `None` where they name none. Nobody
/// waits for it longer than the start may take.
pub fn web_configuration(args: &Args) -> Result<Option<Material>, ConfigurationError> {
    let Some(path) = args.web_config_file.clone() else { return Ok(None) };
    in_time(path.display().to_string(), move || {
        let material = Material::read(&path)?;
        material.check()?;
        Ok(Some(material))
    })
}

/// As [`configuration`], and nobody waits for it longer than the start may take.
pub fn configuration_in_time(args: &Args, environment: &Environment) -> Result<Config, ConfigurationError> {
    let file = configuration_file(args, environment);
    let name = file.map_or_else(|| "the configuration".to_owned(), |file| file.display().to_string());
    let (args, environment) = (args.clone(), environment.clone());
    in_time(name, move || configuration(&args, &environment))
}

/// Reads on a thread of its own; one that hangs keeps it, and the process ends without it.
fn in_time<T: Send + 'static>(
    file: String,
    read: impl FnOnce() -> Result<T, ConfigurationError> + Send + 'static,
) -> Result<T, ConfigurationError> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        // Nobody waits any more once the deadline has passed.
        let _ = sender.send(read());
    });
    receiver.recv_timeout(DEADLINE).unwrap_or_else(|_| Err(ConfigurationError::Hangs { file }))
}

/// The configuration of this machine or of the file, with what the arguments say themselves.
pub fn configuration(args: &Args, environment: &Environment) -> Result<Config, ConfigurationError> {
    let here = discovery::look(environment);
    let mut config = match configuration_file(args, environment) {
        Some(file) => Config::load_over(&file, &here)?,
        None => Config::discovered(here?)?,
    };
    args.remediation_mode.map_or(Ok(()), |mode| config.override_mode(mode))?;
    Ok(config)
}
