//! The world: what is true of the service, its runs and the copy, and what the exporter makes of it.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::assessment::assess;
use crate::remediation::tests::site::{Site, at};
use crate::remediation::{Inputs, Ledger, stand};
use crate::site::{
    AttemptOutcome, BackupRun, Decision, FailureCause, Node, RestartMode, RestartPlan, RestartStanding,
    ServiceState, SiteService, Timestamp,
};
use crate::snapshot::samples::Sample;
use crate::source::SourceKind;

/// A run as it really is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TrueRun {
    /// When it began, in true minutes.
    began: i64,
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
    machine: Option<Box<str>>,
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
struct Made {
    /// In true minutes.
    at: i64,
    /// Which run.
    run: usize,
    spent: bool,
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
    made: Vec<Made>,
    /// When the ledger was begun, in true minutes.
    ledger_begun: i64,
    /// When the clock was last put forward, in true minutes.
    put_forward: Option<i64>,
    pub(super) put_back: Option<i64>,
    pub(super) attempts: u64,
    stops: u64,
    /// What the exporter last decided from.
    inputs: Inputs,
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

const DAY: i64 = 24 * 60;

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

    /// What the task of the exporter does after each look.
    fn decide(&mut self) {
        let now = self.site.now;
        if let Some(ledger) = &mut self.site.ledger {
            ledger.redate(now, self.site.state.runs.last().map(BackupRun::over_or_last));
            ledger.judge(&self.site.state.runs);
        }
        let standing = self.look();
        self.check_words(&standing.decision);
        if let Decision::Restart(plan) = standing.decision {
            let run = standing.run.expect("a restart is for a run");
            self.act(run, plan);
        }
    }

    /// What the exporter makes of what is known now.
    fn look(&mut self) -> RestartStanding {
        let Site { state, ledger, now, .. } = &self.site;
        let assessment = assess(state, *now);
        let ledger = ledger.as_ref().map(|ledger| ledger.as_of(*now));
        self.inputs = Inputs::of(state, &assessment, ledger.as_ref(), *now);
        stand(state, &assessment, ledger.as_ref(), *now)
    }

    fn check_words(&self, decision: &Decision) {
        if let Decision::Hold(holds) = decision {
            assert!(!holds.is_empty());
            assert!(holds.iter().all(|hold| hold.finding.ends_with('.')), "{holds:?}");
            assert!(holds.is_sorted_by_key(|hold| hold.reason), "{holds:?}");
        }
    }

    /// The run that the exporter means by its first evidence; the one before them all is that of the night before.
    fn meant(&self, first: Timestamp) -> usize {
        let index = self.site.state.runs.iter().position(|run| run.first == first);
        index.and_then(|index| index.checked_sub(1)).expect("it is one of the runs")
    }

    /// Makes an attempt, after it was checked by what is true that there may be one.
    fn act(&mut self, first: Timestamp, plan: RestartPlan) {
        let index = self.meant(first);
        self.check(index, plan);
        let cause = self.known(first).and_then(BackupRun::failure).unwrap_or(FailureCause::Stalled);
        let now = self.site.now;
        let ledger = self.site.ledger.as_mut().expect("nothing is done without a ledger");
        ledger.begin(first, cause, plan, now);
        self.attempts += 1;
        let outcome = self.perform(plan);
        let spent = outcome.is_none_or(AttemptOutcome::is_spent);
        self.made.push(Made { at: self.minute, run: index, spent });
        let now = self.site.now;
        match (outcome, &mut self.site.ledger) {
            (Some(outcome), Some(ledger)) => ledger.finish(outcome, None, now),
            _ => self.restart_exporter(true),
        }
        self.site.poll();
        if let Some(ledger) = &mut self.site.ledger {
            ledger.judge(&self.site.state.runs);
        }
        assert!(!matches!(self.look().decision, Decision::Restart(_)), "one at a time");
    }

    /// What the procedure does; `None` where the exporter ends in the middle of it.
    fn perform(&mut self, plan: RestartPlan) -> Option<AttemptOutcome> {
        if self.mood == Mood::Crash {
            return None;
        }
        if plan == RestartPlan::StopFirst && self.service_state() == ServiceState::Running {
            if self.mood == Mood::RefusesToStop {
                return Some(AttemptOutcome::StopFailed);
            }
            self.stops += 1;
            self.end(true);
        }
        if self.service_state() != ServiceState::Stopped {
            return Some(AttemptOutcome::Adopted);
        }
        let starts = self.mood != Mood::StartFails && self.start();
        Some(if starts { AttemptOutcome::Started } else { AttemptOutcome::StartFailed })
    }

    fn known(&self, first: Timestamp) -> Option<&BackupRun> {
        self.site.state.runs.iter().find(|run| run.first == first)
    }

    /// What must never be, by what is true.
    fn check(&self, index: usize, plan: RestartPlan) {
        let run = &self.runs[index];
        assert_eq!(index + 1, self.runs.len(), "a later run has begun since");
        assert_eq!(self.site.state.settings.remediation.mode, RestartMode::Restart, "it may not act");
        assert!(!run.succeeded, "it has succeeded");
        assert_eq!(run.machine, self.site.seen.machine, "it was another server's run");
        assert_ne!(self.site.seen.node(), Some(Node::Passive), "this is the passive server");
        assert!(!self.site.failing.contains(&SourceKind::Services), "nobody sees the service");
        match plan {
            RestartPlan::StopFirst => {
                // Who puts the clock forward makes a run look older than it is.
                let long = self.minute - run.began >= 4 * 60 || self.put_forward >= Some(run.began);
                let stalls = self.site.state.settings.remediation.stop_stalled && long;
                let silent = if self.put_forward.is_some() { 30 } else { 60 };
                let hangs = run.error.is_some() && self.minute - run.spoke >= silent;
                assert!(
                    run.ended.is_none() && (hangs || stalls),
                    "a run is stopped that has not failed, or works"
                );
            }
            RestartPlan::Start => {
                assert!(run.ended.is_some(), "it goes on");
                assert_eq!(self.service_state(), ServiceState::Stopped, "something runs");
            }
        }
        assert!(!self.has_copy, "the last valid copy is risked");
        assert!(self.made.iter().all(|made| made.run != index), "the second attempt for one run");
        // A run without an error fails when it is stalled, which is about now.
        let without = if plan == RestartPlan::StopFirst { self.minute } else { run.spoke };
        let failed = run.error.map_or(without, |(_, minute)| minute);
        assert!(failed >= self.ledger_begun, "the failure is older than the ledger");
        // Who puts the clock forward makes attempts look older than they are.
        let since = self.put_forward.unwrap_or(i64::MIN).max(self.minute - DAY + 1);
        let today = self.made.iter().filter(|made| made.spent && made.at >= since).count();
        assert!(today < 2, "more attempts than a day allows");
    }

    /// Whether an attempt must come by itself within a day, if the run ends now and nothing more is in its way.
    pub(super) fn deserves_an_attempt(&self, says_so: bool) -> bool {
        let Some(run) = self.runs.last().filter(|run| run.ended.is_none() && !run.succeeded) else {
            return false;
        };
        let retryable = match run.error {
            Some((word, _)) => word == RETRYABLE,
            // Who stops the service means it; who crashes does not.
            None => !says_so,
        };
        let young = self.minute - run.error.map_or(run.spoke, |(_, minute)| minute) <= 1;
        let calm = self.put_forward.is_none() && self.put_back.is_none();
        let fresh = self.made.is_empty() && !self.has_copy && run.machine.as_deref() == Some("CM01");
        // Before a backup that takes half a day there is hardly ever time for another.
        let usual = || assess(&self.site.state, self.site.now).runs.expected_duration < TimeDelta::hours(12);
        retryable && young && calm && fresh && self.ledger_begun < run.spoke && usual()
    }

    /// Everything is in order from now on: an attempt must come within a day; else what was said all the time.
    pub(super) fn attempt_comes(mut self, says_so: bool) -> Result<(), Vec<String>> {
        self.end(says_so);
        self.heal();
        let (before, begun) = (self.attempts, self.minute);
        let mut said = Vec::new();
        while self.minute - begun < DAY {
            self.pass(30);
            if self.attempts > before {
                return Ok(());
            }
            said.extend(
                self.site.stand().holds().iter().map(|hold| format!("{}: {}", self.site.now, hold.finding)),
            );
        }
        Err(said)
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
