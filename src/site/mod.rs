//! The vocabulary: ConfigMgr's own terms as types, used by every stage.
//!
//! Owns names and closed sets, and no behaviour beyond them; reads no file and knows no clock but the one it defines.

mod cause;
mod closed_set;
mod code;
mod database;
mod message;
mod protection;
mod restart;
mod role;
mod run;
mod run_json;
mod service;
mod timings;
mod witness;

pub use cause::FailureCause;
pub use closed_set::ClosedSet;
pub(crate) use closed_set::closed_set;
pub use code::{InvalidSiteCode, SiteCode};
pub use database::{
    BackupMethod, BackupSet, ChangeTracking, DatabaseServer, MAINTENANCE_MODE, SiteAlert, SiteDefinition,
    SqlServerEvent, TaskDefinition, TaskStatus, TaskWindow,
};
pub use message::{Component, Hint, HintStrength, MessageId, Remark, Severity, StatusMessage};
pub use protection::Protection;
pub use restart::{
    Attempt, AttemptOutcome, Decision, Hold, HoldReason, RestartMode, RestartPlan, RestartStanding,
};
pub use role::SiteRole;
pub use run::{BackupOutcome, BackupPhase, BackupRun, RunEnd, RunError, RunMessage};
pub use run_json::RunJson;
pub use service::{
    Node, SQL_BACKUP_SERVICES, Service, ServiceState, ServicesSeen, SiteServer, SiteService, StartMode,
    same_machine,
};
pub use timings::Timings;
pub(crate) use timings::delta;
pub use witness::Witness;

/// A moment in UTC.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
