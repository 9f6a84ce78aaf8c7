//! Where a verification goes on, and what it found until there; part of the checkpoint.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::site::{ClosedSet, Timestamp};
use crate::snapshot::{
    Finding, FindingSeverity, ManifestError, ManifestPlace, Mark, Pass, Position, Verification,
};
use crate::source::VerifyOrder;
use crate::sqlfile::PageTally;

/// Which order is carried out, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    pub(super) order: Order,
    /// Absent once it has been carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    progress: Option<Progress>,
}

/// What tells an order from the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    folder: String,
    run: Timestamp,
    after: Option<Timestamp>,
}

impl Order {
    pub(super) fn of(order: &VerifyOrder) -> Self {
        Self { folder: order.folder.clone(), run: order.run, after: order.after }
    }
}

/// A pass that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    started: Timestamp,
    position: Position,
    /// Whether it compares with a manifest, or records one.
    comparing: bool,
    manifest: Mark,
    files: u64,
    bytes: u64,
    pages: PageTally,
    findings: Vec<Found>,
    damaged: u64,
    #[serde(default)]
    differences: Vec<Found>,
    changed: u64,
    missing: u64,
    added: u64,
    unread: u64,
    first_unread: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Found {
    file: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    severity: String,
    expected: String,
    found: String,
}

impl Cursor {
    /// Of a pass that goes on.
    pub(super) fn of(order: &VerifyOrder, pass: &Pass) -> Self {
        Self { order: Order::of(order), progress: Some(Progress::of(pass)) }
    }

    /// Of an order that has been carried out.
    pub(super) fn done(order: &VerifyOrder) -> Self {
        Self { order: Order::of(order), progress: None }
    }

    pub(super) fn is_done(&self) -> bool {
        self.progress.is_none()
    }

    pub(super) fn progress(&self) -> Option<&Progress> {
        self.progress.as_ref()
    }

    /// Bytes read so far; `None` once everything has been.
    pub fn bytes(&self) -> Option<u64> {
        self.progress.as_ref().map(|progress| progress.bytes)
    }
}

impl Progress {
    fn of(pass: &Pass) -> Self {
        let found = |findings: &[Finding]| findings.iter().map(Found::of).collect();
        let verification = pass.verification();
        Self {
            started: verification.started,
            position: pass.position().clone(),
            comparing: pass.compares(),
            manifest: pass.mark(),
            files: verification.files,
            bytes: verification.bytes,
            pages: verification.pages,
            findings: found(&verification.findings),
            damaged: verification.damaged,
            differences: found(&verification.differences),
            changed: verification.changed,
            missing: verification.missing,
            added: verification.added,
            unread: verification.unread,
            first_unread: verification.first_unread.clone(),
        }
    }

    /// The pass that goes on from here, unless its manifest is gone.
    pub(super) fn resume(
        &self,
        root: PathBuf,
        manifest: &ManifestPlace,
        order: &VerifyOrder,
    ) -> Result<Option<Pass>, ManifestError> {
        let restored = |found: &[Found]| found.iter().map(Found::restore).collect();
        let verification = Verification {
            finished: None,
            files: self.files,
            bytes: self.bytes,
            pages: self.pages,
            findings: restored(&self.findings),
            damaged: self.damaged,
            differences: restored(&self.differences),
            changed: self.changed,
            missing: self.missing,
            added: self.added,
            unread: self.unread,
            first_unread: self.first_unread.clone(),
            ..Verification::new(&order.folder, order.run, self.started)
        };
        let position = self.position.clone();
        Pass::resume(root, manifest, self.comparing, self.manifest, position, verification)
    }
}

impl Found {
    fn of(finding: &Finding) -> Self {
        let Finding { file, page, severity, expected, found } = finding.clone();
        Self { file, page, severity: severity.label().to_owned(), expected, found }
    }

    fn restore(&self) -> Finding {
        let Self { file, page, severity, expected, found } = self.clone();
        let severity = FindingSeverity::from_label(&severity).unwrap_or(FindingSeverity::Damaged);
        Finding { file, page, severity, expected, found }
    }
}
