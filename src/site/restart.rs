//! Restarts of the backup service: what was decided, why not, and what became of each attempt.
//!
//! Vocabulary only: the policy decides, the ledger remembers, and the state shows both.

use super::{FailureCause, Timestamp, closed_set};

closed_set! {
    /// What the exporter may do about a failed backup.
    pub enum RestartMode {
        /// Nothing, and nothing is decided either.
        Off => "off",
        /// It says what it would do.
        Observe => "observe",
        /// It restarts the backup service.
        Restart => "restart",
    }
}

closed_set! {
    /// Why a failed backup is not tried again now, in the order in which the rules apply.
    pub enum HoldReason {
        /// This machine is not, or may not be, the active site server.
        PassiveNode => "passive_node",
        /// A run goes on, or the service does not stand still.
        RunInProgress => "run_in_progress",
        /// A late success may still withdraw the failure.
        Settling => "settling",
        /// What was done before cannot be read, or what is done could not be written down.
        LedgerUnavailable => "ledger_unavailable",
        /// The failure is older than the watch, or no success was ever seen.
        NotArmed => "not_armed",
        /// The failure is too old, in the future, or its source fails.
        StaleEvidence => "stale_evidence",
        /// An administrator has disabled the task.
        TaskDisabled => "task_disabled",
        /// Somebody works on the site or its server.
        SiteMaintenance => "site_maintenance",
        /// Another attempt would fail of the same cause.
        NeedsOperator => "needs_operator",
        /// The service cannot be started.
        ServiceUnavailable => "service_unavailable",
        /// Something else lacks that a backup needs.
        PrerequisiteMissing => "prerequisite_missing",
        /// The destination has no room for a backup.
        NoSpace => "no_space",
        /// The run would delete the only valid copy.
        LastValidCopy => "last_valid_copy",
        /// This failed run has had its attempt.
        AlreadyAttempted => "already_attempted",
        /// There were as many attempts in 24 hours as are allowed.
        BudgetSpent => "budget_spent",
        /// The last attempt was too recent.
        CoolingDown => "cooling_down",
        /// The task itself will start soon.
        ScheduledRunDue => "scheduled_run_due",
        /// Backups are not to run at this time of day.
        OutsideWindow => "outside_window",
        /// The exporter only observes.
        ObserveOnly => "observe_only",
    }
}

impl HoldReason {
    /// Whether it always goes away with time alone, so that an attempt is still to come.
    pub fn clears_by_itself(self) -> bool {
        matches!(self, Self::CoolingDown | Self::OutsideWindow | Self::ScheduledRunDue | Self::Settling)
    }
}

/// One reason to hold, with what is behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The reason.
    pub reason: HoldReason,
    /// What was found, and what to do about it if anything, in one or two sentences.
    pub finding: Box<str>,
    /// Whether it goes away without anybody doing anything.
    pub passes: bool,
}

closed_set! {
    /// How the backup service is to be restarted.
    pub enum RestartPlan {
        /// It is stopped: start it.
        Start => "start",
        /// Its run has failed and hangs, or is stalled: stop it first.
        StopFirst => "stop_first",
    }
}

/// What is to be done about the newest run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: no run has failed, or the mode is off.
    Nothing,
    /// Not now, for all of these reasons, the first that applies first; never empty.
    Hold(Vec<Hold>),
    /// The backup service is restarted now.
    Restart(RestartPlan),
}

closed_set! {
    /// What became of an attempt.
    pub enum AttemptOutcome {
        /// The service was started and a run began.
        Started => "started",
        /// Somebody else had started it: that run counts, and nothing was done.
        Adopted => "adopted",
        /// The service could not be asked for its state.
        QueryFailed => "query_failed",
        /// The service refused to stop.
        StopFailed => "stop_failed",
        /// The service did not stop in time.
        StopTimedOut => "stop_timed_out",
        /// The service could not be started.
        StartFailed => "start_failed",
        /// The start was accepted, and no run began in time.
        StartTimedOut => "start_timed_out",
        /// The exporter was stopped, or the site reloaded, before it asked for the start.
        Abandoned => "abandoned",
        /// What it was decided for no longer held when it came to the start: nothing was started.
        Withdrawn => "withdrawn",
        /// The run was stopped, and nothing told how it ended: nothing was started.
        Unconfirmed => "unconfirmed",
        /// The exporter ended, or the site was reloaded, during the attempt: whether the service was started is not known.
        Lost => "lost",
    }
}

impl AttemptOutcome {
    /// Whether a run began.
    pub fn began(self) -> bool {
        matches!(self, Self::Started | Self::Adopted)
    }

    /// Whether it counts against the attempts of a day: whatever may have started the service, or tried to.
    pub fn is_spent(self) -> bool {
        !matches!(self, Self::Adopted | Self::Abandoned | Self::Withdrawn)
    }
}

/// One attempt to get a backup after a failed run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The failed run, by its first evidence.
    pub run: Timestamp,
    /// Why that run failed.
    pub cause: FailureCause,
    /// When the attempt was decided and written down, before anything was done.
    pub decided: Timestamp,
    /// When this machine's clock was first seen to be behind that: it may have been ahead then, or be behind now.
    pub seen_ahead: Option<Timestamp>,
    /// What was planned.
    pub plan: RestartPlan,
    /// What became of it and when; `None` while it is under way.
    pub outcome: Option<(AttemptOutcome, Timestamp)>,
    /// The words of an error, where there was one.
    pub error: Option<Box<str>>,
    /// The run that began after it, by its first evidence, and whether it succeeded (`None` while it goes on).
    pub followed_by: Option<(Timestamp, Option<bool>)>,
}

/// How a site stands with restarts: what the page, the JSON and the metrics show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestartStanding {
    /// What the exporter may do.
    pub mode: RestartMode,
    /// What is to be done now.
    pub decision: Decision,
    /// The failed run that the decision is about, by its first evidence; `None` where there is none.
    pub run: Option<Timestamp>,
    /// The newest attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// All attempts ever made; `None` while the ledger has never been read.
    pub attempts_total: Option<u64>,
    /// Those of them after which no run began.
    pub attempts_failed_total: Option<u64>,
    /// Whether an attempt, or the run that one has begun, goes on, or one will be made by itself.
    pub pending: bool,
    /// How many more attempts the day allows.
    pub attempts_remaining: u32,
}

impl RestartStanding {
    /// Whether an attempt is under way now.
    pub fn is_under_way(&self) -> bool {
        self.attempts.last().is_some_and(|attempt| attempt.outcome.is_none())
    }

    /// The reasons that hold a restart; empty where none is wanted or none stands in the way.
    pub fn holds(&self) -> &[Hold] {
        match &self.decision {
            Decision::Hold(holds) => holds,
            Decision::Nothing | Decision::Restart(_) => &[],
        }
    }
}
