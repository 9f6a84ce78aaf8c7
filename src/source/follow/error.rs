//! What can go wrong between the follower and a file; what stands in the file is not its business.

use std::io;
use std::path::{Path, PathBuf};

use crate::platform::IoFailure;

/// A file of the log that could not be opened, listed or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}", path.display())]
pub struct FollowError {
    /// What it means to an operator.
    pub kind: IoFailure,
    /// What was tried: `open`, `read` or `list`.
    pub operation: &'static str,
    /// The file, or the directory that was to be listed.
    pub path: PathBuf,
    /// The system's own words.
    #[source]
    pub source: io::Error,
}

impl FollowError {
    pub(super) fn new(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self { kind: IoFailure::of(&source), operation, path: path.to_owned(), source }
    }
}
