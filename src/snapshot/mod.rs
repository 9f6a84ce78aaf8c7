//! A backup on disk: its layout, a walk over it, whether it is complete, whole and unchanged.
//!
//! Used by the sources and by `verify`. It reads below a snapshot and never writes there, holds no file or folder open
//! from one call to the next, and knows nothing of runs: whose files these are is for the assessment to say.

mod archive;
mod completeness;
mod component;
mod database;
mod finding;
mod headers;
pub mod hive;
mod manifest;
mod own_log;
mod pass;
mod pattern;
mod record;
#[cfg(test)]
pub(crate) mod samples;
mod surroundings;
mod survey;
mod verification;
pub mod walk;

pub use archive::{ArchiveContent, ArchiveCopy, DISCOVERED, OwnRun, is_packed};
pub use completeness::{Completeness, DatabasePart, completeness};
pub use component::{DATABASE_FOLDER, DataFileKind, OWN_LOG, SnapshotComponent, is_registry_dump};
pub use database::{ExpectedName, judge_database, judge_file};
pub use finding::{Finding, FindingSeverity};
pub use headers::read_headers;
pub use manifest::{ManifestError, ManifestPlace, Mark};
pub use own_log::own_run;
pub use pass::{BLOCK, Begun, Budget, Lost, Pass, Position, SliceEnd};
pub use pattern::{Found, PathPattern, Search, SearchError};
pub use record::{KEPT_RECORDS, RecordedFile, SnapshotRecord};
pub use surroundings::{AfterBackupScript, ControlFile, Place, SupplementalCopy, TaskFiles};
pub use survey::{DataFile, Extent, Fingerprint, Headers, Survey, Surveyor};
pub use verification::{MAX_FINDINGS, Verification};
