//! The simulated site: a site server's files as ConfigMgr writes them, for the demo, the tests and the benchmarks.
//!
//! What is due when is data ([`history`], [`live`], [`acts`], [`event_log`]); [`writer`] turns it into bytes, [`database`]
//! and [`services`] into answers.
//! Nothing here starts a thread, only what answers asks the clock that it is given, and nothing of the exporter depends
//! on it.

pub mod acts;
pub mod database;
pub mod event_log;
pub mod history;
pub mod live;
pub mod services;
pub mod writer;
