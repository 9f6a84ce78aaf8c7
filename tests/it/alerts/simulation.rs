//! A simulated site: its backups, what they leave where, and what its servers tell of themselves at a moment.
//!
//! Logs are real files, written line by line as time goes on. Walks and services are told as facts.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use configmgr_backup_exporter::demo::writer::{LogWriter, RunScript};
use configmgr_backup_exporter::schedule::Zone;
use configmgr_backup_exporter::site::{
    MessageId, SQL_BACKUP_SERVICES, Service, ServiceState, ServicesSeen, SiteCode, SiteServer, SiteService,
    StartMode, Timestamp,
};
use configmgr_backup_exporter::snapshot::{ArchiveCopy, Survey};

use crate::support::backups::{Roll, roll};
use crate::support::copies;

/// How long after SMS Writer has thawed the site its services are back.
const RECOVERY: TimeDelta = TimeDelta::minutes(10);
/// While services flap, each is up and down for so long.
const FLAP: i64 = 120;

/// One backup of the site.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// The site server on which it runs.
    pub(super) server: &'static str,
    /// When it starts.
    pub(super) start: Timestamp,
    /// What it writes.
    pub(super) script: RunScript,
    /// Whether AfterBackup.bat keeps its snapshot in the archive.
    pub(super) archived: bool,
}

impl Run {
    fn at(&self, id: MessageId) -> Option<Timestamp> {
        self.script.at(id).map(|after| self.start + after)
    }

    /// Whether it has written this message by then.
    fn has(&self, id: MessageId, now: Timestamp) -> bool {
        self.at(id).is_some_and(|at| at <= now)
    }
}

/// The site and its servers.
pub(super) struct Site {
    code: SiteCode,
    zone: Zone,
    folder: PathBuf,
    runs: Vec<Run>,
    /// The server on which the site runs.
    pub(super) active: &'static str,
    /// All servers of a pair; empty for a site with one.
    pub(super) pair: Vec<&'static str>,
    /// Whether services come and go while a snapshot is taken.
    pub(super) flaps: bool,
    written: Timestamp,
}

impl Site {
    /// A site whose first lines of log come after `written`.
    pub(super) fn new(zone: Zone, folder: &Path, active: &'static str, written: Timestamp) -> Self {
        let (code, folder) = ("P01".parse().unwrap(), folder.to_owned());
        Self { code, zone, folder, runs: Vec::new(), active, pair: Vec::new(), flaps: false, written }
    }

    /// A backup that will run, or has run.
    pub(super) fn run(&mut self, run: Run) {
        self.runs.push(run);
        self.runs.sort_by_key(|run| run.start);
    }

    /// The log of a server.
    pub(super) fn log(&self, server: &str) -> PathBuf {
        self.folder.join(server).join("smsbkup.log")
    }

    /// Makes an empty log, as a server has it on which no backup has run.
    pub(super) fn create_log(&self, server: &str) {
        self.open(server);
    }

    fn open(&self, server: &str) -> File {
        let log = self.log(server);
        fs::create_dir_all(log.parent().unwrap()).unwrap();
        File::options().create(true).append(true).open(log).unwrap()
    }

    /// Rolls the log of a server.
    pub(super) fn roll(&self, server: &str, how: Roll) {
        roll(&self.log(server), how, || {});
    }

    /// Writes the lines that are due by then.
    pub(super) fn write(&mut self, now: Timestamp) {
        for run in &self.runs {
            let bias = run.start.naive_utc() - self.zone.local(run.start);
            let writer = LogWriter::new(self.code, format!("{}.corp.example", run.server))
                .bias(i32::try_from(bias.num_minutes()).unwrap());
            let due = |(at, line): (Timestamp, String)| (self.written < at && at <= now).then_some(line);
            let lines: String = run.script.lines(&writer, run.start).into_iter().filter_map(due).collect();
            if !lines.is_empty() {
                self.open(run.server).write_all(lines.as_bytes()).unwrap();
            }
        }
        self.written = now;
    }

    /// What a walk over the destination sees; each run leaves other files.
    pub(super) fn survey(&self, now: Timestamp) -> Survey {
        for (run, generation) in self.runs.iter().zip(1..=u8::MAX).collect::<Vec<_>>().into_iter().rev() {
            if run.has(MessageId::COMPLETED, now) {
                return copies::good(self.code, now, generation);
            }
            if run.has(MessageId::WRITER_FREEZES, now) {
                break;
            }
        }
        copies::files(self.code, now, 0, |_| false)
    }

    /// The copies that AfterBackup.bat has made.
    pub(super) fn archives(&self, now: Timestamp) -> Vec<ArchiveCopy> {
        let archived = |(run, generation): (&Run, u8)| {
            let started = run.at(MessageId::TASK_STARTED)?;
            let succeeded = run.at(MessageId::COMPLETED).filter(|at| run.archived && *at <= now)?;
            Some(copies::archive(self.code, started, succeeded, generation))
        };
        self.runs.iter().zip(1..).filter_map(archived).collect()
    }

    /// Whether a backup runs on a server.
    fn runs_on(&self, server: &str, now: Timestamp) -> bool {
        let goes_on = |run: &&Run| run.start <= now && now < run.start + run.script.duration();
        self.runs.iter().filter(|run| run.server == server).any(|run| goes_on(&run))
    }

    /// Whether the site's own services run on a server.
    fn works_on(&self, server: &str, now: Timestamp) -> bool {
        let frozen = |run: &Run| {
            let (Some(from), Some(until)) =
                (run.at(MessageId::WRITER_FREEZES), run.at(MessageId::WRITER_THAWED))
            else {
                return false;
            };
            (from..until + RECOVERY).contains(&now)
        };
        !self.runs.iter().filter(|run| run.server == server).any(frozen)
            || (self.flaps && now.timestamp() / FLAP % 2 == 0)
    }

    /// What a look at the services of a server tells.
    pub(super) fn services(&self, server: &str, now: Timestamp) -> ServicesSeen {
        let (runs, works) = (self.runs_on(server, now), self.works_on(server, now));
        let service = |running: bool, start| Service {
            start: Some(start),
            ..Service::in_state(if running { ServiceState::Running } else { ServiceState::Stopped })
        };
        let automatic = |running| service(running, StartMode::Automatic);
        // SMS Writer itself is only seen to flap with the others.
        let writer = works || !self.flaps;
        let services = [
            (SiteService::Backup.to_string(), service(runs, StartMode::Manual)),
            (SiteService::VssWriter.to_string(), automatic(writer)),
            (SiteService::SqlWriter.to_string(), automatic(true)),
            (SiteService::Vss.to_string(), service(runs, StartMode::Manual)),
            (SiteService::Executive.to_string(), automatic(works)),
            (SiteService::ComponentManager.to_string(), automatic(works)),
            (SQL_BACKUP_SERVICES.to_owned(), automatic(true)),
        ];
        let server_of_pair =
            |name: &&'static str| SiteServer { name: (*name).into(), active: *name == self.active };
        ServicesSeen {
            machine: Some(server.into()),
            services: services.into_iter().map(|(name, service)| (name.into(), service)).collect(),
            booted: None,
            site_servers: Some(self.pair.iter().map(server_of_pair).collect()),
            paused: None,
        }
    }
}
