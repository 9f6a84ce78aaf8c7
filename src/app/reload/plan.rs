//! What a reload is to do: found out, with everything that can fail, without touching what runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::app::means::Means;
use crate::app::ready::Ready;
use crate::app::threads::blocking_threads;
use crate::config::{Config, SiteConfig};
use crate::error_chain;
use crate::reloads::Refused;
use crate::site::SiteCode;
use crate::state::Published;
use crate::state::checkpoint::under;

/// Reads the configuration as the start did, which blocks; gives its problems in words where it cannot be used.
#[derive(Clone)]
pub struct Load(Arc<dyn Fn() -> Result<Config, Refused> + Send + Sync>);

impl Load {
    /// What is to be called for each reload.
    pub fn new(load: impl Fn() -> Result<Config, Refused> + Send + Sync + 'static) -> Self {
        Self(Arc::new(load))
    }

    fn call(&self) -> Result<Config, Refused> {
        (self.0)()
    }
}

impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Load")
    }
}

/// What is to be done, of which nothing can fail any more.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) digest: Option<blake3::Hash>,
    pub(super) notices: Vec<String>,
    pub(super) added: Vec<Ready>,
    pub(super) changed: Vec<SiteConfig>,
    pub(super) removed: Vec<SiteCode>,
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
pub(super) fn plan(
    load: &Load,
    running: &BTreeMap<SiteCode, SiteConfig>,
    published: &Published,
    means: &Arc<Means>,
    threads: usize,
) -> Result<Plan, Refused> {
    let config = load.call()?;
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
        match Ready::load(site, means) {
            Ok(ready) => added.push(ready),
            Err(error) => problems.push(error_chain(&error)),
        }
    }
    if problems.is_empty() {
        Ok(Plan { digest: config.digest, notices: config.notices, added, changed, removed })
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
