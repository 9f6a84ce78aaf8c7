//! What a run writes when it fails: for every cause the lines that lead to its error message.
//!
//! Codes and phrases are those that failed backups are known by; the rest of a line is ours.

use super::setting::Setting;
use crate::site::FailureCause;

/// When a run fails of this cause, in thousandths of a whole run: in the phase in which it usually shows.
pub(super) fn fails_at(cause: FailureCause) -> u32 {
    use FailureCause as F;
    match cause {
        F::ControlFile => 8,
        F::CleanupFailed => 25,
        F::Vss | F::Writer => 60,
        F::AccessDenied | F::PathNotFound => 110,
        F::Registry => 930,
        F::DiskFull => 700,
        F::SharingViolation | F::CopyFailed | F::Sql => 400,
        F::ServiceStopped | F::Interrupted | F::Stalled | F::Unknown => 500,
    }
}

/// `ISTR0` of the error message.
pub(super) fn insertion_string(cause: FailureCause) -> &'static str {
    use FailureCause as F;
    match cause {
        F::AccessDenied | F::PathNotFound | F::SharingViolation | F::DiskFull | F::CopyFailed => {
            "Failed to copy file(s)"
        }
        _ => "",
    }
}

/// The lines between the last good one and the error message; none where nothing is known of the cause.
pub(super) fn lines(setting: &Setting, cause: FailureCause) -> Vec<String> {
    use FailureCause as F;
    let folder = setting.folder();
    let copy = |win32: u32| {
        let (from, to) =
            (shadow(setting, r"inboxes\auth\dataldr.box\H7W3K1.MIF"), format!(r"{folder}\SiteServer"));
        vec![
            format!("ERROR: CopyFileW failed for {from} to {to}, Win32 Error = {win32}"),
            format!("Error: Failed to backup {from} to {to}"),
        ]
    };
    match cause {
        F::Vss => vec![
            "Error: DoSnapshotSet failed. Error = 0x80042306 (VSS_E_PROVIDER_VETO)".to_owned(),
            "Error: Failed to create the snapshot set.".to_owned(),
        ],
        F::Writer => vec![
            "Info: SqlServerWriter status = FAILED_AT_FREEZE.".to_owned(),
            "Error: SqlServerWriter failed. Error = 0x800423F4 (VSS_E_WRITERERROR_NONRETRYABLE)".to_owned(),
        ],
        F::AccessDenied => copy(5),
        F::PathNotFound => copy(if setting.destination.starts_with(r"\\") { 53 } else { 3 }),
        F::SharingViolation => copy(32),
        F::DiskFull => copy(112),
        F::CleanupFailed => vec![
            format!(
                r"Deleting {folder}\SiteServer\SMSServer\inboxes\auth\statesys.box\incoming, FAILED, Win32 Error = 145"
            ),
            "Failed to delete the contents of the backup folder. Error Code = 0x0".to_owned(),
            "Error: Deleting the existing files in the backup location failed...".to_owned(),
        ],
        F::CopyFailed => {
            vec![format!(r"Error: Failed to backup {} to {folder}\CD.Latest", shadow(setting, "cd.latest"))]
        }
        F::Sql => vec![
            format!(
                r"Error: SQL Backup task failed for the files of CM_{} to {folder}\SiteDBServer",
                setting.site
            ),
            "Error: The site database was not backed up.".to_owned(),
        ],
        F::Registry => vec![format!(
            r"Error: Failed to save the registry key HKLM\SOFTWARE\Microsoft\SMS to {folder}\SiteServer\SMSbkSiteRegSMS.dat"
        )],
        F::ControlFile => vec![format!(r"Error: Syntax error in line 41 of {}\smsbkup.ctl", setting.inbox())],
        F::ServiceStopped | F::Interrupted | F::Stalled | F::Unknown => Vec::new(),
    }
}

/// A path below the installation, in the volume snapshot.
fn shadow(setting: &Setting, path: &str) -> String {
    let install = setting.install.get(2..).unwrap_or_default();
    format!(r"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy288{install}\{path}")
}
