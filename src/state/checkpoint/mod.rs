//! One file per site in the state directory: what must outlive the process, and nothing that can be read again.
//!
//! Written as temporary file, synced, renamed; the temporary file is tried on start. Positions and totals stand in
//! the same file, which is what makes counting exactly-once across a crash. A file that is corrupt or newer is set aside
//! under another name and reported, never deleted; one that cannot be read may be good, and is left alone.

#[cfg(test)]
mod tests;
mod v1;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SiteState;
use crate::config::SiteSettings;
use crate::platform::{read_whole, write_whole};
use crate::site::{SiteCode, Timestamp};
pub use v1::Unusable;
use v1::{Checkpoint, SCHEMA};

/// The state directory, locked against a second exporter while this value lives.
#[derive(Debug)]
pub struct StateDirectory {
    path: PathBuf,
    _lock: File,
}

/// The state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateDirectoryError {
    /// It does not exist and cannot be made.
    #[error("cannot create the state directory {}; give another with --state.path", path.display())]
    Create {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its lock file cannot be opened.
    #[error("cannot write to the state directory {}; give another with --state.path", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another exporter uses it.
    #[error("another exporter uses the state directory {}; stop it, or give another with --state.path", path.display())]
    InUse {
        /// Which.
        path: PathBuf,
    },
}

/// A checkpoint cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the checkpoint {}", path.display())]
pub struct WriteError {
    path: PathBuf,
    source: io::Error,
}

/// A checkpoint is there, but cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the checkpoint {}; let this account read it, or rename it to begin anew", path.display())]
pub struct ReadError {
    path: PathBuf,
    source: io::Error,
}

/// A checkpoint that could not be used, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// The checkpoint's file.
    pub path: PathBuf,
    /// Its name now; the old one if it could not be renamed.
    pub kept_as: PathBuf,
    /// Why it could not be used, in words.
    pub reason: String,
}

/// What the state directory knew of a site.
#[derive(Debug)]
pub struct Loaded {
    /// The state, new if nothing usable was found.
    pub state: SiteState,
    /// The number of the checkpoint it came from, 0 for a new state.
    pub sequence: u64,
    /// What could not be used.
    pub set_aside: Vec<SetAside>,
}

impl StateDirectory {
    /// Makes the directory if it is missing and locks it.
    pub fn open(path: &Path) -> Result<Self, StateDirectoryError> {
        let path = path.to_owned();
        if let Err(source) = fs::create_dir_all(&path) {
            return Err(StateDirectoryError::Create { path, source });
        }
        // To open a pipe for writing alone would wait for whoever reads it.
        let lock =
            File::options().create(true).truncate(false).read(true).write(true).open(path.join("lock"));
        let lock = match lock {
            Ok(lock) => lock,
            Err(source) => return Err(StateDirectoryError::Write { path, source }),
        };
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(StateDirectoryError::InUse { path }),
            Err(fs::TryLockError::Error(source)) => Err(StateDirectoryError::Write { path, source }),
        }
    }

    /// Writes one site's checkpoint so that after a crash either the old or the new one is there, whole.
    pub fn save(&self, state: &SiteState, sequence: u64) -> Result<(), WriteError> {
        let path = file(&self.path, state.settings.code);
        let bytes = serde_json::to_vec(&Checkpoint::of(state, sequence)).map_err(io::Error::from);
        let written = bytes.and_then(|bytes| write_whole(&path, &temporary(&path), &bytes));
        written.map_err(|source| WriteError { path, source })
    }

    /// Reads one site's checkpoint; what cannot be used is renamed.
    pub fn load(&self, settings: &Arc<SiteSettings>, now: Timestamp) -> Result<Loaded, ReadError> {
        load(&self.path, settings, now, true)
    }
}

/// Reads one site's checkpoint without the lock and without touching anything, for a look from outside.
pub fn peek(directory: &Path, settings: &Arc<SiteSettings>, now: Timestamp) -> Result<Loaded, ReadError> {
    load(directory, settings, now, false)
}

/// What is known of a site under other settings, as if the exporter had been restarted in between: what can be seen again
/// is not known yet.
pub fn under(state: &SiteState, settings: &Arc<SiteSettings>, now: Timestamp) -> Result<SiteState, Unusable> {
    Checkpoint::of(state, 0).restore(Arc::clone(settings), now)
}

/// What another process would know that finds this site's checkpoint.
#[cfg(test)]
pub(crate) fn reloaded(state: &SiteState, now: Timestamp) -> SiteState {
    let bytes = serde_json::to_vec(&Checkpoint::of(state, 1)).unwrap();
    let checkpoint: Checkpoint = serde_json::from_slice(&bytes).unwrap();
    checkpoint.restore(Arc::clone(&state.settings), now).unwrap()
}

fn file(directory: &Path, site: SiteCode) -> PathBuf {
    directory.join(format!("{site}.checkpoint.json"))
}

fn temporary(path: &Path) -> PathBuf {
    path.with_extension("json.tmp")
}

/// Why a file cannot be used.
enum Refused {
    Missing,
    Unread(io::Error),
    Bad(&'static str, String),
}

fn load(
    directory: &Path,
    settings: &Arc<SiteSettings>,
    now: Timestamp,
    set_aside: bool,
) -> Result<Loaded, ReadError> {
    let path = file(directory, settings.code);
    let temporary = temporary(&path);
    let mut loaded =
        Loaded { state: SiteState::new(Arc::clone(settings), now), sequence: 0, set_aside: Vec::new() };
    for candidate in [&path, &temporary] {
        match read(candidate, settings, now) {
            Ok((state, sequence)) if sequence > loaded.sequence => {
                loaded.state = state;
                loaded.sequence = sequence;
            }
            // A crash while writing leaves a cut temporary file, which is nothing to report.
            Ok(_) | Err(Refused::Missing) => {}
            // What it held was never published, so the whole checkpoint beside it is as good.
            Err(Refused::Unread(_)) if *candidate == temporary && loaded.sequence > 0 => {}
            Err(Refused::Unread(source)) => return Err(ReadError { path: candidate.clone(), source }),
            Err(Refused::Bad(..)) if *candidate == temporary => {}
            Err(Refused::Bad(word, reason)) => {
                let aside = candidate.with_extension(format!("json.{word}-{}", now.timestamp()));
                let renamed = set_aside && fs::rename(candidate, &aside).is_ok();
                let kept_as = if renamed { aside } else { candidate.clone() };
                loaded.set_aside.push(SetAside { path: candidate.clone(), kept_as, reason });
            }
        }
    }
    Ok(loaded)
}

fn read(path: &Path, settings: &Arc<SiteSettings>, now: Timestamp) -> Result<(SiteState, u64), Refused> {
    #[derive(serde::Deserialize)]
    struct Version {
        schema: u32,
    }
    let corrupt = |reason: String| Refused::Bad("corrupt", reason);
    let bytes = match read_whole(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(corrupt("it is no regular file".to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Refused::Missing),
        Err(error) => return Err(Refused::Unread(error)),
    };
    let Version { schema } = serde_json::from_slice(&bytes).map_err(|error| corrupt(error.to_string()))?;
    if schema > SCHEMA {
        let reason =
            format!("its schema {schema} is newer than {SCHEMA}, the newest that this version knows");
        return Err(Refused::Bad("newer", reason));
    }
    let checkpoint: Checkpoint =
        serde_json::from_slice(&bytes).map_err(|error| corrupt(error.to_string()))?;
    let sequence = checkpoint.sequence;
    let state = checkpoint
        .restore(Arc::clone(settings), now)
        .map_err(|error: Unusable| corrupt(error.to_string()))?;
    Ok((state, sequence))
}
