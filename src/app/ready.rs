//! How a site becomes ready to run: its state at hand, its sources announced in it, its ledger open.
//!
//! Everything here blocks, and nothing runs yet. The order matters: a ledger is opened when nobody else writes it, and not
//! before it is certain that the site will run, because that begins a new one.

use std::sync::Arc;

use super::StartError;
use super::means::Means;
use super::site_tasks::SiteTasks;
use crate::config::SiteConfig;
use crate::remediation::Remediation;
use crate::state::SiteState;
use crate::state::checkpoint::{Loaded, Unusable, under};
use crate::trace::PhraseError;

/// A site that is ready to run, once its ledger is open.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) state: SiteState,
    /// The number of the checkpoint that the state came from.
    pub(super) sequence: u64,
    pub(super) tasks: SiteTasks,
}

/// A site cannot go on under other settings; only a mistake in this program makes that so.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stuck {
    /// What is known of it does not come back.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// The phrase table does not compile.
    #[error(transparent)]
    Phrases(#[from] PhraseError),
}

impl Ready {
    /// A site as its checkpoint knows it; a checkpoint that cannot be used is set aside, and told of.
    pub(super) fn load(site: SiteConfig, means: &Arc<Means>) -> Result<Self, StartError> {
        let Loaded { state, sequence, set_aside } =
            means.directory.load(&Arc::new(site.settings.clone()), means.clock.now())?;
        for aside in set_aside {
            tracing::warn!(
                site = %site.settings.code,
                path = %aside.path.display(),
                kept_as = %aside.kept_as.display(),
                reason = aside.reason,
                "checkpoint set aside; rebuilding from the log"
            );
        }
        Ok(Self::at(site, state, sequence, means)?)
    }

    /// A site that was watched under other settings until now, and is no longer.
    pub(super) fn again(
        site: SiteConfig,
        before: &SiteState,
        sequence: u64,
        means: &Arc<Means>,
    ) -> Result<Self, Stuck> {
        let state = under(before, &Arc::new(site.settings.clone()), means.clock.now())?;
        Ok(Self::at(site, state, sequence, means)?)
    }

    /// A site that goes on from this state.
    fn at(
        site: SiteConfig,
        mut state: SiteState,
        sequence: u64,
        means: &Arc<Means>,
    ) -> Result<Self, PhraseError> {
        let controller = site.settings.services.as_ref().map(|config| means.services.of(config));
        let tasks = SiteTasks::new(site, &mut state, controller, means)?;
        Ok(Self { state, sequence, tasks })
    }

    /// The same with its ledger, where it has services that could be restarted.
    pub(super) fn with_ledger(mut self, means: &Means) -> Self {
        if let Some(controller) = self.tasks.controller() {
            let remediation = Remediation::open(&self.state, &means.state_path, controller, means.clock);
            self.state.stands(remediation.standing().clone());
            self.tasks.decide_by(remediation);
        }
        self
    }
}
