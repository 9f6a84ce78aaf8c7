//! What the time line and the table of runs show: each run, and each due day on which none began.

use maud::{Markup, html};

use crate::assessment::Assessment;
use crate::site::{BackupOutcome, BackupRun, Timestamp};
use crate::state::SiteState;

/// What a mark stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Succeeded,
    Failed,
    Interrupted,
    InProgress,
    Missed,
}

impl Kind {
    /// All of them, as the legend has them.
    pub(super) const ALL: [Self; 5] =
        [Self::Succeeded, Self::Failed, Self::Interrupted, Self::Missed, Self::InProgress];

    pub(super) fn of(run: &BackupRun) -> Self {
        match run.outcome() {
            Some(BackupOutcome::Succeeded) => Self::Succeeded,
            Some(BackupOutcome::Interrupted) => Self::Interrupted,
            Some(BackupOutcome::Failed(_)) => Self::Failed,
            // Its end is still to come, and its failure is known.
            None if run.error.is_some() => Self::Failed,
            None => Self::InProgress,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::InProgress => "in progress",
            Self::Missed => "missed",
        }
    }

    /// Its shape and its class.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Succeeded => "mark-succeeded",
            Self::Failed => "mark-failed",
            Self::Interrupted => "mark-interrupted",
            Self::InProgress => "mark-in-progress",
            Self::Missed => "mark-missed",
        }
    }
}

/// What happened, or did not, at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event<'a> {
    pub(super) at: Timestamp,
    pub(super) kind: Kind,
    pub(super) run: Option<&'a BackupRun>,
}

/// Every run that is kept and every due day that is known to have been missed, oldest first.
pub(super) fn events<'a>(state: &'a SiteState, assessment: &'a Assessment) -> Vec<Event<'a>> {
    let runs = state.runs.iter();
    let runs = runs.map(|run| Event { at: run.started_or_first(), kind: Kind::of(run), run: Some(run) });
    let missed = assessment.due.missed_days.iter();
    let missed = missed.map(|at| Event { at: *at, kind: Kind::Missed, run: None });
    let mut events: Vec<_> = runs.chain(missed).collect();
    events.sort_by_key(|event| event.at);
    events
}

/// The sign of a kind beside a word.
pub(super) fn sign(kind: Kind) -> Markup {
    html! {
        svg.sign aria-hidden="true" viewBox="-8 -8 16 16" { use.mark.(kind.mark()) href={ "#" (kind.mark()) } {} }
    }
}
