//! The tasks of one site: a supervisor for each source, what gives guidance, and the loop that decides on restarts.
//!
//! They begin together and end together, within three quarters of what the process has for its own end; the programs of its
//! services are ended in the last quarter.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::copies::read_copies;
use super::guiding::give_guidance;
use super::means::Means;
use super::tasks::Tasks;
use super::wires::{Blocked, Wires, tell_of_fault};
use crate::config::SiteConfig;
use crate::remediation::{Connections, Remediation};
use crate::services::ServiceController;
use crate::site::SiteCode;
use crate::source::site_database::DatabaseSource;
use crate::source::{
    BlockingSource, Guidance, Quiet, ServicesSource, Source, database_of, sources_of, supervise,
};
use crate::state::SiteState;
use crate::trace::PhraseError;

/// One site's tasks, ready to be spawned.
#[derive(Debug)]
pub(super) struct SiteTasks {
    site: SiteConfig,
    means: Arc<Means>,
    /// The logs and the services.
    lasting: Vec<Blocked>,
    /// What reads the destination that was known at the start, archives, and what lies around them.
    copies: Vec<Blocked>,
    database: Option<DatabaseSource>,
    /// `None` where no services are known.
    controller: Option<Arc<dyn ServiceController>>,
    /// `None` where no services are known that could be restarted.
    remediation: Option<Remediation>,
}

impl SiteTasks {
    /// The sources of a site, announced in its state.
    pub(super) fn new(
        site: SiteConfig,
        state: &mut SiteState,
        controller: Option<Arc<dyn ServiceController>>,
        means: &Arc<Means>,
    ) -> Result<Self, PhraseError> {
        let clock = means.clock;
        let (copies, mut lasting): (Vec<_>, Vec<_>) =
            sources_of(&site.under(&state.settings), &means.surroundings())?
                .into_iter()
                .partition(|source| source.id().kind.is_of_copies());
        if let (Some(config), Some(controller)) = (&site.settings.services, &controller) {
            let pause_file = site.settings.remediation.pause_file.clone();
            lasting.push(Box::new(ServicesSource::new(config, pause_file, Arc::clone(controller))));
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
            database = database_of(&site.settings, &site.patterns, clock, &*means.databases, cursor)?;
        }
        let means = Arc::clone(means);
        Ok(Self { site, means, lasting, copies, database, controller, remediation: None })
    }

    /// Adds who decides on restarts.
    pub(super) fn decide_by(&mut self, remediation: Remediation) {
        self.remediation = Some(remediation);
    }

    pub(super) fn controller(&self) -> Option<Arc<dyn ServiceController>> {
        self.controller.clone()
    }

    pub(super) fn config(&self) -> &SiteConfig {
        &self.site
    }

    pub(super) fn code(&self) -> SiteCode {
        self.site.settings.code
    }

    /// Watches the site until it is told to stop; ends before only by a fault, which it tells of.
    ///
    /// At the end what was read is reported, and no program that was run goes on; blocking threads may still hang.
    pub(super) async fn run(self, wires: Wires) {
        let (code, timings, controller) = (self.code(), self.site.settings.timings, self.controller.clone());
        let mut tasks = Tasks::default();
        self.spawn(&mut tasks, &wires);
        tokio::select! {
            () = wires.stop.cancelled() => {}
            Some(task) = tasks.next() => tell_of_fault(code, &task, &wires.stop),
        }
        wires.stop.cancel();
        let ended = async { while tasks.next().await.is_some() {} };
        if timeout(timings.shutdown_grace * 3 / 4, ended).await.is_err() {
            tracing::warn!(site = %code, tasks = tasks.running(), "ending without tasks that did not end in time");
            tasks.abort().await;
        }
        // What a user's program would still do, nobody would know of. It waits for a program that is just being started.
        if let Some(controller) = controller {
            let ended = spawn_blocking(move || controller.end());
            if timeout(timings.shutdown_grace / 4, ended).await.is_err() {
                tracing::warn!(site = %code, "ending while a program that was run may go on");
            }
        }
    }

    fn spawn(self, tasks: &mut Tasks, wires: &Wires) {
        let Self { site, means, lasting, copies, database, remediation, controller: _ } = self;
        let (code, timings) = (site.settings.code, site.settings.timings);
        // Until somebody has thought about it, a backup may be running.
        let unknown = Guidance { quiet: Some(Quiet::Unknown), ..Guidance::default() };
        let (advice, guidance) = watch::channel(unknown);
        let guiding = give_guidance(code, wires.published.clone(), advice, wires.clock, wires.stop.clone());
        tasks.spawn("guidance", guiding);
        for blocked in lasting {
            wires.spawn_source(blocked, code, timings, &guidance, tasks);
        }
        if let Some(database) = database {
            let id = database.id().clone();
            let supervision = wires.supervision(code, timings, &id, Arc::default(), &guidance);
            tasks.spawn(&format!("watch of {id}"), supervise(database, supervision));
        }
        if let Some(remediation) = remediation {
            let connections = Connections {
                published: wires.published.clone(),
                reports: wires.reports.clone(),
                heartbeat: wires.watchdog.register(format!("restarts of {code}"), timings.watchdog),
                stop: wires.stop.clone(),
            };
            tasks.spawn("restarts", remediation.run(connections));
        }
        tasks.spawn("copies", read_copies(site, means, copies, wires.clone(), guidance));
    }
}
