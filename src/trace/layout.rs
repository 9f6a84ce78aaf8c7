//! One line of a ConfigMgr log, in either of its layouts, found from the right.
//!
//! The message may hold anything, so everything known stands to its right: `$$<COMPONENT><date><thread=..>` in site
//! server logs, `]LOG]!><time=.. date=.. component=..>` in the layout that CMTrace and clients write. Nothing here
//! allocates, and a line of no interest is only checked for its shape.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use memchr::memrchr;

use crate::site::Timestamp;

/// What opens a line of the CMTrace layout.
pub(super) const CCM_OPEN: &[u8] = b"<![LOG[";
const CCM_CLOSE: &[u8] = b"]LOG]!><";

/// One line, taken apart but not interpreted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceLine<'a> {
    /// The message without the trailing blanks and `~`; UTF-8 or Windows-1252.
    pub message: &'a [u8],
    /// The component that wrote the line.
    pub component: &'a [u8],
    /// When it was written.
    pub stamp: Stamp,
}

impl<'a> TraceLine<'a> {
    /// Takes one line apart (without its line end); `None` if it is in neither layout.
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let line = line.trim_ascii_end();
        if line.starts_with(CCM_OPEN) { Self::parse_ccm(line) } else { Self::parse_simple(line) }
    }

    fn parse_simple(line: &'a [u8]) -> Option<Self> {
        let (rest, thread) = bracketed(line)?;
        if !thread.starts_with(b"thread=") || thread.len() == 7 {
            return None;
        }
        let (rest, date) = bracketed(rest)?;
        let stamp = Stamp::parse(date)?;
        let (rest, component) = bracketed(rest)?;
        let message = rest.strip_suffix(b"$$")?;
        Some(Self { message: trim_message(message), component, stamp })
    }

    fn parse_ccm(line: &'a [u8]) -> Option<Self> {
        let mut rest = line.strip_suffix(b">")?;
        let (mut time, mut date, mut component) = (None, None, None);
        loop {
            let (before, key, value) = attribute(rest)?;
            match key {
                b"time" => time = Some(value),
                b"date" => date = Some(value),
                b"component" => component = Some(value),
                _ => {}
            }
            rest = before;
            if let Some(before) = rest.strip_suffix(CCM_CLOSE) {
                rest = before;
                break;
            }
            rest = rest.strip_suffix(b" ")?;
        }
        let stamp = Stamp::from_fields(date?, time?)?;
        let message = rest.strip_prefix(CCM_OPEN)?;
        Some(Self { message: trim_message(message), component: component?, stamp })
    }
}

/// Whether a line of the CMTrace layout has its right half, so that a message over several lines ends here.
pub(super) fn closes_ccm(line: &[u8]) -> bool {
    line.trim_ascii_end().ends_with(b"\">") && memchr::memmem::find(line, CCM_CLOSE).is_some()
}

/// Splits `rest<inner>` into its two halves. What is in brackets is short, so a plain loop beats a vectorised search.
fn bracketed(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_suffix(b">")?;
    let open = text.iter().rposition(|c| *c == b'<')?;
    Some((&text[..open], &text[open + 1..]))
}

/// Splits `rest key="value"` into its three parts; `rest` keeps the blank before the key.
fn attribute(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let text = text.strip_suffix(b"\"")?;
    let quote = memrchr(b'"', text)?;
    let value = &text[quote + 1..];
    let text = text[..quote].strip_suffix(b"=")?;
    let key = text.len() - text.iter().rev().take_while(|c| c.is_ascii_lowercase()).count();
    Some((&text[..key], &text[key..], value))
}

/// `~` stands for a line break of the original text, before and after it.
fn trim_message(message: &[u8]) -> &[u8] {
    let is_filler = |c: &u8| matches!(c, b' ' | b'~' | b'\t');
    let start = message.iter().position(|c| !is_filler(c)).unwrap_or(message.len());
    let end = message.iter().rposition(|c| !is_filler(c)).map_or(start, |last| last + 1);
    &message[start..end]
}

/// The time a line carries: local, with the minutes that lead to UTC if the line has them.
///
/// The bias is Windows' own (`UTC = local + bias`, positive west of Greenwich) and includes daylight saving time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    millisecond: u16,
    /// Minutes; `None` where the line has no bias.
    pub bias: Option<i16>,
}

impl Stamp {
    /// `MM-DD-YYYY hh:mm:ss.mmm±BIAS`
    fn parse(text: &[u8]) -> Option<Self> {
        let space = text.iter().position(|c| *c == b' ')?;
        Self::from_fields(&text[..space], &text[space + 1..])
    }

    /// `MM-DD-YYYY` (unpadded too) and `hh:mm:ss.mmm±BIAS`
    fn from_fields(date: &[u8], time: &[u8]) -> Option<Self> {
        let (month, date) = number(date)?;
        let (day, date) = number(date.strip_prefix(b"-")?)?;
        let (year, date) = number(date.strip_prefix(b"-")?)?;
        let (hour, time) = number(time)?;
        let (minute, time) = number(time.strip_prefix(b":")?)?;
        let (second, time) = number(time.strip_prefix(b":")?)?;
        let (millisecond, time) = fraction(time)?;
        let bias = bias(time)?;
        let valid = date.is_empty()
            && (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        valid.then_some(Self {
            year,
            month: u8::try_from(month).ok()?,
            day: u8::try_from(day).ok()?,
            hour: u8::try_from(hour).ok()?,
            minute: u8::try_from(minute).ok()?,
            second: u8::try_from(second).ok()?,
            millisecond,
            bias,
        })
    }

    /// The time as written, in the zone of the machine that wrote it.
    pub fn local(&self) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(self.year.into(), self.month.into(), self.day.into())
            .and_then(|date| {
                let (hour, minute, second) = (self.hour.into(), self.minute.into(), self.second.into());
                date.and_hms_milli_opt(hour, minute, second, self.millisecond.into())
            })
            .unwrap_or_default()
    }

    /// The time in UTC; `None` without a bias.
    pub fn utc(&self) -> Option<Timestamp> {
        Some((self.local() + TimeDelta::minutes(self.bias?.into())).and_utc())
    }
}

fn days_in_month(year: u16, month: u16) -> u16 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// One to four leading digits and what follows them.
fn number(text: &[u8]) -> Option<(u16, &[u8])> {
    let digits = text.iter().take(4).take_while(|c| c.is_ascii_digit()).count();
    let value = text[..digits].iter().fold(0, |value, c| value * 10 + u16::from(c - b'0'));
    (digits > 0).then_some((value, &text[digits..]))
}

/// `.mmm`, of which further digits are dropped; nothing at all counts as zero.
fn fraction(text: &[u8]) -> Option<(u16, &[u8])> {
    let Some(text) = text.strip_prefix(b".") else { return Some((0, text)) };
    let digits = text.iter().take_while(|c| c.is_ascii_digit()).count();
    let value =
        text[..digits].iter().chain(b"000").take(3).fold(0, |value, c| value * 10 + u16::from(c - b'0'));
    (digits > 0).then_some((value, &text[digits..]))
}

/// `+300`, `-60`, `+000`, nothing, or the `+-240` of some PowerShell loggers; at most a day.
fn bias(text: &[u8]) -> Option<Option<i16>> {
    let digits = match text {
        [] => return Some(None),
        [b'+', b'-', digits @ ..] | [b'+' | b'-', digits @ ..] => digits,
        _ => return None,
    };
    let (minutes, rest) = number(digits)?;
    let minutes = i16::try_from(minutes).ok().filter(|minutes| *minutes <= 24 * 60 && rest.is_empty())?;
    let negative = text[..text.len() - digits.len()].contains(&b'-');
    Some(Some(if negative { -minutes } else { minutes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(line: &str) -> String {
        let stamp = TraceLine::parse(line.as_bytes()).unwrap().stamp;
        stamp.utc().unwrap().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    }

    #[test]
    fn both_layouts_are_read_from_the_right() {
        let simple = b"a <b> \"c\" $$<D><01-01-2020 x>~~  $$<SMS_SITE_BACKUP><12-06-2016 03:11:46.039+300><thread=4840 (0x12E8)>\r";
        let line = TraceLine::parse(simple).unwrap();
        assert_eq!(line.message, b"a <b> \"c\" $$<D><01-01-2020 x>");
        assert_eq!(line.component, b"SMS_SITE_BACKUP");

        let ccm = b"<![LOG[a ]LOG]!><time=\"x\">]LOG]!><time=\"03:11:46.039+300\" date=\"12-06-2016\" component=\"SMS_SITE_BACKUP\" context=\"\" type=\"3\" thread=\"4840\" file=\"backup.cpp:12\">";
        let line = TraceLine::parse(ccm).unwrap();
        assert_eq!(line.message, b"a ]LOG]!><time=\"x\">");
        assert_eq!(line.component, b"SMS_SITE_BACKUP");
        assert_eq!(line.stamp.utc(), TraceLine::parse(simple).unwrap().stamp.utc());
    }

    #[test]
    fn the_bias_leads_to_utc_with_the_right_sign() {
        let line = |stamp: &str| format!("m  $$<C><{stamp}><thread=1 (0x1)>");
        for (stamp, expected) in [
            ("07-30-2018 00:00:00.620+420", "2018-07-30T07:00:00.620Z"),
            ("12-06-2016 03:11:46.039+300", "2016-12-06T08:11:46.039Z"),
            ("11-30-2022 01:03:34.174-60", "2022-11-30T00:03:34.174Z"),
            ("01-01-2024 00:00:00.000+000", "2024-01-01T00:00:00.000Z"),
            ("01-01-2024 00:00:00.000+60", "2024-01-01T01:00:00.000Z"),
            ("01-01-2024 00:00:00.000+-240", "2023-12-31T20:00:00.000Z"),
            ("1-1-2024 0:00:00-60", "2023-12-31T23:00:00.000Z"),
        ] {
            assert_eq!(utc(&line(stamp)), expected, "{stamp}");
        }
    }

    #[test]
    fn a_missing_bias_leaves_the_local_time() {
        let stamp = TraceLine::parse(b"m $$<C><02-29-2024 10:20:30.400><thread=1 (0x1)>").unwrap().stamp;
        assert_eq!((stamp.bias, stamp.utc()), (None, None));
        assert_eq!(stamp.local().to_string(), "2024-02-29 10:20:30.400");
    }

    #[test]
    fn anything_else_is_no_line() {
        for line in [
            "",
            "free text",
            "m $$<C><01-01-2024 00:00:00.000+0>",
            "m $$<C><13-01-2024 00:00:00.000+0><thread=1>",
            "m $$<C><02-30-2024 00:00:00.000+0><thread=1>",
            "m $$<C><01-01-2024 24:00:00.000+0><thread=1>",
            "m $$<C><01-01-2024 00:00:00.000+1441><thread=1>",
            "m $$<C><01-01-2024 00:00:00.000*1><thread=1>",
            "m $<C><01-01-2024 00:00:00.000+0><thread=1>",
            "m $$<C><Mon Jul 03 12:25:46.750 2000 GMT Daylight Time><thread=43 (0x2B)>",
            "STATMSG: ID=2301\tSMS_DISTRIBUTION_MANAGER\t10/9/2018 3:36:30 PM\t1424 (0x0590)",
            "<![LOG[never closed",
            "<![LOG[m]LOG]!><time=\"00:00:00.000+0\" component=\"C\" type=\"1\" thread=\"1\" file=\"\">",
        ] {
            assert_eq!(TraceLine::parse(line.as_bytes()), None, "{line}");
        }
    }
}
