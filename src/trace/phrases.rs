//! What free text means: one table of phrases, to which the configuration can add.
//!
//! Status messages decide; phrases give a failure its cause, name the service's stop, and stand in only where
//! status messages are missing. The table is case-sensitive with both cases spelled out, because that is what keeps
//! the search over a whole log at memory speed.

use regex::{Regex, bytes};

use crate::site::{FailureCause, Hint, HintStrength, Remark};

enum Sense {
    Plain(Remark),
    /// The first group is a Win32 code (decimal) or an HRESULT (hexadecimal).
    Code,
    Cause(FailureCause),
}
use Sense::{Cause, Code, Plain};

/// The first row that matches decides, so codes stand before phrases.
const TABLE: &[(&str, Sense)] = &[
    (r"SMS site backup service is stopping", Plain(Remark::Stopping)),
    // SMS 2.0 put the time into the message itself.
    (r"^(?:[\d/]+ [\d:]+ - )?[Bb]ackup completed", Plain(Remark::Completed)),
    (r"[Bb]ackup task completed successfully with zero errors", Plain(Remark::Completed)),
    (r"cleaning and preparing the backup location", Plain(Remark::Preparing)),
    (r"[Ww][Ii][Nn]32 [Ee]rror(?: [Cc]ode)?\s*[=:]?\s*(0x[0-9A-Fa-f]{1,8}|[0-9]{1,10})", Code),
    (r"[Ee]rror [Cc]ode\s*[=:]\s*(0x[0-9A-Fa-f]{1,8}|[0-9]{1,10})", Code),
    (r"(0x8004[0-9A-Fa-f]{4}|0x8007[0-9A-Fa-f]{4})", Code),
    (r"Deleting the existing files in the backup location failed", Cause(FailureCause::CleanupFailed)),
    (r"Failed to delete the contents of the backup folder", Cause(FailureCause::CleanupFailed)),
    (r"Deleting .*FAILED", Cause(FailureCause::CleanupFailed)),
    (r"VSS_E_WRITER", Cause(FailureCause::Writer)),
    (r"[Ww]riter service is not running", Cause(FailureCause::Writer)),
    (r"[Ww]riter status = FAILED", Cause(FailureCause::Writer)),
    (r"GatherWriterMetadata failed", Cause(FailureCause::Vss)),
    (r"DoSnapshotSet failed", Cause(FailureCause::Vss)),
    (r"VSS_E_", Cause(FailureCause::Vss)),
    (r"Failed to copy file", Cause(FailureCause::CopyFailed)),
    (r"CopyFileW failed", Cause(FailureCause::CopyFailed)),
    (r"SQL Backup task failed", Cause(FailureCause::Sql)),
    (r"could not read from the registry", Cause(FailureCause::Registry)),
    (r"Failed to (?:save|read) the registry", Cause(FailureCause::Registry)),
    (r"Error.*[Ss]msbkup\.ctl", Cause(FailureCause::ControlFile)),
    (r"Error: Failed to backup", Cause(FailureCause::CopyFailed)),
    (r"SMS site backup failed", Plain(Remark::Failed)),
];

/// The patterns that the configuration adds; they are tried before the table.
#[derive(Debug, Clone, Default)]
pub struct UserPatterns {
    /// Lines that say that the backup completed.
    pub success: Vec<Regex>,
    /// Lines that tell why it failed.
    pub failure: Vec<(Regex, FailureCause)>,
}

/// The compiled table.
#[derive(Debug)]
pub struct Phrases {
    rows: Vec<Regex>,
    interest: bytes::Regex,
    user: UserPatterns,
}

/// The built-in table has a pattern that does not compile, which its test excludes.
#[derive(Debug, thiserror::Error)]
#[error("cannot compile the table of phrases")]
pub struct PhraseError(#[from] regex::Error);

impl Phrases {
    /// Compiles the built-in table and adds the user's patterns.
    pub fn new(user: UserPatterns) -> Result<Self, PhraseError> {
        let rows = TABLE.iter().map(|(pattern, _)| Regex::new(pattern)).collect::<Result<_, _>>()?;
        // Over whole blocks an anchor would find nothing and the tail of a pattern only costs time.
        let literals = TABLE.iter().map(|(pattern, _)| {
            pattern
                .trim_start_matches(r"^(?:[\d/]+ [\d:]+ - )?")
                .replace(r"Error.*[Ss]msbkup\.ctl", "[Ss]msbkup.ctl")
        });
        let interest =
            std::iter::once("STATMSG: ID=".to_owned()).chain(literals).collect::<Vec<_>>().join("|");
        Ok(Self { rows, interest: bytes::Regex::new(&interest)?, user })
    }

    /// Whether every line of the component must be looked at, because the user's patterns could match anywhere.
    pub(super) fn needs_every_line(&self) -> bool {
        !(self.user.success.is_empty() && self.user.failure.is_empty())
    }

    /// The end of the first match in a block of lines that might mean something, from `start` on.
    pub(super) fn next_interesting(&self, block: &[u8], start: usize) -> Option<usize> {
        self.interest.find_at(block, start).map(|found| found.start())
    }

    /// What a message of the backup component says, if anything.
    pub fn remark(&self, message: &str) -> Option<Remark> {
        let phrase = |cause| Remark::Reason(Hint { cause, strength: HintStrength::Phrase });
        if let Some((_, cause)) = self.user.failure.iter().find(|(pattern, _)| pattern.is_match(message)) {
            return Some(phrase(*cause));
        }
        if self.user.success.iter().any(|pattern| pattern.is_match(message)) {
            return Some(Remark::Completed);
        }
        self.rows.iter().zip(TABLE).find_map(|(row, (_, sense))| match sense {
            Plain(remark) => row.is_match(message).then_some(*remark),
            Cause(cause) => row.is_match(message).then_some(phrase(*cause)),
            Code => row.captures_iter(message).find_map(|found| {
                let cause = FailureCause::from_code(code(found.get(1)?.as_str())?)?;
                Some(Remark::Reason(Hint { cause, strength: HintStrength::Code }))
            }),
        })
    }

    /// The reason that a text carries, if any.
    pub fn hint(&self, text: &str) -> Option<Hint> {
        match self.remark(text)? {
            Remark::Reason(hint) => Some(hint),
            _ => None,
        }
    }
}

fn code(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FailureCause as F;

    fn remark(message: &str) -> Option<Remark> {
        Phrases::new(UserPatterns::default()).unwrap().remark(message)
    }

    fn because(cause: FailureCause, strength: HintStrength) -> Option<Remark> {
        Some(Remark::Reason(Hint { cause, strength }))
    }

    #[test]
    fn the_known_lines_mean_what_the_facts_say() {
        let phrase = |cause| because(cause, HintStrength::Phrase);
        let coded = |cause| because(cause, HintStrength::Code);
        for (message, expected) in [
            ("SMS site backup service is stopping.", Some(Remark::Stopping)),
            ("Backup completed", Some(Remark::Completed)),
            ("08/23/01 01:53:55 - backup completed.", Some(Remark::Completed)),
            (
                "Backup task completed successfully with zero errors but there could be warnings",
                Some(Remark::Completed),
            ),
            ("SQL database backup completed", None),
            ("SQL Backup task completed successfully", None),
            ("Deleting E:\\SMSbackup\\SiteServer, FAILED, Win32 Error = 145", coded(F::CleanupFailed)),
            ("Deleting E:\\SMSbackup\\SiteServer, FAILED, Win32 Error = 5", coded(F::AccessDenied)),
            ("Deleting E:\\SMSbackup\\SiteServer, FAILED, Win32 Error = 9999", phrase(F::CleanupFailed)),
            (
                "Failed to delete the contents of the backup folder. Error Code = 0x0",
                phrase(F::CleanupFailed),
            ),
            ("Error: Deleting the existing files in the backup location failed...", phrase(F::CleanupFailed)),
            ("CopyFileW failed for E:\\x Win32 Error = 112", coded(F::DiskFull)),
            ("CopyFileW failed for E:\\x Win32 Error = 32", coded(F::SharingViolation)),
            ("CopyFileW failed for \\\\nas\\x Win32 Error = 53", coded(F::PathNotFound)),
            ("ERROR: CopyFileW failed for E:\\x", phrase(F::CopyFailed)),
            (
                "Error: Failed to backup \\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy2",
                phrase(F::CopyFailed),
            ),
            ("Error: GatherWriterMetadata failed. Error = 0x80042306", coded(F::Vss)),
            ("Error: GatherWriterMetadata failed.", phrase(F::Vss)),
            ("Error: SQL Writer service is not running", phrase(F::Writer)),
            ("SqlServerWriter failed: 0x800423F4", coded(F::Writer)),
            ("BackupComplete returned 0x80070005", coded(F::AccessDenied)),
            ("could not read from the registry on CM01; error = 5:", phrase(F::Registry)),
            ("Error: cannot read ...\\inboxes\\smsbkup.box\\smsbkup.ctl", phrase(F::ControlFile)),
            ("Error: SQL Backup task failed", phrase(F::Sql)),
            ("SMS site backup failed. Please see previous errors.", Some(Remark::Failed)),
            ("Starts cleaning and preparing the backup location.", Some(Remark::Preparing)),
            ("Info: Number of volumes added to Snapshot set = 2", None),
        ] {
            assert_eq!(remark(message), expected, "{message}");
        }
    }

    #[test]
    fn whatever_means_something_is_found_in_a_block() {
        let phrases = Phrases::new(UserPatterns::default()).unwrap();
        for message in
            ["08/23/01 01:53:55 - backup completed.", "Error reading E:\\Smsbkup.ctl", "win32 error 5"]
        {
            assert!(phrases.remark(message).is_some(), "{message}");
            let block = format!("some line\n{message}\nsome line\n");
            assert!(phrases.next_interesting(block.as_bytes(), 0).is_some(), "{message}");
        }
        assert_eq!(phrases.next_interesting(b"nothing at all\n", 0), None);
    }

    #[test]
    fn the_users_patterns_come_first() {
        let pattern = |text| Regex::new(text).unwrap();
        let user = UserPatterns {
            success: vec![pattern("^Sicherung fertig")],
            failure: vec![(pattern("Win32 Error = 145"), F::SharingViolation)],
        };
        let phrases = Phrases::new(user).unwrap();
        assert_eq!(phrases.remark("Sicherung fertig."), Some(Remark::Completed));
        assert_eq!(phrases.remark("x Win32 Error = 145"), because(F::SharingViolation, HintStrength::Phrase));
        assert_eq!(phrases.remark("x Win32 Error = 5"), because(F::AccessDenied, HintStrength::Code));
    }
}
