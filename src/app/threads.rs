//! How many blocking threads the sites need: each source may hang, and none may wait for another.
//!
//! The pool's size is fixed when the runtime is built, so it has room for what a reload may add, and for threads that hang
//! in what a reload has ended.

use crate::config::{Config, SiteSettings};
use crate::source::{Surroundings, sources_of};
use crate::trace::PhraseError;

/// Threads besides those of the sites: checkpoints, and reading configurations.
const SPARE: usize = 16;
/// A restart of which each step may hang, beside the source.
const OF_SERVICES: usize = 3;
/// A password file that may hang, and the look-up of two names.
const OF_DATABASE: usize = 3;
/// Room for sites that come by a reload, where few are watched at the start.
const ROOM: usize = 256;

/// What the sites of this configuration need.
pub fn blocking_threads(config: &Config, surroundings: &Surroundings<'_>) -> Result<usize, PhraseError> {
    let mut threads = SPARE;
    for site in &config.sites {
        let of_task = site.settings.snapshot_of_task.as_ref().map(|of_task| of_task.anywhere().clone());
        let snapshot = site.settings.snapshot.clone().or(of_task);
        let settings = SiteSettings { snapshot, ..site.settings.clone() };
        threads += sources_of(&site.under(&settings), surroundings)?.len();
        threads += site.settings.services.iter().len() * OF_SERVICES;
        threads += site.settings.database.iter().len() * OF_DATABASE;
    }
    Ok(threads)
}

/// How large the pool is made where so many threads are needed at the start; idle ones end.
pub fn pool_of(needed: usize) -> usize {
    needed.saturating_mul(2).saturating_add(ROOM)
}
