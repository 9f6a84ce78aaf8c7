//! One run while its evidence is being collected, event by event, and what it comes to in the end.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::event::Event;
use crate::site::{
    BackupPhase, BackupRun, Component, FailureCause, Hint, HintStrength, MessageId, Remark, RunEnd, RunError,
    RunMessage, Severity, StatusMessage, Timestamp, Witness,
};
use crate::source::RecordBody;

/// A 500 and the 5055 of the same run are this close where their process ids cannot tell.
const START_TOGETHER: TimeDelta = TimeDelta::hours(1);
/// What a witness says so long after a run began that has ended for others is of another run, whose start it missed.
const LONGEST: TimeDelta = TimeDelta::days(1);
/// So many messages of one run are kept for display; the first and the last matter, a flood between does not.
const SHOWN_MESSAGES: usize = 256;

/// A run whose evidence is still being collected.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) run: BackupRun,
    service_started: Option<Timestamp>,
    task_started: Option<Timestamp>,
    pid: Option<u32>,
    pub(super) stop: Option<Stop>,
    /// Who told that it began, and that it ended.
    begun: BTreeSet<Witness>,
    ended: BTreeSet<Witness>,
    marks: Vec<(BackupPhase, Timestamp)>,
    /// Since the previous status message: the reasons for an error that follows.
    pub(super) reasons: Vec<(Hint, Box<str>)>,
    completed_remark: Option<Timestamp>,
    failed_remark: Option<RunError>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Stop {
    Remark(Timestamp),
    Status(Timestamp),
}

impl Stop {
    pub(super) fn time(self) -> Timestamp {
        match self {
            Self::Remark(time) | Self::Status(time) => time,
        }
    }
}

impl Draft {
    pub(super) fn new(first: Timestamp) -> Self {
        Self {
            run: BackupRun {
                first,
                last: first,
                started: None,
                ended: None,
                succeeded: None,
                error: None,
                error_after_success: None,
                after_backup_started: None,
                thawed: None,
                old_snapshot_deleted: None,
                warnings: 0,
                machine: None,
                phases: Vec::new(),
                messages: Vec::new(),
            },
            service_started: None,
            task_started: None,
            pid: None,
            stop: None,
            begun: BTreeSet::new(),
            ended: BTreeSet::new(),
            marks: Vec::new(),
            reasons: Vec::new(),
            completed_remark: None,
            failed_remark: None,
        }
    }

    /// Whether a 5055 belongs to this run, which has only shown its 500 so far.
    pub(super) fn awaits_task(&self, message: &StatusMessage) -> bool {
        let Some(started) = self.service_started else { return false };
        let together = match (self.pid, message.pid) {
            (Some(own), Some(other)) => own == other,
            _ => message.time - started <= START_TOGETHER,
        };
        self.task_started.is_none() && self.stop.is_none() && together
    }

    pub(super) fn take(&mut self, body: &RecordBody) {
        self.run.last = self.run.last.max(body.time());
        self.run.first = self.run.first.min(body.time());
        match body {
            RecordBody::Status(message) => self.message(message),
            RecordBody::Remark { time, remark, text } => self.remark(*time, *remark, text),
        }
    }

    /// Whether somebody says this who told that it began and not that it ended, though another said so long ago.
    pub(super) fn goes_on_with(&self, event: &Event<'_>) -> bool {
        let goes_on =
            |(witness, _): &(Witness, u64)| self.begun.contains(witness) && !self.ended.contains(witness);
        event.time() - self.run.first <= LONGEST && event.sightings.iter().any(goes_on)
    }

    /// Notes who tells of its beginning, and of its end.
    pub(super) fn hear(&mut self, event: &Event<'_>) {
        let who = event.sightings.iter().map(|(witness, _)| *witness);
        match event.body {
            RecordBody::Status(message) if message.component == Component::SiteBackup => match message.id {
                MessageId::SERVICE_STARTED | MessageId::TASK_STARTED => self.begun.extend(who),
                MessageId::SERVICE_STOPPED => self.ended.extend(who),
                _ => {}
            },
            RecordBody::Remark { remark: Remark::Stopping, .. } => self.ended.extend(who),
            _ => {}
        }
    }

    fn message(&mut self, message: &StatusMessage) {
        let time = message.time;
        let first_success = message.id == MessageId::COMPLETED && self.run.succeeded.is_none();
        if self.run.messages.len() < SHOWN_MESSAGES || first_success {
            let StatusMessage { id, severity, component, .. } = *message;
            self.run.messages.push(RunMessage { id, severity, component, time });
        }
        self.run.warnings += u32::from(message.severity == Some(Severity::Warning));
        match message.component {
            Component::VssWriter => self.writer(message),
            Component::SiteBackup => {
                self.run.machine.get_or_insert_with(|| message.machine.clone());
                self.pid = self.pid.or(message.pid);
                self.backup(message);
                self.reasons.clear();
            }
        }
    }

    fn writer(&mut self, message: &StatusMessage) {
        match message.id {
            MessageId::WRITER_FREEZES => self.mark(BackupPhase::Snapshot, message.time),
            MessageId::WRITER_THAWED => self.run.thawed = self.run.thawed.max(Some(message.time)),
            _ => {}
        }
        // SMS Writer's error does not fail the run, but explains the error of the backup that follows it.
        if message.is_error() {
            let hint = Hint { cause: FailureCause::Writer, strength: HintStrength::Phrase };
            self.reason(message.hint.unwrap_or(hint), "");
        }
    }

    fn backup(&mut self, message: &StatusMessage) {
        let time = message.time;
        match message.id {
            MessageId::SERVICE_STARTED => {
                self.service_started.get_or_insert(time);
                self.mark(BackupPhase::Start, time);
            }
            MessageId::TASK_STARTED => {
                self.task_started.get_or_insert(time);
                self.mark(BackupPhase::Locate, time);
            }
            MessageId::SNAPSHOT_CREATED => self.mark(BackupPhase::Copy, time),
            MessageId::COPY_FINISHED => {
                self.run.thawed = self.run.thawed.max(Some(time));
                self.mark(BackupPhase::Finish, time);
            }
            MessageId::COMPLETED => {
                self.run.succeeded.get_or_insert(time);
            }
            MessageId::AFTER_BACKUP_STARTED => self.run.after_backup_started = Some(time),
            MessageId::SERVICE_STOPPED if !matches!(self.stop, Some(Stop::Status(_))) => {
                self.stop = Some(Stop::Status(time));
            }
            _ => {}
        }
        if message.is_error() && message.id != MessageId::COMPLETED {
            if self.run.succeeded.is_some() {
                self.run.error_after_success.get_or_insert(time);
            } else if self.run.error.is_none() {
                self.run.error = Some(self.error(time, message.hint));
            }
        }
    }

    fn remark(&mut self, time: Timestamp, remark: Remark, text: &str) {
        match remark {
            Remark::Preparing => self.mark(BackupPhase::Prepare, time),
            Remark::Completed => {
                self.completed_remark.get_or_insert(time);
            }
            Remark::Failed if self.failed_remark.is_none() => {
                self.failed_remark = Some(self.error(time, None));
            }
            Remark::Failed => {}
            Remark::Reason(hint) => self.reason(hint, text),
            Remark::Gap => {}
            Remark::Stopping => {
                if self.stop.is_none() {
                    self.stop = Some(Stop::Remark(time));
                }
            }
        }
    }

    /// Keeps a reason once, with the first line that gave it.
    fn reason(&mut self, hint: Hint, text: &str) {
        if self.reasons.iter().all(|(known, _)| *known != hint) {
            self.reasons.push((hint, text.into()));
        }
    }

    /// The reasons of an error: a code beats a phrase, the first of equals beats the others.
    fn error(&self, time: Timestamp, own: Option<Hint>) -> RunError {
        let own = own.map(|hint| (hint, Box::default()));
        let mut best: Option<&(Hint, Box<str>)> = None;
        for reason in self.reasons.iter().chain(&own) {
            if best.is_none_or(|best| reason.0.strength > best.0.strength) {
                best = Some(reason);
            }
        }
        let cause = best.map_or(FailureCause::Unknown, |(hint, _)| hint.cause);
        RunError { time, cause, text: best.map(|(_, text)| text.clone()).filter(|text| !text.is_empty()) }
    }

    fn mark(&mut self, phase: BackupPhase, time: Timestamp) {
        if self.marks.iter().all(|(known, _)| *known != phase) {
            self.marks.push((phase, time));
        }
    }

    pub(super) fn finish(mut self, overtaken: Option<(RunEnd, Timestamp)>) -> BackupRun {
        self.run.started = self.task_started.or(self.service_started);
        self.run.ended = self.stop.map(|stop| (RunEnd::ServiceStop, stop.time())).or(overtaken);
        if self.run.ended.is_some() && self.run.succeeded.is_none() && self.run.error.is_none() {
            // No status message decides, so the words do.
            match self.failed_remark.take() {
                Some(error) => self.run.error = Some(error),
                None => self.run.succeeded = self.completed_remark,
            }
        }
        if self.run.succeeded.is_some() {
            self.run.error = None;
        }
        self.run.old_snapshot_deleted = self.old_snapshot_deleted();
        self.run.phases = self.phases();
        self.run
    }

    /// The first sign that it came to the phase in which the old snapshot is deleted, or beyond.
    fn old_snapshot_deleted(&self) -> Option<Timestamp> {
        let marked = self.marks.iter().filter(|(phase, _)| *phase >= BackupPhase::Prepare);
        let failed = self.run.error.as_ref().filter(|error| error.cause == FailureCause::CleanupFailed);
        marked.map(|(_, time)| *time).chain(failed.map(|error| error.time)).min()
    }

    fn phases(&mut self) -> Vec<(BackupPhase, TimeDelta)> {
        let says_prepare = self.marks.iter().any(|(phase, _)| *phase == BackupPhase::Prepare);
        for (phase, _) in &mut self.marks {
            if *phase == BackupPhase::Locate && !says_prepare {
                *phase = BackupPhase::Prepare;
            }
        }
        self.marks.sort();
        // When a run that only the next start ended did its last work, nobody knows.
        let stopped = self.stop.map(Stop::time);
        let last = self.run.succeeded.or(stopped);
        let ends = self.marks.iter().skip(1).map(|(_, time)| Some(*time)).chain([last]);
        let lasted = |((phase, from), to): (&(BackupPhase, Timestamp), Option<Timestamp>)| {
            Some((*phase, (to? - *from).max(TimeDelta::zero())))
        };
        self.marks.iter().zip(ends).filter_map(lasted).collect()
    }
}
