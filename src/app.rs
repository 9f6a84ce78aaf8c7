//! The wiring: a configuration becomes a bound, loaded `App`, and an `App` runs until it is told to stop.
//!
//! The one place that sees every stage. Tasks: the watch of the sites, which makes the reloads and has one task per site,
//! which has all of that site's under it (a supervisor per source, one that gives guidance, one that decides on restarts);
//! the state task; the web server; where there is such a file, the reading of the web configuration; on Windows the watch
//! of the configuration. Any of them ending early is a fault that stops the process, so that the service manager restarts it.

mod config_file;
mod copies;
mod guiding;
mod means;
mod ready;
mod reload;
mod site_tasks;
mod sites;
mod tasks;
mod threads;
mod wires;

pub use reload::{Load, ReloadOptions};
pub use threads::{blocking_threads, pool_of};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::http::{
    BindError, Limits, Listeners, Material, Web, WebConfigHandle, WebConfigReader, WebSettings,
};
use crate::metrics::ProcessMetrics;
use crate::reloads::{ReloadHandle, ReloadRequest};
use crate::services::ServiceControllers;
use crate::site::Timings;
use crate::source::UnderWay;
use crate::source::site_database::Databases;
use crate::state::checkpoint::{ReadError, StateDirectory, StateDirectoryError};
use crate::state::{INBOX, Published, StateRequests, StateTask};
use crate::trace::PhraseError;
use crate::watchdog::Watchdog;
use config_file::watch_file;
use means::Means;
use ready::Ready;
use reload::{Reloader, tell_notices};
use site_tasks::SiteTasks;
use sites::Sites;
use tasks::Tasks;
use wires::Wires;

/// What the command line and the platform say, besides the configuration.
#[derive(Debug)]
pub struct Options {
    /// Where time comes from.
    pub clock: Clock,
    /// Durations of the process as a whole; each site has its own for its judgement.
    pub timings: Timings,
    /// Where checkpoints are kept.
    pub state_path: PathBuf,
    /// Who this process is on the network, for messages.
    pub account: String,
    /// Where site databases are.
    pub databases: Box<dyn Databases>,
    /// Where the services of sites are.
    pub services: Box<dyn ServiceControllers>,
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// How to treat clients, and where that is read again; `None` for plain HTTP with everybody.
    pub web: Option<Material>,
    /// Connections at once.
    pub max_connections: usize,
    /// Whether health and readiness are told without authentication.
    pub open_health_endpoints: bool,
    /// Where metrics are served.
    pub telemetry_path: String,
    /// Metrics of this program; without them only the sites are told of.
    pub process: Option<ProcessMetrics>,
    /// How the configuration is read anew.
    pub reload: ReloadOptions,
}

/// The program cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StateDirectoryError),
    /// A checkpoint cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] ReadError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The web configuration cannot be used.
    #[error(transparent)]
    WebConfig(#[from] ConfigError),
    /// The phrase table does not compile.
    #[error(transparent)]
    Phrases(#[from] PhraseError),
}

/// A task that must run as long as the process ended early.
#[derive(Debug, thiserror::Error)]
#[error("the {0} ended by itself; please report this")]
pub struct Ended(String);

/// A program that is ready to run: state loaded and locked, listeners bound.
#[derive(Debug)]
pub struct App {
    listeners: Listeners,
    limits: Limits,
    settings: watch::Receiver<Arc<WebSettings>>,
    reader: Option<WebConfigReader>,
    web_config: Option<WebConfigHandle>,
    open_health_endpoints: bool,
    web: Web,
    watchdog: Watchdog,
    state: StateTask,
    published: watch::Receiver<Published>,
    requests: StateRequests,
    sites: Vec<SiteTasks>,
    /// What an operator was told of what was found on this machine.
    notices: Vec<String>,
    means: Arc<Means>,
    reload: ReloadOptions,
    reload_handle: ReloadHandle,
    reload_requests: mpsc::Receiver<ReloadRequest>,
    clock: Clock,
    timings: Timings,
}

impl App {
    /// Loads the state, binds the listeners; nothing runs yet.
    pub fn build(config: Config, options: Options) -> Result<Self, StartError> {
        let Options {
            clock,
            timings,
            state_path,
            account,
            databases,
            services,
            listen,
            web,
            max_connections,
            open_health_endpoints,
            telemetry_path,
            process,
            reload,
        } = options;
        tell_notices(&config.notices);
        reload.outcome.config_taken_over(clock.now(), config.digest);
        let listeners = Listeners::bind(&listen)?;
        let directory = Arc::new(StateDirectory::open(&state_path)?);
        let watchdog = Watchdog::default();
        let (settings, reader, web_config) = match &web {
            Some(material) => {
                let outcome = reload.outcome.clone();
                let (reader, settings, handle) = WebConfigReader::new(material, clock, outcome, &watchdog)?;
                (settings, Some(reader), Some(handle))
            }
            // They stay what they are, although nobody holds the other end.
            None => (watch::channel(Arc::default()).1, None, None),
        };
        let means = Means {
            clock,
            state_path,
            account,
            databases,
            services,
            directory: Arc::clone(&directory),
            under_way: UnderWay::default(),
        };
        let means = Arc::new(means);
        let (mut states, mut sites) = (Vec::new(), Vec::new());
        for site in config.sites {
            let Ready { state, sequence, tasks } = Ready::load(site, &means)?.with_ledger(&means);
            states.push((state, sequence));
            sites.push(tasks);
        }
        let heartbeat = watchdog.register("state task", timings.watchdog);
        let (state, published, requests) = StateTask::new(states, directory, clock, timings, heartbeat);
        let limits = Limits { max_connections, ..Limits::default() };
        let (reload_handle, reload_requests) = ReloadHandle::channel();
        let lifecycle = reload.lifecycle.then(|| reload_handle.clone());
        let web =
            Web::new(published.clone(), clock, timings, watchdog.clone(), process, telemetry_path, lifecycle);
        Ok(Self {
            listeners,
            limits,
            settings,
            reader,
            web_config,
            open_health_endpoints,
            web,
            watchdog,
            state,
            published,
            requests,
            sites,
            notices: config.notices,
            means,
            reload,
            reload_handle,
            reload_requests,
            clock,
            timings,
        })
    }

    /// Asks for reloads.
    pub fn reload_handle(&self) -> ReloadHandle {
        self.reload_handle.clone()
    }

    /// Where it listens, in the order asked for.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.local_addrs()
    }

    /// Runs until `stop`, then stops within the grace period: what was read is folded, what was folded is written, and
    /// no program that was run goes on.
    ///
    /// Blocking threads may still hang afterwards; shut the runtime down without waiting for them.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Ended> {
        let (sender, inbox) = mpsc::channel(INBOX);
        let mut tasks = Tasks::default();
        let mut sites = Sites::new(Wires {
            watchdog: self.watchdog,
            clock: self.clock,
            published: self.published,
            reports: sender,
            under_way: self.means.under_way.clone(),
            stop: stop.clone(),
        });
        self.sites.into_iter().for_each(|site| sites.begin(site));
        let (watched, last) = (self.reload.watched.clone(), self.reload.outcome.clone());
        let reloader =
            Reloader::new(sites, self.reload, self.means, self.requests, self.web_config, self.notices);
        tasks.spawn("watch of the sites", reloader.run(self.reload_requests));
        if let Some(path) = watched {
            let pace = self.timings.config_look;
            let watch = watch_file(path, last, pace, self.reload_handle, stop.clone());
            tasks.spawn("watch of the configuration", watch);
        }
        if let Some(reader) = self.reader {
            tasks.spawn("reading of the web configuration", reader.run(stop.clone()));
        }
        let web = Arc::new(self.web);
        let serve = self.listeners.serve(
            Arc::new(move |request: &_| web.respond(request)),
            self.limits,
            self.settings,
            self.open_health_endpoints,
            stop.clone(),
        );
        tasks.spawn("web server", serve);
        tasks.spawn("state task", self.state.run(inbox, stop.clone()));

        let fault = tokio::select! {
            () = stop.cancelled() => None,
            ended = tasks.next() => ended.filter(|_| !stop.is_cancelled()),
        };
        stop.cancel();
        let drained =
            timeout(self.timings.shutdown_grace, async { while tasks.next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::warn!(tasks = tasks.running(), "stopping without tasks that did not end in time");
        }
        fault.map_or(Ok(()), |name| Err(Ended(name)))
    }
}
