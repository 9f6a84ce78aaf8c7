//! How much one slice of a pass may read, and how long it may take.

use std::time::{Duration, Instant};

/// What is left of a slice.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    bytes: u64,
    used: u64,
    until: Instant,
}

impl Budget {
    /// No file of a snapshot is open longer, nor is more of it read at once.
    const MAX_BYTES: u64 = 64 << 20;
    const MAX_TIME: Duration = Duration::from_secs(1);

    /// A slice that begins now, of at most this many bytes and never more than 64 MiB and one second.
    pub fn begin(bytes: u64) -> Self {
        Self { bytes: bytes.min(Self::MAX_BYTES), used: 0, until: Instant::now() + Self::MAX_TIME }
    }

    /// A slice that no slow machine makes shorter.
    #[cfg(test)]
    pub(super) fn unhurried(bytes: u64) -> Self {
        Self { bytes, used: 0, until: Instant::now() + Self::MAX_TIME * 3600 }
    }

    /// Bytes that were read.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Whether nothing more may be begun.
    pub(super) fn is_spent(&self) -> bool {
        self.bytes == 0 || Instant::now() >= self.until
    }

    /// Takes that many bytes, if they may be read.
    pub(super) fn takes(&mut self, bytes: u64) -> bool {
        if bytes > self.bytes || self.is_spent() {
            return false;
        }
        self.bytes -= bytes;
        self.used += bytes;
        true
    }
}
