//! What lies where in a backup: the parts of `<SiteCode>Backup`, told by path alone.
//!
//! Paths are relative to that folder, with `/` between their parts. Names are compared without regard to case,
//! because Windows does.

use crate::site::closed_set;

closed_set! {
    /// The parts of a snapshot that are told apart.
    pub enum SnapshotComponent {
        /// `SiteServer`: the installation as it was.
        SiteServer => "site_server",
        /// `SiteDBServer`: the database's files.
        Database => "database",
        /// `CD.Latest`: the media from which the site is set up again.
        CdLatest => "cd_latest",
        /// The dumps of the site server's registry, wherever they lie below `SiteServer`.
        Registry => "registry",
        /// The destination's own `smsbkup.log`.
        Log => "log",
        /// `SQLBackupDocument.xml`, what the VSS writer of SQL Server said.
        BackupDocument => "backup_document",
    }
}

/// The part that a file belongs to; `None` for what somebody else put there.
///
/// A registry dump belongs to `SiteServer` as well and counts for both.
pub(super) fn component_of(path: &str) -> Option<SnapshotComponent> {
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    let is = |name: &str| first.eq_ignore_ascii_case(name);
    if rest.is_empty() {
        return is(OWN_LOG).then_some(SnapshotComponent::Log);
    }
    if is("SiteServer") {
        Some(SnapshotComponent::SiteServer)
    } else if is(DATABASE_FOLDER) {
        let document = rest.eq_ignore_ascii_case("SQLBackupDocument.xml");
        Some(if document { SnapshotComponent::BackupDocument } else { SnapshotComponent::Database })
    } else {
        is("CD.Latest").then_some(SnapshotComponent::CdLatest)
    }
}

/// The destination's own log.
pub const OWN_LOG: &str = "smsbkup.log";

/// The folder of the database's files.
pub const DATABASE_FOLDER: &str = "SiteDBServer";

/// Whether a file is a dump of the site server's registry.
pub fn is_registry_dump(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    ["SMSbkSiteRegSMS.dat", "SMSbkSiteRegNAL.dat"].iter().any(|dump| name.eq_ignore_ascii_case(dump))
}

/// What a database file is, told by its ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataFileKind {
    /// `.mdf`: file 1, with the boot page.
    Primary,
    /// `.ndf`: further data files.
    Secondary,
    /// `.ldf`: the transaction log, of which only the first page is one.
    Log,
}

impl DataFileKind {
    /// The kind of a file of the database, if its ending says that it is one.
    pub fn of(path: &str) -> Option<Self> {
        let (_, ending) = path.rsplit_once('.')?;
        match ending.to_ascii_lowercase().as_str() {
            "mdf" => Some(Self::Primary),
            "ndf" => Some(Self::Secondary),
            "ldf" => Some(Self::Log),
            _ => None,
        }
    }

    /// Whether it consists of pages from beginning to end.
    pub fn has_pages(self) -> bool {
        !matches!(self, Self::Log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_told_by_its_path() {
        for (path, component) in [
            ("SiteServer/SMSServer/inboxes/a.box/b", Some(SnapshotComponent::SiteServer)),
            ("siteserver/SMSServer/BackupTemp/SMSbkSiteRegSMS.dat", Some(SnapshotComponent::SiteServer)),
            ("SiteDBServer/CM_P01.mdf", Some(SnapshotComponent::Database)),
            ("SiteDBServer/SMS_P01_log.LDF", Some(SnapshotComponent::Database)),
            ("SITEDBSERVER/sqlbackupdocument.XML", Some(SnapshotComponent::BackupDocument)),
            ("CD.Latest/SMSSETUP/BIN/X64/setup.exe", Some(SnapshotComponent::CdLatest)),
            ("SMSBKUP.LOG", Some(SnapshotComponent::Log)),
            ("SiteServer", None),
            ("note.txt", None),
            ("ProviderServer/x", None),
            ("", None),
        ] {
            assert_eq!(component_of(path), component, "{path}");
        }
    }

    #[test]
    fn registry_dumps_and_database_files_are_told_by_their_names() {
        assert!(is_registry_dump("SiteServer/SMSServer/BackupTemp/smsbksiteregnal.DAT"));
        assert!(!is_registry_dump("SiteServer/other.dat"));
        assert_eq!(DataFileKind::of("a/CM_P01.MDF"), Some(DataFileKind::Primary));
        assert_eq!(DataFileKind::of("a/CM_P01_2.ndf"), Some(DataFileKind::Secondary));
        assert_eq!(DataFileKind::of("a/CM_P01_log.ldf"), Some(DataFileKind::Log));
        assert_eq!(DataFileKind::of("mdf"), None);
    }
}
