//! Archives: which of the copies that were found could be restored.
//!
//! A copy's time is that of the run in its own smsbkup.log. It is judged by what was recorded of that run while its
//! snapshot lay in the destination; where nothing was, by itself, and by not being an older run's database.

use chrono::TimeDelta;

use crate::assessment::delta;
use crate::config::ArchiveConfig;
use crate::site::Timestamp;
use crate::snapshot::{
    ArchiveContent, ArchiveCopy, Completeness, DISCOVERED, DataFile, DataFileKind, DatabasePart, Finding,
    OwnRun, SnapshotRecord, Survey, completeness, judge_database,
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
    /// It looks good, but has changed so recently that it may still be copied; the start of its run.
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
        if let Some(why) = self.fault(copy, survey, run, known) {
            return CopyJudgement::Invalid(why);
        }
        let settle = delta(self.state.settings.timings.archive_settle);
        match self.state.snapshot.unchanged.get(&copy.path) {
            Some(unchanged) if unchanged.since + settle <= self.now => CopyJudgement::Valid(run),
            _ => CopyJudgement::Settling(run),
        }
    }

    /// Why a copy cannot be restored, if something says so.
    fn fault(
        &self,
        copy: &ArchiveCopy,
        survey: &Survey,
        run: Timestamp,
        known: Option<&SnapshotRecord>,
    ) -> Option<String> {
        let state = self.state;
        let apart = state.settings.snapshot.as_ref().is_some_and(|config| config.database_path.is_some());
        let part = if apart { DatabasePart::MaybeElsewhere } else { DatabasePart::Together };
        if let Completeness::Missing(missing) = completeness(survey, part, state.snapshot.record_before(run))
        {
            return Some(format!("it lacks {}", missing.join(", ")));
        }
        let usual = usual_name(&state.settings);
        let name = expected_name(&state.settings, &usual);
        if let Some(damage) = judge_database(&survey.data_files, name).into_iter().find(Finding::is_damage) {
            return Some(damage.to_string());
        }
        if let Some(why) = survey.data_files.iter().find_map(|file| self.foreign(copy, file, run, known)) {
            return Some(why);
        }
        let verified = state.snapshot.verifications.get(&copy.path)?;
        let mut passes = [&verified.current, &verified.finished].into_iter().flatten();
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
        let records = &self.state.snapshot.records;
        let older = || {
            let same = |record: &&SnapshotRecord| {
                let recorded = record.data_file(file.name());
                record.run != run && recorded.is_some_and(|recorded| recorded.fingerprint == fingerprint)
            };
            records.iter().rev().find(same).map(|record| record.run)
        };
        if let Some(recorded) = known.and_then(|record| record.data_file(file.name())) {
            if recorded.fingerprint == fingerprint {
                return None;
            }
            let of = older().map_or("another run".to_owned(), |run| format!("the run of {}", day(run)));
            return Some(format!(
                "{} is that of {of}, not of {}: the copy kept an older file",
                file.path,
                day(run)
            ));
        }
        // The header of a transaction log can stay the same from night to night; a boot page does not.
        if file.kind != DataFileKind::Primary {
            return None;
        }
        let other = older().or_else(|| {
            self.state.snapshot.copies().filter(|other| other.path != copy.path).find_map(|other| {
                let ArchiveContent::Folder { survey, run: Some(of) } = &other.content else { return None };
                let same = survey.data_files.iter().any(|other| other.fingerprint() == Some(fingerprint));
                (same && of.started < run - SAME_RUN).then_some(of.started)
            })
        })?;
        Some(format!(
            "{} is that of the run of {}, not of {}: the copy kept an older file",
            file.path,
            day(other),
            day(run)
        ))
    }
}

fn day(time: Timestamp) -> impl std::fmt::Display {
    time.format("%Y-%m-%d %H:%M UTC")
}
