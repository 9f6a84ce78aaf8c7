//! Whether a success is due, overdue or missed.
//!
//! With a schedule a success is due for each of its days; without one it is due at an age that the role suggests.
//! Nothing is called overdue unless a deciding witness covers the time in question: silence of a log that could not
//! be read proves nothing.

use std::time::Duration;

use chrono::TimeDelta;

use super::{NativeBackups, ProtectionState, RunSummary, delta, retention, runs};
use crate::schedule::{Due, Schedule};
use crate::site::{Protection, SiteRole, Timestamp};
use crate::state::{KnownSchedule, SiteState};

/// Missed days are not counted further back than this.
const MISSED_HORIZON: TimeDelta = TimeDelta::days(366);

/// Missed days before the last success are told for so long, because people look at a month.
pub const LOOK_BACK: TimeDelta = TimeDelta::days(30);

/// What the schedule (or the lack of one) asks for at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueState {
    /// Whether a success is overdue; `None` if no witness covers the time in question.
    pub overdue: Option<bool>,
    /// Until when the first success must have come that has not come; `None` while cover is missing.
    pub success_due: Option<Timestamp>,
    /// The next begin of the schedule.
    pub next: Option<Timestamp>,
    /// Due days without a start since the last success; `None` without a schedule or cover.
    pub missed: Option<u32>,
    /// When these and those of the last [`LOOK_BACK`] were due, as far as is known; the oldest first.
    pub missed_days: Vec<Timestamp>,
    /// The longest distance between two begins of the schedule; `None` for a standalone site, which it does not limit.
    pub max_interval: Option<TimeDelta>,
    /// Whether anything has been due since the site was first watched.
    pub was_due: bool,
}

impl DueState {
    pub(super) fn of(
        state: &SiteState,
        runs: &RunSummary,
        protection: &ProtectionState,
        now: Timestamp,
    ) -> Self {
        let site = Site { state, runs, now };
        match protection.mode {
            Protection::Task => site.task(),
            Protection::Native => site.native(&protection.native),
            Protection::Both => site.task().and(&site.native(&protection.native)),
        }
    }

    /// What both ways of protection together ask for: the stricter of them, with the schedule of the task.
    fn and(self, native: &Self) -> Self {
        let overdue = match (self.overdue, native.overdue) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (None, _) | (_, None) => None,
            (Some(false), Some(false)) => Some(false),
        };
        let success_due = self.success_due.into_iter().chain(native.success_due).min();
        Self { overdue, success_due, was_due: self.was_due || native.was_due, ..self }
    }
}

struct Site<'a> {
    state: &'a SiteState,
    runs: &'a RunSummary,
    now: Timestamp,
}

impl Site<'_> {
    fn task(&self) -> DueState {
        match &self.state.schedule {
            Some(known) if known.schedule.has_days() => self.with_schedule(known),
            // A schedule of no day asks for nothing, and something must.
            Some(_) | None => self.without_schedule(),
        }
    }

    /// SQL Server's own backups follow no schedule that ConfigMgr knows.
    fn native(&self, backups: &NativeBackups) -> DueState {
        let age = self.usual_age(runs::normal_distance(backups.distances()));
        let timings = &self.state.settings.timings;
        let due = backups.newest().unwrap_or(self.state.first_observed) + age + delta(timings.due_lead);
        let passed = due <= self.now;
        let proven = backups.known_until >= Some(due);
        DueState {
            overdue: if passed { proven.then_some(true) } else { Some(false) },
            success_due: Some(due).filter(|_| backups.known_until.is_some() && (!passed || proven)),
            next: None,
            missed: None,
            missed_days: Vec::new(),
            max_interval: None,
            was_due: passed,
        }
    }

    /// The age at which a backup is due where no schedule says so.
    fn usual_age(&self, distance: Option<Duration>) -> TimeDelta {
        match self.state.role() {
            Some(SiteRole::Standalone) => {
                delta(distance.unwrap_or(self.state.settings.timings.standalone_interval))
            }
            _ => delta(retention(self.state).mul_f64(0.8)),
        }
    }

    fn with_schedule(&self, known: &KnownSchedule) -> DueState {
        let schedule = &known.schedule;
        let timings = &self.state.settings.timings;
        let lead = delta(timings.due_lead);
        let deadline = |due: &Due| due.latest_begin + self.runs.expected_duration + delta(timings.grace);
        let success = self.runs.last_success_start;

        // A success that started at least so early before a begin does not meet it.
        let moment = TimeDelta::milliseconds(1);
        let met = success.map(|start| start + lead).max(self.state.taken_over());
        let first_unmet = known.next_due(met.unwrap_or(self.state.first_observed) - moment);
        let last_passed = self.last_passed(schedule, &deadline);
        let covered = |due: &Due| self.covered(due.begin, deadline(due));
        // Once it was known to be overdue it stays so, even if nothing tells of the days that follow.
        let proven = first_unmet.iter().chain(&last_passed).any(covered);
        let passed = first_unmet.as_ref().is_some_and(|due| deadline(due) <= self.now);
        let (missed, missed_days) = self.missed(schedule, known.since);
        DueState {
            overdue: if passed { proven.then_some(true) } else { Some(false) },
            success_due: (first_unmet.as_ref().map(deadline))
                .filter(|_| self.state.knows_events() && (!passed || proven)),
            // A task that is disabled does not begin.
            next: schedule.next_due(self.now).map(|due| due.begin).filter(|_| self.state.task_may_run()),
            missed,
            missed_days,
            max_interval: schedule.max_interval().filter(|_| SiteRole::in_hierarchy(self.state.role())),
            was_due: last_passed.is_some_and(|due| due.begin >= self.watched_since()),
        }
    }

    /// The last due run whose deadline has passed.
    fn last_passed(&self, schedule: &Schedule, deadline: &dyn Fn(&Due) -> Timestamp) -> Option<Due> {
        let mut due = schedule.last_due(self.now)?;
        while deadline(&due) > self.now {
            due = schedule.last_due(due.begin - TimeDelta::milliseconds(1))?;
        }
        Some(due)
    }

    fn without_schedule(&self) -> DueState {
        let settings = &self.state.settings;
        let age = self.usual_age(runs::usual_distance(self.state));
        let base = self.runs.last_success_start.max(self.state.taken_over());
        let base = base.unwrap_or(self.state.first_observed);
        let due = base + age + delta(settings.timings.due_lead);
        let passed = due <= self.now;
        let proven = self.covered(due - age, due) || self.covered(self.now - age, self.now);
        DueState {
            overdue: if passed { proven.then_some(true) } else { Some(false) },
            success_due: Some(due).filter(|_| self.state.knows_events() && (!passed || proven)),
            next: None,
            missed: None,
            missed_days: Vec::new(),
            max_interval: None,
            was_due: passed,
        }
    }

    /// Since when this machine tells of the site.
    fn watched_since(&self) -> Timestamp {
        self.state
            .taken_over()
            .map_or(self.state.first_observed, |takeover| takeover.max(self.state.first_observed))
    }

    /// Whether a deciding witness tells all of what happened from `from` until `until`.
    ///
    /// One that works counts as having been read just now: between two polls nothing is unknown.
    fn covered(&self, from: Timestamp, until: Timestamp) -> bool {
        self.state.witnesses().any(|(witness, source)| {
            let Some(coverage) = self.state.coverage.get(&witness) else { return false };
            let read = source.is_current || coverage.until.is_some_and(|read| read >= until);
            coverage.since <= from && read
        })
    }

    /// Due days that nothing started for: not in time, not shortly before, and nothing was running then. How many there
    /// are since the last success, and these with those of the time that people look back on.
    fn missed(&self, schedule: &Schedule, known_since: Timestamp) -> (Option<u32>, Vec<Timestamp>) {
        // That a disabled task does not run is told by another check.
        if !self.state.task_may_run() {
            return (None, Vec::new());
        }
        let timings = &self.state.settings.timings;
        let (lead, tolerance) = (delta(timings.due_lead), delta(timings.missed_tolerance));
        let success = self.runs.last_success_start;
        let from = known_since.max(self.now - MISSED_HORIZON);
        let from = self.state.taken_over().map_or(from, |takeover| from.max(takeover));
        let from = success.map_or(from, |success| from.max(success.min(self.now - LOOK_BACK)));
        // Of the days before the first run that is kept nobody knows any more whether one started.
        let pruned = !self.state.timeline.horizon().positions.is_empty();
        let first = self.state.runs.first().filter(|_| pruned);
        let from = first.map_or(from, |run| from.max(run.started_or_first()));
        let mut covered_any = self.covered(self.now, self.now);
        let (mut missed, mut missed_days) = (0, Vec::new());
        for due in schedule.dues(from, self.now) {
            let until = due.latest_begin + tolerance;
            if until > self.now {
                break;
            }
            if !self.covered(due.begin, until) {
                continue;
            }
            let counts = success.is_none_or(|success| due.begin > success);
            covered_any |= counts;
            let came = self.state.runs.iter().any(|run| {
                run.runs_at(due.begin) || (due.begin - lead..=until).contains(&run.started_or_first())
            });
            if !came {
                missed += u32::from(counts);
                missed_days.push(due.begin);
            }
        }
        (covered_any.then_some(missed), missed_days)
    }
}
