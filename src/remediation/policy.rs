//! The policy: one table, whose first row that applies decides; all that apply are shown.
//!
//! What decides safety holds while it cannot be seen. What nobody watches does not hold, except the service itself: what
//! nobody can start is not started.

use super::inputs::{
    Armed, DueSeen, Evidence, LastCopy, Maintenance, NodeSeen, Prerequisite, Progress, Remedy, ServiceSeen,
    Space, StartSeen, TaskSeen,
};
use super::{Inputs, Watched};
use crate::site::{HoldReason, RestartMode, RestartPlan};
use Watched::{Failing, Known, NotWatched};

/// What a row does where something cannot be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unseen {
    /// It applies.
    Holds,
    /// It does not apply.
    Passes,
    /// What it looks at is always known.
    Never,
}

/// One row of the decision table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The reason that it gives.
    pub reason: HoldReason,
    /// Whether it applies.
    pub holds: fn(&Inputs) -> bool,
    /// What it does while its source fails.
    pub failing: Unseen,
    /// What it does where nothing watches.
    pub not_watched: Unseen,
}

const fn row(reason: HoldReason, holds: fn(&Inputs) -> bool, failing: Unseen, not_watched: Unseen) -> Row {
    Row { reason, holds, failing, not_watched }
}

/// The decision table, in its order.
pub const ROWS: [Row; 19] = {
    use HoldReason as R;
    use Unseen::{Holds, Never, Passes};
    [
        row(R::PassiveNode, is_passive, Holds, Passes),
        row(R::RunInProgress, runs, Holds, Passes),
        row(R::Settling, |seen| !seen.settled && plan(seen) == RestartPlan::Start, Never, Never),
        row(R::LedgerUnavailable, |seen| !seen.ledger, Never, Never),
        row(R::NotArmed, |seen| seen.armed != Armed::Yes, Never, Never),
        row(R::StaleEvidence, |seen| seen.evidence != Evidence::Fresh, Never, Never),
        row(R::TaskDisabled, |seen| amiss(seen.task, TaskSeen::Enabled), Holds, Passes),
        row(R::SiteMaintenance, |seen| amiss(seen.maintenance, Maintenance::None), Holds, Passes),
        row(R::NeedsOperator, |seen| seen.remedy != Remedy::Retry, Never, Never),
        // While the service cannot be seen, the row of the run in progress holds.
        row(R::ServiceUnavailable, is_unavailable, Passes, Holds),
        row(R::PrerequisiteMissing, |seen| amiss(seen.prerequisite, Prerequisite::Present), Holds, Passes),
        // A disk of which nothing is known is not full.
        row(R::NoSpace, |seen| seen.space == Known(Space::Short), Passes, Passes),
        row(R::LastValidCopy, |seen| amiss(seen.last_copy, LastCopy::Safe), Holds, Passes),
        row(R::AlreadyAttempted, |seen| seen.attempted, Never, Never),
        row(R::BudgetSpent, |seen| seen.spent, Never, Never),
        row(R::CoolingDown, |seen| seen.cooling, Never, Never),
        // While the task cannot be seen, its own row holds.
        row(R::ScheduledRunDue, is_due, Passes, Passes),
        row(R::OutsideWindow, |seen| !seen.in_window, Never, Never),
        row(R::ObserveOnly, |seen| seen.mode == RestartMode::Observe, Never, Never),
    ]
};

/// What the table says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruling {
    /// No run is to be tried again, or nothing may be done about it.
    Nothing,
    /// Not now, for all of these reasons, the one that decides first; never empty.
    Hold(Vec<HoldReason>),
    /// The backup service is restarted now.
    Restart(RestartPlan),
}

/// What is to be done.
pub fn decide(inputs: &Inputs) -> Ruling {
    if inputs.mode == RestartMode::Off || !inputs.trouble {
        return Ruling::Nothing;
    }
    let reasons: Vec<_> = ROWS.iter().filter(|row| (row.holds)(inputs)).map(|row| row.reason).collect();
    if reasons.is_empty() { Ruling::Restart(plan(inputs)) } else { Ruling::Hold(reasons) }
}

/// Only a service that runs is stopped, and only for a run that may be stopped first.
pub(super) fn plan(seen: &Inputs) -> RestartPlan {
    match (seen.progress, seen.service) {
        (Progress::Hung | Progress::Stalled, Known(ServiceSeen::Running)) => RestartPlan::StopFirst,
        _ => RestartPlan::Start,
    }
}

fn amiss<T: Copy + PartialEq>(seen: Watched<T>, well: T) -> bool {
    match seen {
        Known(seen) => seen != well,
        Failing => true,
        NotWatched => false,
    }
}

fn is_passive(seen: &Inputs) -> bool {
    amiss(seen.node, NodeSeen::Active)
}

fn runs(seen: &Inputs) -> bool {
    let stands_still =
        matches!(seen.service, Known(ServiceSeen::Stopped | ServiceSeen::Missing) | NotWatched);
    plan(seen) == RestartPlan::Start && (seen.progress != Progress::Ended || !stands_still)
}

fn is_unavailable(seen: &Inputs) -> bool {
    let service = matches!(seen.service, Known(ServiceSeen::Changing | ServiceSeen::Missing) | NotWatched);
    service || matches!(seen.start, Known(StartSeen::Disabled | StartSeen::NoCommand))
}

fn is_due(seen: &Inputs) -> bool {
    matches!(seen.due, Known(DueSeen::Soon | DueSeen::Awaited))
}
