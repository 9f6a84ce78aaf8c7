//! Runs from the events of a timeline: pure, and the same whatever order the evidence came in.
//!
//! A run is everything from its start to the next start. It is judged as a whole, so that a 5035 that is seen late
//! withdraws a failure, and an end that is seen late ends it.

use std::ops::Range;

use chrono::TimeDelta;

use super::draft::Draft;
use super::event::Event;
use super::timeline::Timeline;
use crate::site::{BackupRun, Component, Hint, MessageId, Remark, RunEnd, Timestamp, Timings};
use crate::source::RecordBody;

/// So long before it the reasons of an error can stand that begins a run, because nothing before it was logged.
const EARLY_REASONS: TimeDelta = TimeDelta::hours(1);

/// All runs that a timeline tells of, oldest first; the last one may be in progress.
pub fn derive_runs(timeline: &Timeline, timings: &Timings) -> Vec<BackupRun> {
    cut(&timeline.events(timings), timings).into_iter().map(|(run, _)| run).collect()
}

/// All runs that events tell of, oldest first, each with where its events stand.
pub(super) fn cut(events: &[Event<'_>], timings: &Timings) -> Vec<(BackupRun, Range<usize>)> {
    cut_ending(events, timings, |_, _| None)
}

/// The same, with what ends the last run and when if its own events do not.
pub(super) fn cut_ending(
    events: &[Event<'_>],
    timings: &Timings,
    over: impl FnOnce(&BackupRun, &[Event<'_>]) -> Option<(RunEnd, Timestamp)>,
) -> Vec<(BackupRun, Range<usize>)> {
    let mut runs = Vec::new();
    let mut deriver = RunDeriver::new(timings);
    let mut begin = 0;
    for (index, event) in events.iter().enumerate() {
        let was_open = deriver.open_since().is_some();
        let done = deriver.push_event(event);
        if done.is_some() || was_open && deriver.open_since().is_none() {
            runs.extend(done.map(|run| (run, begin..index)));
            begin = index;
        }
    }
    let last = deriver.open.map(|draft| {
        let run = draft.clone().finish(None);
        let end = if run.ended.is_none() { over(&run, &events[begin..]) } else { None };
        end.map_or(run, |end| draft.finish(Some(end)))
    });
    runs.extend(last.map(|run| (run, begin..events.len())));
    runs
}

/// Derives runs one event at a time, in memory that does not grow with their number.
#[derive(Debug)]
pub struct RunDeriver {
    open: Option<Draft>,
    /// Reasons while no run was open: a log that keeps only errors has them before the error that begins its run.
    early: Vec<(Timestamp, Hint, Box<str>)>,
    late: TimeDelta,
}

impl RunDeriver {
    /// A deriver that has seen nothing.
    pub fn new(timings: &Timings) -> Self {
        let late = TimeDelta::from_std(timings.late_message).unwrap_or(TimeDelta::MAX);
        Self { open: None, early: Vec::new(), late }
    }

    /// The time of the first evidence of the run that is being collected.
    pub fn open_since(&self) -> Option<Timestamp> {
        self.open.as_ref().map(|draft| draft.run.first)
    }

    /// Takes the next event of one witness; gives the previous run when this one begins another.
    pub fn push(&mut self, body: &RecordBody) -> Option<BackupRun> {
        self.push_event(&Event { body, sightings: Vec::new() })
    }

    /// Takes the next of merged events; gives the previous run when this one begins another.
    pub(super) fn push_event(&mut self, event: &Event<'_>) -> Option<BackupRun> {
        let body = event.body;
        if self.keep_early(event) {
            return None;
        }
        if matches!(body, RecordBody::Remark { remark: Remark::Gap, .. }) {
            return self.cut();
        }
        let done = self.begins_another(event).then(|| self.open.take()).flatten();
        let done = done.map(|draft| draft.finish(Some((RunEnd::NextStart, body.time()))));
        let early = std::mem::take(&mut self.early);
        if self.open.is_none() && tells_of_a_run(body) {
            let mut draft = Draft::new(body.time());
            if is_error(body) {
                let recent = |(time, ..): &(Timestamp, Hint, Box<str>)| body.time() - *time <= EARLY_REASONS;
                draft.reasons =
                    early.into_iter().filter(recent).map(|(_, hint, text)| (hint, text)).collect();
            }
            self.open = Some(draft);
        }
        if let Some(draft) = &mut self.open {
            draft.take(body);
            draft.hear(event);
        }
        done
    }

    /// The last run, as far as it has come.
    pub fn finish(self) -> Option<BackupRun> {
        self.open.map(|draft| draft.finish(None))
    }

    /// What followed cannot be known: a run that had neither success nor error then proves nothing.
    fn cut(&mut self) -> Option<BackupRun> {
        self.early.clear();
        let draft = self.open.take()?;
        let last = draft.run.last;
        let run = draft.finish(Some((RunEnd::Unseen, last)));
        (run.succeeded.is_some()
            || run.error.is_some()
            || run.ended.is_some_and(|(end, _)| end == RunEnd::ServiceStop))
        .then_some(run)
    }

    /// Keeps a reason for the run that an error may begin; it cannot belong to one that is long over.
    fn keep_early(&mut self, event: &Event<'_>) -> bool {
        let RecordBody::Remark { time, remark: Remark::Reason(hint), text } = event.body else {
            return false;
        };
        if self.open.as_ref().is_some_and(|draft| !self.is_over(draft, event)) {
            return false;
        }
        self.early.retain(|(_, known, _)| known != hint);
        self.early.push((*time, *hint, text.clone()));
        true
    }

    /// Whether what is said now is too late for a run that has ended.
    fn is_over(&self, draft: &Draft, event: &Event<'_>) -> bool {
        !draft.goes_on_with(event) && draft.stop.is_some_and(|stop| event.time() > stop.time() + self.late)
    }

    fn begins_another(&self, event: &Event<'_>) -> bool {
        let Some(draft) = &self.open else { return false };
        if tells_of_a_run(event.body) && self.is_over(draft, event) {
            return true;
        }
        let RecordBody::Status(message) = event.body else { return false };
        if message.component != Component::SiteBackup {
            return false;
        }
        match message.id {
            MessageId::SERVICE_STARTED => true,
            MessageId::TASK_STARTED => !draft.awaits_task(message),
            _ => false,
        }
    }
}

/// Whether this event can open a run: a start, or what decides a run whose start may have rolled away.
fn tells_of_a_run(body: &RecordBody) -> bool {
    match body {
        RecordBody::Status(message) if message.component == Component::SiteBackup => {
            let starts_or_succeeds =
                [MessageId::SERVICE_STARTED, MessageId::TASK_STARTED, MessageId::COMPLETED]
                    .contains(&message.id);
            starts_or_succeeds || message.is_error()
        }
        RecordBody::Status(_) => false,
        RecordBody::Remark { remark, .. } => {
            matches!(remark, Remark::Preparing | Remark::Completed | Remark::Failed)
        }
    }
}

fn is_error(body: &RecordBody) -> bool {
    match body {
        RecordBody::Status(message) => message.is_error(),
        RecordBody::Remark { remark, .. } => *remark == Remark::Failed,
    }
}
