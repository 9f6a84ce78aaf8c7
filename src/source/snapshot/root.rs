//! A folder of the snapshot in the backup destination, and the log that the task leaves in it.
//!
//! The walk comes first and its result waits for the log, so that what the log tells of the run is known when the
//! files are judged, and nothing is said to have been read up to a moment that lies before it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::folder::{FolderWalk, Slice};
use super::known::HeaderCache;
use super::{Reader, SLICE, place};
use crate::clock::Clock;
use crate::config::{SnapshotConfig, SnapshotRoot};
use crate::platform::IoFailure;
use crate::site::{ClosedSet, SiteCode, Witness};
use crate::snapshot::{OWN_LOG, Survey, Surveyor};
use crate::source::backup_log::{News, WitnessLog};
use crate::source::{
    BlockingSource, Cursor, Fact, Guidance, Poll, PollFailure, Reach, SourceId, SourceKind, Surroundings,
};
use crate::trace::Phrases;

/// So much of the destination's log is read in one poll, which a slow share gives in a second: what most runs write.
const LOG_BUDGET: u64 = 512 << 10;

/// One folder of the snapshot.
#[derive(Debug)]
pub(in crate::source) struct RootSource {
    id: SourceId,
    root: SnapshotRoot,
    /// The folder that holds the snapshot's.
    path: PathBuf,
    folder: PathBuf,
    /// Only the site's part has one.
    log: Option<WitnessLog>,
    installation: Option<PathBuf>,
    interval: Duration,
    clock: Clock,
    reader: Reader,
    work: Mutex<Work>,
}

/// What goes on from one poll to the next.
#[derive(Debug, Default)]
struct Work {
    stage: Option<Stage>,
    headers: HeaderCache,
    /// Whether something disappeared under the last walk.
    disturbed: bool,
}

#[derive(Debug)]
enum Stage {
    Walk(FolderWalk),
    Log(Surveyor),
}

impl RootSource {
    /// The site's part, with the task's own log in it.
    pub(in crate::source) fn site(
        site: SiteCode,
        config: &SnapshotConfig,
        phrases: Phrases,
        surroundings: &Surroundings<'_>,
    ) -> Self {
        let source = Self::new(SnapshotRoot::Site, site, &config.path, config, surroundings);
        let path = source.folder.join(OWN_LOG);
        Self { log: Some(WitnessLog::new(Witness::DestinationLog, site, path, phrases)), ..source }
    }

    /// The database's part, where it goes elsewhere.
    pub(in crate::source) fn database(
        site: SiteCode,
        config: &SnapshotConfig,
        surroundings: &Surroundings<'_>,
    ) -> Option<Self> {
        let path = config.database_path.as_deref()?;
        Some(Self::new(SnapshotRoot::Database, site, path, config, surroundings))
    }

    fn new(
        root: SnapshotRoot,
        site: SiteCode,
        path: &Path,
        config: &SnapshotConfig,
        surroundings: &Surroundings<'_>,
    ) -> Self {
        let folder = path.join(format!("{site}Backup"));
        let setting = match root {
            SnapshotRoot::Site => "sites[].snapshot.path",
            SnapshotRoot::Database => "sites[].snapshot.database_path",
        };
        Self {
            id: SourceId { kind: SourceKind::Snapshot, location: folder.display().to_string() },
            root,
            path: path.to_owned(),
            folder,
            log: None,
            installation: config.installation.clone(),
            interval: config.interval,
            clock: surroundings.clock,
            reader: Reader { account: surroundings.account.to_owned(), setting: setting.to_owned() },
            work: Mutex::default(),
        }
    }

    /// Does a slice of the work, and keeps what is left of it.
    fn go_on(
        &self,
        work: &mut Work,
        cursor: &mut Cursor,
        facts: &mut Vec<Fact>,
    ) -> Result<Reach, PollFailure> {
        let until = Instant::now() + SLICE;
        let stage = match work.stage.take() {
            Some(stage) => stage,
            None => match self.begin(work, facts)? {
                Some(walk) => Stage::Walk(walk),
                None => return Ok(Reach::CaughtUp),
            },
        };
        let surveyor = match stage {
            Stage::Log(surveyor) => surveyor,
            Stage::Walk(walk) => match walk.go_on(until, &mut work.headers, &self.reader)? {
                Slice::More(walk) => {
                    work.stage = Some(Stage::Walk(walk));
                    return Ok(Reach::More);
                }
                Slice::Gone => {
                    self.absent(facts);
                    return Ok(Reach::CaughtUp);
                }
                // Looked at again, but not for ever: what always changes is seen as it is.
                Slice::End { disturbed: true, .. } if !work.disturbed => {
                    work.disturbed = true;
                    return Ok(Reach::Unsettled);
                }
                Slice::End { surveyor, disturbed } => {
                    work.disturbed = disturbed;
                    surveyor
                }
            },
        };
        self.end(surveyor, work, cursor, facts)
    }

    /// Looks at the disk; `None` if there is nothing to walk over.
    fn begin(&self, work: &mut Work, facts: &mut Vec<Fact>) -> Result<Option<FolderWalk>, PollFailure> {
        let place = place(&self.path, self.installation.as_deref(), &self.reader)?;
        let exists = place.exists;
        facts.push(Fact::Place(self.root.label().to_owned(), place));
        if !exists {
            self.absent(facts);
            return Ok(None);
        }
        work.headers.turn();
        let walk = FolderWalk::begin(self.folder.clone(), self.clock.now(), &self.reader)?;
        if walk.is_none() {
            self.absent(facts);
        }
        Ok(walk)
    }

    /// The folder is not there, and so neither is its log; whether its disk is, the place tells.
    fn absent(&self, facts: &mut Vec<Fact>) {
        facts.extend(self.log.as_ref().map(|_| Fact::Silent(Witness::DestinationLog)));
        facts.push(Fact::Survey(self.root, Survey::absent(self.clock.now())));
    }

    /// Reads the log, and once it is read tells what was seen.
    fn end(
        &self,
        mut surveyor: Surveyor,
        work: &mut Work,
        cursor: &mut Cursor,
        facts: &mut Vec<Fact>,
    ) -> Result<Reach, PollFailure> {
        let mut reach = Reach::CaughtUp;
        if let Some(log) = &self.log {
            match log.news(Some(&*cursor), LOG_BUDGET) {
                Ok(News { facts: told, cursor: next, reach: read, .. }) => {
                    facts.extend(told);
                    *cursor = next;
                    reach = read;
                }
                Err(error) => {
                    facts.push(Fact::Silent(Witness::DestinationLog));
                    if error.kind != IoFailure::NotFound {
                        let failure = self.reader.failure(error.operation, &error.path, &error.source);
                        surveyor.unreadable(failure.message);
                    }
                }
            }
        }
        if matches!(reach, Reach::More | Reach::MoreAfter(_)) {
            work.stage = Some(Stage::Log(surveyor));
        } else {
            facts.push(Fact::Survey(self.root, surveyor.finish()));
        }
        Ok(reach)
    }
}

impl BlockingSource for RootSource {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn witness(&self) -> Option<Witness> {
        self.log.as_ref().map(|_| Witness::DestinationLog)
    }

    fn poll(&self, cursor: Option<&Cursor>, guidance: &Guidance) -> Result<Poll<Cursor>, PollFailure> {
        let mut kept = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken out, so that a poll that fails or panics leaves nothing half done.
        let mut work = std::mem::take(&mut *kept);
        let fresh = || match &self.log {
            Some(_) => Cursor::Log(Default::default()),
            None => Cursor::Anew,
        };
        let mut cursor = cursor.cloned().unwrap_or_else(fresh);
        if guidance.quiet.is_some() {
            return Ok(Poll { facts: Vec::new(), cursor, reach: Reach::Unsettled });
        }
        let mut facts = Vec::new();
        let reach = self.go_on(&mut work, &mut cursor, &mut facts)?;
        *kept = work;
        Ok(Poll { facts, cursor, reach })
    }
}

#[cfg(test)]
impl RootSource {
    /// As after a poll whose slice was over before its walk.
    pub(super) fn leave_half_done(&self) {
        self.leave_half_done_after(0);
    }

    /// The same after so many steps.
    pub(super) fn leave_half_done_after(&self, steps: usize) {
        let walk = FolderWalk::begin(self.folder.clone(), self.clock.now(), &self.reader).unwrap().unwrap();
        let walk = (0..steps).fold(walk, |walk, _| {
            match walk.go_on(Instant::now(), &mut HeaderCache::default(), &self.reader).unwrap() {
                Slice::More(walk) => walk,
                ended => panic!("{ended:?}"),
            }
        });
        self.work.lock().unwrap().stage = Some(Stage::Walk(walk));
    }

    pub(super) fn is_half_done(&self) -> bool {
        self.work.lock().unwrap().stage.is_some()
    }
}
