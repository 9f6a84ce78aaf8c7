//! What the sources of copies would report: a good snapshot, and what lies around it, without any file.

use std::path::PathBuf;

use configmgr_backup_exporter::config::{ArchiveConfig, SnapshotConfig, VerifyConfig};
use configmgr_backup_exporter::site::{SiteCode, Timestamp};
use configmgr_backup_exporter::snapshot::walk::Entry;
use configmgr_backup_exporter::snapshot::{
    ArchiveContent, ArchiveCopy, DATABASE_FOLDER, DataFile, Headers, OwnRun, Place, Survey, Surveyor,
};
use configmgr_backup_exporter::sqlfile::{BindingId, BootPage, FileHeader, PAGE_SIZE};

/// The task's destination.
pub(crate) const DESTINATION: &str = r"E:\SCCMBackup";

/// Pages of every file of the database.
const PAGES: u32 = 128;

/// A destination on the site server, and one archive elsewhere.
pub(crate) fn config() -> SnapshotConfig {
    let archive = ArchiveConfig {
        name: "nas".to_owned(),
        pattern: PathBuf::from(r"\\NAS01\cm\P01Backup-*"),
        max_age: Some(std::time::Duration::from_secs(8 * 86_400)),
        verify: false,
    };
    SnapshotConfig {
        installation: None,
        path: DESTINATION.into(),
        database_path: None,
        control_file: None,
        archives: vec![archive],
        verify: VerifyConfig::default(),
        interval: std::time::Duration::from_secs(300),
    }
}

/// What a walk over a good snapshot sees that began at `started`.
///
/// Each generation is another run's.
pub(crate) fn good(site: SiteCode, started: Timestamp, generation: u8) -> Survey {
    files(site, started, generation, |_| true)
}

/// Of a good snapshot only what is told to be there.
pub(crate) fn files(
    site: SiteCode,
    started: Timestamp,
    generation: u8,
    is_there: fn(&str) -> bool,
) -> Survey {
    let mut surveyor = Surveyor::new(started, Some(started));
    let database = u64::from(PAGES) * PAGE_SIZE as u64;
    for (path, size) in [
        ("CD.Latest/SMSSETUP/BIN/X64/setup.exe".to_owned(), 70_000),
        (format!("{DATABASE_FOLDER}/CM_{site}.mdf"), database),
        (format!("{DATABASE_FOLDER}/CM_{site}_log.ldf"), database),
        (format!("{DATABASE_FOLDER}/SQLBackupDocument.xml"), 3_000),
        ("SiteServer/SMSServer/BackupTemp/SMSbkSiteRegNAL.dat".to_owned(), 40_000),
        ("SiteServer/SMSServer/BackupTemp/SMSbkSiteRegSMS.dat".to_owned(), 90_000),
        ("SiteServer/SMSServer/inboxes/smsbkup.box/smsbkup.ctl".to_owned(), 9_000),
        ("smsbkup.log".to_owned(), 25_000),
    ] {
        if !is_there(&path) {
            continue;
        }
        let location = PathBuf::from(&path);
        let modified = Some(Timestamp::UNIX_EPOCH + chrono::TimeDelta::days(generation.into()));
        let entry = Entry { path, location, size, modified, created: None };
        if let Some(kind) = surveyor.file(&entry) {
            let boot = kind == configmgr_backup_exporter::snapshot::DataFileKind::Primary;
            let headers = Headers {
                file: Some(FileHeader {
                    binding_id: BindingId([7; 16]),
                    file: if boot { 1 } else { 2 },
                    pages: PAGES,
                    max_pages: None,
                }),
                boot: boot.then(|| BootPage {
                    version: 904,
                    created_with: 904,
                    created: None,
                    database: format!("CM_{site}"),
                }),
                fingerprint: [generation; 32],
                findings: Vec::new(),
            };
            let Entry { path, size, modified, .. } = entry;
            surveyor.data_file(DataFile { path, kind, size, modified, headers: Ok(headers) });
        }
    }
    surveyor.finish()
}

/// A disk with room, on another machine than the site server.
pub(crate) fn place(path: &str) -> Place {
    Place { path: path.to_owned(), exists: true, free: Some(1 << 40), with_server: Some(false) }
}

/// A copy of a good snapshot of a run.
pub(crate) fn archive(site: SiteCode, run: Timestamp, succeeded: Timestamp, generation: u8) -> ArchiveCopy {
    ArchiveCopy {
        path: format!(r"\\NAS01\cm\{site}Backup-{}", run.format("%Y%m%d")),
        content: ArchiveContent::Folder {
            survey: good(site, succeeded, generation),
            run: Some(OwnRun { started: run, succeeded: Some(succeeded) }),
        },
    }
}
