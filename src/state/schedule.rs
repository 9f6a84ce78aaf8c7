//! The schedule in force: from the configuration or the task's row, in a zone that is configured or learned.

use super::SiteState;
use crate::schedule::{Schedule, Zone};
use crate::site::Timestamp;

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
}

impl SiteState {
    /// Puts the schedule in force that is known now; says whether that is another one than before.
    pub(super) fn settle_schedule(&mut self, now: Timestamp) -> bool {
        let window = self.settings.schedule.or(self.database.task.as_ref().map(|task| task.window));
        let Some(window) = window else { return self.schedule.take().is_some() };
        let known = self.schedule.take();
        let zone = self.settings.time_zone.unwrap_or(Zone::Local);
        let same = known.as_ref().filter(|known| known.schedule.window() == window);
        let settled = KnownSchedule {
            schedule: Schedule::new(window, zone),
            since: same.map_or(now, |known| known.since),
            changed: same.map_or(known.is_some(), |known| known.changed),
            zone_assumed: self.settings.time_zone.is_none(),
        };
        let changed = known.as_ref() != Some(&settled);
        self.schedule = Some(settled);
        changed
    }
}
