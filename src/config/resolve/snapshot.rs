//! The section `snapshot`: where the backup task writes, where that is copied to, and how it is examined.

use std::path::Path;
use std::time::Duration;

use super::copies::once;
use super::{DAY, HOUR, SECOND};
use crate::config::origin::{Origin, Origins};
use crate::config::paths::{control_file_beside, file_path, folder_path, path_pattern};
use crate::config::problem::{Fault, shown};
use crate::config::section::{Entry, Field};
use crate::config::snapshot::is_unc;
use crate::config::{ArchiveConfig, DEFAULT_SNAPSHOT_INTERVAL, SnapshotConfig, VerifyConfig, fields};

/// Names under which the metrics show what is no configured archive.
const RESERVED: [&str; 3] = ["discovered", "site", "database"];

/// At this rate a day reads 84 GiB: any slower, and a large database is not read before the next backup.
const LEAST_RATE: u64 = 1 << 20;

/// Reads the section; the path of the log tells the control file where the section does not.
pub(super) fn read(
    entry: &Entry<'_>,
    base: &Path,
    log_path: Option<&Path>,
    origins: &mut Origins,
) -> Option<SnapshotConfig> {
    let mut section = entry.section()?;
    let mut field = Field { section: &mut section, prefix: "snapshot.", origins };
    let remedy = r"write the folder that the backup task writes to, as 'E:\SCCMBackup'";
    let path = field.require("path", remedy, |text| folder_path(text, base));
    let database_path = field.read("database_path", |text| folder_path(text, base));
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
    let archives = archives_entry.map(|entry| archives(&entry, base, origins)).unwrap_or_default();
    let verify = verify_entry.and_then(|entry| verify(&entry, origins)).unwrap_or_default();
    section.close();
    // What is on a share is not lost with the server.
    let installation = log_path.filter(|path| !is_unc(path)).map(Path::to_owned);
    Some(SnapshotConfig {
        path: path?,
        database_path,
        control_file,
        archives,
        verify,
        interval,
        installation,
    })
}

fn archives(entry: &Entry<'_>, base: &Path, origins: &mut Origins) -> Vec<ArchiveConfig> {
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
        let pattern = field.require("path", remedy, |text| {
            let pattern = path_pattern(text, base)?;
            once(text, archives.iter().find(|known| known.pattern == pattern).map(|known| &known.name))?;
            Ok(pattern)
        });
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
