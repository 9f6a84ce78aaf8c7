//! How the metrics of copies are read.

use std::path::PathBuf;

use chrono::TimeDelta;

use super::{Number, Samples, SiteView};
use crate::assessment::{ArchiveSummary, supplemental};
use crate::config::SnapshotRoot;
use crate::site::ClosedSet;
use crate::snapshot::{ArchiveContent, Extent, SnapshotComponent, Survey, Verification};
use crate::source::{SourceId, SourceKind};
use crate::sqlfile::PageTally;

/// What was seen of every folder of the snapshot.
pub(super) fn surveys<'a>(view: &'a SiteView<'_>) -> impl Iterator<Item = &'a Survey> {
    SnapshotRoot::ALL.iter().filter_map(|root| view.state.observed(view.state.snapshot.root(*root)))
}

pub(super) fn site_survey<'a>(view: &'a SiteView<'_>) -> Option<&'a Survey> {
    view.state.observed(view.state.snapshot.root(SnapshotRoot::Site))
}

pub(super) fn of_surveys(view: &SiteView<'_>, of: impl Fn(&Survey) -> u64) -> Option<u64> {
    surveys(view).next()?;
    Some(surveys(view).map(of).sum())
}

fn components(view: &SiteView<'_>, mut push: impl FnMut(&str, Extent)) {
    if surveys(view).next().is_none() {
        return;
    }
    for component in SnapshotComponent::ALL {
        let extent =
            surveys(view).map(|survey| survey.component(*component)).fold(Extent::default(), |a, b| Extent {
                files: a.files + b.files,
                bytes: a.bytes + b.bytes,
                empty: a.empty + b.empty,
            });
        push(component.label(), extent);
    }
}

pub(super) fn component_present(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    components(view, |component, extent| samples.push(&[component], (extent.files > 0).number()));
}

pub(super) fn component_size(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    components(view, |component, extent| samples.push(&[component], extent.bytes.number()));
}

/// The last finished verification of each folder of the present snapshot; none until all have one.
pub(super) fn verifications<'a>(view: &'a SiteView<'_>) -> impl Iterator<Item = &'a Verification> {
    let state = view.state;
    let run = view.assessment.copies.present.as_ref().and_then(|present| present.run);
    let folders = state.settings.snapshot.as_ref().map(|config| config.folders(state.settings.code));
    let finished = folders.into_iter().flatten().map(|(_, folder)| {
        state
            .snapshot
            .verifications
            .get(&folder)
            .and_then(|verified| verified.finished.as_ref())
            .filter(|finished| Some(finished.run) == run)
    });
    finished.collect::<Option<Vec<_>>>().into_iter().flatten()
}

pub(super) fn duration(verification: &Verification) -> Option<TimeDelta> {
    Some(verification.finished? - verification.started)
}

pub(super) fn pages(view: &SiteView<'_>, of: fn(&PageTally) -> u64) -> Option<u64> {
    verifications(view).map(|verification| of(&verification.pages)).reduce(|a, b| a + b)
}

pub(super) fn destination_free(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    for (location, place) in &view.state.snapshot.places {
        if let Some(free) = view.state.observed(place).and_then(|place| place.free) {
            samples.push(&[location], free.number());
        }
    }
}

pub(super) fn destination_size(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    for root in SnapshotRoot::ALL {
        if let Some(survey) = view.state.observed(view.state.snapshot.root(*root)) {
            samples.push(&[root.label()], survey.total.bytes.number());
        }
    }
    for (name, found) in &view.state.snapshot.archives {
        let Some(found) = view.state.observed(found) else { continue };
        let size = found.iter().map(|copy| match &copy.content {
            ArchiveContent::Folder { survey, .. } => survey.total.bytes,
            ArchiveContent::File { size, .. } => *size,
        });
        samples.push(&[name], size.sum::<u64>().number());
    }
}

pub(super) fn archives(
    view: &SiteView<'_>,
    samples: &mut Samples<'_>,
    of: impl Fn(&ArchiveSummary) -> Option<f64>,
) {
    for archive in &view.assessment.copies.archives {
        if let Some(value) = of(archive) {
            samples.push(&[&archive.name], value);
        }
    }
}

pub(super) fn supplemental_timestamp(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    for (name, copy) in &view.state.snapshot.supplemental {
        let copy = view.state.observed(copy).filter(|copy| copy.unreadable.is_none());
        if let Some(time) = copy.and_then(|copy| copy.current_to) {
            samples.push(&[name], time.number());
        }
    }
}

pub(super) fn supplemental_fresh(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    for item in &view.state.settings.supplemental {
        if let Some(fresh) = supplemental(view.state, item, view.assessment.at) {
            samples.push(&[&item.name], fresh.number());
        }
    }
}

/// Configured package sources that cannot be read or whose source has failed; none until that is known of all.
pub(super) fn unreachable_package_sources(view: &SiteView<'_>) -> Option<u64> {
    let state = view.state;
    let roots = &state.settings.package_sources;
    let is_unreachable = |root: &PathBuf| {
        let location = root.display().to_string();
        let readable = state.observed(state.database.package_sources.get(&location));
        let source = state.sources.get(&SourceId { kind: SourceKind::Snapshot, location });
        let has_failed = source.is_some_and(|source| source.failure.is_some());
        readable.map(|readable| !readable).or(has_failed.then_some(true))
    };
    let unreachable = roots.iter().map(|root| is_unreachable(root).map(u64::from));
    (!roots.is_empty()).then(|| unreachable.sum::<Option<u64>>()).flatten()
}

pub(super) fn control_file_changed(view: &SiteView<'_>, samples: &mut Samples<'_>) {
    let files = view.state.observed(&view.state.snapshot.task_files);
    samples.maybe(files.and_then(|files| files.control_file).map(|file| file.modified));
}
