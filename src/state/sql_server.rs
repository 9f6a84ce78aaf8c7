//! What SQL Server's events in the event log mean together.

use super::SiteState;
use crate::site::{SqlServerEvent, Timestamp};

impl SiteState {
    /// Since when I/O of the site database is frozen for a snapshot; `None` if it was resumed, or was never frozen.
    pub fn io_frozen_since(&self) -> Option<Timestamp> {
        let frozen = *self.sql_server.get(&SqlServerEvent::Frozen)?;
        let resumed = self.sql_server.get(&SqlServerEvent::Resumed);
        resumed.is_none_or(|resumed| *resumed < frozen).then_some(frozen)
    }
}
