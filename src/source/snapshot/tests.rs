//! Destinations and archives in temporary folders, polled as the exporter does, one slice at a time.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};

use super::*;
use crate::clock::Clock;
use crate::config::{ArchiveConfig, SnapshotConfig, SnapshotRoot, VerifyConfig};
use crate::demo::writer::{BackupTask, LogWriter, SnapshotWriter};
use crate::site::{SiteCode, Timestamp, Witness};
use crate::snapshot::{ArchiveContent, ArchiveCopy, OwnRun, SnapshotComponent, Survey};
use crate::source::{BlockingSource, Cursor, Fact, FailureKind, Guidance, Quiet, Reach, Surroundings};
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
