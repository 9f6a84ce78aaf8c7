//! Archives: which of the copies that were found could be restored.
//!
//! A copy's time is that of the run in its own smsbkup.log. It is judged by what was recorded of that run while its
//! snapshot lay in the destination; where nothing was, by itself, and by not being an older run's database.

use chrono::TimeDelta;

use crate::assessment::delta;
use crate::config::ArchiveConfig;
use crate::site::Timestamp;
use crate::snapshot::{
    ArchiveContent, ArchiveCopy, Completeness, DATABASE_FOLDER, DISCOVERED, DataFile, DataFileKind,
    DatabasePart, Finding, Fingerprint, OwnRun, SnapshotComponent, SnapshotRecord, Survey, completeness,
    judge_database,
};
use crate::state::{SiteState, expected_name, usual_name};

/// How far two witnesses may date the start of one run.
const SAME_RUN: TimeDelta = TimeDelta::seconds(10);

/// What is known of one archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveSummary {
    /// Its name.
    pub name: String,
    /// How old the newest valid copy may be; `None` where nobody said.
    pub max_age: Option<TimeDelta>,
    /// Every copy with its judgement; `None` while they cannot be looked at.
    pub copies: Option<Vec<(String, CopyJudgement)>>,
}

/// What a copy is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyJudgement {
    /// It could be restored; the start of its run.
    Valid(Timestamp),
    /// It has changed so recently that it may still be copied; the start of its run.
    Settling(Timestamp),
    /// It could not; why.
    Invalid(String),
    /// Nobody can tell; why.
    Unknown(String),
}

impl ArchiveSummary {
    /// The starts of the runs of its valid copies.
    pub fn valid(&self) -> impl Iterator<Item = Timestamp> {
        self.judgements().filter_map(|judgement| match judgement {
            CopyJudgement::Valid(run) => Some(*run),
            _ => None,
        })
    }

    /// Whether something may be valid of which nobody can tell.
    pub fn is_unknown(&self) -> bool {
        let unknown = |judgement: &CopyJudgement| {
            matches!(judgement, CopyJudgement::Unknown(_) | CopyJudgement::Settling(_))
        };
        self.copies.is_none() || self.judgements().any(unknown)
    }

    /// Whether a copy of this run or of a later one is there and valid, or soon will be.
    pub fn holds(&self, run: Timestamp) -> bool {
        self.judgements().any(|judgement| match judgement {
            CopyJudgement::Valid(of) | CopyJudgement::Settling(of) => *of >= run - SAME_RUN,
            CopyJudgement::Invalid(_) | CopyJudgement::Unknown(_) => false,
        })
    }

    fn judgements(&self) -> impl Iterator<Item = &CopyJudgement> {
        self.copies.iter().flatten().map(|(_, judgement)| judgement)
    }
}

/// Judges every copy of every archive.
pub(super) fn summaries(state: &SiteState, now: Timestamp) -> Vec<ArchiveSummary> {
    let Some(config) = &state.settings.snapshot else { return Vec::new() };
    let configured = config.archives.iter().map(|archive| (archive.name.as_str(), Some(archive)));
    let found_only = config.archives.is_empty().then_some((DISCOVERED, None));
    let judge = Judge { state, now };
    let summary = |(name, archive): (&str, Option<&ArchiveConfig>)| {
        let found = state.observed(state.snapshot.archives.get(name));
        Some(ArchiveSummary {
            name: name.to_owned(),
            max_age: archive.and_then(|archive| archive.max_age).map(delta),
            copies: found
                .map(|found| found.iter().map(|copy| (copy.path.clone(), judge.copy(copy))).collect()),
        })
        // What nobody configured and nobody found is not there.
        .filter(|summary| {
            archive.is_some() || summary.copies.as_ref().is_some_and(|copies| !copies.is_empty())
        })
    };
    configured.chain(found_only).filter_map(summary).collect()
}

struct Judge<'a> {
    state: &'a SiteState,
    now: Timestamp,
}

impl Judge<'_> {
    fn copy(&self, copy: &ArchiveCopy) -> CopyJudgement {
        let (survey, run) = match &copy.content {
            ArchiveContent::File { .. } => {
                return CopyJudgement::Unknown("a single file, into which nobody can look".to_owned());
            }
            ArchiveContent::Folder { survey, run } => (survey, run),
        };
        if let Some(why) = &survey.first_unreadable {
            return CopyJudgement::Unknown(why.clone());
        }
        let Some(OwnRun { started, succeeded }) = *run else {
            return CopyJudgement::Unknown("no smsbkup.log in it tells of which run it is".to_owned());
        };
        if succeeded.is_none() {
            return CopyJudgement::Invalid("its own smsbkup.log tells of no success".to_owned());
        }
        let known =
            self.state.snapshot.records.iter().find(|record| (record.run - started).abs() <= SAME_RUN);
        let run = known.map_or(started, |record| record.run);
        let settle = delta(self.state.settings.timings.archive_settle);
        let unchanged = self.state.snapshot.unchanged.get(&copy.path);
        if unchanged.is_none_or(|unchanged| unchanged.since + settle > self.now) {
            return CopyJudgement::Settling(run);
        }
        let complete = self.completeness(survey, run, known);
        if let Completeness::Missing(missing) = complete {
            return CopyJudgement::Invalid(format!("it lacks {}", missing.join(", ")));
        }
        match (self.fault(copy, survey, run, known), complete) {
            (Some(why), _) => CopyJudgement::Invalid(why),
            (None, Completeness::Unknown(why)) => CopyJudgement::Unknown(why),
            (None, _) => match self.damaged_before(copy, run) {
                Some(why) => CopyJudgement::Unknown(why),
                None => CopyJudgement::Valid(run),
            },
        }
    }

    /// What was found damaged in the destination while this run's files lay there, unless the copy itself was read
    /// since: it may have been made before or after.
    fn damaged_before(&self, copy: &ArchiveCopy, run: Timestamp) -> Option<String> {
        let state = self.state;
        let passes = |folder: &str| {
            let verified = state.snapshot.verifications.get(folder);
            let both = verified.map(|verified| [verified.finished.as_ref(), verified.current.as_ref()]);
            let passes = both.into_iter().flatten().flatten();
            passes.filter(|pass| (pass.run - run).abs() <= SAME_RUN).collect::<Vec<_>>()
        };
        if passes(&copy.path).iter().any(|pass| pass.intact() == Some(true)) {
            return None;
        }
        let folders = state.settings.snapshot.as_ref()?.folders(state.settings.code);
        let damage = folders.iter().find_map(|(_, folder)| {
            let passes = passes(folder);
            passes.iter().flat_map(|pass| &pass.findings).find(|finding| finding.is_damage()).cloned()
        })?;
        Some(format!("its run's snapshot was found damaged in the destination ({damage}); set verify: true"))
    }

    /// Whether it has what its run left, or else what the run before it left.
    fn completeness(&self, survey: &Survey, run: Timestamp, known: Option<&SnapshotRecord>) -> Completeness {
        let last = known.or_else(|| self.state.snapshot.record_before(run));
        let config = self.state.settings.snapshot.as_ref();
        let is_apart = config.is_some_and(|config| config.database_path.is_some())
            && survey.component(SnapshotComponent::Database).files == 0;
        let part = match config {
            _ if is_apart => DatabasePart::Apart(None),
            Some(config) if config.database_path.is_none() => config.database_part(None),
            _ => DatabasePart::Together,
        };
        match completeness(survey, part, last) {
            Completeness::Unknown(_) if is_apart => Completeness::Unknown(format!(
                "{DATABASE_FOLDER} is not in it: the database's part goes elsewhere"
            )),
            complete => complete,
        }
    }

    /// Why the files of the database cannot be restored, if something says so.
    fn fault(
        &self,
        copy: &ArchiveCopy,
        survey: &Survey,
        run: Timestamp,
        known: Option<&SnapshotRecord>,
    ) -> Option<String> {
        let state = self.state;
        let usual = usual_name(&state.settings);
        let name = expected_name(&state.settings, &usual);
        if let Some(damage) = judge_database(&survey.data_files, name).into_iter().find(Finding::is_damage) {
            return Some(damage.to_string());
        }
        if let Some(why) = survey.data_files.iter().find_map(|file| self.foreign(copy, file, run, known)) {
            return Some(why);
        }
        let verified = state.snapshot.verifications.get(&copy.path)?;
        let passes = [&verified.current, &verified.finished].into_iter().flatten();
        // Another run's copy may have lain in the same place.
        let mut passes = passes.filter(|pass| (pass.run - run).abs() <= SAME_RUN);
        let damage = passes.find_map(|pass| pass.findings.iter().find(|finding| finding.is_damage()))?;
        Some(damage.to_string())
    }

    /// Whether a file of the database is not that of the copy's run: robocopy may have kept an older one.
    fn foreign(
        &self,
        copy: &ArchiveCopy,
        file: &DataFile,
        run: Timestamp,
        known: Option<&SnapshotRecord>,
    ) -> Option<String> {
        let fingerprint = file.fingerprint()?;
        let recorded = known.and_then(|record| record.data_file(file.name()));
        match recorded {
            Some(recorded) if recorded.fingerprint == fingerprint => return None,
            Some(_) => {}
            // The header of a transaction log can stay the same from night to night; a boot page does not.
            None if file.kind != DataFileKind::Primary => return None,
            None => {}
        }
        let other = self.other_run_of(copy, file.name(), fingerprint, run);
        if other.is_none() && recorded.is_none() {
            return None;
        }
        let of = other.map_or("another run".to_owned(), |run| format!("the run of {}", day(run)));
        Some(format!("{} is that of {of}, not of {}: the copy kept an older file", file.path, day(run)))
    }

    /// The run to which a file belongs by what was recorded, or by another copy.
    fn other_run_of(
        &self,
        copy: &ArchiveCopy,
        name: &str,
        fingerprint: Fingerprint,
        run: Timestamp,
    ) -> Option<Timestamp> {
        let snapshot = &self.state.snapshot;
        let recorded = |record: &&SnapshotRecord| {
            let file = record.data_file(name);
            record.run != run && file.is_some_and(|file| file.fingerprint == fingerprint)
        };
        let recorded = snapshot.records.iter().rev().find(recorded).map(|record| record.run);
        let in_copy = |other: &ArchiveCopy| {
            let ArchiveContent::Folder { survey, run: Some(of) } = &other.content else { return None };
            let same = survey.data_files.iter().any(|file| file.fingerprint() == Some(fingerprint));
            (same && other.path != copy.path && of.started < run - SAME_RUN).then_some(of.started)
        };
        recorded.or_else(|| snapshot.copies().find_map(in_copy))
    }
}

fn day(time: Timestamp) -> impl std::fmt::Display {
    time.format("%Y-%m-%d %H:%M UTC")
}
