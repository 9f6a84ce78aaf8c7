//! The copies of snapshots that lie elsewhere: what a pattern matches, or what lies beside the destination.
//!
//! Folders are walked like the destination's and asked for their own log; a single file is only measured. A copy that
//! disappears meanwhile is not one, and one that cannot be read hides no other. The snapshot itself is never a copy.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::folder::{FolderWalk, Slice};
use super::known::{CopyFace, Face, FileCache, HeaderCache, KnownCopies};
use super::{Reader, SLICE, place};
use crate::clock::Clock;
use crate::config::{ArchiveConfig, SnapshotConfig, same_path};
use crate::platform::IoFailure;
use crate::site::SiteCode;
use crate::snapshot::walk::timestamp;
use crate::snapshot::{
    ArchiveContent, ArchiveCopy, DATABASE_FOLDER, DISCOVERED, Found, OWN_LOG, OwnRun, PathPattern, Search,
    Surveyor, is_packed, own_run,
};
use crate::source::{
    BlockingSource, Cursor, Fact, FailureKind, Guidance, Poll, PollFailure, Reach, SourceId, SourceKind,
    Surroundings,
};
use crate::trace::Phrases;

/// After a slice of its work this source rests as long: archives are large, and their machines have other work.
const REST: Duration = SLICE;

/// All copies of one archive.
#[derive(Debug)]
pub(in crate::source) struct ArchiveSource {
    id: SourceId,
    name: String,
    site: SiteCode,
    pattern: PathPattern,
    /// The folders of the snapshot itself.
    own: Vec<PathBuf>,
    /// Nobody configured them: only what looks like a snapshot is one.
    discovers: bool,
    installation: Option<PathBuf>,
    interval: Duration,
    clock: Clock,
    reader: Reader,
    phrases: Phrases,
    warned_of_too_many: AtomicBool,
    warned_of_closed: AtomicBool,
    work: Mutex<Work>,
}

/// What goes on from one poll to the next.
#[derive(Debug, Default)]
struct Work {
    stage: Option<Stage>,
    known: Known,
}

/// What earlier polls have read.
#[derive(Debug, Default)]
struct Known {
    headers: HeaderCache,
    runs: FileCache<Option<OwnRun>>,
    copies: KnownCopies,
}

#[derive(Debug)]
enum Stage {
    Search(Search),
    Look(Box<Look>),
}

/// Going through what was found.
#[derive(Debug)]
struct Look {
    folders: std::vec::IntoIter<PathBuf>,
    files: std::vec::IntoIter<PathBuf>,
    walk: Option<(PathBuf, CopyFace, FolderWalk)>,
    copies: Vec<ArchiveCopy>,
}

impl ArchiveSource {
    /// What somebody configured.
    pub(in crate::source) fn new(
        site: SiteCode,
        archive: &ArchiveConfig,
        config: &SnapshotConfig,
        phrases: Phrases,
        surroundings: &Surroundings<'_>,
    ) -> Self {
        Self {
            id: SourceId { kind: SourceKind::Snapshot, location: archive.pattern.display().to_string() },
            name: archive.name.clone(),
            site,
            pattern: PathPattern::new(&archive.pattern),
            own: config.folders(site).into_iter().map(|(_, folder)| folder.into()).collect(),
            discovers: false,
            installation: config.installation.clone(),
            interval: config.interval,
            clock: surroundings.clock,
            reader: Reader {
                account: surroundings.account.to_owned(),
                setting: "sites[].snapshot.archives".to_owned(),
            },
            phrases,
            warned_of_too_many: AtomicBool::new(false),
            warned_of_closed: AtomicBool::new(false),
            work: Mutex::default(),
        }
    }

    /// What lies beside the destination's folder, where nobody configured an archive.
    pub(in crate::source) fn discovered(
        site: SiteCode,
        config: &SnapshotConfig,
        phrases: Phrases,
        surroundings: &Surroundings<'_>,
    ) -> Self {
        let archive = ArchiveConfig {
            name: DISCOVERED.to_owned(),
            pattern: config.path.clone(),
            max_age: None,
            verify: false,
        };
        let pattern = PathPattern::children(&config.path);
        Self { pattern, discovers: true, ..Self::new(site, &archive, config, phrases, surroundings) }
    }

    fn go_on(&self, work: &mut Work, facts: &mut Vec<Fact>) -> Result<Reach, PollFailure> {
        let until = Instant::now() + SLICE;
        let mut stage = match work.stage.take() {
            Some(stage) => stage,
            None => {
                // The destination's own disk is told of by its own source.
                if !self.discovers {
                    let place = place(self.pattern.root(), self.installation.as_deref(), &self.reader)?;
                    facts.push(Fact::Place(self.name.clone(), place));
                }
                work.known.headers.turn();
                work.known.runs.turn();
                Stage::Search(Search::new(&self.pattern))
            }
        };
        loop {
            stage = match stage {
                Stage::Search(search) => self.search(search)?,
                Stage::Look(mut look) => {
                    if !self.look(&mut look, until, &mut work.known)? {
                        work.known.copies.keep_only(&look.copies);
                        look.copies.sort_by(|one, other| one.path.cmp(&other.path));
                        facts.push(Fact::Archives(self.name.clone(), look.copies));
                        return Ok(Reach::CaughtUp);
                    }
                    Stage::Look(look)
                }
            };
            if Instant::now() >= until {
                work.stage = Some(stage);
                return Ok(Reach::MoreAfter(REST));
            }
        }
    }

    fn search(&self, mut search: Search) -> Result<Stage, PollFailure> {
        let goes_on = search.step(&self.pattern);
        if goes_on.map_err(|error| self.reader.failure("list", &error.path, &error.error))? {
            return Ok(Stage::Search(search));
        }
        let Found { mut folders, files, left_out, closed, first_closed } = search.finish();
        if left_out > 0 && !self.warned_of_too_many.swap(true, Ordering::Relaxed) {
            let (site, path) = (self.site, &self.id.location);
            tracing::warn!(%site, path, left_out, "archive has too many copies; the first by name are not looked at");
        }
        if let Some(first) = first_closed
            && !self.warned_of_closed.swap(true, Ordering::Relaxed)
        {
            let (site, path) = (self.site, &self.id.location);
            tracing::warn!(%site, path, closed, %first, "folders cannot be listed; archives in them are not seen");
        }
        folders.retain(|path| !self.own.iter().any(|own| same_path(own, path)));
        // From the end, which is the newest by name.
        folders.reverse();
        let files = if self.discovers { Vec::new() } else { files };
        let (folders, files) = (folders.into_iter(), files.into_iter());
        Ok(Stage::Look(Box::new(Look { folders, files, walk: None, copies: Vec::new() })))
    }

    /// A slice of a walk, or the next copy; whether there was one.
    fn look(&self, look: &mut Look, until: Instant, known: &mut Known) -> Result<bool, PollFailure> {
        if let Some((path, face, walk)) = look.walk.take() {
            match walk.go_on(until, &mut known.headers, &self.reader) {
                Ok(Slice::More(walk)) => look.walk = Some((path, face, walk)),
                Ok(Slice::End { surveyor, .. }) => {
                    if let Some(copy) = self.folder(&path, surveyor, known) {
                        known.copies.walked(path, face, self.clock.now(), &copy);
                        look.copies.push(copy);
                    }
                }
                Ok(Slice::Gone) => {}
                Err(failure) => look.copies.push(self.closed(&path, failure)?),
            }
        } else if let Some(path) = look.folders.next() {
            self.begin(path, look, known)?;
        } else if let Some(path) = look.files.next() {
            look.copies.extend(self.file(&path)?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn begin(&self, path: PathBuf, look: &mut Look, known: &mut Known) -> Result<(), PollFailure> {
        let (now, face) = (self.clock.now(), CopyFace::of(&path));
        if let Some(copy) = known.copies.at_rest(&path, face, now) {
            look.copies.push(copy);
        } else if !self.discovers || self.discovers_in(&path, known) {
            match FolderWalk::begin(path.clone(), now, &self.reader) {
                Ok(walk) => look.walk = walk.map(|walk| (path, face, walk)),
                Err(failure) => look.copies.push(self.closed(&path, failure)?),
            }
        }
        Ok(())
    }

    /// Whether a folder that nobody configured is a copy of this site's snapshot, or a log that nobody can read hides it.
    fn discovers_in(&self, path: &Path, known: &mut Known) -> bool {
        looks_like_a_snapshot(path, self.site) && self.run(path, known).transpose().is_some()
    }

    fn folder(&self, path: &Path, mut surveyor: Surveyor, known: &mut Known) -> Option<ArchiveCopy> {
        let run = match self.run(path, known) {
            Ok(None) if self.discovers => return None,
            Ok(run) => run,
            Err(failure) => {
                surveyor.unreadable(failure.message);
                None
            }
        };
        let content = ArchiveContent::Folder { survey: surveyor.finish(), run };
        Some(ArchiveCopy { path: path.display().to_string(), content })
    }

    /// The run that a copy's own log tells of.
    fn run(&self, folder: &Path, known: &mut Known) -> Result<Option<OwnRun>, PollFailure> {
        let log = folder.join(OWN_LOG);
        let read = match fs::metadata(&log) {
            Ok(metadata) => {
                let read = || own_run(&log, self.site, &self.phrases);
                known.runs.of(&log, Face::of(&metadata), read)
            }
            Err(error) if IoFailure::has_vanished(&error) => Ok(None),
            Err(error) => Err(error),
        };
        read.map_err(|error| self.reader.failure("read", &log, &error))
    }

    fn file(&self, path: &Path) -> Result<Option<ArchiveCopy>, PollFailure> {
        if !path.file_name().is_some_and(|name| is_packed(&name.to_string_lossy())) {
            return Ok(None);
        }
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() => metadata,
            Ok(_) => return Ok(None),
            Err(error) if IoFailure::has_vanished(&error) => return Ok(None),
            Err(error) => return self.closed(path, self.reader.failure("open", path, &error)).map(Some),
        };
        let (size, modified) = (metadata.len(), metadata.modified().ok().and_then(timestamp));
        let content = ArchiveContent::File { size, modified };
        Ok(Some(ArchiveCopy { path: path.display().to_string(), content }))
    }

    /// A copy that this account may not read, of which nothing is known; any other failure is the archive's.
    fn closed(&self, path: &Path, failure: PollFailure) -> Result<ArchiveCopy, PollFailure> {
        if !matches!(failure.kind, FailureKind::AccessDenied | FailureKind::Locked) {
            return Err(failure);
        }
        let mut surveyor = Surveyor::new(self.clock.now(), None);
        surveyor.unreadable(failure.message);
        let content = ArchiveContent::Folder { survey: surveyor.finish(), run: None };
        Ok(ArchiveCopy { path: path.display().to_string(), content })
    }
}

/// Whether a folder beside the destination's has a part of a snapshot and not the name of another site's.
fn looks_like_a_snapshot(folder: &Path, site: SiteCode) -> bool {
    let name = folder.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let code = name.get(..3).filter(|code| code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let is_named = name.get(3..9).is_some_and(|word| word.eq_ignore_ascii_case("Backup"));
    let is_foreign = is_named && code.is_some_and(|code| !code.eq_ignore_ascii_case(&site.to_string()));
    let has = |part: &str| fs::metadata(folder.join(part)).is_ok_and(|part| part.is_dir());
    !is_foreign && (has("SiteServer") || has(DATABASE_FOLDER))
}

impl BlockingSource for ArchiveSource {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn poll(&self, _: Option<&Cursor>, guidance: &Guidance) -> Result<Poll<Cursor>, PollFailure> {
        let mut kept = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let mut facts = Vec::new();
        if guidance.quiet.is_some() {
            kept.stage = None;
            return Ok(Poll { facts, cursor: Cursor::Anew, reach: Reach::Unsettled });
        }
        // Taken out, so that a poll that panics leaves nothing half done; one that fails keeps what was known before.
        let mut work = std::mem::take(&mut *kept);
        let reach = self.go_on(&mut work, &mut facts);
        *kept = work;
        let reach = reach?;
        Ok(Poll { facts, cursor: Cursor::Anew, reach })
    }
}

#[cfg(test)]
impl ArchiveSource {
    /// As after a poll whose slice was over before it had walked over this folder, its last.
    pub(super) fn leave_half_done(&self, folder: &Path) {
        let walk = FolderWalk::begin(folder.to_owned(), self.clock.now(), &self.reader).unwrap().unwrap();
        let walk = Some((folder.to_owned(), CopyFace::of(folder), walk));
        let none = || Vec::new().into_iter();
        let look = Look { folders: none(), files: none(), walk, copies: Vec::new() };
        self.work.lock().unwrap().stage = Some(Stage::Look(Box::new(look)));
    }

    pub(super) fn is_half_done(&self) -> bool {
        self.work.lock().unwrap().stage.is_some()
    }
}
