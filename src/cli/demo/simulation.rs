//! The simulated site on disk: written before the demo starts, and played while it runs.
//!
//! Which runs there are is decided elsewhere; this writes what they do, each act when its time has come.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{TimeDelta, Timelike};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{CONFIGURATION, SITE};
use crate::clock::Clock;
use crate::demo::acts::{Act, acts};
use crate::demo::database::SimulatedDatabase;
use crate::demo::event_log;
use crate::demo::history::{Nights, history, write_history};
use crate::demo::live::{LiveRun, LiveRuns};
use crate::demo::services::SimulatedServices;
use crate::demo::writer::{BackupTask, EventLogWriter, LogWriter, SnapshotWriter};
use crate::site::{SiteCode, Timestamp};

const MACHINE: &str = "CM01.corp.example";

/// From the start of the demo to the start of its first live backup.
const LEAD: TimeDelta = TimeDelta::seconds(5);

/// How long the simulated machine has been up.
const UP: TimeDelta = TimeDelta::days(2);

/// What lies on the simulated servers.
const FOLDERS: [&str; 8] =
    ["Logs", "winevt/Logs", "SCCMBackup", "Archive", "Copies", "SCUP", "Sources", "inboxes/smsbkup.box"];

/// So many archives are kept.
const KEPT_ARCHIVES: usize = 3;

/// A month of backups, each twelve hours from this time of day: a restart waits while the task itself is about to start.
fn nights(now: Timestamp) -> Nights {
    let hour = u16::try_from((now.hour() + 12) % 24).unwrap_or_default();
    Nights { begin: 60 * hour, ..Nights::default() }
}

/// The simulated site on disk.
pub(super) struct Simulation {
    folder: PathBuf,
    /// The file that says what is watched.
    pub(super) configuration: PathBuf,
    writer: LogWriter,
    event_log: EventLogWriter,
    snapshots: SnapshotWriter,
    live: LiveRuns,
    /// What SQL Server would answer.
    pub(super) database: SimulatedDatabase,
    /// What the service control manager would answer.
    pub(super) services: SimulatedServices,
}

impl Simulation {
    /// Writes a month of history, what its last runs left, and the configuration that watches it.
    pub(super) fn prepare(folder: &Path) -> anyhow::Result<Self> {
        let site: SiteCode = SITE.parse()?;
        let now = Clock::System.now();
        let (task, writer) = (BackupTask::new(site), LogWriter::new(site, MACHINE));
        let nights = nights(now);
        let history = history(now, &task, &nights);
        let live = LiveRuns::new(task.clone(), now + LEAD);
        let mut simulation = Self {
            folder: folder.to_owned(),
            configuration: folder.join("configmgr_backup_exporter.yml"),
            database: SimulatedDatabase::new(
                Clock::System,
                &task,
                writer.clone(),
                nights.window(),
                history.clone(),
                live.clone(),
            ),
            services: SimulatedServices::new(Clock::System, MACHINE, now - UP, live.clone()),
            event_log: event_log::after(&history, &writer),
            writer,
            snapshots: SnapshotWriter::new(site),
            live,
        };
        for path in FOLDERS {
            fs::create_dir_all(folder.join(path))?;
        }
        write_history(&folder.join("Logs"), &simulation.writer, &history)?;
        simulation.write_event_log()?;
        for (generation, (start, run)) in (1_000_000..).zip(history.iter().rev().take(KEPT_ARCHIVES).rev()) {
            let (log, end) = (run.text(&simulation.writer, *start), *start + run.duration());
            for folder in [simulation.destination(), simulation.archive(*start)] {
                if folder == simulation.destination() && folder.exists() {
                    fs::remove_dir_all(&folder)?;
                }
                simulation.snapshots.write(&folder, generation, end, None)?;
                simulation.snapshots.write_log(&folder, &log, end)?;
            }
        }
        let inbox = folder.join("inboxes/smsbkup.box");
        fs::write(inbox.join("smsbkup.ctl"), "[Tokens]\r\n# Set Variables:\r\n")?;
        // SMS Writer, which has been up as long as the machine, has read it.
        let control_file = OpenOptions::new().write(true).open(inbox.join("smsbkup.ctl"))?;
        control_file.set_modified((now - UP).into())?;
        fs::write(inbox.join("AfterBackup.bat"), "robocopy SCCMBackup Archive /e\r\n")?;
        fs::write(folder.join("SCUP/scupdb.sdf"), "the database of System Center Updates Publisher")?;
        fs::copy(folder.join("SCUP/scupdb.sdf"), folder.join("Copies/scupdb.sdf"))?;
        let drill = (now - TimeDelta::days(30)).format("%F");
        let drill = format!("    recovery_drill: {{ last: {drill} }}\n");
        fs::write(&simulation.configuration, format!("{CONFIGURATION}{drill}"))?;
        Ok(simulation)
    }

    fn destination(&self) -> PathBuf {
        self.folder.join(format!("SCCMBackup/{SITE}Backup"))
    }

    fn archive(&self, time: Timestamp) -> PathBuf {
        self.folder.join(format!("Archive/{SITE}Backup-{}", time.format("%Y%m%d-%H%M%S")))
    }

    /// Does what the simulated task does, each act when its time has come.
    pub(super) async fn play(mut self, stop: CancellationToken) {
        for number in 0.. {
            let run = self.next_run(number).await;
            for (time, act) in acts(&run, &self.writer) {
                let wait = (time - Clock::System.now()).to_std().unwrap_or_default();
                sleep(wait).await;
                if let Err(error) = self.act(&act, time) {
                    let path = self.folder.display();
                    tracing::error!(%error, %path, "simulated site not written; stopping the demo");
                    return stop.cancel();
                }
            }
        }
    }

    /// Waits until a run begins: when it is scheduled, or because its service was started.
    async fn next_run(&self, number: usize) -> LiveRun {
        loop {
            let now = Clock::System.now();
            if let Some(run) = self.live.run(number, now) {
                return run;
            }
            let wait = (self.live.next_scheduled(now) - now).to_std().unwrap_or_default();
            tokio::select! {
                () = sleep(wait) => {}
                () = self.live.started() => {}
            }
        }
    }

    /// Writes what is new in the event log into its file.
    fn write_event_log(&mut self) -> io::Result<()> {
        let path = self.folder.join("winevt/Logs/Application.evtx");
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        self.event_log.write_changes(&mut file)
    }

    fn act(&mut self, act: &Act, time: Timestamp) -> io::Result<()> {
        let destination = self.destination();
        match act {
            Act::Line(line) => OpenOptions::new()
                .append(true)
                .create(true)
                .open(self.folder.join("Logs/smsbkup.log"))?
                .write_all(line.as_bytes()),
            Act::Event(event) => {
                self.event_log.push(event);
                self.write_event_log()
            }
            Act::Delete if destination.exists() => fs::remove_dir_all(destination),
            Act::Delete => Ok(()),
            Act::Copy { generation, flaw } => self.snapshots.write(&destination, *generation, time, *flaw),
            Act::Archive { log } => {
                self.snapshots.write_log(&destination, log, time)?;
                copy_tree(&destination, &self.archive(time))?;
                let archives = fs::read_dir(self.folder.join("Archive"))?.collect::<io::Result<Vec<_>>>()?;
                let mut archives: Vec<_> = archives.into_iter().map(|archive| archive.path()).collect();
                archives.sort();
                let surplus = archives.len().saturating_sub(KEPT_ARCHIVES);
                archives[..surplus].iter().try_for_each(fs::remove_dir_all)
            }
        }
    }
}

/// Copies like robocopy, times and all.
fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            OpenOptions::new().write(true).open(&target)?.set_modified(entry.metadata()?.modified()?)?;
        }
    }
    Ok(())
}
