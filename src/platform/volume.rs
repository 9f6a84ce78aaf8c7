//! The volume below a path: how much it has left, and whether two paths share one.

use std::io;
use std::path::Path;

/// Bytes that this account may still write on the volume of a path; an error where nothing is at the path.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    // Windows answers for a folder that is missing too, as long as the volume is there.
    std::fs::metadata(path)?;
    fs4::available_space(path)
}

/// Whether two paths are on one volume, or `None` where that cannot be told.
///
/// Linux asks both paths, which have to exist. On Windows only their text is compared, so that no share is waited for:
/// a share counts as a volume of its own, even if this machine offers it, and a mounted folder as part of its drive.
pub fn same_volume(one: &Path, other: &Path) -> Option<bool> {
    imp::same_volume(one, other)
}

#[cfg(unix)]
mod imp {
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    pub(super) fn same_volume(one: &Path, other: &Path) -> Option<bool> {
        let volume = |path: &Path| std::fs::metadata(path).ok().map(|metadata| metadata.dev());
        Some(volume(one)? == volume(other)?)
    }
}

#[cfg(not(unix))]
mod imp {
    use std::path::Path;

    pub(super) fn same_volume(one: &Path, other: &Path) -> Option<bool> {
        Some(super::windows_volume(one.to_str()?)? == super::windows_volume(other.to_str()?)?)
    }
}

/// The drive (`c:`) or server and share (`\\nas01\cm`) in a path of Windows, in lower case.
#[cfg_attr(all(unix, not(test)), expect(dead_code, reason = "the rule of Windows is tested everywhere"))]
fn windows_volume(path: &str) -> Option<String> {
    let path = path.replace('/', r"\").to_lowercase();
    let verbatim = path.strip_prefix(r"\\?\").or_else(|| path.strip_prefix(r"\\.\"));
    let share = match verbatim {
        Some(rest) => rest.strip_prefix(r"unc\"),
        None => path.strip_prefix(r"\\"),
    };
    if let Some(share) = share {
        let mut parts = share.split('\\').filter(|part| !part.is_empty());
        return Some(format!(r"\\{}\{}", parts.next()?, parts.next()?));
    }
    let drive = verbatim.unwrap_or(&path).get(..2)?;
    (drive.starts_with(|letter: char| letter.is_ascii_alphabetic()) && drive.ends_with(':'))
        .then(|| drive.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_volume_in_a_path_of_windows() {
        for (path, volume) in [
            (r"E:\SCCMBackup", Some("e:")),
            (r"e:/SCCMBackup", Some("e:")),
            (r"\\?\E:\SCCMBackup", Some("e:")),
            (r"E:", Some("e:")),
            (r"\\NAS01\CM\P01Backup", Some(r"\\nas01\cm")),
            (r"//nas01/cm", Some(r"\\nas01\cm")),
            (r"\\?\UNC\NAS01\CM\P01Backup", Some(r"\\nas01\cm")),
            (r"\\SQL01\E$\SCCMBackup", Some(r"\\sql01\e$")),
            (r"\\NAS01", None),
            (r"\\NAS01\", None),
            (r"\\", None),
            (r"\\?\Volume{b75e2c83-0000-0000-0000-602f00000000}\x", None),
            (r"\SCCMBackup", None),
            ("SCCMBackup", None),
            ("é:", None),
            ("1:", None),
            ("", None),
        ] {
            assert_eq!(windows_volume(path).as_deref(), volume, "{path}");
        }
    }

    #[test]
    fn a_folder_and_what_is_in_it_share_a_volume() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "").expect("a file is written");
        let one = std::path::absolute(folder.path()).expect("its drive");
        let other = std::path::absolute(&file).expect("its drive");
        assert_eq!(same_volume(&one, &other), Some(true));
    }

    #[test]
    fn only_what_is_there_has_free_bytes() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert!(free_bytes(folder.path()).is_ok_and(|bytes| bytes > 0));
        let missing = free_bytes(&folder.path().join("missing"));
        assert_eq!(missing.map_err(|error| error.kind()), Err(io::ErrorKind::NotFound));
    }

    #[cfg(unix)]
    #[test]
    fn a_volume_that_cannot_be_asked_is_not_told() {
        let root = Path::new("/");
        assert_eq!(same_volume(root, Path::new("/proc/self")), Some(false));
        assert_eq!(same_volume(root, Path::new("/nothing/there")), None);
    }
}
