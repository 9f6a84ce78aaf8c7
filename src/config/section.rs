//! Reading a mapping key by key: shapes, unknown keys and their paths.
//!
//! Whoever reads a section takes the keys it knows and then closes it; what was not taken is unknown. Every wrong
//! shape is reported where it stands, and reading goes on.

use std::time::Duration;

use super::fields;
use super::origin::{Origin, Origins};
use super::problem::{Fault, Problems, is_invisible, shown};
use super::raw::{Key, Node, Value};
use super::suggest::nearest;

/// The most of a key that a message repeats.
const LONGEST_KEY: usize = 80;

/// A value together with its path.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    path: String,
    node: &'a Node,
    problems: &'a Problems,
}

/// A mapping that is being read.
#[derive(Debug)]
pub(super) struct Section<'a> {
    path: String,
    origin: Origin,
    entries: &'a [(Key, Node)],
    taken: Vec<&'static str>,
    problems: &'a Problems,
}

impl<'a> Entry<'a> {
    /// The whole file.
    pub(super) fn root(node: &'a Node, problems: &'a Problems) -> Self {
        Self { path: String::new(), node, problems }
    }

    /// Where the value stands.
    pub(super) fn origin(&self) -> Origin {
        self.node.origin
    }

    /// Reports what is wrong with this value.
    pub(super) fn reject(&self, fault: Fault) {
        self.problems.add(fault.at(self.path.clone(), Some(self.node.origin)));
    }

    /// Whether the value is a mapping in which this key says that something is watched.
    pub(super) fn watches(&self, key: &str) -> bool {
        let Value::Mapping(entries) = &self.node.value else { return false };
        entries.iter().any(|(known, value)| known.name == key && !is_off(value))
    }

    /// The value as a mapping.
    pub(super) fn section(&self) -> Option<Section<'a>> {
        let Value::Mapping(entries) = &self.node.value else {
            self.wrong_shape("a mapping of keys", "write its keys below it, indented, each as `key: value`");
            return None;
        };
        let (path, origin) = (self.path.clone(), self.node.origin);
        Some(Section { path, origin, entries, taken: Vec::new(), problems: self.problems })
    }

    /// The value as a mapping, where a secret may stand in place of it: a text is refused without being shown.
    pub(super) fn unshown_section(&self) -> Option<Section<'a>> {
        if matches!(self.node.value, Value::Text(_)) {
            let remedy =
                "write its keys below it, indented, each as `key: value` with a space after the colon";
            self.reject(Fault::new("one value is not a mapping of keys", remedy));
            return None;
        }
        self.section()
    }

    /// The values of a mapping whose keys are the user's own, by their names; may stand in place of a secret too.
    pub(super) fn members(&self) -> Option<Vec<(&'a str, Self)>> {
        let section = self.unshown_section()?;
        let member = |(key, node): &'a (Key, Node)| {
            // A secret may also stand where a name belongs.
            let shown = if key.name.contains(['$', ':']) { "(not shown)" } else { &key.name };
            let entry = Self { path: section.path_of(shown), node, problems: self.problems };
            (key.name.as_str(), entry)
        };
        Some(section.entries.iter().map(member).collect())
    }

    /// Whether nothing is written, or an empty text.
    pub(super) fn is_blank(&self) -> bool {
        match &self.node.value {
            Value::Nothing => true,
            Value::Text(text) => text.is_empty(),
            Value::List(_) | Value::Mapping(_) => false,
        }
    }

    /// The value as a list.
    pub(super) fn list(&self) -> Option<Vec<Self>> {
        let Value::List(items) = &self.node.value else {
            self.wrong_shape("a list", "write each item on its own line after `- `, or all in `[ ]`");
            return None;
        };
        let item =
            |(index, node)| Self { path: format!("{}[{index}]", self.path), node, problems: self.problems };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// The value as a list, or as a list of one where it is a single text.
    pub(super) fn list_or_text(&self) -> Option<Vec<Self>> {
        if matches!(self.node.value, Value::Text(_)) { Some(vec![self.clone()]) } else { self.list() }
    }

    /// The value of a text, read by `parse`.
    pub(super) fn parse<T>(&self, parse: impl FnOnce(&'a str) -> Result<T, Fault>) -> Option<T> {
        let Value::Text(text) = &self.node.value else {
            self.wrong_shape("one value", "write a single value after the colon");
            return None;
        };
        parse(text).map_err(|fault| self.reject(fault)).ok()
    }

    fn wrong_shape(&self, wanted: &str, remedy: &str) {
        self.reject(match &self.node.value {
            Value::Nothing if self.path.is_empty() => Fault::new(
                "nothing is configured in it",
                "write `sites:` and below it `- code: P01`, or start without a configuration file",
            ),
            Value::Nothing => Fault::new("has no value", "give it one, or remove the key"),
            Value::Text(text) => Fault::new(format!("{} is not {wanted}", shown(text)), remedy),
            Value::List(_) => Fault::new(format!("a list is not {wanted}"), remedy),
            Value::Mapping(_) => Fault::new(format!("a mapping is not {wanted}"), remedy),
        });
    }
}

impl<'a> Section<'a> {
    /// The value of a key; `None` where the user did not write it.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Entry<'a>> {
        if !self.taken.contains(&key) {
            self.taken.push(key);
        }
        let (_, node) = self.entries.iter().find(|(candidate, _)| candidate.name == key)?;
        Some(Entry { path: self.path_of(key), node, problems: self.problems })
    }

    /// The value of a key that must be there; reports it where it is not.
    pub(super) fn require(&mut self, key: &'static str, remedy: &str) -> Option<Entry<'a>> {
        let entry = self.take(key);
        if entry.is_none() {
            let fault = Fault::new("is missing", remedy);
            self.problems.add(fault.at(self.path_of(key), Some(self.origin)));
        }
        entry
    }

    /// Reports a key that must not be there, and tells whether it is.
    pub(super) fn refuse(&mut self, key: &'static str, what: &str, remedy: &str) -> bool {
        // What is refused everywhere is not to be found among the known keys.
        if !self.entries.iter().any(|(candidate, _)| candidate.name == key) {
            return false;
        }
        if let Some(entry) = self.take(key) {
            entry.reject(Fault::new(what, remedy));
        }
        true
    }

    /// Reports every key that nobody took.
    pub(super) fn close(self) {
        for (key, _) in self.entries.iter().filter(|(key, _)| !self.taken.contains(&key.name.as_str())) {
            let remedy = match nearest(&key.name, self.taken.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("known here: {}", self.taken.join(", ")),
            };
            let fault = Fault::new("unknown key", remedy);
            self.problems.add(fault.at(self.path_of(&key.name), Some(key.origin)));
        }
    }

    fn path_of(&self, key: &str) -> String {
        // A key is the user's text like any value: it may not break the line.
        let key: String =
            key.chars().map(|c| if is_invisible(c) { '?' } else { c }).take(LONGEST_KEY).collect();
        if self.path.is_empty() { key } else { format!("{}.{key}", self.path) }
    }
}

/// Whether the user wrote that what this machine could tell is not to be watched.
fn is_off(node: &Node) -> bool {
    matches!(&node.value, Value::Text(text) if text == "off")
}

/// Reads single values of a section and records their origins under its prefix.
pub(super) struct Field<'s, 'a> {
    pub(super) section: &'s mut Section<'a>,
    pub(super) prefix: &'s str,
    pub(super) origins: &'s mut Origins,
}

impl<'a> Field<'_, 'a> {
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&'a str) -> Result<T, Fault>,
    ) -> Option<T> {
        let entry = self.section.take(key)?;
        self.value(key, &entry, parse)
    }

    pub(super) fn require<T>(
        &mut self,
        key: &'static str,
        remedy: &str,
        parse: impl FnOnce(&'a str) -> Result<T, Fault>,
    ) -> Option<T> {
        let entry = self.section.require(key, remedy)?;
        self.value(key, &entry, parse)
    }

    /// The value of a key under which something is watched; `None` too where the user wrote `off`.
    pub(super) fn watched(&mut self, key: &'static str) -> Option<Entry<'a>> {
        let entry = self.section.take(key)?;
        if is_off(entry.node) {
            self.origins.record(format!("{}{key}", self.prefix), entry.origin());
            return None;
        }
        Some(entry)
    }

    pub(super) fn duration(
        &mut self,
        key: &'static str,
        least: Duration,
        most: Duration,
    ) -> Option<Duration> {
        self.read(key, |text| fields::duration(text, least, most))
    }

    fn value<T>(
        &mut self,
        key: &str,
        entry: &Entry<'a>,
        parse: impl FnOnce(&'a str) -> Result<T, Fault>,
    ) -> Option<T> {
        self.origins.record(format!("{}{key}", self.prefix), entry.origin());
        entry.parse(parse)
    }
}
