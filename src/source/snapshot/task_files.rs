//! The files that steer the backup task: `smsbkup.ctl`, and AfterBackup.bat beside it.
//!
//! Both lie in the task's inbox and not in a snapshot, so they may be read at any time. Names are compared without regard
//! to case, because a mounted share may not do that. ConfigMgr starts only the script in `inboxes\smsbkup.box`: the
//! folder `inboxes\smsbkup`, which older documentation names, is one that nothing ever looks into.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::reader::Reader;
use crate::platform::IoFailure;
use crate::site::Timestamp;
use crate::snapshot::walk::timestamp;
use crate::snapshot::{AfterBackupScript, ControlFile, TaskFiles};
use crate::source::{BlockingSource, Cursor, Fact, Guidance, Poll, PollFailure, Reach, SourceId, SourceKind};

const SCRIPT: &str = "AfterBackup.bat";

/// The folder of the older documentation, beside the inbox.
const OLD_INBOX: &str = "smsbkup";

/// So many bytes of a control file are read; ConfigMgr's has a few thousand.
const CONTROL_FILE_LIMIT: u64 = 1 << 20;

/// The inbox of one site's backup task.
#[derive(Debug)]
pub(in crate::source) struct TaskFilesSource {
    id: SourceId,
    control_file: PathBuf,
    interval: Duration,
    reader: Reader,
}

impl TaskFilesSource {
    /// The inbox that holds this control file.
    pub(in crate::source) fn new(control_file: &Path, interval: Duration, account: &str) -> Self {
        let setting = "sites[].snapshot.control_file".to_owned();
        Self {
            id: SourceId { kind: SourceKind::Snapshot, location: control_file.display().to_string() },
            control_file: control_file.to_owned(),
            interval,
            reader: Reader { account: account.to_owned(), setting },
        }
    }

    fn look(&self) -> Result<TaskFiles, PollFailure> {
        let parent = |path: &Path| path.parent().map(Path::to_owned).unwrap_or_default();
        let inbox = parent(&self.control_file);
        let name = self.control_file.file_name().unwrap_or_default();
        let control_file = match self.find(&inbox, name)? {
            Some((path, metadata)) => self.control_file(&path, &metadata)?,
            None => None,
        };
        let after_backup = match self.find(&inbox, OsStr::new(SCRIPT))? {
            Some((_, metadata)) => AfterBackupScript::Runs(in_place_since(&metadata)),
            None if self.lies_in_old_inbox(&parent(&inbox))? => AfterBackupScript::NeverRuns,
            None => AfterBackupScript::Absent,
        };
        Ok(TaskFiles { control_file, after_backup })
    }

    /// The control file as it is now; `None` if it has just gone.
    fn control_file(&self, path: &Path, metadata: &Metadata) -> Result<Option<ControlFile>, PollFailure> {
        let Some(modified) = metadata.modified().ok().and_then(timestamp) else {
            return Err(self.reader.malformed(path, "has no time of change"));
        };
        match self.known("read", path, hash(path))? {
            Some(hash) => Ok(Some(ControlFile { modified, hash })),
            None => Ok(None),
        }
    }

    fn lies_in_old_inbox(&self, inboxes: &Path) -> Result<bool, PollFailure> {
        let Some(folder) = self.known("list", inboxes, named(inboxes, OsStr::new(OLD_INBOX)))?.flatten()
        else {
            return Ok(false);
        };
        // It is a folder of the old documentation only if it is a folder.
        let script = self.known("list", &folder, named(&folder, OsStr::new(SCRIPT)))?.flatten();
        Ok(script.is_some())
    }

    /// The file of this name in the inbox; an error if there is no inbox.
    fn find(&self, inbox: &Path, name: &OsStr) -> Result<Option<(PathBuf, Metadata)>, PollFailure> {
        let path = named(inbox, name).map_err(|error| self.reader.failure("list", inbox, &error))?;
        let Some(path) = path else { return Ok(None) };
        let metadata = self.known("look at", &path, fs::metadata(&path))?;
        Ok(metadata.filter(Metadata::is_file).map(|metadata| (path, metadata)))
    }

    /// What was there; `None` if nothing was.
    fn known<T>(
        &self,
        operation: &str,
        path: &Path,
        result: io::Result<T>,
    ) -> Result<Option<T>, PollFailure> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if IoFailure::has_vanished(&error) => Ok(None),
            Err(error) => Err(self.reader.failure(operation, path, &error)),
        }
    }
}

impl BlockingSource for TaskFilesSource {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn poll(&self, _: Option<&Cursor>, _: &Guidance) -> Result<Poll<Cursor>, PollFailure> {
        let facts = vec![Fact::TaskFiles(self.look()?)];
        Ok(Poll { facts, cursor: Cursor::Anew, reach: Reach::CaughtUp })
    }
}

/// The entry of a folder with this name; of several that differ in case, the one that is written exactly so.
fn named(folder: &Path, name: &OsStr) -> io::Result<Option<PathBuf>> {
    let mut found = None;
    for entry in fs::read_dir(folder)? {
        let entry = entry?.file_name();
        if entry == name {
            return Ok(Some(folder.join(entry)));
        }
        if entry.eq_ignore_ascii_case(name) {
            found = Some(folder.join(entry));
        }
    }
    Ok(found)
}

/// Since when a file has been where and what it is: a copied file keeps the time of its last change.
fn in_place_since(metadata: &Metadata) -> Option<Timestamp> {
    let modified = metadata.modified().ok().and_then(timestamp);
    modified.max(metadata.created().ok().and_then(timestamp))
}

fn hash(path: &Path) -> io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?.take(CONTROL_FILE_LIMIT))?;
    Ok(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use tempfile::TempDir;

    use super::*;
    use crate::source::FailureKind;

    const CONTROL_FILE: &str = "smsbkup.box/smsbkup.ctl";

    /// What is seen of these files, each holding its own path.
    fn look(files: &[&str]) -> (TempDir, Result<TaskFiles, PollFailure>) {
        let inboxes = tempfile::tempdir().unwrap();
        for file in files {
            let path = inboxes.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        let source =
            TaskFilesSource::new(&inboxes.path().join(CONTROL_FILE), Duration::from_secs(300), r"CORP\CM01$");
        let polled = source.poll(None, &Guidance::default()).map(|poll| match &poll.facts[..] {
            [Fact::TaskFiles(files)] => files.clone(),
            other => panic!("{other:?}"),
        });
        (inboxes, polled)
    }

    #[test]
    fn only_the_script_in_the_inbox_runs() {
        for (files, control_file, script) in [
            (&["smsbkup.box/smsbkup.ctl", "smsbkup.box/AfterBackup.bat"][..], true, "runs"),
            (&["smsbkup.box/SMSBKUP.CTL", "smsbkup.box/afterbackup.BAT"], true, "runs"),
            (&["smsbkup.box/smsbkup.ctl", "smsbkup/AfterBackup.bat"], true, "never"),
            (&["smsbkup.box/other", "SMSBKUP/AFTERBACKUP.BAT"], false, "never"),
            (&["smsbkup.box/AfterBackup.bat", "smsbkup/AfterBackup.bat"], false, "runs"),
            (&["smsbkup.box/AfterBackup.bat/in", "smsbkup.box/AfterBackup.cmd"], false, "absent"),
            (&["smsbkup.box/smsbkup.ctl/in", "smsbkup/AfterBackup.txt"], false, "absent"),
            (&["smsbkup.box/smsbkup.ctl", "smsbkup"], true, "absent"),
            (&["smsbkup.box/smsbkup.ctl"], true, "absent"),
        ] {
            let (_inboxes, seen) = look(files);
            let seen = seen.unwrap();
            assert_eq!(seen.control_file.is_some(), control_file, "{files:?}");
            let found = match seen.after_backup {
                AfterBackupScript::Runs(since) => since.map_or("runs at an unknown time", |_| "runs"),
                AfterBackupScript::NeverRuns => "never",
                AfterBackupScript::Absent => "absent",
            };
            assert_eq!(found, script, "{files:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn of_two_names_the_exact_one_counts() {
        let (_inboxes, seen) = look(&["smsbkup.box/SMSBKUP.ctl", CONTROL_FILE, "smsbkup.box/smsbkup.CTL"]);
        let expected = *blake3::hash(CONTROL_FILE.as_bytes()).as_bytes();
        assert_eq!(seen.unwrap().control_file.map(|file| file.hash), Some(expected));
    }

    #[test]
    fn no_inbox_is_a_failure_with_a_remedy() {
        for files in [&[][..], &["smsbkup/AfterBackup.bat"], &["smsbkup.box"]] {
            let failure = look(files).1.unwrap_err();
            assert_eq!(failure.kind, FailureKind::NotFound, "{files:?}");
            for part in ["cannot list", "smsbkup.box", "check sites[].snapshot.control_file"] {
                assert!(failure.message.contains(part), "{}", failure.message);
            }
        }
    }

    #[test]
    fn the_control_file_has_its_time_and_the_hash_of_its_beginning() {
        let (inboxes, seen) = look(&[CONTROL_FILE]);
        let seen = seen.unwrap().control_file.unwrap();
        assert_eq!(seen.hash, *blake3::hash(CONTROL_FILE.as_bytes()).as_bytes());

        let path = inboxes.path().join(CONTROL_FILE);
        let limit = usize::try_from(CONTROL_FILE_LIMIT).unwrap();
        fs::write(&path, vec![b'#'; limit + 1]).unwrap();
        let time = UNIX_EPOCH + Duration::from_secs(1_790_000_000);
        File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        let source = TaskFilesSource::new(&path, Duration::from_secs(300), "cm");
        let seen = source.look().unwrap().control_file.unwrap();
        assert_eq!(seen.modified, timestamp(time).unwrap());
        assert_eq!(seen.hash, *blake3::hash(&vec![b'#'; limit]).as_bytes());
    }

    #[test]
    fn a_script_that_was_copied_there_counts_from_then() {
        let (inboxes, _) = look(&["smsbkup.box/AfterBackup.bat"]);
        let path = inboxes.path().join("smsbkup.box/AfterBackup.bat");
        let file = File::options().write(true).open(&path).unwrap();
        let created = |metadata: &Metadata| metadata.created().ok().and_then(timestamp);
        for time in [UNIX_EPOCH, UNIX_EPOCH + Duration::from_secs(4_000_000_000)] {
            file.set_modified(time).unwrap();
            let metadata = fs::metadata(&path).unwrap();
            let expected = created(&metadata).max(timestamp(time));
            assert_eq!(in_place_since(&metadata), expected, "{time:?}");
        }
    }
}
