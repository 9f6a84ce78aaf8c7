//! Which copies could be restored now: the snapshot in the destination, and archives of earlier ones.
//!
//! What cannot be looked at is unknown, never good and never missing.

mod archives;
mod present;
#[cfg(test)]
pub(crate) mod tests;

pub use archives::{ArchiveSummary, CopyJudgement};
pub use present::{PresentSnapshot, Standing};

use super::{ProtectionState, delta};
use crate::site::{SiteRole, Timestamp};
use crate::state::SiteState;

/// What is known of all copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copies {
    /// The snapshot in the destination; `None` where none is configured.
    pub present: Option<PresentSnapshot>,
    /// The archives, by name.
    pub archives: Vec<ArchiveSummary>,
    /// When the newest of SQL Server's own backups started, where these count.
    pub native: Option<Timestamp>,
    /// How many copies could be restored now; `None` if there may be some of which nobody knows.
    pub valid: Option<u32>,
    /// How many of them are younger than change tracking retention.
    pub valid_in_retention: Option<u32>,
    /// When the run started that made the newest of them; `None` also while a newer one may exist.
    pub newest_valid: Option<Timestamp>,
    /// Until when that one can be restored without losing the hierarchy's data.
    pub recoverable_until: Option<Timestamp>,
}

impl Copies {
    pub(super) fn of(state: &SiteState, protection: &ProtectionState, now: Timestamp) -> Self {
        let archives = archives::summaries(state, now);
        let present = PresentSnapshot::of(state, &archives);
        let mut valid: Vec<Timestamp> = Vec::new();
        let (mut unknown, mut native_unknown) = (false, false);
        let mut watched = false;
        if protection.snapshots_count(state) {
            valid.extend(archives.iter().flat_map(ArchiveSummary::valid));
            unknown = archives.iter().any(ArchiveSummary::is_unknown);
            match present.as_ref().map(PresentSnapshot::valid) {
                Some(Some(true)) => valid.extend(present.as_ref().and_then(|present| present.run)),
                Some(None) => unknown = true,
                Some(Some(false)) | None => {}
            }
            watched = present.is_some() || !archives.is_empty();
        }
        let native = protection.native.newest().filter(|_| protection.mode.needs_native());
        if protection.mode.needs_native() {
            valid.extend(native);
            native_unknown = !protection.native.all_known;
            unknown |= native_unknown;
            watched = true;
        }
        let retention = delta(super::retention(state));
        let count = |copies: usize| {
            let known = watched && (copies > 0 || !unknown);
            known.then(|| u32::try_from(copies).unwrap_or(u32::MAX))
        };
        // A copy of which nobody knows may be newer, but none is newer than the newest success.
        let success = state.runs.iter().rev().find(|run| run.succeeded.is_some());
        let is_newest = |run: &Timestamp| {
            !native_unknown && success.is_none_or(|success| *run >= success.started_or_first())
        };
        let newest_valid = valid.iter().max().copied().filter(|newest| !unknown || is_newest(newest));
        Self {
            valid: count(valid.len()),
            valid_in_retention: count(valid.iter().filter(|run| **run + retention > now).count())
                .filter(|_| count(valid.len()).is_some()),
            native,
            newest_valid,
            recoverable_until: newest_valid
                .filter(|_| SiteRole::in_hierarchy(state.role()))
                .and_then(|run| run.checked_add_signed(retention)),
            present,
            archives,
        }
    }
}
