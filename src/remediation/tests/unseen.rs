//! What is not seen, from real evidence: each source failing, and each thing that nobody watches.

use super::amiss::failed;
use super::site::Site;
use crate::config::ServiceControl;
use crate::remediation::{Inputs, Watched};
use crate::site::HoldReason::{self, *};
use crate::site::SiteService;
use crate::source::{DatabaseFact, SourceKind};
use Watched::{Failing, NotWatched};

/// What a site says that nobody can look at from this side since the evening.
fn failing(kind: SourceKind, seen_before: bool) -> Site {
    let mut site = if seen_before {
        failed()
    } else {
        let mut site = failed();
        site.restart(true);
        site
    };
    site.failing.insert(kind);
    for _ in 0..3 {
        site.poll();
    }
    site
}

#[test]
fn a_source_that_fails_holds() {
    for (kind, reasons, words) in [
        (SourceKind::BackupLog, &[StaleEvidence][..], "backup_log"),
        (
            SourceKind::Services,
            &[PassiveNode, RunInProgress, SiteMaintenance, PrerequisiteMissing],
            "services is gone.",
        ),
        (SourceKind::Database, &[SiteMaintenance, PrerequisiteMissing], "database is gone."),
        // The failed run has deleted what was there.
        (SourceKind::Snapshot, &[], ""),
    ] {
        for seen_before in [true, false] {
            let site = failing(kind, seen_before);
            assert_eq!(site.reasons(), reasons, "{kind} {seen_before}");
            for hold in site.stand().holds() {
                let says = hold.finding.contains(words) || hold.reason == StaleEvidence;
                assert!(says && hold.finding.ends_with('.'), "{}", hold.finding);
            }
        }
    }
}

#[test]
fn what_was_never_answered_holds() {
    let mut site = failed();
    site.state.database.task = None;
    assert_eq!((site.inputs().task, site.reasons()), (Failing, vec![TaskDisabled]));
    let finding = site.stand().holds()[0].finding.clone();
    assert!(finding.contains("is not known: it gives no answer to that"), "{finding}");
    for lost in [DatabaseFact::UpdateInstalls(true), DatabaseFact::SiteStatus(None)] {
        let mut site = failed();
        match lost {
            DatabaseFact::SiteStatus(_) => site.state.database.site_status = None,
            _ => site.state.database.update_installs = None,
        }
        assert_eq!((site.inputs().maintenance, site.reasons()), (Failing, vec![SiteMaintenance]));
        let finding = site.stand().holds()[0].finding.clone();
        assert!(finding.contains("database: it gives no answer to that"), "{finding}");
    }
}

#[test]
fn one_failed_look_and_a_jump_of_the_clock_hold_until_the_next_look() {
    for (kind, reasons) in [
        (SourceKind::Services, &[PassiveNode, RunInProgress, SiteMaintenance, PrerequisiteMissing][..]),
        (SourceKind::Database, &[PrerequisiteMissing]),
        (SourceKind::BackupLog, &[StaleEvidence]),
        (SourceKind::Snapshot, &[]),
    ] {
        let mut site = failed();
        site.failing.insert(kind);
        site.poll();
        assert_eq!(site.reasons(), reasons, "{kind}");
        site.failing.clear();
        site.poll();
        assert_eq!(site.reasons(), [], "{kind}");
    }
    let mut woken = failed();
    woken.skip(4 * 60);
    let holds = [PassiveNode, RunInProgress, StaleEvidence, SiteMaintenance, PrerequisiteMissing];
    assert_eq!(woken.reasons(), holds, "the machine slept, and nothing has been looked at since");
    let finding = woken.stand().holds()[0].finding.clone();
    assert!(finding.contains("was last read at 2026-11-21 02:15 UTC"), "{finding}");
    woken.poll();
    assert_eq!(woken.reasons(), []);
}

/// Everything that the inputs say of something that nobody watches.
fn unwatched(change: impl FnOnce(&mut Site)) -> (Inputs, Vec<HoldReason>) {
    let mut site = failed();
    change(&mut site);
    site.poll();
    (site.inputs(), site.reasons())
}

#[test]
fn what_nobody_watches_does_not_hold() {
    let (inputs, reasons) = unwatched(|site| site.unwatch(SourceKind::Database));
    assert_eq!(reasons, []);
    assert_eq!(inputs.task, Watched::Known(crate::remediation::TaskSeen::Enabled), "a setting stays");
    let (inputs, reasons) = unwatched(|site| {
        site.settings().snapshot = None;
        site.unwatch(SourceKind::Snapshot);
        site.state.snapshot = crate::state::SnapshotState::default();
    });
    assert_eq!((inputs.space, inputs.last_copy, reasons), (NotWatched, NotWatched, vec![]));
    let (inputs, reasons) = unwatched(|site| {
        site.seen.site_servers = None;
        site.seen.machine = None;
        site.seen.booted = None;
        site.seen.paused = None;
        site.service(SiteService::Backup).start = None;
        site.seen.services.retain(|name, _| &**name == "SMS_SITE_BACKUP");
        site.unwatch(SourceKind::Database);
        site.state.database = crate::state::DatabaseState::default();
        site.state.schedule = None;
    });
    assert_eq!((inputs.node, inputs.task, inputs.start), (NotWatched, NotWatched, NotWatched));
    assert_eq!((inputs.maintenance, inputs.prerequisite), (NotWatched, NotWatched));
    assert_eq!((inputs.due, reasons), (NotWatched, vec![]));
    let (inputs, reasons) = unwatched(|site| {
        site.unwatch(SourceKind::Services);
        site.settings().services = None;
    });
    assert_eq!((inputs.service, inputs.node), (NotWatched, NotWatched));
    assert_eq!(reasons, [ServiceUnavailable], "what nobody can start is not started");
}

#[test]
fn a_command_that_fails_hides_only_what_it_ever_told() {
    let mut site = failed();
    let words = vec!["ssh".to_owned()];
    site.settings().services.as_mut().unwrap().control =
        ServiceControl::Command(crate::config::CommandConfig {
            state: words.clone(),
            running: crate::config::CommandAnswer::Exit(0),
            stopped: crate::config::CommandAnswer::Exit(3),
            start: Some(words.clone()),
            stop: Some(words),
            timeout: std::time::Duration::from_secs(60),
        });
    site.failing.insert(SourceKind::Services);
    for _ in 0..3 {
        site.poll();
    }
    assert_eq!(site.reasons(), [RunInProgress, SiteMaintenance], "the pause file is looked at with it");
    site.settings().remediation.pause_file = None;
    assert_eq!(site.reasons(), [RunInProgress]);
}

#[test]
fn before_anything_was_read_nothing_is_decided() {
    let mut site = failed();
    let mut without = site.clone();
    without.restart(false);
    assert_eq!(without.stand().decision, crate::site::Decision::Nothing);
    site.restart(true);
    let reasons = site.reasons();
    for reason in [PassiveNode, RunInProgress, StaleEvidence, SiteMaintenance, PrerequisiteMissing] {
        assert!(reasons.contains(&reason), "{reason}");
    }
    let standing = site.stand();
    let not_read = |hold: &&crate::site::Hold| hold.finding.contains("it has not been read yet.");
    let told: Vec<_> = standing.holds().iter().filter(not_read).map(|hold| hold.reason).collect();
    assert_eq!(told, [PassiveNode, RunInProgress, SiteMaintenance, PrerequisiteMissing]);
}
