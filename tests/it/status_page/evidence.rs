//! One site that is watched in every way, and the evidence of a month of it: the real fold makes its state.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use configmgr_backup_exporter::config::{SiteSettings, SnapshotRoot};
use configmgr_backup_exporter::schedule::{EVERY_DAY, Zone};
use configmgr_backup_exporter::site::{
    Attempt, BackupRun, Component, Decision, FailureCause, Hint, HintStrength, MessageId, Remark,
    RestartMode, RestartStanding, Service, ServiceState, ServicesSeen, Severity, SiteRole, SiteService,
    StartMode, StatusMessage, TaskWindow, Timestamp, Witness,
};
use configmgr_backup_exporter::snapshot::{Finding, Place, Verification};
use configmgr_backup_exporter::source::{
    Cursor, Fact, FailureKind, Poll, PollFailure, PollReport, Reach, Record, RecordBody, SourceId,
    SourceKind, backup_log,
};
use configmgr_backup_exporter::state::SiteState;

use crate::support::{copies, database, services};

/// So many nights of history, and the hour at which a backup begins.
const NIGHTS: i64 = 30;
const BEGIN: i64 = 2;

/// What the page is about: a quarter to seven in the morning, when somebody looks for the first time.
pub(super) fn now() -> Timestamp {
    "2026-11-21T06:45:00Z".parse().unwrap()
}

/// The begin of the backup so many nights ago.
pub(super) fn night(ago: i64) -> Timestamp {
    "2026-11-21T00:00:00Z".parse::<Timestamp>().unwrap() + TimeDelta::hours(BEGIN) - TimeDelta::days(ago)
}

/// One site that is watched in every way.
pub(super) struct Site {
    pub(super) state: SiteState,
    position: u64,
    /// What somebody else has written into whatever can be written into.
    hostile: Option<&'static str>,
}

/// How a night goes.
#[derive(Clone, Copy)]
pub(super) enum Night {
    Succeeds,
    Fails(FailureCause),
    Breaks,
    NothingStarts,
    GoesOn,
}

impl Site {
    /// A site with a month of history up to the last night, which goes like this.
    pub(super) fn new(code: &str, last: Night) -> Self {
        Self::with(code, None, last)
    }

    pub(super) fn with(code: &str, hostile: Option<&'static str>, last: Night) -> Self {
        let mut settings = SiteSettings::new(code.parse().unwrap());
        settings.role = Some(SiteRole::Hierarchy);
        settings.schedule = Some(TaskWindow { days: EVERY_DAY, begin: 120, latest_begin: 390 });
        settings.time_zone = Some(Zone::Utc);
        settings.snapshot = Some(copies::config());
        let begin = night(NIGHTS + 1);
        let mut site = Self { state: SiteState::new(Arc::new(settings), begin), position: 0, hostile };
        for kind in [
            SourceKind::BackupLog,
            SourceKind::Snapshot,
            SourceKind::Verification,
            SourceKind::Database,
            SourceKind::Services,
        ] {
            site.state.watch(site.source(kind), Duration::from_secs(30), kind.witness(), begin);
        }
        site.told(begin, Vec::new());
        for ago in (1..=NIGHTS).rev() {
            site.night(
                ago,
                match ago {
                    19 => Night::Fails(FailureCause::SharingViolation),
                    13 => Night::NothingStarts,
                    7 => Night::Breaks,
                    // A day alone is not overdue before its backup could have ended.
                    1 if matches!(last, Night::NothingStarts) => Night::NothingStarts,
                    _ => Night::Succeeds,
                },
            );
        }
        site.copied(1);
        site.night(0, last);
        if matches!(last, Night::Succeeds) {
            site.copied(0);
        }
        site.fold(SourceKind::Database, now(), Ok(database::everything(now())));
        site.seen(site_services(&[], matches!(last, Night::GoesOn)));
        site.told(now(), Vec::new());
        site
    }

    fn source(&self, kind: SourceKind) -> SourceId {
        let location = match kind {
            SourceKind::BackupLog => r"C:\Program Files\Microsoft Configuration Manager\Logs\smsbkup.log",
            SourceKind::Snapshot | SourceKind::Verification => copies::DESTINATION,
            SourceKind::Database => "sql01.corp.example",
            SourceKind::EventLog | SourceKind::Services => "cm01.corp.example",
        };
        SourceId { kind, location: self.hostile.unwrap_or(location).to_owned() }
    }

    fn fold(&mut self, kind: SourceKind, now: Timestamp, result: Result<Vec<Fact>, PollFailure>) {
        let cursor = Cursor::Log(backup_log::Cursor::default());
        let result = result.map(|facts| Poll { facts, cursor, reach: Reach::CaughtUp });
        let (site, source) = (self.state.settings.code, self.source(kind));
        self.state.fold(&PollReport { site, source, started: now, duration: Duration::ZERO, result }, now);
    }

    /// A poll of the log that brings these records.
    pub(super) fn told(&mut self, now: Timestamp, bodies: Vec<RecordBody>) {
        let records = bodies.into_iter().map(|body| {
            self.position += 1;
            Record { position: self.position, body }
        });
        let records = Fact::Records(Witness::Log, records.collect());
        let oldest = Some(night(NIGHTS + 20));
        let coverage = Fact::Coverage { witness: Witness::Log, oldest, newest: None, gap: false };
        self.fold(SourceKind::BackupLog, now, Ok(vec![coverage, records]));
    }

    fn night(&mut self, ago: i64, how: Night) {
        let begin = night(ago);
        let at =
            |minutes: i64, seconds: i64| begin + TimeDelta::minutes(minutes) + TimeDelta::seconds(seconds);
        // No two nights take the same time.
        let copy = 38 + ago * 7 % 11;
        let start =
            vec![message(500, at(0, 0)), message(5055, at(0, 20)), remark(Remark::Preparing, at(2, 5), "")];
        let snapshot = vec![message(6829, at(4, 30)), message(5056, at(7, 40)), message(6833, at(8, 0))];
        let own = match how {
            Night::Fails(FailureCause::Vss) => "Error: VSS_E_WRITERERROR_TIMEOUT, 0x800423F2",
            _ => {
                "Error: CopyFile failed for E:\\SCCMBackup\\P01Backup\\SiteDBServer\\CM_P01.mdf, Win32 Error = 112"
            }
        };
        let text = self.hostile.unwrap_or(own);
        let bodies = match how {
            Night::Succeeds => [
                start,
                snapshot,
                vec![message(5057, at(8 + copy, 0)), message(5035, at(11 + copy, 30))],
                vec![message(5040, at(11 + copy, 31)), message(501, at(12 + copy, 0))],
            ]
            .concat(),
            Night::Fails(cause) => {
                let hint = Hint { cause, strength: HintStrength::Code };
                let reason = remark(Remark::Reason(hint), at(21, 0), text);
                [start, snapshot, vec![reason, message(-5060, at(21, 1)), message(501, at(21, 10))]].concat()
            }
            Night::Breaks => start,
            Night::NothingStarts => return,
            // It began late.
            Night::GoesOn => {
                let late = |body: RecordBody| moved(body, TimeDelta::hours(4) + TimeDelta::minutes(25));
                [start, snapshot].concat().into_iter().map(late).collect()
            }
        };
        self.told(begin + TimeDelta::hours(2), bodies);
    }

    /// What lies in the destination and in the archive after the success of a night.
    fn copied(&mut self, ago: i64) {
        let (site, seen) = (self.state.settings.code, night(ago) + TimeDelta::hours(2));
        // Each night has files of its own.
        let generation = u8::try_from(ago + 1).unwrap();
        let run = self.state.runs.iter().rev().find(|run| run.succeeded.is_some()).unwrap();
        let (started, succeeded) = (run.started_or_first(), run.succeeded.unwrap());
        let archive = copies::archive(site, started, succeeded, generation);
        let facts = vec![
            Fact::Survey(SnapshotRoot::Site, copies::good(site, seen, generation)),
            Fact::Archives("nas".to_owned(), vec![archive]),
            Fact::Place("site".to_owned(), copies::place(copies::DESTINATION)),
            Fact::Place("nas".to_owned(), copies::place(r"\\NAS01\cm")),
        ];
        self.fold(SourceKind::Snapshot, seen, Ok(facts));
        let config = self.state.settings.snapshot.clone().unwrap();
        let (_, folder) = config.folders(site).remove(0);
        let mut verification = Verification::new(folder, started, seen);
        verification.finished = Some(seen + TimeDelta::minutes(14));
        verification.bytes = 2_334_000;
        self.fold(SourceKind::Verification, seen, Ok(vec![Fact::Verification(verification)]));
    }

    /// A look at the services.
    pub(super) fn seen(&mut self, seen: ServicesSeen) {
        self.fold(SourceKind::Services, now(), Ok(vec![Fact::Services(seen)]));
    }

    /// A source cannot be read any more.
    pub(super) fn fails(&mut self, kind: SourceKind, failure: FailureKind, message: &str) {
        for _ in 0..4 {
            let failure = PollFailure { kind: failure, message: message.to_owned() };
            self.fold(kind, now(), Err(failure));
        }
    }

    /// The destination is seen without the snapshot.
    pub(super) fn loses_its_copies(&mut self) {
        let facts = vec![
            Fact::Survey(SnapshotRoot::Site, copies::files(self.state.settings.code, now(), 1, |_| false)),
            Fact::Archives("nas".to_owned(), Vec::new()),
        ];
        self.fold(SourceKind::Snapshot, now(), Ok(facts));
    }

    /// No archive is configured.
    pub(super) fn has_no_archive(&mut self) {
        let settings = Arc::make_mut(&mut self.state.settings);
        settings.snapshot.as_mut().expect("a destination").archives.clear();
    }

    /// The destination is seen with so many bytes of room.
    pub(super) fn has_free(&mut self, free: u64) {
        let place = Place { free: Some(free), ..copies::place(copies::DESTINATION) };
        self.fold(SourceKind::Snapshot, now(), Ok(vec![Fact::Place("site".to_owned(), place)]));
    }

    /// The site database answers something else.
    pub(super) fn told_of_the_database(&mut self, facts: Vec<Fact>) {
        self.fold(SourceKind::Database, now(), Ok(facts));
    }

    /// A page of its snapshot is found to be damaged.
    pub(super) fn is_damaged(&mut self, file: &str) {
        let site = self.state.settings.code;
        let run = self.state.runs.iter().rev().find(|run| run.succeeded.is_some()).unwrap();
        let (_, folder) = self.state.settings.snapshot.clone().unwrap().folders(site).remove(0);
        let mut verification = Verification::new(folder, run.started_or_first(), now());
        verification.finished = Some(now());
        verification.find(Finding::damaged(file, "the checksum 0x1D0C4F21", "0x00000000").at_page(77));
        self.fold(SourceKind::Verification, now(), Ok(vec![Fact::Verification(verification)]));
    }

    /// How it stands with restarts.
    pub(super) fn stands(&mut self, decision: Decision, pending: bool, attempts: Vec<Attempt>) {
        self.stands_with(RestartMode::Restart, decision, pending, attempts);
    }

    /// The same in another mode.
    pub(super) fn stands_with(
        &mut self,
        mode: RestartMode,
        decision: Decision,
        pending: bool,
        attempts: Vec<Attempt>,
    ) {
        let run = self.state.runs.last().map(BackupRun::started_or_first);
        let run = run.filter(|_| decision != Decision::Nothing);
        let made = u64::try_from(attempts.len()).unwrap();
        self.state.stands(RestartStanding {
            mode,
            run,
            pending,
            attempts,
            attempts_total: Some(made),
            ..services::standing(decision)
        });
    }
}

pub(super) fn message(id: i32, time: Timestamp) -> RecordBody {
    RecordBody::Status(StatusMessage {
        id: MessageId(u16::try_from(id.abs()).unwrap()),
        severity: Some(if id < 0 { Severity::Error } else { Severity::Information }),
        component: if [6829, 6833].contains(&id) { Component::VssWriter } else { Component::SiteBackup },
        machine: "CM01.corp.example".into(),
        pid: None,
        tid: None,
        time,
        hint: None,
    })
}

pub(super) fn remark(remark: Remark, time: Timestamp, text: &str) -> RecordBody {
    RecordBody::Remark { time, remark, text: text.into() }
}

fn moved(body: RecordBody, by: TimeDelta) -> RecordBody {
    match body {
        RecordBody::Status(message) => {
            RecordBody::Status(StatusMessage { time: message.time + by, ..message })
        }
        RecordBody::Remark { time, remark, text } => RecordBody::Remark { time: time + by, remark, text },
    }
}

/// The services of a site server: all run but these, and the one that makes backups where it does.
pub(super) fn site_services(stopped: &[SiteService], backup_runs: bool) -> ServicesSeen {
    let all = [
        SiteService::VssWriter,
        SiteService::SqlWriter,
        SiteService::Executive,
        SiteService::ComponentManager,
    ];
    let mut seen = services::seen(&all.map(|service| (service, !stopped.contains(&service))));
    for service in seen.services.values_mut() {
        (service.start, service.account) = (Some(StartMode::Automatic), Some("LocalSystem".into()));
    }
    let state = if backup_runs { ServiceState::Running } else { ServiceState::Stopped };
    let backup = Service { start: Some(StartMode::Manual), ..Service::in_state(state) };
    seen.services.insert("SMS_SITE_BACKUP".into(), backup);
    (seen.machine, seen.booted) = (Some("CM01".into()), Some(night(9)));
    seen
}
