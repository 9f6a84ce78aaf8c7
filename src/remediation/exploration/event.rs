//! Everything that can happen to the world, each a thing of a minute or more.

use chrono::TimeDelta;

use super::world::{Mood, RETRYABLE, World};
use crate::remediation::tests::site::{task, version};
use crate::site::{RestartMode, ServiceState, SiteServer, SiteService, StartMode};
use crate::source::{DatabaseFact, SourceKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// The task, or somebody by hand, starts a backup.
    Start,
    Progress,
    Prepare,
    Fail,
    FailForPerson,
    Succeed,
    ErrorAfterSuccess,
    End,
    /// The service is gone without a word.
    Crash,
    Minutes(i64),
    /// Nothing is read for so long, though nothing fails.
    Sleep(i64),
    /// A day passes, with a look now and then.
    Day,
    Service(ServiceState),
    Disabled(bool),
    Mood(Mood),
    RestartExporter {
        keeps_checkpoint: bool,
    },
    Boot,
    PutClock(i64),
    Passive(bool),
    /// The site moved to the other server, and this exporter watches that one.
    TakeOver(bool),
    Update(bool),
    NewVersion,
    Task(bool),
    Pause(bool),
    WriterStops(bool),
    DiskFills(bool),
    Mode(RestartMode),
    StopStalled(bool),
    Fails(SourceKind, bool),
    /// What can be told of the server only by Windows is not, or the database is not asked.
    Unwatched(SourceKind, bool),
    LedgerUnreadable(bool),
    LedgerLost,
    /// Everything is in order again.
    Heal,
    /// A backup that fails: what happens most.
    FailedRun {
        ends: bool,
    },
}

use Event::*;

/// The events of the search: the course of runs and what stands closest to it.
pub(super) const CORE: &[Event] = &[
    Start,
    Prepare,
    Fail,
    Succeed,
    End,
    Crash,
    Minutes(10),
    Minutes(90),
    Day,
    Mood(Mood::StartFails),
    Mood(Mood::Crash),
    RestartExporter { keeps_checkpoint: true },
    LedgerLost,
    PutClock(-120),
    PutClock(120),
];

/// What happens in the course of backups, and to what the exporter does: half of a walk.
pub(super) const COURSE: &[Event] = &[
    Start,
    Progress,
    Prepare,
    Fail,
    FailForPerson,
    Succeed,
    ErrorAfterSuccess,
    End,
    End,
    Crash,
    FailedRun { ends: true },
    FailedRun { ends: true },
    FailedRun { ends: false },
    Minutes(1),
    Minutes(10),
    Minutes(10),
    Minutes(40),
    Minutes(90),
    Minutes(300),
    Day,
    Heal,
    Heal,
    Heal,
    Mood(Mood::StartFails),
    Mood(Mood::RefusesToStop),
    Mood(Mood::Crash),
];

/// What comes between: the other half.
pub(super) const TROUBLE: &[Event] = &[
    Sleep(2),
    Sleep(120),
    Service(ServiceState::StartPending),
    Service(ServiceState::Paused),
    Service(ServiceState::Stopped),
    Disabled(true),
    Disabled(false),
    RestartExporter { keeps_checkpoint: true },
    RestartExporter { keeps_checkpoint: false },
    Boot,
    PutClock(2 * 24 * 60),
    PutClock(120),
    PutClock(-120),
    PutClock(-3),
    Passive(true),
    Passive(false),
    TakeOver(true),
    TakeOver(false),
    Update(true),
    Update(false),
    NewVersion,
    Task(false),
    Task(true),
    Pause(true),
    Pause(false),
    WriterStops(true),
    WriterStops(false),
    DiskFills(true),
    DiskFills(false),
    Mode(RestartMode::Off),
    Mode(RestartMode::Observe),
    Mode(RestartMode::Restart),
    StopStalled(true),
    StopStalled(false),
    Fails(SourceKind::BackupLog, true),
    Fails(SourceKind::BackupLog, false),
    Fails(SourceKind::Services, true),
    Fails(SourceKind::Services, false),
    Fails(SourceKind::Database, true),
    Fails(SourceKind::Database, false),
    Fails(SourceKind::Snapshot, true),
    Fails(SourceKind::Snapshot, false),
    Unwatched(SourceKind::Services, true),
    Unwatched(SourceKind::Services, false),
    Unwatched(SourceKind::Database, true),
    Unwatched(SourceKind::Database, false),
    LedgerUnreadable(true),
    LedgerUnreadable(false),
    LedgerLost,
];

impl World {
    /// Whether something of the search can happen that is more than a minute that passes.
    pub(super) fn may_happen(&mut self, event: Event) -> bool {
        let stands_still = self.service_state() == ServiceState::Stopped;
        match event {
            Start => stands_still,
            Progress | Prepare | Fail | FailForPerson | Succeed | ErrorAfterSuccess | End | Crash => {
                self.going_on().is_some()
            }
            Mood(mood) => self.mood != mood,
            Fails(kind, fails) => self.site.failing.contains(&kind) != fails,
            LedgerLost => self.put_back.is_none(),
            _ => true,
        }
    }

    /// Lets it happen, and the exporter look and decide.
    pub(super) fn happen(&mut self, event: Event) {
        match event {
            Start => drop(self.start()),
            Progress => self.prepare("5056"),
            Prepare => self.prepare("preparing"),
            Fail => self.fail(RETRYABLE),
            FailForPerson => self.fail("-5060:disk_full"),
            Succeed => self.succeed(),
            ErrorAfterSuccess => {
                if self.going_on().is_some_and(|run| run.succeeded) {
                    self.fail(RETRYABLE);
                }
            }
            End => self.end(true),
            Crash => self.end(false),
            Minutes(minutes) => return self.pass(minutes),
            Sleep(minutes) => return self.sleep(minutes),
            Day => return (0..8).for_each(|_| self.pass(180)),
            Service(state) => {
                if self.going_on().is_none() {
                    self.site.service(SiteService::Backup).state = state;
                }
            }
            Disabled(disabled) => {
                let start = if disabled { StartMode::Disabled } else { StartMode::Manual };
                self.site.service(SiteService::Backup).start = Some(start);
            }
            Mood(mood) => self.mood = mood,
            RestartExporter { keeps_checkpoint } => self.restart_exporter(keeps_checkpoint),
            Boot => {
                self.end(false);
                self.site.seen.booted = Some(self.site.now);
                self.restart_exporter(true);
            }
            PutClock(minutes) => self.set_clock(TimeDelta::minutes(minutes)),
            Passive(passive) => {
                let server = |name: &str, active: bool| SiteServer { name: name.into(), active };
                let own = self.site.seen.machine.clone().unwrap_or_default();
                let other = if &*own == "CM01" { "CM02" } else { "CM01" };
                self.site.seen.site_servers = Some(vec![server(&own, !passive), server(other, passive)]);
            }
            TakeOver(by_other) => {
                if self.going_on().is_none() {
                    self.site.seen.site_servers = Some(Vec::new());
                    self.site.seen.machine = Some(if by_other { "CM02" } else { "CM01" }.into());
                }
            }
            Update(installs) => self.site.answer(DatabaseFact::UpdateInstalls(installs)),
            NewVersion => self.site.answer(version(&format!("5.00.{}", self.minute))),
            Task(enabled) => self.site.answer(task(enabled)),
            Pause(paused) => self.site.seen.paused = Some(paused),
            WriterStops(stops) => {
                let state = if stops { ServiceState::Stopped } else { ServiceState::Running };
                let writer = self.site.seen.services.get_mut("SMS_SITE_VSS_WRITER");
                writer.into_iter().for_each(|writer| writer.state = state);
            }
            DiskFills(fills) => self.site.free = if fills { 1 << 20 } else { 1 << 40 },
            Mode(mode) => self.site.settings().remediation.mode = mode,
            StopStalled(may) => self.site.settings().remediation.stop_stalled = may,
            Fails(kind, true) => drop(self.site.failing.insert(kind)),
            Fails(kind, false) => drop(self.site.failing.remove(&kind)),
            Unwatched(SourceKind::Services, true) => {
                self.site.seen.site_servers = None;
                self.site.seen.booted = None;
                self.site.seen.paused = None;
                self.site.seen.services.retain(|name, _| &**name == "SMS_SITE_BACKUP");
            }
            Unwatched(SourceKind::Services, false) => {
                let service = self.site.seen.services["SMS_SITE_BACKUP"].clone();
                let machine = self.site.seen.machine.clone();
                self.site.seen = crate::remediation::tests::site::healthy();
                self.site.seen.machine = machine;
                *self.site.service(SiteService::Backup) = service;
            }
            Unwatched(kind, true) => self.site.unwatch(kind),
            Unwatched(_, false) => self.site.watch_all(),
            LedgerUnreadable(true) => {
                if let Some(ledger) = self.site.ledger.take() {
                    self.hidden = Some(ledger);
                }
            }
            LedgerUnreadable(false) => {
                if let Some(ledger) = self.hidden.take() {
                    self.site.ledger = Some(ledger);
                }
            }
            LedgerLost => self.lose_ledger(),
            Heal => self.heal(),
            FailedRun { ends } => {
                self.start();
                self.pass(10);
                self.prepare("preparing");
                self.pass(10);
                self.fail(RETRYABLE);
                if ends {
                    self.end(true);
                }
            }
        }
        self.pass(1);
    }
}
