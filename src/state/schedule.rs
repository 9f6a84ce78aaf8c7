//! The schedule in force: from the configuration or the task's row, in a zone that is configured or learned.
//!
//! A schedule that was seen to change makes no miss in the past, and starts before the change tell nothing of its zone.
//! A learned zone is kept until the starts clearly say otherwise.

use chrono::TimeDelta;

use super::SiteState;
use crate::schedule::{Due, Schedule, Votes, Zone};
use crate::site::{BackupRun, TaskWindow, Timestamp, delta};

/// A schedule and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSchedule {
    /// The schedule.
    pub schedule: Schedule,
    /// When it was first read or last changed: nothing before that was missed.
    pub since: Timestamp,
    /// Whether it replaced another one then, so that earlier starts tell nothing of its zone.
    pub changed: bool,
    /// Whether its zone is an assumption.
    pub zone_assumed: bool,
    /// What the starts say of its zone; none vote where the zone is configured.
    pub votes: Votes,
    /// The first due run of the schedules before it that no success had met when they changed.
    pub owed: Option<Due>,
}

impl KnownSchedule {
    /// The first due run with `begin > after`: one that is owed from before a change, or one since then.
    pub fn next_due(&self, after: Timestamp) -> Option<Due> {
        let from = if self.changed { after.max(self.since) } else { after };
        self.owed.filter(|due| due.begin > after).or_else(|| self.schedule.next_due(from))
    }
}

impl SiteState {
    /// Puts the schedule in force that is known now; says whether that is another one than before, or better known.
    ///
    /// To be called whenever the task's row or the runs have changed.
    pub(super) fn settle_schedule(&mut self, now: Timestamp) -> bool {
        let window = self.settings.schedule.or(self.database.task.as_ref().map(|task| task.window));
        let known = self.schedule.take();
        let Some(window) = window else { return known.is_some() };
        let same = known.as_ref().filter(|known| known.schedule.window() == window);
        let since = same.map_or(now, |known| known.since);
        let changed = same.map_or(known.is_some(), |known| known.changed);
        let (zone, votes) = match self.settings.time_zone {
            Some(zone) => (zone, Votes::default()),
            None => self.learn_zone(window, changed.then_some(since), known.as_ref()),
        };
        let settled = KnownSchedule {
            schedule: Schedule::new(window, zone),
            since,
            changed,
            zone_assumed: self.settings.time_zone.is_none(),
            votes,
            owed: match same {
                Some(known) => known.owed,
                None => known.as_ref().and_then(|known| self.owed(known, self.last_success_start(now), now)),
            },
        };
        let differs = known.as_ref() != Some(&settled);
        self.schedule = Some(settled);
        differs
    }

    /// Begins to count anew: the task was disabled until now, so nothing of that time is due by its schedule.
    ///
    /// What nothing else has met stays owed.
    pub(super) fn renew_schedule(&mut self, now: Timestamp) {
        let Some(known) = self.schedule.take() else { return };
        // SQL Server's own backups may have stood in for it.
        let sets = self.database.backup_sets.values().flatten().filter(|set| set.is_usable());
        let native = sets.map(|set| set.started).filter(|start| *start <= self.ahead(now)).max();
        let owed = self.owed(&known, self.last_success_start(now).max(native), now);
        self.schedule = Some(KnownSchedule { since: now, changed: true, owed, ..known });
    }

    /// The zone that the starts since `since` speak for, else the one that was assumed before, else local time.
    fn learn_zone(
        &self,
        window: TaskWindow,
        since: Option<Timestamp>,
        before: Option<&KnownSchedule>,
    ) -> (Zone, Votes) {
        let starts = self.runs.iter().filter_map(|run: &BackupRun| run.started);
        let starts: Vec<_> = starts.filter(|start| Some(*start) >= since).collect();
        let tolerance = delta(self.settings.timings.missed_tolerance);
        let local = self.settings.local_zone;
        let votes = Votes::of(window, local, &starts, tolerance);
        let was_utc = || before.is_some_and(|known| known.zone_assumed && known.schedule.zone == Zone::Utc);
        (if votes.say_utc().unwrap_or_else(was_utc) { Zone::Utc } else { local }, votes)
    }

    /// What a schedule leaves unmet that is replaced now, after a backup that started at `last`: nobody can start in
    /// time any more.
    fn owed(&self, known: &KnownSchedule, last: Option<Timestamp>, now: Timestamp) -> Option<Due> {
        let timings = &self.settings.timings;
        let met = last.map(|start| start + delta(timings.due_lead)).max(self.taken_over());
        let met = met.unwrap_or(self.first_observed);
        let unmet = known.next_due(met - TimeDelta::milliseconds(1))?;
        (unmet.latest_begin + delta(timings.missed_tolerance) <= now).then_some(unmet)
    }

    /// When the newest successful run started, of those that are not dated in the future.
    fn last_success_start(&self, now: Timestamp) -> Option<Timestamp> {
        let ahead = self.ahead(now);
        let success =
            self.runs.iter().rev().find(|run| run.succeeded.is_some_and(|success| success <= ahead));
        let past = self.totals.past.success.filter(|(success, _)| *success <= ahead);
        success.map(BackupRun::started_or_first).or(past.map(|(_, start)| start))
    }

    /// What is dated later than this was dated by a clock that was ahead.
    fn ahead(&self, now: Timestamp) -> Timestamp {
        now + delta(self.settings.timings.clock_skew)
    }
}
