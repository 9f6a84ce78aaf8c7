//! Destinations and archives in temporary folders, polled as the exporter does, one slice at a time.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};

mod archives;
mod destination_log;

use super::*;
use crate::clock::Clock;
use crate::config::{ArchiveConfig, SnapshotConfig, SnapshotRoot, VerifyConfig};
use crate::demo::writer::{BackupTask, LogWriter, SnapshotWriter};
use crate::site::{SiteCode, Timestamp, Witness};
use crate::snapshot::{ArchiveContent, ArchiveCopy, OwnRun, SnapshotComponent, Survey};
use crate::source::{BlockingSource, Cursor, Fact, Guidance, Quiet, Reach, Surroundings};
use crate::trace::{Phrases, UserPatterns};

pub(super) fn site() -> SiteCode {
    "P01".parse().unwrap()
}

pub(super) fn start(run: i32) -> Timestamp {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::days(1) * run
}

/// What the installation's log says of a successful run.
pub(super) fn success(run: i32) -> String {
    BackupTask::new(site()).success().text(&LogWriter::new(site(), "CM01.corp.example"), start(run))
}

pub(super) fn phrases() -> Phrases {
    Phrases::new(UserPatterns::default()).unwrap()
}

pub(super) fn surroundings() -> Surroundings<'static> {
    Surroundings { clock: Clock::System, state_path: Path::new("/nowhere"), account: r"CORP\CM01$" }
}

pub(super) fn config(path: &Path) -> SnapshotConfig {
    SnapshotConfig {
        path: path.to_owned(),
        database_path: None,
        control_file: None,
        archives: Vec::new(),
        verify: VerifyConfig::default(),
        interval: Duration::from_secs(300),
        installation: None,
    }
}

/// Writes what a run left.
pub(super) fn write_snapshot(folder: &Path, run: i32, log: &str) {
    let writer = SnapshotWriter::new(site());
    writer.write(folder, run.unsigned_abs().into(), start(run), None).unwrap();
    writer.write_log(folder, log, start(run)).unwrap();
}

/// Polls until there is nothing more.
pub(super) fn drain(
    source: &dyn BlockingSource,
    cursor: &mut Option<Cursor>,
) -> Result<Vec<Fact>, PollFailure> {
    let mut facts = Vec::new();
    loop {
        let polled = source.poll(cursor.as_ref(), &Guidance::default())?;
        facts.extend(polled.facts);
        *cursor = Some(polled.cursor);
        if !matches!(polled.reach, Reach::More | Reach::MoreAfter(_)) {
            return Ok(facts);
        }
    }
}

fn root(config: &SnapshotConfig) -> RootSource {
    RootSource::site(site(), config, phrases(), &surroundings())
}

fn survey(facts: &[Fact]) -> Option<&Survey> {
    facts.iter().find_map(|fact| match fact {
        Fact::Survey(SnapshotRoot::Site, survey) => Some(survey),
        _ => None,
    })
}

fn records(facts: &[Fact]) -> usize {
    let of = |fact: &Fact| match fact {
        Fact::Records(Witness::DestinationLog, records) => records.len(),
        _ => 0,
    };
    facts.iter().map(of).sum()
}

fn is_silent(facts: &[Fact]) -> bool {
    facts.contains(&Fact::Silent(Witness::DestinationLog))
}

fn exists(facts: &[Fact]) -> Option<bool> {
    facts.iter().find_map(|fact| if let Fact::Place(_, place) = fact { Some(place.exists) } else { None })
}

#[test]
fn a_destination_is_surveyed_with_its_headers_and_its_log() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("P01Backup");
    write_snapshot(&folder, 1, &success(1));
    let source = root(&config(place.path()));
    let mut cursor = None;
    let facts = drain(&source, &mut cursor).unwrap();
    let seen = survey(&facts).unwrap();
    assert!(seen.present && seen.modified.is_some());
    assert_eq!((seen.unreadable, seen.data_files.len()), (0, 2));
    assert!(seen.data_files.iter().all(|file| file.headers.as_ref().is_ok_and(|h| h.findings.is_empty())));
    assert_eq!(seen.component(SnapshotComponent::Log).files, 1);
    assert!(records(&facts) > 9, "{facts:?}");
    // What the log tells of the run is known before its files are judged.
    assert!(matches!(facts.last(), Some(Fact::Survey(..))), "{facts:?}");
    assert_eq!(exists(&facts), Some(true));
    // A second look finds the same files and nothing new in the log.
    let again = drain(&source, &mut cursor).unwrap();
    assert_eq!(records(&again), 0);
    assert_eq!(survey(&again).map(|survey| survey.signature), Some(seen.signature));
    assert_eq!(survey(&again).map(|survey| &survey.data_files), Some(&seen.data_files));
}

#[test]
fn a_missing_folder_is_seen_and_so_is_a_missing_disk() {
    let place = tempfile::tempdir().unwrap();
    let source = root(&config(place.path()));
    let facts = drain(&source, &mut None).unwrap();
    assert_eq!((exists(&facts), is_silent(&facts)), (Some(true), true));
    assert_eq!(survey(&facts).map(|survey| survey.present), Some(false));
    let source = root(&config(&place.path().join("unmounted")));
    let facts = drain(&source, &mut None).unwrap();
    assert_eq!((exists(&facts), is_silent(&facts)), (Some(false), true));
    // What was seen before it went is not there now.
    assert_eq!(survey(&facts).map(|survey| survey.present), Some(false));
    assert!(matches!(facts[..], [Fact::Place(..), ..]), "that the disk is missing is known first: {facts:?}");
}

#[test]
fn a_destination_without_its_log_is_silent_until_it_has_one() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("P01Backup");
    write_snapshot(&folder, 1, &success(1));
    let (source, mut cursor) = (root(&config(place.path())), None);
    drain(&source, &mut cursor).unwrap();
    fs::rename(folder.join("smsbkup.log"), folder.join("away")).unwrap();
    let facts = drain(&source, &mut cursor).unwrap();
    assert_eq!((is_silent(&facts), survey(&facts).map(|survey| survey.unreadable)), (true, Some(0)));
    fs::rename(folder.join("away"), folder.join("smsbkup.log")).unwrap();
    let facts = drain(&source, &mut cursor).unwrap();
    let covers = |fact: &Fact| matches!(fact, Fact::Coverage { witness: Witness::DestinationLog, .. });
    assert!(facts.iter().any(covers) && records(&facts) == 0, "{facts:?}");
}

#[test]
fn a_long_log_is_read_in_pieces_and_tells_the_same() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("P01Backup");
    let filler = LogWriter::new(site(), "CM01").text(start(1), "Copied another file to the destination.");
    let filler = filler.repeat((1 << 20) / filler.len());
    write_snapshot(&folder, 1, &format!("{}{filler}", success(1)));
    let (source, mut cursor) = (root(&config(place.path())), None);
    let first = source.poll(None, &Guidance::default()).unwrap();
    assert_eq!((survey(&first.facts), first.reach), (None, Reach::More));
    let mut facts = first.facts;
    cursor.replace(first.cursor);
    facts.extend(drain(&source, &mut cursor).unwrap());
    assert!(records(&facts) > 9 && survey(&facts).is_some_and(|survey| survey.present), "{facts:?}");
}

#[test]
fn a_log_that_cannot_be_read_is_counted_and_the_rest_is_seen() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("P01Backup");
    write_snapshot(&folder, 1, "");
    fs::remove_file(folder.join("smsbkup.log")).unwrap();
    // A folder instead of a log says so on every system.
    fs::create_dir(folder.join("smsbkup.log")).unwrap();
    let facts = drain(&root(&config(place.path())), &mut None).unwrap();
    assert!(is_silent(&facts) && survey(&facts).is_some_and(|survey| survey.present));
}

#[test]
fn a_quiet_poll_touches_nothing_and_begins_anew_afterwards() {
    let place = tempfile::tempdir().unwrap();
    write_snapshot(&place.path().join("P01Backup"), 1, &success(1));
    let source = root(&config(place.path()));
    source.leave_half_done();
    let quiet = Guidance { quiet: Some(Quiet::RunInProgress), ..Guidance::default() };
    let polled = source.poll(Some(&Cursor::Anew), &quiet).unwrap();
    assert_eq!((polled.facts, polled.cursor, polled.reach), (vec![], Cursor::Anew, Reach::Unsettled));
    assert!(!source.is_half_done());
}

#[test]
fn what_disappears_under_the_walk_is_looked_for_again_and_no_failure() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("P01Backup");
    write_snapshot(&folder, 1, &success(1));
    let source = root(&config(place.path()));
    // Renamed as a whole, as AfterBackup.bat does it.
    source.leave_half_done();
    fs::rename(&folder, place.path().join("Monday")).unwrap();
    let facts = drain(&source, &mut None).unwrap();
    assert_eq!(survey(&facts).map(|survey| (survey.present, survey.unreadable)), Some((false, 0)));
    // A part of it, after it was listed.
    fs::rename(place.path().join("Monday"), &folder).unwrap();
    source.leave_half_done_after(1);
    fs::remove_dir_all(folder.join("SiteServer")).unwrap();
    let polled = source.poll(None, &Guidance::default()).unwrap();
    assert_eq!((survey(&polled.facts), polled.reach), (None, Reach::Unsettled));
    let facts = drain(&source, &mut None).unwrap();
    assert_eq!(survey(&facts).map(|survey| (survey.present, survey.unreadable)), Some((true, 0)));
}

#[cfg(unix)]
#[test]
fn a_folder_without_access_is_counted_with_account_and_remedy_and_a_root_fails() {
    use std::os::unix::fs::PermissionsExt;

    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("P01Backup");
    write_snapshot(&folder, 1, &success(1));
    let (closed, open) = (fs::Permissions::from_mode(0o000), fs::Permissions::from_mode(0o755));
    fs::set_permissions(folder.join("SiteServer"), closed.clone()).unwrap();
    if fs::read_dir(folder.join("SiteServer")).is_ok() {
        eprintln!("skipped: this user reads every folder");
        return;
    }
    let source = root(&config(place.path()));
    let facts = drain(&source, &mut None).unwrap();
    let seen = survey(&facts).unwrap();
    let first = seen.first_unreadable.clone().unwrap();
    assert_eq!(seen.unreadable, 1);
    assert!(first.contains("SiteServer") && first.contains(r"give CORP\CM01$ read access"), "{first}");
    fs::set_permissions(folder.join("SiteServer"), open.clone()).unwrap();
    fs::set_permissions(&folder, closed).unwrap();
    let failure = drain(&source, &mut None).unwrap_err();
    assert_eq!(failure.kind, crate::source::FailureKind::AccessDenied, "{}", failure.message);
    fs::set_permissions(&folder, open).unwrap();
}

#[test]
fn the_pool_counts_every_source() {
    use crate::config::{SiteConfig, SiteSettings};
    use crate::source::sources_of;

    let count = |archives: &[&str], database: bool| {
        let archive = |name: &&str| ArchiveConfig {
            name: (*name).to_owned(),
            pattern: PathBuf::from("/nowhere").join(name),
            max_age: None,
            verify: false,
        };
        let snapshot = SnapshotConfig {
            database_path: database.then(|| PathBuf::from("/elsewhere")),
            archives: archives.iter().map(archive).collect(),
            ..config(Path::new("/nowhere"))
        };
        let settings = SiteSettings { snapshot: Some(snapshot), ..SiteSettings::new(site()) };
        let sources = sources_of(&SiteConfig::of(settings.clone()), &surroundings()).unwrap();
        let ids: std::collections::BTreeSet<_> = sources.iter().map(|source| source.id().clone()).collect();
        assert_eq!(ids.len(), sources.len(), "each has its own id");
        ids.iter().filter(|id| id.kind == crate::source::SourceKind::Snapshot).count()
    };
    assert_eq!((count(&[], false), count(&["a", "b"], false), count(&["a", "b"], true)), (2, 3, 4));
}
