//! Follows a ConfigMgr log through everything that ConfigMgr and administrators do to it.
//!
//! Owns which bytes are new, each exactly once together with the cursor that a poll returns; refuses to know what they
//! say. A content is recognised by its own bytes, so it does not matter whether a roll copies, renames or does both.
//! Files are opened, read and closed in each poll, newest name first, and read oldest first. New content waits, but not
//! for ever, while an older file is locked, unreadable or still being copied: order is given up before evidence.

mod cursor;
mod error;
mod files;
mod part;
mod probe;
mod run;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod model_world;
#[cfg(test)]
mod tests;

use std::fs::File;

pub use cursor::LogCursor;
pub use error::FollowError;
pub use files::LogFiles;
pub use part::{LineSink, Part, PartCounts, PartStart, Role};

use super::Reach;
use run::poll_with;

/// The bytes that one poll reads at most: half a minute of a slow share, and no more memory than one line.
pub const POLL_BUDGET: u64 = 64 << 20;

/// What one poll achieved, valid together with what its sink committed.
#[derive(Debug)]
pub struct Progress {
    /// Where the next poll starts.
    pub cursor: LogCursor,
    /// Raw bytes whose lines were handed over or skipped.
    pub bytes: u64,
    /// 1 if the `.log` has another content than when it was last read: rolled, replaced or re-created.
    pub rotations: u64,
    /// Whether what followed the newest known line may be gone: no file goes on from there, yet there is new content.
    pub continuity_lost: bool,
    /// Whether there is more.
    pub reach: Reach,
    /// The `.log` could not be read, although older files could.
    pub log_error: Option<FollowError>,
    /// Older files that could not be read; one that does not exist is no error.
    pub older_errors: Vec<FollowError>,
}

/// Reads what is new since `cursor`, at most `budget` bytes and the rest of a line, and hands it to `sink`.
///
/// Fails with the error of the `.log` if it cannot be read and no older file had anything new; then nothing was
/// committed, and `cursor` stays what it was. Blocks as long as the system does.
pub fn poll(
    files: &LogFiles,
    cursor: &LogCursor,
    budget: u64,
    sink: &mut dyn LineSink,
) -> Result<Progress, FollowError> {
    poll_with(files, cursor, budget, sink, &mut |path| File::open(path))
}
