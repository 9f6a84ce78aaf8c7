//! STATMSG lines: a status message as ConfigMgr writes it into its own log when it sends one.
//!
//! `STATMSG: ID=5035 SEV=I LEV=M SOURCE="SMS Server" COMP="SMS_SITE_BACKUP" SYS=.. SITE=.. PID=.. TID=.. GMTDATE=..
//! ISTR0=".." .. NUMATTRS=0`. Insertion strings are not escaped, so the fields are read from the left up to them.

use chrono::NaiveDate;

use crate::site::{MessageId, Severity, SiteCode, Timestamp};

const PREFIX: &[u8] = b"STATMSG: ";
const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// The fields of one STATMSG line that mean something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusLine<'a> {
    /// `ID=`
    pub id: MessageId,
    /// `SEV=`, if it is one of `I`, `W`, `E`.
    pub severity: Option<Severity>,
    /// `COMP=`
    pub component: &'a [u8],
    /// `SYS=`
    pub machine: &'a [u8],
    /// `SITE=`, if it is a site code.
    pub site: Option<SiteCode>,
    /// `PID=`
    pub pid: Option<u32>,
    /// `TID=`
    pub tid: Option<u32>,
    /// `GMTDATE=`: UTC, and more trustworthy than the line's own time and bias.
    pub time: Option<Timestamp>,
    /// Everything behind the date: the insertion strings and attributes.
    pub strings: &'a [u8],
}

impl<'a> StatusLine<'a> {
    /// Whether a message claims to be a status message.
    pub fn is_claimed_by(message: &[u8]) -> bool {
        message.starts_with(PREFIX)
    }

    /// Reads a message; `None` without an id or a component.
    pub fn parse(message: &'a [u8]) -> Option<Self> {
        let mut rest = message.strip_prefix(PREFIX)?;
        let mut line = Self {
            id: MessageId(0),
            severity: None,
            component: b"",
            machine: b"",
            site: None,
            pid: None,
            tid: None,
            time: None,
            strings: b"",
        };
        let mut id = None;
        while let Some((key, value, after)) = field(rest) {
            rest = after;
            match key {
                b"ID" => id = decimal(value).and_then(|id| u16::try_from(id).ok()),
                b"SEV" => line.severity = severity(value),
                b"COMP" => line.component = value,
                b"SYS" => line.machine = value,
                b"SITE" => line.site = SiteCode::from_bytes(value),
                b"PID" => line.pid = decimal(value),
                b"TID" => line.tid = decimal(value),
                b"GMTDATE" => {
                    // The only value with blanks and without quotes: the first word has been cut off.
                    let end = memchr::memmem::find(after, b" ISTR0=").unwrap_or(after.len());
                    line.time = gmt_date(&after[..end]);
                    line.strings = &after[end..];
                    break;
                }
                _ => {}
            }
        }
        line.id = MessageId(id?);
        (!line.component.is_empty()).then_some(line)
    }
}

/// The next `KEY=value` or `KEY="value"`, and what follows it.
fn field(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let text = text.trim_ascii_start();
    let equals = memchr::memchr(b'=', text)?;
    let (key, value) = (&text[..equals], &text[equals + 1..]);
    if let Some(quoted) = value.strip_prefix(b"\"") {
        let end = memchr::memchr(b'"', quoted)?;
        Some((key, &quoted[..end], &quoted[end + 1..]))
    } else {
        let end = memchr::memchr(b' ', value).unwrap_or(value.len());
        Some((key, &value[..end], &value[end..]))
    }
}

fn decimal(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn severity(text: &[u8]) -> Option<Severity> {
    match text {
        b"I" => Some(Severity::Information),
        b"W" => Some(Severity::Warning),
        b"E" => Some(Severity::Error),
        _ => None,
    }
}

/// `Aug 22 09:16:19.253 2012`, English on every server.
fn gmt_date(text: &[u8]) -> Option<Timestamp> {
    let mut words = text.split(|c| *c == b' ').filter(|word| !word.is_empty());
    let month = words.next()?;
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))?;
    let day = decimal(words.next()?)?;
    let time = std::str::from_utf8(words.next()?).ok()?;
    // Four digits, as everywhere: later years exist in chrono, but no moment a few minutes after the last of them.
    let year = i32::try_from(decimal(words.next()?)?).ok().filter(|year| (1..=9999).contains(year))?;
    let mut clock = time.splitn(3, ':');
    let hour = clock.next()?.parse().ok()?;
    let minute = clock.next()?.parse().ok()?;
    let (second, millisecond) = clock.next()?.split_once('.').unwrap_or_default();
    let date = NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()? + 1, day)?;
    let time = date.and_hms_milli_opt(hour, minute, second.parse().ok()?, millisecond.parse().ok()?)?;
    Some(time.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "STATMSG: ID=500 SEV=I LEV=M SOURCE=\"SMS Server\" COMP=\"SMS_EXECUTIVE\" \
        SYS=CM02.corp.example SITE=CM1 PID=4804 TID=5172 GMTDATE=Wed Aug 22 09:16:19.253 2012 ISTR0=\"a \\\" ISTR1=\"\" \
        NUMATTRS=0";

    #[test]
    fn the_public_sample_is_read_field_by_field() {
        let line = StatusLine::parse(SAMPLE.as_bytes()).unwrap();
        assert_eq!(line.id, MessageId::SERVICE_STARTED);
        assert_eq!(line.severity, Some(Severity::Information));
        assert_eq!(line.component, b"SMS_EXECUTIVE");
        assert_eq!(line.machine, b"CM02.corp.example");
        assert_eq!(line.site.unwrap().as_str(), "CM1");
        assert_eq!((line.pid, line.tid), (Some(4804), Some(5172)));
        assert_eq!(line.time.unwrap().to_rfc3339(), "2012-08-22T09:16:19.253+00:00");
        assert!(line.strings.starts_with(b" ISTR0=\"a \\\" ISTR1="));
    }

    #[test]
    fn what_is_missing_is_unknown_and_without_id_or_component_it_is_nothing() {
        let line = StatusLine::parse(b"STATMSG: ID=5035 COMP=\"SMS_SITE_BACKUP\"").unwrap();
        assert_eq!((line.severity, line.site, line.time), (None, None, None));
        for text in
            ["STATMSG: SEV=I COMP=\"X\"", "STATMSG: ID=5035", "STATMSG: ID=70000 COMP=\"X\"", "ID=1", ""]
        {
            assert_eq!(StatusLine::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_date_that_is_none_is_unknown() {
        for date in [
            "Wed Foo 22 09:16:19.253 2012",
            "Wed Feb 30 09:16:19.253 2012",
            "Wed Dec 31 23:59:59.999 262142",
            "Wed",
            "",
        ] {
            let line = format!("STATMSG: ID=1 COMP=\"X\" GMTDATE={date} ISTR0=\"\"");
            assert_eq!(StatusLine::parse(line.as_bytes()).unwrap().time, None, "{date}");
        }
    }
}
