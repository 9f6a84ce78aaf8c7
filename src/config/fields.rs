//! The kinds of single values: from the user's text to a type, or what is wrong with it and what to do.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono_tz::{TZ_VARIANTS, Tz};
use regex::{Regex, RegexBuilder};

use super::duration::{InvalidDuration, format_duration, parse_duration};
use super::problem::{Fault, is_invisible, shown};
use super::suggest::nearest;
use crate::schedule::{DAY_NAMES, EVERY_DAY, Zone};
use crate::site::{ClosedSet, SiteCode};

/// The compiled size that a user's pattern may have; a site with many of them stays below the memory of one log.
const PATTERN_SIZE_LIMIT: usize = 1 << 20;

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

/// The path of a file, relative ones from `base`.
///
/// Windows and UNC paths stay as they are on every platform, so that a file can be checked on another machine.
pub(super) fn file_path(text: &str, base: &Path) -> Result<PathBuf, Fault> {
    if text.trim().is_empty() {
        return Err(Fault::new("an empty path", "write the path of a file, or remove the key"));
    }
    all_visible(text)?;
    if text.ends_with(['/', '\\']) {
        return Err(Fault::new(format!("{} is a folder", shown(text)), "add the name of the file"));
    }
    match text.as_bytes() {
        [b'/' | b'\\', ..] | [b'a'..=b'z' | b'A'..=b'Z', b':', b'/' | b'\\', ..] => Ok(PathBuf::from(text)),
        [b'a'..=b'z' | b'A'..=b'Z', b':', ..] => {
            let what = format!("{} depends on the current folder of the drive", shown(text));
            Err(Fault::new(what, format!("write {}", shown(&format!("{}\\{}", &text[..2], &text[2..])))))
        }
        _ => Ok(base.join(text)),
    }
}

/// Refuses what double quotes and block texts put in unseen: line breaks, tabs, backspaces.
fn all_visible(text: &str) -> Result<(), Fault> {
    if !text.contains(is_invisible) {
        return Ok(());
    }
    let what = format!("{} has characters that cannot be seen", shown(text));
    Err(Fault::new(what, "put the text in single quotes: in double quotes YAML reads `\\` as an escape"))
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
mod tests {
    use super::*;
    use crate::site::FailureCause;

    #[test]
    fn paths_of_every_platform_keep_their_text() {
        let base = Path::new("/etc/exporter");
        for text in [
            r"C:\Program Files\Microsoft Configuration Manager\Logs\smsbkup.log",
            "D:/Logs/smsbkup.log",
            r"\\CM01\SMS_P01\Logs\smsbkup.log",
            "//cm01/logs/smsbkup.log",
            r"\\?\C:\Logs\smsbkup.log",
            "/mnt/cm01/smsbkup.log",
        ] {
            assert_eq!(file_path(text, base), Ok(PathBuf::from(text)), "{text}");
        }
        for text in ["smsbkup.log", "logs/smsbkup.log", "../smsbkup.log", "ä.log"] {
            assert_eq!(file_path(text, base), Ok(base.join(text)), "{text}");
        }
    }

    #[test]
    fn paths_that_cannot_be_meant_are_refused() {
        for text in ["", "  ", r"C:\Logs\", "logs/", "C:smsbkup.log", "C:\u{2029}rogram", "a\tb", "a\0b"] {
            assert!(file_path(text, Path::new("/")).is_err(), "{text:?}");
        }
        let fault = file_path("C:smsbkup.log", Path::new("/")).unwrap_err();
        assert_eq!(fault.remedy, r"write `C:\smsbkup.log`");
    }

    #[test]
    fn a_time_of_day_has_hours_and_minutes() {
        for (text, minutes) in [("00:00", 0), ("2:05", 125), ("02:00", 120), ("23:59", 1439)] {
            assert_eq!(time_of_day(text), Ok(minutes), "{text}");
        }
        for text in ["24:00", "2", "02:60", "2:5", "2pm", "", ":", "02:00:00", "+2:00", "-1:00", "002:00"] {
            assert!(time_of_day(text).is_err(), "{text}");
        }
    }

    #[test]
    fn days_are_known_by_three_letters_and_in_any_case() {
        for (text, mask) in [("sunday", 1), ("MON", 2), ("Wed", 8), ("Saturday", 64), ("Daily", EVERY_DAY)] {
            assert_eq!(days(text), Ok(mask), "{text}");
        }
        for text in ["", "su", "sund", "sonntag", "weekly"] {
            assert!(days(text).is_err(), "{text}");
        }
    }

    #[test]
    fn zones_are_local_utc_or_names() {
        assert_eq!(zone("Local"), Ok(Zone::Local));
        assert_eq!(zone("UTC"), Ok(Zone::Utc));
        assert_eq!(zone("Europe/Berlin"), Ok(Zone::Named(chrono_tz::Europe::Berlin)));
        assert!(zone("europe/berlin").unwrap_err().what.contains("did you mean `Europe/Berlin`?"));
        assert!(zone("W. Europe Standard Time").is_err());
    }

    #[test]
    fn patterns_may_use_classes_and_ignore_case() {
        assert!(pattern(r"(?i)backup \w+ error \d+").unwrap().is_match("Backup ended: BACKUP with ERROR 5"));
        for text in ["(", "", "x*", r"\q", "(?:(?:a{99}){99}){99}"] {
            assert!(pattern(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_unknown_word_is_answered_with_the_known_ones() {
        let fault = label::<FailureCause>("copy_fialed").unwrap_err();
        assert!(fault.what.contains("did you mean `copy_failed`?"), "{}", fault.what);
        assert!(
            FailureCause::ALL.iter().all(|cause| fault.remedy.contains(cause.label())),
            "{}",
            fault.remedy
        );
    }
}
