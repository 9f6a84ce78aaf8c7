//! The log format of Configuration Manager, on its own: bytes to lines, lines to status messages and phrases.
//!
//! Knows nothing of files, runs or sites. Two layouts exist (`$$<` and `<![LOG[`), both read from the right; every
//! byte sequence is accepted, and what is not understood is counted.

mod layout;
mod lines;
mod phrases;
#[cfg(test)]
mod properties;
mod reader;
mod status;

pub use layout::{Stamp, TraceLine};
pub use lines::{Encoding, LINE_LIMIT, LineBlocks};
pub use phrases::{PhraseError, Phrases, UserPatterns};
pub use reader::{LineCounts, LogEntry, ReaderState, TraceReader};
pub use status::StatusLine;
