//! Every source of one site, as its configuration says: for the exporter and for `check` alike.

use std::path::Path;

use super::backup_log::BackupLog;
use super::event_log::EventLog;
use super::site_database::{DatabaseSource, Databases};
use super::snapshot::verification::VerificationSource;
use super::snapshot::{ArchiveSource, PackageSource, RootSource, SupplementalSource, TaskFilesSource};
use super::{BlockingSource, Cursor};
use crate::clock::Clock;
use crate::config::{SiteConfig, SiteSettings};
use crate::trace::{PhraseError, Phrases, UserPatterns};

/// What sources need to know of the process they are in.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// Where time comes from.
    pub clock: Clock,
    /// Where what must outlive the process is kept.
    pub state_path: &'a Path,
    /// Who this process is on the network, for messages.
    pub account: &'a str,
}

/// The database of a site, ready to be asked, if there is one: from where its last poll came to.
pub fn database_of(
    settings: &SiteSettings,
    patterns: &UserPatterns,
    clock: Clock,
    databases: &dyn Databases,
    cursor: Option<Cursor>,
) -> Result<Option<DatabaseSource>, PhraseError> {
    let Some(config) = &settings.database else { return Ok(None) };
    let database = databases.of(settings, config, Phrases::new(patterns.clone())?);
    Ok(Some(DatabaseSource::new(settings.code, config, clock, database, cursor)))
}

/// The sources of a site that block: all but its database and its services, whose controllers others use too.
pub fn sources_of(
    site: &SiteConfig,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<Box<dyn BlockingSource>>, PhraseError> {
    let SiteConfig { settings, log, event_log, patterns, .. } = site;
    let mut sources: Vec<Box<dyn BlockingSource>> = Vec::new();
    if let Some(log) = log {
        let phrases = Phrases::new(patterns.clone())?;
        sources.push(Box::new(BackupLog::new(settings.code, log.path.clone(), log.interval, phrases)));
    }
    if let Some(config) = event_log {
        let phrases = Phrases::new(patterns.clone())?;
        sources.push(Box::new(EventLog::new(settings, config, phrases, surroundings)));
    }
    if let Some(config) = &settings.snapshot {
        let (site, phrases) = (settings.code, || Phrases::new(patterns.clone()));
        sources.push(Box::new(RootSource::site(site, config, phrases()?, surroundings)));
        if let Some(database) = RootSource::database(site, config, surroundings) {
            sources.push(Box::new(database));
        }
        for archive in &config.archives {
            let source = ArchiveSource::new(site, archive, config, phrases()?, surroundings);
            sources.push(Box::new(source));
        }
        if config.archives.is_empty() {
            sources.push(Box::new(ArchiveSource::discovered(site, config, phrases()?, surroundings)));
        }
    }
    for source in verifications(settings, surroundings) {
        sources.push(Box::new(source));
    }
    if let Some(config) = &settings.snapshot
        && let Some(control_file) = &config.control_file
    {
        sources.push(Box::new(TaskFilesSource::new(control_file, config.interval, surroundings.account)));
    }
    for config in &settings.supplemental {
        sources.push(Box::new(SupplementalSource::new(config, settings, surroundings)));
    }
    for root in &settings.package_sources {
        sources.push(Box::new(PackageSource::new(root, settings, surroundings)));
    }
    Ok(sources)
}

/// One for each folder of the snapshot, and one for each archive whose copies are verified too.
fn verifications(settings: &SiteSettings, surroundings: &Surroundings<'_>) -> Vec<VerificationSource> {
    let Some(snapshot) = &settings.snapshot else { return Vec::new() };
    let folders = snapshot.folders(settings.code).into_iter().map(|(_, folder)| folder);
    let archives = snapshot.archives.iter().filter(|archive| archive.verify);
    folders
        .filter(|_| snapshot.verify.pages)
        .chain(archives.map(|archive| archive.pattern.display().to_string()))
        .map(|location| {
            VerificationSource::new(settings.code, location, snapshot.verify.rate_limit, surroundings)
        })
        .collect()
}
