//! Tests of what other programs on Windows do to our log file: they hold it, and keep others out.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;

use crate::logging::file::{FileNews, LogFile};

const SHARE_READ: u32 = 1;
const SHARE_READ_AND_WRITE: u32 = 3;

/// Holds a file open as another program does.
fn hold(path: &Path, share: u32) -> io::Result<File> {
    OpenOptions::new().read(true).share_mode(share).open(path)
}

#[test]
fn a_log_file_that_a_program_keeps_to_itself_gets_its_messages_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exporter.log");
    let mut log = LogFile::new(path.clone());
    assert!(log.write(b"one\n").is_none());
    for share in [0, SHARE_READ] {
        let held = hold(&path, share).unwrap();
        let Some(FileNews::Failed(error)) = log.write(b"two\n") else { panic!("it was written") };
        assert_eq!(error.raw_os_error(), Some(32));
        assert!(log.write(b"three\n").is_none());
        drop(held);
        assert!(log.write(b"four\n").is_none());
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\nfour\ntwo\nthree\nfour\n");
}

#[test]
fn a_log_file_that_cannot_be_moved_is_written_on_and_moved_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exporter.log");
    let mut log = LogFile::new(path.clone()).kept_below(10);
    // Whoever reads it in this way lets nobody rename it.
    assert!(log.write(b"one\n").is_none());
    let held = hold(&path, SHARE_READ_AND_WRITE).unwrap();
    assert!(log.write(b"two\n").is_none() && log.write(b"three\n").is_none());
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\n");
    drop(held);
    assert!(log.write(b"four\n").is_none());
    assert_eq!(fs::read_to_string(&path).unwrap(), "four\n");
    assert_eq!(fs::read_to_string(folder.path().join("exporter.log.1")).unwrap(), "one\ntwo\nthree\n");
}

#[test]
fn others_read_move_and_delete_the_log_file_as_they_like() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exporter.log");
    let mut log = LogFile::new(path.clone());
    assert!(log.write(b"one\n").is_none());
    let reader = File::open(&path).unwrap();
    assert!(log.write(b"two\n").is_none());
    assert_eq!(io::read_to_string(&reader).unwrap(), "one\ntwo\n");
    drop(reader);
    fs::rename(&path, folder.path().join("taken.log")).unwrap();
    assert!(log.write(b"three\n").is_none());
    fs::remove_file(&path).unwrap();
    assert!(log.write(b"four\n").is_none());
    assert_eq!(fs::read_to_string(&path).unwrap(), "four\n");
}
