//! What is said of each standing, by the exporter itself and by somebody who only looks.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::assessment::assess;
use crate::assessment::samples::{Rig, at as minute};
use crate::config::SiteSettings;
use crate::http::samples::{at, attempt, held, read, standing};
use crate::site::{Node, Protection, ServicesSeen, SiteServer};
use crate::source::{SourceId, SourceKind};

/// What is said of a standing at minute 10.
fn from_inside(standing: &RestartStanding) -> String {
    let state = read(Protection::Task);
    outlook(standing, &state, &assess(&state, at(10)))
}

fn from_outside(standing: &RestartStanding) -> String {
    let state = read(Protection::Task);
    outlook_from_outside(standing, &state, &assess(&state, at(10)))
}

fn intent(standing: &RestartStanding) -> Intent {
    let state = read(Protection::Task);
    Intent::of(standing, &state, &assess(&state, at(10)))
}

#[test]
fn that_nothing_failed_is_said_only_of_a_site_where_that_is_known_and_matters() {
    let unread = || SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), at(0));
    let mut waiting = read(Protection::Task);
    let services = SourceId { kind: SourceKind::Services, location: String::new() };
    waiting.watch(services, Duration::from_secs(30), None, at(0));
    for (state, word, words) in [
        (unread(), Intent::Undecided, "Nothing is decided before every source was read once."),
        (waiting, Intent::Undecided, "Nothing is decided before every source was read once."),
        (read(Protection::Native), Intent::Nothing, "SQL Server's own backups protect this site"),
        (read(Protection::Both), Intent::Nothing, "There is no failed run to restart."),
    ] {
        let standing = standing(RestartMode::Restart, Decision::Nothing);
        let assessment = assess(&state, at(10));
        assert!(outlook(&standing, &state, &assessment).starts_with(words), "{words}");
        assert_eq!(Intent::of(&standing, &state, &assessment), word, "{words}");
    }
}

#[test]
fn who_only_looks_says_what_an_exporter_would_do() {
    use RestartMode::{Off, Restart};
    let hold = || held(&[HoldReason::Settling]);
    for (mode, decision, pending, said) in [
        (Restart, Decision::Restart(RestartPlan::Start), true, "would start the backup service now."),
        (
            Restart,
            Decision::Restart(RestartPlan::StopFirst),
            true,
            "would stop and start the backup service now",
        ),
        (Restart, hold(), true, "would restart the backup service once what holds it has passed."),
        (Restart, hold(), false, ""),
        (Restart, Decision::Nothing, false, ""),
        (Off, Decision::Nothing, false, ""),
    ] {
        let mut standing = RestartStanding { pending, ..standing(mode, decision) };
        let outside = from_outside(&standing);
        if said.is_empty() {
            assert_eq!(outside, from_inside(&standing));
        } else {
            assert!(outside.starts_with(&format!("A running exporter {said}")), "{said}: {outside}");
        }
        standing.attempts.push(attempt(None, None));
        assert_eq!(from_outside(&standing), from_inside(&standing), "one that is made is made");
    }
}

#[test]
fn the_run_of_an_attempt_is_told_while_it_goes_on() {
    use AttemptOutcome::{Adopted, StartFailed, Started};
    use HoldReason::{AlreadyAttempted, RunInProgress};
    const OWN: &str = "The backup service was restarted at 2026-11-21 08:05:00 UTC, and its run goes on: ";
    const UNREAD: &str =
        "The backup service was restarted at 2026-11-21 08:05:00 UTC, and nothing was read of its run yet: ";
    const ADOPTED: &str =
        "Somebody else had started a backup before the attempt of 2026-11-21 08:05:00 UTC, and it goes on: ";
    for (reason, outcome, followed_by, pending, words) in [
        (RunInProgress, Started, None, true, Some(UNREAD)),
        (AlreadyAttempted, Started, None, true, Some(UNREAD)),
        (RunInProgress, Started, None, false, None),
        (RunInProgress, Started, Some(None), true, Some(OWN)),
        (RunInProgress, Started, Some(None), false, None),
        (RunInProgress, Started, Some(Some(false)), false, None),
        (RunInProgress, Adopted, None, true, Some(ADOPTED)),
        (RunInProgress, Adopted, Some(None), true, Some(ADOPTED)),
        (RunInProgress, StartFailed, None, false, None),
        (AlreadyAttempted, Started, None, false, None),
    ] {
        let mut standing = RestartStanding { pending, ..standing(RestartMode::Restart, held(&[reason])) };
        let attempt = attempt(Some(outcome), followed_by);
        standing.attempts.push(attempt);
        let found = from_inside(&standing);
        let expected = words.unwrap_or("The backup service is not restarted, for these reasons.");
        assert!(found.starts_with(expected), "{reason} {outcome} {followed_by:?}: {found}");
        assert_eq!(intent(&standing) == Intent::UnderWay, words.is_some());
    }
}

/// The metric says the same, so that no alert fires in between.
#[test]
fn a_failure_that_is_not_decided_on_yet_is_pending_where_the_exporter_restarts() {
    const BAD: &[(i64, &str)] = &[(0, "500"), (1, "5055"), (2, "preparing"), (3, "-5060"), (4, "501")];
    const UNREAD: &str = "Nothing is decided before every source was read once.";
    const NEW: &str = "The failed run has not been decided on yet.";
    for (mode, has_read, is_passive, expected, words) in [
        (RestartMode::Restart, false, false, Intent::Pending, UNREAD),
        (RestartMode::Restart, true, false, Intent::Pending, NEW),
        (RestartMode::Observe, true, false, Intent::Undecided, NEW),
        (RestartMode::Restart, true, true, Intent::Nothing, "There is no failed run to restart."),
    ] {
        let mut rig = Rig::with(|_| {});
        rig.log(0, BAD);
        if has_read {
            rig.all_reported(10);
        }
        if is_passive {
            let server = |(name, active): (&str, bool)| SiteServer { name: name.into(), active };
            let servers = [("CM01", true), ("CM02", false)].map(server);
            let machine = Some("CM02".into());
            rig.services(
                10,
                ServicesSeen { machine, site_servers: Some(servers.into()), ..ServicesSeen::default() },
            );
            assert_eq!(rig.state.node(), Some(Node::Passive));
        }
        let standing = standing(mode, Decision::Nothing);
        rig.state.restart = Some(standing.clone());
        let assessment = assess(&rig.state, minute(11));
        let found = Intent::of(&standing, &rig.state, &assessment);
        assert_eq!((found, &*outlook(&standing, &rig.state, &assessment)), (expected, words));
        assert_eq!(restart_pending(&rig.state, &assessment), Some(expected == Intent::Pending), "{words}");
    }
}
