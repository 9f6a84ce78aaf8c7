//! Lines of `Smsbkup.log`, byte for byte in the two layouts of ConfigMgr.
//!
//! Times go in as UTC and come out as ConfigMgr writes them: local with a bias in minutes (`UTC = local + bias`, so
//! it is negative east of Greenwich), and once more as `GMTDATE` in status lines. Lines end with CRLF.

use std::fmt::{self, Write as _};
use std::io;

use chrono::{Datelike, NaiveDateTime, SubsecRound, TimeDelta, Timelike};

use super::entry::{Entry, Status};
use crate::site::{ClosedSet, Component, MessageId, Severity, SiteCode, StatusMessage, Timestamp};

/// SMS Writer is a service of its own; its process and thread outlive the backups.
const VSS_WRITER: (u32, u32) = (2512, 6140);
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// How a line carries its component, time and thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `message  $$<COMPONENT><MM-DD-YYYY hh:mm:ss.mmm+BIAS><thread=N (0xN)>`, as site servers write it.
    Simple,
    /// `<![LOG[message]LOG]!><time=".." date=".." component=".." ..>`, as clients write it.
    Ccm,
}

/// Writes lines as one site server would.
#[derive(Debug, Clone)]
pub struct LogWriter {
    site: SiteCode,
    machine: String,
    component: String,
    process: (u32, u32),
    bias: i32,
    layout: Layout,
    line_breaks: usize,
}

impl LogWriter {
    /// A writer for this site and machine (`SYS=`, a DNS name), in UTC and the simple layout.
    pub fn new(site: SiteCode, machine: impl Into<String>) -> Self {
        Self {
            site,
            machine: machine.into(),
            component: Component::SiteBackup.label().to_owned(),
            process: (4804, 5172),
            bias: 0,
            layout: Layout::Simple,
            line_breaks: 0,
        }
    }

    /// The site that it writes for.
    pub fn site(&self) -> SiteCode {
        self.site
    }

    /// The machine that it writes for.
    pub fn machine(&self) -> &str {
        &self.machine
    }

    /// Minutes from the machine's local time to UTC, as Windows counts them: -60 in Berlin in winter.
    pub fn bias(self, minutes: i32) -> Self {
        Self { bias: minutes, ..self }
    }

    /// The layout of the lines.
    pub fn layout(self, layout: Layout) -> Self {
        Self { layout, ..self }
    }

    /// The component that writes free text; any name, so that a test can play a stranger.
    pub fn component(self, name: impl Into<String>) -> Self {
        Self { component: name.into(), ..self }
    }

    /// The process and thread of the backup service.
    pub fn process(self, pid: u32, tid: u32) -> Self {
        Self { process: (pid, tid), ..self }
    }

    /// How many `~` end a message; each stands for a line break of the original text.
    pub fn line_breaks(self, count: usize) -> Self {
        Self { line_breaks: count, ..self }
    }

    /// A line of free text, with its CRLF.
    pub fn text(&self, time: Timestamp, message: &str) -> String {
        self.line(time, &Entry::text(message))
    }

    /// A status line of the backup service, with its CRLF.
    pub fn status(&self, time: Timestamp, id: MessageId, severity: Severity, strings: &[&str]) -> String {
        self.line(time, &Status::new(id, severity, strings).into())
    }

    /// Any line, with its CRLF.
    pub fn line(&self, time: Timestamp, entry: &Entry) -> String {
        let mut line = String::with_capacity(384);
        // Writing into a string cannot fail.
        let _ = self.format(&mut line, time, entry);
        line
    }

    /// Writes any line, with its CRLF.
    pub fn write(&self, out: &mut impl io::Write, time: Timestamp, entry: &Entry) -> io::Result<()> {
        out.write_all(self.line(time, entry).as_bytes())
    }

    /// The same message as the site database keeps it: without its strings, its time to the millisecond as in the log.
    pub fn message_in_database(&self, time: Timestamp, status: &Status) -> StatusMessage {
        let (pid, tid) = self.process_of(status.component);
        StatusMessage {
            id: status.id,
            severity: Some(status.severity),
            component: status.component,
            machine: self.machine.as_str().into(),
            pid: Some(pid),
            tid: Some(tid),
            time: time.trunc_subsecs(3),
            hint: None,
        }
    }

    fn process_of(&self, component: Component) -> (u32, u32) {
        match component {
            Component::SiteBackup => self.process,
            Component::VssWriter => VSS_WRITER,
        }
    }

    fn format(&self, out: &mut String, time: Timestamp, entry: &Entry) -> fmt::Result {
        let (component, (pid, tid)) = match entry {
            Entry::Text(_) => (self.component.as_str(), self.process),
            Entry::Status(status) => (status.component.label(), self.process_of(status.component)),
        };
        if self.layout == Layout::Ccm {
            out.push_str("<![LOG[");
        }
        match entry {
            Entry::Text(message) => out.push_str(message),
            Entry::Status(status) => self.message(out, time, status, pid, tid)?,
        }
        (0..self.line_breaks).for_each(|_| out.push('~'));
        let local = time.naive_utc() - TimeDelta::minutes(self.bias.into());
        match self.layout {
            Layout::Simple => {
                write!(out, "  $$<{component}><")?;
                date(out, local)?;
                out.push(' ');
                clock(out, local)?;
                self.write_bias(out)?;
                write!(out, "><thread={tid} (0x{tid:X})>\r\n")
            }
            Layout::Ccm => {
                let kind = match entry.severity() {
                    Severity::Information => 1,
                    Severity::Warning => 2,
                    Severity::Error => 3,
                };
                out.push_str("]LOG]!><time=\"");
                clock(out, local)?;
                self.write_bias(out)?;
                out.push_str("\" date=\"");
                date(out, local)?;
                write!(out, "\" component=\"{component}\" context=\"\" type=\"{kind}\" thread=\"{tid}\"")?;
                out.write_str(" file=\"smsbkup.cpp:1\">\r\n")
            }
        }
    }

    fn message(&self, out: &mut String, time: Timestamp, status: &Status, pid: u32, tid: u32) -> fmt::Result {
        let Status { id, severity, component, strings, attributes } = status;
        let severity = match severity {
            Severity::Information => 'I',
            Severity::Warning => 'W',
            Severity::Error => 'E',
        };
        write!(out, "STATMSG: ID={id} SEV={severity} LEV=M SOURCE=\"SMS Server\" COMP=\"{component}\" ")?;
        write!(out, "SYS={} SITE={} PID={pid} TID={tid} GMTDATE=", self.machine, self.site)?;
        let utc = time.naive_utc();
        let weekday = DAYS.get(utc.weekday().num_days_from_monday() as usize).unwrap_or(&"");
        let month = MONTHS.get(utc.month0() as usize).unwrap_or(&"");
        write!(out, "{weekday} {month} {:02} ", utc.day())?;
        clock(out, utc)?;
        write!(out, " {:04}", utc.year())?;
        for number in 0..10 {
            write!(out, " ISTR{number}=\"{}\"", strings.get(number).map_or("", String::as_str))?;
        }
        write!(out, " NUMATTRS={}", attributes.len())?;
        for (number, (id, value)) in attributes.iter().enumerate() {
            write!(out, " AID{number}={id} AVAL{number}=\"{value}\"")?;
        }
        Ok(())
    }

    /// `+300`, `-60`, and `+000` where local time is UTC.
    fn write_bias(&self, out: &mut String) -> fmt::Result {
        if self.bias == 0 { out.write_str("+000") } else { write!(out, "{:+}", self.bias) }
    }
}

fn date(out: &mut String, time: NaiveDateTime) -> fmt::Result {
    write!(out, "{:02}-{:02}-{:04}", time.month(), time.day(), time.year())
}

fn clock(out: &mut String, time: NaiveDateTime) -> fmt::Result {
    let millisecond = (time.nanosecond() / 1_000_000).min(999);
    write!(out, "{:02}:{:02}:{:02}.{millisecond:03}", time.hour(), time.minute(), time.second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn writer() -> LogWriter {
        LogWriter::new("CM1".parse().unwrap(), "CM02.corp.example")
    }

    #[test]
    fn the_public_samples_of_the_simple_layout_are_met_byte_for_byte() {
        for (component, bias, tid, at, breaks, message, stamp) in [
            (
                "SMS_SITE_SYSTEM_STATUS_SUMMARIZER",
                300,
                4840,
                "2016-12-06T08:11:46.039Z",
                0,
                "---->: An event has occurred, the event code is: 0x1",
                "12-06-2016 03:11:46.039+300><thread=4840 (0x12E8)",
            ),
            (
                "SMS_SITE_SYSTEM_STATUS_SUMMARIZER",
                420,
                40800,
                "2018-07-30T07:00:00.620Z",
                0,
                "omGetServerRoleAvailabilityState could not read from the registry on CM01; error = 5: ",
                "07-30-2018 00:00:00.620+420><thread=40800 (0x9F60)",
            ),
            (
                "SMS_COLLECTION_EVALUATOR",
                -60,
                4844,
                "2022-11-30T00:03:34.174Z",
                0,
                "SQL>>>>> Done.",
                "11-30-2022 01:03:34.174-60><thread=4844 (0x12EC)",
            ),
            (
                "SMS_CLIENT_CONFIG_MANAGER",
                -60,
                18612,
                "2026-09-25T14:13:55.938Z",
                1,
                "---> SspiExcludePackage succeeded for .\\Administrator authentication!",
                "09-25-2026 15:13:55.938-60><thread=18612 (0x48B4)",
            ),
        ] {
            let writer = writer().component(component).bias(bias).process(1, tid).line_breaks(breaks);
            let tildes = "~".repeat(breaks);
            let expected = format!("{message}{tildes}  $$<{component}><{stamp}>\r\n");
            assert_eq!(writer.text(time(at), message), expected);
        }
    }

    #[test]
    fn the_public_status_sample_is_met_byte_for_byte() {
        let at = time("2012-08-22T09:16:19.253Z");
        let line = writer().bias(-120).status(at, MessageId::SERVICE_STARTED, Severity::Information, &[]);
        assert_eq!(
            line,
            "STATMSG: ID=500 SEV=I LEV=M SOURCE=\"SMS Server\" COMP=\"SMS_SITE_BACKUP\" SYS=CM02.corp.example SITE=CM1 \
             PID=4804 TID=5172 GMTDATE=Wed Aug 22 09:16:19.253 2012 ISTR0=\"\" ISTR1=\"\" ISTR2=\"\" ISTR3=\"\" \
             ISTR4=\"\" ISTR5=\"\" ISTR6=\"\" ISTR7=\"\" ISTR8=\"\" ISTR9=\"\" NUMATTRS=0  \
             $$<SMS_SITE_BACKUP><08-22-2012 11:16:19.253-120><thread=5172 (0x1434)>\r\n"
        );
    }

    #[test]
    fn strings_and_attributes_follow_the_date() {
        let mut status = Status::new(MessageId(2300), Severity::Warning, &["Dummy1", "\\<PackageID>"]);
        status.attributes.push((400, "PS10000A".to_owned()));
        let line = writer().line(time("2016-10-09T14:33:55.691Z"), &status.by(Component::VssWriter).into());
        assert!(line.contains(" SEV=W ") && line.contains("COMP=\"SMS_SITE_VSS_WRITER\" "), "{line}");
        assert!(
            line.contains(
                "GMTDATE=Sun Oct 09 14:33:55.691 2016 ISTR0=\"Dummy1\" ISTR1=\"\\<PackageID>\" ISTR2=\"\""
            ),
            "{line}"
        );
        assert!(line.contains(" NUMATTRS=1 AID0=400 AVAL0=\"PS10000A\"  $$<SMS_SITE_VSS_WRITER><"), "{line}");
    }

    #[test]
    fn the_client_layout_has_the_same_fields_and_a_severity() {
        let writer = writer().layout(Layout::Ccm);
        let at = time("2026-01-02T03:04:05.006Z");
        for (message, kind) in
            [("Info: x", 1), ("Warning: x", 2), ("Error: x", 3), ("Deleting E:\\x, FAILED", 3)]
        {
            assert_eq!(
                writer.text(at, message),
                format!(
                    "<![LOG[{message}]LOG]!><time=\"03:04:05.006+000\" date=\"01-02-2026\" \
                     component=\"SMS_SITE_BACKUP\" context=\"\" type=\"{kind}\" thread=\"5172\" \
                     file=\"smsbkup.cpp:1\">\r\n"
                )
            );
        }
        let west = writer.clone().bias(300).text(at, "x");
        assert!(west.contains("time=\"22:04:05.006+300\" date=\"01-01-2026\""), "{west}");
    }
}
