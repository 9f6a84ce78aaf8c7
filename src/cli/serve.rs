//! Watching sites and serving what is known of them, until told to stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::args::Args;
use super::configuration::{ConfigurationError, configuration};
use super::state_directory;
use crate::app::{App, Load, Options, ReloadOptions, blocking_threads, pool_of};
use crate::build_info;
use crate::clock::Clock;
use crate::config::Config;
use crate::environment::Environment;
use crate::error_chain;
use crate::http::{Limits, Material};
use crate::logging::{LIFECYCLE, LogCounts};
use crate::metrics::ProcessMetrics;
use crate::platform::account::account;
use crate::platform::paths::{default_config_path, default_state_path};
use crate::platform::service_host::Host;
use crate::platform::signal::{Hangups, stop_requested};
use crate::platform::{IS_WINDOWS, open_files_limit};
use crate::reloads::{LastReloads, Refused, ReloadHandle};
use crate::services::{ServiceControllers, SystemServices};
use crate::site::Timings;
use crate::source::Surroundings;
use crate::source::site_database::{Databases, SqlServers};

/// How often a service tells that its stop goes on.
const STOP_PACE: Duration = Duration::from_secs(1);

/// Serves the configured sites until the process is asked to stop: by a signal, or as the service that it is. `hangups` were
/// listened for before the configuration was read, so that one during the start neither ends the process nor is missed.
pub fn run(
    config: Config,
    web: Option<Material>,
    args: &Args,
    environment: &Environment,
    logs: Arc<LogCounts>,
    host: Option<Host>,
    hangups: Hangups,
) -> anyhow::Result<()> {
    let state_path = state_path(args, environment);
    if args.state_path.is_none() && host.is_none() {
        state_directory::make(&state_path, false);
    }
    let threads = threads(&config, &state_path, environment)?;
    let runtime = runtime(threads)?;
    let stop = host.as_ref().map_or_else(CancellationToken::new, Host::stop);
    let result = runtime.block_on(async {
        let parts = Parts {
            databases: Box::new(SqlServers::new(environment)),
            services: Box::new(SystemServices::new(environment)),
            load: load(args, environment),
            watched: watched_file(args, environment),
            threads,
            web,
            logs,
        };
        let app = build(config, args, environment, &state_path, parts)?;
        tokio::spawn(reload_at(hangups, app.reload_handle()));
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

/// Reads the configuration as at the start.
fn load(args: &Args, environment: &Environment) -> Load {
    let (args, environment) = (args.clone(), environment.clone());
    Load::new(move || {
        configuration(&args, &environment).map_err(|error| {
            let by_content = match &error {
                ConfigurationError::NotDiscovered(_) => true,
                ConfigurationError::Unusable(error) => error.is_by_content(),
                ConfigurationError::Hangs { .. } => false,
            };
            Refused { problems: problems(&error), by_content }
        })
    })
}

/// The problems of an error that has each on a line of its own.
pub(super) fn problems(error: &dyn std::error::Error) -> Vec<String> {
    error_chain(error).lines().map(str::to_owned).collect()
}

/// The file whose change asks for a reload: there where no signal can.
fn watched_file(args: &Args, environment: &Environment) -> Option<PathBuf> {
    let file = || args.config_file.clone().unwrap_or_else(|| default_config_path(environment));
    IS_WINDOWS.then(file)
}

/// Asks for a reload whenever the signal for it comes; how it went is in the log.
async fn reload_at(mut hangups: Hangups, handle: ReloadHandle) {
    loop {
        hangups.next().await;
        let _ = handle.reload().await;
    }
}

/// How many blocking threads the runtime may have.
pub(super) fn threads(
    config: &Config,
    state_path: &Path,
    environment: &Environment,
) -> anyhow::Result<usize> {
    let account = account(environment);
    let surroundings = Surroundings { clock: Clock::System, state_path, account: &account };
    Ok(pool_of(blocking_threads(config, &surroundings)?))
}

/// A runtime with so many blocking threads.
pub(super) fn runtime(threads: usize) -> anyhow::Result<Runtime> {
    Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(threads)
        .thread_keep_alive(Duration::from_secs(60))
        .build()
        .context("cannot start the runtime")
}

/// What differs between a real site and a simulated one.
pub(super) struct Parts {
    pub(super) databases: Box<dyn Databases>,
    pub(super) services: Box<dyn ServiceControllers>,
    /// Reads the configuration anew.
    pub(super) load: Load,
    /// The file whose change asks for that.
    pub(super) watched: Option<PathBuf>,
    /// What the runtime was built with.
    pub(super) threads: usize,
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
    let Parts { databases, services, load, watched, threads, web, logs } = parts;
    let mut listen = Vec::new();
    for address in &args.listen_addresses {
        listen.push(address.resolve().with_context(|| format!("cannot find the address of {address}"))?);
    }
    let clock = Clock::System;
    let outcome = LastReloads::new(clock.now());
    let own = ProcessMetrics::new(logs, outcome.clone());
    // What tells of this program stays: an alert is made of it.
    let own = if args.disable_exporter_metrics { own.without_usage() } else { own };
    let options = Options {
        clock,
        timings: Timings::DEFAULT,
        state_path: state_path.to_owned(),
        account: account(environment),
        databases,
        services,
        listen,
        web,
        max_connections: max_connections(args.max_connections),
        open_health_endpoints: args.open_health_endpoints,
        telemetry_path: args.telemetry_path.as_str().to_owned(),
        process: Some(own),
        reload: ReloadOptions { load, outcome, lifecycle: args.enable_lifecycle, watched, threads },
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

/// As many connections as were asked for, but with those that are ending no more than half of the files that this process
/// may open: with none left for logs and checkpoints, silent clients would blind it.
fn max_connections(asked: u16) -> usize {
    let half = open_files_limit().and_then(|limit| usize::try_from(limit / 2).ok());
    let room = half.map(|half| half.saturating_sub(Limits::MAX_ENDING));
    let permitted = room.map_or(asked.into(), |room| room.clamp(1, asked.max(1).into()));
    if permitted < asked.into() {
        tracing::warn!(
            asked,
            permitted,
            "fewer HTTP connections are served than --web.max-connections says, because this process may open too few files"
        );
    }
    permitted
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
