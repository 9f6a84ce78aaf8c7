//! The snapshot in the destination: whose it is, and whether it is complete, whole and unchanged.

use super::ArchiveSummary;
use crate::config::{SnapshotConfig, SnapshotRoot};
use crate::site::{ClosedSet, Timestamp};
use crate::snapshot::{Completeness, DataFile, Finding, Survey, Verification, completeness, judge_database};
use crate::state::{Belonging, SiteState, expected_name, usual_name};

/// What is known of the snapshot in the destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentSnapshot {
    /// Whether it is there, and whose it is.
    pub standing: Standing,
    /// The start of the run whose files these are.
    pub run: Option<Timestamp>,
    /// Whether all parts are there.
    pub completeness: Completeness,
    /// Whether it is undamaged as far as was proved; `None` until all of it was read.
    pub intact: Option<bool>,
    /// The damage, or else the warnings, headers before pages.
    pub findings: Vec<Finding>,
    /// Whether it is as it was recorded; `None` until it was compared.
    pub unchanged: Option<bool>,
    /// Files that changed or are missing, of those recorded.
    pub files_changed: Option<u64>,
    /// The first of them.
    pub differences: Vec<Finding>,
}

/// How the files in the destination stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They are those of the newest successful run.
    Current,
    /// A run deleted them, and has not succeeded.
    Remains,
    /// They are gone though a run succeeded.
    Gone,
    /// They were taken away after AfterBackup.bat was started, nobody knows where.
    Moved,
    /// They are in an archive now.
    Archived,
    /// They are an earlier run's, as if the newest had written somewhere else.
    Earlier,
    /// Their own log is older than the newest successful run.
    Doubtful,
    /// A run failed before it deleted them, and they do not match what was recorded.
    Touched,
    /// Nobody can tell, or the look at them is older than the run.
    Unknown,
}

impl PresentSnapshot {
    pub(super) fn of(state: &SiteState, archives: &[ArchiveSummary]) -> Option<Self> {
        let config = state.settings.snapshot.as_ref()?;
        let seen = |root| state.observed(state.snapshot.root(root));
        let belonging = Belonging::of(&state.runs);
        let since = match belonging {
            Belonging::Success { run, tried } => run.succeeded.max(tried),
            Belonging::Remains(_) | Belonging::Unknown => None,
        };
        let site = seen(SnapshotRoot::Site);
        // What was seen of the database's part before tells nothing of what is there now.
        let database = seen(SnapshotRoot::Database).filter(|survey| Some(survey.started) >= since);
        let standing = standing(state, config, belonging, site, database, archives);
        let run = match belonging {
            Belonging::Success { run, .. } if standing == Standing::Earlier => {
                state.snapshot.left_by_earlier(run.started_or_first(), &roots(site, database))
            }
            Belonging::Success { run, .. } => Some(run.started_or_first()),
            Belonging::Remains(_) | Belonging::Unknown => None,
        };
        let completeness = match site {
            None => Completeness::Unknown("the destination has not been seen".to_owned()),
            Some(site) => complete(state, config, standing, site, database, run),
        };
        let is_current = matches!(standing, Standing::Current | Standing::Earlier);
        let files = match config.database_path {
            Some(_) => database,
            None => site,
        };
        // What is left of a run that failed need not be whole.
        let files: &[DataFile] =
            files.filter(|_| is_current).map_or(&[], |survey| survey.data_files.as_slice());
        let usual = usual_name(&state.settings);
        let mut findings = judge_database(files, expected_name(&state.settings, &usual));
        // What was proved of these files stays true while nobody can look at them.
        let verified =
            Verified::of(state, config, run.filter(|_| is_current || standing == Standing::Unknown));
        let news: Vec<_> =
            verified.findings.into_iter().filter(|finding| !findings.contains(finding)).collect();
        findings.extend(news);
        findings.sort_by_key(|finding| !finding.is_damage());
        let is_damaged = findings.iter().any(Finding::is_damage);
        Some(Self {
            standing,
            run: run.filter(|_| is_current),
            completeness,
            intact: if is_damaged { Some(false) } else { verified.intact },
            findings,
            unchanged: verified.unchanged,
            files_changed: verified.files_changed,
            differences: verified.differences,
        })
    }

    /// Whether it could be restored now; `None` if that is not known.
    pub fn valid(&self) -> Option<bool> {
        match self.standing {
            Standing::Remains | Standing::Gone | Standing::Touched | Standing::Archived => {
                return Some(false);
            }
            Standing::Moved | Standing::Doubtful => return None,
            Standing::Current | Standing::Earlier | Standing::Unknown => {}
        }
        if self.intact == Some(false) || self.unchanged == Some(false) {
            return Some(false);
        }
        if self.standing == Standing::Unknown {
            return None;
        }
        match self.completeness {
            Completeness::Complete => Some(true),
            // What it lacks is the newest run; it was complete when it was recorded.
            Completeness::Missing(_) if self.standing == Standing::Earlier => Some(true),
            Completeness::Missing(_) => Some(false),
            Completeness::Unknown(_) => None,
        }
    }
}

fn roots<'a>(site: Option<&'a Survey>, database: Option<&'a Survey>) -> Vec<(SnapshotRoot, &'a Survey)> {
    let of = |root, survey: Option<&'a Survey>| survey.map(|survey| (root, survey));
    [of(SnapshotRoot::Site, site), of(SnapshotRoot::Database, database)].into_iter().flatten().collect()
}

fn standing(
    state: &SiteState,
    config: &SnapshotConfig,
    belonging: Belonging<'_>,
    site: Option<&Survey>,
    database: Option<&Survey>,
    archives: &[ArchiveSummary],
) -> Standing {
    let (run, tried) = match belonging {
        Belonging::Remains(_) => return Standing::Remains,
        Belonging::Unknown => return Standing::Unknown,
        Belonging::Success { run, tried } => (run, tried),
    };
    let Some(site) = site else { return Standing::Unknown };
    let has_moved = state.destination_moved.is_some_and(|moved| run.succeeded < Some(moved));
    if Some(site.started) < run.succeeded.max(tried) || !root_exists(state, SnapshotRoot::Site) {
        return Standing::Unknown;
    }
    let in_database_root = database.filter(|_| root_exists(state, SnapshotRoot::Database));
    let is_split = in_database_root.is_some_and(|database| !database.present);
    if !site.present || (is_split && run.after_backup_started.is_some()) {
        let archived = archives.iter().any(|archive| archive.holds(run.started_or_first()));
        return match run.after_backup_started {
            _ if archived => Standing::Archived,
            // It was written elsewhere, and may still be there.
            _ if has_moved => Standing::Unknown,
            // It may be in an archive that cannot be looked at.
            Some(_) if archives.iter().any(|archive| archive.copies.is_none()) => Standing::Unknown,
            Some(_) => Standing::Moved,
            None => Standing::Gone,
        };
    }
    let start = run.started_or_first();
    if has_moved {
        // Somebody may have taken the files along; if not, these are of an older run.
        let record = state.snapshot.record_of(start);
        let same = record
            .is_some_and(|record| record.signatures.get(SnapshotRoot::Site.label()) == Some(&site.signature));
        return if same { Standing::Current } else { Standing::Unknown };
    }
    if state.snapshot.record_of(start).is_none() {
        if state.snapshot.left_by_earlier(start, &roots(Some(site), database)).is_some() {
            return Standing::Earlier;
        }
        if state.destination_log_until().is_some_and(|until| until < start) {
            return Standing::Doubtful;
        }
    }
    if tried.is_none() {
        return Standing::Current;
    }
    let record = state.snapshot.record_of(run.started_or_first());
    let as_recorded = |root: SnapshotRoot, survey: Option<&Survey>| {
        let (record, survey) = (record?, survey?);
        Some(survey.started >= tried? && record.signatures.get(root.label()) == Some(&survey.signature))
    };
    let mut same = vec![as_recorded(SnapshotRoot::Site, Some(site))];
    if config.database_path.is_some() {
        same.push(as_recorded(SnapshotRoot::Database, database));
    }
    if same.contains(&Some(false)) {
        Standing::Touched
    } else if same.contains(&None) {
        Standing::Unknown
    } else {
        Standing::Current
    }
}

/// Whether the folder that holds a part of the snapshot is there, as far as is known.
fn root_exists(state: &SiteState, root: SnapshotRoot) -> bool {
    state.observed(state.snapshot.places.get(root.label())).is_none_or(|place| place.exists)
}

fn complete(
    state: &SiteState,
    config: &SnapshotConfig,
    standing: Standing,
    site: &Survey,
    database: Option<&Survey>,
    run: Option<Timestamp>,
) -> Completeness {
    let missing = |what: &str| Completeness::Missing(vec![what.to_owned()]);
    match standing {
        Standing::Current => {}
        Standing::Archived => return Completeness::Complete,
        Standing::Remains => {
            let goes_on = state.runs.last().is_some_and(|run| run.ended.is_none() && run.error.is_none());
            return missing(if goes_on {
                "a snapshot: the running backup has deleted the old one and makes another"
            } else {
                "a snapshot: the last run deleted it and has not made another"
            });
        }
        Standing::Gone => return missing("the whole folder"),
        Standing::Moved => {
            return missing(
                "the whole folder (moved by AfterBackup.bat? configure sites[].snapshot.archives)",
            );
        }
        Standing::Touched => {
            return missing("the files of the last success: they are no longer what they were");
        }
        Standing::Earlier => {
            return missing(
                "what the last success made: an earlier run's files are there (compare sites[].snapshot.path with \
                 the task's destination)",
            );
        }
        Standing::Doubtful => {
            return missing(
                "what the last success made: its own smsbkup.log is older (compare sites[].snapshot.path with the \
                 task's destination)",
            );
        }
        Standing::Unknown => {
            return Completeness::Unknown("it is not known whose files are in the destination".to_owned());
        }
    }
    let database = database.filter(|_| root_exists(state, SnapshotRoot::Database));
    let last = run.and_then(|run| state.snapshot.record_before(run));
    completeness(site, config.database_part(database), last)
}

/// What the verifications of all folders of the snapshot say together.
struct Verified {
    intact: Option<bool>,
    unchanged: Option<bool>,
    files_changed: Option<u64>,
    findings: Vec<Finding>,
    differences: Vec<Finding>,
}

impl Verified {
    fn of(state: &SiteState, config: &SnapshotConfig, run: Option<Timestamp>) -> Self {
        let folders = config.folders(state.settings.code);
        let of_run = |verification: &&Verification| Some(verification.run) == run;
        // Each folder's last finished pass and the one that goes on, which may have found something already.
        let passes: Vec<(Vec<&Verification>, Option<Timestamp>)> = folders
            .iter()
            .map(|(_, folder)| {
                let known = state.snapshot.verifications.get(folder);
                let both = known.map(|known| [known.finished.as_ref(), known.current.as_ref()]);
                let since = state.snapshot.unchanged.get(folder).map(|unchanged| unchanged.since);
                (both.into_iter().flatten().flatten().filter(of_run).collect(), since)
            })
            .collect();
        let all = |of: fn(&Verification) -> Option<bool>| {
            let word = |(passes, changed): &(Vec<&Verification>, Option<Timestamp>)| {
                // Of files that came or changed since, a pass that found nothing wrong proves nothing.
                let proves = |pass: &&&Verification| of(pass) != Some(true) || pass.finished >= *changed;
                let words: Vec<_> = passes.iter().filter(proves).filter_map(|pass| of(pass)).collect();
                if words.contains(&false) { Some(false) } else { words.first().copied() }
            };
            let words: Vec<_> = passes.iter().map(word).collect();
            if words.contains(&Some(false)) {
                Some(false)
            } else {
                (!words.is_empty() && words.iter().all(Option::is_some)).then_some(true)
            }
        };
        let unchanged = all(Verification::unchanged);
        let passes: Vec<_> = passes.iter().map(|(passes, _)| passes).collect();
        let differing = |passes: &&Vec<&Verification>| {
            let most = passes.iter().max_by_key(|pass| pass.changed + pass.missing);
            most.map(|pass| pass.differences.clone()).unwrap_or_default()
        };
        let changed =
            |passes: &&Vec<&Verification>| passes.iter().map(|pass| pass.changed + pass.missing).max();
        let changed: u64 = passes.iter().filter_map(changed).sum();
        Self {
            intact: all(Verification::intact),
            unchanged,
            files_changed: unchanged.map(|_| changed),
            differences: passes.iter().flat_map(differing).collect(),
            findings: (passes.iter())
                .filter_map(|passes| passes.iter().rev().max_by_key(|pass| pass.damaged))
                .flat_map(|pass| pass.findings.clone())
                .collect(),
        }
    }
}
