//! Sentences that say the same wherever they stand: on the page and in `check`.

use crate::state::SiteState;

/// What is said of a site of which nothing is watched.
pub const NOTHING_IS_WATCHED: &str =
    "nothing is watched: configure sites[].log, event_log, database or snapshot";

/// That SQL Server has frozen I/O of the site database and has not resumed it, if that is so.
pub fn frozen_io(state: &SiteState) -> Option<String> {
    let since = state.io_frozen_since()?.format("%Y-%m-%d %H:%M:%S UTC");
    Some(format!("I/O of {} frozen since {since}, not resumed", state.settings.site_database()))
}
