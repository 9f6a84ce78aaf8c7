//! Copies of earlier snapshots, as they were found; whether they are any good is for the assessment to say.

use super::survey::{Fingerprint, Survey};
use crate::site::Timestamp;

/// The name of archives that nobody configured: siblings of the destination that look like snapshots.
pub const DISCOVERED: &str = "discovered";

/// Whether a file is called like something in which a snapshot can be packed; a note beside the archives is not.
pub fn is_packed(name: &str) -> bool {
    const ENDINGS: [&str; 16] = [
        "7z", "bak", "bz2", "cab", "gz", "img", "iso", "rar", "tar", "tgz", "vhd", "vhdx", "wim", "xz",
        "zip", "zst",
    ];
    name.rsplit_once('.')
        .is_some_and(|(_, ending)| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

/// The newest run that a `smsbkup.log` inside a copy tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnRun {
    /// Its 5055, or 500.
    pub started: Timestamp,
    /// Its 5035.
    pub succeeded: Option<Timestamp>,
}

/// One thing that a pattern matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveCopy {
    /// Its whole path, for people and as its name in the state.
    pub path: String,
    /// What it is.
    pub content: ArchiveContent,
}

/// What an archive is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveContent {
    /// A folder like the destination's.
    Folder {
        /// What is in it.
        survey: Survey,
        /// Of which run it is.
        run: Option<OwnRun>,
    },
    /// One file (.zip, .7z, .vhdx), into which nobody looks.
    File {
        /// In bytes.
        size: u64,
        /// When it was last written.
        modified: Option<Timestamp>,
    },
}

impl ArchiveCopy {
    /// Changes with whatever is copied into it.
    pub fn signature(&self) -> Fingerprint {
        let mut hasher = blake3::Hasher::new();
        match &self.content {
            ArchiveContent::Folder { survey, run } => {
                hasher.update(&survey.signature);
                for file in &survey.data_files {
                    hasher.update(&file.fingerprint().unwrap_or_default());
                }
                let started = run.map_or(0, |run| run.started.timestamp_micros());
                let succeeded = run.and_then(|run| run.succeeded).map_or(0, |time| time.timestamp_micros());
                hasher.update(&started.to_le_bytes());
                hasher.update(&succeeded.to_le_bytes());
            }
            ArchiveContent::File { size, modified } => {
                hasher.update(&size.to_le_bytes());
                hasher.update(&modified.map_or(0, |time| time.timestamp_micros()).to_le_bytes());
            }
        }
        *hasher.finalize().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_no_archive() {
        assert!(["P01Backup-1.zip", "p01.VHDX", "a.tar.gz"].iter().all(|name| is_packed(name)));
        assert!(["readme.txt", "P01Backup-1", "zip", "done.marker"].iter().all(|name| !is_packed(name)));
    }
}
