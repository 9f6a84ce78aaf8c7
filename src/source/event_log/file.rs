//! The file of an event log: a header, then chunks of 64 KiB. All that is read of it is read here, and counted.
//!
//! The header is not asked where the newest chunk is: while the log is in use, its numbers are those of some time ago.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::chunk::{CHUNK_SIZE, Chunk, HEAD_SIZE, Head, u64_at};
use crate::platform::IoFailure;

const MAGIC: &[u8] = b"ElfFile\0";
/// What is read of the file's header.
const HEADER: usize = 32;
/// Where the first chunk begins.
const FIRST_CHUNK: u64 = 4096;

/// Why an event log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What it means to an operator.
        kind: IoFailure,
        /// What was tried: `open` or `read`.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's own words.
        #[source]
        source: io::Error,
    },
    /// It is another kind of file.
    #[error("{} is no event log: it does not begin with ElfFile; name an .evtx file", path.display())]
    NoEventLog {
        /// The file.
        path: PathBuf,
    },
}

/// Whether a file that begins with these bytes is an event log.
pub fn is_event_log(first_bytes: &[u8]) -> bool {
    first_bytes.starts_with(MAGIC)
}

/// An event log, open for one poll.
#[derive(Debug)]
pub(super) struct LogFile<'a> {
    path: &'a Path,
    file: File,
    chunks: u64,
    next_id: Option<u64>,
    /// How many bytes were read.
    pub(super) bytes: u64,
}

impl<'a> LogFile<'a> {
    /// Opens it in a way that keeps nobody from writing, renaming or deleting it.
    pub(super) fn open(path: &'a Path) -> Result<Self, ReadError> {
        let failed = |operation| {
            move |source: io::Error| ReadError::Io {
                kind: IoFailure::of(&source),
                operation,
                path: path.to_owned(),
                source,
            }
        };
        let file = File::open(path).map_err(failed("open"))?;
        let length = file.metadata().map_err(failed("read"))?.len();
        let chunks = length.saturating_sub(FIRST_CHUNK).div_ceil(CHUNK_SIZE as u64);
        let mut log = Self { path, file, chunks, next_id: None, bytes: 0 };
        let mut header = [0; HEADER];
        log.read(0, &mut header)?;
        if !is_event_log(&header) {
            return Err(ReadError::NoEventLog { path: path.to_owned() });
        }
        log.next_id = u64_at(&header, 24);
        Ok(log)
    }

    /// The id that the next record gets, or got some time ago: the header lags behind.
    pub(super) fn next_id(&self) -> Option<u64> {
        self.next_id
    }

    /// How many chunks it has; the last one of a copy that was cut off may be there in part.
    pub(super) fn chunks(&self) -> u64 {
        self.chunks
    }

    /// The chunk with this number, from 0.
    pub(super) fn chunk(&mut self, number: u64) -> Result<Chunk, ReadError> {
        let mut bytes = vec![0; CHUNK_SIZE];
        self.read(offset(number), &mut bytes)?;
        Ok(Chunk::new(bytes))
    }

    /// What the chunk with this number begins with.
    pub(super) fn head(&mut self, number: u64) -> Result<Head, ReadError> {
        let mut bytes = [0; HEAD_SIZE];
        self.read(offset(number), &mut bytes)?;
        Ok(Head::of(&bytes))
    }

    /// Fills `buffer`; what the file does not have stays zero, also where it became shorter since it was opened.
    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadError> {
        let read = fill(&mut self.file, offset, buffer).map_err(|source| ReadError::Io {
            kind: IoFailure::of(&source),
            operation: "read",
            path: self.path.to_owned(),
            source,
        })?;
        self.bytes += read as u64;
        Ok(())
    }
}

fn offset(chunk: u64) -> u64 {
    FIRST_CHUNK.saturating_add(chunk.saturating_mul(CHUNK_SIZE as u64))
}

fn fill(file: &mut File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    file.seek(SeekFrom::Start(offset))?;
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
