//! What the tasks of a site are wired to, and the tasks around one of its sources.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::tasks::Tasks;
use crate::clock::Clock;
use crate::site::{SiteCode, Timings};
use crate::source::backup_log::wake_on_change;
use crate::source::{
    Blocking, BlockingSource, Cursor, Guidance, Report, SourceId, Supervision, UnderWay, supervise,
};
use crate::state::Published;
use crate::watchdog::Watchdog;

/// A source that blocks, and from where it goes on.
pub(super) type Blocked = (Box<dyn BlockingSource>, Option<Cursor>);

/// What the tasks of a site are connected to.
#[derive(Debug, Clone)]
pub(super) struct Wires {
    pub(super) watchdog: Watchdog,
    pub(super) clock: Clock,
    pub(super) published: watch::Receiver<Published>,
    /// Kept as long as sites may begin: without a source, the state task would take the closed inbox for the end.
    pub(super) reports: mpsc::Sender<Report>,
    pub(super) under_way: UnderWay,
    /// Ends them.
    pub(super) stop: CancellationToken,
}

impl Wires {
    /// The same for what is to be ended alone, or with all.
    pub(super) fn branch(&self) -> Self {
        Self { stop: self.stop.child_token(), ..self.clone() }
    }

    /// Adds the tasks around a source.
    pub(super) fn spawn_source(
        &self,
        (source, cursor): Blocked,
        site: SiteCode,
        timings: Timings,
        guidance: &watch::Receiver<Guidance>,
        tasks: &mut Tasks,
    ) {
        let id = source.id().clone();
        let wake = Arc::new(Notify::new());
        if let Some(path) = source.wakes_on().map(Path::to_owned) {
            let watch = wake_on_change(path, Arc::clone(&wake), self.stop.clone());
            tasks.spawn(&format!("notifications of {id}"), watch);
        }
        let supervision = self.supervision(site, timings, &id, wake, guidance);
        let blocking = Blocking::new(source, cursor, self.under_way.clone());
        tasks.spawn(&format!("watch of {id}"), supervise(blocking, supervision));
    }

    /// What the supervisor of a source needs.
    pub(super) fn supervision(
        &self,
        site: SiteCode,
        timings: Timings,
        id: &SourceId,
        wake: Arc<Notify>,
        guidance: &watch::Receiver<Guidance>,
    ) -> Supervision {
        Supervision {
            site,
            clock: self.clock,
            timings,
            guidance: guidance.clone(),
            wake,
            reports: self.reports.clone(),
            // Whoever may ask for health need not learn where anything is.
            heartbeat: self.watchdog.register(format!("{site} {}", id.kind), timings.watchdog),
            stop: self.stop.clone(),
        }
    }
}

/// Tells of a task that ended although nobody asked for it.
pub(super) fn tell_of_fault(site: SiteCode, task: &str, stop: &CancellationToken) {
    if !stop.is_cancelled() {
        tracing::error!(%site, task, "task ended by itself; please report this");
    }
}
