//! `demo`: a simulated site with real files, watched and served by the same code as a real one.
//!
//! Needs nothing and leaves nothing behind: everything lies in a temporary folder that goes with the process.

mod simulation;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use self::simulation::Simulation;
use super::args::Args;
use super::serve::{self, Parts};
use crate::app::Load;
use crate::config::{Config, ConfigError};
use crate::demo::database::database_config;
use crate::demo::services::{remediation_config, services_config};
use crate::environment::Environment;
use crate::http::Material;
use crate::logging::LogCounts;
use crate::platform::signal::Hangups;
use crate::reloads::Refused;
use crate::schedule::Zone;
use crate::site::Timings;

const SITE: &str = "P01";

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
    package_sources: [Sources]
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
    web: Option<Material>,
    logs: Arc<LogCounts>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    // Before there is a folder to take away.
    let mut hangups = Hangups::listen();
    let folder = tempfile::Builder::new().prefix("configmgr_backup_exporter-demo-").tempdir();
    let folder = folder.context("cannot create a temporary folder")?;
    let simulation = Simulation::prepare(folder.path())
        .with_context(|| format!("cannot write the simulated site below {}", folder.path().display()))?;
    let config = configuration(&simulation.configuration, args)?;
    let state_path = args.state_path.clone().unwrap_or_else(|| folder.path().join("state"));
    let has_tls = web.as_ref().is_some_and(|web| web.config().tls.is_some());
    let scheme = if has_tls { "https" } else { "http" };
    let threads = serve::threads(&config, &state_path, environment)?;
    let runtime = serve::runtime(threads)?;
    let result = runtime.block_on(async {
        let (file, same) = (simulation.configuration.clone(), args.clone());
        let parts = Parts {
            databases: Box::new(simulation.database.clone()),
            services: Box::new(simulation.services.clone()),
            load: Load::new(move || {
                configuration(&file, &same).map_err(|error| Refused::by_content(serve::problems(&error)))
            }),
            watched: None,
            threads,
            web,
            logs,
        };
        let app = serve::build(config, args, environment, &state_path, parts)?;
        announce(out, scheme, &app.addresses(), args.telemetry_path.as_str(), folder.path())?;
        let stop = CancellationToken::new();
        let hung_up = stop.clone();
        // The end of its terminal: there is nothing to read anew, and a folder to take away.
        tokio::spawn(async move {
            hangups.next().await;
            hung_up.cancel();
        });
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

/// The simulated site as it is watched, by its file and with what no file says.
fn configuration(file: &Path, args: &Args) -> Result<Config, ConfigError> {
    let mut config = Config::load(file)?;
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
    Ok(config)
}

/// Says where to look.
fn announce(
    out: &mut dyn Write,
    scheme: &str,
    addresses: &[SocketAddr],
    telemetry_path: &str,
    folder: &Path,
) -> io::Result<()> {
    writeln!(out, "A simulated site {SITE}: 30 days of daily backups, then one backup every minute.")?;
    for address in addresses {
        let base = match address {
            address if address.ip().is_unspecified() => format!("{scheme}://localhost:{}", address.port()),
            address => format!("{scheme}://{address}"),
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
    writeln!(out, "A backup may also succeed and leave a damaged snapshot: section Copies tells.")?;
    writeln!(out, "Its log, its Application event log and its database tell of the same runs.")?;
    writeln!(out, "Database and services are simulated in this process; nothing is asked over the network.")?;
    writeln!(out, "Its files are in {}; they go when the demo stops (Ctrl-C).", folder.display())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_addresses_that_can_be_opened() {
        let addresses = ["0.0.0.0:9".parse().unwrap(), "[::1]:10".parse().unwrap()];
        let mut out = Vec::new();
        announce(&mut out, "https", &addresses, "/m", Path::new("folder")).unwrap();
        let text = String::from_utf8(out).unwrap();
        for url in ["https://localhost:9/m", "https://[::1]:10/m"] {
            assert!(text.lines().any(|line| line.ends_with(url)), "{text}");
        }
        assert!(!text.contains("http:"), "{text}");
    }
}
