//! Reading what is new in one open file, and what the follower says to whoever takes the lines.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use super::cursor::{Position, WINDOW};
use super::probe::{Probe, tail};
use crate::trace::{Encoding, LineBlocks};

/// Read at once; small enough for the cache, large enough that a share answers few requests.
const CHUNK: usize = 128 * 1024;

/// Takes the lines of a poll, file by file.
///
/// Every `begin` is followed by either `commit` or `discard` (or, if the poll is cut off, by nothing, which is a
/// discard). Only what was committed by a poll that returned `Ok` belongs to the cursor that it returned.
pub trait LineSink {
    /// New bytes of this file follow.
    fn begin(&mut self, part: &Part<'_>);
    /// One or more complete lines, each with its line feed.
    fn lines(&mut self, block: &[u8]);
    /// The lines since `begin` count.
    fn commit(&mut self, counts: PartCounts);
    /// The lines since `begin` are void: the file changed while it was read, and they come again.
    fn discard(&mut self);
}

/// What is about to be read.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// The file, as it is called at present.
    pub path: &'a Path,
    /// What the file is in its group.
    pub role: Role,
    /// Whether it is read on, or from its start.
    pub start: PartStart,
}

/// The files of a log, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A dated file of the log's history.
    History,
    /// The `.lo_`.
    Rolled,
    /// The `.log` itself.
    Log,
}

/// Where a part starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartStart {
    /// At the first byte of a content that was not known: a line left open before cannot go on here.
    New,
    /// After the last complete line that was read of the same content, perhaps under another name.
    Resumed,
}

/// How much a part was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PartCounts {
    /// Raw bytes whose lines were handed over or skipped.
    pub bytes: u64,
    /// Lines that were skipped because they are too long.
    pub oversized: u64,
}

/// How far a part went.
pub(super) struct Advance {
    /// The first bytes of the content up to `position`.
    pub(super) head: Vec<u8>,
    /// `None` if no line was completed.
    pub(super) position: Option<Position>,
    pub(super) counts: PartCounts,
    /// Bytes read from the file.
    pub(super) taken: u64,
    /// Whether the budget ended it, not the file.
    pub(super) cut_short: bool,
}

/// Reads `file`, which looked like `probe`, from `start` to its end or until the budget is spent.
///
/// `None` if the file is not what it was when the reading began: then nothing that was handed to `each` is true.
pub(super) fn read(
    file: &mut File,
    probe: &Probe,
    start: Option<Position>,
    budget: u64,
    each: &mut dyn FnMut(&[u8]),
) -> io::Result<Option<Advance>> {
    let (encoding, mark) = Encoding::detect(&probe.head);
    let from = start.map_or(mark as u64, |position| position.offset);
    let mut blocks = if start.is_some_and(|position| position.inside) {
        LineBlocks::inside_oversized(encoding)
    } else {
        LineBlocks::new(encoding)
    };
    file.seek(SeekFrom::Start(from))?;
    let (taken, cut_short) = drain(file, &mut blocks, budget, each)?;

    let consumed = blocks.consumed();
    // A line longer than the budget: go on inside it next time, at the start of a code unit.
    let inside = cut_short && consumed == 0;
    let offset = from + if inside { taken & !1 } else { consumed };
    let tail = if offset > from { tail(file, offset)? } else { None };
    let after = Probe::of(file)?;
    if !after.extends(probe) || after.len < offset || (offset > from && tail.is_none()) {
        return Ok(None);
    }
    let mut head = after.head;
    head.truncate(usize::try_from(offset).unwrap_or(WINDOW));
    let position = tail.map(|tail| Position { offset, tail, inside });
    let bytes = position.map_or(0, |position| position.offset - start.map_or(0, |start| start.offset));
    // An oversized line that waits for its end is read again from its start, and counts then.
    let counted_here = consumed > 0 || !start.is_some_and(|start| start.inside);
    let waits = blocks.is_skipping() && !inside && counted_here;
    let oversized = blocks.oversized() - u64::from(waits);
    Ok(Some(Advance { head, position, counts: PartCounts { bytes, oversized }, taken, cut_short }))
}

/// Reads to the end of the file or of the budget, but always until there is some progress to remember.
fn drain(
    file: &mut File,
    blocks: &mut LineBlocks,
    budget: u64,
    each: &mut dyn FnMut(&[u8]),
) -> io::Result<(u64, bool)> {
    let mut chunk = vec![0; CHUNK];
    let mut taken = 0;
    loop {
        let left = budget.saturating_sub(taken);
        if left == 0 && (blocks.consumed() > 0 || blocks.is_skipping()) {
            return Ok((taken, true));
        }
        let wanted = usize::try_from(left).unwrap_or(CHUNK).clamp(2, CHUNK);
        match file.read(&mut chunk[..wanted]) {
            Ok(0) => return Ok((taken, false)),
            Ok(length) => {
                blocks.push(&chunk[..length], each);
                taken += length as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
