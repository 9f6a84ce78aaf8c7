//! Copies of what the backup task leaves out: how far each is behind what it is a copy of.
//!
//! Where source and copy are folders, both are gone through, which may be millions of files: about a second of it in a
//! poll, and a new comparison at most once an hour. The polls between them say nothing, so what was found stays.

mod comparison;
mod lag;
#[cfg(test)]
mod tests;
mod work;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::TimeDelta;

use self::comparison::Comparison;
use self::lag::Lag;
use self::work::{Stopped, Task, Times, Work, dated};
use super::SLICE;
use super::reader::Reader;
use crate::clock::Clock;
use crate::config::{
    DEFAULT_SNAPSHOT_INTERVAL, Freshness, SiteSettings, SnapshotConfig, SupplementalConfig, is_within,
};
use crate::platform::IoFailure;
use crate::site::Timestamp;
use crate::snapshot::SupplementalCopy;
use crate::snapshot::walk::Walk;
use crate::source::{
    BlockingSource, Cursor, Fact, FailureKind, Guidance, Poll, PollFailure, Reach, SourceId, SourceKind,
    Surroundings,
};

/// One copy of something that the task leaves out.
#[derive(Debug)]
pub(in crate::source) struct SupplementalSource {
    id: SourceId,
    config: SupplementalConfig,
    /// From one poll to the next.
    interval: Duration,
    /// From one comparison to the next.
    pause: Duration,
    slice: Duration,
    /// Whether it may read below the backup's destination.
    in_destination: bool,
    clock: Clock,
    reader: Reader,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    /// When the last comparison that came to its end began.
    looked: Option<Timestamp>,
    /// The one that goes on.
    work: Option<Work>,
}

/// What is at a path.
enum Found {
    Nothing,
    File(Times),
    Folder,
}

impl SupplementalSource {
    /// This copy of this site's.
    pub(in crate::source) fn new(
        config: &SupplementalConfig,
        settings: &SiteSettings,
        surroundings: &Surroundings<'_>,
    ) -> Self {
        let snapshot = settings.snapshot.as_ref();
        let setting = format!("{} in sites[].supplemental", config.name);
        Self {
            id: SourceId { kind: SourceKind::Snapshot, location: config.path.display().to_string() },
            config: config.clone(),
            interval: snapshot.map_or(DEFAULT_SNAPSHOT_INTERVAL, |snapshot| snapshot.interval),
            pause: settings.timings.supplemental_interval,
            slice: SLICE,
            in_destination: snapshot.is_some_and(|snapshot| meets(config, snapshot)),
            clock: surroundings.clock,
            reader: Reader { account: surroundings.account.to_owned(), setting },
            progress: Mutex::default(),
        }
    }

    fn is_due(&self, looked: Option<Timestamp>, now: Timestamp) -> bool {
        let pause = TimeDelta::from_std(self.pause).unwrap_or(TimeDelta::MAX);
        looked.is_none_or(|looked| now < looked || now - looked >= pause)
    }

    /// What is to be done to know how fresh the copy is.
    fn begin(&self, look: Timestamp) -> Result<Task, PollFailure> {
        let path = &self.config.path;
        let copy = self.find(path)?;
        if matches!(copy, Found::Nothing) {
            let nothing = format!("nothing is at {}", path.display());
            return Ok(Task::Known(SupplementalCopy::absent(nothing)));
        }
        match &self.config.freshness {
            Freshness::Source(source) => match (self.find(source)?, copy) {
                (Found::Nothing, _) => {
                    let error = io::ErrorKind::NotFound.into();
                    Err(self.reader.failure("find the source", source, &error))
                }
                (Found::File(original), Found::File(copy)) => {
                    let mut lag = Lag::new(look);
                    let taken = lag.take(&name_of(source), original, Some(copy));
                    Ok(Task::Known(taken.map_or_else(SupplementalCopy::unknown, |()| lag.finish())))
                }
                (Found::Folder, Found::Folder) => {
                    Ok(Task::Compare(Box::new(Comparison::new(source.clone(), path.clone(), look))))
                }
                (Found::File(_), _) => Err(self.reader.malformed(source, "is a file, and its copy a folder")),
                (Found::Folder, _) => Err(self.reader.malformed(source, "is a folder, and its copy a file")),
            },
            Freshness::Marker(marker) => Ok(Task::Known(match self.find(marker)? {
                Found::File(times) => dated(times.modified, look, &name_of(marker)),
                Found::Folder => return Err(self.reader.malformed(marker, "is a folder, not a file")),
                Found::Nothing => {
                    SupplementalCopy::absent(format!("its marker {} is not there", marker.display()))
                }
            })),
            Freshness::Newest => Ok(match copy {
                Found::File(times) => Task::Known(dated(times.came(), look, &name_of(path))),
                _ => Task::Newest(Walk::new(path.clone()), None),
            }),
        }
    }

    fn find(&self, path: &Path) -> Result<Found, PollFailure> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(Found::Folder),
            Ok(metadata) => Ok(Found::File(Times::told_by(&metadata))),
            Err(error) if IoFailure::has_vanished(&error) => Ok(Found::Nothing),
            Err(error) => Err(self.reader.failure("look at", path, &error)),
        }
    }

    /// Works for a slice of time; gives back what is left to do, or what was found.
    fn go_on(&self, mut work: Work) -> Result<Result<SupplementalCopy, Work>, PollFailure> {
        let began = Instant::now();
        loop {
            match work.step(&self.config.path) {
                Ok(true) if began.elapsed() < self.slice => {}
                Ok(true) => return Ok(Err(work)),
                Ok(false) => return Ok(Ok(work.finish())),
                Err(stopped) => return self.stopped(stopped).map(Ok),
            }
        }
    }

    /// What it means that the look came to no end.
    fn stopped(&self, stopped: Stopped) -> Result<SupplementalCopy, PollFailure> {
        match stopped {
            Stopped::Unknown(why) => Ok(SupplementalCopy::unknown(why)),
            Stopped::Unread { path, error, whole } => {
                let failure = self.reader.failure("read", &path, &error);
                // A share that died is a failure; a part that this account may not see is something found.
                let dead = matches!(failure.kind, FailureKind::Timeout | FailureKind::Unreachable);
                if whole || (dead && error.raw_os_error().is_some()) {
                    return Err(failure);
                }
                Ok(SupplementalCopy::unknown(failure.message))
            }
        }
    }
}

impl BlockingSource for SupplementalSource {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn poll(&self, _: Option<&Cursor>, guidance: &Guidance) -> Result<Poll<Cursor>, PollFailure> {
        let poll = |facts, reach| Ok(Poll { facts, cursor: Cursor::Anew, reach });
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if self.in_destination && guidance.quiet.is_some() {
            progress.work = None;
            return poll(Vec::new(), Reach::Unsettled);
        }
        let now = self.clock.now();
        let work = match progress.work.take() {
            Some(work) => work,
            None if !self.is_due(progress.looked, now) => return poll(Vec::new(), Reach::CaughtUp),
            None => Work { look: now, task: self.begin(now)? },
        };
        let look = work.look;
        match self.go_on(work)? {
            Ok(copy) => {
                progress.looked = Some(look);
                poll(vec![Fact::Supplemental(self.config.name.clone(), copy)], Reach::CaughtUp)
            }
            Err(work) => {
                progress.work = Some(work);
                poll(Vec::new(), Reach::More)
            }
        }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Whether looking at this copy means to look below the destination of the backup.
fn meets(config: &SupplementalConfig, snapshot: &SnapshotConfig) -> bool {
    let looked_at = match &config.freshness {
        Freshness::Source(path) | Freshness::Marker(path) => Some(path),
        Freshness::Newest => None,
    };
    let destinations = || [Some(&snapshot.path), snapshot.database_path.as_ref()].into_iter().flatten();
    [Some(&config.path), looked_at].into_iter().flatten().any(|path| {
        // A folder that holds the destination is gone through together with it.
        destinations().any(|folder| is_within(path, folder) || is_within(folder, path))
    })
}
