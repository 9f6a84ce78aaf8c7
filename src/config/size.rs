//! Sizes as people write them: `50MiB`, `500KB`, or plain bytes.

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSize {
    /// More than 2^64 - 1 bytes.
    #[error("is too large")]
    TooLarge,
    /// Anything else.
    #[error("is not a size")]
    Malformed,
}

/// The units in bytes: the binary ones from the largest to the smallest, then the decimal ones.
const UNITS: [(&str, u64); 10] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1000),
    ("B", 1),
    ("", 1),
];

/// Reads a size in bytes: a whole number and one of the units `TiB GiB MiB KiB TB GB MB KB B`; without one, bytes.
pub fn parse_size(text: &str) -> Result<u64, InvalidSize> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    if number.is_empty() {
        return Err(InvalidSize::Malformed);
    }
    let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(InvalidSize::Malformed)?;
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(*bytes)).ok_or(InvalidSize::TooLarge)
}

/// Writes a size as [`parse_size`] reads it, in the first unit that divides it.
pub fn format_size(bytes: u64) -> String {
    UNITS
        .iter()
        .find(|(_, unit)| bytes > 0 && bytes.is_multiple_of(*unit))
        .map_or_else(|| "0B".to_owned(), |(name, unit)| format!("{}{name}", bytes / unit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read_as_written() {
        for (text, bytes) in [
            ("50MiB", 52_428_800),
            ("1GiB", 1_073_741_824),
            ("500KiB", 512_000),
            ("10MB", 10_000_000),
            ("1TB", 1_000_000_000_000),
            ("2TiB", 2_199_023_255_552),
            ("3GB", 3_000_000_000),
            ("7KB", 7000),
            ("12B", 12),
            ("1048576", 1_048_576),
            ("0", 0),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        use InvalidSize::{Malformed, TooLarge};
        for (text, reason) in [
            ("", Malformed),
            ("MiB", Malformed),
            ("-1MiB", Malformed),
            ("+1MiB", Malformed),
            ("1.5GiB", Malformed),
            ("50 MiB", Malformed),
            ("50mib", Malformed),
            ("50Mb", Malformed),
            ("50M", Malformed),
            ("1MiB1KiB", Malformed),
            ("50MiB/s", Malformed),
            ("٥MiB", Malformed),
            ("18446744073709551616", TooLarge),
            ("18446744073709551615KiB", TooLarge),
        ] {
            assert_eq!(parse_size(text), Err(reason), "{text}");
        }
    }

    #[test]
    fn a_size_is_written_in_the_unit_that_divides_it() {
        for (bytes, text) in [
            (0, "0B"),
            (52_428_800, "50MiB"),
            (10_000_000, "10MB"),
            (1025, "1025B"),
            (1_073_741_824, "1GiB"),
            (1_024_000, "1000KiB"),
        ] {
            assert_eq!(format_size(bytes), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes: u64, unit in 0usize..10) {
            let bytes = bytes.checked_mul(UNITS[unit].1).unwrap_or(bytes);
            prop_assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".*|[0-9]{0,25}[KMGTiB]*") {
            let _ = parse_size(&text);
        }
    }
}
