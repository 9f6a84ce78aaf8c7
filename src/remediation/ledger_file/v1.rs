//! Schema 1 of the ledger: its own types, so that the domain may change without losing what users have on disk.
//!
//! Rules: a field is never renamed or reused, a new field has a default, and a word that is not known makes the whole
//! file unusable. Times are nanoseconds since 1970 in UTC.

use chrono::serde::ts_nanoseconds;
use serde::{Deserialize, Serialize};

use crate::remediation::Ledger;
use crate::site::{Attempt, ClosedSet, SiteCode, Timestamp};

/// The version in the field `schema`.
pub(super) const SCHEMA: u32 = 1;

/// One site's ledger.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LedgerV1 {
    schema: u32,
    site: String,
    #[serde(with = "ts_nanoseconds")]
    begun: Timestamp,
    attempts_total: u64,
    attempts_failed_total: u64,
    /// Oldest first.
    attempts: Vec<AttemptV1>,
}

#[derive(Debug, Serialize, Deserialize)]
struct AttemptV1 {
    #[serde(with = "ts_nanoseconds")]
    run: Timestamp,
    cause: String,
    #[serde(with = "ts_nanoseconds")]
    decided: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "chrono::serde::ts_nanoseconds_option")]
    seen_ahead: Option<Timestamp>,
    plan: String,
    #[serde(default)]
    outcome: Option<OutcomeV1>,
    #[serde(default)]
    error: Option<Box<str>>,
    #[serde(default)]
    followed_by: Option<FollowerV1>,
}

#[derive(Debug, Serialize, Deserialize)]
struct OutcomeV1 {
    outcome: String,
    #[serde(with = "ts_nanoseconds")]
    time: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct FollowerV1 {
    #[serde(with = "ts_nanoseconds")]
    run: Timestamp,
    #[serde(default)]
    succeeded: Option<bool>,
}

impl LedgerV1 {
    pub(super) fn of(ledger: &Ledger, site: SiteCode) -> Self {
        let Ledger { begun, attempts, attempts_total, attempts_failed_total } = ledger;
        Self {
            schema: SCHEMA,
            site: site.to_string(),
            begun: *begun,
            attempts_total: *attempts_total,
            attempts_failed_total: *attempts_failed_total,
            attempts: attempts.iter().map(AttemptV1::of).collect(),
        }
    }

    /// The ledger it was made of; why it cannot be one of this site, in words.
    pub(super) fn restore(self, site: SiteCode) -> Result<Ledger, String> {
        if self.site != site.as_str() {
            return Err(format!("it belongs to site {:?}", self.site));
        }
        let attempts =
            self.attempts.into_iter().map(AttemptV1::restore).collect::<Result<Vec<_>, String>>()?;
        if attempts.iter().rev().skip(1).any(|attempt| attempt.outcome.is_none()) {
            return Err("an attempt before the newest one has no outcome".to_owned());
        }
        let Self { begun, attempts_total, attempts_failed_total, .. } = self;
        Ok(Ledger { begun, attempts, attempts_total, attempts_failed_total })
    }
}

impl AttemptV1 {
    fn of(attempt: &Attempt) -> Self {
        Self {
            run: attempt.run,
            cause: attempt.cause.label().to_owned(),
            decided: attempt.decided,
            seen_ahead: attempt.seen_ahead,
            plan: attempt.plan.label().to_owned(),
            outcome: (attempt.outcome)
                .map(|(outcome, time)| OutcomeV1 { outcome: outcome.label().to_owned(), time }),
            error: attempt.error.clone(),
            followed_by: attempt.followed_by.map(|(run, succeeded)| FollowerV1 { run, succeeded }),
        }
    }

    fn restore(self) -> Result<Attempt, String> {
        let outcome = |ended: OutcomeV1| known(&ended.outcome).map(|outcome| (outcome, ended.time));
        Ok(Attempt {
            run: self.run,
            cause: known(&self.cause)?,
            decided: self.decided,
            seen_ahead: self.seen_ahead,
            plan: known(&self.plan)?,
            outcome: self.outcome.map(outcome).transpose()?,
            error: self.error,
            followed_by: self.followed_by.map(|FollowerV1 { run, succeeded }| (run, succeeded)),
        })
    }
}

fn known<T: ClosedSet>(label: &str) -> Result<T, String> {
    T::from_label(label).ok_or_else(|| format!("{label:?} is not known"))
}
