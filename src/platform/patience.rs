//! File operations that another process (a virus scanner, say) makes fail for a moment.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// Tries again for a fifth of a second while another process is in the way; for blocking threads only.
#[expect(
    clippy::disallowed_methods,
    reason = "on a blocking thread or before anything runs, and only while another process is in the way"
)]
pub(crate) fn patiently<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 1..TRIES {
        match operation() {
            Err(error) if is_in_the_way(&error) => std::thread::sleep(PAUSE),
            result => return result,
        }
    }
    operation()
}

/// A file's whole content, patiently; `None` for what is no regular file: a pipe or a device may never end.
pub(crate) fn read_whole(path: &Path) -> io::Result<Option<Vec<u8>>> {
    patiently(|| if fs::metadata(path)?.is_file() { fs::read(path).map(Some) } else { Ok(None) })
}

/// Gives a file that has been written and synced its final name, patiently; after a crash it has one of both.
pub(crate) fn put_in_place(written: &Path, place: &Path) -> io::Result<()> {
    patiently(|| fs::rename(written, place))?;
    // Not every platform can sync a directory; where it can, the rename is then durable too.
    if let Some(directory) = place.parent().and_then(|directory| File::open(directory).ok()) {
        let _ = directory.sync_all();
    }
    Ok(())
}

/// Replaces a file's content so that after a crash, or an error, either the old or the new one is there, whole.
///
/// `temporary` lies in the same folder, and nothing else may use it.
pub(crate) fn write_whole(path: &Path, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
    // To open a pipe would wait for whoever reads it.
    if fs::symlink_metadata(temporary).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        fs::remove_file(temporary)?;
    }
    let mut file = File::create(temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    put_in_place(temporary, path)?;
    // Where a directory cannot be synced, this makes the new name durable as far as the file system lets it.
    if cfg!(windows) {
        File::options().write(true).open(path).and_then(|file| file.sync_all()).ok();
    }
    Ok(())
}

/// Sharing and lock violations of Windows have no kind of their own.
fn is_in_the_way(error: &io::Error) -> bool {
    let violation = cfg!(windows) && matches!(error.raw_os_error(), Some(32 | 33));
    violation || error.kind() == io::ErrorKind::PermissionDenied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn nobody_waits_for_a_pipe_or_reads_a_device_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let [pipe, device, file] = ["pipe", "device", "file"].map(|name| folder.path().join(name));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink("/dev/null", &device).unwrap();
        fs::write(&file, "text").unwrap();
        let (sender, read) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for path in [&pipe, &device, &file] {
                sender.send(read_whole(path).unwrap()).unwrap();
            }
            write_whole(&file, &pipe, b"more").unwrap();
            sender.send(read_whole(&file).unwrap()).unwrap();
        });
        for content in [None, None, Some(b"text".to_vec()), Some(b"more".to_vec())] {
            assert_eq!(read.recv_timeout(Duration::from_secs(60)).unwrap(), content);
        }
        assert_eq!(read_whole(&folder.path().join("missing")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_is_in_the_way_for_a_moment_fails_nothing() {
        let table = [
            (io::ErrorKind::PermissionDenied, 3, 4, true),
            (io::ErrorKind::PermissionDenied, u32::MAX, TRIES, false),
            (io::ErrorKind::NotFound, 3, 1, false),
        ];
        for (kind, failures, tries, works) in table {
            let mut tried = 0;
            let result = patiently(|| {
                tried += 1;
                if tried > failures { Ok(()) } else { Err(io::Error::from(kind)) }
            });
            assert_eq!((tried, result.is_ok()), (tries, works), "{kind:?}");
        }
    }
}
