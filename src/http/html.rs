//! How a page says things: texts that may stand in HTML, rows, moments, durations.

use std::fmt::Write;

use chrono::{SubsecRound, TimeDelta};

use crate::site::Timestamp;

/// A text that may stand in HTML.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A row of a table: what it is about, a word with a colour, and a text.
pub(super) fn row(html: &mut String, name: &str, class: &str, word: &str, text: &str) {
    let (name, text) = (Escaped(name), Escaped(text));
    // Writing to a String cannot fail.
    let _ = write!(
        html,
        "<tr><td>{name}</td><td><span class=\"tag {class}\">{word}</span></td><td>{text}</td></tr>"
    );
}

/// A moment, to the second.
pub(super) fn time(time: Timestamp) -> String {
    time.trunc_subsecs(0).format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A duration in its two largest units.
pub(super) fn ago(duration: TimeDelta) -> String {
    let seconds = duration.num_seconds();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_becomes_markup() {
        assert_eq!(Escaped("<a href='x'>\"&").to_string(), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;");
    }

    #[test]
    fn durations_have_two_units() {
        for (seconds, expected) in [(5, "5 s"), (65, "1 min 5 s"), (3700, "1 h 1 min"), (90_000, "1 d 1 h")] {
            assert_eq!(ago(TimeDelta::seconds(seconds)), expected);
        }
    }
}
