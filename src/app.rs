//! The wiring: a configuration becomes a bound, loaded `App`, and an `App` runs until it is told to stop.
//!
//! The one place that sees every stage. Tasks: one supervisor per source, one per site that decides on restarts, one
//! state task, one that gives guidance, one accept loop. Any of them ending early is a fault that stops the process, so that
//! the service manager restarts it.

mod site_tasks;
mod tasks;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::assessment::guidance;
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::http::{BindError, Limits, Listeners, Material, Web, WebConfigReader, WebSettings};
use crate::journal::Journal;
use crate::metrics::ProcessMetrics;
use crate::reloads::Reloads;
use crate::remediation::Remediation;
use crate::services::{ServiceController, ServiceControllers};
use crate::site::{SiteCode, Timings};
use crate::source::site_database::Databases;
use crate::source::{Guidance, Quiet, Surroundings};
use crate::state::checkpoint::{Loaded, ReadError, StateDirectory, StateDirectoryError};
use crate::state::{INBOX, Published, StateTask};
use crate::trace::PhraseError;
use crate::watchdog::Watchdog;
use site_tasks::{SiteTasks, Wires};
use tasks::Tasks;

/// Guidance follows time as well as facts; the shortest of its rules is minutes long.
const GUIDANCE_PACE: Duration = Duration::from_secs(5);

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
    /// Metrics of this process; `None` if they are switched off.
    pub process: Option<ProcessMetrics>,
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
    open_health_endpoints: bool,
    web: Web,
    watchdog: Watchdog,
    state: StateTask,
    published: watch::Receiver<Published>,
    sites: Vec<SiteTasks>,
    controllers: Vec<Arc<dyn ServiceController>>,
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
        } = options;
        let listeners = Listeners::bind(&listen)?;
        let directory = Arc::new(StateDirectory::open(&state_path)?);
        let watchdog = Watchdog::default();
        let reloads = Reloads::new(clock.now());
        let (settings, reader) = match &web {
            Some(material) => {
                let (reader, settings, _) = WebConfigReader::new(material, clock, reloads, &watchdog)?;
                (settings, Some(reader))
            }
            // They stay what they are, although nobody holds the other end.
            None => (watch::channel(Arc::default()).1, None),
        };
        let mut states = Vec::new();
        let mut sites = Vec::new();
        let mut controllers = Vec::new();
        for site in config.sites {
            let now = clock.now();
            let Loaded { mut state, sequence, set_aside } =
                directory.load(&Arc::new(site.settings.clone()), now)?;
            let code = site.settings.code;
            for aside in set_aside {
                tracing::warn!(
                    site = %code,
                    path = %aside.path.display(),
                    kept_as = %aside.kept_as.display(),
                    reason = aside.reason,
                    "checkpoint set aside; rebuilding from the log"
                );
            }
            let surroundings = Surroundings { clock, state_path: &state_path, account: &account };
            let controller = site.settings.services.as_ref().map(|config| services.of(config));
            let mut tasks =
                SiteTasks::new(site, &mut state, databases.as_ref(), controller.clone(), &surroundings)?;
            if let Some(controller) = controller {
                controllers.push(Arc::clone(&controller));
                let remediation = Remediation::open(&state, &state_path, controller, clock);
                state.stands(remediation.standing().clone());
                tasks.decide_by(remediation);
            }
            states.push((state, sequence));
            sites.push(tasks);
        }
        let heartbeat = watchdog.register("state task", timings.watchdog);
        let (state, published) = StateTask::new(states, directory, clock, timings, heartbeat);
        let limits = Limits { max_connections, ..Limits::default() };
        let web = Web::new(published.clone(), clock, timings, watchdog.clone(), process, telemetry_path);
        Ok(Self {
            listeners,
            limits,
            settings,
            reader,
            open_health_endpoints,
            web,
            watchdog,
            state,
            published,
            sites,
            controllers,
            clock,
            timings,
        })
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
        let mut guided = BTreeMap::new();
        for site in self.sites {
            // Until somebody has thought about it, a backup may be running.
            let unknown = Guidance { quiet: Some(Quiet::Unknown), ..Guidance::default() };
            let (advice, guidance) = watch::channel(unknown);
            guided.insert(site.code(), advice);
            let wires = Wires {
                watchdog: self.watchdog.clone(),
                clock: self.clock,
                guidance,
                published: self.published.clone(),
                reports: sender.clone(),
                stop: stop.clone(),
            };
            site.spawn(&mut tasks, &wires);
        }
        tasks.spawn("guidance", give_guidance(self.published, guided, self.clock, stop.clone()));
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
        // Kept until here: without a source, the state task would take the closed inbox for the end.
        drop(sender);
        let drained =
            timeout(self.timings.shutdown_grace, async { while tasks.next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::warn!(tasks = tasks.running(), "stopping without tasks that did not end in time");
        }
        // What a user's program would still do, nobody would know of.
        self.controllers.iter().for_each(|controller| controller.end());
        fault.map_or(Ok(()), |name| Err(Ended(name)))
    }
}

/// Tells each site's sources when to keep quiet, and people what the verdict is.
async fn give_guidance(
    mut published: watch::Receiver<Published>,
    guided: BTreeMap<SiteCode, watch::Sender<Guidance>>,
    clock: Clock,
    stop: CancellationToken,
) {
    let mut journal = Journal::default();
    loop {
        let now = clock.now();
        for (site, state) in &published.borrow_and_update().sites {
            journal.note(state, now);
            if let Some(sender) = guided.get(site) {
                let advice = guidance(state, now);
                sender.send_if_modified(|current| {
                    let changed = *current != advice;
                    *current = advice;
                    changed
                });
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = published.changed() => if changed.is_err() { return },
            () = sleep(GUIDANCE_PACE) => {}
        }
    }
}
