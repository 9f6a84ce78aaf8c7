//! What a fold changes, and how what was only seen is kept.

use crate::source::SourceId;

/// Whether a change must be on disk before it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Nothing that a restart would lose.
    Volatile,
    /// Read positions only: losing them means reading again, to the same effect.
    Position,
    /// Totals, events or settings.
    Durable,
}

/// An observation and the source that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation<T> {
    /// What was seen.
    pub value: T,
    /// Who saw it.
    pub source: SourceId,
}
