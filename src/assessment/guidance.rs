//! When the sources must leave the backup destination alone.

use super::{RunSummary, delta};
use crate::site::Timestamp;
use crate::source::{Guidance, Quiet};
use crate::state::SiteState;

/// The advice for one site at a moment.
///
/// An open handle below the destination can make the task's own delete fail, or AfterBackup.bat's rename.
pub fn guidance(state: &SiteState, now: Timestamp) -> Guidance {
    let runs = RunSummary::of(state, now);
    let timings = &state.settings.timings;
    let quiet = if !state.knows_events() {
        Some(Quiet::Unknown)
    } else if runs.in_progress == Some(true) {
        Some(Quiet::RunInProgress)
    } else if is_due(state, &runs, now) {
        Some(Quiet::RunDue)
    } else {
        let recent = |start: &Timestamp| (*start..*start + delta(timings.quiet_after_backup)).contains(&now);
        runs.after_backup_started.filter(recent).map(|_| Quiet::AfterBackup)
    };
    Guidance { quiet }
}

/// From shortly before a due begin until its run has started, which quiets by itself, or counts as missed.
fn is_due(state: &SiteState, runs: &RunSummary, now: Timestamp) -> bool {
    let Some((schedule, _)) = &state.schedule else { return false };
    let timings = &state.settings.timings;
    let Some(due) = schedule.last_due(now + delta(timings.quiet_before_due)) else { return false };
    let quiet_from = due.begin - delta(timings.quiet_before_due);
    let has_started = runs.last_start.is_some_and(|start| start >= quiet_from);
    now < due.latest_begin + delta(timings.missed_tolerance) && !has_started
}
