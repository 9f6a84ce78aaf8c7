//! What a run left, as seen soon after it: by this later copies of it are known and the next runs are measured.

use std::collections::BTreeMap;

use super::component::SnapshotComponent;
use super::survey::{Fingerprint, Survey};
use crate::site::Timestamp;

/// So many runs' records are kept: two months of nightly backups.
pub const KEPT_RECORDS: usize = 64;

/// A file of the database as a run left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedFile {
    /// Relative to its root.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// See [`super::Headers::fingerprint`].
    pub fingerprint: Fingerprint,
}

/// The snapshot of one successful run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRecord {
    /// When the run started, which is what names it.
    pub run: Timestamp,
    /// All bytes by location: what the next backup will need there.
    pub bytes: BTreeMap<String, u64>,
    /// The parts that had files.
    pub components: Vec<SnapshotComponent>,
    /// The files of the database.
    pub data_files: Vec<RecordedFile>,
    /// Of each root, by location; see [`Survey::signature`].
    pub signatures: BTreeMap<String, Fingerprint>,
}

impl SnapshotRecord {
    /// Of everything that a run left, each root with the name of its location.
    pub fn of(run: Timestamp, roots: &[(&str, &Survey)]) -> Self {
        let mut components: Vec<_> =
            roots.iter().flat_map(|(_, survey)| survey.components.keys().copied()).collect();
        components.sort();
        components.dedup();
        let file = |file: &super::DataFile| {
            let fingerprint = file.fingerprint()?;
            Some(RecordedFile { path: file.path.clone(), size: file.size, fingerprint })
        };
        let by = |value: fn(&Survey) -> u64| {
            roots.iter().map(|(location, survey)| ((*location).to_owned(), value(survey))).collect()
        };
        Self {
            run,
            bytes: by(|survey| survey.total.bytes),
            components,
            data_files: roots
                .iter()
                .flat_map(|(_, survey)| survey.data_files.iter().filter_map(file))
                .collect(),
            signatures: (roots.iter())
                .map(|(location, survey)| ((*location).to_owned(), survey.signature))
                .collect(),
        }
    }

    /// The bytes of all locations together.
    pub fn total_bytes(&self) -> u64 {
        self.bytes.values().sum()
    }

    /// A file of the database by its name, whatever folder it was in.
    pub fn data_file(&self, name: &str) -> Option<&RecordedFile> {
        let name_of = |path: &str| path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
        self.data_files.iter().find(|file| name_of(&file.path) == name.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{LDF, MDF, Sample};
    use super::*;

    #[test]
    fn a_record_keeps_every_root_apart_and_all_of_them_together() {
        let at = Timestamp::UNIX_EPOCH;
        let site = Sample::good(1).without("SiteDBServer").survey(at);
        let database = Sample::good(1).only("SiteDBServer").survey(at);
        let record = SnapshotRecord::of(at, &[("site", &site), ("database", &database)]);
        assert_eq!(record.total_bytes(), site.total.bytes + database.total.bytes);
        assert_eq!(record.signatures["site"], site.signature);
        assert_ne!(record.signatures["site"], record.signatures["database"]);
        let labels: Vec<_> =
            record.components.iter().map(|part| crate::site::ClosedSet::label(*part)).collect();
        let all = ["site_server", "database", "cd_latest", "registry", "log", "backup_document"];
        assert_eq!(labels, all);
        let paths: Vec<_> = record.data_files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, [MDF, LDF]);
        assert_eq!(record.data_file("cm_p01.MDF"), Some(&record.data_files[0]));
        assert_eq!(record.data_file("other.mdf"), None);
    }
}
