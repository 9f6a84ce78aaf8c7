//! Checks of the copies: the snapshot, archives, and copies of what the task leaves out.

use super::super::{ArchiveSummary, CopyJudgement, PresentSnapshot, Standing, delta};
use super::{Assessment, Finding};
use crate::config::SupplementalConfig;
use crate::site::Timestamp;
use crate::snapshot::Completeness;
use crate::state::SiteState;

/// So many findings are named in a sentence.
const NAMED: usize = 3;

fn present(assessment: &Assessment) -> Result<&PresentSnapshot, Finding> {
    assessment.copies.present.as_ref().ok_or_else(|| Finding::unknown("No destination is configured."))
}

pub(super) fn snapshot_complete(_: &SiteState, assessment: &Assessment) -> Finding {
    let present = match present(assessment) {
        Ok(present) => present,
        Err(unknown) => return unknown,
    };
    match &present.completeness {
        Completeness::Complete if present.standing == Standing::Archived => {
            Finding::passed("The snapshot was moved into an archive.")
        }
        Completeness::Complete => Finding::passed("The snapshot has all its parts."),
        Completeness::Unknown(why) => Finding::unknown(format!("Not known: {why}.")),
        Completeness::Missing(_) if assessment.runs.in_progress == Some(true) => {
            Finding::unknown("A backup runs, which has deleted the old snapshot and makes a new one.")
        }
        Completeness::Missing(missing) => Finding::failed(
            format!("The destination lacks {}.", some(missing)),
            "Look into the destination folder; if the last run succeeded, find out what moved or deleted files there.",
        ),
    }
}

pub(super) fn snapshot_intact(_: &SiteState, assessment: &Assessment) -> Finding {
    let present = match present(assessment) {
        Ok(present) => present,
        Err(unknown) => return unknown,
    };
    match present.intact {
        Some(true) => Finding::passed("Everything in the snapshot that can be proved is undamaged."),
        None => Finding::unknown("The snapshot has not been verified yet."),
        Some(false) => {
            let damage: Vec<_> = present
                .findings
                .iter()
                .filter(|finding| finding.is_damage())
                .map(ToString::to_string)
                .collect();
            Finding::failed(
                format!("The snapshot is damaged: {}.", some(&damage)),
                "Do not rely on this snapshot, and keep every other copy: let DBCC CHECKDB tell whether the database itself is damaged \
                 before you start a backup.",
            )
        }
    }
}

pub(super) fn snapshot_unchanged(_: &SiteState, assessment: &Assessment) -> Finding {
    let present = match present(assessment) {
        Ok(present) => present,
        Err(unknown) => return unknown,
    };
    match present.unchanged {
        Some(true) => Finding::passed("Every file is as it was recorded after its run."),
        None => Finding::unknown("The files have not been recorded yet."),
        Some(false) => {
            let count = present.files_changed.unwrap_or_default();
            let which: Vec<_> = present.differences.iter().map(ToString::to_string).collect();
            let which = if which.is_empty() { String::new() } else { format!(": {}", some(&which)) };
            Finding::failed(
                format!(
                    "{count} file(s) of the snapshot changed or vanished since they were recorded{which}."
                ),
                "Find out who wrote into the destination before you start a backup: it may be ransomware. Keep every other copy.",
            )
        }
    }
}

pub(super) fn archive_fresh(_: &SiteState, assessment: &Assessment) -> Finding {
    let aged = || assessment.copies.archives.iter().filter(|archive| archive.max_age.is_some());
    if aged().next().is_none() {
        return Finding::unknown("No archive with a maximum age is configured.");
    }
    let stale = |archive: &&ArchiveSummary| {
        let newest = archive.valid().max();
        !newest.is_some_and(|run| fresh(run, archive, assessment.at))
    };
    let may_be_fresh = |archive: &&ArchiveSummary| {
        let fresh = |(_, judgement): &(String, CopyJudgement)| match judgement {
            CopyJudgement::Unknown(_) => true,
            CopyJudgement::Settling(run) => fresh(*run, archive, assessment.at),
            CopyJudgement::Valid(_) | CopyJudgement::Invalid(_) => false,
        };
        archive.copies.as_ref().is_none_or(|copies| copies.iter().any(fresh))
    };
    let (unknown, old): (Vec<_>, Vec<_>) = aged().filter(stale).partition(may_be_fresh);
    let names = |archives: &[&ArchiveSummary]| {
        let names: Vec<_> = archives.iter().map(|archive| archive.name.clone()).collect();
        some(&names)
    };
    if !old.is_empty() {
        return Finding::failed(
            format!("No valid copy young enough is in {}.", names(&old)),
            "Look at what copies the snapshot there (AfterBackup.bat, a scheduled job) and at the copies it left.",
        );
    }
    if !unknown.is_empty() {
        return Finding::unknown(format!("Not known of {}.", names(&unknown)));
    }
    Finding::passed("Every archive has a valid copy that is young enough.")
}

fn fresh(run: Timestamp, archive: &ArchiveSummary, now: Timestamp) -> bool {
    archive.max_age.is_none_or(|max_age| now - run <= max_age)
}

pub(super) fn supplemental_fresh(state: &SiteState, assessment: &Assessment) -> Finding {
    let items = &state.settings.supplemental;
    if items.is_empty() {
        return Finding::unknown("No copy of what the task leaves out is configured.");
    }
    let (mut old, mut unknown) = (Vec::new(), Vec::new());
    for item in items {
        let copy = state.observed(state.snapshot.supplemental.get(&item.name));
        let told = |why: Option<&str>| match why {
            Some(why) => format!("{} ({why})", item.name),
            None => item.name.clone(),
        };
        match supplemental(state, item, assessment.at) {
            Some(true) => {}
            Some(false) => old.push(told(copy.map(|copy| copy.because.as_str()))),
            None => unknown.push(told(copy.and_then(|copy| copy.unreadable.as_deref()))),
        }
    }
    if !old.is_empty() {
        return Finding::failed(
            format!("Too old: {}.", some(&old)),
            "Look at what makes these copies; the backup task leaves them out, and a recovery needs them.",
        );
    }
    if !unknown.is_empty() {
        return Finding::unknown(format!("Not known of {}.", some(&unknown)));
    }
    Finding::passed("Every copy of what the task leaves out is young enough.")
}

/// Whether a copy is young enough; `None` if that is not known.
pub(crate) fn supplemental(state: &SiteState, item: &SupplementalConfig, now: Timestamp) -> Option<bool> {
    let copy = state.observed(state.snapshot.supplemental.get(&item.name))?;
    match (&copy.unreadable, copy.current_to) {
        (Some(_), _) => None,
        (None, None) => Some(false),
        (None, Some(current_to)) => Some(now - current_to <= delta(item.max_age)),
    }
}

/// The first few, and how many there are besides.
fn some(texts: &[String]) -> String {
    let named = texts.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    match texts.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named}; and {more} more"),
    }
}
