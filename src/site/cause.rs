//! Why a run failed: a closed set, each with one line of advice for the administrator.

use super::closed_set;

closed_set! {
    /// Why a backup run failed, as far as its evidence tells.
    pub enum FailureCause {
        /// The Volume Shadow Copy service refused or lost the snapshot.
        Vss => "vss",
        /// A VSS writer (SMS Writer, SQL Writer) failed or was not running.
        Writer => "writer",
        /// Win32 5 and its kin: an account lacks a right.
        AccessDenied => "access_denied",
        /// Win32 2, 3, 53, 67: a path or a share does not exist or cannot be reached.
        PathNotFound => "path_not_found",
        /// Win32 32 and 33: another process holds the file.
        SharingViolation => "sharing_violation",
        /// Win32 39 and 112: no space left.
        DiskFull => "disk_full",
        /// The old snapshot could not be deleted (Win32 145).
        CleanupFailed => "cleanup_failed",
        /// Files could not be copied to the destination.
        CopyFailed => "copy_failed",
        /// The database part failed.
        Sql => "sql",
        /// A registry key could not be read or saved.
        Registry => "registry",
        /// `Smsbkup.ctl` is missing or has an error.
        ControlFile => "control_file",
        /// The service ended by itself or by somebody's hand, without success and without error.
        ServiceStopped => "service_stopped",
        /// The run never ended: crash, reboot or failover.
        Interrupted => "interrupted",
        /// The run takes far longer than such runs took before.
        Stalled => "stalled",
        /// An error of which nothing more is known.
        Unknown => "unknown",
    }
}

impl FailureCause {
    /// The cause behind a Win32 error code or an HRESULT; `None` for a code that says nothing here.
    ///
    /// Win32 codes inside an HRESULT (0x8007....) count as themselves; 0x800423.. is the VSS facility, whose
    /// 0x800423F0 to 0x800423F4 are the writers' own errors.
    pub fn from_code(code: u32) -> Option<Self> {
        match code {
            0x8007_0000..=0x8007_FFFF => Self::from_code(code & 0xFFFF),
            0x8004_23F0..=0x8004_23F4 => Some(Self::Writer),
            0x8004_2300..=0x8004_23FF => Some(Self::Vss),
            5 | 1314 | 1326 => Some(Self::AccessDenied),
            2 | 3 | 51 | 53 | 64 | 67 | 1231 => Some(Self::PathNotFound),
            32 | 33 => Some(Self::SharingViolation),
            39 | 112 => Some(Self::DiskFull),
            145 => Some(Self::CleanupFailed),
            _ => None,
        }
    }

    /// What an administrator should do first, in one sentence.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Vss => {
                "Run `vssadmin list writers` and `vssadmin list shadows`; look for another VSS-aware backup at the \
                 same time and for free shadow storage."
            }
            Self::Writer => {
                "Check that SMS_SITE_VSS_WRITER and SQLWriter run and that `vssadmin list writers` shows SMS Writer \
                 and SqlServerWriter as stable."
            }
            Self::AccessDenied => {
                "Give the computer accounts of the site server and of the SQL Server write access to the \
                 destination, share and NTFS."
            }
            Self::PathNotFound => {
                "Check that the destination in the task's settings exists and can be reached from the site server \
                 and the SQL Server."
            }
            Self::SharingViolation => {
                "Find what holds files open in the destination (antivirus, another backup, a copy job) and exclude \
                 the folder there."
            }
            Self::DiskFull => {
                "Free space on the destination volume or move the destination; then start a backup."
            }
            Self::CleanupFailed => {
                "Something holds the old snapshot open, often another VSS-aware backup: end it, rename what is left \
                 of the old snapshot, and start a backup; delete the rest only once the new one is valid."
            }
            Self::CopyFailed => {
                "Look at the lines before the error in Smsbkup.log for the file that could not be copied, and check \
                 that its source exists and can be read."
            }
            Self::Sql => "Check the SQL Server error log and smssqlbkup.log on the site database server.",
            Self::Registry => {
                "Check that SMS_SITE_BACKUP can read HKLM\\SOFTWARE\\Microsoft\\SMS and that Remote Registry runs on \
                 remote roles."
            }
            Self::ControlFile => {
                "Restore inboxes\\smsbkup.box\\smsbkup.ctl from a good copy, then restart SMS_SITE_VSS_WRITER."
            }
            Self::ServiceStopped => "Find out who or what stopped SMS_SITE_BACKUP, then start a backup.",
            Self::Interrupted => {
                "The run never ended (crash, reboot or failover): check the system event log, then start a backup."
            }
            Self::Stalled => {
                "The run makes no visible progress: check the free space, the network to the destination and the \
                 services before stopping SMS_SITE_BACKUP."
            }
            Self::Unknown => "Read Smsbkup.log around the time of the first error.",
        }
    }
}
