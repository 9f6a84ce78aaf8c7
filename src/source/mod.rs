//! Sources notice facts: one thin poller for each place in which ConfigMgr leaves traces of its backup.

pub mod backup_log;
pub mod event_log;
pub mod follow;
mod guidance;
mod report;
mod services;
pub mod site_database;
mod site_sources;
pub mod snapshot;
mod supervisor;

pub use guidance::{Guidance, Quiet, VerifyOrder};
pub use report::{
    Cursor, DatabaseFact, EventTotals, Fact, FailureKind, LineTotals, Poll, PollFailure, PollReport, Reach,
    Record, RecordBody, Report, RestartReport, SourceId, SourceKind, Unread, WatchReport, Watched,
};
pub use services::ServicesSource;
pub use site_sources::{Surroundings, database_of, sources_of};
pub use supervisor::{Blocking, BlockingSource, Source, Supervision, UnderWay, supervise};
