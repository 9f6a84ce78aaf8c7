//! One thing amiss at a site that would be restarted, and what is said of it.

use std::time::Duration;

use chrono::TimeDelta;

use super::site::{Site, at};
use crate::config::{CommandAnswer, CommandConfig, ServiceControl};
use crate::site::{AttemptOutcome, FailureCause, HoldReason, RestartPlan};
use crate::source::SourceKind;

pub(super) fn failed() -> Site {
    let mut site = Site::new();
    site.fail("-5060:copy_failed");
    site
}

/// Puts one thing amiss, looks again, and expects these reasons, with these words in the first one's finding.
#[track_caller]
pub(super) fn holds(change: impl FnOnce(&mut Site), reasons: &[HoldReason], words: &[&str]) {
    let mut site = failed();
    change(&mut site);
    site.poll();
    expect(&site, reasons, words);
}

pub(super) fn fails(site: &mut Site, kind: SourceKind) {
    site.failing.insert(kind);
}

#[track_caller]
pub(super) fn expect(site: &Site, reasons: &[HoldReason], words: &[&str]) {
    assert_eq!(site.reasons(), reasons);
    let standing = site.stand();
    for hold in standing.holds() {
        let text = &hold.finding;
        assert!(text.ends_with('.') && !text.contains("..") && !text.contains("  "), "{text}");
        assert!(text.chars().next().unwrap().is_uppercase() || text.starts_with('/'), "{text}");
    }
    let finding = &standing.holds()[0].finding;
    for word in words {
        assert!(finding.contains(word), "{word}: {finding}");
    }
}

/// An attempt at this time for a run long ago, and what became of it.
pub(super) fn attempt(site: &mut Site, time: &str, outcome: AttemptOutcome) {
    let ledger = site.ledger.as_mut().unwrap();
    let decided = at(time);
    ledger.begin(decided - TimeDelta::minutes(30), FailureCause::Vss, RestartPlan::Start, decided);
    ledger.finish(outcome, None, decided);
}

/// The services are asked by a command that can everything, but for this.
pub(super) fn command(site: &mut Site, change: impl FnOnce(&mut CommandConfig)) {
    let line = || Some(vec!["ssh".to_owned()]);
    let answer = || CommandAnswer::Exit(0);
    let mut command = CommandConfig {
        state: line().unwrap(),
        running: answer(),
        stopped: answer(),
        start: line(),
        stop: line(),
        timeout: Duration::from_secs(60),
    };
    change(&mut command);
    site.settings().services.as_mut().unwrap().control = ServiceControl::Command(command);
}
