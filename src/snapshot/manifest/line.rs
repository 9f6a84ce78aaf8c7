//! The lines of a manifest, which are JSON.

use std::io::{self, BufRead, Read};

use serde::{Deserialize, Serialize};

use crate::site::Timestamp;

pub(super) const VERSION: u32 = 1;
/// A line holds the hashes of so many blocks, 8 GiB; more of the same file are in further lines.
pub(super) const BLOCKS_IN_LINE: u64 = 1024;
/// Far above a line with all its hashes and the longest path.
const LINE_LIMIT: u64 = 1 << 20;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) folder: String,
    /// The run whose files these are, by its start, in nanoseconds since 1970.
    pub(super) run: Option<i64>,
    /// When the first pass began.
    pub(super) recorded: Timestamp,
}

/// What was known of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recorded {
    pub(super) path: String,
    pub(super) size: u64,
    /// In nanoseconds since 1970; absent where the file system did not tell.
    pub(super) modified: Option<i64>,
    /// The number of the first block in this line.
    #[serde(default)]
    pub(super) from: u64,
    /// 64 hexadecimal digits for each block.
    pub(super) slices: Vec<String>,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    /// How many files there are.
    pub(super) end: u64,
}

/// Any line but the first.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    File(Recorded),
    End(End),
}

/// The next line with its length in bytes; an error where it is none or is cut.
pub(super) fn read<T: for<'a> Deserialize<'a>>(lines: &mut impl BufRead) -> io::Result<(T, u64)> {
    let mut bytes = Vec::new();
    lines.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut bytes)?;
    if bytes.last() != Some(&b'\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line without its end"));
    }
    Ok((serde_json::from_slice(&bytes)?, bytes.len() as u64))
}

/// Nanoseconds since 1970, where they fit.
pub(super) fn nanoseconds(time: Timestamp) -> Option<i64> {
    time.timestamp_nanos_opt()
}
