//! The one word for a site: the first that applies, in an order in which unknown never hides failed or overdue.

use super::{Assessment, Check, CheckState, Hearing, ProtectionState, Testimony};
use crate::site::{ClosedSet, Node, Protection, ServicesSeen, closed_set};
use crate::source::site_database::Topic;
use crate::state::SiteState;

closed_set! {
    /// The verdict on a site.
    pub enum Verdict {
        /// The last run succeeded and every check passes.
        Healthy => "healthy",
        /// No success was ever seen, and nothing has been due yet.
        Pending => "pending",
        /// The last run succeeded, but a check fails.
        Degraded => "degraded",
        /// The evidence says too little.
        Unknown => "unknown",
        /// There is no valid copy.
        Unprotected => "unprotected",
        /// A success should have come and has not.
        Overdue => "overdue",
        /// The last run failed, or the present one has.
        Failed => "failed",
        /// This is the passive site server: the active one is watched for the site.
        Passive => "passive",
    }
}

/// The verdict and the sentence that gives its reason.
pub(super) fn verdict(state: &SiteState, assessment: &Assessment) -> (Verdict, String) {
    let Assessment { runs, due, checks, .. } = assessment;
    if state.node() == Some(Node::Passive) {
        return (Verdict::Passive, passive(state));
    }
    if runs.last_failed == Some(true) {
        let cause = runs.failure_cause.map_or("unknown", ClosedSet::label);
        return (Verdict::Failed, format!("The last backup failed: {cause}."));
    }
    if runs.stalled == Some(true) {
        return (Verdict::Failed, "The running backup takes far longer than such backups took.".to_owned());
    }
    if due.overdue == Some(true) {
        let reason = match due.success_due {
            Some(at) => format!("A successful backup was due by {}.", at.format("%Y-%m-%d %H:%M UTC")),
            None => "A successful backup is overdue.".to_owned(),
        };
        return (Verdict::Overdue, reason);
    }
    let protection = &assessment.protection;
    let nothing_native = protection.native.all_known && protection.native.newest().is_none();
    if !state.task_may_run() && nothing_native {
        let reason = "The task is disabled, and SQL Server makes no backups of its own.";
        return (Verdict::Unprotected, reason.to_owned());
    }
    // A run deletes the old copy before it makes the new one: that is no news, as long as it goes on without an error.
    let is_being_made = runs.in_progress == Some(true) && protection.snapshots_count(state);
    if assessment.copies.valid == Some(0) && !is_being_made {
        return (Verdict::Unprotected, no_copy(state, protection).to_owned());
    }
    if protection.mode.needs_task() && state.knows_events() && runs.last_success.is_none() && !due.was_due {
        return (
            Verdict::Pending,
            "No backup has succeeded yet, and none was due since watching began.".to_owned(),
        );
    }
    if protection.mode.needs_native() && !protection.native.all_known && protection.native.newest().is_none()
    {
        return (Verdict::Unknown, format!("{} {}", restorable(state, protection), native_gap(state)));
    }
    // One that guidance keeps quiet is up without having read anything.
    if protection.mode.needs_task() && !state.witnesses().any(|(_, source)| source.up() && source.caught_up) {
        let failure = state.witnesses().find_map(|(_, source)| source.failure.as_ref());
        let unread = state.database.unread.iter().find(|unread| unread.topic == Topic::StatusMessages);
        let failure = failure.or(unread.map(|unread| &unread.failure));
        let why = failure.map_or_else(|| silence(assessment), |failure| failure.message.clone());
        let why = why.trim_end_matches(['.', '?']);
        return (Verdict::Unknown, format!("Nothing that tells of the backups can be read: {why}."));
    }
    if due.overdue.is_none() {
        let reason = "No success is known for the last due day, and no readable log reaches back that far.";
        return (Verdict::Unknown, reason.to_owned());
    }
    let well = match protection.mode {
        Protection::Native => "SQL Server's own backup is fresh",
        Protection::Task | Protection::Both => "The last backup succeeded",
    };
    let failed: Vec<Check> =
        checks.iter().filter(|c| c.state == CheckState::Failed).map(|c| c.check).collect();
    if failed.is_empty() {
        return (Verdict::Healthy, format!("{well}."));
    }
    let names: Vec<_> = failed.iter().map(|check| check.label()).collect();
    (Verdict::Degraded, format!("{well}, but a check fails: {}.", names.join(", ")))
}

/// That this is the passive site server, and where the site runs.
fn passive(state: &SiteState) -> String {
    let seen = state.observed(&state.services);
    match (seen, seen.and_then(ServicesSeen::active_server)) {
        (_, Some(active)) => format!("This is the passive site server; the site runs on {active}."),
        (Some(_), None) => "This is the passive site server; the site runs on the other one.".to_owned(),
        (None, None) => "This was the passive site server when its services were last seen.".to_owned(),
    }
}

/// Why nobody tells although nothing failed.
fn silence(assessment: &Assessment) -> String {
    let is_silent = |testimony: &&Testimony| testimony.hearing == Hearing::Silent;
    match assessment.witnesses.iter().find(is_silent) {
        Some(silent) => format!("{} {}", silent.witness, silent.finding()),
        None => "no witness has been read yet".to_owned(),
    }
}

/// Why no copy counts, in one sentence.
fn no_copy(state: &SiteState, protection: &ProtectionState) -> &'static str {
    match protection.mode {
        Protection::Task => "No copy exists that could be restored now.",
        Protection::Both if !protection.snapshots_count(state) => {
            "In an availability group only SQL Server's own full backups can be restored, and no undamaged one is known."
        }
        Protection::Native | Protection::Both => {
            "No snapshot could be restored now, and no undamaged full backup of SQL Server's own is known."
        }
    }
}

/// What of SQL Server's own backups the site depends on.
fn restorable(state: &SiteState, protection: &ProtectionState) -> &'static str {
    if protection.snapshots_count(state) {
        "SQL Server's own backups protect this site."
    } else {
        "In an availability group only SQL Server's own backups can be restored."
    }
}

/// Why it is not known whether there are such backups.
fn native_gap(state: &SiteState) -> String {
    let database = &state.database;
    let about = |topic: Topic| database.unread.iter().find(|unread| unread.topic == topic);
    if let Some(unread) = about(Topic::Replicas).or_else(|| about(Topic::BackupSets)) {
        return unread.failure.message.clone();
    }
    let told =
        |server: &&String| database.backups_told.keys().any(|known| known.eq_ignore_ascii_case(server));
    match database.servers.iter().find(|server| !told(server)) {
        Some(server) => format!("{server} has not told yet which ones it made."),
        None => "None of the servers that make them has been asked lately.".to_owned(),
    }
}
