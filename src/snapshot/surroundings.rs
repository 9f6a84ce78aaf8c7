//! What lies around a snapshot: the disk it is on, the files that steer the task, copies of what the task leaves out.

use crate::site::Timestamp;

/// A folder that holds snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its path, as configured.
    pub path: String,
    /// Whether it is there.
    pub exists: bool,
    /// Bytes that this account may still write; `None` if the system does not tell.
    pub free: Option<u64>,
    /// Whether it is on the volume of the site server's installation, and so lost with it; `None` if that is not known.
    pub with_server: Option<bool>,
}

/// The files of the task's inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFiles {
    /// `smsbkup.ctl`; `None` if it is not there.
    pub control_file: Option<ControlFile>,
    /// Where AfterBackup.bat is.
    pub after_backup: AfterBackupScript,
}

/// `smsbkup.ctl`, which lists what is backed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlFile {
    /// When it was last written.
    pub modified: Timestamp,
    /// BLAKE3 of its contents.
    pub hash: [u8; 32],
}

/// Where AfterBackup.bat is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterBackupScript {
    /// In `inboxes\smsbkup.box`, written or put there at this time: every success after it starts it (5040).
    Runs(Option<Timestamp>),
    /// In `inboxes\smsbkup`, the folder of the older documentation: nothing ever starts it.
    NeverRuns,
    /// Nowhere.
    Absent,
}

/// A copy of something that the task does not back up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupplementalCopy {
    /// Up to when it is known to hold everything; `None` if nothing is there.
    pub current_to: Option<Timestamp>,
    /// Which file says so, in a few words.
    pub because: String,
    /// What could not be read, and why; then nothing is known.
    pub unreadable: Option<String>,
}

impl SupplementalCopy {
    /// Nothing is there, as this says.
    pub(crate) fn absent(because: String) -> Self {
        Self { current_to: None, because, unreadable: None }
    }

    /// Nothing is known, for this reason.
    pub(crate) fn unknown(why: String) -> Self {
        Self { current_to: None, because: String::new(), unreadable: Some(why) }
    }
}
