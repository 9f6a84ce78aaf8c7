//! A message as the event log of Windows shows it: its sentence, then one field a line.
//!
//! It holds the fields of the message and no others, so the event log never says more than the log file does.

use std::collections::hash_map::DefaultHasher;
use std::fmt::{Debug, Write};
use std::hash::{Hash, Hasher};

use chrono::SecondsFormat;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::repeats::Repeated;

/// Windows takes 31 839 characters; what is longer would be refused whole.
const MAX_CHARACTERS: usize = 30_000;

/// The fields that say what a message is about. Others hold free text, counts and times, which change with every message.
const IDENTIFYING: [&str; 16] = [
    "site", "source", "kind", "topics", "server", "path", "folder", "other", "metric", "address", "run",
    "cause", "plan", "outcome", "what", "notice",
];

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) level: Level,
    pub(super) target: String,
    pub(super) sentence: String,
    pub(super) fields: Vec<(&'static str, String)>,
}

impl Entry {
    /// What was logged.
    pub(super) fn of(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let (level, target) = (*metadata.level(), metadata.target().to_owned());
        let mut entry = Self { level, target, sentence: String::new(), fields: Vec::new() };
        event.record(&mut entry);
        entry
    }

    /// The same for messages of the same problem.
    pub(super) fn problem(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.level, &self.target, &self.sentence).hash(&mut hasher);
        self.fields
            .iter()
            .filter(|(name, _)| IDENTIFYING.contains(name))
            .for_each(|field| field.hash(&mut hasher));
        hasher.finish()
    }

    /// The text of its record.
    pub(super) fn text(&self, repeated: Option<Repeated>) -> String {
        let mut text = plain(&self.sentence);
        // Writing to a String cannot fail.
        if let Some(Repeated { times, since }) = repeated {
            let word = if times == 1 { "time" } else { "times" };
            let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
            let _ = write!(text, "\r\n{times} more {word} since {since}");
        }
        for (number, (name, value)) in self.fields.iter().enumerate() {
            let gap = if number == 0 { "\r\n\r\n" } else { "\r\n" };
            let _ = write!(text, "{gap}{name}: {}", plain(value));
        }
        cut(text)
    }

    fn field(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.sentence = value,
            name => self.fields.push((name, value)),
        }
    }
}

impl Visit for Entry {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.field(field, format!("{value:?}"));
    }
}

/// Without control characters, and without what the event viewer would replace: `%` and a number, or `%%`.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        let is_insertion = plain.ends_with('%') && (character.is_ascii_digit() || "%!".contains(character));
        if is_insertion {
            plain.push(' ');
        }
        plain.push(if character.is_control() { ' ' } else { character });
    }
    plain
}

/// At most what Windows takes, as it counts: in UTF-16.
fn cut(mut text: String) -> String {
    let mut characters = 0;
    let end = text.char_indices().find(|(_, character)| {
        characters += character.len_utf16();
        characters > MAX_CHARACTERS
    });
    if let Some((end, _)) = end {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};

    use super::*;

    fn entry(fields: &[(&'static str, &str)]) -> Entry {
        Entry {
            level: Level::WARN,
            target: "configmgr_backup_exporter::source::supervisor".to_owned(),
            sentence: "source cannot be read".to_owned(),
            fields: fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        }
    }

    #[test]
    fn a_record_is_a_sentence_and_a_line_for_each_field() {
        let entry =
            entry(&[("site", "P01"), ("source", "event_log"), ("reason", "cannot open C:\\a b.evtx")]);
        let fields = "site: P01\r\nsource: event_log\r\nreason: cannot open C:\\a b.evtx";
        assert_eq!(entry.text(None), format!("source cannot be read\r\n\r\n{fields}"));
        let since = Utc.with_ymd_and_hms(2026, 11, 1, 2, 3, 4).unwrap();
        for (times, words) in [(1, "1 more time"), (12, "12 more times")] {
            let expected =
                format!("source cannot be read\r\n{words} since 2026-11-01T02:03:04Z\r\n\r\n{fields}");
            assert_eq!(entry.text(Some(Repeated { times, since })), expected);
        }
    }

    #[test]
    fn nothing_in_a_value_forges_a_line_or_is_replaced_by_the_event_viewer() {
        for (value, shown) in [
            ("one\r\nsite: P02", "one  site: P02"),
            ("\u{1b}[31m\0\u{85}", " [31m  "),
            ("fe80::1%12", "fe80::1% 12"),
            ("a%20b%%30%!s!", "a% 20b% % 30% !s!"),
            ("50% of %TEMP%", "50% of %TEMP%"),
            ("Zürich \u{1f511}", "Zürich \u{1f511}"),
        ] {
            assert_eq!(plain(value), shown);
        }
    }

    #[test]
    fn a_record_is_never_longer_than_windows_takes() {
        for character in ["x", "ü", "\u{1f511}", "%1"] {
            let text = entry(&[("reason", &character.repeat(40_000))]).text(None);
            let length = text.encode_utf16().count();
            assert!((MAX_CHARACTERS - 1..=MAX_CHARACTERS + 1).contains(&length), "{length}");
            assert!(text.starts_with("source cannot be read\r\n\r\nreason: ") && text.ends_with('…'));
        }
        assert!(!entry(&[("reason", &"x".repeat(20_000))]).text(None).ends_with('…'));
    }

    #[test]
    fn free_text_and_counts_make_no_other_problem_but_kind_and_place_do() {
        let known =
            [("site", "P01"), ("kind", "locked"), ("reason", "held by process 4711"), ("closed", "3")];
        let problem = entry(&known).problem();
        for (field, value, is_same) in [
            (2, "held by process 4712", true),
            (3, "4", true),
            (0, "P02", false),
            (1, "access_denied", false),
        ] {
            let mut fields = known;
            fields[field].1 = value;
            assert_eq!(entry(&fields).problem() == problem, is_same, "{field} {value}");
        }
        assert_ne!(Entry { level: Level::ERROR, ..entry(&known) }.problem(), problem);
        assert_ne!(Entry { target: "hyper".to_owned(), ..entry(&known) }.problem(), problem);
        assert_ne!(Entry { sentence: "other".to_owned(), ..entry(&known) }.problem(), problem);
    }
}
