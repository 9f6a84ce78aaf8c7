//! One folder's entries, and what the file system says of a file.
//!
//! A listing on Windows has size and times in it, and asking later would open each file, in the backup's way. On Linux
//! it has only names, and asking at once would keep the folder open for as many requests as it has files.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::platform::{IoFailure, LISTINGS_HAVE_METADATA};
use crate::site::Timestamp;

/// What replaces a byte that is not Unicode, followed by the byte's two digits.
const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// An entry of a folder.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) name: String,
    /// The true name where it is another.
    pub(super) odd: Option<OsString>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Folder,
    /// A file, with what the listing told of it.
    File(Option<Facts>),
}

#[derive(Debug)]
pub(super) struct Facts {
    pub(super) size: u64,
    pub(super) modified: Option<Timestamp>,
    pub(super) created: Option<Timestamp>,
}

/// Files and folders in a folder, sorted by name; an error if there are more than `most`.
pub(super) fn list(folder: &Path, most: usize) -> io::Result<Vec<Listed>> {
    let mut listed = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = match entry.file_type() {
            Ok(kind) if kind.is_dir() => Kind::Folder,
            Ok(kind) if !kind.is_file() => continue,
            Ok(_) if LISTINGS_HAVE_METADATA => Kind::File(Some(Facts::of(&entry.metadata()?))),
            Ok(_) => Kind::File(None),
            Err(error) if IoFailure::has_vanished(&error) => continue,
            Err(error) => return Err(error),
        };
        if listed.len() == most {
            return Err(io::Error::other("the folder has too many entries"));
        }
        let (name, odd) = readable(entry.file_name());
        listed.push(Listed { name, odd, kind });
    }
    listed.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok(listed)
}

/// What the file system says of this file; `None` if something else is there now.
pub(super) fn look(file: &Path) -> io::Result<Option<Facts>> {
    let metadata = fs::symlink_metadata(file)?;
    Ok(metadata.is_file().then(|| Facts::of(&metadata)))
}

impl Facts {
    fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified: metadata.modified().ok().and_then(timestamp),
            created: metadata.created().ok().and_then(timestamp),
        }
    }
}

/// A time of the file system, if it is one that a calendar has.
///
/// chrono's own conversion panics on what a damaged file system can hold.
pub(crate) fn timestamp(time: SystemTime) -> Option<Timestamp> {
    let moment = |seconds, part: Duration| Timestamp::from_timestamp(seconds, part.subsec_nanos());
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => moment(i64::try_from(after.as_secs()).ok()?, after),
        Err(error) => {
            let before = error.duration();
            let whole = moment(-i64::try_from(before.as_secs()).ok()?, Duration::ZERO)?;
            whole.checked_sub_signed(chrono::TimeDelta::nanoseconds(before.subsec_nanos().into()))
        }
    }
}

/// A name as text, and itself where the text is another. Different names have different texts.
///
/// What would break a line or turn the order of a text is escaped too: names are shown in terminals and logs.
fn readable(name: OsString) -> (String, Option<OsString>) {
    match name.into_string() {
        Ok(name) if !name.contains(is_escaped) => (name, None),
        Ok(name) => (escaped(name.as_bytes()), Some(name.into())),
        Err(name) => (escaped(name.as_encoded_bytes()), Some(name)),
    }
}

fn is_escaped(character: char) -> bool {
    let turns =
        matches!(character, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    character == REPLACEMENT
        || character.is_control()
        || turns
        || matches!(character, '\u{2028}' | '\u{2029}')
}

fn escaped(name: &[u8]) -> String {
    use std::fmt::Write;

    let mut text = String::new();
    let escape = |text: &mut String, bytes: &[u8]| {
        for byte in bytes {
            // Writing to a string cannot fail.
            let _ = write!(text, "{REPLACEMENT}{byte:02X}");
        }
    };
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_escaped(character) {
                escape(&mut text, character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(character);
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_time_of_a_file_system_is_a_moment_or_none() {
        let at = |seconds: i64, nanos: u32| Timestamp::from_timestamp(seconds, nanos);
        for (time, moment) in [
            (UNIX_EPOCH, at(0, 0)),
            (UNIX_EPOCH + Duration::new(1_700_000_000, 500), at(1_700_000_000, 500)),
            (UNIX_EPOCH - Duration::new(1, 250_000_000), at(-2, 750_000_000)),
        ] {
            assert_eq!(timestamp(time), moment);
        }
        for far in [Duration::from_secs(1 << 60), Duration::from_secs(i64::MAX as u64)] {
            for time in [UNIX_EPOCH.checked_add(far), UNIX_EPOCH.checked_sub(far)].into_iter().flatten() {
                assert_eq!(timestamp(time), None);
            }
        }
    }

    #[test]
    fn odd_names_stay_different() {
        for (name, text) in [
            (&b"P01.mdf"[..], "P01.mdf"),
            (b"\xff", "\u{fffd}FF"),
            (b"\xfe", "\u{fffd}FE"),
            (b"a\xffb", "a\u{fffd}FFb"),
            ("\u{fffd}".as_bytes(), "\u{fffd}EF\u{fffd}BF\u{fffd}BD"),
            (b"a\x1b[31m\n", "a\u{fffd}1B[31m\u{fffd}0A"),
            ("\u{202e}fdm".as_bytes(), "\u{fffd}E2\u{fffd}80\u{fffd}AEfdm"),
            ("\u{fffd}FF".as_bytes(), "\u{fffd}EF\u{fffd}BF\u{fffd}BDFF"),
            // A lone surrogate, as Windows allows it.
            (b"\xed\xa0\x80", "\u{fffd}ED\u{fffd}A0\u{fffd}80"),
        ] {
            assert_eq!(escaped(name), text);
        }
    }
}
