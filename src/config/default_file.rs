//! The configuration file that an installation begins with: everything in it is a comment.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Its text, which names no site, so that the one of this machine is meant.
const TEXT: &str = include_str!("default.yml");

/// Writes the file where there is none; says whether it did. A file that is there is the administrator's.
pub fn write_default_file(path: &Path) -> io::Result<bool> {
    let mut file = match File::create_new(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        created => created?,
    };
    // With the line ends that every editor of Windows shows.
    file.write_all(TEXT.replace('\n', "\r\n").as_bytes())?;
    file.sync_all()?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::Config;

    #[test]
    fn it_says_nothing_and_what_it_shows_can_be_said() {
        let nothing = Config::parse(TEXT, "default.yml", Path::new("/")).unwrap_err().to_string();
        assert!(nothing.contains("nothing is configured in it"), "{nothing}");
        // A line of a setting has no space behind its `#`, or several.
        let setting = |line: &&str| !line.starts_with("# ") || line.starts_with("#  ");
        let shown: Vec<_> = TEXT.lines().filter(setting).map(|line| line.trim_start_matches('#')).collect();
        let config = Config::parse(shown.join("\n"), "default.yml", Path::new("/"));
        let error = config.unwrap_err().to_string();
        // A mode to restart needs services, and those are found on the site server only.
        assert!(error.lines().all(|line| line.contains("has no effect without `services`")), "{error}");
    }

    #[test]
    fn a_file_that_is_there_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("exporter.yml");
        assert!(write_default_file(&path).unwrap());
        assert!(fs::read_to_string(&path).unwrap().contains("\r\n#sites:\r\n"));
        fs::write(&path, "sites: [{ code: P01 }]").unwrap();
        assert!(!write_default_file(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "sites: [{ code: P01 }]");
        assert!(write_default_file(&folder.path().join("missing/exporter.yml")).is_err());
    }
}
