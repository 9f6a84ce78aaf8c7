//! Every duration of the rules of judgement and of the loops, in one table with its default.

use std::time::Duration;

use chrono::TimeDelta;

/// A duration for arithmetic with times; the longest there is, where it does not fit.
pub(crate) fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

const fn hours(count: u64) -> Duration {
    minutes(count * 60)
}

/// How long things take before they mean something.
///
/// The demo and the tests shorten them; users set only those that `judgement` in the configuration names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// After a failed run's end, how long a late 5035 may still withdraw the failure.
    pub settle: Duration,
    /// After the latest begin and the expected duration of a due run, how long until it is overdue.
    pub grace: Duration,
    /// Added to a schedule's latest begin before a start counts as missed.
    pub missed_tolerance: Duration,
    /// How long before its begin a success (or a start) still counts for a due run.
    pub due_lead: Duration,
    /// What a run is expected to take while no success tells better.
    pub expected_duration: Duration,
    /// The least age at which a run can be called stalled when its predecessors tell what is normal.
    pub stalled_floor: Duration,
    /// The age at which a run is stalled while fewer than three successes are known.
    pub stalled_unknown: Duration,
    /// Without a schedule, a standalone site's longest interval while fewer than three successes are known.
    pub standalone_interval: Duration,
    /// How far apart two witnesses may date the same message.
    pub pairing: Duration,
    /// The same for the event log, whose records can be written late.
    pub pairing_event_log: Duration,
    /// How long after a run's end its messages may still arrive before they speak for another run.
    pub late_message: Duration,
    /// How long before a due begin the sources leave the destination alone.
    pub quiet_before_due: Duration,
    /// How long after AfterBackup.bat started the sources leave the destination alone.
    pub quiet_after_backup: Duration,
    /// How long after its last message a stalled run no longer keeps the sources away.
    pub quiet_stalled: Duration,
    /// How long the logs outside the destination may be unreadable before a backup may be running unseen.
    pub quiet_unheard: Duration,
    /// How long after a verification that could not read everything it is tried again.
    pub verify_again: Duration,
    /// How long an archive must not have changed before it counts as copied.
    pub archive_settle: Duration,
    /// How long after 5035 the 5040 of an AfterBackup.bat must have come.
    pub after_backup_start: Duration,
    /// How long after the snapshot was taken (6833, 5057) the site's services may still stand still.
    pub services_after_thaw: Duration,
    /// The same after a run's end.
    pub services_after_run: Duration,
    /// The same after the server's start.
    pub services_after_boot: Duration,
    /// How often copies of what the task leaves out are compared at most.
    pub supplemental_interval: Duration,
    /// How far the clock of SQL Server may be from this machine's.
    pub clock_skew: Duration,
    /// How far beyond its retention change tracking may keep changes before it is not cleaned up.
    pub change_tracking_backlog: Duration,
    /// How long after the last answer of every server no backup is known to be missing.
    pub backup_sets_fresh: Duration,
    /// How long a witness is waited for that answers and cannot be read to its end.
    pub unread_patience: Duration,
    /// How long an event log may have had nothing new and still tell everything; what is older may be a copy.
    pub event_log_quiet: Duration,
    /// How long the site's own alert may stay active after a success.
    pub alert_lag: Duration,
    /// How long a poll may take before it counts as failed with `timeout`.
    pub poll_deadline: Duration,
    /// How long one call about a service may take before it counts as not answered.
    pub service_call: Duration,
    /// How often the backup service is looked at while it is restarted.
    pub service_poll: Duration,
    /// How long the backup service may take to stop.
    pub stop_wait: Duration,
    /// How long after the start of the backup service a run may take to begin.
    pub start_wait: Duration,
    /// How long a run is looked for after a start that was refused.
    pub refused_start_wait: Duration,
    /// How often restarts are decided on where nothing else happens.
    pub decision_interval: Duration,
    /// How long a ledger that cannot be used is left alone before it is tried again.
    pub ledger_retry: Duration,
    /// How often the configuration file is looked at, where a change of it is to be found.
    pub config_look: Duration,
    /// How often the state advances with time alone.
    pub tick: Duration,
    /// The longest time between two checkpoints of a site that has anything new.
    pub checkpoint_interval: Duration,
    /// How long a stop may take in all.
    pub shutdown_grace: Duration,
    /// After how long the program is ready even if a source has not reported.
    pub ready_after: Duration,
    /// How long a loop may be silent before `/-/healthy` calls it dead.
    pub watchdog: Duration,
}

impl Timings {
    /// What holds unless the configuration says otherwise.
    pub const DEFAULT: Self = Self {
        settle: minutes(2),
        grace: hours(1),
        missed_tolerance: minutes(15),
        due_lead: hours(12),
        expected_duration: hours(8),
        stalled_floor: hours(4),
        stalled_unknown: hours(24),
        standalone_interval: hours(8 * 24),
        pairing: Duration::from_secs(10),
        pairing_event_log: minutes(15),
        late_message: minutes(15),
        quiet_before_due: minutes(10),
        quiet_after_backup: minutes(30),
        quiet_stalled: hours(1),
        quiet_unheard: minutes(10),
        verify_again: hours(1),
        archive_settle: minutes(30),
        after_backup_start: minutes(15),
        services_after_thaw: minutes(15),
        services_after_run: minutes(5),
        services_after_boot: minutes(15),
        supplemental_interval: hours(1),
        clock_skew: minutes(2),
        change_tracking_backlog: hours(2 * 24),
        backup_sets_fresh: hours(3),
        unread_patience: minutes(30),
        event_log_quiet: hours(1),
        alert_lag: hours(1),
        poll_deadline: minutes(1),
        service_call: minutes(1),
        service_poll: Duration::from_secs(1),
        stop_wait: minutes(5),
        start_wait: minutes(2),
        refused_start_wait: Duration::from_secs(10),
        decision_interval: Duration::from_secs(5),
        ledger_retry: Duration::from_secs(30),
        config_look: Duration::from_secs(5),
        tick: Duration::from_secs(1),
        checkpoint_interval: minutes(5),
        shutdown_grace: Duration::from_secs(10),
        ready_after: Duration::from_secs(30),
        watchdog: minutes(2),
    };
}

impl Default for Timings {
    fn default() -> Self {
        Self::DEFAULT
    }
}
