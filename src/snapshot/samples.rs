//! Backups for tests of what is made of them: surveys folded from the entries of a walk, without any file.

use std::path::PathBuf;

use chrono::TimeDelta;

use super::walk::Entry;
use super::{DataFile, DataFileKind, Finding, Headers, Survey, Surveyor};
use crate::site::Timestamp;
use crate::sqlfile::{BindingId, BootPage, FileHeader, PAGE_SIZE};

pub(crate) const MDF: &str = "SiteDBServer/CM_P01.mdf";
pub(crate) const LDF: &str = "SiteDBServer/CM_P01_log.ldf";
const PAGES: u32 = 1000;
const BYTES: u64 = 1000 * PAGE_SIZE as u64;

/// The files of a backup.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    files: Vec<(String, u64, Option<Headers>)>,
    generation: u8,
    unreadable: Option<String>,
}

impl Sample {
    /// Complete and whole; each generation is another run's.
    pub(crate) fn good(generation: u8) -> Self {
        let none = Self { files: Vec::new(), generation, unreadable: None };
        none.with(MDF, BYTES)
            .with(LDF, BYTES)
            .with("SiteDBServer/SQLBackupDocument.xml", 3_000)
            .with("SiteServer/SMSServer/BackupTemp/SMSbkSiteRegNAL.dat", 40_000)
            .with("SiteServer/SMSServer/BackupTemp/SMSbkSiteRegSMS.dat", 90_000)
            .with("SiteServer/SMSServer/inboxes/smsbkup.box/smsbkup.ctl", 9_000)
            .with("CD.Latest/SMSSETUP/BIN/X64/setup.exe", 70_000)
            .with("smsbkup.log", 25_000)
    }

    /// One more file; a file of the database has the headers that fit it.
    pub(crate) fn with(mut self, path: &str, size: u64) -> Self {
        let headers = DataFileKind::of(path).map(|kind| Headers {
            file: Some(FileHeader {
                binding_id: BindingId([7; 16]),
                file: match kind {
                    DataFileKind::Primary => 1,
                    DataFileKind::Log => 2,
                    DataFileKind::Secondary => 3,
                },
                pages: u32::try_from(size / PAGE_SIZE as u64).unwrap(),
                max_pages: None,
            }),
            boot: (kind == DataFileKind::Primary).then(|| BootPage {
                version: 904,
                created_with: 904,
                created: None,
                database: "CM_P01".to_owned(),
            }),
            fingerprint: [self.generation; 32],
            findings: Vec::new(),
        });
        self.files.push((path.to_owned(), size, headers));
        self
    }

    /// Without what lies at or below this path.
    pub(crate) fn without(mut self, path: &str) -> Self {
        self.files.retain(|(there, ..)| !there.starts_with(path));
        self
    }

    /// Only what lies below this path.
    pub(crate) fn only(mut self, path: &str) -> Self {
        self.files.retain(|(there, ..)| there.starts_with(path));
        self
    }

    /// A file cut or stretched, so that its header fits no longer.
    pub(crate) fn resized(mut self, path: &str, size: u64) -> Self {
        self.files.iter_mut().find(|(there, ..)| there == path).unwrap().1 = size;
        self
    }

    /// A file of the database with other headers.
    pub(crate) fn headers(mut self, path: &str, change: impl Fn(&mut Headers)) -> Self {
        let file = self.files.iter_mut().find(|(there, ..)| there == path).unwrap();
        change(file.2.as_mut().unwrap());
        self
    }

    /// A file of the database whose binding id is another one's.
    pub(crate) fn foreign(self, path: &str) -> Self {
        self.headers(path, |headers| headers.file.as_mut().unwrap().binding_id = BindingId([8; 16]))
    }

    /// A file of the database with the file header of a damaged page.
    pub(crate) fn damaged(self, path: &str) -> Self {
        let finding = Finding::damaged(path, "a file header", "page type 0").at_page(0);
        self.headers(path, |headers| {
            headers.file = None;
            headers.findings.push(finding.clone());
        })
    }

    /// With something that could not be read.
    pub(crate) fn unreadable(mut self, reason: &str) -> Self {
        self.unreadable = Some(reason.to_owned());
        self
    }

    /// What a walk sees that began at `started`.
    pub(crate) fn survey(&self, started: Timestamp) -> Survey {
        let mut surveyor = Surveyor::new(started, Some(started));
        let modified = Some(Timestamp::UNIX_EPOCH + TimeDelta::days(self.generation.into()));
        for (path, size, headers) in self.files.clone() {
            let entry = Entry { location: PathBuf::from(&path), path, size, modified, created: None };
            if let Some(kind) = surveyor.file(&entry) {
                let (path, headers) = (entry.path, Ok(headers.unwrap()));
                surveyor.data_file(DataFile { path, kind, size, modified, headers });
            }
        }
        if let Some(reason) = &self.unreadable {
            surveyor.unreadable(reason.clone());
        }
        surveyor.finish()
    }

    /// Its files of the database.
    pub(crate) fn data_files(&self) -> Vec<DataFile> {
        self.survey(Timestamp::UNIX_EPOCH).data_files
    }
}

/// Half the pages of a file of a good backup, in bytes.
pub(crate) const HALF: u64 = PAGES as u64 / 2 * PAGE_SIZE as u64;
