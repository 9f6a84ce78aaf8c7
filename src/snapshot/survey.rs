//! What one walk over a backup saw: sizes, times, parts, and the headers of the database's files.
//!
//! It knows nothing of runs: to which run the files belong is for the assessment to say. Times corroborate and never
//! decide, because VSS copies carry the times of their sources.

use std::collections::BTreeMap;

use super::component::{DataFileKind, OWN_LOG, SnapshotComponent, component_of, is_registry_dump};
use super::finding::Finding;
use super::walk::Entry;
use crate::site::Timestamp;
use crate::sqlfile::{BootPage, FileHeader};

/// So many database files are looked at; ConfigMgr has two.
const MAX_DATA_FILES: usize = 256;

/// How much there is of a part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// How many files.
    pub files: u64,
    /// Their sizes together.
    pub bytes: u64,
    /// How many of them are empty.
    pub empty: u64,
}

impl Extent {
    fn add(&mut self, size: u64) {
        self.files += 1;
        self.bytes += size;
        self.empty += u64::from(size == 0);
    }
}

/// Tells one content from another.
pub type Fingerprint = [u8; 32];

/// One file of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Relative to what was walked.
    pub path: String,
    /// What its ending says.
    pub kind: DataFileKind,
    /// Its length in bytes.
    pub size: u64,
    /// When it was last written, which may be the time of its source.
    pub modified: Option<Timestamp>,
    /// Its headers, or why they could not be read.
    pub headers: Result<Headers, String>,
}

impl DataFile {
    /// Its name without folders.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// What tells its content from another run's; `None` if it could not be read.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.headers.as_ref().ok().map(|headers| headers.fingerprint)
    }
}

/// What the first pages of a database file say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    /// The file header page; `None` if it is damaged.
    pub file: Option<FileHeader>,
    /// The boot page, of a primary data file; `None` if it is damaged.
    pub boot: Option<BootPage>,
    /// Of the length, the file header page and, in a primary data file, the boot page.
    pub fingerprint: Fingerprint,
    /// What is wrong with them.
    pub findings: Vec<Finding>,
}

/// What one walk saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// When the walk began.
    pub started: Timestamp,
    /// Whether the folder was there.
    pub present: bool,
    /// When the folder itself was last changed.
    pub modified: Option<Timestamp>,
    /// All files.
    pub total: Extent,
    /// The newest time of a file.
    pub newest: Option<Timestamp>,
    /// The oldest.
    pub oldest: Option<Timestamp>,
    /// What belongs to each part; a part without files is absent.
    pub components: BTreeMap<SnapshotComponent, Extent>,
    /// The files of the database.
    pub data_files: Vec<DataFile>,
    /// Folders and files that could not be read.
    pub unreadable: u64,
    /// The first of them and why, with the remedy.
    pub first_unreadable: Option<String>,
    /// Of every path, size and time but those of the own log, in the order of the walk.
    pub signature: Fingerprint,
}

impl Survey {
    /// Nothing was there.
    pub fn absent(started: Timestamp) -> Self {
        Self {
            started,
            present: false,
            modified: None,
            total: Extent::default(),
            newest: None,
            oldest: None,
            components: BTreeMap::new(),
            data_files: Vec::new(),
            unreadable: 0,
            first_unreadable: None,
            signature: Fingerprint::default(),
        }
    }

    /// A part, empty if there is nothing of it.
    pub fn component(&self, component: SnapshotComponent) -> Extent {
        self.components.get(&component).copied().unwrap_or_default()
    }

    /// The files of the database of one kind.
    pub fn data_files_of(&self, kind: DataFileKind) -> impl Iterator<Item = &DataFile> {
        self.data_files.iter().filter(move |file| file.kind == kind)
    }
}

/// A survey while its walk goes on.
#[derive(Debug)]
pub struct Surveyor {
    survey: Survey,
    signature: blake3::Hasher,
}

impl Surveyor {
    /// Of a folder that is there.
    pub fn new(started: Timestamp, modified: Option<Timestamp>) -> Self {
        let survey = Survey { present: true, modified, ..Survey::absent(started) };
        Self { survey, signature: blake3::Hasher::new() }
    }

    /// Takes the next file; gives what it is if it is one of the database whose headers must be read.
    pub fn file(&mut self, entry: &Entry) -> Option<DataFileKind> {
        let survey = &mut self.survey;
        survey.total.add(entry.size);
        survey.newest = survey.newest.max(entry.modified);
        survey.oldest = [survey.oldest, entry.modified].into_iter().flatten().min();
        let component = component_of(&entry.path);
        if let Some(component) = component {
            survey.components.entry(component).or_default().add(entry.size);
        }
        if component == Some(SnapshotComponent::SiteServer) && is_registry_dump(&entry.path) {
            survey.components.entry(SnapshotComponent::Registry).or_default().add(entry.size);
        }
        if !entry.path.eq_ignore_ascii_case(OWN_LOG) {
            self.signature.update(&(entry.path.len() as u64).to_le_bytes());
            self.signature.update(entry.path.as_bytes());
            self.signature.update(&entry.size.to_le_bytes());
            let modified = entry.modified.map_or(i64::MIN, |time| time.timestamp_micros());
            self.signature.update(&modified.to_le_bytes());
        }
        let is_data = component == Some(SnapshotComponent::Database);
        DataFileKind::of(&entry.path).filter(|_| is_data && self.survey.data_files.len() < MAX_DATA_FILES)
    }

    /// Takes the headers of a file of the database.
    pub fn data_file(&mut self, file: DataFile) {
        if let Err(reason) = &file.headers {
            let reason = reason.clone();
            self.unreadable(reason);
        }
        self.survey.data_files.push(file);
    }

    /// Takes note of something that could not be read.
    pub fn unreadable(&mut self, reason: String) {
        self.survey.unreadable += 1;
        self.survey.first_unreadable.get_or_insert(reason);
    }

    /// The walk came to its end.
    pub fn finish(self) -> Survey {
        Survey { signature: *self.signature.finalize().as_bytes(), ..self.survey }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::super::samples::{LDF, MDF, Sample};
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds)
    }

    fn entry(path: &str, size: u64, modified: i64) -> Entry {
        Entry {
            path: path.to_owned(),
            location: PathBuf::new(),
            size,
            modified: Some(at(modified)),
            created: None,
        }
    }

    #[test]
    fn a_survey_adds_up_what_the_walk_gives() {
        let mut surveyor = Surveyor::new(at(100), Some(at(50)));
        let kinds: Vec<_> = [
            entry("SiteDBServer/CM_P01.MDF", 8192, 7),
            entry("SiteDBServer/SQLBackupDocument.xml", 10, 9),
            entry("SiteServer/old/copy.mdf", 5, 3),
            entry("SiteServer/SMSServer/BackupTemp/SMSbkSiteRegSMS.dat", 0, 5),
            entry("note.txt", 1, 6),
        ]
        .iter()
        .map(|entry| surveyor.file(entry))
        .collect();
        assert_eq!(kinds, [Some(DataFileKind::Primary), None, None, None, None]);
        surveyor.unreadable("first".to_owned());
        surveyor.unreadable("second".to_owned());
        let survey = surveyor.finish();
        assert_eq!(survey.total, Extent { files: 5, bytes: 8208, empty: 1 });
        assert_eq!((survey.oldest, survey.newest, survey.modified), (Some(at(3)), Some(at(9)), Some(at(50))));
        assert_eq!(survey.component(SnapshotComponent::SiteServer).files, 2);
        assert_eq!(survey.component(SnapshotComponent::Registry), Extent { files: 1, bytes: 0, empty: 1 });
        assert_eq!(survey.component(SnapshotComponent::CdLatest), Extent::default());
        assert_eq!((survey.unreadable, survey.first_unreadable.as_deref()), (2, Some("first")));
    }

    #[test]
    fn a_data_file_without_headers_is_unreadable() {
        let mut surveyor = Surveyor::new(at(0), None);
        let mut files = Sample::good(1).data_files();
        files[1].headers = Err("open it as CORP\\CM01$: access denied".to_owned());
        files.into_iter().for_each(|file| surveyor.data_file(file));
        let survey = surveyor.finish();
        assert_eq!(survey.unreadable, 1);
        assert_eq!(
            survey.data_files.iter().map(DataFile::name).collect::<Vec<_>>(),
            ["CM_P01.mdf", "CM_P01_log.ldf"]
        );
        assert_eq!(survey.data_files[1].fingerprint(), None);
        assert_eq!(
            survey.data_files_of(DataFileKind::Log).map(|file| &*file.path).collect::<Vec<_>>(),
            [LDF]
        );
    }

    #[test]
    fn more_database_files_than_anybody_has_are_only_counted() {
        let mut surveyor = Surveyor::new(at(0), None);
        let mut asked = 0;
        for number in 0..1000 {
            let entry = entry(&format!("SiteDBServer/{number}.ndf"), 8192, 0);
            if let Some(kind) = surveyor.file(&entry) {
                asked += 1;
                let Entry { path, size, modified, .. } = entry;
                surveyor.data_file(DataFile { path, kind, size, modified, headers: Err(String::new()) });
            }
        }
        assert_eq!((asked, surveyor.finish().total.files), (MAX_DATA_FILES, 1000));
    }

    #[test]
    fn the_signature_is_that_of_the_files_and_not_of_their_log() {
        let signature = |sample: Sample| sample.survey(at(0)).signature;
        let good = signature(Sample::good(1));
        assert_eq!(good, Sample::good(1).survey(at(9)).signature);
        assert_eq!(good, signature(Sample::good(1).without("smsbkup.log").with("smsbkup.log", 99)));
        for other in [
            Sample::good(2),
            Sample::good(1).without("CD.Latest"),
            Sample::good(1).resized(MDF, 1),
            Sample::good(1).with("SiteServer/more", 0),
        ] {
            assert_ne!(good, signature(other));
        }
    }

    proptest! {
        /// Names, sizes and times that a hostile share gives do not overflow anything.
        #[test]
        fn any_walk_gives_a_survey(entries in proptest::collection::vec(("\\PC{0,40}", 0_u64..1 << 56, any::<i32>()), 0..30)) {
            let mut surveyor = Surveyor::new(at(0), None);
            for (path, size, modified) in &entries {
                surveyor.file(&entry(path, *size, (*modified).into()));
            }
            prop_assert_eq!(surveyor.finish().total.files, entries.len() as u64);
        }
    }
}
