//! The one writer of ConfigMgr's formats, used by the demo, the tests and the benchmarks alike.
//!
//! Line shapes are ConfigMgr's own. Where no public source has the words of a line, they are ours in its style; the
//! ids, codes and phrases that decide anything are real.

mod entry;
mod evtx;
mod failure;
mod good_run;
mod hive;
mod log;
mod mdf;
mod script;
mod setting;
mod snapshot;
mod task;

pub use entry::{Entry, Status};
pub use evtx::{BinXmlStyle, CHUNK_SIZE, EventLogWriter, HEADER_SIZE, HeaderLanguage, WindowsEvent};
pub use hive::hive;
pub use log::{Layout, LogWriter};
pub use mdf::Database;
pub use script::RunScript;
pub use snapshot::{Flaw, SnapshotWriter};
pub use task::BackupTask;
