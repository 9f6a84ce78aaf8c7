//! Whether a failed backup is tried again, and trying it: a pure policy, a ledger on disk, and the procedure.
//!
//! Every start of SMS_SITE_BACKUP deletes what is left of the old backup and stops the site's services for a while, so
//! each doubt holds. Nothing is done that was not written into the ledger before.

mod audit;
mod books;
#[cfg(test)]
mod exploration;
mod heard;
mod inputs;
mod ledger;
mod ledger_file;
mod policy;
mod restart;
mod situation;
mod stand;
mod task;
#[cfg(test)]
mod tests;

pub use inputs::{
    Armed, DueSeen, Evidence, Inputs, LastCopy, Maintenance, NodeSeen, Prerequisite, Progress, Remedy,
    ServiceSeen, Space, StartSeen, TaskSeen, Watched,
};
pub use ledger::{KEPT_ATTEMPTS, Ledger};
pub use ledger_file::{LedgerError, LedgerFile};
pub use policy::{ROWS, Row, Ruling, Unseen, decide};
pub use stand::stand;
pub use task::{Connections, Remediation, standing};
