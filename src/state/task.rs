//! The one task that owns the site states: drains its inbox, folds, writes checkpoints, then publishes once.
//!
//! A durable change is published only after the checkpoint that holds it, so that no scrape shows what a crash could
//! take back. If the checkpoint cannot be written it is published all the same, and counted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::checkpoint::{StateDirectory, WriteError};
use super::requests::{Request, StateRequests};
use super::{Change, SiteState};
use crate::clock::Clock;
use crate::site::{SiteCode, Timestamp, Timings};
use crate::source::{Report, RestartReport, WatchReport};
use crate::watchdog::Heartbeat;

/// Reports that may wait; a poll brings one, and there are a handful of sources for each site.
pub const INBOX: usize = 256;
/// Reports folded before a checkpoint and a publication; more would only delay what scrapes see.
const BATCH: usize = 64;

/// What the rest of the program sees.
#[derive(Debug, Clone, Default)]
pub struct Published {
    /// Every site.
    pub sites: BTreeMap<SiteCode, Arc<SiteState>>,
    /// When a checkpoint was last written.
    pub checkpoint: Option<Timestamp>,
    /// Checkpoints that could not be written.
    pub checkpoint_failures: u64,
}

/// One site inside the task.
#[derive(Debug)]
struct Entry {
    state: Arc<SiteState>,
    sequence: u64,
    unsaved: Change,
    saved: Timestamp,
    /// Whether the last attempt to write failed.
    failing: bool,
    /// Whether it was handed out to be replaced: what time would change here would change twice.
    settled: bool,
}

impl Entry {
    fn new(state: SiteState, sequence: u64, now: Timestamp) -> Self {
        let (state, unsaved) = (Arc::new(state), Change::Volatile);
        Self { state, sequence, unsaved, saved: now, failing: false, settled: false }
    }
}

/// The task's state.
#[derive(Debug)]
pub struct StateTask {
    sites: BTreeMap<SiteCode, Entry>,
    directory: Arc<StateDirectory>,
    clock: Clock,
    timings: Timings,
    publish: watch::Sender<Published>,
    requests: mpsc::Receiver<Request>,
    heartbeat: Heartbeat,
}

impl StateTask {
    /// A task for these sites, each with the number of the checkpoint it came from.
    pub fn new(
        sites: Vec<(SiteState, u64)>,
        directory: Arc<StateDirectory>,
        clock: Clock,
        timings: Timings,
        heartbeat: Heartbeat,
    ) -> (Self, watch::Receiver<Published>, StateRequests) {
        let now = clock.now();
        let entry =
            |(state, sequence): (SiteState, u64)| (state.settings.code, Entry::new(state, sequence, now));
        let (publish, published) = watch::channel(Published::default());
        let (asking, requests) = StateRequests::channel();
        let sites = sites.into_iter().map(entry).collect();
        let task = Self { sites, directory, clock, timings, publish, requests, heartbeat };
        task.publish_sites();
        (task, published, asking)
    }

    /// Runs until every sender of the inbox is gone, then writes what is left.
    ///
    /// `stop` only ends the waiting for time; what is in the inbox is always folded.
    pub async fn run(mut self, mut inbox: mpsc::Receiver<Report>, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            self.heartbeat.beat(self.timings.tick + self.timings.watchdog);
            let mut request = None;
            tokio::select! {
                received = inbox.recv_many(&mut batch, BATCH) => {
                    if received == 0 {
                        break;
                    }
                }
                Some(asked) = self.requests.recv() => {
                    request = Some(asked);
                    // What a site has reported before somebody asks for it is folded before. It was in the inbox then, and
                    // others may go on to report.
                    while batch.len() < INBOX
                        && let Ok(report) = inbox.try_recv()
                    {
                        batch.push(report);
                    }
                }
                () = tokio::time::sleep(self.timings.tick), if !stop.is_cancelled() => {}
            }
            let now = self.clock.now();
            for report in batch.drain(..) {
                self.take(report, now);
            }
            // Readers hold the state, so changing it copies it: not every second for nothing.
            let matured = |entry: &&mut Entry| !entry.settled && entry.state.has_matured(now);
            for entry in self.sites.values_mut().filter(matured) {
                let change = Arc::make_mut(&mut entry.state).advance(now);
                entry.unsaved = entry.unsaved.max(change);
            }
            self.save(now, self.timings.checkpoint_interval).await;
            self.publish_sites();
            if let Some(request) = request {
                self.answer(request, now).await;
            }
        }
        self.save(self.clock.now(), Duration::ZERO).await;
        self.publish_sites();
    }

    fn take(&mut self, report: Report, now: Timestamp) {
        let site = match &report {
            Report::Poll(report) => report.site,
            Report::Restart(report) => report.site,
            Report::Watch(report) => report.site,
        };
        let Some(entry) = self.sites.get_mut(&site) else { return };
        let state = Arc::make_mut(&mut entry.state);
        match report {
            Report::Poll(report) => entry.unsaved = entry.unsaved.max(state.fold(&report, now)),
            Report::Restart(RestartReport { standing, .. }) => state.stands(standing),
            Report::Watch(WatchReport { sources, .. }) => state.watch_copies(&sources, now),
        }
    }

    /// Does what is asked for; who asked may have gone, and it is done all the same.
    async fn answer(&mut self, request: Request, now: Timestamp) {
        match request {
            Request::Settle(sites, answer) => {
                self.save(now, Duration::ZERO).await;
                let mut settled = Vec::new();
                for site in sites {
                    if let Some(entry) = self.sites.get_mut(&site) {
                        entry.settled = true;
                        settled.push((Arc::clone(&entry.state), entry.sequence));
                    }
                }
                let _ = answer.send(settled);
            }
            Request::Exchange(forgotten, taken, answer) => {
                for site in forgotten {
                    self.sites.remove(&site);
                }
                for (state, sequence) in taken {
                    // Under other settings the same evidence may mean something else.
                    let entry = Entry { unsaved: Change::Durable, ..Entry::new(state, sequence, now) };
                    self.sites.insert(entry.state.settings.code, entry);
                }
                self.save(now, Duration::ZERO).await;
                self.publish_sites();
                let _ = answer.send(());
            }
        }
    }

    /// Writes the sites that changed durably, and those whose positions are older than `age`.
    async fn save(&mut self, now: Timestamp, age: Duration) {
        let age = TimeDelta::from_std(age).unwrap_or(TimeDelta::MAX);
        for entry in self.sites.values_mut() {
            let due = match entry.unsaved {
                Change::Volatile => false,
                Change::Position => now - entry.saved >= age || now < entry.saved,
                Change::Durable => true,
            };
            if !due {
                continue;
            }
            let (directory, state) = (Arc::clone(&self.directory), Arc::clone(&entry.state));
            let sequence = entry.sequence + 1;
            let written = tokio::task::spawn_blocking(move || directory.save(&state, sequence)).await;
            let error = match written {
                Ok(Ok(())) => {
                    entry.sequence = sequence;
                    entry.unsaved = Change::Volatile;
                    entry.saved = now;
                    if std::mem::replace(&mut entry.failing, false) {
                        tracing::info!(site = %entry.state.settings.code, "checkpoint written again");
                    }
                    self.publish.send_modify(|published| published.checkpoint = Some(now));
                    continue;
                }
                Ok(Err(error)) => chain(&error),
                Err(error) => error.to_string(),
            };
            if !std::mem::replace(&mut entry.failing, true) {
                tracing::error!(site = %entry.state.settings.code, error, "checkpoint not written; counters may repeat after a crash");
            }
            self.publish.send_modify(|published| published.checkpoint_failures += 1);
        }
    }

    fn publish_sites(&self) {
        self.publish.send_modify(|published| {
            published.sites =
                self.sites.iter().map(|(code, entry)| (*code, Arc::clone(&entry.state))).collect();
        });
    }
}

fn chain(error: &WriteError) -> String {
    crate::error_chain(error)
}

#[cfg(test)]
mod tests;
