//! The files that were named: which of them are event logs, in which order logs are read, and the reading of logs.
//!
//! What a file is, its first bytes tell and never its name.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::site::{SiteCode, Timestamp};
use crate::source::event_log;
use crate::trace::{Encoding, LineBlocks, LineCounts, LogEntry, Phrases, ReaderState, TraceReader};

/// Read at once: what was copied is still in the cache when it is looked at.
const BLOCK: usize = 64 << 10;
/// The first line stands within so many bytes, or the file tells no time.
const HEAD: u64 = 64 << 10;
/// So many bytes tell what a file is.
const SIGNATURE: usize = 8;

/// What was named, by kind.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Logs in the order of their first lines, so that `.lo_` and `.log` may be named in any order.
    pub(super) logs: Vec<PathBuf>,
    /// Event logs as they were named.
    pub(super) event_logs: Vec<PathBuf>,
}

impl Files {
    /// Looks at the beginning of each file.
    pub(super) fn sort(paths: &[PathBuf], phrases: &Phrases) -> anyhow::Result<Self> {
        let mut files = Self::default();
        let mut logs = Vec::new();
        for path in paths {
            let known = path.metadata().with_context(|| cannot_read(path))?;
            if !known.is_file() && !known.is_dir() {
                // A pipe could not be read a second time.
                let alone = paths.len() == 1;
                anyhow::ensure!(
                    alone,
                    "{} is no regular file; name it alone, or copy it to a file to read it with others",
                    path.display()
                );
                return Ok(Self { logs: vec![path.clone()], ..files });
            }
            let mut head = Vec::new();
            open(path)?.take(HEAD).read_to_end(&mut head).with_context(|| cannot_read(path))?;
            if event_log::is_event_log(&head) {
                files.event_logs.push(path.clone());
            } else {
                logs.push((oldest(&head, phrases), path.clone()));
            }
        }
        // A file without any time keeps its place behind those that have one.
        logs.sort_by_key(|(oldest, _)| oldest.unwrap_or(Timestamp::MAX_UTC));
        files.logs = logs.into_iter().map(|(_, path)| path).collect();
        Ok(files)
    }
}

/// The time of the first line that has one.
fn oldest(head: &[u8], phrases: &Phrases) -> Option<Timestamp> {
    let (encoding, bom) = Encoding::detect(head);
    let mut reader = TraceReader::new(phrases, ReaderState::default());
    let text = head.get(bom..).unwrap_or_default();
    LineBlocks::new(encoding).push(text, &mut |block| reader.read(block, &mut |_| {}));
    reader.oldest
}

fn open(path: &Path) -> anyhow::Result<File> {
    // Before it is opened: Windows opens no directory, and calls that a lack of rights.
    anyhow::ensure!(!path.is_dir(), "{} is a directory; name the log in it", path.display());
    File::open(path).with_context(|| cannot_read(path))
}

/// What could not be done, for the reason that follows.
pub(super) fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}

/// Hands every entry of a log that means something to `each`, in order, until that fails.
///
/// `site` is that of the last entry before: a log that rolled within a run goes on in the next file.
pub(super) fn read_log(
    path: &Path,
    phrases: &Phrases,
    site: Option<SiteCode>,
    each: &mut dyn FnMut(LogEntry) -> anyhow::Result<()>,
) -> anyhow::Result<LineCounts> {
    let mut file = open(path)?;
    let mut buffer = vec![0; BLOCK];
    let mut filled = begin(&mut file, &mut buffer).with_context(|| cannot_read(path))?;
    anyhow::ensure!(
        !event_log::is_event_log(&buffer[..filled]),
        "{} is an event log and no regular file; copy it to a file, because its chunks are not read in their order",
        path.display()
    );
    let (encoding, bom) = Encoding::detect(&buffer[..filled]);
    let mut lines = LineBlocks::new(encoding);
    let mut reader = TraceReader::new(phrases, ReaderState { site, ..ReaderState::default() });
    let mut start = bom;
    let mut result = Ok(());
    while filled > 0 {
        lines.push(&buffer[start..filled], &mut |block| {
            reader.read(block, &mut |entry| {
                if result.is_ok() {
                    result = each(entry);
                }
            });
        });
        std::mem::replace(&mut result, Ok(()))?;
        start = 0;
        filled = file.read(&mut buffer).with_context(|| cannot_read(path))?;
    }
    lines.finish(&mut |block| {
        reader.read(block, &mut |entry| {
            if result.is_ok() {
                result = each(entry);
            }
        });
    });
    reader.new_file();
    result?;
    let oversized = reader.counts.oversized + lines.oversized();
    Ok(LineCounts { lines: reader.counts.lines + lines.oversized(), oversized, ..reader.counts })
}

/// Reads until it is clear what the file is; a pipe may give its first bytes one by one.
fn begin(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < SIGNATURE {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            more => filled += more,
        }
    }
    Ok(filled)
}
