//! What earlier polls read and what need not be read again while it looks the same from outside.
//!
//! A copy has the times of its source, so a file is known by the time at which it came to its place as well; where the
//! file system does not tell that, nothing is known. What changes deep inside a copy shows neither in its folder nor in
//! its log, so even a copy at rest is walked once an hour.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;

use crate::site::Timestamp;
use crate::snapshot::walk::timestamp;
use crate::snapshot::{ArchiveContent, ArchiveCopy, Headers, OWN_LOG};

/// A copy that has not changed for so long is no longer walked at each poll,
const AT_REST: TimeDelta = TimeDelta::days(1);
/// but after this time.
const WALKED_EVERY: TimeDelta = TimeDelta::hours(1);

/// By what a file is known again: its size, and when it was written and came to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Face {
    pub(super) size: u64,
    pub(super) modified: Option<Timestamp>,
    pub(super) created: Option<Timestamp>,
}

impl Face {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let time = |time: io::Result<_>| time.ok().and_then(timestamp);
        Self { size: metadata.len(), modified: time(metadata.modified()), created: time(metadata.created()) }
    }
}

/// What was read of the files that were seen last.
#[derive(Debug)]
pub(super) struct FileCache<T> {
    before: BTreeMap<PathBuf, (Face, T)>,
    now: BTreeMap<PathBuf, (Face, T)>,
}

/// The headers of data files.
pub(super) type HeaderCache = FileCache<Headers>;

impl<T> Default for FileCache<T> {
    fn default() -> Self {
        Self { before: BTreeMap::new(), now: BTreeMap::new() }
    }
}

impl<T: Clone> FileCache<T> {
    /// Another look begins: what it does not come across is forgotten with the next one.
    pub(super) fn turn(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }

    /// What this file holds, read only if that is not known.
    pub(super) fn of(
        &mut self,
        location: &Path,
        face: Face,
        read: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let known = self.now.remove(location).or_else(|| self.before.remove(location));
        let held = match known.filter(|(known, _)| *known == face && face.created.is_some()) {
            Some((_, held)) => held,
            None => read()?,
        };
        self.now.insert(location.to_owned(), (face, held.clone()));
        Ok(held)
    }
}

/// What tells without a walk that something else was put in a copy's place: its folder and its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CopyFace {
    folder: Option<Face>,
    log: Option<Face>,
}

impl CopyFace {
    pub(super) fn of(folder: &Path) -> Self {
        let face = |path: &Path| fs::metadata(path).ok().map(|metadata| Face::of(&metadata));
        Self { folder: face(folder), log: face(&folder.join(OWN_LOG)) }
    }
}

/// The copies that were walked.
#[derive(Debug, Default)]
pub(super) struct KnownCopies(BTreeMap<PathBuf, KnownCopy>);

#[derive(Debug)]
struct KnownCopy {
    face: CopyFace,
    walked: Timestamp,
    /// Since when it has been as it is.
    since: Timestamp,
    copy: ArchiveCopy,
}

impl KnownCopies {
    /// A copy that need not be walked now.
    pub(super) fn at_rest(&self, path: &Path, face: CopyFace, now: Timestamp) -> Option<ArchiveCopy> {
        let known = self.0.get(path).filter(|known| known.face == face && face.folder.is_some())?;
        let is_fresh = known.walked <= now && now - known.walked < WALKED_EVERY;
        (is_fresh && known.walked - known.since >= AT_REST).then(|| known.copy.clone())
    }

    /// A copy was walked, and looked so before that; one that cannot be read is walked again.
    pub(super) fn walked(&mut self, path: PathBuf, face: CopyFace, now: Timestamp, copy: &ArchiveCopy) {
        let before = self.0.remove(&path);
        if matches!(&copy.content, ArchiveContent::Folder { survey, .. } if survey.unreadable == 0) {
            let same =
                before.filter(|known| known.since <= now && known.copy.signature() == copy.signature());
            let since = same.map_or(now, |known| known.since);
            self.0.insert(path, KnownCopy { face, walked: now, since, copy: copy.clone() });
        }
    }

    /// Forgets all others.
    pub(super) fn keep_only(&mut self, copies: &[ArchiveCopy]) {
        self.0.retain(|path, _| copies.iter().any(|copy| Path::new(&copy.path) == path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_by_all_its_times_is_not_read_again() {
        let whole =
            Face { size: 1, modified: Some(Timestamp::UNIX_EPOCH), created: Some(Timestamp::UNIX_EPOCH) };
        let without_creation = Face { created: None, ..whole };
        for (faces, expected) in [
            ([whole, whole], 1),
            ([whole, Face { size: 2, ..whole }], 2),
            ([whole, without_creation], 2),
            // An MDF keeps its size and its time from night to night.
            ([without_creation, without_creation], 2),
        ] {
            let (mut cache, mut reads) = (FileCache::default(), 0);
            for face in faces {
                cache.turn();
                let read = || {
                    reads += 1;
                    Ok(reads)
                };
                assert_eq!(cache.of(Path::new("x"), face, read).unwrap(), reads);
            }
            assert_eq!(reads, expected, "{faces:?}");
        }
    }
}
