//! Of which run a copy is: what the newest run in its own `smsbkup.log` came to.
//!
//! Only the end of the log is read, and judged once the log is closed. A run with status messages has succeeded only with its 5035; words stand in for
//! them where a log keeps none.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::TimeDelta;

use super::archive::OwnRun;
use crate::site::{Component, MessageId, Remark, SiteCode, StatusMessage, Timestamp, Timings};
use crate::trace::{Encoding, LineBlocks, LogEntry, Phrases, ReaderState, TraceReader};

/// So much of the log's end is read: many runs, of which only the newest counts.
const LIMIT: u64 = 4 << 20;
const CHUNK: u64 = 256 << 10;
/// A log is held open no longer; what is left is read after it was opened again.
const HELD: Duration = Duration::from_secs(1);

/// The newest run of a site that a log tells of; `None` without one or without the log.
pub fn own_run(path: &Path, site: SiteCode, phrases: &Phrases) -> io::Result<Option<OwnRun>> {
    let open = || {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok((file, length))
    };
    match read_end(open, HELD) {
        Ok(end) => Ok(newest_run(&end, site, phrases)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What was read of a log.
struct End {
    /// Its first bytes, which tell the encoding.
    head: Vec<u8>,
    bytes: Vec<u8>,
    /// Whether something before them was left out.
    is_cut: bool,
}

/// Reads the end of what `open` gives with its length.
fn read_end<F: Read + Seek>(
    mut open: impl FnMut() -> io::Result<(F, u64)>,
    held: Duration,
) -> io::Result<End> {
    let (mut file, length) = open()?;
    let mut opened = Instant::now();
    let (mut head, mut bytes) = (Vec::new(), Vec::new());
    file.by_ref().take(3).read_to_end(&mut head)?;
    // Characters of two bytes begin at even places.
    let cut = length.saturating_sub(LIMIT) & !1;
    file.seek(SeekFrom::Start(cut))?;
    loop {
        let left = LIMIT.saturating_sub(bytes.len() as u64);
        if file.by_ref().take(left.min(CHUNK)).read_to_end(&mut bytes)? == 0 {
            return Ok(End { head, bytes, is_cut: cut > 0 });
        }
        if opened.elapsed() >= held {
            drop(file);
            file = open()?.0;
            opened = Instant::now();
            file.seek(SeekFrom::Start(cut + bytes.len() as u64))?;
        }
    }
}

fn newest_run(end: &End, site: SiteCode, phrases: &Phrases) -> Option<OwnRun> {
    let (encoding, mark) = Encoding::detect(&end.head);
    let (mark, mut blocks) = if end.is_cut {
        (0, LineBlocks::inside_oversized(encoding))
    } else {
        (mark, LineBlocks::new(encoding))
    };
    let mut reader = TraceReader::new(phrases, ReaderState::default());
    let mut newest = Newest::default();
    let mut lines = |block: &[u8]| {
        reader.read(block, &mut |entry| newest.take(entry, site));
    };
    blocks.push(end.bytes.get(mark..).unwrap_or_default(), &mut lines);
    blocks.finish(&mut lines);
    newest.0.map(Draft::finish)
}

/// The newest run so far.
#[derive(Default)]
struct Newest(Option<Draft>);

struct Draft {
    started: Timestamp,
    /// Whether a status message was seen, so that words do not count.
    has_status: bool,
    succeeded: Option<Timestamp>,
    /// The line that says so, which counts only by itself.
    completed: Option<Timestamp>,
    failed: bool,
    stopped: Option<Timestamp>,
}

impl Draft {
    fn new(started: Timestamp) -> Self {
        Self { started, has_status: false, succeeded: None, completed: None, failed: false, stopped: None }
    }

    fn finish(self) -> OwnRun {
        let words = self.completed.filter(|_| !self.has_status && !self.failed);
        OwnRun { started: self.started, succeeded: self.succeeded.or(words) }
    }
}

impl Newest {
    fn take(&mut self, entry: LogEntry, site: SiteCode) {
        match entry {
            LogEntry::Status(_, Some(other)) | LogEntry::Remark { site: Some(other), .. }
                if other != site => {}
            LogEntry::Status(message, _) if message.component == Component::SiteBackup => {
                self.status(&message);
            }
            LogEntry::Status(..) => {}
            LogEntry::Remark { time, remark, .. } => self.remark(time, remark),
        }
    }

    fn status(&mut self, message: &StatusMessage) {
        let time = message.time;
        match message.id {
            // A 500 and its 5055 are one start, and the second is the run's.
            MessageId::SERVICE_STARTED | MessageId::TASK_STARTED => {
                self.0 = Some(Draft { has_status: true, ..Draft::new(time) });
            }
            MessageId::COMPLETED => {
                self.run(time, true).succeeded.get_or_insert(time);
            }
            MessageId::SERVICE_STOPPED => self.stop(time),
            _ if message.is_error() => self.run(time, true).failed = true,
            _ => {}
        }
    }

    fn remark(&mut self, time: Timestamp, remark: Remark) {
        match remark {
            Remark::Preparing => {
                self.run(time, false);
            }
            Remark::Completed => {
                self.run(time, false).completed.get_or_insert(time);
            }
            Remark::Failed => self.run(time, false).failed = true,
            Remark::Stopping => self.stop(time),
            Remark::Reason(_) | Remark::Gap => {}
        }
    }

    fn stop(&mut self, time: Timestamp) {
        if let Some(run) = &mut self.0 {
            run.stopped.get_or_insert(time);
        }
    }

    /// The run that this is said of: one whose start is not in the log begins with the first word of it.
    fn run(&mut self, time: Timestamp, is_status: bool) -> &mut Draft {
        let late = TimeDelta::from_std(Timings::DEFAULT.late_message).unwrap_or_default();
        if self.0.as_ref().is_some_and(|run| run.stopped.is_some_and(|stopped| time > stopped + late)) {
            self.0 = None;
        }
        let run = self.0.get_or_insert_with(|| Draft::new(time));
        run.has_status |= is_status;
        run
    }
}

#[cfg(test)]
mod tests;
