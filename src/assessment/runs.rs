//! What the runs say by themselves, without a schedule.

use chrono::TimeDelta;
use std::time::Duration;

use super::delta;
use crate::site::{BackupPhase, BackupRun, FailureCause, Timestamp};
use crate::state::SiteState;

/// How many successes tell what is normal.
const RECENT: usize = 5;
/// With fewer successes their median means nothing.
const ENOUGH: usize = 3;
/// No backup takes longer; a measured duration that does comes of a clock that was set within the run.
const LONGEST: TimeDelta = TimeDelta::days(7);

/// What the runs of a site say at a moment; `None` where no run says it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSummary {
    /// Whether the newest run that succeeded or failed is one that failed.
    pub last_failed: Option<bool>,
    /// Why it failed.
    pub failure_cause: Option<FailureCause>,
    /// Failed and interrupted runs since the last success.
    pub consecutive_failures: Option<u32>,
    /// Whether a run is in progress.
    pub in_progress: Option<bool>,
    /// Whether it takes far longer than such runs took.
    pub stalled: Option<bool>,
    /// When the newest run started.
    pub last_start: Option<Timestamp>,
    /// When the newest ended run ended.
    pub last_completion: Option<Timestamp>,
    /// The newest 5035.
    pub last_success: Option<Timestamp>,
    /// When the run of the newest 5035 started.
    pub last_success_start: Option<Timestamp>,
    /// When the newest failure was first known.
    pub last_failure: Option<Timestamp>,
    /// How long the newest ended run took.
    pub last_duration: Option<TimeDelta>,
    /// How long its phases took.
    pub last_phases: Vec<(BackupPhase, TimeDelta)>,
    /// The newest 5040.
    pub after_backup_started: Option<Timestamp>,
    /// Whether the newest success was followed by an error of the same run.
    pub after_backup_failed: Option<bool>,
    /// How long a run is expected to take.
    pub expected_duration: TimeDelta,
    /// The age at which a run is stalled.
    pub stalled_after: TimeDelta,
}

impl RunSummary {
    /// Leaves out what is wrong with the runs, for a site that does not depend on them.
    pub(super) fn forgive(&mut self) {
        self.last_failed = None;
        self.failure_cause = None;
        self.consecutive_failures = None;
        self.stalled = None;
        self.in_progress = None;
    }

    pub(super) fn of(state: &SiteState, now: Timestamp) -> Self {
        let (settings, runs) = (&state.settings, &state.runs);
        let newest = |wanted: &dyn Fn(&&BackupRun) -> bool| runs.iter().rev().find(|run| wanted(run));
        let last = runs.last();
        // What a clock that was ahead has dated is no backup of today's.
        let ahead = now + delta(settings.timings.clock_skew);
        let success = newest(&|run| run.succeeded.is_some_and(|success| success <= ahead));
        let failure = newest(&|run| run.failure().is_some());
        let judged = newest(&|run| run.succeeded.is_some() || run.failure().is_some());
        let ended = newest(&|run| run.ended.is_some());

        let past = &state.totals.past;
        let past_success = past.success.filter(|(success, _)| *success <= ahead);
        let durations = || successes(state).filter_map(BackupRun::duration).map(|lasted| lasted.min(LONGEST));
        let normal = median(durations().take(RECENT).collect(), 1);
        let expected_duration = (settings.expected_duration.map(delta))
            .or(normal)
            .unwrap_or_else(|| delta(settings.timings.expected_duration));
        let known = median(durations().take(RECENT).collect(), ENOUGH);
        let stalled_after = (settings.stalled_after.map(delta))
            .or_else(|| Some((known? * 3).max(delta(settings.timings.stalled_floor))))
            .unwrap_or_else(|| delta(settings.timings.stalled_unknown));

        // A run whose end was never logged after its success is over some day.
        let open = last.filter(|run| run.ended.is_none());
        let open = open.filter(|run| run.succeeded.is_none_or(|success| now - success <= stalled_after));
        let stalled =
            open.is_some_and(|run| run.succeeded.is_none() && now - run.started_or_first() > stalled_after);
        Self {
            last_failed: judged.map(|run| run.failure().is_some()),
            failure_cause: judged.and_then(BackupRun::failure),
            consecutive_failures: judged.map(|_| {
                let since_success = runs.iter().rev().take_while(|run| run.succeeded.is_none());
                let failures = since_success.filter(|run| run.failure().is_some()).count();
                let before = if success.is_some() { 0 } else { past.failures_since_success };
                u32::try_from(failures).unwrap_or(u32::MAX).saturating_add(before)
            }),
            in_progress: last.map(|_| open.is_some()),
            stalled: last.map(|_| stalled),
            last_start: newest(&|run| run.started.is_some()).and_then(|run| run.started),
            last_completion: ended.and_then(|run| run.ended).map(|(_, time)| time),
            last_success: success.and_then(|run| run.succeeded).or(past_success.map(|(success, _)| success)),
            last_success_start: (success.map(BackupRun::started_or_first))
                .or(past_success.map(|(_, start)| start)),
            last_failure: failure.and_then(BackupRun::failed_at).or(past.failure),
            last_duration: ended.and_then(BackupRun::duration),
            last_phases: ended.map(|run| run.phases.clone()).unwrap_or_default(),
            after_backup_started: newest(&|run| run.after_backup_started.is_some())
                .and_then(|run| run.after_backup_started)
                .or(past.after_backup_started),
            after_backup_failed: success.map(|run| run.error_after_success.is_some()),
            expected_duration,
            stalled_after,
        }
    }
}

/// The successful runs, newest first.
pub(super) fn successes(state: &SiteState) -> impl Iterator<Item = &BackupRun> {
    state.runs.iter().rev().filter(|run| run.succeeded.is_some())
}

/// The middle value, the mean of the two middle ones for an even count; `None` for fewer than `enough`.
pub(super) fn median(mut values: Vec<TimeDelta>, enough: usize) -> Option<TimeDelta> {
    if values.len() < enough.max(1) {
        return None;
    }
    values.sort();
    let middle = values.len() / 2;
    Some(if values.len().is_multiple_of(2) {
        (values[middle - 1] + values[middle]) / 2
    } else {
        values[middle]
    })
}

/// Twice the median of the distances between backups; `None` for fewer than three backups.
pub(super) fn normal_distance(distances: Vec<TimeDelta>) -> Option<Duration> {
    (median(distances, ENOUGH - 1)? * 2).to_std().ok()
}

/// The longest distance between two successes that is normal for a standalone site without a schedule.
pub(super) fn usual_distance(state: &SiteState) -> Option<Duration> {
    let starts: Vec<_> = successes(state).map(BackupRun::started_or_first).collect();
    normal_distance(starts.windows(2).map(|pair| pair[0] - pair[1]).collect())
}
