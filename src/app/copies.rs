//! The task around whatever reads the copies of a site, which begins anew where the destination is another one.
//!
//! The site database may tell the destination only after the start, and an administrator may move it.

use std::sync::Arc;

use tokio::sync::watch;

use super::means::Means;
use super::tasks::Tasks;
use super::wires::{Blocked, Wires, tell_of_fault};
use crate::config::{SiteConfig, SnapshotConfig};
use crate::site::SiteCode;
use crate::source::{BlockingSource, Guidance, Surroundings, WatchReport, Watched, sources_of};
use crate::state::{Published, SiteState};
use crate::trace::PhraseError;

/// Reads the copies of a site, wherever its destination is, until it is told to stop; ends before only by a fault.
pub(super) async fn read_copies(
    site: SiteConfig,
    means: Arc<Means>,
    mut sources: Vec<Blocked>,
    mut wires: Wires,
    guidance: watch::Receiver<Guidance>,
) {
    let (code, timings) = (site.settings.code, site.settings.timings);
    let stop = wires.stop.clone();
    let mut known = destination(&wires.published.borrow(), code);
    loop {
        wires.stop = stop.child_token();
        let mut tasks = Tasks::default();
        for blocked in sources.drain(..) {
            wires.spawn_source(blocked, code, timings, &guidance, &mut tasks);
        }
        tokio::select! {
            () = stop.cancelled() => {}
            moved = wires.published.wait_for(|published| destination(published, code) != known) => {
                if moved.is_err() {
                    return;
                }
            }
            Some(task) = tasks.next(), if !tasks.is_empty() => {
                tell_of_fault(code, &task, &stop);
                if !stop.is_cancelled() {
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
        let Some(Ok((next, report))) = state.map(|state| elsewhere(&state, &site, &means.surroundings()))
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
