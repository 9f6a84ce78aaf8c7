//! The files of one log: the `.log`, the `.lo_` it was rolled to, and the dated files of a history.
//!
//! They are opened newest first. A roll moves content from newer names to older ones, so what leaves a name before it
//! was opened is found under the next; the opposite order would miss it.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::cursor::LogCursor;
use super::error::FollowError;
use super::part::Role;
use super::probe::{Match, Probe};
use crate::platform::IoFailure;

/// The newest dated files are read up to this number, because all are open at the same time.
const HISTORY_LIMIT: usize = 64;

/// Where a log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFiles {
    log: PathBuf,
    rolled: PathBuf,
}

/// Opens a file for reading; tests put a change of the files in between.
pub(super) type Opener<'a> = &'a mut dyn FnMut(&Path) -> io::Result<File>;

/// An open file and what it looked like when it was opened.
pub(super) struct Member {
    pub(super) path: PathBuf,
    pub(super) role: Role,
    pub(super) file: File,
    pub(super) opened: Probe,
    /// Whether it has the content that was read last.
    pub(super) continues_last: bool,
}

/// The files that could be opened, and the errors of those that could not.
pub(super) struct Group {
    /// Oldest first.
    pub(super) members: Vec<Member>,
    pub(super) log_error: Option<FollowError>,
    pub(super) older_errors: Vec<FollowError>,
}

impl LogFiles {
    /// The files that belong to the log at this path.
    pub fn new(log: impl Into<PathBuf>) -> Self {
        let log = log.into();
        Self { rolled: log.with_extension("lo_"), log }
    }

    /// The `.log` itself.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The `.lo_` to which it is rolled.
    pub fn rolled(&self) -> &Path {
        &self.rolled
    }

    /// Opens every file that may hold something new; fails only where asking for the next could only hang again.
    pub(super) fn open(&self, cursor: &LogCursor, opener: Opener<'_>) -> Result<Group, FollowError> {
        let mut group = Group { members: Vec::new(), log_error: None, older_errors: Vec::new() };
        match open_one(&self.log, Role::Log, cursor, opener) {
            Ok(member) => group.members.push(member),
            Err(error) if matches!(error.kind, IoFailure::Unreachable | IoFailure::Timeout) => {
                return Err(error);
            }
            Err(error) => group.log_error = Some(error),
        }
        // While the `.log` goes on where it was, nothing was rolled. A file that is open here could not be replaced by
        // the next roll, so older ones are opened only where something may be in them.
        let rolled = !group.members.iter().any(|log| log.continues_last) || cursor.postponed > 0;
        if rolled {
            group.open_older(&self.rolled, Role::Rolled, cursor, opener);
            match self.history() {
                Ok(paths) => {
                    for path in &paths {
                        group.open_older(path, Role::History, cursor, opener);
                    }
                }
                Err(error) if error.kind == IoFailure::NotFound => {}
                Err(error) => group.older_errors.push(error),
            }
        }
        group.members.reverse();
        Ok(group)
    }

    /// The dated files beside the log, newest first.
    fn history(&self) -> Result<Vec<PathBuf>, FollowError> {
        let (Some(directory), Some(stem)) =
            (self.log.parent(), self.log.file_stem().and_then(|stem| stem.to_str()))
        else {
            return Ok(Vec::new());
        };
        // A bare file name has an empty parent, which no system lists.
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let failed = |error| FollowError::new("list", directory, error);
        let mut dated = Vec::new();
        for entry in fs::read_dir(directory).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            if let Some(date) = name.to_str().and_then(|name| date_in(name, stem)) {
                dated.push((date.to_owned(), directory.join(&name)));
            }
        }
        dated.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
        dated.truncate(HISTORY_LIMIT);
        Ok(dated.into_iter().map(|(_, path)| path).collect())
    }
}

impl Group {
    fn open_older(&mut self, path: &Path, role: Role, cursor: &LogCursor, opener: Opener<'_>) {
        match open_one(path, role, cursor, opener) {
            Ok(member) => self.members.push(member),
            Err(error) if error.kind == IoFailure::NotFound => {}
            Err(error) => self.older_errors.push(error),
        }
    }
}

fn open_one(path: &Path, role: Role, cursor: &LogCursor, opener: Opener<'_>) -> Result<Member, FollowError> {
    let mut file = opener(path)
        .and_then(
            |file| if file.metadata()?.is_dir() { Err(ErrorKind::IsADirectory.into()) } else { Ok(file) },
        )
        // Windows refuses to open a directory, with the same code as a right that lacks.
        .map_err(|error| if path.is_dir() { ErrorKind::IsADirectory.into() } else { error })
        .map_err(|error| FollowError::new("open", path, error))?;
    let look = |file: &mut File| {
        let opened = Probe::of(file)?;
        let known = cursor.last().map(|content| content.relate(&opened, file)).transpose()?;
        Ok((opened, matches!(known, Some(Match::Continues(_) | Match::Diverges(_)))))
    };
    let (opened, continues_last) = look(&mut file).map_err(|error| FollowError::new("read", path, error))?;
    Ok(Member { path: path.to_owned(), role, file, opened, continues_last })
}

/// The `YYYYMMDD-HHMMSS` in `<stem>-YYYYMMDD-HHMMSS.log`, in any case, as Windows compares names.
fn date_in<'a>(name: &'a str, stem: &str) -> Option<&'a str> {
    let (start, rest) = name.split_at_checked(stem.len())?;
    let (date, extension) = rest.strip_prefix('-')?.split_at_checked("YYYYMMDD-HHMMSS".len())?;
    let dated =
        date.bytes().enumerate().all(|(at, byte)| if at == 8 { byte == b'-' } else { byte.is_ascii_digit() });
    let ours = start.eq_ignore_ascii_case(stem) && extension.eq_ignore_ascii_case(".log");
    (ours && dated).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dated_history_file_is_known_by_its_name() {
        for (name, date) in [
            ("smsbkup-20261121-020000.log", Some("20261121-020000")),
            ("SMSBKUP-20261121-020000.LOG", Some("20261121-020000")),
            ("smsbkup-20261121-020000.lo_", None),
            ("smsbkup-20261121_020000.log", None),
            ("smsbkup-20261121-02000.log", None),
            ("smsbkup-20261121-020000.log.txt", None),
            ("smsbkup.log", None),
            ("smswriter-20261121-020000.log", None),
            ("smsbkü-20261121-020000.log", None),
            ("", None),
        ] {
            assert_eq!(date_in(name, "smsbkup"), date, "{name:?}");
        }
    }
}
