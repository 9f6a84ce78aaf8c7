//! One run as a list of entries, each at its distance from the run's start, and the lines it becomes.
//!
//! No two entries of a run share a millisecond, so their order survives any sorting by time.

use std::io;

use chrono::TimeDelta;

use super::entry::Entry;
use super::evtx::{HeaderLanguage, WindowsEvent};
use super::log::LogWriter;
use crate::site::{MessageId, StatusMessage, Timestamp};

/// What one run writes: entries by their distance from its start, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunScript {
    entries: Vec<(TimeDelta, Entry)>,
    process: Option<(u32, u32)>,
}

impl RunScript {
    /// Lays out entries, each at its thousandth of the duration of a whole run.
    pub(super) fn laid_out(mut run: Vec<(u32, Entry)>, duration: TimeDelta) -> Self {
        run.sort_by_key(|(at, _)| *at);
        let mut last = TimeDelta::milliseconds(-1);
        let entries = run.into_iter().enumerate().map(|(number, (at, entry))| {
            // A run of some hours would else consist of whole seconds.
            let jitter = TimeDelta::milliseconds(i64::try_from(number * 37 % 11).unwrap_or(0));
            let at = duration * i32::try_from(at).unwrap_or(0) / 1000 + jitter;
            last = at.max(last + TimeDelta::milliseconds(1));
            (last, entry)
        });
        Self { entries: entries.collect(), process: None }
    }

    /// The process and thread of this run, instead of the writer's.
    pub fn process(self, pid: u32, tid: u32) -> Self {
        Self { process: Some((pid, tid)), ..self }
    }

    /// The same run without status messages of this id.
    pub fn without(mut self, id: MessageId) -> Self {
        self.entries.retain(|(_, entry)| !matches!(entry, Entry::Status(status) if status.id == id));
        self
    }

    /// The part of the run that is written by then.
    pub fn until(mut self, elapsed: TimeDelta) -> Self {
        self.entries.retain(|(at, _)| *at <= elapsed);
        self
    }

    /// Its entries by their distance from its start.
    pub fn entries(&self) -> &[(TimeDelta, Entry)] {
        &self.entries
    }

    /// From its start to its last entry.
    pub fn duration(&self) -> TimeDelta {
        self.entries.last().map_or(TimeDelta::zero(), |(at, _)| *at)
    }

    /// When it first reports a message of this id, from its start.
    pub fn at(&self, id: MessageId) -> Option<TimeDelta> {
        self.entries.iter().find_map(|(at, entry)| match entry {
            Entry::Status(status) if status.id == id => Some(*at),
            _ => None,
        })
    }

    /// Its lines, each with the time at which it is due.
    pub fn lines(&self, writer: &LogWriter, start: Timestamp) -> Vec<(Timestamp, String)> {
        let writer = self.writer(writer);
        self.entries.iter().map(|(at, entry)| (start + *at, writer.line(start + *at, entry))).collect()
    }

    /// Its status messages as the site database keeps them, in order.
    pub fn messages(&self, writer: &LogWriter, start: Timestamp) -> Vec<StatusMessage> {
        let writer = self.writer(writer);
        let message = |(at, entry): &(TimeDelta, Entry)| match entry {
            Entry::Status(status) => Some(writer.message_in_database(start + *at, status)),
            Entry::Text(_) => None,
        };
        self.entries.iter().filter_map(message).collect()
    }

    /// Its status messages as they stand in the Application log, in order.
    pub fn events(
        &self,
        writer: &LogWriter,
        start: Timestamp,
        language: HeaderLanguage,
    ) -> Vec<WindowsEvent> {
        let event = |(at, entry): &(TimeDelta, Entry)| match entry {
            Entry::Status(status) => {
                Some(WindowsEvent::status(status, writer.machine(), start + *at, language))
            }
            Entry::Text(_) => None,
        };
        self.entries.iter().filter_map(event).collect()
    }

    /// Writes all its lines.
    pub fn write(&self, writer: &LogWriter, start: Timestamp, out: &mut impl io::Write) -> io::Result<()> {
        let writer = self.writer(writer);
        self.entries.iter().try_for_each(|(at, entry)| writer.write(out, start + *at, entry))
    }

    /// All its lines as one text.
    pub fn text(&self, writer: &LogWriter, start: Timestamp) -> String {
        self.lines(writer, start).into_iter().map(|(_, line)| line).collect()
    }

    fn writer(&self, writer: &LogWriter) -> LogWriter {
        match self.process {
            Some((pid, tid)) => writer.clone().process(pid, tid),
            None => writer.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::BackupTask;
    use super::*;

    #[test]
    fn lines_come_with_the_process_of_the_run() {
        let site = "P01".parse().unwrap();
        let writer = LogWriter::new(site, "CM01");
        let start = Timestamp::UNIX_EPOCH;
        let run = BackupTask::new(site).lasting(TimeDelta::seconds(20)).success().process(77, 78);
        let text = run.text(&writer, start);
        assert!(
            text.contains(" PID=77 TID=78 GMTDATE=Thu Jan 01 00:00:00.")
                && text.contains("<thread=78 (0x4E)>")
        );
        let mut bytes = Vec::new();
        run.write(&writer, start, &mut bytes).unwrap();
        assert_eq!(bytes, text.as_bytes());
    }
}
