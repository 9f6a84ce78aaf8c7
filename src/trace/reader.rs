//! From blocks of lines to the entries that tell of the backup.
//!
//! Every line is checked for its shape and counted; only lines in which the phrase table or a STATMSG was found are
//! taken apart further. Malformed lines are counted and never stop anything.

use chrono::TimeDelta;
use encoding_rs::WINDOWS_1252;
use memchr::memchr_iter;
use std::borrow::Cow;

use super::layout::{self, Stamp, TraceLine};
use super::lines::LINE_LIMIT;
use super::phrases::Phrases;
use super::status::StatusLine;
use crate::site::{ClosedSet, Component, Remark, SiteCode, StatusMessage, Timestamp};

/// A message over several lines is given up beyond this many bytes.
const OPEN_RECORD_LIMIT: usize = 64 << 10;
/// So much of a line of free text is kept, in characters.
const TEXT_LIMIT: usize = 240;

/// One entry of the log that means something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEntry {
    /// A status message of one of the backup's components, with its site.
    Status(StatusMessage, Option<SiteCode>),
    /// A line of free text of the backup service.
    Remark {
        /// The site that the last status message named: free text names none.
        site: Option<SiteCode>,
        /// When it was written.
        time: Timestamp,
        /// What it says.
        remark: Remark,
        /// Its beginning, for people.
        text: Box<str>,
    },
}

/// What must be remembered from one poll to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReaderState {
    /// A message over several lines whose end has not been read.
    pub open: Vec<u8>,
    /// Minutes from the lines' local time to UTC, as the last GMTDATE showed.
    pub offset: Option<i16>,
    /// What to add to a line's own bias, in minutes: not 0 for writers that got its sign wrong.
    pub correction: i16,
    /// The site that the last status message named; whatever names none is of this one.
    pub site: Option<SiteCode>,
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// All lines.
    pub lines: u64,
    /// Lines in neither layout, and status lines without an id.
    pub malformed: u64,
    /// Lines over [`LINE_LIMIT`].
    pub oversized: u64,
}

/// Reads blocks of lines in order.
#[derive(Debug)]
pub struct TraceReader<'a> {
    phrases: &'a Phrases,
    /// Carried from poll to poll.
    pub state: ReaderState,
    /// Counted since this reader was made.
    pub counts: LineCounts,
    /// The time of the first line that had one.
    pub oldest: Option<Timestamp>,
}

impl<'a> TraceReader<'a> {
    /// A reader that goes on where `state` stopped.
    pub fn new(phrases: &'a Phrases, state: ReaderState) -> Self {
        Self { phrases, state, counts: LineCounts::default(), oldest: None }
    }

    /// Reads a block of complete lines and hands each entry to `each`, in order.
    pub fn read(&mut self, block: &[u8], each: &mut dyn FnMut(LogEntry)) {
        let everything = self.phrases.needs_every_line();
        let mut next_interesting = if everything { Some(0) } else { self.phrases.next_interesting(block, 0) };
        let mut start = 0;
        for end in memchr_iter(b'\n', block) {
            let line = &block[start..end];
            let interesting = everything || next_interesting.is_some_and(|at| at < end);
            self.line(line, interesting, each);
            start = end + 1;
            if interesting && !everything {
                next_interesting = self.phrases.next_interesting(block, start);
            }
        }
    }

    /// Tells that another file begins: what was open will not be closed any more.
    pub fn new_file(&mut self) {
        self.drop_open();
    }

    fn drop_open(&mut self) {
        if !self.state.open.is_empty() {
            self.state.open.clear();
            self.counts.malformed += 1;
        }
    }

    fn line(&mut self, line: &[u8], interesting: bool, each: &mut dyn FnMut(LogEntry)) {
        self.counts.lines += 1;
        if line.len() > LINE_LIMIT {
            self.counts.oversized += 1;
            return;
        }
        if !self.state.open.is_empty() {
            return self.continue_record(line, each);
        }
        self.new_record(line, interesting, each);
    }

    fn new_record(&mut self, line: &[u8], interesting: bool, each: &mut dyn FnMut(LogEntry)) {
        match TraceLine::parse(line) {
            Some(parsed) => {
                if self.oldest.is_none() {
                    self.oldest = Some(self.utc(&parsed.stamp));
                }
                if interesting {
                    self.entry(&parsed, each);
                }
            }
            None if line.starts_with(layout::CCM_OPEN) && !layout::closes_ccm(line) => {
                self.state.open.extend_from_slice(line.trim_ascii_end());
            }
            None if line.trim_ascii().is_empty() => {}
            None => self.counts.malformed += 1,
        }
    }

    /// A message over several lines: only the CMTrace layout has them.
    fn continue_record(&mut self, line: &[u8], each: &mut dyn FnMut(LogEntry)) {
        let another_begins = line.starts_with(layout::CCM_OPEN) || TraceLine::parse(line).is_some();
        if another_begins || self.state.open.len() + line.len() > OPEN_RECORD_LIMIT {
            self.drop_open();
            return self.new_record(line, true, each);
        }
        self.state.open.push(b' ');
        self.state.open.extend_from_slice(line.trim_ascii());
        if layout::closes_ccm(line) {
            let record = std::mem::take(&mut self.state.open);
            match TraceLine::parse(&record) {
                Some(parsed) => self.entry(&parsed, each),
                None => self.counts.malformed += 1,
            }
        }
    }

    fn entry(&mut self, line: &TraceLine<'_>, each: &mut dyn FnMut(LogEntry)) {
        if StatusLine::is_claimed_by(line.message) {
            match StatusLine::parse(line.message) {
                Some(status) => self.status(line, &status, each),
                None => self.counts.malformed += 1,
            }
        } else if line.component == Component::SiteBackup.label().as_bytes() {
            let text = text(line.message);
            if let Some(remark) = self.phrases.remark(&text) {
                let text = text.chars().take(TEXT_LIMIT).collect();
                let (site, time) = (self.state.site, self.utc(&line.stamp));
                each(LogEntry::Remark { site, time, remark, text });
            }
        }
    }

    fn status(&mut self, line: &TraceLine<'_>, status: &StatusLine<'_>, each: &mut dyn FnMut(LogEntry)) {
        if let Some(time) = status.time {
            self.calibrate(&line.stamp, time);
        }
        let component = Component::ALL.iter().find(|known| known.label().as_bytes() == status.component);
        let Some(&component) = component else { return };
        let message = StatusMessage {
            id: status.id,
            severity: status.severity,
            component,
            machine: text(status.machine).into(),
            pid: status.pid,
            tid: status.tid,
            time: status.time.unwrap_or_else(|| self.utc(&line.stamp)),
            hint: self.phrases.hint(&text(status.strings)),
        };
        self.state.site = status.site.or(self.state.site);
        each(LogEntry::Status(message, self.state.site));
    }

    /// GMTDATE and the local stamp of the same line are milliseconds apart, zones at least a quarter of an hour.
    fn calibrate(&mut self, stamp: &Stamp, time: Timestamp) {
        let quarters = |difference: TimeDelta| {
            let minutes = (difference.num_seconds() as f64 / 900.0).round() * 15.0;
            (minutes.abs() <= 48.0 * 60.0).then_some(minutes as i16)
        };
        self.state.offset = quarters(time - stamp.local().and_utc()).or(self.state.offset);
        if let Some(stamped) = stamp.utc() {
            self.state.correction = quarters(time - stamped).unwrap_or_default();
        }
    }

    fn utc(&self, stamp: &Stamp) -> Timestamp {
        match stamp.utc() {
            Some(time) => time + TimeDelta::minutes(self.state.correction.into()),
            None => {
                stamp.local().and_utc() + TimeDelta::minutes(self.state.offset.unwrap_or_default().into())
            }
        }
    }
}

/// UTF-8, else Windows-1252, which is what the ANSI code page of most site servers is.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{FailureCause, Hint, HintStrength, MessageId};
    use crate::trace::phrases::UserPatterns;

    const TAIL: &str = "  $$<SMS_SITE_BACKUP><08-22-2012 11:16:19.253-120><thread=5172 (0x1434)>\r\n";

    fn read(text: &str) -> (Vec<LogEntry>, LineCounts) {
        let phrases = Phrases::new(UserPatterns::default()).unwrap();
        let mut reader = TraceReader::new(&phrases, ReaderState::default());
        let mut entries = Vec::new();
        reader.read(text.as_bytes(), &mut |entry| entries.push(entry));
        (entries, reader.counts)
    }

    fn status(id: u16, severity: char, date: &str, strings: &str) -> String {
        format!(
            "STATMSG: ID={id} SEV={severity} LEV=M SOURCE=\"SMS Server\" COMP=\"SMS_SITE_BACKUP\" SYS=CM01.corp.example \
             SITE=P01 PID=4804 TID=5172 GMTDATE={date} ISTR0=\"{strings}\" ISTR1=\"\" NUMATTRS=0"
        )
    }

    fn times(entries: &[LogEntry]) -> Vec<String> {
        let time = |entry: &LogEntry| match entry {
            LogEntry::Status(message, _) => message.time.to_rfc3339(),
            LogEntry::Remark { time, .. } => time.to_rfc3339(),
        };
        entries.iter().map(time).collect()
    }

    #[test]
    fn a_status_line_becomes_a_message_with_the_reason_in_its_strings() {
        let line = status(5060, 'E', "Wed Aug 22 09:16:19.253 2012", "Win32 Error = 112") + TAIL;
        let (entries, counts) = read(&line);
        let [LogEntry::Status(message, site)] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!((message.id, site.unwrap().as_str()), (MessageId::FAILED, "P01"));
        assert!(message.is_error());
        assert_eq!(message.hint, Some(Hint { cause: FailureCause::DiskFull, strength: HintStrength::Code }));
        assert_eq!(counts, LineCounts { lines: 1, ..LineCounts::default() });
    }

    #[test]
    fn lines_that_are_not_the_backups_are_left_alone() {
        let other = status(2301, 'I', "Wed Aug 22 09:16:19.253 2012", "")
            .replace("SITE_BACKUP", "DISTRIBUTION_MANAGER");
        let text = format!(
            "{other}{TAIL}SMS site backup service is stopping.{}",
            TAIL.replace("SITE_BACKUP", "EXECUTIVE")
        );
        assert_eq!(read(&text), (vec![], LineCounts { lines: 2, ..LineCounts::default() }));
    }

    #[test]
    fn malformed_lines_are_counted_and_blank_ones_are_not() {
        let text = format!("garbage\r\n\r\nSTATMSG: nothing{TAIL}STATMSG: ID=x{TAIL}ok{TAIL}");
        let counts = read(&text).1;
        assert_eq!((counts.lines, counts.malformed), (5, 2));
    }

    #[test]
    fn gmtdate_beats_the_bias_and_corrects_the_lines_without_it() {
        // A logger that wrote the bias with the opposite sign: the local time is 11:16 in UTC+2.
        let wrong = TAIL.replace("-120", "+120");
        let line = status(5055, 'I', "Wed Aug 22 09:16:19.253 2012", "");
        let without_bias = TAIL.replace("-120", "");
        let text = format!(
            "{line}{wrong}SMS site backup service is stopping.{wrong}{line}{without_bias}Backup completed{without_bias}"
        );
        assert_eq!(times(&read(&text).0), ["2012-08-22T09:16:19.253+00:00"; 4]);
    }

    #[test]
    fn a_message_over_several_lines_is_one_record() {
        let open = "<![LOG[SMS site backup service\r\n is stopping.";
        let close = "]LOG]!><time=\"11:16:19.253-120\" date=\"08-22-2012\" component=\"SMS_SITE_BACKUP\" context=\"\" \
                     type=\"1\" thread=\"1\" file=\"\">\r\n";
        let (entries, counts) = read(&format!("{open}{close}<![LOG[never closed\r\n{open}{close}"));
        assert_eq!(counts, LineCounts { lines: 5, malformed: 1, oversized: 0 });
        assert_eq!(entries.len(), 2, "{entries:?}");
    }

    #[test]
    fn windows_1252_is_read_where_utf8_fails() {
        assert_eq!(text(b"Sicherung gel\xf6scht"), "Sicherung gelöscht");
        assert_eq!(text("gelöscht".as_bytes()), "gelöscht");
    }
}
