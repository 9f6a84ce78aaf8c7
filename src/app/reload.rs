//! Reading the configuration anew while the exporter runs: first all that can fail, then the sites that differ.
//!
//! A site that is configured as before is not touched. One that is configured otherwise is restarted alone: its tasks end,
//! what they reported is folded and written, and what is known of it goes on under the other settings.

mod plan;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

pub use self::plan::Load;
use self::plan::{Plan, plan};
use super::means::Means;
use super::ready::Ready;
use super::site_tasks::SiteTasks;
use super::sites::Sites;
use crate::blocking_job::{BlockingJob, JobError};
use crate::config::SiteConfig;
use crate::error_chain;
use crate::http::{NotTakenOver, WebConfigHandle};
use crate::reloads::{Changes, LastReloads, Refused, ReloadRequest, Reloaded, listed};
use crate::site::SiteCode;
use crate::state::StateRequests;

/// How long reading the configuration and looking for checkpoints may take: files on a share may hang.
const PLAN_DEADLINE: Duration = Duration::from_secs(20);
/// After how long the program is not healthy while sites are exchanged.
const EXCHANGE_DEADLINE: Duration = Duration::from_secs(60);
/// Requests that one reading answers at most; those beyond are answered by the next.
const TOGETHER: usize = 64;

/// How the configuration is read anew, and who may ask for it.
#[derive(Debug)]
pub struct ReloadOptions {
    /// Reads it.
    pub load: Load,
    /// Where it is told how that went.
    pub outcome: LastReloads,
    /// Whether it may be asked for over HTTP.
    pub lifecycle: bool,
    /// The file whose change asks for it; `None` where that is not looked for.
    pub watched: Option<PathBuf>,
    /// How many blocking threads the runtime may have.
    pub threads: usize,
}

/// Watches the sites, and exchanges those that a reload changes.
#[derive(Debug)]
pub(super) struct Reloader {
    sites: Sites,
    load: Load,
    outcome: LastReloads,
    threads: usize,
    means: Arc<Means>,
    state: StateRequests,
    /// Has the web configuration read anew; `None` where there is none.
    web: Option<WebConfigHandle>,
    /// What an operator was told of what was found on this machine.
    notices: Vec<String>,
    planning: BlockingJob<Result<Plan, Refused>>,
}

impl Reloader {
    pub(super) fn new(
        sites: Sites,
        options: ReloadOptions,
        means: Arc<Means>,
        state: StateRequests,
        web: Option<WebConfigHandle>,
        notices: Vec<String>,
    ) -> Self {
        // Whoever asks is none of its business.
        let ReloadOptions { load, outcome, threads, lifecycle: _, watched: _ } = options;
        Self { sites, load, outcome, threads, means, state, web, notices, planning: BlockingJob::default() }
    }

    /// Watches the sites until the process stops, answers whoever asks for a reload, and ends all sites then; ends before
    /// only by a fault.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<ReloadRequest>) {
        let stop = self.sites.wires().stop.clone();
        let mut asked = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = self.sites.fault() => break,
                1.. = requests.recv_many(&mut asked, TOGETHER) => {}
                else => break,
            }
            // They asked before the file is read, so what they wrote is found in it.
            let Some(config) = self.reload().await else { break };
            let web_config = self.reread_web().await;
            let reloaded = Reloaded { config, web_config };
            asked.drain(..).for_each(|request| request.answer(reloaded.clone()));
        }
        self.sites.end_all().await;
    }

    /// Reads the configuration anew and tells how that went; `None` if the exporter stops meanwhile, or if a fault of the
    /// program leaves it half done.
    async fn reload(&mut self) -> Option<Result<Changes, Refused>> {
        let stop = self.sites.wires().stop.clone();
        let plan = tokio::select! {
            () = stop.cancelled() => return None,
            plan = self.plan() => plan,
        };
        let plan = match plan {
            Ok(plan) => plan,
            Err(refused) => {
                for problem in &refused.problems {
                    tracing::error!(problem, "configuration not reloaded; the one before stays in use");
                }
                self.outcome.config_refused();
                return Some(Err(refused));
            }
        };
        let new: Vec<_> =
            plan.notices.iter().filter(|notice| !self.notices.contains(notice)).cloned().collect();
        tell_notices(&new);
        let (digest, notices) = (plan.digest, plan.notices.clone());
        let changes = self.carry_out(plan).await?;
        self.notices = notices;
        let [added, removed, changed] =
            [&changes.added, &changes.removed, &changes.changed].map(|sites| listed(sites));
        tracing::info!(added, removed, changed, "configuration reloaded");
        self.outcome.config_taken_over(self.sites.wires().clock.now(), digest);
        Some(Ok(changes))
    }

    async fn plan(&mut self) -> Result<Plan, Refused> {
        let running = self.sites.configs();
        let published = self.sites.wires().published.borrow().clone();
        let (load, means, threads) = (self.load.clone(), Arc::clone(&self.means), self.threads);
        let planning =
            self.planning.run(PLAN_DEADLINE, move || plan(&load, &running, &published, &means, threads));
        match planning.await {
            Ok(plan) => plan,
            Err(JobError::Late) => Err(Refused::for_now(format!(
                "not read within {} s; check the disk or share of the configuration and of the state directory",
                PLAN_DEADLINE.as_secs()
            ))),
            Err(JobError::Panicked(error)) => {
                let problem = format!("reading it panicked; please report this: {error}");
                Err(Refused::by_content(vec![problem]))
            }
        }
    }

    /// Does what was planned; `None` if the exporter stops meanwhile, or if what can only be waited for hangs.
    async fn carry_out(&mut self, plan: Plan) -> Option<Changes> {
        let Plan { added, changed, removed, .. } = plan;
        let changes = Changes {
            added: added.iter().map(|site| site.tasks.code()).collect(),
            changed: changed.iter().map(|site| site.settings.code).collect(),
            removed,
        };
        // Dropped at the end, so that it is silent only where something hangs.
        let _alive = self.sites.wires().watchdog.register("reload", EXCHANGE_DEADLINE);
        let ending = [&*changes.removed, &*changes.changed].concat();
        self.sites.end(ending.iter().copied()).await;
        let (stop, state) = (self.sites.wires().stop.clone(), self.state.clone());
        let exchanging = exchange(state, Arc::clone(&self.means), ending, added, changed);
        let exchanged = tokio::select! {
            () = stop.cancelled() => return None,
            exchanged = timeout(EXCHANGE_DEADLINE, exchanging) => exchanged,
        };
        let Ok(tasks) = exchanged else {
            tracing::error!(
                seconds = EXCHANGE_DEADLINE.as_secs(),
                "the sites of a reload do not begin, for the state directory hangs; the exporter ends, to be started again"
            );
            return None;
        };
        tasks?.into_iter().for_each(|site| self.sites.begin(site));
        Some(changes)
    }

    /// Has the web configuration read anew, if there is one.
    async fn reread_web(&self) -> Result<(), Vec<String>> {
        match &self.web {
            Some(web) => web.reread().await.map_err(NotTakenOver::into_lines),
            None => Ok(()),
        }
    }
}

/// Puts sites that are ready in the place of those that have ended; `None` if a fault of the program prevents it.
async fn exchange(
    state: StateRequests,
    means: Arc<Means>,
    ended: Vec<SiteCode>,
    added: Vec<Ready>,
    changed: Vec<SiteConfig>,
) -> Option<Vec<SiteTasks>> {
    let settled = state.settle(ended.clone()).await?;
    let begun = spawn_blocking(move || {
        let again = |site: SiteConfig| {
            let known = settled.iter().find(|(state, _)| state.settings.code == site.settings.code);
            let (before, sequence) = known?;
            match Ready::again(site, before, *sequence, &means) {
                Ok(ready) => Some(ready),
                Err(error) => {
                    let (site, error) = (before.settings.code, error_chain(&error));
                    tracing::error!(%site, error, "site cannot go on under other settings; please report this");
                    None
                }
            }
        };
        let again = changed.into_iter().map(again).collect::<Option<Vec<_>>>()?;
        let with_ledger = |ready| {
            let Ready { state, sequence, tasks } = Ready::with_ledger(ready, &means);
            ((state, sequence), tasks)
        };
        Some(added.into_iter().chain(again).map(with_ledger).unzip())
    });
    let (states, tasks): (Vec<_>, Vec<_>) = begun.await.ok()??;
    state.exchange(ended, states).await?;
    Some(tasks)
}

/// Tells what an operator should know of what was found on this machine.
pub(super) fn tell_notices(notices: &[String]) {
    for notice in notices {
        tracing::warn!(notice, "found in the registry of this site server");
    }
}
