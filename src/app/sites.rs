//! The sites that are watched now: each is one task, which can be begun and ended without the others.
//!
//! A site that ends by itself is a fault of the program: all others are ended in order then, and the process with them.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::reload::Reload;
use super::site_tasks::{SiteTasks, Wires};
use super::tasks::Tasks;
use crate::clock::Clock;
use crate::config::SiteConfig;
use crate::reloads::{ReloadRequest, Reloaded};
use crate::site::SiteCode;
use crate::source::Report;
use crate::state::Published;
use crate::watchdog::Watchdog;

/// Requests that one reading answers at most; those beyond are answered by the next.
const TOGETHER: usize = 64;

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

/// A site that is watched.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) config: SiteConfig,
    /// Ends it.
    stop: CancellationToken,
}

/// The sites that are watched.
#[derive(Debug)]
pub(super) struct Sites {
    pub(super) connections: Connections,
    pub(super) reload: Reload,
    pub(super) running: BTreeMap<SiteCode, Running>,
    tasks: Tasks,
    /// Whether one of them has ended by itself.
    faulted: bool,
}

impl Sites {
    pub(super) fn new(connections: Connections, reload: Reload) -> Self {
        Self { connections, reload, running: BTreeMap::new(), tasks: Tasks::default(), faulted: false }
    }

    /// Begins to watch a site, which is published already.
    pub(super) fn begin(&mut self, site: SiteTasks) {
        let Connections { watchdog, clock, published, reports, stop } = &self.connections;
        let (code, config, stop) = (site.code(), site.config().clone(), stop.child_token());
        let wires = Wires {
            watchdog: watchdog.clone(),
            clock: *clock,
            published: published.clone(),
            reports: reports.clone(),
            under_way: self.reload.means.under_way.clone(),
            stop: stop.clone(),
        };
        self.tasks.spawn(code.as_str(), site.run(wires));
        self.running.insert(code, Running { config, stop });
    }

    /// Ends the watching of these sites and waits until it has ended, which takes no longer than the end of the process:
    /// what they read is reported then, and nothing of them acts any more.
    pub(super) async fn end(&mut self, codes: impl IntoIterator<Item = SiteCode>) {
        let mut ending = BTreeSet::new();
        for code in codes {
            if let Some(site) = self.running.remove(&code) {
                site.stop.cancel();
                ending.insert(code.to_string());
            }
        }
        while !ending.is_empty()
            && let Some(ended) = self.tasks.next().await
        {
            self.faulted |= !ending.remove(&ended) && !self.connections.stop.is_cancelled();
        }
    }

    /// Watches the sites until the process stops, answers whoever asks for a reload, and ends all sites then; ends before
    /// only by a fault.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<ReloadRequest>) {
        let stop = self.connections.stop.clone();
        let mut asked = Vec::new();
        while !self.faulted {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                // It has said itself what was wrong.
                Some(_) = self.tasks.next() => break,
                1.. = requests.recv_many(&mut asked, TOGETHER) => {}
                else => break,
            }
            // They asked before the file is read, so what they wrote is found in it.
            let Some(config) = self.reload().await else { break };
            let web_config = self.reload.reread_web().await;
            let reloaded = Reloaded { config, web_config };
            asked.drain(..).for_each(|request| request.answer(reloaded.clone()));
        }
        let all: Vec<_> = self.running.keys().copied().collect();
        self.end(all).await;
    }
}
