//! What the state tells the sources: the one thing that flows back to them.

/// Advice for one poll.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guidance {
    /// Why the backup destination must be left alone now; `None` if it need not.
    pub quiet: Option<Quiet>,
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
