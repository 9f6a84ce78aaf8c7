//! Watching sites and serving what is known of them, until told to stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::args::Args;
use super::state_directory;
use crate::app::{App, Options};
use crate::build_info;
use crate::clock::Clock;
use crate::config::{Config, SiteSettings};
use crate::environment::Environment;
use crate::http::Material;
use crate::logging::{LIFECYCLE, LogCounts};
use crate::metrics::ProcessMetrics;
use crate::platform::account::account;
use crate::platform::paths::default_state_path;
use crate::platform::service_host::Host;
use crate::platform::signal::stop_requested;
use crate::services::{ServiceControllers, SystemServices};
use crate::site::Timings;
use crate::source::site_database::{Databases, SqlServers};
use crate::source::{Surroundings, sources_of};

/// Blocking threads besides one for each source: checkpoints, and room for a hung source's successor after a reload.
const SPARE_THREADS: usize = 16;

/// How often a service tells that its stop goes on.
const STOP_PACE: Duration = Duration::from_secs(1);

/// Serves the configured sites until the process is asked to stop: by a signal, or as the service that it is.
pub fn run(
    config: Config,
    web: Option<Material>,
    args: &Args,
    environment: &Environment,
    logs: Arc<LogCounts>,
    host: Option<Host>,
) -> anyhow::Result<()> {
    for notice in &config.notices {
        tracing::warn!(notice, "found in the registry of this site server");
    }
    let state_path = state_path(args, environment);
    if args.state_path.is_none() && host.is_none() {
        state_directory::make(&state_path, false);
    }
    let runtime = runtime(&config, &state_path, environment)?;
    let stop = host.as_ref().map_or_else(CancellationToken::new, Host::stop);
    let result = runtime.block_on(async {
        let parts = Parts {
            databases: Box::new(SqlServers::new(environment)),
            services: Box::new(SystemServices::new(environment)),
            web,
            logs,
        };
        let app = build(config, args, environment, &state_path, parts)?;
        if let Some(host) = host {
            host.running();
            tokio::spawn(tell_of_stop(host));
        }
        run_until(app, stop).await
    });
    // A source that hangs would keep its thread, and a plain drop would wait for it.
    runtime.shutdown_background();
    result
}

/// Where the state is kept.
pub(super) fn state_path(args: &Args, environment: &Environment) -> PathBuf {
    args.state_path.clone().unwrap_or_else(|| default_state_path(environment))
}

/// Tells that the service stops, as long as it does.
async fn tell_of_stop(host: Host) {
    host.stop().cancelled().await;
    loop {
        host.stopping();
        sleep(STOP_PACE).await;
    }
}

/// The source, and a restart of which each step may hang.
const THREADS_OF_SERVICES: usize = 3;

/// A password file that may hang, and the look-up of two names.
const THREADS_OF_DATABASE: usize = 3;

/// A runtime with a blocking thread for every source: each may hang, and none may wait for another.
pub(super) fn runtime(
    config: &Config,
    state_path: &Path,
    environment: &Environment,
) -> anyhow::Result<Runtime> {
    let account = account(environment);
    let surroundings = Surroundings { clock: Clock::System, state_path, account: &account };
    let mut threads = SPARE_THREADS;
    for site in &config.sites {
        let of_task = site.settings.snapshot_of_task.as_ref().map(|of_task| of_task.anywhere().clone());
        let snapshot = site.settings.snapshot.clone().or(of_task);
        let settings = SiteSettings { snapshot, ..site.settings.clone() };
        threads += sources_of(&site.under(&settings), &surroundings)?.len();
        threads += site.settings.services.iter().len() * THREADS_OF_SERVICES;
        threads += site.settings.database.iter().len() * THREADS_OF_DATABASE;
    }
    Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(threads)
        .thread_keep_alive(Duration::from_secs(60))
        .build()
        .context("cannot start the runtime")
}

/// What the program is built of, besides its configuration and its arguments.
pub(super) struct Parts {
    /// Where site databases are.
    pub(super) databases: Box<dyn Databases>,
    /// Where the services of sites are.
    pub(super) services: Box<dyn ServiceControllers>,
    /// The web configuration, if there is one.
    pub(super) web: Option<Material>,
    /// How many messages were logged.
    pub(super) logs: Arc<LogCounts>,
}

/// Builds the program as the arguments say.
pub(super) fn build(
    config: Config,
    args: &Args,
    environment: &Environment,
    state_path: &Path,
    parts: Parts,
) -> anyhow::Result<App> {
    let Parts { databases, services, web, logs } = parts;
    let mut listen = Vec::new();
    for address in &args.listen_addresses {
        listen.push(address.resolve().with_context(|| format!("cannot find the address of {address}"))?);
    }
    let options = Options {
        clock: Clock::System,
        timings: Timings::DEFAULT,
        state_path: state_path.to_owned(),
        account: account(environment),
        databases,
        services,
        listen,
        web,
        max_connections: args.max_connections.into(),
        open_health_endpoints: args.open_health_endpoints,
        telemetry_path: args.telemetry_path.as_str().to_owned(),
        process: (!args.disable_exporter_metrics).then(|| ProcessMetrics::new(logs)),
    };
    let app = App::build(config, options)?;
    let addresses: Vec<_> = app.addresses().iter().map(ToString::to_string).collect();
    tracing::info!(
        target: LIFECYCLE,
        version = build_info::VERSION,
        revision = build_info::REVISION,
        addresses = addresses.join(","),
        state_path = %state_path.display(),
        "listening"
    );
    Ok(app)
}

/// Runs the program until a signal or `stop`.
pub(super) async fn run_until(app: App, stop: CancellationToken) -> anyhow::Result<()> {
    let asked = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = stop_requested() => {}
            () = asked.cancelled() => {}
        }
        tracing::info!(target: LIFECYCLE, "stopping");
        asked.cancel();
    });
    app.run(stop).await?;
    tracing::info!(target: LIFECYCLE, "stopped");
    Ok(())
}
