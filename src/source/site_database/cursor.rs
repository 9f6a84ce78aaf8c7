//! Up to which status message the site database has been read.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use crate::site::{StatusMessage, Timestamp};

/// What has been read of the status messages of one site; part of the checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cursor {
    /// The newest message of the backup that was read; `None` before the first.
    pub last: Option<MessageKey>,
    /// The position of the next message among all of this witness.
    pub next: u64,
    /// How often the newest message that was known was gone: the database was recovered from a backup, say.
    pub recoveries: u32,
    /// When everything there was had been read, in milliseconds since 1970.
    read: Option<i64>,
}

/// What tells a status message from all others, also if its number is given once more after a recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MessageKey {
    /// Its `RecordID`.
    pub record: i64,
    /// Its time, in milliseconds since 1970.
    pub time: i64,
}

impl MessageKey {
    pub(super) fn of((record, message): &(i64, StatusMessage)) -> Self {
        Self { record: *record, time: message.time.timestamp_millis() }
    }
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
