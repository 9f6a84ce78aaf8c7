//! The sites that are watched now: each is one task, which can be begun and ended without the others.
//!
//! A site that ends by itself is a fault of the program: all others are ended in order then, and the process with them.

use std::collections::{BTreeMap, BTreeSet};

use tokio_util::sync::CancellationToken;

use super::site_tasks::SiteTasks;
use super::tasks::Tasks;
use super::wires::Wires;
use crate::config::SiteConfig;
use crate::site::SiteCode;

/// A site that is watched.
#[derive(Debug)]
struct Running {
    config: SiteConfig,
    /// Ends it.
    stop: CancellationToken,
}

/// The sites that are watched.
#[derive(Debug)]
pub(super) struct Sites {
    /// Of all of them.
    wires: Wires,
    running: BTreeMap<SiteCode, Running>,
    tasks: Tasks,
    /// Whether one of them has ended by itself.
    faulted: bool,
}

impl Sites {
    pub(super) fn new(wires: Wires) -> Self {
        Self { wires, running: BTreeMap::new(), tasks: Tasks::default(), faulted: false }
    }

    pub(super) fn wires(&self) -> &Wires {
        &self.wires
    }

    /// How the sites that are watched are configured.
    pub(super) fn configs(&self) -> BTreeMap<SiteCode, SiteConfig> {
        self.running.iter().map(|(code, site)| (*code, site.config.clone())).collect()
    }

    /// Begins to watch a site, which is published already.
    pub(super) fn begin(&mut self, site: SiteTasks) {
        let (code, config, wires) = (site.code(), site.config().clone(), self.wires.branch());
        let stop = wires.stop.clone();
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
            self.faulted |= !ending.remove(&ended) && !self.wires.stop.is_cancelled();
        }
    }

    /// Ends the watching of all.
    pub(super) async fn end_all(&mut self) {
        let all: Vec<_> = self.running.keys().copied().collect();
        self.end(all).await;
    }

    /// Waits for a site that ends by itself, which has said what was wrong.
    pub(super) async fn fault(&mut self) {
        if !self.faulted {
            self.faulted = self.tasks.next().await.is_some();
        }
        if !self.faulted {
            // There is no site.
            std::future::pending::<()>().await;
        }
    }
}
