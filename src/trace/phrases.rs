//! What free text means: one table of phrases, to which the configuration can add.
//!
//! Status messages decide; phrases give a failure its cause, name the service's stop, and stand in only where
//! status messages are missing. The table is case-sensitive with both cases spelled out, because that is what keeps
//! the search over a whole log at memory speed.

use std::collections::BTreeSet;

use aho_corasick::packed;
use memchr::memmem::Finder;
use regex::{Regex, bytes};

use crate::site::{FailureCause, Hint, HintStrength, Remark};

enum Sense {
    Plain(Remark),
    /// The first group of [`CODE`] is a Win32 code (decimal) or an HRESULT (hexadecimal).
    Code,
    Cause(FailureCause),
}
use Sense::{Cause, Code, Plain};

/// A code where people write one; a number elsewhere in a line says nothing.
const CODE: &str = r"(?:[Ww][Ii][Nn]32 [Ee]rror(?: [Cc]ode)?\s*[=:]?\s*|[Ee]rror [Cc]ode\s*[=:]\s*)(0x[0-9A-Fa-f]{1,8}|[0-9]{1,10})|(0x800[47][0-9A-Fa-f]{4})";
/// SMS 2.0 put the time into the message itself.
const COMPLETED: &str = r"^(?:[\d/]+ [\d:]+ - )?[Bb]ackup completed";

/// What a line holds, and what that means; the first row that matches decides, so codes stand before phrases.
///
/// Before each phrase stands the part of it that is searched for in every line of a log: one that begins with what is
/// rare there.
const TABLE: &[(&str, &str, Sense)] = &[
    ("is stopping", "SMS site backup service is stopping", Plain(Remark::Stopping)),
    ("up completed", "ackup completed", Plain(Remark::Completed)),
    ("zero errors", "ackup task completed successfully with zero errors", Plain(Remark::Completed)),
    ("preparing the", "preparing the backup location", Plain(Remark::Preparing)),
    ("32 Error", "in32 Error", Code),
    ("32 error", "in32 error", Code),
    ("32 ERROR", "IN32 ERROR", Code),
    ("r Code", "rror Code", Code),
    ("r code", "rror code", Code),
    ("0x8004", "0x8004", Code),
    ("0x8007", "0x8007", Code),
    (
        "location failed",
        "Deleting the existing files in the backup location failed",
        Cause(FailureCause::CleanupFailed),
    ),
    (
        "Failed to delete",
        "Failed to delete the contents of the backup folder",
        Cause(FailureCause::CleanupFailed),
    ),
    (", FAILED", ", FAILED", Cause(FailureCause::CleanupFailed)),
    ("VSS_E_", "VSS_E_WRITER", Cause(FailureCause::Writer)),
    ("is not running", "riter service is not running", Cause(FailureCause::Writer)),
    ("= FAILED", "riter status = FAILED", Cause(FailureCause::Writer)),
    ("data failed", "GatherWriterMetadata failed", Cause(FailureCause::Vss)),
    ("Set failed", "DoSnapshotSet failed", Cause(FailureCause::Vss)),
    ("VSS_E_", "VSS_E_", Cause(FailureCause::Vss)),
    ("Failed to copy", "Failed to copy file", Cause(FailureCause::CopyFailed)),
    ("W failed", "CopyFileW failed", Cause(FailureCause::CopyFailed)),
    ("task failed", "SQL Backup task failed", Cause(FailureCause::Sql)),
    ("not read from", "could not read from the registry", Cause(FailureCause::Registry)),
    ("Failed to save", "Failed to save the registry", Cause(FailureCause::Registry)),
    ("Failed to read", "Failed to read the registry", Cause(FailureCause::Registry)),
    ("p.ctl", "msbkup.ctl", Cause(FailureCause::ControlFile)),
    ("Failed to backup", "Error: Failed to backup", Cause(FailureCause::CopyFailed)),
    ("backup failed", "SMS site backup failed", Plain(Remark::Failed)),
];

/// What every status message begins with.
const STATUS: &str = "STATMSG: ID=";

/// The patterns that the configuration adds; they are tried before the table.
#[derive(Debug, Clone, Default)]
pub struct UserPatterns {
    /// Lines that say that the backup completed.
    pub success: Vec<Regex>,
    /// Lines that tell why it failed.
    pub failure: Vec<(Regex, FailureCause)>,
}

impl PartialEq for UserPatterns {
    fn eq(&self, other: &Self) -> bool {
        // A pattern is compiled in one way only, so its text says all of it.
        fn texts((pattern, cause): &(Regex, FailureCause)) -> (&str, FailureCause) {
            (pattern.as_str(), *cause)
        }
        self.success.iter().map(Regex::as_str).eq(other.success.iter().map(Regex::as_str))
            && self.failure.iter().map(texts).eq(other.failure.iter().map(texts))
    }
}

/// The compiled table.
#[derive(Debug)]
pub struct Phrases {
    /// Finds the rare part of any row, and status messages.
    interest: Interest,
    /// The phrases of the table, in its order.
    phrases: Vec<Finder<'static>>,
    code: Regex,
    completed: Regex,
    user: UserPatterns,
}

/// The built-in table has a pattern that does not compile, which its test excludes.
#[derive(Debug, thiserror::Error)]
#[error("cannot compile the table of phrases")]
pub struct PhraseError(#[from] regex::Error);

impl Phrases {
    /// Compiles the built-in table and adds the user's patterns.
    pub fn new(user: UserPatterns) -> Result<Self, PhraseError> {
        Ok(Self {
            interest: Interest::new()?,
            phrases: TABLE.iter().map(|(_, phrase, _)| Finder::new(phrase)).collect(),
            code: Regex::new(CODE)?,
            completed: Regex::new(COMPLETED)?,
            user,
        })
    }

    /// Whether every line of the component must be looked at, because the user's patterns could match anywhere.
    pub(super) fn needs_every_line(&self) -> bool {
        !(self.user.success.is_empty() && self.user.failure.is_empty())
    }

    /// Where the next part of a block that might mean something begins, from `start` on.
    pub(super) fn next_interesting(&self, block: &[u8], start: usize) -> Option<usize> {
        self.interest.find(block, start)
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
        let holds = |phrase: &Finder<'_>| phrase.find(message.as_bytes()).is_some();
        let rows = self.phrases.iter().zip(TABLE).filter(|(phrase, _)| holds(phrase));
        rows.map(|(_, (.., sense))| sense).find_map(|sense| match sense {
            Plain(Remark::Completed) => self.completes(message).then_some(Remark::Completed),
            Plain(remark) => Some(*remark),
            Cause(FailureCause::ControlFile) if !message.contains("rror") => None,
            Cause(cause) => Some(phrase(*cause)),
            Code => self.code.captures_iter(message).find_map(|found| {
                let cause = FailureCause::from_code(code(found.get(1).or(found.get(2))?.as_str())?)?;
                Some(Remark::Reason(Hint { cause, strength: HintStrength::Code }))
            }),
        })
    }

    /// "SQL database backup completed" is not the backup's end.
    fn completes(&self, message: &str) -> bool {
        message.contains("task completed successfully with zero errors") || self.completed.is_match(message)
    }

    /// The reason that a text carries, if any.
    pub fn hint(&self, text: &str) -> Option<Hint> {
        // Hardly any status message carries one, and a single search tells that.
        if !self.needs_every_line() && self.next_interesting(text.as_bytes(), 0).is_none() {
            return None;
        }
        match self.remark(text)? {
            Remark::Reason(hint) => Some(hint),
            _ => None,
        }
    }
}

/// The search over whole blocks: vectorised where the processor can, else a regular expression of the same words.
#[derive(Debug)]
enum Interest {
    Packed(Box<packed::Searcher>),
    Words(bytes::Regex),
}

impl Interest {
    fn new() -> Result<Self, PhraseError> {
        let words: BTreeSet<_> = TABLE.iter().map(|(rare, ..)| *rare).chain([STATUS]).collect();
        if let Some(searcher) = packed::Searcher::new(&words) {
            return Ok(Self::Packed(Box::new(searcher)));
        }
        let words: Vec<_> = words.into_iter().map(regex::escape).collect();
        Ok(Self::Words(bytes::Regex::new(&words.join("|"))?))
    }

    fn find(&self, block: &[u8], start: usize) -> Option<usize> {
        match self {
            Self::Packed(searcher) => {
                searcher.find_in(block, (start..block.len()).into()).map(|found| found.start())
            }
            Self::Words(words) => words.find_at(block, start).map(|found| found.start()),
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
    fn the_rare_part_is_a_part_of_its_phrase() {
        assert!(
            packed::Searcher::new(TABLE.iter().map(|(rare, ..)| *rare)).is_some()
                || !cfg!(target_arch = "x86_64")
        );
        for (rare, phrase, _) in TABLE {
            assert!(phrase.contains(rare), "{phrase}");
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
