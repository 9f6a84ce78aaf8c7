//! Paths as users write them: of files, of folders, and patterns of folders.
//!
//! Windows and UNC paths stay as they are on every platform, so that a configuration can be checked on another
//! machine; both separators count everywhere. Only the text is judged: nothing is looked at.

use std::path::{Path, PathBuf};

use glob::Pattern;

use super::problem::{Fault, is_invisible, shown};

const SEPARATORS: [char; 2] = ['/', '\\'];

/// What makes a pattern of a path.
const WILDCARDS: [char; 3] = ['*', '?', '['];

/// The path of a file, relative ones from `base`.
pub(super) fn file_path(text: &str, base: &Path) -> Result<PathBuf, Fault> {
    usable(text, "write the path of a file, or remove the key")?;
    if text.ends_with(SEPARATORS) {
        return Err(Fault::new(format!("{} is a folder", shown(text)), "add the name of the file"));
    }
    anchored(text, base)
}

/// The path of a folder without separators at its end, or of a file; relative ones from `base`.
pub(super) fn folder_path(text: &str, base: &Path) -> Result<PathBuf, Fault> {
    usable(text, "write the path of a folder, or remove the key")?;
    has_share(text)?;
    anchored(without_end(text), base)
}

/// The pattern of folders or files, absolute and without separators at its end; relative ones from `base`.
pub(super) fn path_pattern(text: &str, base: &Path) -> Result<PathBuf, Fault> {
    usable(text, "write the path of the copies, with wildcards, or remove the archive")?;
    has_share(text)?;
    if text.contains("**") {
        let what = format!("{} has `**`, which would search a whole tree", shown(text));
        return Err(Fault::new(what, r"write one `*` for each level of folders, as `\*\*\`"));
    }
    let text = without_end(text);
    // Part by part, as it is matched: brackets do not reach over a separator.
    for part in text.split(SEPARATORS) {
        if let Err(error) = Pattern::new(part) {
            let what = format!("{} is not a pattern: {}", shown(text), error.msg);
            return Err(Fault::new(
                what,
                "close each `[` with a `]`; write a `[` that is meant literally as `[[]`",
            ));
        }
    }
    if text.split_once(':').is_some_and(|(drive, _)| drive.contains(WILDCARDS) && !drive.contains(SEPARATORS))
    {
        let what = format!("{} leaves the drive open", shown(text));
        return Err(Fault::new(what, "write the letter of the drive; add an archive for each drive"));
    }
    let pattern = match anchored(text, Path::new(""))? {
        absolute if is_absolute(text) => absolute,
        relative => {
            let what = "is relative to the configuration file, whose folder is not a Unicode text";
            let base = base.to_str().ok_or_else(|| Fault::new(what, "write an absolute path"))?;
            Path::new(&Pattern::escape(base)).join(relative)
        }
    };
    if pattern.to_str().and_then(share).is_some_and(|share| share.contains(WILDCARDS)) {
        let what = format!("{} leaves the server or the share open", shown(text));
        let remedy = r"write both without `*`, `?` and `[`, as `\\NAS01\cm\P01Backup-*`; leave out `\\?\`";
        return Err(Fault::new(what, remedy));
    }
    Ok(pattern)
}

/// Where ConfigMgr has the backup's control file, told from where it has the backup's log.
pub(super) fn control_file_beside(log: &Path) -> Option<PathBuf> {
    let (folder, _) = log.to_str()?.rsplit_once(SEPARATORS)?;
    let at = folder.rfind(SEPARATORS)?;
    let (installation, separator) = (&folder[..at], &folder[at..=at]);
    // A share `Logs` does not tell under which name the rest is shared.
    let known = folder[at + 1..].eq_ignore_ascii_case("Logs") && has_share(installation).is_ok();
    known.then(|| PathBuf::from([installation, "inboxes", "smsbkup.box", "smsbkup.ctl"].join(separator)))
}

/// Whether two paths name one place to Windows: in any case, with either separator, and with `.` and `..` parts.
pub(crate) fn same_path(one: &Path, other: &Path) -> bool {
    parts(one) == parts(other)
}

/// Whether a path is this folder or below it, compared in the same way.
pub(crate) fn is_within(path: &Path, folder: &Path) -> bool {
    parts(path).starts_with(&parts(folder))
}

/// The parts in lower case; the first is what the path begins with, which tells a share from a folder.
fn parts(path: &Path) -> Vec<String> {
    let text = path.to_string_lossy().to_lowercase().replace('/', r"\");
    let text = match text.strip_prefix(r"\\?\") {
        Some(rest) => rest.strip_prefix(r"unc\").map_or(rest.to_owned(), |share| format!(r"\\{share}")),
        None => text,
    };
    let root = [r"\\", r"\"].into_iter().find(|root| text.starts_with(root)).unwrap_or_default();
    let mut parts = vec![root];
    for part in text.split('\\').filter(|part| !matches!(*part, "" | ".")) {
        let above = match (root, parts.get(1)) {
            (r"\\", _) => 3,
            (_, Some(drive)) if drive.ends_with(':') => 2,
            _ => 1,
        };
        let is_deeper = parts.len() > above && parts.last() != Some(&"..");
        match part {
            ".." if is_deeper => drop(parts.pop()),
            // Above a root there is nothing; what a relative path is relative to is not known.
            ".." if above > 1 || !root.is_empty() => {}
            _ => parts.push(part),
        }
    }
    parts.into_iter().map(str::to_owned).collect()
}

/// Refuses what double quotes and block texts put in unseen: line breaks, tabs, backspaces.
pub(super) fn all_visible(text: &str) -> Result<(), Fault> {
    if !text.contains(is_invisible) {
        return Ok(());
    }
    let what = format!("{} has characters that cannot be seen", shown(text));
    Err(Fault::new(what, "put the text in single quotes: in double quotes YAML reads `\\` as an escape"))
}

fn usable(text: &str, remedy: &str) -> Result<(), Fault> {
    if text.trim().is_empty() { Err(Fault::new("an empty path", remedy)) } else { all_visible(text) }
}

fn anchored(text: &str, base: &Path) -> Result<PathBuf, Fault> {
    match text.as_bytes() {
        _ if is_absolute(text) => Ok(PathBuf::from(text)),
        [b'a'..=b'z' | b'A'..=b'Z', b':', ..] => {
            let what = format!("{} depends on the current folder of the drive", shown(text));
            Err(Fault::new(what, format!("write {}", shown(&format!("{}\\{}", &text[..2], &text[2..])))))
        }
        _ => Ok(base.join(text)),
    }
}

/// Whether a path is whole, on Windows or on Linux.
pub(super) fn is_absolute(text: &str) -> bool {
    matches!(
        text.as_bytes(),
        [b'/' | b'\\', ..] | [b'a'..=b'z' | b'A'..=b'Z', b':', b'/' | b'\\', ..]
    )
}

/// Without the separators at the end, but for the one of a root.
fn without_end(text: &str) -> &str {
    let trimmed = text.trim_end_matches(SEPARATORS);
    let root = trimmed.is_empty() || trimmed.ends_with(':');
    &text[..text.len().min(trimmed.len() + usize::from(root))]
}

/// The folder that the row of the backup task names; an error says why it is none.
///
/// How a row names two folders, one for the site and one for its database, is not known: that is no folder here.
pub(super) fn task_folder(text: &str) -> Result<PathBuf, String> {
    const IN_NO_NAME: [char; 6] = ['<', '>', '"', '|', '?', '*'];
    let folder = without_end(text.trim());
    let names_more = folder.contains(IN_NO_NAME) || folder.get(2..).is_some_and(|rest| rest.contains(':'));
    if !is_absolute(folder) || folder.contains(is_invisible) || names_more {
        return Err(format!("{} is not one folder", shown(text)));
    }
    has_share(folder).map_err(|fault| fault.what)?;
    Ok(PathBuf::from(folder))
}

/// The server and the share of a UNC path, whichever is written; `None` for every other path.
fn share(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(SEPARATORS)?.strip_prefix(SEPARATORS)?;
    let end = rest.match_indices(SEPARATORS).nth(1).map_or(rest.len(), |(at, _)| at);
    Some(&rest[..end])
}

fn has_share(text: &str) -> Result<(), Fault> {
    let whole = |share: &str| share.split(SEPARATORS).filter(|name| !name.is_empty()).count() == 2;
    if share(text).is_none_or(whole) {
        return Ok(());
    }
    let what = format!("{} names no share", shown(text));
    Err(Fault::new(what, r"write server, share and folder, as `\\NAS01\cm\folder`"))
}

#[cfg(test)]
mod tests;
