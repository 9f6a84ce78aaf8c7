//! The ledger on disk: one file per site in the state directory, replaced as a whole with each change.
//!
//! A file that cannot be read or understood may hold attempts, so it is neither overwritten nor set aside: until a
//! person has looked at it nothing is restarted. What a crash left beside it was never acted on and is not looked at.

mod v1;

use std::io;
use std::path::{Path, PathBuf};

use super::Ledger;
use crate::platform::{read_whole, write_whole};
use crate::site::{SiteCode, Timestamp};
use v1::{LedgerV1, SCHEMA};

/// What helps where nothing can be learned from the file.
const ANEW: &str = "rename it to begin anew";

/// A ledger cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file is there, but cannot be read.
    #[error("cannot read the ledger {}; let this account read it, or rename it to begin anew", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds what this version does not understand.
    #[error("cannot use the ledger {}: {reason}", path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// Why, in words, and what to do.
        reason: String,
    },
    /// It cannot be written.
    #[error("cannot write the ledger {}; make room there, or let this account write it", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Where one site's ledger is.
#[derive(Debug, Clone)]
pub struct LedgerFile {
    path: PathBuf,
    site: SiteCode,
}

impl LedgerFile {
    /// One site's ledger in this state directory.
    pub fn new(directory: &Path, site: SiteCode) -> Self {
        Self { path: directory.join(format!("{site}.ledger.json")), site }
    }

    /// What it says; `None` if there is none yet.
    pub fn read(&self) -> Result<Option<Ledger>, LedgerError> {
        let ledger = match read_whole(&self.path) {
            Ok(Some(bytes)) => parse(&bytes, self.site),
            Ok(None) => Err(format!("it is no regular file; {ANEW}")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(LedgerError::Read { path: self.path.clone(), source }),
        };
        ledger.map(Some).map_err(|reason| LedgerError::Unusable { path: self.path.clone(), reason })
    }

    /// What it says, or what it would say if it were begun now; nothing is written.
    pub fn peek(&self, now: Timestamp) -> Result<Ledger, LedgerError> {
        Ok(self.read()?.unwrap_or_else(|| Ledger::new(now)))
    }

    /// Replaces it; when this returns the new one is on disk, and if it fails the old one still is.
    pub fn write(&self, ledger: &Ledger) -> Result<(), LedgerError> {
        let bytes = serde_json::to_vec_pretty(&LedgerV1::of(ledger, self.site)).map_err(io::Error::from);
        let written = bytes.and_then(|bytes| write_whole(&self.path, &self.temporary(), &bytes));
        written.map_err(|source| self.unwritten(source))
    }

    /// What went wrong with a write.
    pub(super) fn unwritten(&self, source: io::Error) -> LedgerError {
        LedgerError::Write { path: self.path.clone(), source }
    }

    fn temporary(&self) -> PathBuf {
        self.path.with_extension("json.tmp")
    }
}

fn parse(bytes: &[u8], site: SiteCode) -> Result<Ledger, String> {
    #[derive(serde::Deserialize)]
    struct Version {
        schema: u32,
    }
    let corrupt = |reason: String| format!("{reason}; {ANEW}");
    let json = |error: serde_json::Error| corrupt(error.to_string());
    let Version { schema } = serde_json::from_slice(bytes).map_err(json)?;
    if schema > SCHEMA {
        return Err(format!(
            "its schema {schema} is newer than {SCHEMA}, the newest that this version knows; update this program, \
             or rename the file to begin anew without the attempts that it holds"
        ));
    }
    let ledger: LedgerV1 = serde_json::from_slice(bytes).map_err(json)?;
    ledger.restore(site).map_err(corrupt)
}

#[cfg(test)]
mod tests;
