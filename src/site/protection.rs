//! By which of the two supported ways a site is backed up.

use super::closed_set;

closed_set! {
    /// What protects a site.
    pub enum Protection {
        /// The Backup Site Server task.
        Task => "task",
        /// SQL Server's own backups of the site database, with CD.Latest kept by other means.
        Native => "native",
        /// Both are needed: the task for the site's files, SQL Server's own backups for the database.
        Both => "both",
    }
}

impl Protection {
    /// Whether the task must run.
    pub fn needs_task(self) -> bool {
        self != Self::Native
    }

    /// Whether SQL Server's own backups must be made.
    pub fn needs_native(self) -> bool {
        self != Self::Task
    }
}
