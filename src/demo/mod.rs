//! The simulated site: a site server's files as ConfigMgr writes them, for the demo, the tests and the benchmarks.
//!
//! What is due when is pure data ([`history`], [`live`]); [`writer`] turns it into bytes. Nothing here reads a clock
//! or starts a thread, and nothing of the exporter depends on it.

pub mod history;
pub mod live;
pub mod writer;
