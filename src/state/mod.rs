//! The site state: what the witnesses said, the runs this tells of, and durable totals.
//!
//! Plain data and pure functions; only `task` knows tokio and only `checkpoint` knows files.

mod belonging;
mod change;
pub mod checkpoint;
mod contradictions;
mod cursors;
mod database;
mod destination;
mod draft;
mod event;
mod finality;
mod knowledge;
mod node;
mod pairing;
mod requests;
mod runs;
mod schedule;
mod site;
mod snapshot;
mod source_state;
mod sql_server;
mod stopped;
mod task;
#[cfg(test)]
mod tests;
mod timeline;
mod totals;

pub use belonging::Belonging;
pub use change::{Change, Observation};
pub use database::{DatabaseState, ServerSeen, SiteUpdate};
pub use event::Event;
pub use requests::{Settled, StateRequests};
pub use runs::{RunDeriver, derive_runs};
pub use schedule::KnownSchedule;
pub use site::{Coverage, KEPT_RUNS, SiteState};
pub use snapshot::{SnapshotState, Unchanged, Verified, expected_name, usual_name};
pub use source_state::{FAILURES_THAT_DROP, SourceState};
pub use task::{INBOX, Published, StateTask};
pub use timeline::{Horizon, Timeline};
pub use totals::{Past, Tally, Totals};
