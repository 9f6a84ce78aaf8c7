//! Whether a snapshot has all its parts, each with something in it.
//!
//! Required is what every documented backup has: `SiteServer`, a data file and a log of the database, and `CD.Latest`
//! except in layouts older than it. Whatever else the last good snapshot had must be there again.

use super::component::{DATABASE_FOLDER, DataFileKind, SnapshotComponent};
use super::record::SnapshotRecord;
use super::survey::Survey;
use crate::site::ClosedSet;

/// What completeness says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completeness {
    /// Everything is there.
    Complete,
    /// Something is not; each in a few words.
    Missing(Vec<String>),
    /// Something could not be looked at, and nothing else is missing.
    Unknown(String),
}

/// Where the database's part is.
#[derive(Debug, Clone, Copy)]
pub enum DatabasePart<'a> {
    /// In the same folder.
    Together,
    /// In the folder of `database_path`; `None` while that has not been seen.
    Apart(Option<&'a Survey>),
    /// Perhaps on the database server, of which nobody told us: a local destination, and no `database_path`.
    MaybeElsewhere,
}

/// Judges what is there against what must be, and against what the last good snapshot had.
pub fn completeness(
    site: &Survey,
    database: DatabasePart<'_>,
    last: Option<&SnapshotRecord>,
) -> Completeness {
    let mut missing = Vec::new();
    let mut unknown = site.first_unreadable.clone();
    let mut require = |found: bool, what: &str| {
        if !found {
            missing.push(what.to_owned());
        }
    };
    let filled = |component| {
        let extent = site.component(component);
        extent.files > 0 && extent.bytes > 0
    };
    require(filled(SnapshotComponent::SiteServer), "SiteServer");

    let nothing_here = site.component(SnapshotComponent::Database).files == 0
        && last.is_none_or(|last| !last.components.contains(&SnapshotComponent::Database));
    let of_database = match database {
        DatabasePart::Together => Some(site),
        DatabasePart::MaybeElsewhere if !nothing_here => Some(site),
        DatabasePart::MaybeElsewhere => {
            let why = format!(
                "{DATABASE_FOLDER} is not in the destination; if SQL Server is on another machine, set \
                 sites[].snapshot.database_path"
            );
            unknown.get_or_insert(why);
            None
        }
        DatabasePart::Apart(survey) => {
            let why = || "the folder of sites[].snapshot.database_path has not been seen".to_owned();
            let unseen = match survey {
                None => Some(why()),
                Some(survey) => survey.first_unreadable.clone(),
            };
            unknown = unknown.or(unseen);
            survey
        }
    };
    let mut older = false;
    if let Some(survey) = of_database {
        let filled = |kind| survey.data_files_of(kind).any(|file| file.size > 0);
        require(filled(DataFileKind::Primary), "the database's .mdf in SiteDBServer");
        require(filled(DataFileKind::Log), "the database's .ldf in SiteDBServer");
        // Before ConfigMgr 2012 the database was called SMS_<code>, and there was no CD.Latest.
        older = survey.data_files.iter().any(|file| file.name().get(..4).is_some_and(is_older));
        for file in survey.data_files.iter().filter(|file| file.size == 0) {
            missing.push(format!("the contents of {} (it is empty)", file.path));
        }
    }
    if !older && !filled(SnapshotComponent::CdLatest) {
        missing.push("CD.Latest".to_owned());
    }
    if let Some(last) = last {
        compare(site, of_database, last, &mut missing);
    }
    match unknown {
        // What could not be read may be what is missing.
        Some(why) => Completeness::Unknown(why),
        None if missing.is_empty() => Completeness::Complete,
        None => Completeness::Missing(missing),
    }
}

fn is_older(prefix: &str) -> bool {
    prefix.eq_ignore_ascii_case("SMS_")
}

/// What the last good snapshot had, and at least half as large.
fn compare(site: &Survey, database: Option<&Survey>, last: &SnapshotRecord, missing: &mut Vec<String>) {
    use SnapshotComponent::{BackupDocument, Log, Registry};
    for component in [Registry, Log, BackupDocument] {
        let there =
            [Some(site), database].into_iter().flatten().any(|survey| survey.component(component).files > 0);
        if last.components.contains(&component) && !there {
            missing.push(format!("{} (the last successful snapshot had it)", component.label()));
        }
    }
    let Some(database) = database else { return };
    for before in &last.data_files {
        let name = before.path.rsplit('/').next().unwrap_or(&before.path);
        match database.data_files.iter().find(|file| file.name().eq_ignore_ascii_case(name)) {
            None => missing.push(format!("{name} (the last successful snapshot had it)")),
            Some(file) if file.size > 0 && file.size < before.size / 2 => missing.push(format!(
                "more than half of {name}: {} bytes, {} in the last successful snapshot",
                file.size, before.size
            )),
            Some(_) => {}
        }
    }
}
