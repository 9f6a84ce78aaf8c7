//! A simulated site: its backups, what they leave where, and what its servers tell of themselves at a moment.
//!
//! Logs are real files, written line by line as time goes on. What a walk, the services and the database would tell are
//! facts.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use configmgr_backup_exporter::demo::writer::{LogWriter, RunScript};
use configmgr_backup_exporter::schedule::Zone;
use configmgr_backup_exporter::site::{MessageId, SiteCode, SiteService, Timestamp, Witness};
use configmgr_backup_exporter::snapshot::{ArchiveCopy, Place, Survey};
use configmgr_backup_exporter::source::{Fact, Record, RecordBody};

use super::simulated_database::Database;
use crate::support::backups::{Roll, roll};
use crate::support::copies;

/// One backup of the site.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// The site server on which it runs.
    pub(super) server: &'static str,
    /// When it starts.
    pub(super) start: Timestamp,
    /// What it writes.
    pub(super) script: RunScript,
    /// Whether it never ends, though what it writes does.
    pub(super) hangs: bool,
    /// Whether AfterBackup.bat keeps its snapshot in the archive.
    pub(super) archived: bool,
}

impl Run {
    /// When it writes the first message of this id.
    pub(super) fn at(&self, id: MessageId) -> Option<Timestamp> {
        self.script.at(id).map(|after| self.start + after)
    }

    /// Whether it has written this message by then.
    fn has(&self, id: MessageId, now: Timestamp) -> bool {
        self.at(id).is_some_and(|at| at <= now)
    }
}

/// What somebody else did to the snapshot of the last run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// Its files are others.
    Replaced,
    /// The media are gone.
    WithoutMedia,
    /// A page of the database is damaged, which only a verification can tell.
    Page,
}

/// The site and its servers.
pub(super) struct Site {
    code: SiteCode,
    zone: Zone,
    folder: PathBuf,
    /// Its backup task and what SQL Server does, as the database tells.
    pub(super) database: Database,
    /// Its backups, in order.
    pub(super) runs: Vec<Run>,
    /// The server on which the site runs.
    pub(super) active: &'static str,
    /// All servers of a pair; empty for a site with one.
    pub(super) pair: Vec<&'static str>,
    /// Whether services come and go while a snapshot is taken.
    pub(super) flaps: bool,
    /// Services that are stopped, whatever else goes on.
    pub(super) stopped: &'static [SiteService],
    /// Services that can be started no longer.
    pub(super) disabled: &'static [SiteService],
    /// Whether the disk of the destination is full.
    pub(super) is_full: bool,
    /// When the server on which it runs was started, where that matters.
    pub(super) booted: Option<Timestamp>,
    /// Whether the pause file exists.
    pub(super) is_paused: bool,
    /// The snapshot that is damaged, by its generation.
    damaged: Option<(u8, Damage)>,
    written: Timestamp,
}

impl Site {
    /// A site whose first lines of log come after `written`.
    pub(super) fn new(
        zone: Zone,
        folder: &Path,
        database: Database,
        active: &'static str,
        written: Timestamp,
    ) -> Self {
        Self {
            code: "P01".parse().unwrap(),
            zone,
            folder: folder.to_owned(),
            database,
            runs: Vec::new(),
            active,
            pair: Vec::new(),
            flaps: false,
            stopped: &[],
            disabled: &[],
            is_full: false,
            booted: None,
            is_paused: false,
            damaged: None,
            written,
        }
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

    fn writer(&self, run: &Run) -> LogWriter {
        let bias = run.start.naive_utc() - self.zone.local(run.start);
        LogWriter::new(self.code, format!("{}.corp.example", run.server))
            .bias(i32::try_from(bias.num_minutes()).unwrap())
    }

    /// Writes the lines that are due by then.
    pub(super) fn write(&mut self, now: Timestamp) {
        for run in &self.runs {
            let due = |(at, line): (Timestamp, String)| (self.written < at && at <= now).then_some(line);
            let lines = run.script.lines(&self.writer(run), run.start);
            let lines: String = lines.into_iter().filter_map(due).collect();
            if !lines.is_empty() {
                self.open(run.server).write_all(lines.as_bytes()).unwrap();
            }
        }
        self.written = now;
    }

    /// What the database tells, of status messages those that came after `heard`.
    pub(super) fn database(&self, heard: Timestamp, now: Timestamp) -> Vec<Fact> {
        let all = self.runs.iter().flat_map(|run| run.script.messages(&self.writer(run), run.start));
        let (before, new): (Vec<_>, Vec<_>) =
            all.filter(|message| message.time <= now).partition(|message| message.time <= heard);
        let record = |(message, position)| Record { position, body: RecordBody::Status(message) };
        let records = new.into_iter().zip(u64::try_from(before.len()).unwrap()..).map(record).collect();
        let mut facts = self.database.facts(self.active, now);
        facts.push(Fact::Records(Witness::StatusMessages, records));
        facts
    }

    /// The run whose snapshot lies in the destination, by its generation.
    fn present(&self, now: Timestamp) -> Option<u8> {
        let mut newest_first = self.runs.iter().zip(1..=u8::MAX).collect::<Vec<_>>().into_iter().rev();
        let (run, generation) = newest_first
            .find(|(run, _)| run.has(MessageId::COMPLETED, now) || run.has(MessageId::WRITER_FREEZES, now))?;
        run.has(MessageId::COMPLETED, now).then_some(generation)
    }

    /// Does something to the snapshot that lies in the destination.
    pub(super) fn damage(&mut self, damage: Damage, now: Timestamp) {
        self.damaged = self.present(now).map(|generation| (generation, damage));
    }

    /// What was done to the snapshot that lies in the destination.
    pub(super) fn damaged(&self, now: Timestamp) -> Option<Damage> {
        let present = self.present(now)?;
        self.damaged.filter(|(generation, _)| *generation == present).map(|(_, damage)| damage)
    }

    /// What a walk over the destination sees; each run leaves other files.
    pub(super) fn survey(&self, now: Timestamp) -> Survey {
        let Some(generation) = self.present(now) else { return copies::files(self.code, now, 0, |_| false) };
        match self.damaged(now) {
            None | Some(Damage::Page) => copies::good(self.code, now, generation),
            Some(Damage::Replaced) => copies::good(self.code, now, generation + 100),
            Some(Damage::WithoutMedia) => {
                copies::files(self.code, now, generation, |path| !path.starts_with("CD.Latest"))
            }
        }
    }

    /// The disk of the destination.
    pub(super) fn place(&self) -> Place {
        let place = copies::place(copies::DESTINATION);
        Place { free: if self.is_full { Some(4096) } else { place.free }, ..place }
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
}
