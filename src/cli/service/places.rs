//! Where the paths of a configuration lie. They are judged as text, because they are those of Windows wherever this runs.

const SEPARATORS: [char; 2] = ['\\', '/'];
/// What makes a pattern of a part of a path.
const WILDCARDS: [char; 3] = ['*', '?', '['];

/// Whether a path is one of another machine.
pub(super) fn is_share(path: &str) -> bool {
    let path = path.replace('/', r"\").to_ascii_lowercase();
    path.strip_prefix(r"\\").is_some_and(|rest| rest.starts_with(r"?\unc\") || !rest.starts_with(['?', '.']))
}

/// Whether a path begins with a drive and a separator.
pub(super) fn has_drive(path: &str) -> bool {
    let path = path.strip_prefix(r"\\?\").unwrap_or(path);
    matches!(path.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
}

/// The folder of a file; the root of its drive has its separator behind it.
pub(super) fn parent(path: &str) -> Option<&str> {
    let end = path.trim_end_matches(SEPARATORS).rfind(SEPARATORS)?;
    let folder = &path[..end];
    Some(if folder.ends_with(':') { &path[..=end] } else { folder })
}

/// The folder in which all copies lie that a pattern names: that before its first wildcard, or above its last part.
pub(super) fn fixed(pattern: &str) -> String {
    match pattern.find(WILDCARDS) {
        Some(at) => parent(&format!("{}x", &pattern[..at])).unwrap_or_default().to_owned(),
        None => parent(pattern).unwrap_or_default().to_owned(),
    }
}

/// Whether a path is a whole drive, however it is written.
pub(super) fn is_root(path: &str) -> bool {
    has_drive(path) && parts(path.strip_prefix(r"\\?\").unwrap_or(path)).len() < 2
}

/// The drive of a path, with the separator behind it.
pub(super) fn root(path: &str) -> Option<&str> {
    let drive = if path.starts_with(r"\\?\") { r"\\?\X:\".len() } else { r"X:\".len() };
    path.get(..drive).filter(|_| has_drive(path))
}

/// Whether a path is a server, without a share.
pub(super) fn is_server(path: &str) -> bool {
    is_share(path) && parts(path).iter().filter(|part| !["?", "UNC", "unc"].contains(part)).count() < 2
}

/// The folder of this name in another.
pub(super) fn joined(folder: &str, name: &str) -> String {
    format!(r"{}\{name}", folder.trim_end_matches(SEPARATORS))
}

/// The parts of a path, without those that lead nowhere.
fn parts(path: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for part in path.split(SEPARATORS) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_of_this_machine_or_of_another() {
        for (path, here, share) in [
            (r"E:\SCCMBackup", true, false),
            (r"e:/SCCMBackup", true, false),
            (r"\\?\E:\SCCMBackup", true, false),
            (r"\\NAS01\cm", false, true),
            ("//nas01/cm", false, true),
            (r"\\?\UNC\NAS01\cm", false, true),
            (r"\\?\Volume{b75e2c83}\x", false, false),
            (r"\SCCMBackup", false, false),
            ("SCCMBackup", false, false),
            ("/var/log", false, false),
            ("E:", false, false),
            ("", false, false),
        ] {
            assert_eq!((has_drive(path), is_share(path)), (here, share), "{path}");
        }
    }

    #[test]
    fn the_folder_above_is_found() {
        for (path, folder) in [
            (r"D:\a\b.log", Some(r"D:\a")),
            (r"D:\b.log", Some(r"D:\")),
            (r"D:\a\", Some(r"D:\")),
            ("b", None),
        ] {
            assert_eq!(parent(path), folder, "{path}");
        }
        for (pattern, folder) in [
            (r"F:\old\P01Backup-*", r"F:\old"),
            (r"F:\*\P01Backup", r"F:\"),
            (r"F:\old\x[ab]\P01Backup", r"F:\old"),
            (r"F:\old\P01Backup", r"F:\old"),
        ] {
            assert_eq!(fixed(pattern), folder, "{pattern}");
        }
    }

    #[test]
    fn a_whole_drive_is_known_however_it_is_written() {
        for (path, is) in [
            (r"E:\", true),
            ("e:/", true),
            (r"E:\.", true),
            (r"E:\a\..", true),
            (r"E:\..\..\", true),
            (r"\\?\E:\", true),
            (r"E:\a", false),
            (r"\\?\E:\a\", false),
            (r"\\NAS01\cm", false),
            ("E:", false),
            ("", false),
        ] {
            assert_eq!(is_root(path), is, "{path}");
        }
        for (folder, inside) in
            [(r"E:\", r"E:\P01Backup"), ("E:/", r"E:\P01Backup"), (r"E:\a", r"E:\a\P01Backup")]
        {
            assert_eq!(joined(folder, "P01Backup"), inside);
        }
    }

    #[test]
    fn a_server_is_no_share() {
        for (path, is) in [
            (r"\\NAS01", true),
            (r"\\NAS01\", true),
            (r"\\?\UNC\NAS01", true),
            (r"\\NAS01\cm", false),
            ("//nas01/cm/x", false),
            (r"\\?\UNC\NAS01\cm", false),
            (r"E:\", false),
        ] {
            assert_eq!(is_server(path), is, "{path}");
        }
    }
}
