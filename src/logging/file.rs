//! The log file of a service: kept below a size, old ones beside it.
//!
//! It is opened for each message and closed again, so that everybody can read, move or delete it, and a folder that
//! vanished is made again. What cannot be written is kept for the next message, up to a bound. Nothing here waits.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Its name in the state directory.
pub(super) const FILE_NAME: &str = "exporter.log";

/// Half a year of ordinary messages, and still opened at once by Notepad.
const MAX_BYTES: u64 = 10 * 1024 * 1024;

/// Old files that are kept: with the present one 50 MiB at the most.
const OLD_FILES: u32 = 4;

/// Where the file cannot be moved out of the way it grows to so many times its size, and then begins anew.
const MAX_GROWTH: u64 = 2;

/// What waits for a file that cannot be written: a minute of debug messages while a virus scanner holds it.
const MAX_PENDING_BYTES: usize = 256 * 1024;

/// A log file and what still has to go into it.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    max_bytes: u64,
    pending: Vec<u8>,
    /// Messages that found no place in `pending` since the file could last be written.
    lost: u64,
    fails: bool,
}

/// What became of the file, told once.
#[derive(Debug)]
pub(crate) enum FileNews {
    /// It cannot be written any more.
    Failed(io::Error),
    /// It can be written again, without so many messages.
    Lost(u64),
}

impl LogFile {
    /// The log file at this path, which is not touched yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, max_bytes: MAX_BYTES, pending: Vec::new(), lost: 0, fails: false }
    }

    /// The same, moved away at another size.
    #[cfg(test)]
    pub(crate) fn kept_below(self, max_bytes: u64) -> Self {
        Self { max_bytes, ..self }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a message after those that wait, or lets it wait with them.
    pub(crate) fn write(&mut self, message: &[u8]) -> Option<FileNews> {
        if self.pending.len() + message.len() <= MAX_PENDING_BYTES {
            self.pending.extend_from_slice(message);
        } else {
            self.lost += 1;
        }
        match self.append() {
            Ok(()) => {
                self.fails = false;
                let lost = std::mem::take(&mut self.lost);
                (lost > 0).then_some(FileNews::Lost(lost))
            }
            Err(_) if self.fails => None,
            Err(error) => {
                self.fails = true;
                Some(FileNews::Failed(error))
            }
        }
    }

    fn append(&mut self) -> io::Result<()> {
        let coming = u64::try_from(self.pending.len()).unwrap_or(u64::MAX);
        let is_full = |len: u64, limit: u64| len > 0 && len.saturating_add(coming) > limit;
        let mut file = open(&self.path)?;
        let len = file.metadata()?.len();
        if is_full(len, self.max_bytes) {
            // What is open cannot always be moved.
            drop(file);
            let moved = self.move_old_files();
            file = open(&self.path)?;
            if moved.is_err() && is_full(file.metadata()?.len(), self.max_bytes.saturating_mul(MAX_GROWTH)) {
                file.set_len(0)?;
            }
        }
        while !self.pending.is_empty() {
            match file.write(&self.pending) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                // What is left stays for the next time, so a message on a full disk is continued and not torn.
                Ok(written) => drop(self.pending.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Gives every file the next number, the oldest first; the last one is overwritten.
    ///
    /// An error leaves a gap in the numbers, never two files for one name: the next time goes on from there.
    fn move_old_files(&self) -> io::Result<()> {
        for number in (0..OLD_FILES).rev() {
            match fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn numbered(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{number}"));
        path.into()
    }
}

/// Opens the file for appending, with its folder; never what is no file: a pipe would wait for its reader.
fn open(path: &Path) -> io::Result<File> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => return Err(io::Error::other("it is not a file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
        }
        _ => {}
    }
    // On Windows std lets others read, write and delete what it has open.
    OpenOptions::new().append(true).create(true).open(path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;

    fn place() -> (TempDir, LogFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state").join(FILE_NAME);
        (folder, LogFile::new(path).kept_below(30))
    }

    fn text(log: &LogFile, number: u32) -> Option<String> {
        fs::read_to_string(log.numbered(number)).ok()
    }

    #[test]
    fn old_files_are_numbered_and_four_are_kept() {
        let (_folder, mut log) = place();
        for number in 10..22 {
            assert!(log.write(format!("message {number}\n").as_bytes()).is_none());
        }
        // Two messages of eleven bytes go into thirty.
        let expected = [(0, 20), (1, 18), (2, 16), (3, 14), (4, 12)];
        for (file, first) in expected {
            let both = format!("message {first}\nmessage {}\n", first + 1);
            assert_eq!(text(&log, file), Some(both), "{file}");
        }
        assert_eq!(text(&log, 5), None);
    }

    #[test]
    fn a_message_that_is_longer_than_a_file_is_written_whole() {
        let (_folder, mut log) = place();
        let long = "x".repeat(100);
        for message in ["short\n", &long, "short\n"] {
            assert!(log.write(message.as_bytes()).is_none());
        }
        assert_eq!(
            (text(&log, 2), text(&log, 1), text(&log, 0)),
            (Some("short\n".into()), Some(long), Some("short\n".into()))
        );
    }

    #[test]
    fn what_another_process_left_is_continued() {
        let (_folder, mut log) = place();
        fs::create_dir(log.path().parent().unwrap()).unwrap();
        fs::write(log.path(), "from before\n").unwrap();
        assert!(log.write(b"and now\n").is_none());
        assert_eq!(text(&log, 0).unwrap(), "from before\nand now\n");
    }

    #[test]
    fn a_folder_that_vanishes_is_made_again() {
        let (folder, mut log) = place();
        assert!(log.write(b"one\n").is_none());
        fs::remove_dir_all(folder.path().join("state")).unwrap();
        assert!(log.write(b"two\n").is_none());
        assert_eq!(text(&log, 0).unwrap(), "two\n");
    }

    #[test]
    fn what_cannot_be_written_is_told_once_and_written_later() {
        let (folder, mut log) = place();
        // In place of its folder.
        let state = folder.path().join("state");
        fs::write(&state, "a file").unwrap();
        assert!(matches!(log.write(b"one\n"), Some(FileNews::Failed(_))));
        assert!(log.write(b"two\n").is_none());
        fs::remove_file(&state).unwrap();
        assert!(log.write(b"three\n").is_none());
        assert_eq!(text(&log, 0).unwrap(), "one\ntwo\nthree\n");
        fs::remove_dir_all(&state).unwrap();
        fs::write(&state, "again").unwrap();
        assert!(matches!(log.write(b"four\n"), Some(FileNews::Failed(_))), "another failure is news");
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_lost_is_counted() {
        let (folder, mut log) = place();
        let state = folder.path().join("state");
        fs::write(&state, "a file").unwrap();
        let message = [b'x'; 1024];
        let fit = MAX_PENDING_BYTES / message.len();
        for _ in 0..fit + 7 {
            log.write(&message);
        }
        assert_eq!(log.pending.len(), MAX_PENDING_BYTES);
        fs::remove_file(&state).unwrap();
        // The one that finds the file again finds no place either.
        assert!(matches!(log.write(&message), Some(FileNews::Lost(8))));
        assert_eq!(fs::metadata(log.path()).unwrap().len(), u64::try_from(MAX_PENDING_BYTES).unwrap());
        assert!(log.write(b"on\n").is_none());
    }

    #[test]
    fn a_file_that_cannot_be_moved_grows_to_twice_its_size_and_begins_anew() {
        let (_folder, mut log) = place();
        // A folder with something in it cannot be replaced.
        fs::create_dir_all(log.numbered(4).join("kept")).unwrap();
        fs::create_dir_all(log.numbered(3)).unwrap();
        fs::write(log.numbered(3).join("too"), "").unwrap();
        for number in 10..15 {
            assert!(log.write(format!("message {number}\n").as_bytes()).is_none());
        }
        assert_eq!(text(&log, 0).unwrap().lines().count(), 5, "past thirty bytes, below sixty");
        log.write(b"message 15\n");
        assert_eq!(text(&log, 0).unwrap(), "message 15\n");
        fs::remove_dir_all(log.numbered(4)).unwrap();
        for number in 16..18 {
            assert!(log.write(format!("message {number}\n").as_bytes()).is_none());
        }
        assert_eq!(
            (text(&log, 1).unwrap().as_str(), text(&log, 0).unwrap().as_str()),
            ("message 15\nmessage 16\n", "message 17\n")
        );
    }

    #[test]
    fn a_device_in_its_place_is_refused() {
        let (_folder, mut log) = place();
        fs::create_dir_all(log.path()).unwrap();
        assert!(
            matches!(log.write(b"one\n"), Some(FileNews::Failed(error)) if error.to_string() == "it is not a file")
        );
    }

    proptest! {
        // Files are slow under Wine.
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// All files together are the end of what was written, each message whole, whatever their lengths.
        #[test]
        fn messages_stay_whole_and_in_order(lengths in prop::collection::vec(1_usize..40, 1..60)) {
            let (_folder, mut log) = place();
            let mut written = String::new();
            for (number, length) in lengths.into_iter().enumerate() {
                let message = format!("{number}{}\n", "x".repeat(length));
                prop_assert!(log.write(message.as_bytes()).is_none());
                written.push_str(&message);
            }
            let files: Vec<_> = (0..=OLD_FILES).rev().filter_map(|number| text(&log, number)).collect();
            prop_assert!(files.iter().all(|file| file.ends_with('\n')));
            prop_assert!(files.iter().all(|file| file.len() <= 30 || file.lines().count() == 1));
            prop_assert!(written.ends_with(&files.concat()));
        }
    }
}
