//! What schema 1 keeps of a site's copies: what runs left, what verifications found, since when archives are as they are.
//!
//! Observations are not kept: they are made anew. An entry that no longer parses is dropped rather than refused, because
//! the domain does without it: a record or a verification that lacks one is made again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{nanoseconds, timestamp};
use crate::site::{ClosedSet, Timestamp};
use crate::snapshot::{
    Finding, FindingSeverity, Fingerprint, KEPT_RECORDS, MAX_FINDINGS, RecordedFile, SnapshotComponent,
    SnapshotRecord, Verification,
};
use crate::sqlfile::PageTally;
use crate::state::{SnapshotState, Unchanged, Verified};

/// The durable part of a site's copies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct SnapshotV1 {
    /// Oldest first.
    records: Vec<SnapshotRecordV1>,
    /// By folder.
    verifications: BTreeMap<String, VerifiedV1>,
    /// By the path of the archive.
    unchanged: BTreeMap<String, UnchangedV1>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SnapshotRecordV1 {
    run: i64,
    #[serde(default)]
    bytes: BTreeMap<String, u64>,
    #[serde(default)]
    components: Vec<String>,
    #[serde(default)]
    data_files: Vec<RecordedFileV1>,
    /// By location, in hexadecimal digits.
    #[serde(default)]
    signatures: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct RecordedFileV1 {
    path: String,
    size: u64,
    fingerprint: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct VerifiedV1 {
    finished: Option<VerificationV1>,
    current: Option<VerificationV1>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct VerificationV1 {
    run: i64,
    started: i64,
    #[serde(default)]
    finished: Option<i64>,
    #[serde(default)]
    files: u64,
    #[serde(default)]
    bytes: u64,
    #[serde(default)]
    pages: PagesV1,
    #[serde(default)]
    findings: Vec<FindingV1>,
    #[serde(default)]
    damaged: u64,
    #[serde(default)]
    differences: Vec<FindingV1>,
    #[serde(default)]
    changed: u64,
    #[serde(default)]
    missing: u64,
    #[serde(default)]
    added: u64,
    #[serde(default)]
    unread: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    record_lost: bool,
    #[serde(default)]
    first_unread: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct PagesV1 {
    verified: u64,
    verified_free: u64,
    unverifiable: u64,
    never_written: u64,
    damaged: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct FindingV1 {
    file: String,
    #[serde(default)]
    page: Option<u32>,
    severity: String,
    expected: String,
    found: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct UnchangedV1 {
    signature: String,
    since: i64,
}

impl SnapshotV1 {
    pub(super) fn of(state: &SnapshotState) -> Self {
        Self {
            records: state.records.iter().map(SnapshotRecordV1::of).collect(),
            verifications: (state.verifications.iter())
                .map(|(folder, verified)| (folder.clone(), VerifiedV1::of(verified)))
                .collect(),
            unchanged: (state.unchanged.iter())
                .map(|(path, Unchanged { signature, since })| {
                    let (signature, since) = (hexadecimal(signature), nanoseconds(*since));
                    (path.clone(), UnchangedV1 { signature, since })
                })
                .collect(),
        }
    }

    /// The state it was made of, without observations.
    pub(super) fn restore(self, now: Timestamp) -> SnapshotState {
        let surplus = self.records.len().saturating_sub(KEPT_RECORDS);
        let unchanged = |(path, known): (String, UnchangedV1)| {
            // A clock that was ahead once must not keep an archive from settling.
            let since = timestamp(known.since).min(now);
            Some((path, Unchanged { signature: fingerprint(&known.signature)?, since }))
        };
        SnapshotState {
            records: self.records.into_iter().skip(surplus).map(SnapshotRecordV1::restore).collect(),
            verifications: (self.verifications.into_iter())
                .map(|(folder, verified)| (folder.clone(), verified.restore(&folder, now)))
                .collect(),
            unchanged: self.unchanged.into_iter().filter_map(unchanged).collect(),
            ..SnapshotState::default()
        }
    }
}

impl SnapshotRecordV1 {
    fn of(record: &SnapshotRecord) -> Self {
        let file = |file: &RecordedFile| RecordedFileV1 {
            path: file.path.clone(),
            size: file.size,
            fingerprint: hexadecimal(&file.fingerprint),
        };
        Self {
            run: nanoseconds(record.run),
            bytes: record.bytes.clone(),
            components: record.components.iter().map(|component| component.label().to_owned()).collect(),
            data_files: record.data_files.iter().map(file).collect(),
            signatures: (record.signatures.iter())
                .map(|(location, signature)| (location.clone(), hexadecimal(signature)))
                .collect(),
        }
    }

    fn restore(self) -> SnapshotRecord {
        let file = |RecordedFileV1 { path, size, fingerprint: digits }| {
            Some(RecordedFile { path, size, fingerprint: fingerprint(&digits)? })
        };
        SnapshotRecord {
            run: timestamp(self.run),
            bytes: self.bytes,
            components: (self.components.iter())
                .filter_map(|label| SnapshotComponent::from_label(label))
                .collect(),
            data_files: self.data_files.into_iter().filter_map(file).collect(),
            signatures: (self.signatures.into_iter())
                .filter_map(|(location, digits)| Some((location, fingerprint(&digits)?)))
                .collect(),
        }
    }
}

impl VerifiedV1 {
    fn of(verified: &Verified) -> Self {
        let of = |verification: &Option<Verification>| verification.as_ref().map(VerificationV1::of);
        Self { finished: of(&verified.finished), current: of(&verified.current) }
    }

    fn restore(self, folder: &str, now: Timestamp) -> Verified {
        let restore = |known: Option<VerificationV1>| known.map(|known| known.restore(folder, now));
        Verified { finished: restore(self.finished), current: restore(self.current) }
    }
}

impl VerificationV1 {
    fn of(verification: &Verification) -> Self {
        let PageTally { verified, verified_free, unverifiable, never_written, damaged } = verification.pages;
        Self {
            run: nanoseconds(verification.run),
            started: nanoseconds(verification.started),
            finished: verification.finished.map(nanoseconds),
            files: verification.files,
            bytes: verification.bytes,
            pages: PagesV1 { verified, verified_free, unverifiable, never_written, damaged },
            findings: verification.findings.iter().map(FindingV1::of).collect(),
            damaged: verification.damaged,
            differences: verification.differences.iter().map(FindingV1::of).collect(),
            changed: verification.changed,
            missing: verification.missing,
            added: verification.added,
            unread: verification.unread,
            record_lost: verification.record_lost,
            first_unread: verification.first_unread.clone(),
        }
    }

    fn restore(self, folder: &str, now: Timestamp) -> Verification {
        let PagesV1 { verified, verified_free, unverifiable, never_written, damaged } = self.pages;
        Verification {
            folder: folder.to_owned(),
            run: timestamp(self.run),
            started: timestamp(self.started).min(now),
            // The next pass is due an interval later, which a clock that was ahead must not put off.
            finished: self.finished.map(|finished| timestamp(finished).min(now)),
            files: self.files,
            bytes: self.bytes,
            pages: PageTally { verified, verified_free, unverifiable, never_written, damaged },
            findings: restored(self.findings),
            damaged: self.damaged,
            differences: restored(self.differences),
            changed: self.changed,
            missing: self.missing,
            added: self.added,
            unread: self.unread,
            first_unread: self.first_unread,
            record_lost: self.record_lost,
        }
    }
}

impl FindingV1 {
    fn of(finding: &Finding) -> Self {
        Self {
            file: finding.file.clone(),
            page: finding.page,
            severity: finding.severity.label().to_owned(),
            expected: finding.expected.clone(),
            found: finding.found.clone(),
        }
    }

    fn restore(self) -> Option<Finding> {
        let Self { file, page, severity, expected, found } = self;
        let severity = FindingSeverity::from_label(&severity)?;
        Some(Finding { file, page, severity, expected, found })
    }
}

fn restored(findings: Vec<FindingV1>) -> Vec<Finding> {
    findings.into_iter().filter_map(FindingV1::restore).take(MAX_FINDINGS).collect()
}

fn hexadecimal(fingerprint: &Fingerprint) -> String {
    blake3::Hash::from_bytes(*fingerprint).to_hex().to_string()
}

fn fingerprint(digits: &str) -> Option<Fingerprint> {
    Some(*blake3::Hash::from_hex(digits).ok()?.as_bytes())
}
