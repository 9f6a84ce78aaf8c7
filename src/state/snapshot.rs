//! What is known of a site's copies: the snapshot in the destination, archives, and what lies around them.

use std::collections::{BTreeMap, BTreeSet};

use super::belonging::Belonging;
use super::change::{Change, Observation};
use crate::config::SnapshotRoot;
use crate::config::{SiteSettings, SnapshotConfig};
use crate::site::{BackupRun, ClosedSet, Timestamp};
use crate::snapshot::{
    ArchiveCopy, Completeness, DatabasePart, ExpectedName, Fingerprint, KEPT_RECORDS, Place, SnapshotRecord,
    SupplementalCopy, Survey, TaskFiles, Verification, completeness, judge_database,
};
use crate::source::SourceId;

/// The copies of one site.
#[derive(Debug, Clone, Default)]
pub struct SnapshotState {
    /// The folders of the snapshot.
    pub roots: BTreeMap<SnapshotRoot, Observation<Survey>>,
    /// The disks they are on, by the name of the location: of a root or an archive.
    pub places: BTreeMap<String, Observation<Place>>,
    /// What each archive's pattern matched.
    pub archives: BTreeMap<String, Observation<Vec<ArchiveCopy>>>,
    /// Copies of what the task leaves out.
    pub supplemental: BTreeMap<String, Observation<SupplementalCopy>>,
    /// The task's inbox.
    pub task_files: Option<Observation<TaskFiles>>,
    /// What successful runs left, oldest first.
    pub records: Vec<SnapshotRecord>,
    /// The last finished verification of each folder, and the one that goes on.
    pub verifications: BTreeMap<String, Verified>,
    /// Since when each archive and each folder of the destination has been as it is.
    pub unchanged: BTreeMap<String, Unchanged>,
}

/// The verifications of one folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// The last one that came to its end.
    pub finished: Option<Verification>,
    /// The one that goes on.
    pub current: Option<Verification>,
}

/// Since when something has been as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unchanged {
    /// What it is.
    pub signature: Fingerprint,
    /// When it was first seen so.
    pub since: Timestamp,
}

impl SnapshotState {
    /// A root as it was seen, unless it is no longer.
    pub fn root(&self, root: SnapshotRoot) -> Option<&Observation<Survey>> {
        self.roots.get(&root)
    }

    /// What a run left, if it was seen in time.
    pub fn record_of(&self, run: Timestamp) -> Option<&SnapshotRecord> {
        self.records.iter().rev().find(|record| record.run == run)
    }

    /// What the last successful run before this one left, of those whose snapshot was seen.
    pub fn record_before(&self, run: Timestamp) -> Option<&SnapshotRecord> {
        self.records.iter().rev().find(|record| record.run < run)
    }

    /// The earlier run whose files these still are, as if this one had written somewhere else.
    pub fn left_by_earlier(&self, run: Timestamp, roots: &[(SnapshotRoot, &Survey)]) -> Option<Timestamp> {
        let same = |record: &&SnapshotRecord| {
            let same = |(root, survey): &(SnapshotRoot, &Survey)| {
                record.signatures.get(root.label()) == Some(&survey.signature)
            };
            record.run < run && roots.iter().all(same)
        };
        self.records.iter().rev().find(same).map(|record| record.run)
    }

    /// Takes a survey; the first good one after a success becomes that run's record, unless its own log is older.
    pub(super) fn survey(
        &mut self,
        settings: &SiteSettings,
        runs: &[BackupRun],
        own_log_until: Option<Timestamp>,
        root: SnapshotRoot,
        survey: &Survey,
        source: &SourceId,
    ) -> Change {
        self.roots.insert(root, Observation { value: survey.clone(), source: source.clone() });
        let Some(config) = &settings.snapshot else { return Change::Volatile };
        let folder = config.folders(settings.code).into_iter().find(|(known, _)| *known == root);
        let change = folder
            .map_or(Change::Volatile, |(_, folder)| self.is_as(folder, survey.signature, survey.started));
        let Some(run) = Belonging::of(runs).success() else { return change };
        let start = run.started_or_first();
        if self.record_of(start).is_some() || !self.is_good(settings, config, run) {
            return change;
        }
        let roots: Vec<_> = self.roots.iter().map(|(root, seen)| (*root, &seen.value)).collect();
        let is_older = own_log_until.is_some_and(|until| until < start);
        if is_older || self.left_by_earlier(start, &roots).is_some() {
            return change;
        }
        let roots: Vec<_> = roots.into_iter().map(|(root, survey)| (root.label(), survey)).collect();
        self.records.push(SnapshotRecord::of(start, &roots));
        let surplus = self.records.len().saturating_sub(KEPT_RECORDS);
        self.records.drain(..surplus);
        Change::Durable
    }

    /// Whether what was seen since this success is complete, and its headers are in order.
    fn is_good(&self, settings: &SiteSettings, config: &SnapshotConfig, run: &BackupRun) -> bool {
        let since = |root: &SnapshotRoot| {
            let survey = &self.roots.get(root)?.value;
            (survey.present && Some(survey.started) >= run.succeeded).then_some(survey)
        };
        let Some(site) = since(&SnapshotRoot::Site) else { return false };
        let apart = config.database_path.is_some();
        let database = since(&SnapshotRoot::Database);
        if apart && database.is_none() {
            return false;
        }
        let part = config.database_part(database);
        let files =
            if apart { database.map_or(&[][..], |survey| &survey.data_files) } else { &site.data_files };
        // Not by what the run before left: a database that was made smaller would be missed for ever.
        completeness(site, part, None) == Completeness::Complete
            && !judge_database(files, expected_name(settings, &usual_name(settings)))
                .iter()
                .any(crate::snapshot::Finding::is_damage)
    }

    /// Takes what a folder is like now.
    fn is_as(&mut self, folder: String, signature: Fingerprint, seen: Timestamp) -> Change {
        let known = self.unchanged.get(&folder);
        if known.is_some_and(|known| known.signature == signature && known.since <= seen) {
            return Change::Volatile;
        }
        self.unchanged.insert(folder, Unchanged { signature, since: seen });
        Change::Durable
    }

    /// Takes everything that an archive's pattern matches.
    pub(super) fn archive(
        &mut self,
        settings: &SiteSettings,
        name: &str,
        found: &[ArchiveCopy],
        source: &SourceId,
        seen: Timestamp,
    ) -> Change {
        let mut change = Change::Volatile;
        for copy in found {
            change = change.max(self.is_as(copy.path.clone(), copy.signature(), seen));
        }
        self.archives.insert(name.to_owned(), Observation { value: found.to_vec(), source: source.clone() });
        // What lies where is known of all archives only once each pattern was looked at.
        let all = settings.snapshot.as_ref().map_or(0, |config| config.archives.len().max(1));
        if self.archives.len() >= all {
            let found: BTreeSet<_> = self.copies().map(|copy| copy.path.clone()).collect();
            let folders = settings.snapshot.as_ref().map(|config| config.folders(settings.code));
            let is_root = |path: &str| folders.iter().flatten().any(|(_, folder)| folder == path);
            let known = (self.unchanged.len(), self.verifications.len());
            self.unchanged.retain(|path, _| found.contains(path) || is_root(path));
            self.verifications.retain(|path, _| found.contains(path) || is_root(path));
            if (self.unchanged.len(), self.verifications.len()) != known {
                change = Change::Durable;
            }
        }
        change
    }

    /// Every archive that was found.
    pub fn copies(&self) -> impl Iterator<Item = &ArchiveCopy> {
        self.archives.values().flat_map(|seen| &seen.value)
    }

    /// Takes the progress or the end of a verification.
    pub(super) fn verification(&mut self, verification: &Verification) -> Change {
        let known = self.verifications.entry(verification.folder.clone()).or_default();
        if verification.finished.is_some() {
            *known = Verified { finished: Some(verification.clone()), current: None };
        } else {
            known.current = Some(verification.clone());
        }
        // The position is in the same checkpoint, and a verification must go on near where it was.
        Change::Durable
    }
}

/// The database's name where nobody configured it.
pub fn usual_name(settings: &SiteSettings) -> String {
    format!("CM_{}", settings.code)
}

/// What the database should be called.
pub fn expected_name<'a>(settings: &'a SiteSettings, usual: &'a str) -> ExpectedName<'a> {
    settings.database_name.as_deref().map_or(ExpectedName::Usual(usual), ExpectedName::Configured)
}

impl SnapshotConfig {
    /// Where the database's part is, given what was seen of its folder.
    pub fn database_part<'a>(&self, database: Option<&'a Survey>) -> DatabasePart<'a> {
        match &self.database_path {
            Some(_) => DatabasePart::Apart(database),
            None if self.is_remote() => DatabasePart::Together,
            None => DatabasePart::MaybeElsewhere,
        }
    }
}
