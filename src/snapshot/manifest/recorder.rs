//! A manifest while the first pass writes it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::PathBuf;

use super::line::{BLOCKS_IN_LINE, End, Header, VERSION, nanoseconds};
use super::{ManifestError, ManifestPlace, Mark};
use crate::platform::private_file::create_private;
use crate::platform::put_in_place;
use crate::site::Timestamp;
use crate::snapshot::walk::Entry;

/// Writes a manifest from its beginning to its end.
#[derive(Debug)]
pub(in crate::snapshot) struct Recorder {
    out: BufWriter<File>,
    place: PathBuf,
    part: PathBuf,
    mark: Mark,
    /// Hashes in the line that is not ended.
    in_line: u64,
    /// Whether a file has been begun and not ended.
    in_file: bool,
}

impl Recorder {
    pub(super) fn create(place: &ManifestPlace, now: Timestamp) -> Result<Self, ManifestError> {
        let part = place.part();
        let file = create_private(&part).map_err(ManifestError::io("make", &part))?;
        let mut recorder = Self::of(place, file, Mark::default(), 0);
        let header = Header {
            version: VERSION,
            folder: place.folder.clone(),
            run: nanoseconds(place.run),
            recorded: now,
        };
        recorder.json(&header)?;
        recorder.text("\n")?;
        recorder.flush()?;
        Ok(recorder)
    }

    pub(super) fn resume(
        place: &ManifestPlace,
        mark: Mark,
        blocks: u64,
    ) -> Result<Option<Self>, ManifestError> {
        let part = place.part();
        let mut file = match OpenOptions::new().write(true).open(&part) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ManifestError::io("open", &part)(error)),
        };
        let mut cut = || {
            if file.metadata()?.len() < mark.bytes {
                return Ok(false);
            }
            file.set_len(mark.bytes)?;
            file.seek(SeekFrom::End(0)).map(|_| true)
        };
        let there = cut().map_err(ManifestError::io("cut back", &part))?;
        Ok(there.then(|| Self::of(place, file, mark, blocks)))
    }

    /// One that goes on behind so many blocks of a file.
    fn of(place: &ManifestPlace, file: File, mark: Mark, blocks: u64) -> Self {
        Self {
            out: BufWriter::new(file),
            place: place.path.clone(),
            part: place.part(),
            mark,
            in_line: blocks % BLOCKS_IN_LINE,
            in_file: blocks > 0,
        }
    }

    /// Takes the hash of a file's block number `block`; they come in order. The first one ends the file before it.
    pub(in crate::snapshot) fn block(
        &mut self,
        entry: &Entry,
        block: u64,
        hash: &blake3::Hash,
    ) -> Result<(), ManifestError> {
        if block == 0 {
            self.leave_file()?;
            self.in_file = true;
        }
        if self.in_line == 0 {
            self.open_line(entry, block)?;
        } else {
            self.text(",")?;
        }
        self.text(&format!("\"{}\"", hash.to_hex()))?;
        self.in_line += 1;
        if self.in_line == BLOCKS_IN_LINE { self.close_line() } else { Ok(()) }
    }

    /// The file of which `blocks` blocks were taken has no more that could be read.
    pub(in crate::snapshot) fn end_file(&mut self, entry: &Entry, blocks: u64) -> Result<(), ManifestError> {
        if blocks == 0 {
            self.leave_file()?;
            self.open_line(entry, 0)?;
            self.close_line()?;
            self.in_file = true;
        }
        self.leave_file()
    }

    /// Writes everything to the disk and puts it in its place.
    pub(in crate::snapshot) fn finish(mut self) -> Result<(), ManifestError> {
        self.leave_file()?;
        self.json(&End { end: self.mark.files })?;
        self.text("\n")?;
        self.flush()?;
        let Self { out, place, part, .. } = self;
        // Windows renames no file that is open.
        drop(out);
        put_in_place(&part, &place).map_err(ManifestError::io("rename", &part))
    }

    /// Removes what has been written; if that fails, the next pass writes over it.
    pub(super) fn discard(self) {
        let Self { out, part, .. } = self;
        // Windows may keep the name of a file that is open.
        drop(out);
        let _ = fs::remove_file(part);
    }

    pub(super) fn flush(&mut self) -> Result<(), ManifestError> {
        let flushed = self.out.flush().and_then(|()| self.out.get_ref().sync_data());
        flushed.map_err(ManifestError::io("write", &self.part))
    }

    pub(super) fn mark(&self) -> Mark {
        self.mark
    }

    fn open_line(&mut self, entry: &Entry, from: u64) -> Result<(), ManifestError> {
        self.text("{\"path\":")?;
        self.json(&entry.path)?;
        self.text(&format!(",\"size\":{},\"modified\":", entry.size))?;
        self.json(&entry.modified.and_then(nanoseconds))?;
        self.text(&format!(",\"from\":{from},\"slices\":["))
    }

    /// Ends the file that has been begun.
    fn leave_file(&mut self) -> Result<(), ManifestError> {
        if self.in_line > 0 {
            self.close_line()?;
        }
        self.mark.files += u64::from(std::mem::take(&mut self.in_file));
        Ok(())
    }

    fn close_line(&mut self) -> Result<(), ManifestError> {
        self.in_line = 0;
        self.text("]}\n")
    }

    fn json(&mut self, value: &impl serde::Serialize) -> Result<(), ManifestError> {
        let text = serde_json::to_string(value).map_err(io::Error::from);
        self.text(&text.map_err(ManifestError::io("write", &self.part))?)
    }

    fn text(&mut self, text: &str) -> Result<(), ManifestError> {
        self.out.write_all(text.as_bytes()).map_err(ManifestError::io("write", &self.part))?;
        self.mark.bytes += text.len() as u64;
        Ok(())
    }
}
