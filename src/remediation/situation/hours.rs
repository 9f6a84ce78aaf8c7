//! What the table asks of the time of day: whether the task will start by itself, and whether backups may run now.

use chrono::TimeDelta;

use super::{Situation, lasting, moment};
use crate::config::DayWindow;
use crate::remediation::inputs::{DueSeen, Watched};
use crate::schedule::{Due, EVERY_DAY, Schedule, Zone};
use crate::site::{BackupRun, TaskWindow, Timestamp, delta};
use crate::state::KnownSchedule;

/// What must fit between an attempt and the task's own start, besides a backup.
const BEFORE_DUE: TimeDelta = TimeDelta::hours(1);
/// So long after its latest begin the task's own window is open for an attempt.
const AFTER_LATEST_BEGIN: u16 = 3 * 60;
/// When backups may run where nobody knows when the task does.
const NIGHT: DayWindow = DayWindow { begin: 0, end: 6 * 60 };
const MINUTES: u16 = 24 * 60;

impl Situation<'_> {
    /// The schedule of a task that may run.
    fn schedule(&self) -> Option<&KnownSchedule> {
        let known = self.state.schedule.as_ref().filter(|known| known.schedule.has_days());
        known.filter(|_| self.state.task_may_run())
    }

    /// The due start that has not come and may still come, with the time until which it may.
    fn awaited(&self) -> Option<Due> {
        let timings = &self.state.settings.timings;
        let due = self.schedule()?.schedule.last_due(self.now)?;
        let until = due.latest_begin + delta(timings.missed_tolerance);
        // A start long before was somebody's hand: the task still starts by itself.
        let from = due.begin - delta(timings.quiet_before_due);
        let came =
            |run: &BackupRun| (from..=self.now).contains(&run.started_or_first()) || run.runs_at(due.begin);
        let has_come = self.state.runs.iter().rev().any(came);
        (self.now < until && !has_come).then_some(Due { latest_begin: until, ..due })
    }

    pub(in crate::remediation) fn due(&self) -> Watched<DueSeen> {
        let Some(known) = self.schedule() else { return Watched::NotWatched };
        let needed = self.assessment.runs.expected_duration + BEFORE_DUE;
        let soon = known.schedule.next_due(self.now).is_some_and(|due| due.begin - self.now < needed);
        Watched::Known(match self.awaited() {
            Some(_) => DueSeen::Awaited,
            None if soon => DueSeen::Soon,
            None => DueSeen::Later,
        })
    }

    pub(in crate::remediation) fn due_words(&self) -> String {
        if let Some(due) = self.awaited() {
            return format!(
                "The task's own start of {} has not come yet and may until {}.",
                moment(due.begin),
                moment(due.latest_begin)
            );
        }
        let next = self.schedule().and_then(|known| known.schedule.next_due(self.now));
        format!(
            "The task starts by itself at {}; a backup takes about {}, and an hour is kept free.",
            next.map(|due| moment(due.begin)).unwrap_or_default(),
            lasting(self.assessment.runs.expected_duration)
        )
    }

    /// The zone in which people at the site live: the one that is configured, else this machine's.
    ///
    /// That the task's times are meant in UTC only says how the console has stored them.
    pub(in crate::remediation) fn zone(&self) -> Zone {
        let settings = &self.state.settings;
        settings.time_zone.filter(|zone| *zone != Zone::Utc).unwrap_or(settings.local_zone)
    }

    /// Whether it is known in which zone the task's window is meant, or makes no difference.
    fn knows_zone(&self, known: &KnownSchedule) -> bool {
        let window = known.schedule.window();
        let [local, utc] = [self.state.settings.local_zone, Zone::Utc]
            .map(|zone| Schedule::new(window, zone).last_due(self.now));
        !known.zone_assumed || known.votes.say_utc().is_some() || local == utc
    }

    /// The time of day at which attempts may be made, and whether somebody configured it or the task has it.
    fn hours(&self) -> (DayWindow, Zone) {
        if let Some(window) = self.config().window {
            return (window, self.zone());
        }
        match &self.state.schedule {
            Some(known) if self.knows_zone(known) => {
                let TaskWindow { begin, latest_begin, .. } = known.schedule.window();
                let open = (latest_begin + MINUTES - begin) % MINUTES + AFTER_LATEST_BEGIN;
                // One that is open for a day is always open.
                let end = if open < MINUTES { (begin + open) % MINUTES } else { begin };
                (DayWindow { begin, end }, known.schedule.zone)
            }
            Some(_) | None => (NIGHT, self.zone()),
        }
    }

    fn openings(&self) -> Schedule {
        let (DayWindow { begin, end }, zone) = self.hours();
        Schedule { days: EVERY_DAY, begin, latest_begin: end, zone }
    }

    pub(in crate::remediation) fn is_in_window(&self) -> bool {
        let openings = self.openings();
        // Where a clock is changed, it is open for either reading.
        let open = openings.last_due(self.now).is_some_and(|due| self.now < due.latest_begin);
        openings.begin == openings.latest_begin || open
    }

    /// When it is next a time of day for backups.
    pub(in crate::remediation) fn opening(&self) -> Option<Timestamp> {
        self.openings().next_due(self.now).map(|due| due.begin)
    }

    pub(in crate::remediation) fn window_words(&self) -> String {
        let openings = self.openings();
        format!(
            "Outside {}-{} ({}); opens {}.",
            openings.begin_label(),
            openings.latest_begin_label(),
            openings.zone,
            self.opening().map(moment).unwrap_or_default()
        )
    }
}
