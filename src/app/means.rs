//! What sites are made with, the same for all of them.

use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::Clock;
use crate::services::ServiceControllers;
use crate::source::site_database::Databases;
use crate::source::{Surroundings, UnderWay};
use crate::state::checkpoint::StateDirectory;

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

impl Means {
    pub(super) fn surroundings(&self) -> Surroundings<'_> {
        Surroundings { clock: self.clock, state_path: &self.state_path, account: &self.account }
    }
}
