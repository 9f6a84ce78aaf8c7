//! Where the simulated task works: the paths and habits that its lines name.

use crate::site::SiteCode;

/// The surroundings of a backup task.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) site: SiteCode,
    pub(super) destination: String,
    pub(super) install: String,
    /// Whether AfterBackup.bat exists.
    pub(super) after_backup: bool,
    /// How many lines tell of copied files.
    pub(super) copied: u32,
}

impl Setting {
    pub(super) fn new(site: SiteCode) -> Self {
        Self {
            site,
            destination: r"E:\SCCMBackup".to_owned(),
            install: r"C:\Program Files\Microsoft Configuration Manager".to_owned(),
            after_backup: true,
            copied: 12,
        }
    }

    /// The folder that holds the snapshot.
    pub(super) fn folder(&self) -> String {
        format!(r"{}\{}Backup", self.destination, self.site)
    }

    /// The folder of the task's own files below the installation.
    pub(super) fn inbox(&self) -> String {
        format!(r"{}\inboxes\smsbkup.box", self.install)
    }
}
