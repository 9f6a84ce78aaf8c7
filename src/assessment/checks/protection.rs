//! Checks of what a recovery would need: the snapshot, its age, and the service that makes snapshots possible.

use super::{Assessment, CheckState, Finding};
use crate::site::ClosedSet;
use crate::site::Component;
use crate::state::SiteState;

fn of(known: Option<bool>, passed: &'static str, failed: &'static str, advice: &'static str) -> Finding {
    match known {
        Some(true) => Finding::passed(passed),
        Some(false) => Finding::failed(failed, advice),
        None => Finding::unknown("Not watched, or not known now."),
    }
}

pub(super) fn snapshot_complete(state: &SiteState, _: &Assessment) -> Finding {
    of(
        state.observed(&state.snapshot_complete).copied(),
        "The snapshot has all its parts.",
        "The snapshot lacks a part.",
        "Look into the destination folder; if the last run succeeded, find out what moved or deleted files there.",
    )
}

pub(super) fn snapshot_intact(_: &SiteState, assessment: &Assessment) -> Finding {
    of(
        assessment.snapshot_intact,
        "Everything in the snapshot that can be proved is undamaged.",
        "The snapshot is damaged.",
        "Do not rely on this snapshot: check the disk, then start a backup.",
    )
}

pub(super) fn recoverable(_: &SiteState, assessment: &Assessment) -> Finding {
    match assessment.recoverable_until {
        Some(until) if until < assessment.at => Finding::failed(
            format!(
                "The newest copy is older than change tracking retention since {}.",
                until.format("%F %H:%M UTC")
            ),
            "Start a backup now: a recovery from the present copy would lose or reinitialise the hierarchy's data.",
        ),
        Some(_) => Finding::passed("The newest copy is within change tracking retention."),
        None => Finding::unknown("No valid copy is known, or the site is not part of a hierarchy."),
    }
}

pub(super) fn sms_writer(state: &SiteState, assessment: &Assessment) -> Finding {
    let running =
        state.observed(&state.services).and_then(|all| all.get(Component::VssWriter.label()).copied());
    let finding = of(
        running,
        "SMS_SITE_VSS_WRITER runs.",
        "SMS_SITE_VSS_WRITER does not run: no backup can succeed.",
        "Start SMS_SITE_VSS_WRITER.",
    );
    // During a run services stop and start; that is how the snapshot is taken.
    if finding.state == CheckState::Failed && assessment.runs.in_progress == Some(true) {
        return Finding::unknown("A backup runs, during which services are stopped.");
    }
    finding
}
