//! The section `snapshot`: where the backup task writes, where that is copied to, and how it is examined.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::copies::Watched;
use super::{DAY, HOUR, SECOND};
use crate::config::discovery::OF_TASK;
use crate::config::origin::{Origin, Origins};
use crate::config::paths::{control_file_beside, file_path, folder_path, is_within, path_pattern, same_path};
use crate::config::problem::{Fault, shown};
use crate::config::section::{Entry, Field};
use crate::config::snapshot::{folder_in, is_unc};
use crate::config::{
    ArchiveConfig, DEFAULT_SNAPSHOT_INTERVAL, SnapshotConfig, SnapshotOfTask, VerifyConfig, fields,
};
use crate::site::SiteCode;

/// Names under which the metrics show what is no configured archive.
const RESERVED: [&str; 3] = ["discovered", "site", "database"];

/// At this rate a day reads 84 GiB: any slower, and a large database is not read before the next backup.
const LEAST_RATE: u64 = 1 << 20;

/// What a section becomes.
pub(super) enum Snapshot {
    /// Everything is written.
    At(SnapshotConfig),
    /// The site database tells the destination.
    OfTask(SnapshotOfTask),
}

/// Reads the section; the path of the log tells the control file where the section does not.
pub(super) fn read(
    entry: &Entry<'_>,
    base: &Path,
    site: SiteCode,
    log_path: Option<&Path>,
    watched: &mut Watched,
    origins: &mut Origins,
) -> Option<Snapshot> {
    let mut section = entry.section()?;
    let mut field = Field { section: &mut section, prefix: "snapshot.", origins };
    let remedy = r"write the folder that the backup task writes to, as 'E:\SCCMBackup'";
    // `None` inside where the task's row tells it.
    let written = field.require("path", remedy, |text| match text {
        OF_TASK => Ok(None),
        text => folder_path(text, base).map(Some),
    });
    let is_of_task = written == Some(None);
    let path = written.flatten();
    let database_path = field.read("database_path", |text| {
        let folder = folder_path(text, base)?;
        if path.as_ref().is_some_and(|path| same_path(path, &folder)) {
            return Err(Fault::new(format!("{} is `path` itself", shown(text)), "remove the key"));
        }
        Ok(folder)
    });
    let mut control_file = field.read("control_file", |text| file_path(text, base));
    let archives_entry = field.section.take("archives");
    let verify_entry = field.section.take("verify");
    let interval = field.duration("interval", SECOND * 10, DAY).unwrap_or(DEFAULT_SNAPSHOT_INTERVAL);
    if control_file.is_none() {
        control_file = log_path.and_then(control_file_beside);
        if control_file.is_some() {
            origins.record("snapshot.control_file", Origin::LogPath);
        }
    }
    let snapshot = |destination: &Option<PathBuf>| destination.as_deref().map(|path| folder_in(path, site));
    for (what, path) in [
        ("the snapshot", snapshot(&path)),
        ("the snapshot's database", snapshot(&database_path)),
        ("the destination", path.clone()),
        ("the control file", control_file.clone()),
    ] {
        path.into_iter().for_each(|path| watched.add_own(what, path));
    }
    let archives = archives_entry.map(|entry| archives(&entry, base, watched, origins)).unwrap_or_default();
    let verify = verify_entry.and_then(|entry| verify(&entry, origins)).unwrap_or_default();
    section.close();
    // What is on a share is not lost with the server.
    let installation = log_path.filter(|path| !is_unc(path)).map(Path::to_owned);
    let at =
        |path| SnapshotConfig { path, database_path, control_file, archives, verify, interval, installation };
    if is_of_task { Some(Snapshot::OfTask(SnapshotOfTask::new(at))) } else { Some(Snapshot::At(at(path?))) }
}

/// What to write instead of a log in the snapshot.
pub(super) const OTHER_LOG: &str =
    "write the log on the site server, or remove `log`: the snapshot's own log is read anyway";

/// What to write instead of an event log in the snapshot.
pub(super) const OTHER_EVENT_LOG: &str =
    "write the Application.evtx of the site server, or remove `event_log`";

/// Refuses a log in the snapshot in place of one of the site server: it would be opened every few seconds of a backup.
pub(super) fn refuse_as_log(
    config: &SnapshotConfig,
    site: SiteCode,
    entry: &Entry<'_>,
    log: &Path,
    remedy: &str,
) {
    let folders = config.folders(site);
    if folders.iter().any(|(_, folder)| is_within(log, Path::new(folder)))
        && let Some(path) = entry.section().and_then(|mut section| section.take("path"))
    {
        path.reject(Fault::new("lies in the snapshot, which each run deletes", remedy));
    }
}

fn archives(
    entry: &Entry<'_>,
    base: &Path,
    watched: &mut Watched,
    origins: &mut Origins,
) -> Vec<ArchiveConfig> {
    let (mut archives, mut names): (Vec<ArchiveConfig>, _) = (Vec::new(), Vec::new());
    for (index, item) in entry.list().unwrap_or_default().iter().enumerate() {
        let Some(mut section) = item.section() else { continue };
        let prefix = format!("snapshot.archives[{index}].");
        let mut field = Field { section: &mut section, prefix: &prefix, origins };
        let name = field.require("name", "write how the metrics call the archive, as `name: nas`", |text| {
            if RESERVED.contains(&text) {
                let what = format!("{} has its own meaning in the metrics", shown(text));
                return Err(Fault::new(what, format!("write another name than {}", RESERVED.join(", "))));
            }
            fields::name(text, &names)
        });
        names.extend(name.clone());
        let remedy = r"write the path of the copies, with wildcards, as '\\NAS01\cm\P01Backup-*'";
        let pattern = field.require("path", remedy, |text| watched.once(text, path_pattern(text, base)?));
        if let (Some(name), Some(pattern)) = (&name, &pattern) {
            watched.add_copy(name, pattern.clone());
        }
        let max_age = field.duration("max_age", HOUR, DAY * 3650);
        let verify = field.read("verify", fields::boolean).unwrap_or(false);
        section.close();
        archives.extend(name.zip(pattern).map(|(name, pattern)| ArchiveConfig {
            name,
            pattern,
            max_age,
            verify,
        }));
    }
    archives
}

fn verify(entry: &Entry<'_>, origins: &mut Origins) -> Option<VerifyConfig> {
    let mut section = entry.section()?;
    let mut field = Field { section: &mut section, prefix: "snapshot.verify.", origins };
    let default = VerifyConfig::default();
    let verify = VerifyConfig {
        pages: field.read("pages", fields::boolean).unwrap_or(default.pages),
        interval: field.duration("interval", HOUR, DAY * 365).unwrap_or(default.interval),
        rate_limit: field
            .read("rate_limit", |text| fields::rate(text, LEAST_RATE))
            .unwrap_or(default.rate_limit),
        settle: field.duration("settle", Duration::ZERO, DAY).unwrap_or(default.settle),
    };
    section.close();
    Some(verify)
}
