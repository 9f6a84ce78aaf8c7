//! Durations as the Prometheus world writes them: `90s`, `1h30m`, `5d`.

use std::time::Duration;

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    /// A number alone.
    #[error("has no unit")]
    NoUnit,
    /// More than 2^64 milliseconds.
    #[error("is too long")]
    TooLong,
    /// Anything else.
    #[error("is not a duration")]
    Malformed,
}

/// The units from the longest to the shortest, in milliseconds: a combined duration has them in this order.
const UNITS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Reads a duration: whole numbers, each with one of the units `w d h m s ms`, the longer unit first; or `0`.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (mut rest, mut units, mut total) = (text, UNITS.iter(), 0u64);
    while !rest.is_empty() {
        let (number, after) = rest.split_at(digits(rest));
        let (unit, after) =
            after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
        if number.is_empty() {
            return Err(InvalidDuration::Malformed);
        }
        if unit.is_empty() && after.is_empty() && rest.len() == text.len() {
            return Err(InvalidDuration::NoUnit);
        }
        let (_, milliseconds) =
            units.by_ref().find(|(name, _)| *name == unit).ok_or(InvalidDuration::Malformed)?;
        let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*milliseconds));
        total = part.and_then(|part| total.checked_add(part)).ok_or(InvalidDuration::TooLong)?;
        rest = after;
    }
    if text.is_empty() { Err(InvalidDuration::Malformed) } else { Ok(Duration::from_millis(total)) }
}

fn digits(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())
}

/// Writes a duration as [`parse_duration`] reads it, to the millisecond and without weeks.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (name, milliseconds) in &UNITS[1..] {
        if rest >= *milliseconds {
            text.push_str(&format!("{}{name}", rest / milliseconds));
            rest %= milliseconds;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_written() {
        for (text, milliseconds) in [
            ("90s", 90_000),
            ("30m", 1_800_000),
            ("24h", 86_400_000),
            ("5d", 432_000_000),
            ("1w", 604_800_000),
            ("500ms", 500),
            ("1h30m", 5_400_000),
            ("1d12h5s1ms", 129_605_001),
            ("0s", 0),
            ("0", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        use InvalidDuration::{Malformed, NoUnit, TooLong};
        for (text, reason) in [
            ("5", NoUnit),
            ("90", NoUnit),
            ("", Malformed),
            ("5 m", Malformed),
            ("m", Malformed),
            ("-5s", Malformed),
            ("1.5h", Malformed),
            ("5min", Malformed),
            ("30m1h", Malformed),
            ("1h1h", Malformed),
            ("1h30", Malformed),
            ("5S", Malformed),
            ("99999999999999999999s", TooLong),
            ("18446744073709551615w", TooLong),
        ] {
            assert_eq!(parse_duration(text), Err(reason), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(milliseconds: u64) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".*|[0-9smhdw]*") {
            let _ = parse_duration(&text);
        }
    }
}
