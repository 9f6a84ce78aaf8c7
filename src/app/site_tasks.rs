//! The tasks of one site: a supervisor for each source, and the loop that decides on restarts.
//!
//! What reads copies has a task around it, which begins anew where the destination is another one: the site database may
//! tell it only after the start, and an administrator may move it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::tasks::Tasks;
use crate::clock::Clock;
use crate::config::{SiteConfig, SnapshotConfig};
use crate::remediation::{Connections, Remediation};
use crate::services::ServiceController;
use crate::site::{SiteCode, Timings};
use crate::source::backup_log::wake_on_change;
use crate::source::site_database::{DatabaseSource, Databases};
use crate::source::{
    Blocking, BlockingSource, Cursor, Guidance, Report, ServicesSource, Source, SourceId, Supervision,
    Surroundings, WatchReport, Watched, database_of, sources_of, supervise,
};
use crate::state::{Published, SiteState};
use crate::trace::PhraseError;
use crate::watchdog::Watchdog;

/// A source that blocks, and from where it goes on.
type Blocked = (Box<dyn BlockingSource>, Option<Cursor>);

/// One site's tasks, ready to be spawned.
#[derive(Debug)]
pub(super) struct SiteTasks {
    site: SiteConfig,
    surroundings: Kept,
    /// The logs and the services.
    lasting: Vec<Blocked>,
    /// What reads the destination that was known at the start, archives, and what lies around them.
    copies: Vec<Blocked>,
    database: Option<DatabaseSource>,
    /// `None` where no services are known that could be restarted.
    remediation: Option<Remediation>,
}

/// What sources need to know of the process, kept for those that are made later.
#[derive(Debug)]
struct Kept {
    clock: Clock,
    state_path: PathBuf,
    account: String,
}

impl Kept {
    fn lent(&self) -> Surroundings<'_> {
        Surroundings { clock: self.clock, state_path: &self.state_path, account: &self.account }
    }
}

/// What the tasks of a site are connected to.
#[derive(Debug, Clone)]
pub(super) struct Wires {
    pub(super) watchdog: Watchdog,
    pub(super) clock: Clock,
    pub(super) guidance: watch::Receiver<Guidance>,
    pub(super) published: watch::Receiver<Published>,
    pub(super) reports: mpsc::Sender<Report>,
    pub(super) stop: CancellationToken,
}

impl SiteTasks {
    /// The sources of a site, announced in its state.
    pub(super) fn new(
        site: SiteConfig,
        state: &mut SiteState,
        databases: &dyn Databases,
        controller: Option<Arc<dyn ServiceController>>,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, PhraseError> {
        let Surroundings { clock, state_path, account } = *surroundings;
        let (copies, mut lasting): (Vec<_>, Vec<_>) = sources_of(&site.under(&state.settings), surroundings)?
            .into_iter()
            .partition(|source| source.id().kind.is_of_copies());
        if let (Some(config), Some(controller)) = (&site.settings.services, controller) {
            let pause_file = site.settings.remediation.pause_file.clone();
            lasting.push(Box::new(ServicesSource::new(config, pause_file, controller)));
        }
        let mut from_cursor = |sources: Vec<Box<dyn BlockingSource>>| -> Vec<Blocked> {
            let announced = sources.into_iter().map(|source| {
                state.watch(source.id().clone(), source.interval(), source.witness(), clock.now());
                let cursor = state.cursor_for(source.id());
                (source, cursor)
            });
            announced.collect()
        };
        let (lasting, copies) = (from_cursor(lasting), from_cursor(copies));
        let mut database = None;
        if let Some(config) = &site.settings.database {
            let id = DatabaseSource::id_of(config);
            state.watch(id.clone(), config.interval, id.kind.witness(), clock.now());
            let cursor = state.cursor_for(&id);
            database = database_of(&site.settings, &site.patterns, clock, databases, cursor)?;
        }
        let surroundings = Kept { clock, state_path: state_path.to_owned(), account: account.to_owned() };
        Ok(Self { site, surroundings, lasting, copies, database, remediation: None })
    }

    /// Adds who decides on restarts.
    pub(super) fn decide_by(&mut self, remediation: Remediation) {
        self.remediation = Some(remediation);
    }

    pub(super) fn code(&self) -> SiteCode {
        self.site.settings.code
    }

    pub(super) fn spawn(self, tasks: &mut Tasks, wires: &Wires) {
        let Self { site, surroundings, lasting, copies, database, remediation } = self;
        let (code, timings) = (site.settings.code, site.settings.timings);
        for blocked in lasting {
            spawn_source(blocked, code, timings, tasks, wires);
        }
        if let Some(database) = database {
            let id = database.id().clone();
            let supervision = supervision(code, timings, &id, Arc::default(), wires);
            tasks.spawn(&format!("watch of {id}"), supervise(database, supervision));
        }
        if let Some(remediation) = remediation {
            let name = format!("restarts of {code}");
            let connections = Connections {
                published: wires.published.clone(),
                reports: wires.reports.clone(),
                heartbeat: wires.watchdog.register(&*name, timings.watchdog),
                stop: wires.stop.clone(),
            };
            tasks.spawn(&name, remediation.run(connections));
        }
        tasks.spawn(&format!("copies of {code}"), read_copies(site, surroundings, copies, wires.clone()));
    }
}

/// Reads the copies of a site, wherever its destination is, until it is told to stop; ends before only by a fault.
async fn read_copies(site: SiteConfig, surroundings: Kept, mut sources: Vec<Blocked>, mut wires: Wires) {
    let (code, timings) = (site.settings.code, site.settings.timings);
    let stop = wires.stop.clone();
    let mut known = destination(&wires.published.borrow(), code);
    loop {
        wires.stop = stop.child_token();
        let mut tasks = Tasks::default();
        for blocked in sources.drain(..) {
            spawn_source(blocked, code, timings, &mut tasks, &wires);
        }
        tokio::select! {
            () = stop.cancelled() => {}
            moved = wires.published.wait_for(|published| destination(published, code) != known) => {
                if moved.is_err() {
                    return;
                }
            }
            Some(task) = tasks.next(), if !tasks.is_empty() => {
                if !stop.is_cancelled() {
                    tracing::error!(site = %code, task, "task ended by itself; please report this");
                    return;
                }
            }
        }
        wires.stop.cancel();
        while tasks.next().await.is_some() {}
        if stop.is_cancelled() {
            return;
        }
        let state = wires.published.borrow().sites.get(&code).cloned();
        let Some(Ok((next, report))) = state.map(|state| elsewhere(&state, &site, &surroundings.lent()))
        else {
            return;
        };
        known = destination(&wires.published.borrow(), code);
        let path = known.as_ref().map(|config| config.path.display().to_string()).unwrap_or_default();
        tracing::info!(site = %code, path, "the site database tells where the backup task writes to");
        sources = next;
        if wires.reports.send(report.into()).await.is_err() {
            return;
        }
    }
}

/// Where the copies of a site are.
fn destination(published: &Published, site: SiteCode) -> Option<SnapshotConfig> {
    published.sites.get(&site)?.settings.snapshot.clone()
}

/// What reads the copies under the settings of the state, and how the state is told of it.
fn elsewhere(
    state: &SiteState,
    site: &SiteConfig,
    surroundings: &Surroundings<'_>,
) -> Result<(Vec<Blocked>, WatchReport), PhraseError> {
    let mut sources = sources_of(&site.under(&state.settings), surroundings)?;
    sources.retain(|source| source.id().kind.is_of_copies());
    let report = WatchReport {
        site: site.settings.code,
        sources: sources.iter().map(|source| watched(source.as_ref())).collect(),
    };
    let mut state = state.clone();
    state.watch_copies(&report.sources, surroundings.clock.now());
    let blocked = |source: Box<dyn BlockingSource>| {
        let cursor = state.cursor_for(source.id());
        (source, cursor)
    };
    Ok((sources.into_iter().map(blocked).collect(), report))
}

fn watched(source: &dyn BlockingSource) -> Watched {
    Watched { source: source.id().clone(), interval: source.interval(), witness: source.witness() }
}

fn spawn_source(
    (source, cursor): Blocked,
    site: SiteCode,
    timings: Timings,
    tasks: &mut Tasks,
    wires: &Wires,
) {
    let id = source.id().clone();
    let wake = Arc::new(Notify::new());
    if let Some(path) = source.wakes_on().map(Path::to_owned) {
        let watch = wake_on_change(path, Arc::clone(&wake), wires.stop.clone());
        tasks.spawn(&format!("notifications of {id}"), watch);
    }
    let supervision = supervision(site, timings, &id, wake, wires);
    tasks.spawn(&format!("watch of {id}"), supervise(Blocking::new(source, cursor), supervision));
}

fn supervision(
    site: SiteCode,
    timings: Timings,
    id: &SourceId,
    wake: Arc<Notify>,
    wires: &Wires,
) -> Supervision {
    Supervision {
        site,
        clock: wires.clock,
        timings,
        guidance: wires.guidance.clone(),
        wake,
        reports: wires.reports.clone(),
        heartbeat: wires.watchdog.register(format!("{site} {id}"), timings.watchdog),
        stop: wires.stop.clone(),
    }
}
