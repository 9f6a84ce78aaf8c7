//! What the state tells the sources: the one thing that flows back to them.

use crate::site::Timestamp;

/// Advice for one poll.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guidance {
    /// Why the backup destination must be left alone now; `None` if it need not.
    pub quiet: Option<Quiet>,
    /// What is to be verified now.
    pub verify: Vec<VerifyOrder>,
}

/// A folder whose files are to be read and judged.
///
/// An order stays the same until it is carried out: the next one differs in `after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyOrder {
    /// The source that is to do it.
    pub location: String,
    /// The whole path of the folder.
    pub folder: String,
    /// The run whose files these are, by its start.
    pub run: Timestamp,
    /// When the last pass over the same files was finished; `None` for the first.
    pub after: Option<Timestamp>,
}

/// Why sources keep their hands off the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    /// A backup runs: an open handle could make it fail.
    RunInProgress,
    /// A backup is due soon or has not come yet.
    RunDue,
    /// AfterBackup.bat may be moving the snapshot.
    AfterBackup,
    /// The state knows too little to be sure.
    Unknown,
}
