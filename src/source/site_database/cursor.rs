//! Up to which status message the site database has been read.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use crate::site::Timestamp;

/// The watermark among the status messages of one site; part of the checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cursor {
    /// The highest `RecordID` that was read; `None` before the first.
    pub record: Option<i64>,
    /// The position of the next message among all of this witness.
    pub next: u64,
    /// How often the server's numbers went back, because its database was recovered from a backup.
    pub recoveries: u32,
    /// When everything there was had been read, in milliseconds since 1970.
    read: Option<i64>,
}

impl Cursor {
    /// The same watermark, with the next message at `position` or behind it.
    pub fn not_before(self, position: u64) -> Self {
        Self { next: self.next.max(position), ..self }
    }

    /// When everything there was had been read; `None` before the first time.
    pub fn read(&self) -> Option<Timestamp> {
        DateTime::from_timestamp_millis(self.read?)
    }

    pub(super) fn set_read(&mut self, time: Timestamp) {
        self.read = Some(time.timestamp_millis());
    }
}
