//! One pass over everything below a folder: every byte is read once, pages are judged, blocks compared.
//!
//! It goes on in slices, holds nothing of the folder open between two of them, and can be taken up again in another
//! process from the last whole block, with the same result. What disappears meanwhile ends it without a result: deleting
//! a snapshot is the backup's good right, but nobody can vouch for it then. It neither waits nor knows when it must keep
//! quiet.

mod budget;
mod database;
mod hive_sample;
mod position;
mod reading;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fs;
use std::io;
use std::path::PathBuf;

pub use self::budget::Budget;
use self::database::Databases;
pub use self::position::{Begun, Lost, Position, SliceEnd};
pub use self::reading::BLOCK;
use self::reading::{CHUNK, Reading, Stopped};
use super::component::{DataFileKind, OWN_LOG};
use super::finding::Finding;
use super::manifest::{Comparison, Ledger, ManifestError, ManifestPlace, Mark, Passed};
use super::verification::Verification;
use super::walk::{Entry, Step, Unread, Walk, compare};
use crate::platform::IoFailure;

/// A pass that goes on in slices.
#[derive(Debug)]
pub struct Pass {
    root: PathBuf,
    steps: Steps,
    databases: Option<Databases>,
    reading: Option<Reading>,
    position: Position,
    /// Where the manifest was when the position was reached.
    mark: Mark,
    ledger: Ledger,
    verification: Verification,
    buffer: Vec<u8>,
}

/// Where files come from.
#[derive(Debug)]
enum Steps {
    Walk(Box<Walk>),
    /// One file that was named.
    One(Option<Entry>),
}

impl Pass {
    /// A pass over a folder from its beginning, without a manifest.
    pub fn of_folder(root: PathBuf, verification: Verification) -> Self {
        let steps = Steps::Walk(Box::new(Walk::new(root.clone())));
        Self::new(root, steps, Position::default(), Ledger::Without, verification)
    }

    /// A pass over one file of a database.
    pub fn of_file(entry: Entry, kind: DataFileKind, verification: Verification) -> Self {
        let mut verification = verification;
        let databases = Databases::of_file(&entry, kind, &mut verification);
        let (root, steps) = (entry.location.clone(), Steps::One(Some(entry)));
        let pass = Self::new(root, steps, Position::default(), Ledger::Without, verification);
        Self { databases: Some(databases), ..pass }
    }

    /// A pass over a folder from its beginning, which records its files or compares them with what is recorded.
    pub fn begin(
        root: PathBuf,
        manifest: &ManifestPlace,
        verification: Verification,
    ) -> Result<Self, ManifestError> {
        let ledger = manifest.begin(verification.started)?;
        Ok(Self { mark: ledger.mark(), ledger, ..Self::of_folder(root, verification) })
    }

    /// A pass that goes on from a position; `None` if it has to begin anew: the manifest does not reach the position, or
    /// that is the beginning, where what was found so far would be found again.
    pub fn resume(
        root: PathBuf,
        manifest: &ManifestPlace,
        comparing: bool,
        mark: Mark,
        position: Position,
        verification: Verification,
    ) -> Result<Option<Self>, ManifestError> {
        if position == Position::default() {
            return Ok(None);
        }
        let blocks = position.begun.as_ref().map_or(0, |begun| begun.blocks);
        let ledger = manifest.resume(comparing, mark, blocks)?;
        Ok(ledger.map(|ledger| Self::at(root, position, ledger, verification)))
    }

    fn at(root: PathBuf, position: Position, ledger: Ledger, verification: Verification) -> Self {
        let walk = match &position.done {
            Some(path) => Walk::after(root.clone(), path),
            None => Walk::new(root.clone()),
        };
        Self::new(root, Steps::Walk(Box::new(walk)), position, ledger, verification)
    }

    fn new(
        root: PathBuf,
        steps: Steps,
        position: Position,
        ledger: Ledger,
        verification: Verification,
    ) -> Self {
        let (mark, buffer) = (ledger.mark(), vec![0; CHUNK]);
        Self { root, steps, databases: None, reading: None, position, mark, ledger, verification, buffer }
    }

    /// What comes next; whatever has been read of a block that is not whole will be read again.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// How far the manifest goes with that position.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// Whether it compares with a manifest.
    pub fn compares(&self) -> bool {
        matches!(self.ledger, Ledger::Comparing(_))
    }

    /// What was found up to the position.
    pub fn verification(&self) -> &Verification {
        &self.verification
    }

    /// What was found.
    pub fn into_verification(self) -> Verification {
        self.verification
    }

    /// The file that is being read, and how many bytes of it have been.
    pub fn current(&self) -> Option<(&str, u64)> {
        self.reading.as_ref().map(|reading| (reading.entry.path.as_str(), reading.at))
    }

    /// Reads on until the budget is spent; what it recorded of the position is on the disk when it returns.
    ///
    /// After [`SliceEnd::Gone`] there is nothing to go on with: what it recorded has been removed.
    pub fn slice(&mut self, budget: &mut Budget) -> Result<SliceEnd, Lost> {
        let end = self.advance(budget)?;
        match end {
            SliceEnd::Gone => self.ledger.discard(),
            SliceEnd::More | SliceEnd::Done => self.ledger.flush()?,
        }
        Ok(end)
    }

    fn advance(&mut self, budget: &mut Budget) -> Result<SliceEnd, Lost> {
        let mut databases = match self.databases.take() {
            Some(databases) => databases,
            // A pass that has come anywhere has judged them.
            None => match Databases::of_folder(&self.root, self.position == Position::default()) {
                Ok(databases) => databases,
                Err(error) if has_vanished(&error) => return Ok(SliceEnd::Gone),
                Err(error) => return Err(self.lost(error)),
            },
        };
        let is_judged = databases.judge(budget, &mut self.verification);
        let has_vanished = databases.vanished;
        self.databases = Some(databases);
        if has_vanished || !is_judged {
            return Ok(if has_vanished { SliceEnd::Gone } else { SliceEnd::More });
        }
        loop {
            let end = match self.reading.take() {
                Some(reading) => self.read(reading, budget)?,
                None => self.step()?,
            };
            match end {
                Some(SliceEnd::Done) => return self.finish(),
                Some(end) => return Ok(end),
                None if budget.is_spent() => return Ok(SliceEnd::More),
                None => {}
            }
        }
    }

    /// Takes the next step of the walk; `None` means to go on.
    fn step(&mut self) -> Result<Option<SliceEnd>, Lost> {
        let step = match &mut self.steps {
            Steps::Walk(walk) => walk.next(),
            Steps::One(entry) => entry.take().map(Step::File),
        };
        if self.has_lost(step.as_ref()) {
            return Ok(Some(SliceEnd::Gone));
        }
        match step {
            None => return Ok(Some(SliceEnd::Done)),
            Some(Step::Folder(_)) => {}
            Some(Step::File(entry)) => self.begin_file(entry)?,
            Some(Step::Unread(Unread { path, failure, error })) if path.is_empty() => {
                return match failure {
                    IoFailure::NotFound => Ok(Some(SliceEnd::Gone)),
                    _ => Err(self.lost(error)),
                };
            }
            Some(Step::Unread(Unread { path, failure, error })) => {
                self.require_root(failure)?;
                // A walk that is taken up again tells once more of a folder that it could not read.
                if self.position.done.as_deref() != Some(&path) {
                    self.verification.unread(format!("{path}: {error}"));
                }
                self.pass_over(&path)?;
                self.leave(&path)?;
                if !self.is_behind(&path) {
                    self.reach(path);
                }
            }
        }
        Ok(None)
    }

    /// Whether something has disappeared that was to be read, or to be read on.
    fn has_lost(&self, step: Option<&Step>) -> bool {
        if let Steps::Walk(walk) = &self.steps
            && walk.vanished() > 0
        {
            return true;
        }
        let Some(begun) = &self.position.begun else { return false };
        match step {
            None => true,
            Some(Step::Folder(_)) => false,
            Some(Step::File(entry)) => entry.path != begun.path,
            Some(Step::Unread(unread)) => !self.is_behind(&unread.path),
        }
    }

    /// Whether a path has been dealt with, or is a folder on the way to what has been.
    fn is_behind(&self, path: &str) -> bool {
        self.position.done.as_deref().is_some_and(|done| compare(path, done) != Ordering::Greater)
    }

    fn begin_file(&mut self, entry: Entry) -> Result<(), Lost> {
        self.pass_over(&entry.path)?;
        let begun = self.position.begun.take();
        let kind = self.databases.as_ref().and_then(|databases| databases.kind_of(&entry.path));
        let mut reading = Reading::new(entry, kind, self.ledger.hashes());
        if let Some(begun) = &begun {
            reading.resume(begun);
        } else if let Ledger::Comparing(comparison) = &self.ledger
            && !is_own_log(&reading.entry.path)
        {
            match comparison.is_as_recorded(&reading.entry) {
                Some(true) => {}
                Some(false) => {
                    let found = format!("{} bytes, written {}", reading.entry.size, written(&reading.entry));
                    reading.changed(difference(comparison, &reading.entry.path, found));
                }
                None => reading.added(),
            }
        }
        self.reading = Some(reading);
        Ok(())
    }

    /// Reads on in a file, which is open only meanwhile.
    fn read(&mut self, mut reading: Reading, budget: &mut Budget) -> Result<Option<SliceEnd>, Lost> {
        match self.read_blocks(&mut reading, budget) {
            Ok(true) => {}
            Ok(false) => {
                self.reading = Some(reading);
                return Ok(Some(SliceEnd::More));
            }
            Err(Stopped::Manifest(error)) => return Err(error.into()),
            Err(Stopped::Read(error)) if has_vanished(&error) => return Ok(Some(SliceEnd::Gone)),
            Err(Stopped::Read(error)) => {
                self.require_root(IoFailure::of(&error))?;
                let (path, at) = (&reading.entry.path, reading.at);
                if !self.databases.as_ref().is_some_and(|databases| databases.is_unread(path)) {
                    self.verification.unread(format!("{path}, from byte {at} on: {error}"));
                }
            }
            // ConfigMgr writes its log after everything else.
            Err(Stopped::Changed) if is_own_log(&reading.entry.path) => {}
            Err(Stopped::Changed) => {
                self.verification.unread(format!("{}: it changed while it was read", reading.entry.path));
            }
        }
        self.end_file(reading)?;
        Ok(None)
    }

    /// Whether the file has been read to its end.
    fn read_blocks(&mut self, reading: &mut Reading, budget: &mut Budget) -> Result<bool, Stopped> {
        let mut file = reading.open()?;
        while let Some(length) = reading.next_length() {
            if !budget.takes(length) {
                return Ok(false);
            }
            let Some(bytes) = usize::try_from(length).ok().and_then(|length| self.buffer.get_mut(..length))
            else {
                return Err(Stopped::Changed);
            };
            reading.take(&mut file, bytes)?;
            if let Some(hash) = reading.end_of_block() {
                self.end_block(reading, hash)?;
            }
        }
        Ok(true)
    }

    fn end_block(&mut self, reading: &mut Reading, hash: Option<blake3::Hash>) -> Result<(), ManifestError> {
        let (path, block) = (&reading.entry.path, reading.blocks);
        if let Some(hash) = hash.filter(|_| !is_own_log(path)) {
            match &mut self.ledger {
                Ledger::Recording(recorder) => recorder.block(&reading.entry, block, &hash)?,
                Ledger::Comparing(comparison) if !reading.is_changed => {
                    if !comparison.holds(path, block, &hash)? {
                        let found =
                            format!("other contents at bytes {} to {}", block * BLOCK, reading.at - 1);
                        let finding = difference(comparison, path, found);
                        reading.changed(finding);
                    }
                }
                Ledger::Comparing(_) | Ledger::Without => {}
            }
        }
        reading.blocks += 1;
        if let Some(begun) = reading.begun() {
            reading.pending.hand_over(&mut self.verification);
            self.position.begun = Some(begun);
            self.mark = self.ledger.mark();
        }
        Ok(())
    }

    fn end_file(&mut self, mut reading: Reading) -> Result<(), Lost> {
        if let Ledger::Recording(recorder) = &mut self.ledger
            && !is_own_log(&reading.entry.path)
        {
            recorder.end_file(&reading.entry, reading.blocks)?;
        }
        reading.judge_hive();
        self.leave(&reading.entry.path)?;
        reading.pending.hand_over(&mut self.verification);
        self.verification.files += 1;
        self.reach(reading.entry.path);
        Ok(())
    }

    /// Everything up to this path has been dealt with.
    fn reach(&mut self, path: String) {
        self.position = Position { done: Some(path), begun: None };
        self.mark = self.ledger.mark();
    }

    /// Goes on in the manifest to a path; what is recorded before it is missing.
    fn pass_over(&mut self, path: &str) -> Result<(), ManifestError> {
        self.pass_over_until(Some(path))
    }

    fn pass_over_until(&mut self, path: Option<&str>) -> Result<(), ManifestError> {
        if let Ledger::Comparing(comparison) = &mut self.ledger {
            while let Some(missing) = comparison.passed(path, Passed::Before)? {
                self.verification.missing(difference(comparison, &missing, "nothing".to_owned()));
            }
            self.mark = self.ledger.mark();
        }
        Ok(())
    }

    /// Leaves what is recorded of a path, and below it, behind.
    fn leave(&mut self, path: &str) -> Result<(), ManifestError> {
        if let Ledger::Comparing(comparison) = &mut self.ledger {
            while comparison.passed(Some(path), Passed::Below)?.is_some() {}
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<SliceEnd, Lost> {
        match fs::symlink_metadata(&self.root) {
            Err(error) if has_vanished(&error) => return Ok(SliceEnd::Gone),
            Err(error) => return Err(self.lost(error)),
            Ok(_) => {}
        }
        self.pass_over_until(None)?;
        if let Ledger::Recording(recorder) = std::mem::replace(&mut self.ledger, Ledger::Without) {
            recorder.finish()?;
        }
        Ok(SliceEnd::Done)
    }

    /// Tells a dead share from a file that cannot be read.
    fn require_root(&self, failure: IoFailure) -> Result<(), Lost> {
        if !matches!(failure, IoFailure::Unreachable | IoFailure::Timeout) {
            return Ok(());
        }
        match fs::metadata(&self.root) {
            Err(error) if !has_vanished(&error) => Err(self.lost(error)),
            _ => Ok(()),
        }
    }

    fn lost(&self, source: io::Error) -> Lost {
        Lost::Folder { folder: self.root.clone(), failure: IoFailure::of(&source), source }
    }
}

fn is_own_log(path: &str) -> bool {
    path.eq_ignore_ascii_case(OWN_LOG)
}

fn has_vanished(error: &io::Error) -> bool {
    IoFailure::has_vanished(error)
}

fn difference(comparison: &Comparison, path: &str, found: String) -> Finding {
    let day = comparison.recorded().format("%Y-%m-%d");
    Finding::damaged(path, format!("the contents recorded on {day}"), found)
}

fn written(entry: &Entry) -> String {
    entry
        .modified
        .map_or("at an unknown time".to_owned(), |time| time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}
