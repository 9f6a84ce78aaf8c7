//! One folder of a backup, walked in slices: what is in it, and what could not be read.
//!
//! That something disappears under the walk is no failure, because deleting and renaming is the backup's good right.
//! But then what was seen is neither what was there before nor what is there now, and the walk says so.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use super::known::{Face, HeaderCache};
use super::reader::Reader;
use crate::platform::IoFailure;
use crate::site::Timestamp;
use crate::snapshot::walk::{Entry, Step, Unread, Walk, timestamp};
use crate::snapshot::{DataFile, Surveyor, read_headers};
use crate::source::PollFailure;

/// A walk over one folder that has not come to its end.
#[derive(Debug)]
pub(super) struct FolderWalk {
    folder: PathBuf,
    walk: Walk,
    surveyor: Surveyor,
    disturbed: bool,
}

/// How far a slice came.
#[derive(Debug)]
pub(super) enum Slice {
    /// There is more.
    More(FolderWalk),
    /// All was seen.
    End {
        /// What was seen.
        surveyor: Surveyor,
        /// Whether something disappeared meanwhile.
        disturbed: bool,
    },
    /// The folder is not there.
    Gone,
}

impl FolderWalk {
    /// Begins; `None` if there is no such folder.
    pub(super) fn begin(
        folder: PathBuf,
        started: Timestamp,
        reader: &Reader,
    ) -> Result<Option<Self>, PollFailure> {
        let metadata = match fs::metadata(&folder) {
            Ok(metadata) if metadata.is_dir() => metadata,
            Ok(_) => return Ok(None),
            Err(error) if IoFailure::has_vanished(&error) => return Ok(None),
            Err(error) => return Err(reader.failure("open", &folder, &error)),
        };
        let modified = metadata.modified().ok().and_then(timestamp);
        let (walk, surveyor) = (Walk::new(folder.clone()), Surveyor::new(started, modified));
        Ok(Some(Self { folder, walk, surveyor, disturbed: false }))
    }

    /// Goes on until that moment, but by one step at least.
    pub(super) fn go_on(
        mut self,
        until: Instant,
        headers: &mut HeaderCache,
        reader: &Reader,
    ) -> Result<Slice, PollFailure> {
        while let Some(step) = self.walk.next() {
            match step {
                Step::Folder(_) => {}
                Step::File(entry) => self.file(&entry, headers, reader),
                Step::Unread(unread) if unread.path.is_empty() => {
                    if IoFailure::has_vanished(&unread.error) {
                        return Ok(Slice::Gone);
                    }
                    return Err(reader.failure("list", &self.folder, &unread.error));
                }
                Step::Unread(unread) => self.unread(&unread, reader)?,
            }
            if Instant::now() >= until {
                return Ok(Slice::More(self));
            }
        }
        match fs::metadata(&self.folder) {
            Err(error) if IoFailure::has_vanished(&error) => Ok(Slice::Gone),
            Err(error) => Err(reader.failure("open", &self.folder, &error)),
            Ok(_) => {
                let disturbed = self.disturbed || self.walk.vanished() > 0;
                Ok(Slice::End { surveyor: self.surveyor, disturbed })
            }
        }
    }

    fn file(&mut self, entry: &Entry, headers: &mut HeaderCache, reader: &Reader) {
        let Some(kind) = self.surveyor.file(entry) else { return };
        let Entry { ref path, ref location, size, modified, created } = *entry;
        let face = Face { size, modified, created };
        let headers = match headers.of(location, face, || read_headers(location, path, kind, size)) {
            Err(error) if IoFailure::has_vanished(&error) => {
                self.disturbed = true;
                return;
            }
            read => read.map_err(|error| reader.failure("read", location, &error).message),
        };
        self.surveyor.data_file(DataFile { path: path.clone(), kind, size, modified, headers });
    }

    /// Counts what cannot be read, unless that is all there is: a share that went away says so for each file.
    fn unread(&mut self, unread: &Unread, reader: &Reader) -> Result<(), PollFailure> {
        if matches!(unread.failure, IoFailure::Unreachable | IoFailure::Timeout)
            && let Err(error) = fs::metadata(&self.folder)
            && !IoFailure::has_vanished(&error)
        {
            return Err(reader.failure("open", &self.folder, &error));
        }
        let path = self.folder.join(&unread.path);
        self.surveyor.unreadable(reader.failure("read", &path, &unread.error).message);
        Ok(())
    }
}
