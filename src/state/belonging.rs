//! Whose files lie in the destination, as far as the runs tell.
//!
//! A run deletes the old snapshot when it prepares, before it copies. From then until its 5035 there is no snapshot,
//! and a run that ended before that leaves the old one as it was.

use crate::site::{BackupRun, Timestamp};

/// Whose files lie in the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belonging<'a> {
    /// This successful run's.
    Success {
        /// The run.
        run: &'a BackupRun,
        /// When the newest run ended that failed since without any sign of having deleted something.
        tried: Option<Timestamp>,
    },
    /// Remains: this run has deleted what was there and has not succeeded.
    Remains(&'a BackupRun),
    /// No run is known that would have left any.
    Unknown,
}

impl<'a> Belonging<'a> {
    /// What the runs tell, oldest first.
    pub fn of(runs: &'a [BackupRun]) -> Self {
        let mut tried = None;
        for run in runs.iter().rev() {
            if run.succeeded.is_some() {
                return Self::Success { run, tried };
            }
            if run.old_snapshot_deleted.is_some() {
                return Self::Remains(run);
            }
            tried = tried.max(run.ended.map(|(_, time)| time.max(run.last)));
        }
        Self::Unknown
    }

    /// The successful run, if nothing has been tried since.
    pub fn success(self) -> Option<&'a BackupRun> {
        match self {
            Self::Success { run, tried: None } => Some(run),
            _ => None,
        }
    }
}
