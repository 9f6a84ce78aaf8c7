//! Which files are a database's, and what their headers say of each other: looked at once, before anything is read.
//!
//! In a folder that is no snapshot they can lie anywhere, so the look goes on in slices like the pass itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use super::Budget;
use crate::platform::IoFailure;
use crate::snapshot::component::{DATABASE_FOLDER, DataFileKind};
use crate::snapshot::database::{ExpectedName, judge_database};
use crate::snapshot::headers::read_headers;
use crate::snapshot::survey::DataFile;
use crate::snapshot::verification::Verification;
use crate::snapshot::walk::{Entry, Step, Walk};

/// So many files of one database are looked at; ConfigMgr has two.
const MAX_DATA_FILES: usize = 256;

/// Where files of a database lie.
#[derive(Debug)]
pub(super) struct Databases {
    layout: Layout,
    /// Those whose headers could not be read, which has been counted.
    unread: BTreeSet<String>,
    /// Whether something disappeared meanwhile.
    pub(super) vanished: bool,
    /// Until everything has been looked at.
    judging: Option<Judging>,
}

/// A look at headers that goes on.
#[derive(Debug, Default)]
struct Judging {
    /// What is left to walk through, each with what comes before its paths.
    walks: Vec<(String, Walk)>,
    /// The files of each database.
    groups: BTreeMap<String, Vec<DataFile>>,
}

#[derive(Debug, Clone, Copy)]
enum Layout {
    /// In `SiteDBServer` and nowhere else: what else a snapshot holds is files like any other.
    Snapshot,
    /// Anywhere; those in one folder are one database.
    Loose,
    /// It is the only file.
    One(DataFileKind),
}

impl Databases {
    /// Those below a folder, which are still to be judged if `judges`.
    pub(super) fn of_folder(root: &Path, judges: bool) -> io::Result<Self> {
        let mut is_snapshot = false;
        let mut walks = Vec::new();
        for entry in fs::read_dir(root)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let is = |part: &&str| name.eq_ignore_ascii_case(part);
            is_snapshot |= ["SiteServer", DATABASE_FOLDER, "CD.Latest"].iter().any(is);
            if is(&DATABASE_FOLDER) {
                walks.push((format!("{name}/"), Walk::new(root.join(&name))));
            }
        }
        if !is_snapshot {
            walks = vec![(String::new(), Walk::new(root.to_owned()))];
        }
        let layout = if is_snapshot { Layout::Snapshot } else { Layout::Loose };
        let judging = judges.then(|| Judging { walks, ..Judging::default() });
        Ok(Self { judging, ..Self::new(layout) })
    }

    fn new(layout: Layout) -> Self {
        Self { layout, unread: BTreeSet::new(), vanished: false, judging: None }
    }

    /// One file, which is judged by itself.
    pub(super) fn of_file(entry: &Entry, kind: DataFileKind, verification: &mut Verification) -> Self {
        let mut found = Self::new(Layout::One(kind));
        let mut groups = BTreeMap::new();
        found.look(entry.clone(), &mut groups, verification);
        judge(&groups, verification);
        found
    }

    /// What a file of the database is; `None` for any other file.
    pub(super) fn kind_of(&self, path: &str) -> Option<DataFileKind> {
        match self.layout {
            Layout::One(kind) => Some(kind),
            Layout::Loose => DataFileKind::of(path),
            Layout::Snapshot => {
                let (folder, _) = path.split_once('/')?;
                DataFileKind::of(path).filter(|_| folder.eq_ignore_ascii_case(DATABASE_FOLDER))
            }
        }
    }

    /// Whether it has been counted that this file cannot be read.
    pub(super) fn is_unread(&self, path: &str) -> bool {
        self.unread.contains(path)
    }

    /// Looks on until the budget is spent; whether everything has been looked at and judged.
    pub(super) fn judge(&mut self, budget: &Budget, verification: &mut Verification) -> bool {
        let Some(mut judging) = self.judging.take() else { return true };
        while let Some((prefix, mut walk)) = judging.walks.pop() {
            while let Some(step) = walk.next() {
                if let Step::File(entry) = step {
                    let entry = Entry { path: format!("{prefix}{}", entry.path), ..entry };
                    self.look(entry, &mut judging.groups, verification);
                }
                if budget.is_spent() {
                    judging.walks.push((prefix, walk));
                    self.judging = Some(judging);
                    return false;
                }
            }
            self.vanished |= walk.vanished() > 0;
        }
        judge(&judging.groups, verification);
        true
    }

    fn look(
        &mut self,
        entry: Entry,
        groups: &mut BTreeMap<String, Vec<DataFile>>,
        verification: &mut Verification,
    ) {
        let Some(kind) = self.kind_of(&entry.path) else { return };
        let Entry { path, location, size, modified, .. } = entry;
        let folder = match self.layout {
            Layout::Snapshot => path.split_once('/'),
            Layout::Loose | Layout::One(_) => path.rsplit_once('/'),
        };
        let files = groups.entry(folder.map_or("", |(folder, _)| folder).to_owned()).or_default();
        if files.len() == MAX_DATA_FILES {
            return;
        }
        match read_headers(&location, &path, kind, size) {
            Ok(headers) => files.push(DataFile { path, kind, size, modified, headers: Ok(headers) }),
            Err(error) if IoFailure::has_vanished(&error) => self.vanished = true,
            Err(error) => {
                verification.unread(format!("{path}: {error}"));
                self.unread.insert(path);
            }
        }
    }
}

fn judge(groups: &BTreeMap<String, Vec<DataFile>>, verification: &mut Verification) {
    for finding in groups.values().flat_map(|files| judge_database(files, ExpectedName::Any)) {
        verification.find(finding);
    }
}
