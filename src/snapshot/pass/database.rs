//! Which files are a database's, and what their headers say of each other: looked at once, before anything is read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

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
    /// Those below a folder; judges them if `judge` is given.
    pub(super) fn of_folder(root: &Path, judge: Option<&mut Verification>) -> io::Result<Self> {
        let mut is_snapshot = false;
        let mut databases = Vec::new();
        for entry in fs::read_dir(root)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let is = |part: &&str| name.eq_ignore_ascii_case(part);
            is_snapshot |= ["SiteServer", DATABASE_FOLDER, "CD.Latest"].iter().any(is);
            if is(&DATABASE_FOLDER) {
                databases.push(name);
            }
        }
        let layout = if is_snapshot { Layout::Snapshot } else { Layout::Loose };
        let mut found = Self { layout, unread: BTreeSet::new(), vanished: false };
        let Some(verification) = judge else { return Ok(found) };
        match layout {
            Layout::Snapshot => {
                for name in databases {
                    let mut walk = Walk::new(root.join(&name));
                    let files = walk.by_ref().filter_map(|step| match step {
                        Step::File(entry) => Some(Entry { path: format!("{name}/{}", entry.path), ..entry }),
                        _ => None,
                    });
                    found.judge(files, |_| String::new(), verification);
                    found.vanished |= walk.vanished() > 0;
                }
            }
            _ => {
                let mut walk = Walk::new(root.to_owned());
                let files = walk.by_ref().filter_map(|step| match step {
                    Step::File(entry) => Some(entry),
                    _ => None,
                });
                let folder = |path: &str| path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
                found.judge(files, folder, verification);
                found.vanished |= walk.vanished() > 0;
            }
        }
        Ok(found)
    }

    /// One file, which is judged by itself.
    pub(super) fn of_file(entry: &Entry, kind: DataFileKind, verification: &mut Verification) -> Self {
        let mut found = Self { layout: Layout::One(kind), unread: BTreeSet::new(), vanished: false };
        found.judge(std::iter::once(entry.clone()), |_| String::new(), verification);
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

    fn judge(
        &mut self,
        files: impl Iterator<Item = Entry>,
        group: impl Fn(&str) -> String,
        verification: &mut Verification,
    ) {
        let mut groups: BTreeMap<String, Vec<DataFile>> = BTreeMap::new();
        for entry in files {
            let Some(kind) = self.kind_of(&entry.path) else { continue };
            let files = groups.entry(group(&entry.path)).or_default();
            if files.len() == MAX_DATA_FILES {
                continue;
            }
            let Entry { path, location, size, modified, .. } = entry;
            match read_headers(&location, &path, kind, size) {
                Ok(headers) => files.push(DataFile { path, kind, size, modified, headers: Ok(headers) }),
                Err(error) if IoFailure::has_vanished(&error) => self.vanished = true,
                Err(error) => {
                    verification.unread(format!("{path}: {error}"));
                    self.unread.insert(path);
                }
            }
        }
        for finding in groups.values().flat_map(|files| judge_database(files, ExpectedName::Any)) {
            verification.find(finding);
        }
    }
}
