//! The situations that the page is looked at in: states that the real fold has made of simulated evidence.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use configmgr_backup_exporter::config::{SiteSettings, SnapshotRoot};
use configmgr_backup_exporter::schedule::{EVERY_DAY, Zone};
use configmgr_backup_exporter::site::{
    Attempt, AttemptOutcome, Component, Decision, FailureCause, Hint, HintStrength, Hold, HoldReason,
    MessageId, Remark, RestartMode, RestartPlan, RestartStanding, Service, ServiceState, ServicesSeen,
    Severity, SiteRole, SiteServer, SiteService, StartMode, StatusMessage, TaskWindow, Timestamp, Witness,
};
use configmgr_backup_exporter::snapshot::{Finding, Verification};
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
fn night(ago: i64) -> Timestamp {
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

    fn with(code: &str, hostile: Option<&'static str>, last: Night) -> Self {
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
    fn told(&mut self, now: Timestamp, bodies: Vec<RecordBody>) {
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
        let text = self.hostile.unwrap_or("Error: CopyFile failed for E:\\SCCMBackup\\P01Backup\\SiteDBServer\\CM_P01.mdf, Win32 Error = 112");
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
        let run = self.state.runs.last().map(|run| run.started_or_first());
        let run = run.filter(|_| decision != Decision::Nothing);
        let made = u64::try_from(attempts.len()).unwrap();
        self.state.stands(RestartStanding {
            mode: RestartMode::Restart,
            run,
            pending,
            attempts,
            attempts_total: Some(made),
            ..services::standing(decision)
        });
    }
}

fn message(id: i32, time: Timestamp) -> RecordBody {
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

fn remark(remark: Remark, time: Timestamp, text: &str) -> RecordBody {
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
fn site_services(stopped: &[SiteService], backup_runs: bool) -> ServicesSeen {
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

fn hold(reason: HoldReason, finding: &str) -> Hold {
    Hold { reason, finding: finding.into() }
}

/// Everything is as it should be.
pub(super) fn healthy(code: &str) -> Site {
    let mut site = Site::new(code, Night::Succeeds);
    site.stands(Decision::Nothing, false, Vec::new());
    site
}

/// A backup goes on that was started late.
pub(super) fn in_progress(code: &str) -> Site {
    let mut site = Site::new(code, Night::GoesOn);
    site.seen(site_services(&[SiteService::Executive], true));
    site.stands(Decision::Nothing, false, Vec::new());
    site
}

/// The last backup failed, its cause needs a person, and a restart has failed of it before.
pub(super) fn failed(code: &str) -> Site {
    let mut site = Site::new(code, Night::Fails(FailureCause::DiskFull));
    site.loses_its_copies();
    let tried = Attempt {
        cause: FailureCause::SharingViolation,
        outcome: Some((AttemptOutcome::StartTimedOut, night(19) + TimeDelta::minutes(40))),
        error: Some("SMS_SITE_BACKUP did not start in 60 s".into()),
        plan: RestartPlan::Start,
        ..services::attempt(night(19), night(19) + TimeDelta::minutes(35))
    };
    let holds = vec![
        hold(
            HoldReason::NeedsOperator,
            "Free space on the destination volume or move the destination; then start a backup.",
        ),
        hold(HoldReason::NoSpace, r"E:\SCCMBackup has 1.2 GiB free, and the next backup needs 3.4 GiB."),
        hold(HoldReason::OutsideWindow, "Backups may begin from 02:00 to 06:30; it is 06:45."),
    ];
    site.stands(Decision::Hold(holds), false, vec![tried]);
    site
}

/// The last backup failed, and the exporter is about to try it again.
pub(super) fn pending_restart(code: &str) -> Site {
    let mut site = Site::new(code, Night::Fails(FailureCause::Vss));
    let holds =
        vec![hold(HoldReason::CoolingDown, "The last attempt was at 06:30; the next one may be at 07:00.")];
    site.stands(Decision::Hold(holds), true, Vec::new());
    site
}

/// Nothing that tells of the backups can be read.
pub(super) fn unknown(code: &str) -> Site {
    let mut site = Site::new(code, Night::Succeeds);
    site.fails(
        SourceKind::BackupLog,
        FailureKind::Unreachable,
        "cannot open the log: the network path was not found (os error 53)",
    );
    site.fails(
        SourceKind::Database,
        FailureKind::Authentication,
        "cannot log on to sql01.corp.example: login failed for user 'CORP\\CM01$'",
    );
    site
}

/// The passive one of two site servers.
pub(super) fn passive(code: &str) -> Site {
    let mut site = Site::new(code, Night::Succeeds);
    let mut seen = site_services(&SiteService::STOPPED_FOR_SNAPSHOT, false);
    seen.machine = Some("CM02".into());
    let server = |(name, active): (&str, bool)| SiteServer { name: name.into(), active };
    seen.site_servers = Some([("CM01", true), ("CM02", false)].map(server).into());
    site.seen(seen);
    site
}

/// 25 sites: most are well, and of each kind that is not there is one.
pub(super) fn fleet() -> Vec<Site> {
    let code = |number: i64| format!("P{number:02}");
    (1..=25)
        .map(|number| match number {
            4 => failed(&code(number)),
            9 => pending_restart(&code(number)),
            12 => in_progress(&code(number)),
            15 => unknown(&code(number)),
            17 => passive(&code(number)),
            20 => Site::new(&code(number), Night::NothingStarts),
            22 => {
                let mut site = healthy(&code(number));
                site.is_damaged("SiteDBServer/CM_P22.mdf");
                site
            }
            24 => {
                let mut site = healthy(&code(number));
                site.loses_its_copies();
                site
            }
            _ => healthy(&code(number)),
        })
        .collect()
}

/// Whatever can be written into has markup in it, and words that are too long, or run from right to left.
pub(super) fn hostile(code: &str) -> Site {
    const TEXT: &str = "<script>alert(1)</script><style>*{display:none}</style>\"'&amp; \u{202e}eman.exe \
        قاعدة بيانات الموقع \u{5de}\u{5e1}\u{5d3} aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
        \\\\server\\a_very_long_share_name_without_any_space_that_a_browser_could_break_it_at\\and_a_folder_below_it";
    let mut site = Site::with(code, Some(TEXT), Night::Fails(FailureCause::CopyFailed));
    let mut seen = site_services(&[SiteService::VssWriter], false);
    seen.machine = Some(TEXT.into());
    seen.services
        .insert(format!("SMS_SITE_SQL_BACKUP_{TEXT}").into(), Service::in_state(ServiceState::Stopped));
    site.seen(seen);
    site.is_damaged(TEXT);
    let tried = Attempt { error: Some(TEXT.into()), ..services::attempt(night(1), night(1)) };
    site.stands(Decision::Hold(vec![hold(HoldReason::SiteMaintenance, TEXT)]), false, vec![tried; 12]);
    // As many runs as are kept.
    for ago in 0..170 {
        let begin = night(0) + TimeDelta::minutes(30 + ago);
        let hint = Hint { cause: FailureCause::Unknown, strength: HintStrength::Phrase };
        let bodies = vec![
            message(500, begin),
            message(5055, begin + TimeDelta::seconds(1)),
            remark(Remark::Reason(hint), begin + TimeDelta::seconds(2), TEXT),
            message(-5060, begin + TimeDelta::seconds(3)),
            message(501, begin + TimeDelta::seconds(4)),
        ];
        site.told(begin + TimeDelta::minutes(1), bodies);
    }
    site.told(now(), Vec::new());
    site.fails(SourceKind::Snapshot, FailureKind::AccessDenied, TEXT);
    site
}
