//! Removes manifests of folders that are no more: each archive would leave one behind for ever.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use chrono::TimeDelta;

use super::ManifestPlace;
use super::line::{Header, read};
use crate::platform::IoFailure;
use crate::site::Timestamp;

/// What is away with its disk comes back within that time, or its files are recorded again.
const KEPT: TimeDelta = TimeDelta::days(30);

impl ManifestPlace {
    /// Removes manifests of this site that are old and whose folder is no longer where others beside it are. What cannot
    /// be read or removed stays.
    pub(super) fn prune(&self, now: Timestamp) {
        let name = self.path.file_name().and_then(|name| name.to_str());
        let site = name.and_then(|name| name.split_inclusive('-').next());
        let entries = self.path.parent().and_then(|folder| fs::read_dir(folder).ok());
        let (Some(site), Some(entries)) = (site, entries) else { return };
        for entry in entries.flatten() {
            let is_own = entry.file_name().to_string_lossy().starts_with(site);
            if is_own && is_orphan(&entry.path(), now) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn is_orphan(manifest: &Path, now: Timestamp) -> bool {
    let header = File::open(manifest).and_then(|file| read::<Header>(&mut BufReader::new(file)));
    let Ok((Header { folder, recorded, .. }, _)) = header else { return false };
    if now.signed_duration_since(recorded) < KEPT {
        return false;
    }
    let folder = Path::new(&folder);
    let is_gone = fs::metadata(folder).is_err_and(|error| IoFailure::has_vanished(&error));
    is_gone && folder.parent().is_some_and(Path::is_dir)
}
