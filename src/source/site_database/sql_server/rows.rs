//! Rows as SQL Server sent them, without the driver: what a query returned, read by column name.
//!
//! Every value is one of few kinds, because the queries convert all others on the server. A value of the wrong kind is
//! refused by the name of its column and never guessed at.

use chrono::{NaiveDateTime, SubsecRound};

use crate::site::SiteCode;

/// So much of a text is shown where it is not what it should be.
const SHOWN: usize = 40;

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// NULL of any type.
    Null,
    /// A bit or a whole number of any size.
    Int(i64),
    /// A text of any kind.
    Text(String),
    /// Anything else, by the name of its type; no query asks for it.
    Other(String),
}

/// So much of a text is kept, in characters: no column that is asked for holds more.
const LONGEST: usize = 4096;

impl Value {
    /// A text of the server without what would act on a terminal or turn a page around, and no longer than any should be.
    pub(super) fn text(text: &str) -> Self {
        let acts = |character: char| {
            character.is_control()
                || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        let shown = |character: char| if acts(character) { ' ' } else { character };
        Self::Text(text.chars().map(shown).take(LONGEST).collect())
    }
}

/// What a query returned: the names of its columns, and its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rows {
    /// In the order of the values.
    pub(super) columns: Vec<String>,
    /// In the order of the server.
    pub(super) rows: Vec<Vec<Value>>,
}

/// A row that does not say what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Malformed(pub(super) String);

/// One row, by the names of its columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    columns: &'a [String],
    values: &'a [Value],
}

impl Rows {
    /// All rows, in the order of the server.
    pub(super) fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|values| Row { columns: &self.columns, values })
    }

    /// The rows whose `SiteCode` is this site's, whatever else the server sent.
    pub(super) fn of(&self, site: SiteCode) -> Result<Vec<Row<'_>>, Malformed> {
        let mut own = Vec::new();
        for row in self.iter() {
            if SiteCode::from_bytes(row.text("SiteCode")?.trim_end().as_bytes()) == Some(site) {
                own.push(row);
            }
        }
        Ok(own)
    }
}

impl<'a> Row<'a> {
    /// A number that must be there.
    pub(super) fn int(self, column: &str) -> Result<i64, Malformed> {
        self.optional_int(column)?.ok_or_else(|| is_null(column))
    }

    /// A number, or NULL.
    pub(super) fn optional_int(self, column: &str) -> Result<Option<i64>, Malformed> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Int(number) => Ok(Some(*number)),
            other => Err(mistaken(column, other, "a number")),
        }
    }

    /// Whether a number that must be there is not zero.
    pub(super) fn flag(self, column: &str) -> Result<bool, Malformed> {
        Ok(self.int(column)? != 0)
    }

    /// A text that must be there.
    pub(super) fn text(self, column: &str) -> Result<&'a str, Malformed> {
        self.optional_text(column)?.ok_or_else(|| is_null(column))
    }

    /// A text, or NULL.
    pub(super) fn optional_text(self, column: &str) -> Result<Option<&'a str>, Malformed> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            other => Err(mistaken(column, other, "a text")),
        }
    }

    /// A time that must be there.
    pub(super) fn time(self, column: &str) -> Result<NaiveDateTime, Malformed> {
        self.optional_time(column)?.ok_or_else(|| is_null(column))
    }

    /// A time to the millisecond, in the zone of its column, or NULL.
    pub(super) fn optional_time(self, column: &str) -> Result<Option<NaiveDateTime>, Malformed> {
        match self.value(column)? {
            Value::Null => Ok(None),
            value @ Value::Text(text) => {
                moment(text).map(Some).ok_or_else(|| mistaken(column, value, "a time"))
            }
            other => Err(mistaken(column, other, "a time")),
        }
    }

    fn value(self, column: &str) -> Result<&'a Value, Malformed> {
        let place = self.columns.iter().position(|name| name.eq_ignore_ascii_case(column));
        let value = place.and_then(|place| self.values.get(place));
        value.ok_or_else(|| Malformed(format!("{column} is missing among the columns")))
    }
}

/// The text of `CONVERT(nvarchar(33), x, 126)`, whose fraction is missing where it is zero.
fn moment(text: &str) -> Option<NaiveDateTime> {
    // chrono reads other years too, near which no sum of times is safe.
    let has_four_digits = text.len() > 4
        && text
            .bytes()
            .enumerate()
            .take(5)
            .all(|(at, c)| if at == 4 { c == b'-' } else { c.is_ascii_digit() });
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    has_four_digits.then(|| time.trunc_subsecs(3))
}

fn is_null(column: &str) -> Malformed {
    Malformed(format!("{column} is NULL"))
}

fn mistaken(column: &str, value: &Value, wanted: &str) -> Malformed {
    let found = match value {
        Value::Null => "NULL".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => format!("text '{}'", shown(text)),
        Value::Other(kind) => format!("of type {}", shown(kind)),
    };
    Malformed(format!("{column} is {found} instead of {wanted}"))
}

/// The beginning of a text, in one line.
fn shown(text: &str) -> String {
    text.chars().take(SHOWN).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(value: Value) -> Rows {
        Rows { columns: vec!["BeginTime".into()], rows: vec![vec![value]] }
    }

    fn said<T: std::fmt::Debug>(read: Result<T, Malformed>) -> String {
        read.unwrap_err().to_string()
    }

    #[test]
    fn a_text_of_the_server_acts_on_nothing_that_shows_it() {
        for (sent, kept) in [
            ("5.00.9128.1000", "5.00.9128.1000"),
            ("\u{1b}[2J\u{7}\0x", " [2J  x"),
            ("a\u{202e}b\u{2028}c\r\n", "a b c  "),
            ("P\u{e4}ckchen", "P\u{e4}ckchen"),
        ] {
            assert_eq!(Value::text(sent), Value::Text(kept.to_owned()));
        }
        assert_eq!(Value::text(&"x".repeat(9000)), Value::Text("x".repeat(LONGEST)));
    }

    #[test]
    fn values_are_found_by_the_name_of_their_column_in_any_case() {
        let rows = Rows {
            columns: vec!["a".into(), "BEGINTIME".into()],
            rows: vec![vec![Value::Null, Value::Int(7)]],
        };
        let row = rows.iter().next().unwrap();
        assert_eq!((row.int("BeginTime"), row.optional_int("A")), (Ok(7), Ok(None)));
        assert_eq!(said(row.int("EndTime")), "EndTime is missing among the columns");
        let short = Rows { rows: vec![vec![Value::Null]], ..rows };
        assert!(short.iter().next().unwrap().optional_int("BeginTime").is_err());
    }

    #[test]
    fn what_is_refused_is_told_with_its_column_in_one_line() {
        let text = |text: &str| Value::Text(text.to_owned());
        let long = "x".repeat(100);
        for (value, int, string, time) in [
            (Value::Null, "BeginTime is NULL", "BeginTime is NULL", "BeginTime is NULL"),
            (Value::Int(7), "", "BeginTime is 7 instead of a text", "BeginTime is 7 instead of a time"),
            (
                text("abc"),
                "BeginTime is text 'abc' instead of a number",
                "",
                "BeginTime is text 'abc' instead of a time",
            ),
            (
                text("a\nb"),
                r"BeginTime is text 'a\nb' instead of a number",
                "",
                r"BeginTime is text 'a\nb' instead of a time",
            ),
            (
                Value::Other("money".into()),
                "BeginTime is of type money instead of a number",
                "BeginTime is of type money instead of a text",
                "BeginTime is of type money instead of a time",
            ),
        ] {
            let rows = one(value);
            let row = rows.iter().next().unwrap();
            let error = |error: Malformed| error.0;
            assert_eq!(row.int("BeginTime").err().map_or_else(String::new, error), int);
            assert_eq!(row.text("BeginTime").err().map_or_else(String::new, error), string);
            assert_eq!(row.time("BeginTime").err().map_or_else(String::new, error), time);
        }
        assert!(said(one(text(&long)).iter().next().unwrap().int("BeginTime")).len() < 100);
    }

    #[test]
    fn times_are_what_style_126_writes() {
        for (text, expected) in [
            ("2026-07-24T02:00:01", Some("2026-07-24 02:00:01")),
            ("2026-07-24T02:00:01.253", Some("2026-07-24 02:00:01.253")),
            ("2026-07-24T02:00:01.2539999", Some("2026-07-24 02:00:01.253")),
            ("1600-01-01T00:00:00", Some("1600-01-01 00:00:00")),
            ("2026-02-30T00:00:00", None),
            ("+262142-01-01T00:00:00", None),
            ("-0001-01-01T00:00:00", None),
            ("26-07-24T02:00:01", None),
            ("Jul 24 2026  2:00AM", None),
            ("", None),
        ] {
            assert_eq!(moment(text).map(|time| time.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn only_the_rows_of_the_site_are_its_own() {
        let rows = |codes: &[Value]| Rows {
            columns: vec!["SiteCode".into()],
            rows: codes.iter().map(|code| vec![code.clone()]).collect(),
        };
        let text = |text: &str| Value::Text(text.to_owned());
        let site = "P01".parse().unwrap();
        let mixed = rows(&[text("P02"), text("P01"), text("p01"), text("P01 "), text(""), text("P011")]);
        assert_eq!(mixed.of(site).unwrap().len(), 3);
        assert_eq!(said(rows(&[Value::Null]).of(site)), "SiteCode is NULL");
    }
}
