//! Which records are worth being built: those that could be about the backup, found by their bytes alone.
//!
//! Binary XML keeps text as UTF-16 and numbers as they are. The provider's name may stand in a template that many
//! records of a chunk share, so the template's definition counts as part of each. Too much is selected, never too
//! little: what a record really says is for [`super::meaning`].

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::chunk::{Chunk, RECORD_HEADER, Span, u32_at};
use crate::site::{ClosedSet, Component};

/// The token of binary XML that begins a fragment, with its version and flags.
const FRAGMENT: u8 = 0x0F;
const FRAGMENT_SIZE: usize = 4;
/// The token that opens an element, without the bit that says that attributes follow.
const OPEN_ELEMENT: u8 = 0x01;
const HAS_ATTRIBUTES: u8 = 0x40;
/// The token of a template instance; behind it one byte, the template's id, and where its definition is.
const TEMPLATE_INSTANCE: u8 = 0x0C;
const DEFINITION_OFFSET: usize = 6;
/// A definition: the next one's offset, a GUID, the size of what follows.
const DEFINITION_HEADER: usize = 24;

/// The providers whose records mean something; the last one is followed by the name of an instance.
const PROVIDERS: [&str; 3] = ["SMS Server", "MSSQLSERVER", "MSSQL$"];

static FINDERS: LazyLock<Finders> = LazyLock::new(Finders::new);

struct Finders {
    providers: Vec<Finder<'static>>,
    /// Names of the components, and how the numbers of the events begin where they are written out.
    words: Vec<Finder<'static>>,
}

impl Finders {
    fn new() -> Self {
        let finder = |text: &str| Finder::new(&utf16(text)).into_owned();
        let components = Component::ALL.iter().map(|component| component.label());
        Self {
            providers: PROVIDERS.map(finder).into(),
            words: components.chain(["50", "319", "18264"]).map(finder).collect(),
        }
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The records of a chunk, from the one with this index on, that could be about the backup.
pub(super) fn candidates(chunk: &Chunk, from: usize) -> Vec<usize> {
    let bytes = chunk.bytes();
    let hits = hits(bytes);
    if hits.is_empty() {
        return Vec::new();
    }
    let names_provider = |range: &Range<usize>| {
        let next = hits.partition_point(|hit| *hit < range.start);
        hits.get(next).is_some_and(|hit| *hit < range.end)
    };
    let may_count = |range: &Range<usize>| bytes.get(range.clone()).is_some_and(may_be_of_the_backup);
    let spans = chunk.spans().iter().enumerate().skip(from);
    let worth = |span: &Span| {
        let template = match content(bytes, span) {
            Content::Template(definition) => definition,
            Content::Plain => 0..0,
            // It may have been anything.
            Content::Garbled => return true,
        };
        let parts = [span.range.clone(), template];
        parts.iter().any(names_provider) && parts.iter().any(may_count)
    };
    spans.filter(|(_, span)| worth(span)).map(|(index, _)| index).collect()
}

/// Where the names of the providers are, in order.
fn hits(bytes: &[u8]) -> Vec<usize> {
    let mut hits: Vec<_> = FINDERS.providers.iter().flat_map(|provider| provider.find_iter(bytes)).collect();
    hits.sort_unstable();
    hits
}

/// Whether a component of the backup is named, or a number that counts stands there, binary or written out.
fn may_be_of_the_backup(bytes: &[u8]) -> bool {
    let has_number = |high: u8, low: std::ops::RangeInclusive<u8>| {
        memchr::memchr_iter(high, bytes)
            .any(|at| at > 0 && bytes.get(at - 1).is_some_and(|byte| low.contains(byte)))
    };
    // 5000 to 5060; 3197 and 3198; 18264.
    has_number(0x13, 0x88..=0xC4)
        || has_number(0x0C, 0x7D..=0x7E)
        || has_number(0x47, 0x58..=0x58)
        || FINDERS.words.iter().any(|word| word.find(bytes).is_some())
}

/// How the content of a record begins.
enum Content {
    /// With a template, whose definition is there.
    Template(Range<usize>),
    /// With an element.
    Plain,
    /// With nothing that is known.
    Garbled,
}

fn content(bytes: &[u8], span: &Span) -> Content {
    let mut at = span.range.start + RECORD_HEADER;
    while bytes.get(at) == Some(&FRAGMENT) {
        at += FRAGMENT_SIZE;
    }
    match bytes.get(at) {
        Some(&TEMPLATE_INSTANCE) => definition(bytes, at).map_or(Content::Garbled, Content::Template),
        Some(token) if token & !HAS_ATTRIBUTES == OPEN_ELEMENT => Content::Plain,
        _ => Content::Garbled,
    }
}

/// Where the definition is of the template that is used at `at`.
fn definition(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let start = usize::try_from(u32_at(bytes, at + DEFINITION_OFFSET)?).ok()?;
    let size = usize::try_from(u32_at(bytes, start.checked_add(DEFINITION_HEADER - 4)?)?).ok()?;
    let end = start.saturating_add(DEFINITION_HEADER).saturating_add(size).min(bytes.len());
    (start < end).then_some(start..end)
}
