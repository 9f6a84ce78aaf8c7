//! All that bears on one decision, and the words for each reason to hold.
//!
//! Its methods lie in one file for each group of rows, the question beside the sentence that tells its answer: what the
//! page says is made of the same facts as the decision.

mod attempts;
mod copies;
mod failure;
mod hours;
mod passing;
mod server;
mod surroundings;

use chrono::TimeDelta;

pub(super) use self::passing::TO_BE_READ;

use super::Ledger;
use super::inputs::{Progress, Watched};
use crate::assessment::Assessment;
use crate::config::{RemediationConfig, format_duration};
use crate::site::{BackupRun, FailureCause, Hold, HoldReason, Timestamp, delta};
use crate::source::site_database::Topic;
use crate::source::{FailureKind, SourceKind, Unread};
use crate::state::{SiteState, SourceState};

/// A source that was not read for three of its intervals and this is not heard: its polls hang, or the clock jumped.
const SILENCE: TimeDelta = TimeDelta::minutes(2);

/// What is known when a decision is made.
#[derive(Clone, Copy)]
pub(super) struct Situation<'a> {
    pub(super) state: &'a SiteState,
    pub(super) assessment: &'a Assessment,
    pub(super) ledger: Option<&'a Ledger>,
    pub(super) now: Timestamp,
    /// The run that failed or is stalled; `None` where the newest did not.
    pub(super) run: Option<&'a BackupRun>,
}

impl<'a> Situation<'a> {
    pub(super) fn new(
        state: &'a SiteState,
        assessment: &'a Assessment,
        ledger: Option<&'a Ledger>,
        now: Timestamp,
    ) -> Self {
        let runs = &assessment.runs;
        // A site that SQL Server's own backups protect has neither: its runs are not tried again.
        let run = if runs.stalled == Some(true) {
            state.runs.last()
        } else if runs.last_failed == Some(true) {
            state.runs.iter().rev().find(|run| run.failure().is_some())
        } else {
            None
        };
        Self { state, assessment, ledger, now, run }
    }

    pub(super) fn config(&self) -> &'a RemediationConfig {
        &self.state.settings.remediation
    }

    /// Why the run failed.
    pub(super) fn cause(&self) -> FailureCause {
        self.run.and_then(BackupRun::failure).unwrap_or(FailureCause::Stalled)
    }

    /// Whether a source works, and has done so lately.
    pub(super) fn is_heard(&self, source: &SourceState) -> bool {
        source.up() && self.is_recent(source)
    }

    /// Whether a source was read lately.
    pub(super) fn is_recent(&self, source: &SourceState) -> bool {
        let some_polls = delta(source.interval.saturating_mul(3));
        source.last_success.is_some_and(|success| (self.now - success).abs() <= some_polls + SILENCE)
    }

    pub(super) fn source(&self, kind: SourceKind) -> Option<&'a SourceState> {
        self.state.sources.iter().find(|(id, _)| id.kind == kind).map(|(_, source)| source)
    }

    /// Why a source of this kind is not heard, without a full stop.
    pub(super) fn silence_of(&self, kind: SourceKind) -> String {
        match self.source(kind) {
            Some(SourceState { failure: Some(failure), .. }) => {
                failure.message.trim_end_matches(['.', '?']).to_owned()
            }
            Some(source @ SourceState { last_success: Some(success), .. }) if !self.is_recent(source) => {
                format!("it was last read at {}", moment(*success))
            }
            Some(SourceState { last_success: Some(_), .. }) => "it gives no answer to that".to_owned(),
            Some(_) | None => "it has not been read yet".to_owned(),
        }
    }

    /// Something that the site database tells as long as it is seen; what this account may not read is not watched.
    pub(super) fn told_by_database<T>(&self, topic: Topic, told: Option<T>) -> Watched<T> {
        let refused = |unread: &Unread| {
            let kind = unread.failure.kind;
            unread.topic == topic && matches!(kind, FailureKind::Permission | FailureKind::NotFound)
        };
        match told {
            Some(told) => Watched::Known(told),
            None if self.state.database.unread.iter().any(refused) => Watched::NotWatched,
            None if self.source(SourceKind::Database).is_some() => Watched::Failing,
            None => Watched::NotWatched,
        }
    }

    /// A reason with what is behind it.
    pub(super) fn hold(&self, reason: HoldReason) -> Hold {
        let finding = match reason {
            HoldReason::PassiveNode => self.node_words(),
            HoldReason::RunInProgress => self.progress_words(),
            HoldReason::Settling => self.settling_words(),
            HoldReason::LedgerUnavailable => self.ledger_words(),
            HoldReason::NotArmed => self.armed_words(),
            HoldReason::StaleEvidence => self.evidence_words(),
            HoldReason::TaskDisabled => self.task_words(),
            HoldReason::SiteMaintenance => self.maintenance_words(),
            HoldReason::NeedsOperator => self.remedy_words(),
            HoldReason::ServiceUnavailable => self.service_words(),
            HoldReason::PrerequisiteMissing => self.prerequisite_words(),
            HoldReason::NoSpace => self.space_words(),
            HoldReason::LastValidCopy => self.last_copy_words(),
            HoldReason::AlreadyAttempted => self.attempted_words(),
            HoldReason::BudgetSpent => self.spent_words(),
            HoldReason::CoolingDown => self.cooling_words(),
            HoldReason::ScheduledRunDue => self.due_words(),
            HoldReason::OutsideWindow => self.window_words(),
            HoldReason::ObserveOnly => self.observe_words(),
        };
        Hold { reason, finding: finding.into(), passes: self.passes(reason) }
    }

    fn observe_words(&self) -> String {
        let by_hand = match self.progress() {
            Progress::Ended | Progress::GoesOn => "started. Start a backup by hand",
            Progress::Hung | Progress::Stalled => {
                "stopped or started. Stop SMS_SITE_BACKUP and start it by hand"
            }
        };
        format!("The mode is observe: nothing is {by_hand}, or set remediation.mode to restart.")
    }

    /// The run that the decision is about, for the middle of a sentence.
    pub(super) fn the_run(&self) -> String {
        let start = self.run.map(BackupRun::started_or_first);
        start.map_or_else(|| "the last run".to_owned(), |start| format!("the run of {}", moment(start)))
    }

    /// The same for its beginning.
    pub(super) fn the_run_at_first(&self) -> String {
        self.the_run().replacen('t', "T", 1)
    }
}

/// A time as it stands in a sentence.
pub(super) fn moment(time: Timestamp) -> String {
    time.format("%F %H:%M UTC").to_string()
}

/// A length of time as it stands in a sentence, to the minute.
pub(super) fn lasting(length: TimeDelta) -> String {
    let minutes = u64::try_from(length.num_minutes()).unwrap_or(0);
    if minutes == 0 {
        return "less than a minute".to_owned();
    }
    format_duration(std::time::Duration::from_secs(minutes * 60))
}
