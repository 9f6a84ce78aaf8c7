//! `demo`: a simulated site with real files, watched and served by the same code as a real one.
//!
//! Needs nothing and leaves nothing behind: everything lies in a temporary folder that goes with the process.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::args::Args;
use super::serve;
use crate::clock::Clock;
use crate::config::Config;
use crate::demo::history::{Nights, history, write_history};
use crate::demo::live::LiveScript;
use crate::demo::writer::{BackupTask, LogWriter};
use crate::environment::Environment;
use crate::metrics::LogCounts;
use crate::site::{SiteCode, Timings};

const SITE: &str = "P01";
const MACHINE: &str = "CM01.corp.example";
/// From the start of the demo to the start of its first live backup.
const LEAD: TimeDelta = TimeDelta::seconds(5);

/// What a user with this site would write, but for the short times.
const CONFIGURATION: &str = "\
sites:
  - code: P01
    role: hierarchy
    log: { path: Logs/smsbkup.log, interval: 1s }
    schedule: { days: daily, begin: \"02:00\", latest_begin: \"05:00\", time_zone: utc }
    retention: 5d
    judgement: { settle: 5s }
";

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
    let config = Config::load(&simulation.configuration)?;
    let state_path = args.state_path.clone().unwrap_or_else(|| folder.path().join("state"));
    let runtime = serve::runtime(config.sites.len())?;
    let result = runtime.block_on(async {
        let app = serve::build(config, args, environment, &state_path, Timings::DEFAULT, logs)?;
        announce(out, &app.addresses(), args.telemetry_path.as_str(), folder.path())?;
        let stop = CancellationToken::new();
        let play = tokio::spawn(simulation.play(stop.clone()));
        let result = serve::run_until(app, stop).await;
        play.abort();
        result
    });
    runtime.shutdown_background();
    result
}

/// The simulated site on disk.
struct Simulation {
    configuration: PathBuf,
    log: PathBuf,
    writer: LogWriter,
    live: LiveScript,
}

impl Simulation {
    /// Writes a month of history and the configuration that watches it.
    fn prepare(folder: &Path) -> anyhow::Result<Self> {
        let site: SiteCode = SITE.parse()?;
        let now = Clock::System.now();
        let task = BackupTask::new(site);
        let writer = LogWriter::new(site, MACHINE);
        let logs = folder.join("Logs");
        fs::create_dir(&logs)?;
        write_history(&logs, &writer, &history(now, &task, &Nights::default()))?;
        let configuration = folder.join("configmgr_backup_exporter.yml");
        fs::write(&configuration, CONFIGURATION)?;
        Ok(Self {
            configuration,
            log: logs.join("smsbkup.log"),
            writer,
            live: LiveScript::new(task, now + LEAD),
        })
    }

    /// Appends each line of the live backups when its time has come.
    async fn play(self, stop: CancellationToken) {
        for (time, line) in self.live.lines(self.writer) {
            let wait = (time - Clock::System.now()).to_std().unwrap_or_default();
            tokio::time::sleep(wait).await;
            let appended = OpenOptions::new().append(true).create(true).open(&self.log);
            if let Err(error) = appended.and_then(|mut log| log.write_all(line.as_bytes())) {
                tracing::error!(%error, path = %self.log.display(), "simulated log not written; stopping the demo");
                return stop.cancel();
            }
        }
    }
}

/// Says where to look.
fn announce(
    out: &mut dyn Write,
    addresses: &[SocketAddr],
    telemetry_path: &str,
    folder: &Path,
) -> io::Result<()> {
    writeln!(out, "A simulated site {SITE}: 30 days of nightly backups, then one backup every minute.")?;
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
    writeln!(out, "Its files are in {}; they go when the demo stops (Ctrl-C).", folder.display())?;
    out.flush()
}
