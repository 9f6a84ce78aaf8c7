//! The world: what is true of the service, its runs and the copy, and what the exporter makes of it.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::remediation::tests::site::{Site, at};
use crate::remediation::{Inputs, Ledger};
use crate::site::{RestartMode, ServiceState, SiteService};
use crate::snapshot::samples::Sample;
use crate::source::SourceKind;

/// A run as it really is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TrueRun {
    /// When it began, in true minutes.
    pub(super) began: i64,
    /// When it last logged anything, in true minutes.
    pub(super) spoke: i64,
    /// Whether it has deleted the old copy.
    pub(super) prepared: bool,
    /// Its first error, and when, in true minutes.
    pub(super) error: Option<(&'static str, i64)>,
    pub(super) succeeded: bool,
    /// Whether it said so when it ended; `None` while it goes on.
    pub(super) ended: Option<bool>,
    /// Which of the site's servers runs it.
    pub(super) machine: Option<Box<str>>,
}

/// How the service answers when it is asked to stop or to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Mood {
    Starts,
    StartFails,
    RefusesToStop,
    /// The exporter ends after the attempt was written down.
    Crash,
}

/// An attempt as it was really made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Made {
    /// In true minutes.
    pub(super) at: i64,
    /// Which run.
    pub(super) run: usize,
    pub(super) spent: bool,
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) site: Site,
    /// True minutes since the beginning, whatever the clock says.
    pub(super) minute: i64,
    pub(super) runs: Vec<TrueRun>,
    pub(super) mood: Mood,
    /// Whether the old copy is there and good.
    pub(super) has_copy: bool,
    /// The ledger on disk, while it cannot be read.
    pub(super) hidden: Option<Ledger>,
    pub(super) made: Vec<Made>,
    /// When the ledger was begun, in true minutes.
    pub(super) ledger_begun: i64,
    /// When the clock was last put forward, in true minutes.
    pub(super) put_forward: Option<i64>,
    pub(super) put_back: Option<i64>,
    pub(super) attempts: u64,
    pub(super) stops: u64,
    /// What the exporter last decided from.
    pub(super) inputs: Inputs,
}

/// What was seen of all that happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) attempts: u64,
    pub(super) stops: u64,
}

/// What two worlds have in common that go on alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Likeness {
    inputs: Inputs,
    run: Option<(bool, bool, bool, Option<bool>)>,
    service: ServiceState,
    mood: Mood,
    has_copy: bool,
    hidden: bool,
    failing: BTreeSet<SourceKind>,
    /// Hours, coarsely: of the day, since the run spoke, since each of the last attempts.
    hour: i64,
    spoke: i64,
    made: Vec<(i64, bool)>,
    unread: bool,
}

pub(super) const DAY: i64 = 24 * 60;

/// An error after which another attempt may succeed.
pub(super) const RETRYABLE: &str = "-5060:copy_failed";

impl World {
    /// A site with one good backup, in the night after it, shortly after the task has begun.
    pub(super) fn new() -> Self {
        let mut site = Site::with(|settings| settings.remediation.stop_stalled = false);
        site.now = at("2026-11-21T02:00:00Z");
        site.poll();
        Self {
            inputs: site.inputs(),
            site,
            minute: 0,
            runs: Vec::new(),
            mood: Mood::Starts,
            has_copy: true,
            hidden: None,
            made: Vec::new(),
            ledger_begun: -DAY,
            put_forward: None,
            put_back: None,
            attempts: 0,
            stops: 0,
        }
    }

    pub(super) fn tally(&self) -> Tally {
        Tally { attempts: self.attempts, stops: self.stops }
    }

    /// Minutes pass, and the exporter looks and decides at the end of them.
    pub(super) fn pass(&mut self, minutes: i64) {
        self.minute += minutes;
        self.site.pass(minutes);
        self.decide();
    }

    /// Minutes pass in which no source is read, and the exporter decides.
    pub(super) fn sleep(&mut self, minutes: i64) {
        self.minute += minutes;
        self.site.skip(minutes);
        self.decide();
    }

    /// The run that goes on.
    pub(super) fn going_on(&mut self) -> Option<&mut TrueRun> {
        self.runs.last_mut().filter(|run| run.ended.is_none())
    }

    fn service(&mut self, state: ServiceState) {
        self.site.service(SiteService::Backup).state = state;
    }

    pub(super) fn service_state(&self) -> ServiceState {
        self.site.seen.services["SMS_SITE_BACKUP"].state
    }

    /// Somebody or something starts the service.
    pub(super) fn start(&mut self) -> bool {
        let disabled =
            self.site.seen.services["SMS_SITE_BACKUP"].start == Some(crate::site::StartMode::Disabled);
        if self.service_state() != ServiceState::Stopped || disabled {
            return false;
        }
        self.service(ServiceState::Running);
        self.site.write(&["500", "5055"]);
        self.runs.push(TrueRun {
            began: self.minute,
            spoke: self.minute,
            prepared: false,
            error: None,
            succeeded: false,
            ended: None,
            machine: self.site.seen.machine.clone(),
        });
        true
    }

    /// The run that goes on logs something.
    pub(super) fn log(&mut self, word: &'static str, change: impl FnOnce(&mut TrueRun, i64)) {
        let minute = self.minute;
        let Some(run) = self.going_on() else { return };
        run.spoke = minute;
        change(run, minute);
        self.site.write(&[word]);
    }

    /// The run deletes the old copy and says so with this word.
    pub(super) fn prepare(&mut self, word: &'static str) {
        if self.going_on().is_some() {
            self.log(word, |run, _| run.prepared = true);
            self.has_copy = false;
            self.site.copy = None;
        }
    }

    pub(super) fn fail(&mut self, word: &'static str) {
        self.log(word, |run, minute| {
            if !run.succeeded {
                run.error.get_or_insert((word, minute));
            }
        });
    }

    pub(super) fn succeed(&mut self) {
        if self.going_on().is_some() {
            self.prepare("preparing");
            self.log("5035", |run, _| run.succeeded = true);
            self.has_copy = true;
            let generation = u8::try_from(self.runs.len() % 200).unwrap() + 2;
            self.site.copy = Some(Sample::good(generation).survey(self.site.now));
        }
    }

    /// The run ends, with its last line or without.
    pub(super) fn end(&mut self, says_so: bool) {
        if self.going_on().is_some() {
            if says_so {
                self.log("501", |_, _| {});
            }
            let run = self.going_on().expect("it goes on");
            run.ended = Some(says_so);
            self.service(ServiceState::Stopped);
        }
    }

    /// The exporter ends and begins anew.
    pub(super) fn restart_exporter(&mut self, keeps_checkpoint: bool) {
        self.site.restart(keeps_checkpoint);
        let now = self.site.now;
        if let Some(ledger) = &mut self.site.ledger {
            ledger.lose(now);
        }
    }

    /// The file of the ledger is gone, and a new one is begun.
    ///
    /// Not after the clock was put back: what happened in the time that comes again cannot be told from what is new.
    pub(super) fn lose_ledger(&mut self) {
        if self.put_back.is_some() {
            return;
        }
        self.site.ledger = Some(Ledger::new(self.site.now));
        self.hidden = None;
        self.ledger_begun = self.minute;
        self.made.iter_mut().for_each(|made| made.spent = false);
        // A run that was to be stopped for its stall, and fails only now, has a failure that is younger than the ledger.
        let runs = &self.runs;
        self.made.retain(|made| runs[made.run].ended.is_some());
    }

    pub(super) fn set_clock(&mut self, by: TimeDelta) {
        self.site.now += by;
        if by > TimeDelta::zero() {
            self.put_forward = Some(self.minute);
        } else {
            self.put_back = Some(self.minute);
        }
    }

    /// Nothing fails, nobody is at work, and the exporter may act; what runs goes on.
    pub(super) fn heal(&mut self) {
        let well = Site::new();
        let state = self.service_state();
        self.site.seen = well.seen.clone();
        let runs = self.going_on().is_some();
        self.service(if runs && state == ServiceState::Running { state } else { ServiceState::Stopped });
        self.site.answers.clone_from(&well.answers);
        self.site.failing.clear();
        self.site.unpolled.clear();
        self.site.settings().remediation.mode = RestartMode::Restart;
        self.mood = Mood::Starts;
        self.site.free = well.free;
        if let Some(ledger) = self.hidden.take() {
            self.site.ledger = Some(ledger);
        }
        self.site.watch_all();
    }

    pub(super) fn likeness(&self) -> Likeness {
        let hours = |minutes: i64| match minutes {
            ..60 => 0,
            60..240 => 1,
            240..DAY => 2,
            _ => 3,
        };
        let run = self.runs.last();
        let of = |run: &TrueRun| (run.prepared, run.error.is_some(), run.succeeded, run.ended);
        let today = self.made.iter().rev().take(3);
        Likeness {
            inputs: self.inputs,
            run: run.map(of),
            service: self.service_state(),
            mood: self.mood,
            has_copy: self.has_copy,
            hidden: self.hidden.is_some(),
            failing: self.site.failing.clone(),
            hour: (self.site.now - at("2026-11-21T02:00:00Z")).num_hours().rem_euclid(24) / 6,
            spoke: run.map_or(0, |run| hours(self.minute - run.spoke)),
            made: today.map(|made| (hours(self.minute - made.at), made.spent)).collect(),
            unread: self.site.state.sources.values().any(|source| source.last_poll.is_none()),
        }
    }
}
