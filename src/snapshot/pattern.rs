//! What a path with wildcards matches: part by part, by listing folders and nothing else.
//!
//! Names are compared without regard to case, because Windows does. Each step lists one folder and closes it, so that a
//! search goes on in slices; links are not followed below the first wildcard.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};

use crate::platform::IoFailure;

/// So many matches are kept, the newest by name, and so many folders wait for their turn.
const MATCHES: usize = 512;

const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: false,
    require_literal_separator: false,
    require_literal_leading_dot: false,
};

/// A path with wildcards.
#[derive(Debug, Clone)]
pub struct PathPattern {
    root: PathBuf,
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Literal(OsString),
    Wild(Pattern),
}

impl PathPattern {
    /// Of a path whose parts are patterns; what is none stands for itself.
    pub fn new(path: &Path) -> Self {
        let mut root = PathBuf::new();
        let mut parts = Vec::new();
        for component in path.components() {
            match component {
                Component::Normal(name) => {
                    let text = name.to_str().filter(|name| name.contains(['*', '?', '[']));
                    let wild = text.and_then(|text| Pattern::new(text).ok());
                    parts.push(wild.map_or_else(|| Part::Literal(name.to_owned()), Part::Wild));
                }
                other => root.push(other),
            }
        }
        // The copy itself is not the place that it lies in, even if its name is fixed.
        let literal = parts.iter().take_while(|part| matches!(part, Part::Literal(_))).count();
        for part in parts.drain(..literal.min(parts.len().saturating_sub(1))) {
            if let Part::Literal(name) = part {
                root.push(name);
            }
        }
        Self { root, parts }
    }

    /// Everything in a folder, whose own path is not a pattern.
    pub fn children(folder: &Path) -> Self {
        let all = Pattern::new("*").map_or_else(|_| Part::Literal("*".into()), Part::Wild);
        Self { root: folder.to_owned(), parts: vec![all] }
    }

    /// The folder in which the search begins.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

/// A search while it goes on.
#[derive(Debug)]
pub struct Search {
    /// Folders with the index of the part that their entries must match.
    pending: BTreeSet<(PathBuf, usize)>,
    found: BTreeMap<PathBuf, Kind>,
    left_out: u64,
    closed: u64,
    first_closed: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Folder,
    File,
}

/// What a search found, sorted by path.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// Folders.
    pub folders: Vec<PathBuf>,
    /// Files.
    pub files: Vec<PathBuf>,
    /// Matches that are too many.
    pub left_out: u64,
    /// Folders below the first wildcard that may not be listed.
    pub closed: u64,
    /// The first of them and why.
    pub first_closed: Option<String>,
}

/// A folder that could not be listed.
#[derive(Debug, thiserror::Error)]
#[error("cannot list {}", path.display())]
pub struct SearchError {
    /// The folder.
    pub path: PathBuf,
    /// The system's own words.
    #[source]
    pub error: io::Error,
}

impl Search {
    /// A search that has not looked at anything.
    pub fn new(pattern: &PathPattern) -> Self {
        Self {
            pending: BTreeSet::from([(pattern.root.clone(), 0)]),
            found: BTreeMap::new(),
            left_out: 0,
            closed: 0,
            first_closed: None,
        }
    }

    /// Lists the next folder; whether there is another.
    ///
    /// What is not there any more is passed over, and below the first wildcard what this account may not read is only
    /// counted: a drive has System Volume Information.
    pub fn step(&mut self, pattern: &PathPattern) -> Result<bool, SearchError> {
        let Some((mut path, mut at)) = self.pending.pop_last() else { return Ok(false) };
        let is_base = at == 0;
        while let Some(Part::Literal(name)) = pattern.parts.get(at) {
            path.push(name);
            at += 1;
        }
        let looked = match pattern.parts.get(at) {
            Some(Part::Wild(wild)) => self.list(&path, wild, at + 1 == pattern.parts.len(), at + 1),
            _ => self.look(&path),
        };
        match looked {
            Err(error) if !is_base && is_closed(&error) => {
                self.closed += 1;
                self.first_closed.get_or_insert_with(|| format!("{}: {error}", path.display()));
                Ok(!self.pending.is_empty())
            }
            Err(error) if !IoFailure::has_vanished(&error) => Err(SearchError { path, error }),
            _ => Ok(!self.pending.is_empty()),
        }
    }

    /// What was found.
    pub fn finish(self) -> Found {
        let (folders, files): (Vec<_>, Vec<_>) =
            self.found.into_iter().partition(|(_, kind)| *kind == Kind::Folder);
        let paths = |found: Vec<(PathBuf, Kind)>| found.into_iter().map(|(path, _)| path).collect();
        Found {
            folders: paths(folders),
            files: paths(files),
            left_out: self.left_out,
            closed: self.closed,
            first_closed: self.first_closed,
        }
    }

    fn list(&mut self, folder: &Path, wild: &Pattern, is_last: bool, next: usize) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if !wild.matches_with(&name.to_string_lossy(), OPTIONS) {
                continue;
            }
            let kind = match entry.file_type() {
                Ok(kind) if kind.is_dir() => Kind::Folder,
                Ok(kind) if kind.is_file() => Kind::File,
                Ok(_) => continue,
                Err(error) if IoFailure::has_vanished(&error) => continue,
                Err(error) => return Err(error),
            };
            let path = folder.join(name);
            if is_last {
                self.find(path, kind);
            } else if kind == Kind::Folder {
                self.pending.insert((path, next));
                if self.pending.len() > MATCHES {
                    self.pending.pop_first();
                    self.left_out += 1;
                }
            }
        }
        Ok(())
    }

    fn look(&mut self, path: &Path) -> io::Result<()> {
        let kind = fs::metadata(path)?;
        if kind.is_dir() {
            self.find(path.to_owned(), Kind::Folder);
        } else if kind.is_file() {
            self.find(path.to_owned(), Kind::File);
        }
        Ok(())
    }

    fn find(&mut self, path: PathBuf, kind: Kind) {
        self.found.insert(path, kind);
        if self.found.len() > MATCHES {
            self.found.pop_first();
            self.left_out += 1;
        }
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(IoFailure::of(error), IoFailure::AccessDenied | IoFailure::Locked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(root: &Path, pattern: &str) -> Found {
        let pattern = PathPattern::new(&root.join(pattern));
        let mut search = Search::new(&pattern);
        while search.step(&pattern).unwrap() {}
        search.finish()
    }

    fn tree(paths: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for path in paths {
            let path = root.path().join(path);
            if path.extension().is_some() {
                fs::write(path, "x").unwrap();
            } else {
                fs::create_dir_all(path).unwrap();
            }
        }
        root
    }

    #[test]
    fn every_part_is_matched_by_itself_and_in_any_case() {
        let root = tree(&[
            "2024/P01Backup-1",
            "2024/p01backup-2",
            "2025/P01Backup-1/SiteServer",
            "2025/other",
            "2024/P01Backup-3.zip",
            "x.zip",
        ]);
        for (pattern, expected) in [
            ("*/P01Backup-*", "2024/P01Backup-1 2024/p01backup-2 2025/P01Backup-1 2024/P01Backup-3.zip"),
            ("2024/P01BACKUP-[12]", "2024/P01Backup-1 2024/p01backup-2"),
            ("2024/P01Backup-1", "2024/P01Backup-1"),
            ("202?/P01Backup-1/SiteServer", "2025/P01Backup-1/SiteServer"),
            ("*/SiteServer", ""),
            ("*.zip/*", ""),
            ("nothing/*", ""),
            ("nothing", ""),
        ] {
            let Found { folders, files, left_out, .. } = found(root.path(), pattern);
            let expected: Vec<_> = expected.split_whitespace().map(|path| root.path().join(path)).collect();
            assert_eq!(
                (folders.into_iter().chain(files).collect::<Vec<_>>(), left_out),
                (expected, 0),
                "{pattern}"
            );
        }
    }

    #[test]
    fn the_search_begins_at_the_last_literal_folder() {
        for (pattern, root) in [
            ("/a/b/c*/d", "/a/b"),
            ("/a/b/c", "/a/b"),
            ("/a*", "/"),
            ("/a", "/"),
            ("/", "/"),
            ("/a/[[]b]", "/a"),
            ("/a/[b", "/a"),
        ] {
            assert_eq!(PathPattern::new(Path::new(pattern)).root(), Path::new(root), "{pattern}");
        }
        assert_eq!(PathPattern::children(Path::new("/a*/b")).root(), Path::new("/a*/b"));
    }

    #[test]
    fn of_too_many_copies_the_last_by_name_are_kept() {
        let root = tempfile::tempdir().unwrap();
        for number in 0..MATCHES + 3 {
            fs::create_dir(root.path().join(format!("copy{number:04}"))).unwrap();
        }
        let Found { folders, left_out, .. } = found(root.path(), "copy*");
        assert_eq!((folders.len(), left_out), (MATCHES, 3));
        assert_eq!(folders[0], root.path().join("copy0003"));
    }

    #[cfg(unix)]
    #[test]
    fn a_closed_folder_below_a_wildcard_is_counted_and_hides_no_other() {
        use std::os::unix::fs::PermissionsExt;

        let root = tree(&["System Volume Information/P01Backup", "copies/P01Backup"]);
        let closed = root.path().join("System Volume Information");
        let chmod = |mode| fs::set_permissions(&closed, fs::Permissions::from_mode(mode)).unwrap();
        chmod(0o000);
        if fs::read_dir(&closed).is_ok() {
            eprintln!("skipped: this user reads every folder");
            return;
        }
        for (pattern, expected) in [("*/P01Backup", 1), ("*/P01*", 1), ("copies/*", 0)] {
            let Found { folders, closed, first_closed, .. } = found(root.path(), pattern);
            assert_eq!(
                (folders, closed),
                (vec![root.path().join("copies/P01Backup")], expected),
                "{pattern}"
            );
            assert_eq!(first_closed.is_some_and(|first| first.contains("System Volume")), expected == 1);
        }
        let pattern = PathPattern::new(&closed.join("*"));
        let failure = Search::new(&pattern).step(&pattern).unwrap_err();
        chmod(0o755);
        assert_eq!(failure.path, closed, "where the search begins it fails");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let root = tree(&["copies/P01Backup-1"]);
        std::os::unix::fs::symlink(root.path().join("copies"), root.path().join("loop")).unwrap();
        assert_eq!(found(root.path(), "*/P01Backup-*").folders.len(), 1);
    }
}
