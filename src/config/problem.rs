//! What is wrong with a configuration file: collected while reading, reported together.

use std::cell::RefCell;
use std::fmt;
use std::io;

use super::origin::Origin;

/// One thing wrong with a configuration file, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, as `sites[0].log.interval`; empty where it concerns the whole file.
    pub path: String,
    /// Where the value came from; `None` where it concerns the whole file.
    pub origin: Option<Origin>,
    /// What is wrong, with the value.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// A configuration file that cannot be used: all its problems, one per line, each after the file's name.
#[derive(Debug, thiserror::Error)]
#[error("{}", Lines { file, problems })]
pub struct ConfigError {
    /// The file's name as the user gave it.
    pub file: String,
    /// At least one, in the order of their lines.
    pub problems: Vec<Problem>,
    /// Why the file could not be read, where that is the problem.
    #[source]
    pub source: Option<io::Error>,
}

impl ConfigError {
    pub(super) fn new(file: &str, mut problems: Vec<Problem>) -> Self {
        // Problems without a line concern the whole file: they come first.
        problems.sort_by_key(|problem| problem.origin.and_then(Origin::line));
        Self { file: file.to_owned(), problems, source: None }
    }

    /// Whether the same file would be refused again; else it was not to be had for a reason outside of it.
    pub fn is_by_content(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, IsADirectory, NotFound};
        let is_of_file = |error: &io::Error| matches!(error.kind(), NotFound | IsADirectory | FileTooLarge);
        self.source.as_ref().is_none_or(is_of_file)
    }
}

struct Lines<'a> {
    file: &'a str,
    problems: &'a [Problem],
}

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { path, origin, what, remedy }) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(self.file)?;
            if let Some(line) = origin.and_then(Origin::line) {
                write!(f, ":{line}")?;
            }
            if !path.is_empty() {
                write!(f, ": {path}")?;
            }
            if let Some(found @ (Origin::Registry(_) | Origin::SiteServer)) = origin {
                write!(f, " (from {found})")?;
            }
            write!(f, ": {what}; {remedy}")?;
        }
        Ok(())
    }
}

/// What is wrong with a value, before anybody has said where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) what: String,
    pub(super) remedy: String,
}

impl Fault {
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }

    pub(super) fn at(self, path: impl Into<String>, origin: Option<Origin>) -> Problem {
        Problem { path: path.into(), origin, what: self.what, remedy: self.remedy }
    }
}

/// The collector that everything which reads the file shares.
#[derive(Debug, Default)]
pub(super) struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    pub(super) fn add(&self, problem: Problem) {
        self.0.borrow_mut().push(problem);
    }

    pub(super) fn into_inner(self) -> Vec<Problem> {
        self.0.into_inner()
    }
}

/// The longest part of a value that a message repeats.
const SHOWN_CHARS: usize = 80;

/// A value as messages show it: in backticks, without control characters, cut to a readable length.
pub(super) fn shown(value: &str) -> String {
    let cut = value.char_indices().nth(SHOWN_CHARS).map(|(end, _)| &value[..end]);
    format!("`{}{}`", visible(cut.unwrap_or(value)), if cut.is_some() { "..." } else { "" })
}

/// The text with what is invisible written as an escape.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_invisible(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// Whether a character changes the line without being seen, as YAML's `\t`, `\b` and `\P` in double quotes do.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c, '\u{a0}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_on_one_line_and_cut() {
        assert_eq!(shown(r"C:\x"), r"`C:\x`");
        assert_eq!(shown("a\tb\n"), r"`a\tb\n`");
        assert_eq!(shown(&"x".repeat(100)), format!("`{}...`", "x".repeat(80)));
    }
}
