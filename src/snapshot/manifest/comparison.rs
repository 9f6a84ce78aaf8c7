//! A manifest while a later pass goes through it, beside its walk: both have the same order.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::PathBuf;

use super::line::{End, Header, Line, Recorded, VERSION, nanoseconds, read};
use super::{ManifestError, ManifestPlace, Mark};
use crate::site::Timestamp;
use crate::snapshot::walk::{Entry, compare};

/// Goes through a manifest from its beginning to its end.
#[derive(Debug)]
pub(in crate::snapshot) struct Comparison {
    lines: BufReader<File>,
    path: PathBuf,
    recorded: Timestamp,
    /// The line that is compared, unless the end has been reached.
    line: Option<Recorded>,
    /// Where it begins, and its length.
    at: u64,
    length: u64,
}

/// Which lines are passed over on the way to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::snapshot) enum Passed {
    /// Those before it.
    Before,
    /// Those before it, its own, and those of what lies in the folder of that name.
    Below,
}

impl Comparison {
    /// Opens the manifest and makes sure that all of it can be used; `None` if there is none for this run.
    pub(super) fn open(place: &ManifestPlace) -> Result<Option<Self>, ManifestError> {
        let path = place.path.clone();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ManifestError::io("open", &path)(error)),
        };
        let mut lines = BufReader::new(file);
        let (header, first) = read::<Header>(&mut lines).map_err(|error| unusable(&path, error))?;
        if header.version != VERSION || header.folder != place.folder {
            let reason = format!("it is version {} for {}", header.version, header.folder);
            return Err(ManifestError::Unusable { path, reason });
        }
        if header.run != nanoseconds(place.run) {
            return Ok(None);
        }
        examine(&mut lines).map_err(|error| unusable(&path, error))?;
        let mut comparison =
            Self { lines, path, recorded: header.recorded, line: None, at: first, length: 0 };
        comparison.seek(Mark { bytes: first, files: 0 })?;
        Ok(Some(comparison))
    }

    /// Goes to a mark of an earlier comparison.
    pub(super) fn seek(&mut self, mark: Mark) -> Result<(), ManifestError> {
        let sought = self.lines.seek(SeekFrom::Start(mark.bytes));
        sought.map_err(|error| unusable(&self.path, error))?;
        (self.at, self.length) = (mark.bytes, 0);
        self.next()
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { bytes: self.at, files: 0 }
    }

    /// When the first pass began.
    pub(in crate::snapshot) fn recorded(&self) -> Timestamp {
        self.recorded
    }

    /// Goes on to a path, or to the end for `None`, and gives the next file that is passed over on the way there.
    pub(in crate::snapshot) fn passed(
        &mut self,
        path: Option<&str>,
        passed: Passed,
    ) -> Result<Option<String>, ManifestError> {
        let Some(line) = &self.line else { return Ok(None) };
        let is_before = path.is_none_or(|path| {
            compare(&line.path, path) == Ordering::Less
                || passed == Passed::Below && is_below(&line.path, path)
        });
        if !is_before {
            return Ok(None);
        }
        let name = line.path.clone();
        while self.line.as_ref().is_some_and(|line| line.path == name) {
            self.next()?;
        }
        Ok(Some(name))
    }

    /// What is recorded of this file, which has been gone on to: its size and time; `None` if nothing.
    pub(in crate::snapshot) fn is_as_recorded(&self, entry: &Entry) -> Option<bool> {
        let line = self.line.as_ref().filter(|line| line.path == entry.path)?;
        Some(line.size == entry.size && line.modified == entry.modified.and_then(nanoseconds))
    }

    /// Whether a block of this file has the recorded hash; also if none is recorded of it.
    pub(in crate::snapshot) fn holds(
        &mut self,
        path: &str,
        block: u64,
        hash: &blake3::Hash,
    ) -> Result<bool, ManifestError> {
        while let Some(line) = self.line.as_ref().filter(|line| line.path == path && line.from <= block) {
            let index = usize::try_from(block - line.from).unwrap_or(usize::MAX);
            if let Some(recorded) = line.slices.get(index) {
                return Ok(*recorded == *hash.to_hex());
            }
            self.next()?;
        }
        Ok(true)
    }

    fn next(&mut self) -> Result<(), ManifestError> {
        self.at += self.length;
        let (line, length) = read(&mut self.lines).map_err(|error| unusable(&self.path, error))?;
        self.length = length;
        self.line = match line {
            Line::File(line) => Some(line),
            Line::End(_) => None,
        };
        Ok(())
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Reads all lines after the first: in order, each whole, and as many as the last one says.
fn examine(lines: &mut BufReader<File>) -> io::Result<()> {
    let invalid = |reason: &str| io::Error::new(io::ErrorKind::InvalidData, reason);
    let mut last: Option<String> = None;
    let mut files = 0;
    loop {
        match read(lines)?.0 {
            Line::File(line) => {
                let order = last.as_deref().map_or(Ordering::Less, |last| compare(last, &line.path));
                match (order, line.from) {
                    (Ordering::Less, _) => files += 1,
                    (Ordering::Equal, 1..) => {}
                    _ => return Err(invalid("its files are not in order")),
                }
                last = Some(line.path);
            }
            Line::End(End { end }) if end == files => return Ok(()),
            Line::End(_) => return Err(invalid("it does not have as many files as it says")),
        }
    }
}

fn unusable(path: &std::path::Path, error: io::Error) -> ManifestError {
    let path = path.to_owned();
    match error.kind() {
        // A mark that no file reaches is invalid input.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            ManifestError::Unusable { path, reason: error.to_string() }
        }
        _ => ManifestError::Io { operation: "read", path, source: error },
    }
}
