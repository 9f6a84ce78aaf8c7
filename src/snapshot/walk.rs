//! The files below a folder, in an order that never changes, one step at a time.
//!
//! No handle is open between two steps: a folder is listed at once, closed, and only then gone through. Links, junctions
//! and whatever else is neither a file nor a folder are not followed and not given. What disappears between its listing
//! and its turn is passed over and only counted, since deleting a tree under a walk is the backup's good right.

mod listing;

use std::cmp::Ordering;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) use self::listing::timestamp;
use self::listing::{Facts, Kind, Listed};
use crate::platform::IoFailure;
use crate::site::Timestamp;

/// A walk has at most so many entries in memory; a folder that would add more is not read. No snapshot comes near.
const ENTRIES_LIMIT: usize = 250_000;

/// A depth-first walk; each step lists at most one folder or looks at one file, unless these have disappeared.
///
/// The root is followed if it is a link.
#[derive(Debug)]
pub struct Walk {
    /// Until it has been listed.
    root: Option<PathBuf>,
    /// The folders from the root down to the one that is gone through, with what is left of them.
    folders: Vec<Folder>,
    /// The components to skip to, deepest first, while the listings on the way there are not read.
    skipping: Option<Vec<String>>,
    vanished: u64,
}

/// One step of a walk.
#[derive(Debug)]
pub enum Step {
    /// A file.
    File(Entry),
    /// The path of a folder that was listed, before what is in it; the root's is empty.
    Folder(String),
    /// What could not be read. The walk goes on behind it, even where a share is dead: its caller knows when to stop.
    Unread(Unread),
}

/// A file as the file system describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the root, with `/` between components; what is not Unicode is written so that names stay different.
    pub path: String,
    /// Where to open it; other than `path` it has the true name.
    pub location: PathBuf,
    /// In bytes.
    pub size: u64,
    /// When its content was last written, where the file system says so.
    pub modified: Option<Timestamp>,
    /// When it came to this place, where the file system says so.
    pub created: Option<Timestamp>,
}

/// A folder that could not be listed, or a file that could not be looked at.
#[derive(Debug)]
pub struct Unread {
    /// As in [`Entry`]; empty for the root, which is the only one that is ever reported as not found.
    pub path: String,
    /// What the error means to an operator.
    pub failure: IoFailure,
    /// The system's own words.
    pub error: io::Error,
}

#[derive(Debug)]
struct Folder {
    path: String,
    location: PathBuf,
    left: std::vec::IntoIter<Listed>,
}

impl Walk {
    /// All of it; reads nothing yet.
    pub fn new(root: PathBuf) -> Self {
        Self { root: Some(root), folders: Vec::new(), skipping: None, vanished: 0 }
    }

    /// Only what comes after this path, whether or not it is still there.
    ///
    /// Folders on the way that cannot be read are reported, although they come before it.
    pub fn after(root: PathBuf, path: &str) -> Self {
        let parts = path.split('/').rev().map(str::to_owned).collect();
        Self { skipping: Some(parts), ..Self::new(root) }
    }

    /// How many files and folders had disappeared when their turn came.
    pub fn vanished(&self) -> u64 {
        self.vanished
    }

    /// Lists a folder and goes on in it; nothing is told of one that has disappeared.
    fn enter(&mut self, path: String, location: PathBuf) -> Option<Step> {
        let skipping = self.skipping.take();
        let told = skipping.is_none();
        let held: usize = self.folders.iter().map(|folder| folder.left.len()).sum();
        match listing::list(&location, ENTRIES_LIMIT.saturating_sub(held)) {
            Ok(mut entries) => {
                self.skipping = skipping.and_then(|parts| skip(&mut entries, parts));
                self.folders.push(Folder { path: path.clone(), location, left: entries.into_iter() });
                told.then_some(Step::Folder(path))
            }
            Err(error) => self.unread(path, error),
        }
    }

    fn file(&mut self, path: String, location: PathBuf, facts: Option<Facts>) -> Option<Step> {
        match facts.map_or_else(|| listing::look(&location), |facts| Ok(Some(facts))) {
            Ok(Some(Facts { size, modified, created })) => {
                Some(Step::File(Entry { path, location, size, modified, created }))
            }
            Ok(None) => {
                self.vanished += 1;
                None
            }
            Err(error) => self.unread(path, error),
        }
    }

    fn unread(&mut self, path: String, error: io::Error) -> Option<Step> {
        if !path.is_empty() && IoFailure::has_vanished(&error) {
            self.vanished += 1;
            return None;
        }
        Some(Step::Unread(Unread { path, failure: IoFailure::of(&error), error }))
    }
}

impl Iterator for Walk {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if let Some(root) = self.root.take()
            && let Some(step) = self.enter(String::new(), root)
        {
            return Some(step);
        }
        loop {
            let folder = self.folders.last_mut()?;
            let Some(Listed { name, odd, kind }) = folder.left.next() else {
                self.folders.pop();
                continue;
            };
            let location = folder.location.join(odd.as_deref().map_or(Path::new(&name), Path::new));
            let path = if folder.path.is_empty() { name } else { format!("{}/{name}", folder.path) };
            let step = match kind {
                Kind::Folder => self.enter(path, location),
                Kind::File(facts) => self.file(path, location, facts),
            };
            if step.is_some() {
                return step;
            }
        }
    }
}

/// The order of a walk: component by component, each by its bytes.
pub fn compare(one: &str, other: &str) -> Ordering {
    one.split('/').cmp(other.split('/'))
}

/// Removes what does not come after the path in `parts`; the rest of these if they lead into the first entry.
fn skip(entries: &mut Vec<Listed>, mut parts: Vec<String>) -> Option<Vec<String>> {
    let part = parts.pop()?;
    let before = entries.partition_point(|entry| entry.name < part);
    let found = entries.get(before).filter(|entry| entry.name == part).map(|entry| &entry.kind);
    let enters = matches!(found, Some(Kind::Folder));
    let passed = matches!(found, Some(Kind::File(_)));
    entries.drain(..before + usize::from(passed));
    enters.then_some(parts)
}

#[cfg(test)]
mod tests;
