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
    /// Something could not be looked at, which may be what is missing.
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
    let had_media = last.is_some_and(|last| last.components.contains(&SnapshotComponent::CdLatest));
    if (!older || had_media) && !filled(SnapshotComponent::CdLatest) {
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
            // A transaction log shrinks as it pleases.
            Some(file) if file.kind.has_pages() && file.size > 0 && file.size < before.size / 2 => missing
                .push(format!(
                    "more than half of {name}: {} bytes, {} in the last successful snapshot",
                    file.size, before.size
                )),
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{LDF, MDF, Sample};
    use super::*;
    use crate::site::Timestamp;

    fn judge(sample: &Sample, part: DatabasePart<'_>) -> Completeness {
        completeness(&sample.survey(Timestamp::UNIX_EPOCH), part, None)
    }

    #[test]
    fn only_what_every_documented_backup_has_is_required() {
        let good = || Sample::good(1);
        let least = good()
            .without("smsbkup.log")
            .without("SiteServer/SMSServer/BackupTemp")
            .without("SiteDBServer/SQLBackupDocument.xml");
        let sms = || least.clone().without("SiteDBServer").with("SiteDBServer/SMS_P01.mdf", 8192);
        let older = sms().with("SiteDBServer/SMS_P01_log.LDF", 8192).without("CD.Latest");
        for (sample, missing) in [
            (good(), vec![]),
            (good().with("SiteDBServer/CM_P01_2.ndf", 8192).with("ProviderServer/x", 1), vec![]),
            (least.clone(), vec![]),
            (older, vec![]),
            (sms(), vec!["the database's .ldf in SiteDBServer"]),
            (least.clone().without("CD.Latest"), vec!["CD.Latest"]),
            (good().without("SiteServer").with("SiteServer/empty", 0), vec!["SiteServer"]),
            (good().without(LDF).without("CD"), vec!["the database's .ldf in SiteDBServer", "CD.Latest"]),
            (
                good().with("SiteDBServer/more.ndf", 0),
                vec!["the contents of SiteDBServer/more.ndf (it is empty)"],
            ),
        ] {
            let expected = match missing.is_empty() {
                true => Completeness::Complete,
                false => Completeness::Missing(missing.into_iter().map(str::to_owned).collect()),
            };
            assert_eq!(judge(&sample, DatabasePart::Together), expected);
        }
    }

    #[test]
    fn a_database_part_is_looked_for_where_it_goes() {
        let (site, database) =
            (Sample::good(1).without("SiteDBServer"), Sample::good(1).only("SiteDBServer"));
        let is_unknown = |part| matches!(judge(&site, part), Completeness::Unknown(_));
        assert!(is_unknown(DatabasePart::Apart(None)) && is_unknown(DatabasePart::MaybeElsewhere));
        assert!(!is_unknown(DatabasePart::Together));
        let database = database.survey(Timestamp::UNIX_EPOCH);
        assert_eq!(judge(&site, DatabasePart::Apart(Some(&database))), Completeness::Complete);
        assert_eq!(judge(&Sample::good(1), DatabasePart::MaybeElsewhere), Completeness::Complete);
    }

    #[test]
    fn what_the_last_one_had_must_be_there_again() {
        let last = |sample: Sample| {
            SnapshotRecord::of(Timestamp::UNIX_EPOCH, &[("site", &sample.survey(Timestamp::UNIX_EPOCH))])
        };
        let with_more = last(Sample::good(1).with("SiteDBServer/CM_P01_2.ndf", 80 * 8192));
        for (sample, named) in [
            (Sample::good(2), Some("CM_P01_2.ndf")),
            (Sample::good(2).with("SiteDBServer/cm_p01_2.NDF", 40 * 8192), None),
            (Sample::good(2).with("SiteDBServer/CM_P01_2.ndf", 39 * 8192), Some("half of CM_P01_2.ndf")),
        ] {
            let found =
                completeness(&sample.survey(Timestamp::UNIX_EPOCH), DatabasePart::Together, Some(&with_more));
            match (found, named) {
                (Completeness::Complete, None) => {}
                (Completeness::Missing(missing), Some(named)) => {
                    assert!(missing.len() == 1 && missing[0].contains(named), "{missing:?}");
                }
                (found, named) => panic!("{found:?} {named:?}"),
            }
        }
        // A transaction log shrinks as it pleases; a layout that had the media does not lose them.
        let shrunk = Sample::good(2).without(LDF).with(LDF, 8192).survey(Timestamp::UNIX_EPOCH);
        let good = last(Sample::good(1));
        assert_eq!(completeness(&shrunk, DatabasePart::Together, Some(&good)), Completeness::Complete);
        let renamed = Sample::good(2).with("SiteDBServer/SMS_P01.mdf", 8192).without("CD.Latest");
        let found = completeness(&renamed.survey(Timestamp::UNIX_EPOCH), DatabasePart::Together, Some(&good));
        assert!(matches!(found, Completeness::Missing(missing) if missing == ["CD.Latest"]), "{MDF}");
    }
}
