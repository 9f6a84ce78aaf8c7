//! Reading the configuration anew while the exporter runs: first all that can fail, then the sites that differ.
//!
//! A site that is configured as before is not touched. One that is configured otherwise is restarted alone: its tasks end,
//! what they reported is folded and written, and what is known of it goes on under the other settings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::means::{Means, Ready};
use super::site_tasks::SiteTasks;
use super::sites::Sites;
use super::threads::blocking_threads;
use crate::config::{Config, SiteConfig};
use crate::error_chain;
use crate::http::{NotTakenOver, Rereading};
use crate::reloads::{Changes, Refused, Reloads, listed};
use crate::site::SiteCode;
use crate::state::checkpoint::under;
use crate::state::{Published, StateRequests};

/// How long reading the configuration and looking for checkpoints may take: files on a share may hang.
const PLAN_DEADLINE: Duration = Duration::from_secs(20);
/// After how long the program is not healthy while sites are exchanged.
const EXCHANGE_DEADLINE: Duration = Duration::from_secs(60);

/// Reads the configuration as the start did, which blocks; gives its problems in words where it cannot be used.
#[derive(Clone)]
pub struct Load(Arc<dyn Fn() -> Result<Config, Refused> + Send + Sync>);

impl Load {
    /// What is to be called for each reload.
    pub fn new(load: impl Fn() -> Result<Config, Refused> + Send + Sync + 'static) -> Self {
        Self(Arc::new(load))
    }
}

impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Load")
    }
}

/// How the configuration is read anew, and who may ask for it.
#[derive(Debug)]
pub struct Reloading {
    /// Reads it.
    pub load: Load,
    /// Where it is told how that went.
    pub outcome: Reloads,
    /// Whether it may be asked for over HTTP.
    pub lifecycle: bool,
    /// The file whose change asks for it; `None` where that is not looked for.
    pub watched: Option<PathBuf>,
    /// How many blocking threads the runtime may have.
    pub threads: usize,
}

/// What reloads are made with.
#[derive(Debug)]
pub(super) struct Reload {
    pub(super) load: Load,
    pub(super) outcome: Reloads,
    pub(super) threads: usize,
    pub(super) means: Arc<Means>,
    pub(super) state: StateRequests,
    /// Reads the web configuration anew; `None` where there is none.
    pub(super) web: Option<Rereading>,
    /// A plan that is being made; one that hangs is not begun a second time.
    pub(super) in_flight: Option<JoinHandle<Result<Plan, Refused>>>,
}

/// What is to be done, of which nothing can fail any more.
#[derive(Debug)]
pub(super) struct Plan {
    notices: Vec<String>,
    added: Vec<Ready>,
    changed: Vec<SiteConfig>,
    removed: Vec<SiteCode>,
}

impl Sites {
    /// Reads the configuration anew and tells how that went; `None` if the exporter stops meanwhile, or if a fault of the
    /// program leaves it half done.
    pub(super) async fn reload(&mut self) -> Option<Result<Changes, Refused>> {
        let stop = self.connections.stop.clone();
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
                self.reload.outcome.config(None);
                return Some(Err(refused));
            }
        };
        tell_notices(&plan.notices);
        let changes = self.carry_out(plan).await?;
        let [added, removed, changed] =
            [&changes.added, &changes.removed, &changes.changed].map(|sites| listed(sites));
        tracing::info!(added, removed, changed, "configuration reloaded");
        self.reload.outcome.config(Some(self.connections.clock.now()));
        Some(Ok(changes))
    }

    async fn plan(&mut self) -> Result<Plan, Refused> {
        let hung = |_| {
            let seconds = PLAN_DEADLINE.as_secs();
            Refused::for_now(format!(
                "not read within {seconds} s; check the disk or share of the configuration and of the state directory"
            ))
        };
        if let Some(late) = &mut self.reload.in_flight {
            // Whatever it brings was read before anybody asked now.
            let _ = timeout(PLAN_DEADLINE, late).await.map_err(hung)?;
        }
        let running = self.running.iter().map(|(code, site)| (*code, site.config.clone())).collect();
        let published = self.connections.published.borrow().clone();
        let Reload { load, means, threads, in_flight, .. } = &mut self.reload;
        let (load, means, threads) = (load.clone(), Arc::clone(means), *threads);
        let planning =
            in_flight.insert(spawn_blocking(move || plan(&load, &running, &published, &means, threads)));
        let planned = timeout(PLAN_DEADLINE, planning).await.map_err(hung)?;
        *in_flight = None;
        planned.unwrap_or_else(|error| {
            let problem = format!("reading it panicked; please report this: {error}");
            Err(Refused::by_content(vec![problem]))
        })
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
        let _alive = self.connections.watchdog.register("reload", EXCHANGE_DEADLINE);
        let ending = [&*changes.removed, &*changes.changed].concat();
        self.end(ending.iter().copied()).await;
        let (stop, state) = (self.connections.stop.clone(), self.reload.state.clone());
        let exchanging = exchange(state, Arc::clone(&self.reload.means), ending, added, changed);
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
        tasks?.into_iter().for_each(|site| self.begin(site));
        Some(changes)
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
            match means.again(site, before, *sequence) {
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
            let Ready { state, sequence, tasks } = means.with_ledger(ready);
            ((state, sequence), tasks)
        };
        Some(added.into_iter().chain(again).map(with_ledger).unzip())
    });
    let (states, tasks): (Vec<_>, Vec<_>) = begun.await.ok()??;
    state.exchange(ended, states).await?;
    Some(tasks)
}

impl Reload {
    /// Has the web configuration read anew, if there is one.
    pub(super) async fn reread_web(&self) -> Result<(), Vec<String>> {
        match &self.web {
            Some(web) => web.reread().await.map_err(NotTakenOver::into_lines),
            None => Ok(()),
        }
    }
}

/// Tells what an operator should know of what was found on this machine.
pub(super) fn tell_notices(notices: &[String]) {
    for notice in notices {
        tracing::warn!(notice, "found in the registry of this site server");
    }
}

/// Whether so many threads are free: those of polls that hang in what earlier reloads ended are not.
fn find_room(needed: usize, under_way: usize, threads: usize) -> Result<(), Refused> {
    if needed > threads {
        return Err(Refused::by_content(vec![format!(
            "the sites need {needed} threads, and this process has room for {threads}; restart the exporter"
        )]));
    }
    if needed + under_way > threads {
        return Err(Refused::for_now(format!(
            "the sites need {needed} threads, and {under_way} of the {threads} that this process has room for are in polls \
             that have not ended; see which sources hang, or restart the exporter"
        )));
    }
    Ok(())
}

/// Finds out what is to be done, without touching what runs; blocks.
fn plan(
    load: &Load,
    running: &BTreeMap<SiteCode, SiteConfig>,
    published: &Published,
    means: &Arc<Means>,
    threads: usize,
) -> Result<Plan, Refused> {
    let config = (load.0)()?;
    let needed = blocking_threads(&config, &means.surroundings())
        .map_err(|error| Refused::by_content(vec![error_chain(&error)]))?;
    find_room(needed, means.under_way.count(), threads)?;
    let codes: BTreeSet<_> = config.sites.iter().map(|site| site.settings.code).collect();
    let removed = running.keys().filter(|code| !codes.contains(code)).copied().collect();
    let (mut changed, mut new, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for site in config.sites {
        match running.get(&site.settings.code) {
            Some(before) if before.is_same(&site) => {}
            Some(_) => changed.push(site),
            None => new.push(site),
        }
    }
    for site in &changed {
        let Some(state) = published.sites.get(&site.settings.code) else { continue };
        if let Err(error) = under(state, &Arc::new(site.settings.clone()), means.clock.now()) {
            problems.push(format!(
                "what is known of {} does not go on: {}",
                site.settings.code,
                error_chain(&error)
            ));
        }
    }
    if !problems.is_empty() {
        return Err(Refused::by_content(problems));
    }
    // Last of all: a checkpoint that cannot be used is set aside by it.
    let mut added = Vec::new();
    for site in new {
        match means.load(site) {
            Ok(ready) => added.push(ready),
            Err(error) => problems.push(error_chain(&error)),
        }
    }
    if problems.is_empty() {
        Ok(Plan { notices: config.notices, added, changed, removed })
    } else {
        Err(Refused { problems, by_content: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_that_would_wait_for_threads_are_refused() {
        assert_eq!(find_room(30, 270, 300), Ok(()));
        let hanging = find_room(30, 271, 300).unwrap_err();
        assert!(!hanging.by_content, "the polls may end");
        assert!(hanging.problems[0].contains("need 30 threads, and 271 of the 300"), "{hanging:?}");
        assert!(find_room(301, 0, 300).unwrap_err().by_content);
    }
}
