//! What was heard of the runs, as far as a restart must know: everything once, and nothing missed since.

use crate::site::{BackupRun, Timestamp};
use crate::source::SourceKind;
use crate::state::{SiteState, SourceState};

/// Whether all was read that a decision rests on.
pub(super) fn knows(state: &SiteState) -> bool {
    state.knows_events() && state.all_reported()
}

/// Whether a witness was read to its end in a poll that began after `since`: smsbkup.log, where that is read.
pub(super) fn heard_since(state: &SiteState, since: Timestamp) -> bool {
    let is_read = |source: &SourceState| source.is_current && source.last_success > Some(since);
    let log = state.sources.iter().find(|(id, _)| id.kind == SourceKind::BackupLog);
    // Others may tell of the same minutes later.
    log.map_or_else(|| state.witnesses().any(|(_, source)| is_read(source)), |(_, log)| is_read(log))
}

/// When the newest run was over, if all who tell of runs were read up to now: later failures may not be known otherwise.
pub(super) fn newest_known(state: &SiteState) -> Option<Timestamp> {
    let is_read = state.witnesses().all(|(_, source)| source.up() && !source.reads_on);
    let is_current = state.witnesses().any(|(_, source)| source.is_current);
    let newest = state.runs.last().filter(|_| knows(state) && is_read && is_current);
    newest.map(BackupRun::over_or_last)
}
