//! Whether a failed backup is about to be tried again: one answer for metric, JSON and page.

use super::Assessment;
use crate::site::{Decision, Node, RestartMode};
use crate::state::SiteState;

/// Whether an attempt follows by itself, or goes on; `None` where nobody decides on restarts.
///
/// A failure is published a moment before it is decided on, and after a start it is only decided on once every source has
/// reported; no alert should fire in between. A passive site server decides nothing.
pub fn restart_pending(state: &SiteState, assessment: &Assessment) -> Option<bool> {
    let standing = state.restart.as_ref().filter(|standing| standing.mode != RestartMode::Off)?;
    if state.node() == Some(Node::Passive) {
        return Some(false);
    }
    let is_new = assessment.runs.last_failed == Some(true) && standing.decision == Decision::Nothing;
    Some(standing.pending || (is_new && standing.mode == RestartMode::Restart))
}
