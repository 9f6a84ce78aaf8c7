//! The kinds of single values: from the user's text to a type, or what is wrong with it and what to do.

mod database;
mod services;

use std::time::Duration;

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::{TZ_VARIANTS, Tz};
use regex::{Regex, RegexBuilder};

pub(super) use database::{alert_name, database_name, login, port, server_address, type_id, variable};
pub(super) use services::{answer, argument, count, day_window, exit_code, machine, program};

use super::duration::{InvalidDuration, format_duration, parse_duration};
use super::paths::all_visible;
use super::problem::{Fault, shown};
use super::size::{format_size, parse_size};
use super::suggest::nearest;
use crate::schedule::{DAY_NAMES, EVERY_DAY, Zone};
use crate::site::{ClosedSet, SiteCode, Timestamp};

/// The compiled size that a user's pattern may have; a site with many of them stays below the memory of one log.
const PATTERN_SIZE_LIMIT: usize = 1 << 20;

/// The most characters of a name that the metrics show.
const LONGEST_NAME: usize = 32;

/// A site code.
pub(super) fn site_code(text: &str) -> Result<SiteCode, Fault> {
    text.parse().map_err(|_| {
        let what = format!("{} is not a site code", shown(text));
        Fault::new(what, "write the three letters or digits that the console shows, as P01")
    })
}

/// A member of a closed set, by its label.
pub(super) fn label<T: ClosedSet>(text: &str) -> Result<T, Fault> {
    T::from_label(text).ok_or_else(|| {
        let labels: Vec<_> = T::ALL.iter().map(|member| member.label()).collect();
        let hint = nearest(text, labels.iter().copied()).map(|near| format!(" (did you mean `{near}`?)"));
        let what = format!("{} is not one of the known words{}", shown(text), hint.unwrap_or_default());
        Fault::new(what, format!("write one of {}", labels.join(", ")))
    })
}

/// A duration of at least `least` and at most `most`.
pub(super) fn duration(text: &str, least: Duration, most: Duration) -> Result<Duration, Fault> {
    let range = || format!("between {} and {}", format_duration(least), format_duration(most));
    let duration = parse_duration(text).map_err(|invalid| {
        let remedy = match invalid {
            InvalidDuration::NoUnit => format!("add a unit, as {text}s, {text}m, {text}h or {text}d"),
            InvalidDuration::TooLong => format!("write a duration {}", range()),
            InvalidDuration::Malformed => {
                "write whole numbers with units, as 90s, 30m, 1h30m or 5d".to_owned()
            }
        };
        Fault::new(format!("{} {invalid}", shown(text)), remedy)
    })?;
    let what = match duration {
        _ if duration < least => "is too short",
        _ if duration > most => "is too long",
        _ => return Ok(duration),
    };
    Err(Fault::new(format!("{} {what}", shown(text)), format!("write a duration {}", range())))
}

/// A time of day as `HH:MM`, in minutes after midnight.
pub(super) fn time_of_day(text: &str) -> Result<u16, Fault> {
    let minutes = || {
        let (hours, minutes) = text.split_once(':')?;
        let number = |digits: &str, most: u16| {
            let fits = matches!(digits.len(), 1..=2) && digits.bytes().all(|c| c.is_ascii_digit());
            digits.parse::<u16>().ok().filter(|number| fits && *number <= most)
        };
        Some(number(hours, 23)? * 60 + number(minutes, 59).filter(|_| minutes.len() == 2)?)
    };
    minutes().ok_or_else(|| {
        let what = format!("{} is not a time of day", shown(text));
        Fault::new(what, "write hours and minutes of a 24-hour clock, as 02:00 or 23:30")
    })
}

/// A day by its name or its first three letters, or `daily`, as a mask.
pub(super) fn days(text: &str) -> Result<u8, Fault> {
    let name = text.to_ascii_lowercase();
    if name == "daily" {
        return Ok(EVERY_DAY);
    }
    match DAY_NAMES.iter().position(|day| *day == name || day[..3] == *name) {
        Some(bit) => Ok(1 << bit),
        None => {
            let hint = nearest(&name, DAY_NAMES).map(|near| format!(" (did you mean `{near}`?)"));
            let what = format!("{} is not a day{}", shown(text), hint.unwrap_or_default());
            Err(Fault::new(what, "write names of days, as sunday or sun, or daily for all"))
        }
    }
}

/// The zone of a schedule.
pub(super) fn zone(text: &str) -> Result<Zone, Fault> {
    match text.to_ascii_lowercase().as_str() {
        "local" => return Ok(Zone::Local),
        "utc" => return Ok(Zone::Utc),
        _ => {}
    }
    text.parse::<Tz>().map(Zone::Named).map_err(|_| {
        let near = nearest(text, TZ_VARIANTS.iter().map(|zone| zone.name()));
        let hint = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
        let what = format!("{} is not a time zone{hint}", shown(text));
        Fault::new(what, "write local, utc, or a name of the IANA database, as Europe/Berlin")
    })
}

/// A number of bytes each second of at least `least`.
pub(super) fn rate(text: &str, least: u64) -> Result<u64, Fault> {
    let rate = parse_size(text).map_err(|invalid| {
        let remedy = "write a whole number with a unit, as 50MiB or 500KB; without a unit it is bytes";
        Fault::new(format!("{} {invalid}", shown(text)), remedy)
    })?;
    if rate < least {
        let what = format!("{} is too little each second", shown(text));
        let remedy = format!("write at least {}; a number without a unit is bytes", format_size(least));
        return Err(Fault::new(what, remedy));
    }
    Ok(rate)
}

/// Yes or no, as YAML writes it.
pub(super) fn boolean(text: &str) -> Result<bool, Fault> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Fault::new(format!("{} is neither true nor false", shown(text)), "write true or false")),
    }
}

/// The beginning of a day in UTC.
pub(super) fn date(text: &str) -> Result<Timestamp, Fault> {
    let digits = |part: &str, length| part.len() == length && part.bytes().all(|c| c.is_ascii_digit());
    let date = || {
        let (year, rest) = text.split_once('-')?;
        let (month, day) = rest.split_once('-')?;
        let written = digits(year, 4) && digits(month, 2) && digits(day, 2);
        let date = NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?;
        written.then(|| date.and_time(NaiveTime::MIN).and_utc())
    };
    date().ok_or_else(|| {
        let what = format!("{} is not a date", shown(text));
        Fault::new(what, "write year, month and day of the calendar, as 2026-06-01")
    })
}

/// A name that the metrics show, other than the names before it.
pub(super) fn name(text: &str, others: &[String]) -> Result<String, Fault> {
    let fits = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_');
    if !matches!(text.len(), 1..=LONGEST_NAME) || !text.bytes().all(fits) {
        let remedy =
            format!("write 1 to {LONGEST_NAME} of the characters a-z, 0-9 and _, as nas or offsite_2");
        return Err(Fault::new(format!("{} is not a name", shown(text)), remedy));
    }
    if others.iter().any(|other| other == text) {
        return Err(Fault::new(format!("{} is named already", shown(text)), "use each name once"));
    }
    Ok(text.to_owned())
}

/// A pattern for a log line.
pub(super) fn pattern(text: &str) -> Result<Regex, Fault> {
    all_visible(text)?;
    let compiled =
        RegexBuilder::new(text).size_limit(PATTERN_SIZE_LIMIT).build().map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => Fault::new(
                format!("{} is too large a pattern", shown(text)),
                "make it shorter or repeat less in it",
            ),
            error => {
                let message = error.to_string();
                let reason =
                    message.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or("invalid");
                let what = format!("{} is not a regular expression: {reason}", shown(text));
                Fault::new(
                    what,
                    "put `\\` before a character that is meant literally, and the text in single quotes",
                )
            }
        })?;
    if compiled.is_match("") {
        let what = format!("{} matches every line", shown(text));
        return Err(Fault::new(what, "write what only the lines in question have"));
    }
    Ok(compiled)
}

#[cfg(test)]
mod tests;
