//! Backups and what lies around them as sources: folders on this machine and on others.
//!
//! Each is a source of its own with its own path, so that one dead share silences no other. A poll works for about a
//! second at a time, and nothing is open between two polls.

mod archives;
mod folder;
mod known;
mod package_source;
mod reader;
mod root;
mod supplemental;
mod task_files;
pub mod verification;

use std::path::Path;
use std::time::Duration;

pub(super) use archives::ArchiveSource;
pub(super) use package_source::PackageSource;
pub(super) use root::RootSource;
pub(super) use supplemental::SupplementalSource;
pub(super) use task_files::TaskFilesSource;

use self::reader::Reader;
use super::PollFailure;
use crate::platform::IoFailure;
use crate::platform::volume::{free_bytes, same_volume};
use crate::snapshot::Place;

/// So long a poll works before it asks again whether it may go on.
const SLICE: Duration = Duration::from_secs(1);

/// The disk on which `path` lies, which is lost together with `installation` if that is on it too.
fn place(path: &Path, installation: Option<&Path>, reader: &Reader) -> Result<Place, PollFailure> {
    let exists = match std::fs::metadata(path) {
        Ok(metadata) => metadata.is_dir(),
        Err(error) if IoFailure::has_vanished(&error) => false,
        Err(error) => return Err(reader.failure("open", path, &error)),
    };
    Ok(Place {
        path: path.display().to_string(),
        exists,
        free: exists.then(|| free_bytes(path).ok()).flatten(),
        with_server: installation.filter(|_| exists).and_then(|other| same_volume(path, other)),
    })
}

#[cfg(test)]
mod tests;
