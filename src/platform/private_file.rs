//! A file that only this account can read.

use std::fs::File;
use std::io;
use std::path::Path;

/// Makes a file, or empties the one that is there, that nobody but this account can read.
///
/// On Windows the rights come from its folder, which is the service's own.
pub fn create_private(path: &Path) -> io::Result<File> {
    imp::create_private(path)
}

/// Whether everybody on this machine can read a file; on Windows the rights come from its folder, and this says no.
pub fn is_open_to_others(path: &Path) -> bool {
    imp::is_open_to_others(path)
}

#[cfg(unix)]
mod imp {
    use std::fs::{File, OpenOptions, Permissions};
    use std::io;
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    use std::path::Path;

    const OWNER_ONLY: u32 = 0o600;

    pub(super) fn create_private(path: &Path) -> io::Result<File> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(OWNER_ONLY).open(path)?;
        // A file that was there before has kept its mode.
        file.set_permissions(Permissions::from_mode(OWNER_ONLY))?;
        Ok(file)
    }

    pub(super) fn is_open_to_others(path: &Path) -> bool {
        const OTHERS: u32 = 0o006;
        path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & OTHERS != 0)
    }
}

#[cfg(not(unix))]
mod imp {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    pub(super) fn create_private(path: &Path) -> io::Result<File> {
        File::create(path)
    }

    pub(super) fn is_open_to_others(_: &Path) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    #[test]
    fn an_old_file_is_emptied_and_closed_to_others() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("secret");
        let mut written = Vec::new();
        for text in ["a long secret", "short"] {
            let mut file = create_private(&path).expect("a private file");
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                assert_eq!(file.metadata().expect("its mode").permissions().mode() & 0o777, 0o600);
                assert!(!is_open_to_others(&path));
                fs::set_permissions(&path, fs::Permissions::from_mode(0o644))
                    .expect("somebody opens it to all");
                assert!(is_open_to_others(&path));
            }
            file.write_all(text.as_bytes()).expect("it is written");
            written.push(fs::read_to_string(&path).expect("it is read"));
        }
        assert_eq!(written, ["a long secret", "short"]);
    }
}
