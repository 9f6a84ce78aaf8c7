//! What judging a registry hive needs of it, collected while it is read once from beginning to end.

use std::io;

use crate::snapshot::finding::Finding;
use crate::snapshot::hive;

const BASE: usize = 512;
const UNIT: usize = 4096;
const HEAD: usize = 32;

/// The first 512 bytes of a hive, and the first 32 of each 4096, where a bin may begin.
#[derive(Debug, Default)]
pub(super) struct HiveSample {
    base: Vec<u8>,
    heads: Vec<u8>,
}

impl HiveSample {
    /// A larger file is no dump of ConfigMgr's keys; so many bytes of it cost half a mebibyte of memory.
    pub(super) const MAX_SIZE: u64 = 64 << 20;

    /// Takes the next bytes; all but the last ones are whole units.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if self.base.is_empty() {
            self.base.extend(bytes.iter().take(BASE));
        }
        for unit in bytes.chunks(UNIT) {
            self.heads.extend(unit.iter().copied().chain(std::iter::repeat(0)).take(HEAD));
        }
    }

    /// What is wrong with the hive of this size.
    pub(super) fn judge(&self, path: &str, size: u64) -> Option<Finding> {
        let judged = hive::judge(&mut |at, into| self.read(at, into), size).ok()??;
        Some(Finding::warning(path, judged.expected, judged.found))
    }

    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let unit = usize::try_from(at).map_err(io::Error::other)? / UNIT;
        let from = if at == 0 { self.base.get(..) } else { self.heads.get(unit * HEAD..) };
        let from = from.and_then(|bytes| bytes.get(..into.len()));
        into.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}
