//! How the metrics are read that take more than a field.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Number, Samples, SiteView};
use crate::assessment::CheckState;
use crate::schedule::{Schedule, Zone};
use crate::site::{BackupMethod, ClosedSet, FailureCause, MessageId, Timestamp};
use crate::source::{SourceId, SourceKind};
use crate::state::SourceState;

pub(super) fn site_info(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    let role = view.state.role().map_or("", ClosedSet::label);
    let site = view.state.database.site.as_ref();
    let writer = || view.state.runs.iter().rev().find_map(|run| run.machine.as_deref());
    let server = site.map(|site| &*site.server).or_else(writer).unwrap_or_default();
    samples.push(&[role, server, site.map_or("", |site| &site.version)], 1.0);
}

pub(super) fn task_schedule(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    if let Some(task) = &view.state.database.task {
        let schedule = Schedule::new(task.window, Zone::Utc);
        let (begin, latest_begin) = (schedule.begin_label(), schedule.latest_begin_label());
        samples.push(&[&schedule.days_label(), &begin, &latest_begin], 1.0);
    }
}

/// When the newest undamaged full backup of each method ended.
fn last_full_backup(view: &SiteView<'_>, method: BackupMethod) -> Option<Timestamp> {
    let sets = view.state.database.backup_sets.values().flatten();
    sets.filter(|set| set.method == method && !set.damaged).map(|set| set.finished).max()
}

pub(super) fn last_full_backups(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    for method in BackupMethod::ALL {
        if let Some(finished) = last_full_backup(view, *method) {
            samples.push(&[method.label()], finished.number());
        }
    }
}

pub(super) fn last_phase_duration(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    for (phase, duration) in &view.assessment.runs.last_phases {
        samples.push(&[phase.label()], duration.number());
    }
}

pub(super) fn last_run_failure_cause(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    if view.assessment.runs.last_failed.is_some() {
        samples.each(|cause: FailureCause| view.assessment.runs.failure_cause == Some(cause));
    }
}

pub(super) fn status_messages(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    let always = MessageId::ALWAYS_COUNTED.iter().map(|id| Some(*id)).chain([None]);
    let mut counts: BTreeMap<Option<MessageId>, u64> = always.map(|id| (id, 0)).collect();
    counts.extend(&view.state.totals.messages);
    for (id, count) in counts {
        let id = id.map_or("other".to_owned(), |id| id.to_string());
        samples.push(&[&id], count.number());
    }
}

pub(super) fn witness_last_success(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    for testimony in &view.assessment.witnesses {
        if let Some(time) = testimony.last_success {
            samples.push(&[testimony.witness.label()], time.number());
        }
    }
    if let Some(time) = last_full_backup(view, BackupMethod::Vss) {
        samples.push(&["msdb"], time.number());
    }
}

pub(super) fn check_passed(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    for result in &view.assessment.checks {
        if result.state != CheckState::Unknown {
            samples.push(&[result.check.label()], (result.state == CheckState::Passed).number());
        }
    }
}

/// One sample for each kind of source, of all its locations.
pub(super) fn sources(view: &SiteView<'_>, samples: &mut Samples<'_>, of: impl Fn(&[&SourceState]) -> f64) {
    of_kinds(view, samples, |_| true, of);
}

/// The same of what a poll told: a source that has not been polled yet is neither up nor down.
pub(super) fn polled(view: &SiteView<'_>, samples: &mut Samples<'_>, of: impl Fn(&[&SourceState]) -> f64) {
    of_kinds(view, samples, |source| source.last_poll.is_some(), of);
}

fn of_kinds(
    view: &SiteView<'_>,
    samples: &mut Samples<'_>,
    counts: fn(&SourceState) -> bool,
    of: impl Fn(&[&SourceState]) -> f64,
) {
    for kind in SourceKind::ALL {
        let all = view.state.sources.iter().filter(|(id, source)| id.kind == *kind && counts(source));
        let all: Vec<_> = all.map(|(_, source)| source).collect();
        if !all.is_empty() {
            samples.push(&[kind.label()], of(&all));
        }
    }
}

pub(super) fn greatest(sources: &[&SourceState], of: impl Fn(&SourceState) -> Duration) -> f64 {
    sources.iter().map(|source| of(source)).max().unwrap_or_default().number()
}

pub(super) fn source_last_success(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    let oldest = |all: &[&SourceState]| {
        let last = |source: &&SourceState| source.last_success.unwrap_or(source.watched_since);
        all.iter().map(last).min().map_or(0.0, Timestamp::number)
    };
    sources(view, samples, oldest);
}

pub(super) fn source_failures(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    let mut counts = BTreeMap::new();
    for (id, source) in &view.state.sources {
        for kind in id.kind.failures() {
            let failures = source.failures.get(kind).copied().unwrap_or_default();
            *counts.entry((id.kind, *kind)).or_insert(0) += failures;
        }
    }
    for ((source, kind), count) in counts {
        samples.push(&[source.label(), kind.label()], count.number());
    }
}

/// What was read of a kind of log, once it has been polled: the first poll brings all of history.
pub(super) fn log(view: &SiteView<'_>, samples: &mut Samples<'_>, kind: SourceKind, value: u64) {
    let polled = |(id, log): (&SourceId, &SourceState)| id.kind == kind && log.last_poll.is_some();
    samples.maybe(view.state.sources.iter().any(polled).then_some(value));
}
