//! Whether the loops of this process still turn: what `/-/healthy` answers from.
//!
//! A loop says when it will speak again at the latest. How the backups do is none of the watchdog's business.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The shared list of loops and when each must speak again.
#[derive(Debug, Clone, Default)]
pub struct Watchdog(Arc<Mutex<BTreeMap<String, Instant>>>);

/// One loop's entry; dropping it takes the loop off the list.
#[derive(Debug)]
pub struct Heartbeat {
    watchdog: Watchdog,
    name: String,
}

impl Watchdog {
    /// Adds a loop, which must speak within `allowed`.
    pub fn register(&self, name: impl Into<String>, allowed: Duration) -> Heartbeat {
        let heartbeat = Heartbeat { watchdog: self.clone(), name: name.into() };
        heartbeat.beat(allowed);
        heartbeat
    }

    /// The loops that should have spoken by now, in words.
    pub fn silent(&self) -> Vec<String> {
        let now = Instant::now();
        self.loops().iter().filter(|(_, due)| **due < now).map(|(name, _)| name.clone()).collect()
    }

    fn loops(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Instant>> {
        // Nothing can panic while it is held, so the content is good in any case.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heartbeat {
    /// The loop turns, and will speak again within `allowed`.
    pub fn beat(&self, allowed: Duration) {
        self.watchdog.loops().insert(self.name.clone(), Instant::now() + allowed);
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.watchdog.loops().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_misses_its_time_is_named_until_it_speaks_or_ends() {
        let watchdog = Watchdog::default();
        let state = watchdog.register("state", Duration::from_secs(5));
        let other = watchdog.register("other", Duration::from_secs(60));
        assert!(watchdog.silent().is_empty());
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(watchdog.silent(), ["state"]);
        state.beat(Duration::from_secs(60));
        assert!(watchdog.silent().is_empty());
        tokio::time::advance(Duration::from_secs(61)).await;
        drop((state, other));
        assert!(watchdog.silent().is_empty());
    }
}
