//! Which known content an open file has, by its first bytes and those before a known position.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::cursor::{Content, LogCursor, Position, WINDOW, fingerprint};

/// What a file looks like at one moment.
pub(super) struct Probe {
    /// The first bytes, at most [`WINDOW`].
    pub(super) head: Vec<u8>,
    /// The length in bytes.
    pub(super) len: u64,
}

impl Probe {
    pub(super) fn of(file: &mut File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        let expected = len.min(WINDOW as u64);
        let head = span(file, 0, expected)?;
        // Shrunk in between: the shorter length is the newer truth.
        let len = if (head.len() as u64) < expected { head.len() as u64 } else { len };
        Ok(Self { head, len })
    }

    /// Whether this is what was seen `earlier`, perhaps grown; else the file was truncated or written anew.
    ///
    /// A piece of a first line is not enough to tell: every log may start with the same words, before the time stamp.
    pub(super) fn extends(&self, earlier: &Self) -> bool {
        let identified = earlier.head.len() == WINDOW || earlier.head.contains(&b'\n');
        self.head.starts_with(&earlier.head)
            && (self.len == earlier.len || (identified && self.len > earlier.len))
    }
}

/// How a file relates to the contents that are known.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// It has this known content, and is read on from there.
    Continues(usize, Position),
    /// It has the start of a known content up to this position, and something else after it.
    Diverges(Position),
    /// It is a shorter prefix of this known content, so a copy in progress, or truncated: nothing in it is new.
    Incomplete(usize),
    /// No known content: everything in it is new.
    New,
}

impl LogCursor {
    /// Finds the content that `file` has, at the greatest known offset.
    pub(super) fn relate(&self, probe: &Probe, file: &mut File) -> io::Result<Relation> {
        let mut best: Option<(u64, Relation)> = None;
        let mut incomplete = Relation::New;
        for (index, content) in self.contents.iter().enumerate() {
            let (offset, relation) = match content.relate(probe, file)? {
                Match::Continues(position) => (position.offset, Relation::Continues(index, position)),
                Match::Diverges(position) => (position.offset, Relation::Diverges(position)),
                Match::Incomplete => {
                    incomplete = Relation::Incomplete(index);
                    continue;
                }
                Match::Other => continue,
            };
            if best.as_ref().is_none_or(|(greatest, _)| *greatest < offset) {
                best = Some((offset, relation));
            }
        }
        Ok(best.map_or(incomplete, |(_, relation)| relation))
    }
}

/// How a file relates to one content.
pub(super) enum Match {
    Continues(Position),
    Diverges(Position),
    Incomplete,
    Other,
}

impl Content {
    pub(super) fn relate(&self, probe: &Probe, file: &mut File) -> io::Result<Match> {
        let Some(newest) = self.positions.last() else { return Ok(Match::Other) };
        let common = self.head.iter().zip(&probe.head).take_while(|(ours, theirs)| ours == theirs).count();
        let same_head = common == self.head.len();
        if same_head && probe.len >= newest.offset && tail(file, newest.offset)? == Some(newest.tail) {
            return Ok(Match::Continues(*newest));
        }
        let ends_early = if same_head { probe.len < newest.offset } else { common == probe.head.len() };
        let nothing_else = probe.head[common..].iter().all(|&byte| byte == 0) || same_head;
        if ends_early || (nothing_else && ends_unwritten(probe, common, file)?) {
            return Ok(Match::Incomplete);
        }
        // The end that was read is not there any more: read on from where the file is still what it was.
        for position in self.positions.iter().rev() {
            let within = same_head || position.offset <= common as u64;
            if within && tail(file, position.offset)? == Some(position.tail) {
                return Ok(Match::Diverges(*position));
            }
        }
        Ok(Match::Other)
    }
}

/// The fingerprint of the bytes before `offset`, `None` if the file is shorter.
pub(super) fn tail(file: &mut File, offset: u64) -> io::Result<Option<u64>> {
    let length = offset.min(WINDOW as u64);
    let bytes = span(file, offset - length, length)?;
    Ok((bytes.len() as u64 == length).then(|| fingerprint(&bytes)))
}

/// Whether the file ends in NUL: Windows gives a copy its full length first, and its bytes one after the other.
fn ends_unwritten(probe: &Probe, from: usize, file: &mut File) -> io::Result<bool> {
    // Two bytes, because UTF-16 ends a line with one.
    let length = probe.len.saturating_sub(from as u64).min(2);
    let end = span(file, probe.len - length, length)?;
    Ok(!end.is_empty() && end.iter().all(|&byte| byte == 0))
}

/// Up to `length` bytes from `offset`, fewer at the end of the file.
fn span(file: &mut File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(WINDOW);
    file.seek(SeekFrom::Start(offset))?;
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}
