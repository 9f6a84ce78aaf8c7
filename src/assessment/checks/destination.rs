//! Checks of the places in which copies lie.

use std::path::Path;

use super::{Assessment, Finding};
use crate::config::SnapshotRoot;
use crate::site::ClosedSet;
use crate::snapshot::Place;
use crate::source::{SourceId, SourceKind};
use crate::state::{FAILURES_THAT_DROP, SiteState};

pub(super) fn destination(state: &SiteState, assessment: &Assessment) -> Finding {
    if let Some(why) = unreadable(state) {
        return Finding::failed(
            format!("The destination cannot be looked at: {why}."),
            "Until it can, nobody knows whether a copy could be restored.",
        );
    }
    if let Some(why) = state.destination_lacks() {
        // An archive cannot be told from the destination before that is known.
        let finding = format!(
            "The destination is not known: {why}. Neither it nor archives are looked at until it is."
        );
        let mut databases = state.sources.iter().filter(|(id, _)| id.kind == SourceKind::Database);
        if databases.any(|(_, source)| source.last_poll.is_none()) {
            return Finding::unknown(finding);
        }
        return Finding::failed(
            finding,
            "Let the exporter read the task's row (docs/sql-permissions.md), or write sites[].snapshot.path.",
        );
    }
    let places: Vec<_> = roots(state).collect();
    if places.is_empty() {
        return Finding::unknown("No destination is configured, or none has been seen.");
    }
    if let Some((_, place)) = places.iter().find(|(_, place)| !place.exists) {
        return Finding::failed(
            format!("{} does not exist.", place.path),
            "Create it, mount its disk, or correct sites[].snapshot and the task's destination.",
        );
    }
    if let Some(folder) = mistaken(state) {
        return Finding::failed(
            format!("{folder} is a folder that the task makes, not the destination that it is given."),
            "Write the folder that holds it into sites[].snapshot.",
        );
    }
    if let Some((_, place)) = places.iter().find(|(_, place)| !place.path.is_ascii()) {
        return Finding::failed(
            format!("{} has characters that are not ASCII, which the task does not support.", place.path),
            "Give the task a destination whose path has only ASCII characters.",
        );
    }
    // Where the server's disk is lost, so is all that lies on it.
    let on_server = places.iter().any(|(_, place)| place.with_server == Some(true));
    let elsewhere = assessment.copies.archives.iter().any(|archive| {
        let place = state.observed(state.snapshot.places.get(&archive.name));
        place.is_some_and(|place| place.with_server == Some(false)) && archive.valid().next().is_some()
    });
    let perhaps = assessment.copies.archives.iter().any(|archive| {
        let place = state.observed(state.snapshot.places.get(&archive.name));
        let is_elsewhere = place.and_then(|place| place.with_server).map(|with_server| !with_server);
        is_elsewhere != Some(false) && (archive.is_unknown() || is_elsewhere.is_none())
    });
    if on_server && !elsewhere && perhaps {
        return Finding::unknown(
            "The snapshot would be lost with the site server, and it is not known whether an archive has a valid copy.",
        );
    }
    if on_server && !elsewhere && assessment.copies.valid != Some(0) {
        return Finding::failed(
            "What the task writes lies on the volume of the site server's installation and is lost with the server, and no \
             archive elsewhere has a valid copy.",
            "Copy each snapshot to another machine (AfterBackup.bat does it) and configure sites[].snapshot.archives.",
        );
    }
    Finding::passed("The folders of the destination are there.")
}

/// A root that is named as the task names what it makes, and holds no such folder.
fn mistaken(state: &SiteState) -> Option<String> {
    let made = format!("{}Backup", state.settings.code);
    let config = state.settings.snapshot.as_ref()?;
    let named = |path: &&Path| path.file_name().is_some_and(|name| name.eq_ignore_ascii_case(&made));
    let absent = |root| {
        let survey = state.observed(state.snapshot.root(root));
        survey.is_some_and(|survey| !survey.present)
    };
    let site = Some(&*config.path).filter(named).filter(|_| absent(SnapshotRoot::Site));
    let database = config.database_path.as_deref().filter(named).filter(|_| absent(SnapshotRoot::Database));
    site.or(database).map(|path| path.display().to_string())
}

/// Whether the destination has room for the next snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Room {
    /// No snapshot has been measured.
    NeverMeasured,
    /// How much is free, or how large the present snapshot is, cannot be seen now.
    Unseen,
    /// It has, on every root that can be seen.
    Enough,
    /// It has not on this root: what is free and what the present snapshot gives are less than what is needed, in bytes.
    Short { path: String, free: u64, below: u64, needed: u64 },
}

/// The room for a snapshot as large as the last one and a tenth more.
pub(crate) fn room(state: &SiteState) -> Room {
    let Some(record) = state.snapshot.records.last() else { return Room::NeverMeasured };
    let mut room = Room::Unseen;
    for (root, place) in roots(state) {
        let seen = state.observed(state.snapshot.root(root)).filter(|survey| survey.unreadable == 0);
        let below = seen.map(|survey| survey.total.bytes);
        let (Some(free), Some(below), Some(last)) = (place.free, below, record.bytes.get(root.label()))
        else {
            continue;
        };
        let needed = last.saturating_add(last / 10);
        if free.saturating_add(below) < needed {
            return Room::Short { path: place.path.clone(), free, below, needed };
        }
        room = Room::Enough;
    }
    room
}

pub(super) fn destination_space(state: &SiteState, _: &Assessment) -> Finding {
    match room(state) {
        Room::NeverMeasured => {
            Finding::unknown("No successful snapshot has been seen that could be measured.")
        }
        Room::Unseen => Finding::unknown("The destination's free space is not known."),
        Room::Enough => Finding::passed("The destination has room for the next backup."),
        Room::Short { path, free, below, needed } => Finding::failed(
            format!(
                "{path} has {free} bytes free and {below} in the present snapshot; the next one needs {needed}."
            ),
            "Free space on the destination, or move it: the next backup deletes this snapshot and then runs out of room.",
        ),
    }
}

/// Why a folder of the destination has not been seen for so long that nothing is known of it any more.
fn unreadable(state: &SiteState) -> Option<&str> {
    let config = state.settings.snapshot.as_ref()?;
    config.folders(state.settings.code).into_iter().find_map(|(_, location)| {
        let source = state.sources.get(&SourceId { kind: SourceKind::Snapshot, location })?;
        let failure = source.failure.as_ref()?;
        (!source.observes() && source.failures_in_a_row >= FAILURES_THAT_DROP)
            .then_some(failure.message.as_str())
    })
}

fn roots(state: &SiteState) -> impl Iterator<Item = (SnapshotRoot, &Place)> {
    SnapshotRoot::ALL
        .iter()
        .filter_map(|root| Some((*root, state.observed(state.snapshot.places.get(root.label()))?)))
}
