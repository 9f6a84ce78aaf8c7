//! Where a pass is, how a slice of it ended, and what keeps it where it is.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::platform::IoFailure;
use crate::snapshot::manifest::ManifestError;

/// What comes next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The last file that has been dealt with; `None` at the beginning.
    pub done: Option<String>,
    /// The file after it that has been read in part.
    pub begun: Option<Begun>,
}

/// A file that has been read in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Relative to the folder.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// When it was last written, in nanoseconds since 1970.
    pub modified: Option<i64>,
    /// How many blocks of it are done.
    pub blocks: u64,
    /// Whether it has been reported as changed.
    pub changed: bool,
}

/// How a slice ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SliceEnd {
    /// There is more to be read.
    More,
    /// Everything has been read.
    Done,
    /// The folder, or something in it that was to be read, is no longer there.
    Gone,
}

/// The folder cannot be read at all, or the manifest cannot be written: the pass stays where it is.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// Nothing of the folder can be read now.
    #[error("cannot read {}", folder.display())]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// What that means to an operator.
        failure: IoFailure,
        /// The system's own words.
        source: io::Error,
    },
    /// The manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}
