//! One file while it is read: what of it is judged, and what its last block found that is not yet counted.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::Begun;
use super::hive_sample::HiveSample;
use crate::snapshot::component::{DataFileKind, is_registry_dump};
use crate::snapshot::finding::Finding;
use crate::snapshot::headers::read_page;
use crate::snapshot::manifest::ManifestError;
use crate::snapshot::verification::Verification;
use crate::snapshot::walk::Entry;
use crate::sqlfile::{FileHeader, PAGE_SIZE, PageHeader, PageScan, PageTally, pfs_page_of};

/// The unit of positions and hashes: 1024 pages.
pub const BLOCK: u64 = 8 << 20;
/// Read at once; in sizes of 128 KiB and more, verifying cached pages took a quarter longer.
pub(super) const CHUNK: usize = 64 << 10;

/// Why a file is not read on.
#[derive(Debug)]
pub(super) enum Stopped {
    /// The system refuses.
    Read(io::Error),
    /// It is no longer what it was.
    Changed,
    /// The manifest cannot be written or read.
    Manifest(ManifestError),
}

impl From<ManifestError> for Stopped {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(error)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Changed,
            _ => Self::Read(error),
        }
    }
}

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) entry: Entry,
    kind: Option<DataFileKind>,
    /// Bytes read.
    pub(super) at: u64,
    /// Whole blocks dealt with.
    pub(super) blocks: u64,
    pub(super) is_changed: bool,
    /// Whether it is not what it was when the pass began with it.
    is_other: bool,
    pages: Option<Pages>,
    hive: Option<HiveSample>,
    hasher: Option<blake3::Hasher>,
    pub(super) pending: Pending,
}

/// The pages of a data file.
#[derive(Debug)]
struct Pages {
    scan: PageScan,
    /// Where the file ends according to its header, if it is not shorter.
    end: u64,
}

/// What is found out only when a block, or a whole hive, has been read.
#[derive(Debug, Default)]
pub(super) struct Pending {
    bytes: u64,
    pages: PageTally,
    findings: Vec<Finding>,
    difference: Option<Finding>,
    added: bool,
}

impl Reading {
    pub(super) fn new(entry: Entry, kind: Option<DataFileKind>, hashes: bool) -> Self {
        let is_hive = is_registry_dump(&entry.path) && entry.size <= HiveSample::MAX_SIZE;
        Self {
            entry,
            kind: kind.filter(|kind| kind.has_pages()),
            at: 0,
            blocks: 0,
            is_changed: false,
            is_other: false,
            pages: None,
            hive: is_hive.then(HiveSample::default),
            hasher: hashes.then(blake3::Hasher::new),
            pending: Pending::default(),
        }
    }

    /// Goes on where an earlier process stopped.
    pub(super) fn resume(&mut self, begun: &Begun) {
        self.is_other = (begun.size, begun.modified) != (self.entry.size, modified(&self.entry));
        self.blocks = begun.blocks;
        self.at = begun.blocks.saturating_mul(BLOCK);
        self.is_changed = begun.changed;
    }

    /// Where a later process could go on; `None` in the middle of a hive, which is judged as a whole.
    pub(super) fn begun(&self) -> Option<Begun> {
        let Entry { path, size, .. } = &self.entry;
        self.hive.is_none().then(|| Begun {
            path: path.clone(),
            size: *size,
            modified: modified(&self.entry),
            blocks: self.blocks,
            changed: self.is_changed,
        })
    }

    /// Takes what is not as it was recorded; once for each file.
    pub(super) fn changed(&mut self, finding: Finding) {
        self.is_changed = true;
        self.pending.difference = Some(finding);
    }

    /// Takes that nothing is recorded of it.
    pub(super) fn added(&mut self) {
        self.pending.added = true;
    }

    /// Opens the file where it goes on.
    pub(super) fn open(&mut self) -> Result<File, Stopped> {
        let mut file = File::open(&self.entry.location)?;
        if self.is_other || file.metadata()?.len() != self.entry.size {
            return Err(Stopped::Changed);
        }
        if let Some(kind) = self.kind.take() {
            self.pages = Pages::of(&mut file, kind, self.entry.size, self.at)?;
        }
        file.seek(SeekFrom::Start(self.at))?;
        Ok(file)
    }

    /// How many bytes come next; `None` at the end.
    pub(super) fn next_length(&self) -> Option<u64> {
        let left = self.entry.size.saturating_sub(self.at);
        let length = left.min(BLOCK - self.at % BLOCK).min(CHUNK as u64);
        (length > 0).then_some(length)
    }

    /// Reads the next bytes and judges them.
    pub(super) fn take(&mut self, file: &mut File, bytes: &mut [u8]) -> io::Result<()> {
        file.read_exact(bytes)?;
        let Self { entry, pending, .. } = self;
        if let Some(Pages { scan, end }) = &mut self.pages {
            let left = usize::try_from(end.saturating_sub(self.at)).unwrap_or(usize::MAX);
            let pages = bytes.get(..left).unwrap_or(bytes);
            scan.feed(pages, &mut pending.pages, &mut |fault| {
                pending.findings.push(Finding::of_page(&entry.path, fault));
            });
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        if let Some(hive) = &mut self.hive {
            hive.take(bytes);
        }
        self.at += bytes.len() as u64;
        pending.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Whether a block, or the last part of one, has been read; with its hash, if that is wanted.
    pub(super) fn end_of_block(&mut self) -> Option<Option<blake3::Hash>> {
        if !self.at.is_multiple_of(BLOCK) && self.at != self.entry.size {
            return None;
        }
        Some(self.hasher.as_mut().map(|hasher| {
            let hash = hasher.finalize();
            hasher.reset();
            hash
        }))
    }

    /// Judges a hive of which everything has been read.
    pub(super) fn judge_hive(&mut self) {
        let hive = self.hive.take().filter(|_| self.at == self.entry.size);
        self.pending.findings.extend(hive.and_then(|hive| hive.judge(&self.entry.path, self.entry.size)));
    }
}

impl Pages {
    /// What is needed to judge the pages from `at` on; `None` where nothing tells the number of the file.
    fn of(file: &mut File, kind: DataFileKind, size: u64, at: u64) -> io::Result<Option<Self>> {
        let Some(first) = read_page(file, 0, size)? else { return Ok(None) };
        let page_size = PAGE_SIZE as u64;
        let (number, pages) = match FileHeader::parse(&first) {
            Ok(header) => (header.file, u64::from(header.pages)),
            // A primary file is always number 1; of another, the damaged page may still tell it.
            Err(_) if kind == DataFileKind::Primary => (1, u64::MAX),
            Err(_) => (PageHeader::parse(&first).file, u64::MAX),
        };
        if number == 0 {
            return Ok(None);
        }
        let end = pages.min(size / page_size) * page_size;
        let Ok(next) = u32::try_from(at / page_size) else { return Ok(None) };
        let pfs = match pfs_page_of(next) {
            pfs if pfs < next => read_page(file, pfs, size)?,
            _ => None,
        };
        Ok(Some(Self { scan: PageScan::resume(number, next, pfs.as_deref()), end }))
    }
}

impl Pending {
    /// Counts everything.
    pub(super) fn hand_over(&mut self, verification: &mut Verification) {
        let Self { bytes, pages, findings, difference, added } = std::mem::take(self);
        verification.bytes += bytes;
        verification.pages += pages;
        verification.added += u64::from(added);
        if let Some(difference) = difference {
            verification.changed(difference);
        }
        for finding in findings {
            // What the headers told is not told twice.
            let is_header = matches!(finding.page, Some(0 | 9));
            let same = |known: &Finding| {
                known.is_damage() && (&known.file, known.page) == (&finding.file, finding.page)
            };
            if !(is_header && verification.findings.iter().any(same)) {
                verification.find(finding);
            }
        }
    }
}

fn modified(entry: &Entry) -> Option<i64> {
    entry.modified.and_then(|time| time.timestamp_nanos_opt())
}
