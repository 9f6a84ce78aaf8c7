//! The rules of copies, each through the fold: log lines, walks and verifications in, an assessment out.
//!
//! Times are minutes of one day. The destination's folder is `/backup`, the archive's `/nas`.

mod archives;
mod guidance;
mod present;
mod protection;
mod surroundings;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};

use super::*;
use crate::assessment::{Assessment, Check, CheckState, Verdict, assess};
use crate::config::{ArchiveConfig, SiteSettings, SnapshotConfig, SnapshotRoot, VerifyConfig};
use crate::site::*;
use crate::snapshot::samples::Sample;
use crate::snapshot::{
    AfterBackupScript, ArchiveContent, ArchiveCopy, ControlFile, Finding, OwnRun, Place, Survey, TaskFiles,
    Verification,
};
use crate::source::*;

const FOLDER: &str = "/backup/P01Backup";
const DATABASE_FOLDER: &str = "/sql/P01Backup";

/// A success: from its 500 to its 501.
pub(crate) const GOOD: &[(i64, &str)] = &[(0, "500"), (1, "5055"), (10, "6829"), (60, "5035"), (61, "501")];

pub(crate) fn at(minute: i64) -> Timestamp {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minute)
}

/// A site that is watched.
pub(crate) struct Rig {
    pub(crate) state: SiteState,
    position: u64,
}

impl Rig {
    /// A remote destination without archives.
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// The same with other settings.
    pub(crate) fn with(change: impl Fn(&mut SiteSettings)) -> Self {
        let mut settings = SiteSettings::new("P01".parse().unwrap());
        settings.role = Some(SiteRole::Hierarchy);
        settings.snapshot = Some(SnapshotConfig {
            path: "/backup".into(),
            installation: None,
            database_path: None,
            control_file: None,
            archives: Vec::new(),
            verify: VerifyConfig::default(),
            interval: Duration::from_secs(300),
        });
        change(&mut settings);
        let mut state = SiteState::new(Arc::new(settings), at(-10));
        let kinds = [SourceKind::BackupLog, SourceKind::Snapshot, SourceKind::Verification];
        for kind in kinds {
            state.watch(source(kind), Duration::from_secs(5), kind.witness(), at(-10));
        }
        let mut rig = Self { state, position: 0 };
        rig.log(-10, &[]);
        rig
    }

    /// The same with an archive that may be as old as this many days.
    pub(crate) fn with_archive(max_age: u64) -> Self {
        Self::with(|settings| {
            settings.snapshot.as_mut().unwrap().archives.push(ArchiveConfig {
                name: "nas".to_owned(),
                pattern: "/nas/*".into(),
                max_age: Some(Duration::from_secs(max_age * 86_400)),
                verify: true,
            });
        })
    }

    fn fold(&mut self, kind: SourceKind, minute: i64, result: Result<Vec<Fact>, FailureKind>) {
        let result = match result {
            Ok(facts) => Ok(Poll { facts, cursor: Cursor::Anew, reach: Reach::CaughtUp }),
            Err(kind) => Err(PollFailure { kind, message: "gone".to_owned() }),
        };
        let (site, started) = (self.state.settings.code, at(minute));
        let report = PollReport { site, source: source(kind), started, duration: Duration::ZERO, result };
        self.state.fold(&report, started);
    }

    /// Answers of the site database.
    pub(crate) fn database(&mut self, minute: i64, facts: impl IntoIterator<Item = DatabaseFact>) {
        let id = source(SourceKind::Database);
        if !self.state.sources.contains_key(&id) {
            self.state.watch(id, Duration::from_secs(300), SourceKind::Database.witness(), at(minute));
        }
        self.fold(SourceKind::Database, minute, Ok(facts.into_iter().map(Fact::Database).collect()));
    }

    /// A look at the services of the site server.
    pub(crate) fn services(&mut self, minute: i64, seen: ServicesSeen) {
        let id = source(SourceKind::Services);
        if !self.state.sources.contains_key(&id) {
            self.state.watch(id, Duration::from_secs(30), None, at(minute));
        }
        self.fold(SourceKind::Services, minute, Ok(vec![Fact::Services(seen)]));
    }

    /// A look at the task's inbox, where smsbkup.ctl was written then.
    pub(crate) fn control_file(&mut self, minute: i64, modified: i64) {
        let control_file = Some(ControlFile { modified: at(modified), hash: [0; 32] });
        let files = TaskFiles { control_file, after_backup: AfterBackupScript::Absent };
        self.fold(SourceKind::Snapshot, minute, Ok(vec![Fact::TaskFiles(files)]));
    }

    /// Every source has been asked once.
    pub(crate) fn all_reported(&mut self, minute: i64) {
        for kind in [SourceKind::BackupLog, SourceKind::Snapshot, SourceKind::Verification] {
            self.fold(kind, minute, Ok(Vec::new()));
        }
    }

    /// Lines of the log, minutes after `minute`: an id, an error with a minus sign, or `preparing`.
    pub(crate) fn log(&mut self, minute: i64, words: &[(i64, &str)]) {
        let mut records = Vec::new();
        for (after, word) in words {
            self.position += 1;
            records.push(Record { position: self.position, body: body(word, at(minute + after)) });
        }
        let coverage =
            Fact::Coverage { witness: Witness::Log, oldest: Some(at(-99_999)), newest: None, gap: false };
        let last = words.last().map_or(0, |(after, _)| *after);
        self.fold(
            SourceKind::BackupLog,
            minute + last,
            Ok(vec![coverage, Fact::Records(Witness::Log, records)]),
        );
    }

    /// A walk over the destination that begins now.
    pub(crate) fn walk(&mut self, minute: i64, sample: &Sample) {
        self.saw(SnapshotRoot::Site, sample.survey(at(minute)));
    }

    fn saw(&mut self, root: SnapshotRoot, survey: Survey) {
        let minute = (survey.started - at(0)).num_minutes();
        self.fold(SourceKind::Snapshot, minute, Ok(vec![Fact::Survey(root, survey)]));
    }

    /// The folder is not there.
    fn gone(&mut self, minute: i64) {
        self.saw(SnapshotRoot::Site, Survey::absent(at(minute)));
    }

    fn place(&mut self, location: &str, minute: i64, place: Place) {
        self.fold(SourceKind::Snapshot, minute, Ok(vec![Fact::Place(location.to_owned(), place)]));
    }

    pub(crate) fn archives(&mut self, minute: i64, copies: Vec<ArchiveCopy>) {
        self.fold(SourceKind::Snapshot, minute, Ok(vec![Fact::Archives("nas".to_owned(), copies)]));
    }

    /// What a verification of a folder says, of the run that started then.
    pub(crate) fn verified(
        &mut self,
        folder: &str,
        run: i64,
        minute: i64,
        change: impl Fn(&mut Verification),
    ) {
        let mut verification = Verification::new(folder, at(run), at(minute));
        change(&mut verification);
        self.fold(SourceKind::Verification, minute, Ok(vec![Fact::Verification(verification)]));
    }

    /// A pass that came to its end without a finding.
    fn verified_good(&mut self, folder: &str, run: i64, minute: i64) {
        self.verified(folder, run, minute, |verification| verification.finished = Some(verification.started));
    }

    pub(crate) fn assess(&self, minute: i64) -> Assessment {
        assess(&self.state, at(minute))
    }

    fn valid(&self, minute: i64) -> Option<u32> {
        self.assess(minute).copies.valid
    }

    fn standing(&self, minute: i64) -> Standing {
        self.assess(minute).copies.present.unwrap().standing
    }

    fn intact(&self, minute: i64) -> Option<bool> {
        self.assess(minute).copies.present.unwrap().intact
    }

    /// What a check found.
    pub(crate) fn check(&self, minute: i64, check: Check) -> (CheckState, String) {
        let result = self.assess(minute).checks.into_iter().find(|result| result.check == check).unwrap();
        (result.state, result.finding.into_owned())
    }

    fn judgements(&self, minute: i64) -> Vec<CopyJudgement> {
        let archive = self.assess(minute).copies.archives.remove(0);
        archive.copies.unwrap().into_iter().map(|(_, judgement)| judgement).collect()
    }
}

fn source(kind: SourceKind) -> SourceId {
    SourceId { kind, location: String::new() }
}

fn body(word: &str, time: Timestamp) -> RecordBody {
    if word == "preparing" {
        return RecordBody::Remark { time, remark: Remark::Preparing, text: word.into() };
    }
    let (number, severity) = match word.strip_prefix('-') {
        Some(number) => (number, Severity::Error),
        None => (word, Severity::Information),
    };
    RecordBody::Status(StatusMessage {
        id: MessageId(number.parse().unwrap()),
        severity: Some(severity),
        component: if number == "6829" || number == "6833" {
            Component::VssWriter
        } else {
            Component::SiteBackup
        },
        machine: "cm01".into(),
        pid: None,
        tid: None,
        time,
        hint: None,
    })
}

/// A copy of the run that started then.
pub(crate) fn copy(path: &str, run: i64, sample: &Sample) -> ArchiveCopy {
    let run = Some(OwnRun { started: at(run), succeeded: Some(at(run + 59)) });
    ArchiveCopy {
        path: path.to_owned(),
        content: ArchiveContent::Folder { survey: sample.survey(at(0)), run },
    }
}

fn page_damage() -> Finding {
    Finding::damaged("SiteDBServer/CM_P01.mdf", "checksum 1", "checksum 2").at_page(77)
}
