//! How often the program has logged, for the metric.

use std::sync::atomic::{AtomicU64, Ordering};

/// Messages logged, by level.
#[derive(Debug, Default)]
pub struct LogCounts([AtomicU64; 4]);

const LEVELS: [(tracing::Level, &str); 4] = [
    (tracing::Level::ERROR, "error"),
    (tracing::Level::WARN, "warn"),
    (tracing::Level::INFO, "info"),
    (tracing::Level::DEBUG, "debug"),
];

impl LogCounts {
    /// Counts one message.
    pub fn count(&self, level: tracing::Level) {
        for (count, (known, _)) in self.0.iter().zip(LEVELS) {
            if known == level {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// How many of a level were counted.
    #[cfg(test)]
    pub(crate) fn of(&self, level: tracing::Level) -> u64 {
        let counts = self.0.iter().zip(LEVELS).filter(|(_, (known, _))| *known == level);
        counts.map(|(count, _)| count.load(Ordering::Relaxed)).sum()
    }

    /// How many there were of each level, by its name.
    pub fn by_level(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().zip(LEVELS).map(|(count, (_, name))| (name, count.load(Ordering::Relaxed)))
    }
}
