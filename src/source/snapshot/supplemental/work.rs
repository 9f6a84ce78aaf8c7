//! A look at one copy, in steps that can be spread over polls.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;

use super::comparison::{Comparison, file_of};
use crate::site::Timestamp;
use crate::snapshot::SupplementalCopy;
use crate::snapshot::walk::{Entry, Walk, timestamp};

/// A time so far ahead is wrong; less may be two clocks that differ, or a time zone.
const AHEAD: TimeDelta = TimeDelta::days(1);

/// A look that goes on.
#[derive(Debug)]
pub(super) struct Work {
    /// When it began, which is what ages are measured from.
    pub(super) look: Timestamp,
    pub(super) task: Task,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Task {
    /// Source and copy are folders.
    Compare(Box<Comparison>),
    /// The file below the path that came there last.
    Newest(Walk, Option<(Timestamp, String)>),
    /// There is nothing to go through.
    Known(SupplementalCopy),
}

/// When a file was written and when it came to its place, as far as the file system says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) modified: Option<Timestamp>,
    pub(super) created: Option<Timestamp>,
}

/// Why nothing can be said.
#[derive(Debug)]
pub(super) enum Stopped {
    /// A part cannot be read, or the whole.
    Unread { path: PathBuf, error: io::Error, whole: bool },
    /// In words.
    Unknown(String),
}

impl Work {
    /// One step; `false` if there is none left.
    pub(super) fn step(&mut self, root: &Path) -> Result<bool, Stopped> {
        match &mut self.task {
            Task::Compare(comparison) => comparison.step(),
            Task::Newest(walk, newest) => {
                let Some(step) = walk.next() else { return Ok(false) };
                if let Some(entry) = file_of(step, root)? {
                    let came = Times::of(&entry).came();
                    let came = came.ok_or_else(|| Stopped::Unknown(format!("{} has no time", entry.path)))?;
                    if newest.as_ref().is_none_or(|(newest, _)| came > *newest) {
                        *newest = Some((came, entry.path));
                    }
                }
                Ok(true)
            }
            Task::Known(_) => Ok(false),
        }
    }

    pub(super) fn finish(self) -> SupplementalCopy {
        match self.task {
            Task::Compare(comparison) => comparison.finish(),
            Task::Newest(_, Some((came, path))) => dated(Some(came), self.look, &path),
            Task::Newest(_, None) => SupplementalCopy::absent("no file is there".to_owned()),
            Task::Known(copy) => copy,
        }
    }
}

impl Times {
    pub(super) fn of(entry: &Entry) -> Self {
        Self { modified: entry.modified, created: entry.created }
    }

    pub(super) fn told_by(metadata: &Metadata) -> Self {
        let known = |time: io::Result<_>| time.ok().and_then(timestamp);
        Self { modified: known(metadata.modified()), created: known(metadata.created()) }
    }

    /// When the file came to its place: a copy may have the time of its source as that of its last change.
    pub(super) fn came(self) -> Option<Timestamp> {
        self.created.or(self.modified)
    }
}

impl Stopped {
    pub(super) fn at(path: &Path, error: io::Error, whole: bool) -> Self {
        Self::Unread { path: path.to_owned(), error, whole }
    }
}

/// A copy that is as new as one file.
pub(super) fn dated(time: Option<Timestamp>, look: Timestamp, file: &str) -> SupplementalCopy {
    match time {
        None => SupplementalCopy::unknown(format!("{file} has no time")),
        Some(time) if time - look > AHEAD => SupplementalCopy::unknown(format!(
            "{file} is of {}, which is yet to come; check the clock of the machine that writes it",
            time.format("%F")
        )),
        Some(time) => SupplementalCopy {
            current_to: Some(time.min(look)),
            because: format!("{file} is of {}", time.format("%F %H:%M UTC")),
            unreadable: None,
        },
    }
}
