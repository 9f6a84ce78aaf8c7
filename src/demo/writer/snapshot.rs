//! Whole snapshots, small ones: the tree that a backup leaves, with database files whose pages hold.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use chrono::NaiveDate;

use super::hive::hive;
use super::mdf::Database;
use crate::site::{SiteCode, Timestamp};
use crate::sqlfile::PAGE_SIZE;

/// How a snapshot is spoilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// One bit of a page in use is another.
    FlippedBit,
    /// The last pages of the data file are missing.
    Truncated,
}

/// Writes the snapshots of one site.
#[derive(Debug, Clone)]
pub struct SnapshotWriter {
    database: Database,
    /// The data file's pages.
    pages: u32,
}

/// The page whose bit [`Flaw::FlippedBit`] flips: one that is in use in every generation.
const FLIPPED_PAGE: u64 = 21;

impl SnapshotWriter {
    /// Of a site whose database has 4 MiB.
    pub fn new(site: SiteCode) -> Self {
        let created =
            NaiveDate::from_ymd_opt(2024, 3, 1).unwrap_or_default().and_time(chrono::NaiveTime::MIN);
        let mut binding_id = [0x5C; 16];
        binding_id[..3].copy_from_slice(site.as_str().as_bytes());
        let database = Database { name: format!("CM_{site}"), binding_id, seed: 7, version: 904, created };
        Self { database, pages: 512 }
    }

    /// Writes everything but the destination's own log; every file bears this time.
    pub fn write(
        &self,
        folder: &Path,
        generation: u64,
        time: Timestamp,
        flaw: Option<Flaw>,
    ) -> io::Result<()> {
        let name = &self.database.name;
        let mut data = self.database.mdf(self.pages, generation);
        match flaw {
            None => {}
            Some(Flaw::FlippedBit) => {
                let at = usize::try_from(FLIPPED_PAGE).unwrap_or(0) * PAGE_SIZE + 4321;
                data[at] ^= 0x10;
            }
            Some(Flaw::Truncated) => data.truncate(data.len() / 2),
        }
        let text = |what: &str| format!("{what} of generation {generation}\r\n").into_bytes();
        let server = "SiteServer/SMSServer";
        let files = [
            (format!("SiteDBServer/{name}.mdf"), data),
            (format!("SiteDBServer/{name}_log.ldf"), self.database.ldf(128, generation)),
            ("SiteDBServer/SQLBackupDocument.xml".to_owned(), text("<WRITER_METADATA/>")),
            (format!("{server}/BackupTemp/SMSbkSiteRegSMS.dat"), hive(8)),
            (format!("{server}/BackupTemp/SMSbkSiteRegNAL.dat"), hive(2)),
            (format!("{server}/inboxes/auth/ddm.box/inventory.ddr"), text("A data discovery record")),
            (format!("{server}/inboxes/hman.box/site.ct0"), text("The site control file")),
            (format!("{server}/Logs/sitecomp.log"), text("A log")),
            (format!("{server}/data/hinvarchive/sms_def.mof"), text("Inventory classes")),
            (format!("{server}/srvacct/server.key"), text("A key")),
            ("CD.Latest/splash.hta".to_owned(), text("The start page")),
            ("CD.Latest/SMSSETUP/BIN/X64/setup.exe".to_owned(), text("The setup program")),
            ("CD.Latest/redist/manifest.cab".to_owned(), text("What setup needs")),
        ];
        files.iter().try_for_each(|(path, bytes)| write(&folder.join(path), bytes, time))
    }

    /// Writes the destination's own log.
    pub fn write_log(&self, folder: &Path, lines: &str, time: Timestamp) -> io::Result<()> {
        write(&folder.join("smsbkup.log"), lines.as_bytes(), time)
    }
}

fn write(path: &Path, bytes: &[u8], time: Timestamp) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.set_modified(time.into())
}
