//! The values by which services are found and asked, and by which restarts are limited.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::Path;

use super::database::is_host_name;
use super::time_of_day;
use crate::config::DayWindow;
use crate::config::paths::{all_visible, file_path};
use crate::config::problem::{Fault, shown};

/// The name of another machine, as its services are reached by and as runs name it.
pub(in crate::config) fn machine(text: &str) -> Result<String, Fault> {
    const NAME: &str = "write its name in Windows or in DNS, as cm01 or cm01.corp.example";
    all_visible(text)?;
    let fault = |what: &str, remedy: &str| Err(Fault::new(format!("{} {what}", shown(text)), remedy));
    if matches!(text.to_ascii_lowercase().as_str(), "." | "(local)" | "localhost") {
        return fault("is this machine", "remove the key, or write the name that logs have for it");
    }
    // Logs name machines, so that an address could never be compared with them.
    if text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return fault("is an address", NAME);
    }
    if !is_host_name(text) {
        return fault("is not the name of a machine", NAME);
    }
    Ok(text.to_owned())
}

/// A program: by its path, relative ones from `base`, or by a name that the system looks for.
pub(in crate::config) fn program(text: &str, base: &Path) -> Result<String, Fault> {
    if text.contains(['/', '\\', ':']) {
        let path = file_path(text, base)?.into_os_string().into_string();
        return path.map_err(|_| {
            let what = "is relative to the configuration file, whose folder is not a Unicode text";
            Fault::new(what, "write an absolute path")
        });
    }
    all_visible(text)?;
    if text.trim().is_empty() {
        return Err(Fault::new("an empty name", "write the path of a program"));
    }
    if text.contains(char::is_whitespace) {
        let remedy = "write the program and each of its arguments as an item of its own: no shell reads them";
        return Err(Fault::new(format!("{} is more than the name of a program", shown(text)), remedy));
    }
    Ok(text.to_owned())
}

/// An argument of a program; it may be empty.
pub(in crate::config) fn argument(text: &str) -> Result<String, Fault> {
    all_visible(text)?;
    Ok(text.to_owned())
}

/// A code with which a program can exit on a platform that has these.
pub(in crate::config) fn exit_code(text: &str, known: &RangeInclusive<i32>) -> Result<i32, Fault> {
    match text.parse::<i32>() {
        Ok(code) if known.contains(&code) => Ok(code),
        Ok(_) => {
            let what = format!("{} is an exit code that no program has on this platform", shown(text));
            let remedy = format!("write a whole number between {} and {}", known.start(), known.end());
            Err(Fault::new(what, remedy))
        }
        Err(_) => {
            let what = format!("{} is not an exit code", shown(text));
            Err(Fault::new(what, "write a whole number, as 0 or 3"))
        }
    }
}

/// A text that an output is searched for.
pub(in crate::config) fn answer(text: &str) -> Result<String, Fault> {
    all_visible(text)?;
    if text.trim().is_empty() {
        return Err(Fault::new("an empty text", "write what only this answer has, as STOPPED"));
    }
    Ok(text.to_owned())
}

/// A whole number in a range.
pub(in crate::config) fn count(text: &str, range: RangeInclusive<u32>) -> Result<u32, Fault> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let remedy = format!("write a whole number between {} and {}", range.start(), range.end());
        Fault::new(format!("{} is not in the range", shown(text)), remedy)
    })
}

/// A part of each day as `HH:MM-HH:MM`; 24:00 is midnight, as an end, and only 00:00-24:00 is the whole day.
pub(in crate::config) fn day_window(text: &str) -> Result<DayWindow, Fault> {
    let ends = text.split_once('-').and_then(|(begin, end)| {
        let midnight = end.trim() == "24:00";
        let end = if midnight { 0 } else { time_of_day(end.trim()).ok()? };
        Some((DayWindow { begin: time_of_day(begin.trim()).ok()?, end }, midnight))
    });
    match ends {
        Some((window, false)) if window.begin == window.end => {
            let remedy = "write another end, or \"00:00-24:00\" for the whole day";
            Err(Fault::new(format!("{} ends when it begins", shown(text)), remedy))
        }
        Some((window, _)) => Ok(window),
        None => {
            let remedy = "write begin and end by a 24-hour clock, as \"01:00-05:00\" or \"22:00-04:00\"";
            Err(Fault::new(format!("{} is not a part of the day", shown(text)), remedy))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_a_name_that_runs_could_have() {
        for text in ["cm01", "CM01.corp.example", "cm_01-a"] {
            assert_eq!(machine(text).as_deref(), Ok(text));
        }
        for (text, what) in [
            ("", "not the name"),
            (r"\\cm01", "not the name"),
            ("cm 01", "not the name"),
            ("cm01:445", "not the name"),
            ("10.0.0.5", "is an address"),
            ("[::1]", "is an address"),
            (".", "is this machine"),
            ("LocalHost", "is this machine"),
            ("cm01\n", "cannot be seen"),
        ] {
            let fault = machine(text).unwrap_err();
            assert!(fault.what.contains(what), "{text}: {fault:?}");
        }
    }

    #[test]
    fn a_program_is_a_path_or_a_name() {
        let base = Path::new("/etc/exporter");
        for (text, path) in [
            ("/usr/bin/ssh", "/usr/bin/ssh"),
            ("ssh", "ssh"),
            (r"C:\Program Files\x.exe", r"C:\Program Files\x.exe"),
            (r"\\srv\tools\x.exe", r"\\srv\tools\x.exe"),
        ] {
            assert_eq!(program(text, base).as_deref(), Ok(path));
        }
        let relative = program("bin/state", base).unwrap();
        assert_eq!(Path::new(&relative), base.join("bin/state"));
        for text in ["", " ", "sc query SMS_SITE_BACKUP", "bin/", "C:x.exe", "a\tb"] {
            assert!(program(text, base).is_err(), "{text}");
        }
    }

    #[test]
    fn a_window_is_written_with_both_its_ends() {
        for (text, begin, end) in [
            ("01:00-05:00", 60, 300),
            ("1:00 - 5:30", 60, 330),
            ("22:00-04:00", 1320, 240),
            ("22:00-24:00", 1320, 0),
            ("00:00-24:00", 0, 0),
            ("23:59-00:00", 1439, 0),
        ] {
            assert_eq!(day_window(text), Ok(DayWindow { begin, end }), "{text}");
        }
        for (text, what) in [
            ("", "not a part"),
            ("01:00", "not a part"),
            ("24:00-05:00", "not a part"),
            ("01:00-25:00", "not a part"),
            ("1-5", "not a part"),
            ("01:00-05:00-06:00", "not a part"),
            ("00:00-00:00", "ends when it begins"),
            ("02:00-2:00", "ends when it begins"),
        ] {
            let fault = day_window(text).unwrap_err();
            assert!(fault.what.contains(what), "{text}: {fault:?}");
        }
    }

    #[test]
    fn numbers_are_whole_and_in_their_range() {
        assert_eq!((count("1", 1..=24), count("24", 1..=24)), (Ok(1), Ok(24)));
        for text in ["", "0", "25", "-1", "1.5", "two", "4294967296"] {
            assert!(count(text, 1..=24).is_err(), "{text}");
        }
        let (byte, whole) = (0..=255, i32::MIN..=i32::MAX);
        for (text, in_byte, in_whole) in [
            ("0", true, true),
            ("255", true, true),
            ("256", false, true),
            ("-1", false, true),
            ("1060", false, true),
            ("-1073741510", false, true),
            ("2147483648", false, false),
            ("0x1", false, false),
            ("ok", false, false),
            ("", false, false),
        ] {
            assert_eq!(
                (exit_code(text, &byte).is_ok(), exit_code(text, &whole).is_ok()),
                (in_byte, in_whole),
                "{text}"
            );
        }
    }
}
