//! The log file as an output, and what the event log hears of it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

use super::entry::Entry;
use super::event_log::EventLog;
use super::file::{FileNews, LogFile};
use crate::logging::LogCounts;

/// Writes messages to the log file; it never fails, because nobody could be told.
#[derive(Debug)]
pub(super) struct Output {
    file: Mutex<LogFile>,
    /// `None` where it cannot be written to.
    event_log: Option<Arc<EventLog>>,
    counts: Arc<LogCounts>,
}

impl Output {
    /// Looks whether the file can be written, so that it is told before anything else.
    pub(super) fn new(file: LogFile, event_log: Option<Arc<EventLog>>, counts: Arc<LogCounts>) -> Self {
        let output = Self { file: Mutex::new(file), event_log, counts };
        output.append(&[]);
        output
    }

    fn append(&self, message: &[u8]) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(news) = file.write(message) else { return };
        let path = ("path", file.path().display().to_string());
        drop(file);
        let (level, sentence, field) = match news {
            FileNews::Failed(error) => {
                (Level::ERROR, "messages cannot be written to the log file", ("error", error.to_string()))
            }
            FileNews::Lost(messages) => {
                (Level::WARN, "messages are missing in the log file", ("messages", messages.to_string()))
            }
        };
        // Not logged as others are: this is called while a message is being logged.
        self.counts.count(level);
        if let Some(event_log) = &self.event_log {
            let (target, sentence) = (module_path!().to_owned(), sentence.to_owned());
            event_log.tell(&Entry { level, target, sentence, fields: vec![path, field] });
        }
    }
}

impl Write for &Output {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        self.append(message);
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}
