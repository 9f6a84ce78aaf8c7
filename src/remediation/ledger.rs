//! The ledger: which attempts were made, in a file of its own that is never rebuilt from evidence.
//!
//! An attempt is on disk before anything is done, so whatever becomes of this process, no run has a second one.

use crate::site::{Attempt, Timestamp};

/// So many attempts are kept.
pub const KEPT_ATTEMPTS: usize = 100;

/// What is remembered of one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// When it was begun: of failures before that nothing is known here.
    pub begun: Timestamp,
    /// The newest attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// All attempts ever made.
    pub attempts_total: u64,
    /// Those of them after which no run began.
    pub attempts_failed_total: u64,
}

impl Ledger {
    /// A ledger without an attempt.
    pub fn new(now: Timestamp) -> Self {
        Self { begun: now, attempts: Vec::new(), attempts_total: 0, attempts_failed_total: 0 }
    }
}

/// A ledger cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("todo")]
pub struct LedgerError;

/// One site's ledger on disk.
#[derive(Debug)]
pub struct LedgerFile;
