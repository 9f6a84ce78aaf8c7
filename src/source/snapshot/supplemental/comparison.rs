//! Two trees side by side: each file of the source with what the copy has of it.
//!
//! Both walks give their files in one order, so the trees are gone through once, in steps, with little in memory. A file
//! that the copy seems to lack is asked for by its path as well: Windows calls a name the same in another case.

use std::fs;
use std::path::{Path, PathBuf};

use super::lag::Lag;
use super::{Stopped, Times};
use crate::platform::IoFailure;
use crate::site::Timestamp;
use crate::snapshot::SupplementalCopy;
use crate::snapshot::walk::{Entry, Step, Walk, compare};

/// A comparison that goes on.
#[derive(Debug)]
pub(super) struct Comparison {
    source: Tree,
    copy: Tree,
    /// Whether the copy's walk may have more.
    copy_goes_on: bool,
    lag: Lag,
}

/// A walk and the file that it has come to.
#[derive(Debug)]
struct Tree {
    root: PathBuf,
    walk: Walk,
    file: Option<Entry>,
}

impl Comparison {
    /// Compares two folders; reads nothing yet.
    pub(super) fn new(source: PathBuf, copy: PathBuf, look: Timestamp) -> Self {
        Self { source: Tree::new(source), copy: Tree::new(copy), copy_goes_on: true, lag: Lag::new(look) }
    }

    /// One step; `false` if there is none left.
    pub(super) fn step(&mut self) -> Result<bool, Stopped> {
        let Some(source) = &self.source.file else { return self.source.advance() };
        if self.copy.file.is_none() && self.copy_goes_on {
            self.copy_goes_on = self.copy.advance()?;
            return Ok(true);
        }
        match &self.copy.file {
            // Something that the source no longer has.
            Some(copy) if compare(&copy.path, &source.path).is_lt() => self.copy.file = None,
            Some(copy) if copy.path == source.path => {
                let (source, copy) = (self.source.file.take(), self.copy.file.take());
                self.judge(source, copy.map(|copy| Times::of(&copy)))?;
            }
            _ => {
                let copy = self.same_in_another_case(source)?;
                let source = self.source.file.take();
                self.judge(source, copy)?;
            }
        }
        Ok(true)
    }

    /// What was found when no step is left.
    pub(super) fn finish(self) -> SupplementalCopy {
        self.lag.finish()
    }

    fn judge(&mut self, source: Option<Entry>, copy: Option<Times>) -> Result<(), Stopped> {
        source.map_or(Ok(()), |source| {
            self.lag.take(&source.path, Times::of(&source), copy).map_err(Stopped::Unknown)
        })
    }

    /// What lies where the copy of this file should be, if it matters.
    fn same_in_another_case(&self, source: &Entry) -> Result<Option<Times>, Stopped> {
        let matters = self.lag.if_missing(Times::of(source)).is_some_and(|lag| self.lag.is_exceeded_by(lag));
        let Ok(path) = source.location.strip_prefix(&self.source.root) else { return Ok(None) };
        if !matters {
            return Ok(None);
        }
        let path = self.copy.root.join(path);
        match fs::symlink_metadata(&path) {
            Ok(metadata) => Ok(metadata.is_file().then(|| Times::told_by(&metadata))),
            Err(error) if IoFailure::has_vanished(&error) => Ok(None),
            Err(error) => Err(Stopped::at(&path, error, false)),
        }
    }
}

impl Tree {
    fn new(root: PathBuf) -> Self {
        Self { walk: Walk::new(root.clone()), root, file: None }
    }

    /// Takes one step of the walk; `false` if there is none left.
    fn advance(&mut self) -> Result<bool, Stopped> {
        let Some(step) = self.walk.next() else { return Ok(false) };
        self.file = file_of(step, &self.root)?;
        Ok(true)
    }
}

/// The file that a step of a walk below `root` came to.
pub(super) fn file_of(step: Step, root: &Path) -> Result<Option<Entry>, Stopped> {
    match step {
        Step::File(entry) => Ok(Some(entry)),
        Step::Folder(_) => Ok(None),
        Step::Unread(unread) => {
            Err(Stopped::at(&root.join(&unread.path), unread.error, unread.path.is_empty()))
        }
    }
}
