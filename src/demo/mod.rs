//! The simulated site: a site server's files as ConfigMgr writes them, for the demo, the tests and the benchmarks.
//!
//! What is due when is pure data ([`history`], [`live`], [`event_log`]); [`writer`] turns it into bytes, [`database`] into
//! answers.
//! Nothing here starts a thread, only [`database`] asks the clock that it is given, and nothing of the exporter depends
//! on it.

pub mod database;
pub mod event_log;
pub mod history;
pub mod live;
pub mod writer;
