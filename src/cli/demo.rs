//! `demo`: a simulated site with real files, watched and served by the same code as a real one.
//!
//! Needs nothing and leaves nothing behind: everything lies in a temporary folder that goes with the process.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::{TimeDelta, Timelike};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::args::Args;
use super::serve;
use crate::clock::Clock;
use crate::config::Config;
use crate::demo::acts::{Act, acts};
use crate::demo::database::{SimulatedDatabase, database_config};
use crate::demo::event_log;
use crate::demo::history::{Nights, history, write_history};
use crate::demo::live::{LiveRun, LiveRuns};
use crate::demo::services::{SimulatedServices, remediation_config, services_config};
use crate::demo::writer::{BackupTask, EventLogWriter, LogWriter, SnapshotWriter};
use crate::environment::Environment;
use crate::metrics::LogCounts;
use crate::schedule::Zone;
use crate::site::{SiteCode, Timestamp, Timings};

const SITE: &str = "P01";
const MACHINE: &str = "CM01.corp.example";
/// From the start of the demo to the start of its first live backup.
const LEAD: TimeDelta = TimeDelta::seconds(5);

/// How long the simulated machine has been up.
const UP: TimeDelta = TimeDelta::days(2);

/// So many archives are kept.
const KEPT_ARCHIVES: usize = 3;

/// What a user with this site would write, but for the short times: role, schedule and retention are in the database.
const CONFIGURATION: &str = "\
sites:
  - code: P01
    log: { path: Logs/smsbkup.log, interval: 1s }
    event_log: { path: winevt/Logs/Application.evtx, interval: 1s }
    snapshot:
      path: SCCMBackup
      interval: 10s
      archives: [{ name: copies, path: Archive/P01Backup-*, max_age: 2d }]
      verify: { settle: 10s }
    supplemental:
      - { name: scup, path: Copies/scupdb.sdf, source: SCUP/scupdb.sdf, max_age: 7d }
    judgement: { settle: 5s }
";

/// What takes minutes at a real site takes seconds here, where a backup comes every minute.
fn timings(timings: Timings) -> Timings {
    Timings { quiet_after_backup: Duration::from_secs(3), archive_settle: Duration::from_secs(5), ..timings }
}

/// Serves a simulated site until the process is asked to stop.
pub fn run(
    args: &Args,
    environment: &Environment,
    logs: Arc<LogCounts>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("configmgr_backup_exporter-demo-").tempdir();
    let folder = folder.context("cannot create a temporary folder")?;
    let simulation = Simulation::prepare(folder.path())
        .with_context(|| format!("cannot write the simulated site below {}", folder.path().display()))?;
    let mut config = Config::load(&simulation.configuration)?;
    for site in &mut config.sites {
        site.settings.timings = timings(site.settings.timings);
        site.settings.time_zone = Some(Zone::Utc);
        site.settings.database = Some(database_config(site.settings.code));
        site.settings.services = Some(services_config());
        site.settings.remediation = remediation_config();
        // All of this site is on one disk, and nobody wants to read of it.
        if let Some(snapshot) = &mut site.settings.snapshot {
            snapshot.installation = None;
        }
    }
    args.remediation_mode.map_or(Ok(()), |mode| config.override_mode(mode))?;
    let state_path = args.state_path.clone().unwrap_or_else(|| folder.path().join("state"));
    let runtime = serve::runtime(&config, &state_path, environment)?;
    let result = runtime.block_on(async {
        let app = serve::build(
            config,
            args,
            environment,
            &state_path,
            Timings::DEFAULT,
            Box::new(simulation.database.clone()),
            Box::new(simulation.services.clone()),
            logs,
        )?;
        announce(out, &app.addresses(), args.telemetry_path.as_str(), folder.path())?;
        let stop = CancellationToken::new();
        let play = tokio::spawn(simulation.play(stop.clone()));
        let result = serve::run_until(app, stop).await;
        play.abort();
        // An act that has begun is done to its end: what it writes must not come back after the folder has gone.
        let _ = play.await;
        result
    });
    runtime.shutdown_background();
    let path = folder.path().to_owned();
    if let Err(error) = folder.close() {
        tracing::warn!(%error, path = %path.display(), "simulated site not removed; delete it by hand");
    }
    result
}

/// A month of backups, each twelve hours from this time of day: a restart waits while the task itself is about to start.
fn nights(now: Timestamp) -> Nights {
    let hour = u16::try_from((now.hour() + 12) % 24).unwrap_or_default();
    Nights { begin: 60 * hour, ..Nights::default() }
}

/// The simulated site on disk.
struct Simulation {
    folder: PathBuf,
    configuration: PathBuf,
    writer: LogWriter,
    event_log: EventLogWriter,
    snapshots: SnapshotWriter,
    live: LiveRuns,
    database: SimulatedDatabase,
    services: SimulatedServices,
}

impl Simulation {
    /// Writes a month of history, what its last runs left, and the configuration that watches it.
    fn prepare(folder: &Path) -> anyhow::Result<Self> {
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
        for path in ["Logs", "winevt/Logs", "SCCMBackup", "Archive", "Copies", "SCUP", "inboxes/smsbkup.box"]
        {
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
    async fn play(mut self, stop: CancellationToken) {
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

/// Says where to look.
fn announce(
    out: &mut dyn Write,
    addresses: &[SocketAddr],
    telemetry_path: &str,
    folder: &Path,
) -> io::Result<()> {
    writeln!(out, "A simulated site {SITE}: 30 days of daily backups, then one backup every minute.")?;
    for address in addresses {
        let base = match address {
            address if address.ip().is_unspecified() => format!("http://localhost:{}", address.port()),
            address => format!("http://{address}"),
        };
        writeln!(out, "  status page    {base}/")?;
        writeln!(out, "  metrics        {base}{telemetry_path}")?;
        writeln!(out, "  backup health  {base}/health/backup")?;
        writeln!(out, "  JSON           {base}/api/v1/sites  {base}/api/v1/sites/{SITE}/runs")?;
    }
    writeln!(
        out,
        "The first of these fails, and every fifth from then on. Watch the section Restart of the status page,"
    )?;
    writeln!(
        out,
        "restart_held, restart_pending and restart_attempts_total: the exporter waits until the failure is"
    )?;
    writeln!(
        out,
        "final and starts the backup service, but not where the cause needs a person (the sixth backup)."
    )?;
    writeln!(out, "Its log, its Application event log and its database tell of the same runs.")?;
    writeln!(out, "Database and services are simulated in this process; nothing is asked over the network.")?;
    writeln!(out, "Its files are in {}; they go when the demo stops (Ctrl-C).", folder.display())?;
    out.flush()
}
