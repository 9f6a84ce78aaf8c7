//! Where a site's backups and their copies lie, and how they are examined: what the configuration may say.
//!
//! Paths are absolute here and otherwise as the user wrote them: nobody has looked at them yet.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::paths::task_folder;
use crate::site::{SiteCode, Timestamp, closed_set};

/// How often the snapshot is looked at unless the configuration says otherwise.
pub const DEFAULT_SNAPSHOT_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// How old a recovery drill may become unless the configuration says otherwise.
pub const DEFAULT_DRILL_MAX_AGE: Duration = Duration::from_secs(180 * 24 * 3600);

closed_set! {
    /// The folders that make up a snapshot.
    pub enum SnapshotRoot {
        /// `<SiteCode>Backup` below the task's destination.
        Site => "site",
        /// The same below `database_path`, where the database's part goes elsewhere.
        Database => "database",
    }
}

/// Where the backup task writes, and where its result is copied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotConfig {
    /// The task's destination: the folder that holds `P01Backup`.
    pub path: PathBuf,
    /// Where the database part goes if it goes elsewhere.
    pub database_path: Option<PathBuf>,
    /// `Smsbkup.ctl`; derived from the path of the log where the configuration does not tell, if that tells.
    pub control_file: Option<PathBuf>,
    /// Where the snapshots are copied to.
    pub archives: Vec<ArchiveConfig>,
    /// How the files of the snapshot are verified.
    pub verify: VerifyConfig,
    /// From one look at the snapshot to the next.
    pub interval: Duration,
    /// A path of the site server's installation: what is on its volume is lost together with it.
    pub installation: Option<PathBuf>,
}

/// All of it but the destination, which the site database tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotOfTask(SnapshotConfig);

impl SnapshotOfTask {
    /// How a destination is watched, wherever it is.
    pub(super) fn new(at: impl FnOnce(PathBuf) -> SnapshotConfig) -> Self {
        Self(at(PathBuf::new()))
    }

    /// The whole, at the destination that the task's row names; an error says why that is no folder.
    pub fn at(&self, destination: &str) -> Result<SnapshotConfig, String> {
        let path = task_folder(destination)?;
        Ok(SnapshotConfig { path, ..self.0.clone() })
    }

    /// What is known before, with an empty path.
    pub fn anywhere(&self) -> &SnapshotConfig {
        &self.0
    }
}

impl SnapshotConfig {
    /// The folders that make up the site's snapshot.
    pub fn folders(&self, site: SiteCode) -> Vec<(SnapshotRoot, String)> {
        let folder = |root, path: &Path| (root, folder_in(path, site).display().to_string());
        let database = self.database_path.as_deref().map(|path| folder(SnapshotRoot::Database, path));
        std::iter::once(folder(SnapshotRoot::Site, &self.path)).chain(database).collect()
    }

    /// Whether the destination is on another machine.
    pub fn is_remote(&self) -> bool {
        is_unc(&self.path)
    }
}

/// The folder of a site's snapshot in a destination.
pub(super) fn folder_in(destination: &Path, site: SiteCode) -> PathBuf {
    destination.join(format!("{site}Backup"))
}

/// Whether a path names a share of another machine.
pub(super) fn is_unc(path: &Path) -> bool {
    let path = path.to_string_lossy();
    path.starts_with(r"\\") || path.starts_with("//")
}

/// A place to which snapshots are copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveConfig {
    /// Its name in metrics, once in the site: 1 to 32 of `a-z`, `0-9` and `_`.
    pub name: String,
    /// An absolute path with wildcards in each of its parts but the root, in the syntax of `glob::Pattern`.
    pub pattern: PathBuf,
    /// How old its newest copy may become; `None` where its age is not judged.
    pub max_age: Option<Duration>,
    /// Whether its files are verified too.
    pub verify: bool,
}

/// How the files of a snapshot are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyConfig {
    /// Whether the pages of the database files are read and their checksums compared.
    pub pages: bool,
    /// After which time an unchanged snapshot is verified again.
    pub interval: Duration,
    /// The most that is read, in bytes per second.
    pub rate_limit: u64,
    /// How long the files must have been unchanged before they are read.
    pub settle: Duration,
}

impl Default for VerifyConfig {
    fn default() -> Self {
        Self {
            pages: true,
            interval: Duration::from_secs(7 * 24 * 3600),
            rate_limit: 50 << 20,
            settle: Duration::from_secs(30 * 60),
        }
    }
}

/// A copy of something that the backup task does not back up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupplementalConfig {
    /// Its name in metrics, once in the site: 1 to 32 of `a-z`, `0-9` and `_`.
    pub name: String,
    /// The copy: a file or a folder.
    pub path: PathBuf,
    /// What tells how fresh it is.
    pub freshness: Freshness,
    /// How old it may become.
    pub max_age: Duration,
}

/// What tells how fresh a copy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freshness {
    /// What it is a copy of: a file or a folder.
    Source(PathBuf),
    /// A file that is written anew with each copy.
    Marker(PathBuf),
    /// The newest file of the copy itself.
    Newest,
}

/// When somebody last recovered the site as an exercise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryDrill {
    /// The beginning of that day in UTC.
    pub last: Timestamp,
    /// How old it may become.
    pub max_age: Duration,
}
