//! When the sources must leave the backup destination alone.

use std::time::Duration;

use chrono::TimeDelta;

use super::{RunSummary, delta};
use crate::config::{SnapshotConfig, SnapshotRoot, VerifyConfig};
use crate::site::{Node, ServiceState, SiteService, Timestamp, Timings, Witness};
use crate::snapshot::{ArchiveContent, OwnRun, Verification};
use crate::source::{Guidance, Quiet, SourceKind, VerifyOrder};
use crate::state::{Belonging, KnownSchedule, SiteState, SourceState};

/// A witness that misses fewer polls than this is not taken for lost.
const MISSED_POLLS: u32 = 5;

/// The advice for one site at a moment.
///
/// An open handle below the destination can make the task's own delete fail, or AfterBackup.bat's rename.
pub fn guidance(state: &SiteState, now: Timestamp) -> Guidance {
    let runs = RunSummary::of(state, now);
    let timings = &state.settings.timings;
    let may_read = reads_elsewhere(state) || may_run_elsewhere(state);
    let quiet = if may_read && !(state.knows_events() && is_heard(state, now)) {
        Some(Quiet::Unknown)
    } else if goes_on(state, &runs, now) || service_is_up(state) {
        Some(Quiet::RunInProgress)
    } else if is_due(state, &runs, now) {
        Some(Quiet::RunDue)
    } else {
        let recent = |start: &Timestamp| (*start..*start + delta(timings.quiet_after_backup)).contains(&now);
        runs.after_backup_started.filter(recent).map(|_| Quiet::AfterBackup)
    };
    let config = state.settings.snapshot.as_ref().filter(|_| quiet.is_none());
    let verify = config.map(|config| orders(state, config, now)).unwrap_or_default();
    Guidance { quiet, verify }
}

/// The sources of witnesses that are not in the destination itself, and tell of every run that may work there.
fn elsewhere(state: &SiteState) -> impl Iterator<Item = (SourceKind, Witness, &SourceState)> {
    let only_database = may_run_elsewhere(state);
    state.sources.iter().filter_map(move |(id, source)| {
        let witness = source.speaks_for().filter(|_| id.kind != SourceKind::Snapshot)?;
        (!only_database || id.kind == SourceKind::Database).then_some((id.kind, witness, source))
    })
}

/// Whether the site may run on the other site server, of whose runs only the site database tells here.
fn may_run_elsewhere(state: &SiteState) -> bool {
    matches!(state.node(), Some(Node::Passive | Node::Unclear))
}

/// Whether the backup service is known not to stand still: it may have begun before anybody wrote a line.
fn service_is_up(state: &SiteState) -> bool {
    let seen = state.observed(&state.services).and_then(|seen| seen.of(SiteService::Backup));
    seen.is_some_and(|service| !matches!(service.state, ServiceState::Stopped | ServiceState::Missing))
}

/// Whether something besides the destination itself could tell of a run.
fn reads_elsewhere(state: &SiteState) -> bool {
    elsewhere(state).next().is_some()
}

/// Whether a run that began just now would be known; not what was known once, but what is read at present.
fn is_heard(state: &SiteState, now: Timestamp) -> bool {
    let unheard = delta(state.settings.timings.quiet_unheard);
    elsewhere(state).any(|(kind, witness, source)| {
        // Of a database only the messages tell of runs, and an event log may be a copy of long ago.
        let hears = match kind {
            SourceKind::Database | SourceKind::EventLog => source.is_current,
            _ => source.up(),
        };
        let some_polls = delta(source.interval.saturating_mul(MISSED_POLLS));
        let coverage = state.coverage.get(&witness).filter(|_| source.last_success.is_some());
        let read = coverage.and_then(|coverage| coverage.until);
        hears || read.is_some_and(|read| (now - read).abs() < some_polls.max(unheard))
    })
}

/// Whether the newest run may still work in the destination: one whose end was never logged does not for ever.
fn goes_on(state: &SiteState, runs: &RunSummary, now: Timestamp) -> bool {
    let timings = &state.settings.timings;
    let Some(run) = state.runs.last().filter(|run| run.ended.is_none()) else { return false };
    if let Some(success) = run.succeeded {
        let last = run.after_backup_started.map_or(success, |started| started.max(success));
        return now < last + delta(timings.quiet_after_backup);
    }
    // Only the destination's own log could tell that it is over, and that is not looked at.
    let ends_unseen = !reads_elsewhere(state) && run.started_or_first() + runs.expected_duration <= now;
    // Its machine has restarted, say, and nothing will ever be logged of it.
    let is_dead = runs.stalled == Some(true) && now - run.last >= delta(timings.quiet_stalled);
    !ends_unseen && !is_dead
}

/// What is to be verified: a snapshot once it has settled after its run, an archive once it is there, both again after
/// the interval.
fn orders(state: &SiteState, config: &SnapshotConfig, now: Timestamp) -> Vec<VerifyOrder> {
    let VerifyConfig { pages, interval, settle, .. } = config.verify;
    let due = |location: &str, folder: &str, run: Timestamp, settled: Timestamp| {
        let verified = state.snapshot.verifications.get(folder);
        let last = verified.and_then(|verified| verified.finished.as_ref()).filter(|last| last.run == run);
        let after = last.and_then(|last| last.finished);
        let pause = last.map_or(delta(interval), |last| again_after(last, interval, &state.settings.timings));
        let changed = state.snapshot.unchanged.get(folder).map(|unchanged| unchanged.since);
        let is_due = match (after, changed) {
            // The clock was ahead then.
            (Some(after), _) if after > now => true,
            // What came or changed since has not been read.
            (Some(after), Some(changed)) if changed > after => now >= changed + delta(settle),
            (Some(after), _) => now >= after + pause,
            (None, _) => now >= settled,
        };
        let (location, folder) = (location.to_owned(), folder.to_owned());
        is_due.then_some(VerifyOrder { location, folder, run, after })
    };
    let mut orders = Vec::new();
    // A run whose end was never logged is over some day all the same.
    if let Some(run) = Belonging::of(&state.runs).success().filter(|_| pages) {
        let ended = run.ended.map_or(run.last, |(_, ended)| ended.max(run.last));
        let seen = |root: SnapshotRoot| {
            let survey = state.observed(state.snapshot.root(root));
            survey.is_some_and(|survey| survey.present && Some(survey.started) >= run.succeeded)
        };
        for (root, folder) in config.folders(state.settings.code) {
            if seen(root) {
                orders.extend(due(&folder, &folder, run.started_or_first(), ended + delta(settle)));
            }
        }
    }
    for archive in config.archives.iter().filter(|archive| archive.verify) {
        let copies = state.observed(state.snapshot.archives.get(&archive.name)).into_iter().flatten();
        let location = archive.pattern.display().to_string();
        orders.extend(copies.filter_map(|copy| {
            let ArchiveContent::Folder { run: Some(OwnRun { started, .. }), .. } = copy.content else {
                return None;
            };
            let unchanged = state.snapshot.unchanged.get(&copy.path)?;
            due(
                &location,
                &copy.path,
                started,
                unchanged.since + delta(state.settings.timings.archive_settle),
            )
        }));
    }
    orders
}

/// The pause after a pass: what another process held shut for a moment is tried again soon, but a pass that takes long
/// and can never read everything must not go on for ever.
fn again_after(last: &Verification, interval: Duration, timings: &Timings) -> TimeDelta {
    if last.unread == 0 || last.damaged > 0 {
        return delta(interval);
    }
    let lasted = last.finished.map_or(TimeDelta::zero(), |finished| finished - last.started);
    lasted.max(delta(timings.verify_again)).min(delta(interval))
}

/// From shortly before a due begin until its run has started, which quiets by itself, or counts as missed.
fn is_due(state: &SiteState, runs: &RunSummary, now: Timestamp) -> bool {
    let known = state.schedule.as_ref().filter(|_| state.task_may_run());
    let Some(KnownSchedule { schedule, .. }) = known else { return false };
    let timings = &state.settings.timings;
    let Some(due) = schedule.last_due(now + delta(timings.quiet_before_due)) else { return false };
    let quiet_from = due.begin - delta(timings.quiet_before_due);
    let has_started = runs.last_start.is_some_and(|start| start >= quiet_from);
    now < due.latest_begin + delta(timings.missed_tolerance) && !has_started
}
