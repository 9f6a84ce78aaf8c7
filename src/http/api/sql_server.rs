//! What SQL Server wrote into the event log about the site database, as JSON.
//!
//! Any backup program freezes and resumes I/O, so nothing is judged by it: these are facts beside those of the backup.

use serde::Serialize;

use crate::site::{SqlServerEvent, Timestamp};
use crate::state::SiteState;

/// When each was last said; `null` for what never was.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct SqlServerJson {
    frozen: Option<Timestamp>,
    resumed: Option<Timestamp>,
    /// As long as no resumption followed.
    frozen_since: Option<Timestamp>,
    backed_up: Option<Timestamp>,
}

/// `None` where SQL Server said nothing.
pub(super) fn sql_server(state: &SiteState) -> Option<SqlServerJson> {
    let said = |event| state.sql_server.get(&event).copied();
    (!state.sql_server.is_empty()).then(|| SqlServerJson {
        frozen: said(SqlServerEvent::Frozen),
        resumed: said(SqlServerEvent::Resumed),
        frozen_since: state.io_frozen_since(),
        backed_up: said(SqlServerEvent::BackedUp),
    })
}
