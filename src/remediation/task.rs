//! The loop that decides on restarts of one site and makes them: the only place that acts on anything outside.
//!
//! A decision is acted on only once the published state shows it: then whatever was reported before it is in that
//! state, and the same was decided again from it. While an attempt is under way the loop does nothing else.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::audit::{self, Audit, cause_of};
use super::books::Books;
use super::heard::{heard_since, newest_known};
use super::restart::{Restart, Wanted};
use super::{Ledger, LedgerFile, stand};
use crate::assessment::assess;
use crate::clock::Clock;
use crate::services::ServiceController;
use crate::site::{
    Decision, RestartPlan, RestartStanding, ServiceState, SiteCode, SiteService, Timestamp, Timings,
};
use crate::source::{Report, RestartReport};
use crate::state::{Published, SiteState};
use crate::watchdog::Heartbeat;

/// What the loop is connected to.
#[derive(Debug)]
pub struct Connections {
    /// What is known of the site.
    pub published: watch::Receiver<Published>,
    /// Where standings go.
    pub reports: mpsc::Sender<Report>,
    /// Says that the loop turns.
    pub heartbeat: Heartbeat,
    /// Ends it.
    pub stop: CancellationToken,
}

/// Nobody takes reports any more.
#[derive(Debug)]
struct Closed;

/// One site's restarts.
#[derive(Debug)]
pub struct Remediation {
    site: SiteCode,
    timings: Timings,
    clock: Clock,
    controller: Arc<dyn ServiceController>,
    books: Books,
    audit: Audit,
    /// What was reported last.
    told: RestartStanding,
    /// In which state the backup service is, and when the first look began that saw it so.
    since: Option<(ServiceState, Timestamp)>,
}

impl Remediation {
    /// Opens the site's ledger in the state directory, which blocks; decides nothing yet.
    pub fn open(
        state: &SiteState,
        directory: &Path,
        controller: Arc<dyn ServiceController>,
        clock: Clock,
    ) -> Self {
        let (site, now) = (state.settings.code, clock.now());
        let books = Books::open(site, LedgerFile::new(directory, site), now);
        let told = standing(state, books.usable(), books.known(), now);
        let told = RestartStanding { decision: Decision::Nothing, run: None, ..told };
        let mut timings = state.settings.timings;
        if let Some(services) = &state.settings.services {
            timings.service_call = services.call_deadline(timings.service_call);
        }
        Self { site, timings, clock, controller, books, audit: Audit::default(), told, since: None }
    }

    /// How the site stands before anything was decided.
    pub fn standing(&self) -> &RestartStanding {
        &self.told
    }

    /// Decides and acts until it is told to stop.
    pub async fn run(mut self, mut connections: Connections) {
        loop {
            connections.heartbeat.beat(self.timings.decision_interval + self.timings.watchdog);
            if self.turn(&mut connections).await.is_err() {
                return;
            }
            tokio::select! {
                biased;
                () = connections.stop.cancelled() => return,
                changed = connections.published.changed() => if changed.is_err() { return },
                () = sleep(self.timings.decision_interval) => {}
            }
        }
    }

    async fn turn(&mut self, connections: &mut Connections) -> Result<(), Closed> {
        connections.published.mark_unchanged();
        let Some(state) = self.latest(connections) else { return Ok(()) };
        let now = self.clock.now();
        self.books.tend(self.timings.ledger_retry, now).await;
        let is_known = state.knows_all();
        let newest = newest_known(&state);
        self.books
            .change(|ledger| ledger.redate(now, newest) | (is_known && ledger.judge(&state.runs)))
            .await;
        self.see_services(&state);
        let standing = self.tell(&state, connections).await?;
        let Decision::Restart(plan) = standing.decision else { return Ok(()) };
        if state.restart.as_ref() != Some(&standing)
            || !self.is_fresh(&state)
            || connections.stop.is_cancelled()
        {
            return Ok(());
        }
        self.restart(&state, plan, connections).await
    }

    /// Reports how the site stands, where that is news.
    async fn tell(
        &mut self,
        state: &SiteState,
        connections: &Connections,
    ) -> Result<RestartStanding, Closed> {
        let standing = standing(state, self.books.usable(), self.books.known(), self.clock.now());
        self.audit.decided(self.site, &standing, &state.runs);
        if standing != self.told {
            self.told = standing.clone();
            let report = RestartReport { site: self.site, standing: standing.clone() };
            connections.reports.send(Report::Restart(report)).await.map_err(|_| Closed)?;
        }
        Ok(standing)
    }

    /// Since when the services have been seen as they are, of those looks that came after the last attempt.
    fn see_services(&mut self, state: &SiteState) {
        let known = self.books.known().map(|ledger| ledger.as_of(self.clock.now()));
        let last = known.as_ref().and_then(|ledger| ledger.attempts.last());
        let ended = last.map(|attempt| attempt.outcome.map_or(attempt.decided, |(_, ended)| ended));
        let seen = state.services.as_ref().and_then(|seen| {
            let source = state.sources.get(&seen.source).filter(|source| source.up())?;
            let service = seen.value.of(SiteService::Backup).map(|service| service.state);
            Some((service?, source.last_success.filter(|look| Some(*look) > ended)?))
        });
        self.since = seen.map(|(service, look)| match self.since {
            Some((same, since)) if same == service && Some(since) > ended => (service, since),
            _ => (service, look),
        });
    }

    /// Whether whoever tells of runs was heard since the services were first seen as they are: what ran before that, and
    /// has succeeded, would be known.
    fn is_fresh(&self, state: &SiteState) -> bool {
        self.since.is_some_and(|(_, since)| heard_since(state, since))
    }

    /// Makes one attempt, from the ledger to the ledger.
    async fn restart(
        &mut self,
        state: &SiteState,
        plan: RestartPlan,
        connections: &Connections,
    ) -> Result<(), Closed> {
        let Some(run) = state.runs.iter().find(|run| Some(run.first) == self.told.run) else {
            return Ok(());
        };
        let (clock, Some(before)) = (self.clock, self.books.usable().cloned()) else { return Ok(()) };
        if !self.books.begin(run.first, cause_of(run), plan, self.clock.now()).await {
            return self.tell(state, connections).await.map(drop);
        }
        audit::begins(self.site, run, plan);
        // What was begun is ended in the ledger, also where nobody takes reports any more.
        let told = self.tell(state, connections).await;
        let restart = Restart {
            site: self.site,
            plan,
            failed: (run.first, run.last),
            wanted: Wanted(Box::new(move |state| {
                let now = clock.now();
                let standing = stand(state, &assess(state, now), Some(&before.as_of(now)), now);
                standing.decision == Decision::Restart(plan)
            })),
            pause_file: state.settings.remediation.pause_file.clone(),
            clock,
            controller: Arc::clone(&self.controller),
            published: connections.published.clone(),
            timings: self.timings,
            stop: connections.stop.clone(),
        };
        let restart = restart.run();
        tokio::pin!(restart);
        let ended = loop {
            connections.heartbeat.beat(self.timings.decision_interval + self.timings.watchdog);
            tokio::select! {
                ended = &mut restart => break ended,
                () = sleep(self.timings.decision_interval) => {}
            }
        };
        audit::ended(self.site, ended.outcome, ended.error.as_deref().unwrap_or_default());
        self.books.finish(ended.outcome, ended.error, self.clock.now()).await;
        told?;
        match self.latest(connections) {
            Some(state) => self.tell(&state, connections).await.map(drop),
            None => Ok(()),
        }
    }

    fn latest(&self, connections: &Connections) -> Option<Arc<SiteState>> {
        connections.published.borrow().sites.get(&self.site).cloned()
    }
}

/// How a site stands: decided from the ledger that is `usable`, shown with what is `known` of it.
pub fn standing(
    state: &SiteState,
    usable: Option<&Ledger>,
    known: Option<&Ledger>,
    now: Timestamp,
) -> RestartStanding {
    let usable = usable.map(|ledger| ledger.as_of(now));
    let mut standing = stand(state, &assess(state, now), usable.as_ref(), now);
    if !state.knows_all() {
        (standing.decision, standing.run, standing.pending) = (Decision::Nothing, None, false);
    }
    if let Some(known) = known {
        standing.attempts.clone_from(&known.attempts);
        standing.attempts_total = Some(known.attempts_total);
        standing.attempts_failed_total = Some(known.attempts_failed_total);
    }
    standing
}

#[cfg(test)]
mod tests;
