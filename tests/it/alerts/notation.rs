//! Series as promtool's tests write them: each value once, with how often it comes or by how much it grows.

use std::fmt::Write;

/// Shorter runs are no easier to read than the values.
const WORTH_IT: usize = 3;

/// The values of a series at each step, `None` where a scrape has none of it; the first of these makes it stale, as a
/// scrape does.
pub(super) fn notation(values: &[Option<String>]) -> String {
    let mut words = String::new();
    let mut rest = values;
    let mut was_there = false;
    while let Some(first) = rest.first() {
        if !words.is_empty() {
            words.push(' ');
        }
        let taken = match first {
            None if was_there => {
                words.push_str("stale");
                1
            }
            None => {
                let length = rest.iter().take_while(|value| value.is_none()).count();
                match length {
                    1 => words.push('_'),
                    _ => drop(write!(words, "_x{length}")),
                }
                length
            }
            Some(first) => run(first, rest, &mut words),
        };
        was_there = first.is_some();
        rest = &rest[taken..];
    }
    words
}

/// The longest beginning that grows by the same each time; how many values that is.
fn run(first: &str, values: &[Option<String>], words: &mut String) -> usize {
    let same = values.iter().take_while(|value| value.as_deref() == Some(first)).count();
    if same >= WORTH_IT {
        let _ = write!(words, "{first}x{}", same - 1);
        return same;
    }
    let integers: Vec<i64> = values.iter().map_while(|value| value.as_deref()?.parse().ok()).collect();
    if let [one, other, ..] = integers[..] {
        let by = other - one;
        let steps = integers.windows(2).take_while(|pair| pair[1] - pair[0] == by).count();
        if same == 1 && steps + 1 >= WORTH_IT {
            let _ = write!(words, "{one}{by:+}x{steps}");
            return steps + 1;
        }
    }
    words.push_str(first);
    1
}

#[test]
fn what_repeats_is_written_once() {
    for (values, expected) in [
        ("1 1 1 1", "1x3"),
        ("1 1 2", "1 1 2"),
        ("0 60 120 180 5", "0+60x3 5"),
        ("9 6 3 3 3 3", "9-3x2 3x2"),
        ("-9 -6 -3", "-9+3x2"),
        ("1.5 1.5 1.5 2.5 3.5", "1.5x2 2.5 3.5"),
        (". . 1 1 1 . . . 1", "_x2 1x2 stale _x2 1"),
        ("1 . 1 .", "1 stale 1 stale"),
        (".", "_"),
    ] {
        let values: Vec<_> =
            values.split(' ').map(|value| (value != ".").then(|| value.to_owned())).collect();
        assert_eq!(notation(&values), expected);
    }
}
