//! Files of one kind in `tests/fixtures`, each with what is expected of it in a text beside it.
//!
//! `UPDATE_GOLDEN=1` writes the expectations anew; read the difference before committing it.

use std::fs;
use std::path::{Path, PathBuf};

/// The files of a folder whose names end so, of which there are some.
pub(crate) fn fixtures(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(ending));
    files.sort();
    assert!(!files.is_empty(), "no {ending}");
    files
}

/// Compares with the text beside the fixture; returns its name where they differ.
pub(crate) fn differs(file: &Path, actual: &str) -> Option<String> {
    let golden = file.with_extension("txt");
    let actual = format!("{}\n", actual.trim_end());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, actual).unwrap();
        return None;
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    (expected != actual).then(|| format!("{}:\n--- expected\n{expected}--- actual\n{actual}", file.display()))
}
