//! Whether the loops of this process still turn: what `/-/healthy` answers from.
//!
//! A loop says when it will speak again at the latest. How the backups do is none of the watchdog's business.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The shared list of loops and when each must speak again.
#[derive(Debug, Clone, Default)]
pub struct Watchdog(Arc<Mutex<Loops>>);

#[derive(Debug, Default)]
struct Loops {
    next: u64,
    /// The name of each, which others may have too, and when it is due.
    due: BTreeMap<u64, (String, Instant)>,
}

/// One loop's entry; dropping it takes the loop off the list.
#[derive(Debug)]
pub struct Heartbeat {
    watchdog: Watchdog,
    id: u64,
}

impl Watchdog {
    /// Adds a loop, which must speak within `allowed`. Its name may be told to everybody.
    pub fn register(&self, name: impl Into<String>, allowed: Duration) -> Heartbeat {
        let mut loops = self.loops();
        let id = loops.next;
        loops.next += 1;
        loops.due.insert(id, (name.into(), Instant::now() + allowed));
        Heartbeat { watchdog: self.clone(), id }
    }

    /// The names of the loops that should have spoken by now, each once.
    pub fn silent(&self) -> BTreeSet<String> {
        let now = Instant::now();
        self.loops().due.values().filter(|(_, due)| *due < now).map(|(name, _)| name.clone()).collect()
    }

    fn loops(&self) -> std::sync::MutexGuard<'_, Loops> {
        // Nothing can panic while it is held, so the content is good in any case.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heartbeat {
    /// The loop turns, and will speak again within `allowed`.
    pub fn beat(&self, allowed: Duration) {
        if let Some((_, due)) = self.watchdog.loops().due.get_mut(&self.id) {
            *due = Instant::now() + allowed;
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.watchdog.loops().due.remove(&self.id);
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
        assert_eq!(watchdog.silent(), BTreeSet::from(["state".to_owned()]));
        state.beat(Duration::from_secs(60));
        assert!(watchdog.silent().is_empty());
        tokio::time::advance(Duration::from_secs(61)).await;
        drop((state, other));
        assert!(watchdog.silent().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn loops_of_the_same_name_are_each_waited_for() {
        let watchdog = Watchdog::default();
        let archives =
            ["P01 archive", "P01 archive"].map(|name| watchdog.register(name, Duration::from_secs(5)));
        tokio::time::advance(Duration::from_secs(6)).await;
        archives[0].beat(Duration::from_secs(60));
        assert_eq!(watchdog.silent().len(), 1);
        archives[1].beat(Duration::from_secs(60));
        assert!(watchdog.silent().is_empty());
        drop(archives);
    }
}
