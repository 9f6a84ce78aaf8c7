//! The sites that are watched now: each is one task, which can be begun and ended without the others.
//!
//! A site that ends by itself is a fault of the program: all others are ended in order then, and the process with them.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::site_tasks::{SiteTasks, Wires};
use super::tasks::Tasks;
use crate::clock::Clock;
use crate::site::SiteCode;
use crate::source::Report;
use crate::state::Published;
use crate::watchdog::Watchdog;

/// What every site is connected to.
#[derive(Debug)]
pub(super) struct Connections {
    pub(super) watchdog: Watchdog,
    pub(super) clock: Clock,
    pub(super) published: watch::Receiver<Published>,
    /// Kept as long as sites may begin: without a source, the state task would take the closed inbox for the end.
    pub(super) reports: mpsc::Sender<Report>,
    /// Ends all of them.
    pub(super) stop: CancellationToken,
}

/// The sites that are watched.
#[derive(Debug)]
pub(super) struct Sites {
    connections: Connections,
    /// What ends each of them.
    running: BTreeMap<SiteCode, CancellationToken>,
    tasks: Tasks,
}

impl Sites {
    pub(super) fn new(connections: Connections) -> Self {
        Self { connections, running: BTreeMap::new(), tasks: Tasks::default() }
    }

    /// Begins to watch a site, which is published already.
    pub(super) fn begin(&mut self, site: SiteTasks) {
        let Connections { watchdog, clock, published, reports, stop } = &self.connections;
        let (code, stop) = (site.code(), stop.child_token());
        let wires = Wires {
            watchdog: watchdog.clone(),
            clock: *clock,
            published: published.clone(),
            reports: reports.clone(),
            stop: stop.clone(),
        };
        self.tasks.spawn(code.as_str(), site.run(wires));
        self.running.insert(code, stop);
    }

    /// Ends the watching of these sites and waits until it has ended, which takes no longer than the end of the process:
    /// what they read is reported then, and nothing of them acts any more.
    pub(super) async fn end(&mut self, codes: impl IntoIterator<Item = SiteCode>) {
        let mut ending = BTreeSet::new();
        for code in codes {
            if let Some(stop) = self.running.remove(&code) {
                stop.cancel();
                ending.insert(code.to_string());
            }
        }
        while !ending.is_empty()
            && let Some(ended) = self.tasks.next().await
        {
            ending.remove(&ended);
        }
    }

    /// Watches the sites until the process stops, and ends all of them then; ends before only by a fault.
    pub(super) async fn run(mut self) {
        tokio::select! {
            () = self.connections.stop.cancelled() => {}
            // It has said itself what was wrong.
            Some(_) = self.tasks.next() => {}
        }
        let all: Vec<_> = self.running.keys().copied().collect();
        self.end(all).await;
    }
}
