//! What the files of a snapshot were when they were first read: one hash for each 8 MiB of each file.
//!
//! It lies in the state directory and never in the snapshot, where whoever changes a file could change it too. It is
//! written beside its place and takes it only when it is whole. A pass goes through it once and in order, so neither
//! the size of a file nor the number of files decides how much memory that takes.

mod comparison;
mod line;
mod prune;
mod recorder;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(super) use self::comparison::{Comparison, Passed};
pub(super) use self::recorder::Recorder;
use crate::site::{SiteCode, Timestamp};

/// How far a manifest has been written or compared; only with the position of its pass does it mean something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Bytes written, or where the line begins that is to be compared next.
    pub bytes: u64,
    /// Files recorded.
    pub files: u64,
}

/// A manifest cannot be written or used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The system refuses something.
    #[error("cannot {operation} the manifest {}", path.display())]
    Io {
        /// Which operation.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// It is not what this program wrote.
    #[error("the manifest {} cannot be used: {reason}", path.display())]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// Why, in a few words.
        reason: String,
    },
}

impl ManifestError {
    fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { operation, path, source }
    }
}

/// Where the manifest of one folder is kept, and for which run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestPlace {
    path: PathBuf,
    folder: String,
    run: Timestamp,
}

/// What a pass does with a manifest.
#[derive(Debug)]
pub(super) enum Ledger {
    /// There is none: hashes are of no use.
    Without,
    /// The first pass writes it.
    Recording(Recorder),
    /// A later one compares.
    Comparing(Comparison),
}

impl ManifestPlace {
    /// The place for a folder of a site below the state directory.
    pub fn new(state_path: &Path, site: SiteCode, folder: &str, run: Timestamp) -> Self {
        let hash = blake3::hash(folder.as_bytes()).to_hex();
        let path = state_path.join("manifests").join(format!("{site}-{}.jsonl", &hash[..16]));
        Self { path, folder: folder.to_owned(), run }
    }

    /// The file while it is written.
    fn part(&self) -> PathBuf {
        self.path.with_extension("jsonl.part")
    }

    /// Compares with what is recorded of this run, or begins to record.
    pub(super) fn begin(&self, now: Timestamp) -> Result<Ledger, ManifestError> {
        match Comparison::open(self) {
            Ok(Some(comparison)) => return Ok(Ledger::Comparing(comparison)),
            Ok(None) => {}
            Err(error @ ManifestError::Unusable { .. }) => {
                let reason = crate::error_chain(&error);
                tracing::warn!(
                    folder = self.folder,
                    reason,
                    "manifest set aside; the files are recorded anew"
                );
            }
            Err(error) => return Err(error),
        }
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(ManifestError::io("make the folder of", &self.path))?;
        }
        self.prune(now);
        Recorder::create(self, now).map(Ledger::Recording)
    }

    /// Goes on where a pass was interrupted in the file of which `blocks` blocks had been read; `None` if what it wrote
    /// is no longer there.
    pub(super) fn resume(
        &self,
        comparing: bool,
        mark: Mark,
        blocks: u64,
    ) -> Result<Option<Ledger>, ManifestError> {
        if comparing {
            let at_mark = Comparison::open(self).and_then(|comparison| {
                let Some(mut comparison) = comparison else { return Ok(None) };
                comparison.seek(mark)?;
                Ok(Some(Ledger::Comparing(comparison)))
            });
            return match at_mark {
                // Whoever begins anew says why; or it is another one than that of the mark.
                Err(ManifestError::Unusable { .. }) => Ok(None),
                known => known,
            };
        }
        Ok(Recorder::resume(self, mark, blocks)?.map(Ledger::Recording))
    }
}

impl Ledger {
    /// Whether blocks have to be hashed.
    pub(super) fn hashes(&self) -> bool {
        !matches!(self, Self::Without)
    }

    /// Where it is now.
    pub(super) fn mark(&self) -> Mark {
        match self {
            Self::Without => Mark::default(),
            Self::Recording(recorder) => recorder.mark(),
            Self::Comparing(comparison) => comparison.mark(),
        }
    }

    /// Drops what has been recorded in part.
    pub(super) fn discard(&mut self) {
        if let Self::Recording(recorder) = std::mem::replace(self, Self::Without) {
            recorder.discard();
        }
    }

    /// Writes out what a report is going to rely on.
    pub(super) fn flush(&mut self) -> Result<(), ManifestError> {
        match self {
            Self::Recording(recorder) => recorder.flush(),
            Self::Without | Self::Comparing(_) => Ok(()),
        }
    }
}
