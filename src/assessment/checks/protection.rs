//! Checks of what a recovery would need besides a copy: time and practice.

use super::{Assessment, Finding};
use crate::state::SiteState;

pub(super) fn recoverable(_: &SiteState, assessment: &Assessment) -> Finding {
    match assessment.copies.recoverable_until {
        Some(until) if until < assessment.at => Finding::failed(
            format!(
                "The newest copy is older than change tracking retention since {}.",
                until.format("%F %H:%M UTC")
            ),
            "Start a backup now: a recovery from the present copy would lose or reinitialise the hierarchy's data.",
        ),
        Some(_) => Finding::passed("The newest copy is within change tracking retention."),
        None => Finding::unknown("No valid copy is known, or the site is not part of a hierarchy."),
    }
}

pub(super) fn recovery_drill(state: &SiteState, assessment: &Assessment) -> Finding {
    let Some(drill) = &state.settings.recovery_drill else {
        return Finding::unknown("No recovery drill is configured.");
    };
    let days = (assessment.at - drill.last).num_days();
    if days < 0 {
        return Finding::failed(
            format!(
                "The last recovery drill is said to be on {}, which is in the future.",
                drill.last.format("%F")
            ),
            "Correct sites[].recovery_drill.last.",
        );
    }
    if assessment.at - drill.last > super::super::delta(drill.max_age) {
        return Finding::failed(
            format!("The last recovery drill was {days} days ago."),
            "Recover the site from its backup in a lab, then set sites[].recovery_drill.last to that day.",
        );
    }
    Finding::passed(format!("The last recovery drill was {days} days ago."))
}
