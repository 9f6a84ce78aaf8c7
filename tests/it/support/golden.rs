//! Files that hold what is expected; `UPDATE_GOLDEN=1` writes them anew, to be read before they are committed.

use std::fs;
use std::path::Path;

/// Compares with the expectation in `file`; the lines that differ, where they do.
pub(crate) fn differs(file: &Path, actual: &str) -> Option<String> {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(file, actual).unwrap();
        return None;
    }
    let expected = fs::read_to_string(file).unwrap_or_default();
    (expected != actual).then(|| {
        let only_in = |one: &str, other: &str, sign: &str| -> String {
            let other: Vec<_> = other.lines().collect();
            let lines = one.lines().filter(|line| !other.contains(line));
            lines.map(|line| format!("{sign} {line}\n")).collect()
        };
        let (gone, new) = (only_in(&expected, actual, "-"), only_in(actual, &expected, "+"));
        let name = file.display();
        format!("{name} (- expected, + actual; if it is right: UPDATE_GOLDEN=1):\n{gone}{new}")
    })
}
