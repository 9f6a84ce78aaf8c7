//! The copies of snapshots that lie elsewhere: what a pattern matches, or what lies beside the destination.
//!
//! Folders are walked like the destination's and asked for their own log; a single file is only measured. A copy that
//! disappears meanwhile is not one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::folder::{FolderWalk, HeaderCache, Slice};
use super::{Reader, SLICE, place};
use crate::clock::Clock;
use crate::config::{ArchiveConfig, SnapshotConfig};
use crate::platform::IoFailure;
use crate::site::SiteCode;
use crate::snapshot::walk::timestamp;
use crate::snapshot::{
    ArchiveContent, ArchiveCopy, DATABASE_FOLDER, DISCOVERED, Found, OWN_LOG, PathPattern, Search, Surveyor,
    own_run,
};
use crate::source::{
    BlockingSource, Cursor, Fact, Guidance, Poll, PollFailure, Reach, SourceId, SourceKind, Surroundings,
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
    /// Nobody configured them: only what looks like a snapshot is one.
    discovers: bool,
    installation: Option<PathBuf>,
    interval: Duration,
    clock: Clock,
    reader: Reader,
    phrases: Phrases,
    warned_of_too_many: AtomicBool,
    work: Mutex<Work>,
}

/// What goes on from one poll to the next.
#[derive(Debug, Default)]
struct Work {
    stage: Option<Stage>,
    headers: HeaderCache,
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
    walk: Option<(PathBuf, FolderWalk)>,
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
                work.headers.turn();
                Stage::Search(Search::new(&self.pattern))
            }
        };
        loop {
            stage = match stage {
                Stage::Search(search) => self.search(search)?,
                Stage::Look(mut look) => {
                    if !self.look(&mut look, until, &mut work.headers)? {
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
        let Found { mut folders, files, left_out } = search.finish();
        if left_out > 0 && !self.warned_of_too_many.swap(true, Ordering::Relaxed) {
            let (site, path) = (self.site, &self.id.location);
            tracing::warn!(%site, path, left_out, "archive has too many copies; the first by name are not looked at");
        }
        // From the end, which is the newest by name.
        folders.reverse();
        let files = if self.discovers { Vec::new() } else { files };
        let (folders, files) = (folders.into_iter(), files.into_iter());
        Ok(Stage::Look(Box::new(Look { folders, files, walk: None, copies: Vec::new() })))
    }

    /// A slice of a walk, or the next copy; whether there was one.
    fn look(&self, look: &mut Look, until: Instant, headers: &mut HeaderCache) -> Result<bool, PollFailure> {
        if let Some((path, walk)) = look.walk.take() {
            match walk.go_on(until, headers, &self.reader)? {
                Slice::More(walk) => look.walk = Some((path, walk)),
                Slice::End { surveyor, .. } => look.copies.push(self.folder(&path, surveyor)),
                Slice::Gone => {}
            }
        } else if let Some(path) = look.folders.next() {
            if !self.discovers || looks_like_a_snapshot(&path) {
                let walk = FolderWalk::begin(path.clone(), self.clock.now(), &self.reader)?;
                look.walk = walk.map(|walk| (path, walk));
            }
        } else if let Some(path) = look.files.next() {
            look.copies.extend(self.file(&path)?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn folder(&self, path: &Path, mut surveyor: Surveyor) -> ArchiveCopy {
        let log = path.join(OWN_LOG);
        let run = own_run(&log, self.site, &self.phrases).unwrap_or_else(|error| {
            surveyor.unreadable(self.reader.failure("read", &log, &error).message);
            None
        });
        let content = ArchiveContent::Folder { survey: surveyor.finish(), run };
        ArchiveCopy { path: path.display().to_string(), content }
    }

    fn file(&self, path: &Path) -> Result<Option<ArchiveCopy>, PollFailure> {
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() => metadata,
            Ok(_) => return Ok(None),
            Err(error) if IoFailure::has_vanished(&error) => return Ok(None),
            Err(error) => return Err(self.reader.failure("open", path, &error)),
        };
        let (size, modified) = (metadata.len(), metadata.modified().ok().and_then(timestamp));
        let content = ArchiveContent::File { size, modified };
        Ok(Some(ArchiveCopy { path: path.display().to_string(), content }))
    }
}

/// Whether a folder beside the destination's is a snapshot under another name: no site's own, and with a part of one.
fn looks_like_a_snapshot(folder: &Path) -> bool {
    let name = folder.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let is_own = name.strip_suffix("backup").is_some_and(|code| code.parse::<SiteCode>().is_ok());
    let has = |part: &str| fs::metadata(folder.join(part)).is_ok_and(|part| part.is_dir());
    !is_own && (has("SiteServer") || has(DATABASE_FOLDER))
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
        // Taken out, so that a poll that fails or panics leaves nothing half done.
        let mut work = std::mem::take(&mut *kept);
        let mut facts = Vec::new();
        if guidance.quiet.is_some() {
            return Ok(Poll { facts, cursor: Cursor::Anew, reach: Reach::Unsettled });
        }
        let reach = self.go_on(&mut work, &mut facts)?;
        *kept = work;
        Ok(Poll { facts, cursor: Cursor::Anew, reach })
    }
}

#[cfg(test)]
impl ArchiveSource {
    /// As after a poll whose slice was over before it had walked over this folder, its last.
    pub(super) fn leave_half_done(&self, folder: &Path) {
        let walk = FolderWalk::begin(folder.to_owned(), self.clock.now(), &self.reader).unwrap().unwrap();
        let (walk, none) = (Some((folder.to_owned(), walk)), || Vec::new().into_iter());
        let look = Look { folders: none(), files: none(), walk, copies: Vec::new() };
        self.work.lock().unwrap().stage = Some(Stage::Look(Box::new(look)));
    }

    pub(super) fn is_half_done(&self) -> bool {
        self.work.lock().unwrap().stage.is_some()
    }
}
