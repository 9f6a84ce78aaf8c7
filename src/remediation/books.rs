//! A site's ledger in memory and on disk: what was decided is written before it is done, and what cannot be written is
//! tried again.
//!
//! Memory is never behind the disk. While it is ahead, or the file cannot be used, nothing may be restarted.

use tokio::task::spawn_blocking;
use tokio::time::{Duration, Instant};

use super::{Ledger, LedgerError, LedgerFile};
use crate::error_chain;
use crate::site::{AttemptOutcome, FailureCause, RestartPlan, SiteCode, Timestamp};

/// One site's books.
#[derive(Debug)]
pub(super) struct Books {
    site: SiteCode,
    file: LedgerFile,
    /// `None` while the file cannot be read.
    ledger: Option<Ledger>,
    /// Whether the file does not hold it yet.
    unsaved: bool,
    /// What the log of this program was last told of.
    trouble: Option<String>,
    tried: Instant,
}

impl Books {
    /// Reads the ledger, or begins and writes one; blocks. An attempt that was left open, by an earlier process or before a reload, is lost.
    pub(super) fn open(site: SiteCode, file: LedgerFile, now: Timestamp) -> Self {
        Self::opened(site, file, None, now)
    }

    fn opened(site: SiteCode, file: LedgerFile, trouble: Option<String>, now: Timestamp) -> Self {
        let tried = Instant::now();
        let mut books = Self { site, file, ledger: None, unsaved: false, trouble, tried };
        let (mut ledger, is_new) = match books.file.read() {
            Ok(Some(ledger)) => (ledger, false),
            Ok(None) => (Ledger::new(now), true),
            Err(error) => {
                books.tell(Err(error));
                return books;
            }
        };
        let is_redated = ledger.redate(now, None);
        let is_lost = ledger.lose(now);
        if is_lost {
            tracing::warn!(%site, "the exporter ended, or the site was reloaded, while the backup service was restarted; whether a backup was started is not known");
        }
        books.unsaved = is_new || is_redated || is_lost;
        let saved = if books.unsaved { books.file.write(&ledger) } else { Ok(()) };
        books.ledger = Some(ledger);
        books.tell(saved);
        books
    }

    /// What is known of the attempts, as far as anything is.
    pub(super) fn known(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }

    /// The ledger, if it may be decided from: it is on disk as it is here.
    pub(super) fn usable(&self) -> Option<&Ledger> {
        self.ledger.as_ref().filter(|_| !self.unsaved)
    }

    /// Tries again what did not work before, if that was long enough ago.
    pub(super) async fn tend(&mut self, retry: Duration, now: Timestamp) {
        if self.usable().is_some() || self.tried.elapsed() < retry {
            return;
        }
        if self.ledger.is_some() {
            self.save().await;
            return;
        }
        let (site, file, trouble) = (self.site, self.file.clone(), self.trouble.clone());
        if let Ok(books) = spawn_blocking(move || Self::opened(site, file, trouble, now)).await {
            *self = books;
        }
    }

    /// Changes the ledger; `change` says whether it did.
    pub(super) async fn change(&mut self, change: impl FnOnce(&mut Ledger) -> bool) {
        if self.ledger.as_mut().is_some_and(change) {
            self.unsaved = true;
            self.save().await;
        }
    }

    /// Enters an attempt; unless this is true it is not on disk, and nothing may be done.
    pub(super) async fn begin(
        &mut self,
        run: Timestamp,
        cause: FailureCause,
        plan: RestartPlan,
        now: Timestamp,
    ) -> bool {
        let Some(before) = self.usable().cloned() else { return false };
        self.change(|ledger| {
            ledger.begin(run, cause, plan, now);
            true
        })
        .await;
        if self.unsaved {
            // There was none; that is to be written too before another one is thought of.
            self.ledger = Some(before);
        }
        !self.unsaved
    }

    /// Says what became of the attempt that is under way.
    pub(super) async fn finish(&mut self, outcome: AttemptOutcome, error: Option<Box<str>>, now: Timestamp) {
        self.change(|ledger| {
            ledger.finish(outcome, error, now);
            true
        })
        .await;
    }

    async fn save(&mut self) {
        let Some(ledger) = self.ledger.clone() else { return };
        let file = self.file.clone();
        self.tried = Instant::now();
        let written = spawn_blocking(move || file.write(&ledger)).await;
        self.tell(written.unwrap_or_else(|panic| Err(self.file.unwritten(std::io::Error::other(panic)))));
    }

    /// Takes note of what reading or writing came to, and logs it where that is news.
    fn tell(&mut self, result: Result<(), LedgerError>) {
        let site = self.site;
        match result {
            Ok(()) => {
                self.unsaved = false;
                if self.trouble.take().is_some() {
                    tracing::info!(%site, "restart ledger can be used again");
                }
            }
            Err(error) => {
                let error = error_chain(&error);
                if self.trouble.as_ref() != Some(&error) {
                    tracing::error!(%site, error, "restart ledger cannot be used; nothing is restarted");
                }
                self.trouble = Some(error);
            }
        }
    }
}
