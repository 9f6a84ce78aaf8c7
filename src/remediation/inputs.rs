//! What the policy decides from: a flat struct of small enums, derived purely from what is known at a moment.

/// Something that may be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Watched<T> {
    /// It is, and this is what was seen.
    Known(T),
    /// It is, and cannot be seen now.
    Failing,
    /// Nothing watches it.
    NotWatched,
}

/// Everything that the policy looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Inputs {}
