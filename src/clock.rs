//! The one clock: the system's, or one anchored to tokio's, so that tests with paused time move it.

use chrono::{TimeDelta, Utc};
use tokio::time::Instant;

use crate::site::Timestamp;

/// Where the present time comes from.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// The clock of this machine, which may step.
    System,
    /// A fixed time plus what tokio's clock has advanced since.
    Anchored {
        /// The time at the anchor.
        utc: Timestamp,
        /// The anchor.
        instant: Instant,
    },
}

impl Clock {
    /// A clock that shows `utc` now and advances with tokio's.
    pub fn anchored(utc: Timestamp) -> Self {
        Self::Anchored { utc, instant: Instant::now() }
    }

    /// The present time.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the system's clock")]
    pub fn now(&self) -> Timestamp {
        match *self {
            Self::System => Utc::now(),
            Self::Anchored { utc, instant } => {
                utc + TimeDelta::from_std(instant.elapsed()).unwrap_or(TimeDelta::MAX)
            }
        }
    }
}
