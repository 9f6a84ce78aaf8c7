//! What sites are made with, and how one becomes ready to run: its state at hand, its sources announced in it, its
//! ledger open.
//!
//! Everything here blocks, and nothing runs yet. The order matters: a ledger is opened when nobody else writes it, and not
//! before it is certain that the site will run, because that begins a new one.

use std::path::PathBuf;
use std::sync::Arc;

use super::StartError;
use super::site_tasks::SiteTasks;
use crate::clock::Clock;
use crate::config::SiteConfig;
use crate::remediation::Remediation;
use crate::services::ServiceControllers;
use crate::source::site_database::Databases;
use crate::source::{Surroundings, UnderWay};
use crate::state::SiteState;
use crate::state::checkpoint::{Loaded, StateDirectory, Unusable, under};
use crate::trace::PhraseError;

/// What every site is made with.
#[derive(Debug)]
pub(super) struct Means {
    pub(super) clock: Clock,
    pub(super) state_path: PathBuf,
    pub(super) account: String,
    pub(super) databases: Box<dyn Databases>,
    pub(super) services: Box<dyn ServiceControllers>,
    pub(super) directory: Arc<StateDirectory>,
    /// The polls of all sites, of those that have ended too.
    pub(super) under_way: UnderWay,
}

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

impl Means {
    pub(super) fn surroundings(&self) -> Surroundings<'_> {
        Surroundings { clock: self.clock, state_path: &self.state_path, account: &self.account }
    }

    /// A site as its checkpoint knows it; a checkpoint that cannot be used is set aside, and told of.
    pub(super) fn load(self: &Arc<Self>, site: SiteConfig) -> Result<Ready, StartError> {
        let Loaded { state, sequence, set_aside } =
            self.directory.load(&Arc::new(site.settings.clone()), self.clock.now())?;
        for aside in set_aside {
            tracing::warn!(
                site = %site.settings.code,
                path = %aside.path.display(),
                kept_as = %aside.kept_as.display(),
                reason = aside.reason,
                "checkpoint set aside; rebuilding from the log"
            );
        }
        Ok(self.ready(site, state, sequence)?)
    }

    /// A site that was watched under other settings until now, and is no longer.
    pub(super) fn again(
        self: &Arc<Self>,
        site: SiteConfig,
        before: &SiteState,
        sequence: u64,
    ) -> Result<Ready, Stuck> {
        let state = under(before, &Arc::new(site.settings.clone()), self.clock.now())?;
        Ok(self.ready(site, state, sequence)?)
    }

    /// A site that goes on from this state.
    fn ready(
        self: &Arc<Self>,
        site: SiteConfig,
        mut state: SiteState,
        sequence: u64,
    ) -> Result<Ready, PhraseError> {
        let controller = site.settings.services.as_ref().map(|config| self.services.of(config));
        let tasks = SiteTasks::new(site, &mut state, controller, self)?;
        Ok(Ready { state, sequence, tasks })
    }

    /// The same with its ledger, where it has services that could be restarted.
    pub(super) fn with_ledger(&self, Ready { mut state, sequence, mut tasks }: Ready) -> Ready {
        if let Some(controller) = tasks.controller() {
            let remediation = Remediation::open(&state, &self.state_path, controller, self.clock);
            state.stands(remediation.standing().clone());
            tasks.decide_by(remediation);
        }
        Ready { state, sequence, tasks }
    }
}
