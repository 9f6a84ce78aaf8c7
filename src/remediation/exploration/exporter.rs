//! The exporter in the world: it decides by what it sees, acts, and is judged by what is true.

use chrono::TimeDelta;

use super::world::{DAY, Made, Mood, RETRYABLE, World};
use crate::assessment::assess;
use crate::remediation::heard::newest_known;
use crate::remediation::tests::site::Site;
use crate::remediation::{Inputs, stand};
use crate::site::{
    AttemptOutcome, BackupRun, Decision, FailureCause, Node, RestartMode, RestartPlan, RestartStanding,
    ServiceState, Timestamp,
};
use crate::source::SourceKind;

impl World {
    /// What the task of the exporter does after each look.
    pub(super) fn decide(&mut self) {
        let now = self.site.now;
        if let Some(ledger) = &mut self.site.ledger {
            ledger.redate(now, newest_known(&self.site.state));
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
}
