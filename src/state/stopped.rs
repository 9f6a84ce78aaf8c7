//! The end of a run that only its service tells: seen Stopped, and nobody writes of the run any more.
//!
//! The clocks of this machine and of the site may differ, so the order decides in which things are learned: the newest
//! word of the run, then the service seen Stopped, then a witness of the run read to its end without another word.

use std::time::Duration;

use super::change::Change;
use super::event::Event;
use super::site::SiteState;
use crate::site::{
    BackupRun, Node, RunEnd, ServiceState, ServicesSeen, SiteService, Timestamp, Witness, delta, same_machine,
};

/// That the service of the newest run was seen Stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeenStopped {
    /// The first and the last evidence of that run then; it says nothing of a run that has changed since.
    pub(super) run: (Timestamp, Timestamp),
    /// When the first look was over that saw it so.
    pub(super) since: Timestamp,
}

impl SeenStopped {
    /// By what a run is known again as long as nothing more was learned of it.
    pub(super) fn key(run: &BackupRun) -> (Timestamp, Timestamp) {
        (run.first, run.last)
    }
}

impl SiteState {
    /// Takes the state of the backup service as a look between `began` and `looked` saw it.
    pub(super) fn see_service(&mut self, seen: &ServicesSeen, began: Timestamp, looked: Timestamp) -> Change {
        let before = self.stopped;
        let Some(service) = seen.of(SiteService::Backup) else { return Change::Volatile };
        let open = self.runs.last().filter(|run| is_open(run));
        self.stopped = open.and_then(|run| {
            let known = before.filter(|stopped| stopped.run == SeenStopped::key(run));
            if service.state == ServiceState::Stopped && speaks_for(seen, run) {
                // A look that began before the newest word of the run was known may be older than that.
                let first = SeenStopped { run: SeenStopped::key(run), since: looked };
                known.or((began >= self.newest_changed).then_some(first))
            } else {
                // Once that is final, a service that runs has been started anew.
                known.filter(|_| self.counted.last() == Some(&true))
            }
        });
        if self.stopped == before { Change::Volatile } else { Change::Durable }
    }

    /// What ends the newest run, of these events, whose end nobody has told.
    pub(super) fn seen_over(&self, run: &BackupRun, events: &[Event<'_>]) -> Option<(RunEnd, Timestamp)> {
        let stopped = self.stopped.filter(|stopped| stopped.run == SeenStopped::key(run))?;
        // Who told of its beginning would have told of its end; a log that keeps only errors would not.
        let (told_by, timings) = (&events.first()?.sightings, &self.settings.timings);
        let has_told_all = told_by.iter().any(|(witness, _)| {
            let late = match witness {
                Witness::Log | Witness::DestinationLog => Duration::ZERO,
                Witness::StatusMessages => timings.settle,
                Witness::EventLog => timings.pairing_event_log,
            };
            let until = self.coverage.get(witness).and_then(|coverage| coverage.until);
            until >= Some(stopped.since + delta(late))
        });
        has_told_all.then(|| (RunEnd::ServiceStopped, stopped.since.max(run.last)))
    }

    /// Ends the newest run where its service has stopped, or opens it again where that is not so.
    pub(super) fn settle_end(&mut self) {
        let Some(run) = self.runs.last().filter(|run| is_open(run)) else { return };
        let stopped = self.stopped.is_some_and(|stopped| stopped.run == SeenStopped::key(run));
        if stopped == run.ended.is_none() {
            self.derive();
        }
    }
}

/// Whether nobody has told of its end.
fn is_open(run: &BackupRun) -> bool {
    run.ended.is_none_or(|(end, _)| end == RunEnd::ServiceStopped)
}

/// Whether what was seen is the service of this run: that of the machine that ran it, and not of a passive one.
fn speaks_for(seen: &ServicesSeen, run: &BackupRun) -> bool {
    let other = seen.machine.as_deref().zip(run.machine.as_deref());
    other.is_none_or(|(seen, run)| same_machine(seen, run))
        && seen.node().is_none_or(|node| node == Node::Active)
}
