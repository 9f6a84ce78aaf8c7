//! What the user wrote: the YAML file as a tree of texts, each with where it stands.
//!
//! A scalar keeps the text of the file. YAML would make 1 of the site code `001`, 100 of `1E2` and false of `no`;
//! what a text means is for the key to say. Aliases and merge keys are already followed here.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{Error, Spanned};

use super::origin::Origin;
use super::problem::{Fault, Problem, shown, visible};

/// How deep values may nest; the configuration needs six levels.
const DEEPEST: usize = 32;

/// One value of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) value: Value,
}

/// The shapes of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing, `~` or `null`.
    Nothing,
    Text(String),
    List(Vec<Node>),
    Mapping(Vec<(Key, Node)>),
}

/// One key of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) origin: Origin,
}

/// Reads one YAML document.
pub(super) fn read(text: &str) -> Result<Node, Problem> {
    // Offsets are counted without the byte order mark that Windows editors put first.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let options = serde_saphyr::options! {
        with_snippet: false,
        // A text as any other here.
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        budget: serde_saphyr::budget! { max_depth: DEEPEST },
    };
    match serde_saphyr::from_str_with_options::<Spanned<Shape>>(text, options) {
        Ok(root) => Ok(node(text, root)),
        Err(error) => Err(refusal(text, &error)),
    }
}

/// A value as the parser hands it over: what it took for a number or a boolean is cut from the text again.
enum Shape {
    Text(String),
    Typed,
    Nothing,
    List(Vec<Spanned<Self>>),
    Mapping(Vec<(Spanned<String>, Spanned<Self>)>),
}

fn node(text: &str, spanned: Spanned<Shape>) -> Node {
    let value = match spanned.value {
        Shape::Text(text) => Value::Text(text),
        Shape::Typed => Value::Text(slice(text, spanned.defined).unwrap_or_default().to_owned()),
        Shape::Nothing => Value::Nothing,
        Shape::List(items) => Value::List(items.into_iter().map(|item| node(text, item)).collect()),
        Shape::Mapping(entries) => Value::Mapping(
            entries
                .into_iter()
                .map(|(key, value)| {
                    (Key { origin: origin(key.referenced), name: key.value }, node(text, value))
                })
                .collect(),
        ),
    };
    Node { origin: origin(spanned.referenced), value }
}

fn origin(location: serde_saphyr::Location) -> Origin {
    Origin::File { line: location.line() }
}

fn slice(text: &str, location: serde_saphyr::Location) -> Option<&str> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    text.get(start..start.checked_add(usize::try_from(span.byte_len()?).ok()?)?)
}

/// The parser's error in the words of this program.
fn refusal(text: &str, error: &Error) -> Problem {
    let line = error.location().map(|location| location.line());
    let indentation = line
        .and_then(|line| text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?))
        .map(|line| &line[..line.len() - line.trim_start().len()]);
    let fault = match error {
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().map(|key| format!(" {}", shown(key))).unwrap_or_default();
            Fault::new(format!("the key{key} stands twice in one mapping"), "remove one of them")
        }
        Error::MultipleDocuments { .. } => {
            Fault::new("a second YAML document begins", "keep everything in one, without `---` between")
        }
        _ if indentation.is_some_and(|indentation| indentation.contains('\t')) => {
            Fault::new("a tab in the indentation", "indent with spaces")
        }
        _ => {
            let words = words(error);
            let remedy = if words.contains("escape") {
                "put Windows paths and patterns in single quotes: in double quotes `\\` begins an escape"
            } else {
                "correct this line or the one before it; texts with `: `, ` #`, `@` or `%` go in single quotes"
            };
            Fault::new(format!("not YAML: {words}"), remedy)
        }
    };
    fault.at("", line.map(|line| Origin::File { line }))
}

/// The parser's message without the place, which is said elsewhere.
fn words(error: &Error) -> String {
    let message = error.to_string();
    let message = message.lines().next().unwrap_or_default();
    visible(message.split(" at line ").next().unwrap_or(message))
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Shape, E> {
        Ok(Shape::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Typed)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Typed)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Typed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Typed)
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Shape, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Shape::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Shape, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Shape::Mapping(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The scalars of a flat mapping, with their lines.
    fn texts(yaml: &str) -> Vec<(String, u64, Option<String>)> {
        let Value::Mapping(entries) = read(yaml).unwrap().value else { panic!("no mapping: {yaml}") };
        let text = |value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        };
        entries
            .into_iter()
            .map(|(key, node)| (key.name, node.origin.line().unwrap(), text(node.value)))
            .collect()
    }

    #[test]
    fn a_scalar_keeps_the_text_that_was_written() {
        for text in [
            "001",
            "1E2",
            "02:00",
            "true",
            "no",
            "0x1F",
            "-3",
            "1_000",
            ".nan",
            ".inf",
            "5s",
            "P01",
            "1.50",
            "2026-06-01",
            r"C:\Logs\smsbkup.log",
            r"\\srv\share",
            "12345678901234567890123456789",
            "007",
            "0o17",
            "+1",
            "!!str 5",
        ] {
            let raw = text.trim_start_matches("!!str ");
            for yaml in [format!("ä: é\nk: {text} # comment\n"), format!("\u{feff}ä: é\r\nk: {text}\r\n")]
            {
                assert_eq!(texts(&yaml)[1], ("k".to_owned(), 2, Some(raw.to_owned())), "{yaml}");
            }
            assert_eq!(
                texts(&format!("{{ k: {text} }}"))[0].2.as_deref(),
                Some(raw),
                "{text} in a flow mapping"
            );
        }
    }

    #[test]
    fn quotes_are_taken_off_and_nothing_is_nothing() {
        let yaml = "a: 'it''s'\nb: \"x\\\\y\"\nc: '001'\nd: ~\ne:\nf: null\ng: ''\n12: x\n";
        let values: Vec<_> = texts(yaml).into_iter().map(|(_, _, text)| text).collect();
        let expected = [Some("it's"), Some(r"x\y"), Some("001"), None, None, None, Some(""), Some("x")];
        assert_eq!(values, expected.map(|text| text.map(str::to_owned)));
        assert_eq!(texts(yaml)[7].0, "12");
    }

    #[test]
    fn an_alias_has_the_anchors_text_and_its_own_line() {
        assert_eq!(texts("a: &a 007\n\nb: *a\n")[1], ("b".to_owned(), 3, Some("007".to_owned())));
    }

    #[test]
    fn an_empty_document_is_nothing() {
        for yaml in ["", "\n", "# only a comment\n", "---\n", "\u{feff}"] {
            assert_eq!(read(yaml).unwrap().value, Value::Nothing, "{yaml:?}");
        }
    }

    #[test]
    fn a_deep_or_self_multiplying_file_is_refused() {
        for depth in [40, 100_000] {
            assert!(read(&format!("{}{}", "[".repeat(depth), "]".repeat(depth))).is_err());
        }
        let bomb = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |yaml, n| {
            format!("{yaml}a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)
        });
        assert!(read(&bomb).is_err());
    }
}
