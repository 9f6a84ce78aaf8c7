//! Which reasons go away without anybody doing anything, so that nobody has to be told of a failure yet.

use chrono::TimeDelta;

use super::Situation;
use crate::remediation::inputs::{ServiceSeen, StartSeen, Watched};
use crate::site::{HoldReason, delta};

/// How long after its start a run may be without a line that was read, and its service may outlast it.
pub(in crate::remediation) const TO_BE_READ: TimeDelta = TimeDelta::minutes(15);

impl Situation<'_> {
    /// Whether a reason that applies now passes by itself.
    pub(in crate::remediation) fn passes(&self, reason: HoldReason) -> bool {
        match reason {
            HoldReason::RunInProgress => self.is_ending(),
            HoldReason::ServiceUnavailable => {
                let changes = self.service() == Watched::Known(ServiceSeen::Changing);
                let can_start =
                    !matches!(self.start(), Watched::Known(StartSeen::Disabled | StartSeen::NoCommand));
                changes && can_start && self.is_ending()
            }
            HoldReason::SiteMaintenance => self.comes_back(),
            reason => reason.clears_by_itself(),
        }
    }

    /// Whether the failed run itself goes on towards its end, or its service after it.
    fn is_ending(&self) -> bool {
        let newest = self.state.runs.last().filter(|newest| self.run == Some(*newest));
        newest.is_some_and(|run| {
            let patience = if run.ended.is_some() { TO_BE_READ } else { delta(self.config().hung_after) };
            let stalls = self.assessment.runs.stalled == Some(true);
            !stalls && (self.now - run.over_or_last()).abs() < patience
        })
    }
}
