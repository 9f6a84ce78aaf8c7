//! Binary XML: the event of one record, by the templates of its chunk or as plain elements.
//!
//! The first record of a chunk that uses a template holds its definition; later ones refer to it by offset, and to names
//! likewise. The definition of a classic event has provider, channel and computer as text, all else comes from a list
//! of values, the last of which is binary XML again: the data, with a template of their own.

use std::collections::BTreeMap;

use super::event::WindowsEvent;
use super::shape::{Content, EVENT_ATTRIBUTES, Element, FIELDS, Field, Part, SYSTEM};

const FRAGMENT: [u8; 4] = [0x0F, 1, 1, 0];
const TEMPLATE: [u8; 2] = [0x0C, 1];
const END: u8 = 0x00;
const OPEN: u8 = 0x01;
const CLOSE_START: u8 = 0x02;
const CLOSE_EMPTY: u8 = 0x03;
const CLOSE: u8 = 0x04;
const TEXT: [u8; 2] = [0x05, TYPE_STRING];
const ATTRIBUTE: u8 = 0x06;
/// Leaves out what has no value.
const SUBSTITUTION: u8 = 0x0E;
/// Of an attribute that another follows, and of an element with attributes.
const MORE: u8 = 0x40;
const NO_DEPENDENCY: u16 = 0xFFFF;

const TYPE_NULL: u8 = 0x00;
const TYPE_STRING: u8 = 0x01;
const TYPE_UINT32: u8 = 0x08;
const TYPE_BINARY: u8 = 0x0E;
const TYPE_STRINGS: u8 = 0x81;

/// Where the names and template definitions of a chunk are.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    /// Heads of the chains of names with the same hash.
    names: [u32; 64],
    /// Heads of the chains of definitions.
    templates: [u32; 32],
    name: BTreeMap<&'static str, u32>,
    template: BTreeMap<[u8; 16], u32>,
}

impl Default for Tables {
    fn default() -> Self {
        Self { names: [0; 64], templates: [0; 32], name: BTreeMap::new(), template: BTreeMap::new() }
    }
}

impl Tables {
    /// What stands in the chunk's header from offset 128 on.
    pub(super) fn offsets(&self) -> impl Iterator<Item = u32> {
        self.names.into_iter().chain(self.templates)
    }
}

/// What stands in one place, in one of the two styles.
enum Piece {
    Text(String),
    /// The value with this number, of this type.
    Value(u16, u8),
    Nothing,
}

/// Binary XML in the making, at its place in a chunk.
pub(super) struct Stream {
    /// The offset of the first byte in the chunk.
    base: usize,
    bytes: Vec<u8>,
    tables: Tables,
}

impl Stream {
    /// One that stands at this offset of a chunk with these tables.
    pub(super) fn new(base: usize, tables: Tables) -> Self {
        Self { base, bytes: Vec::with_capacity(2048), tables }
    }

    /// The bytes, and the tables with what they brought.
    pub(super) fn finish(self) -> (Vec<u8>, Tables) {
        (self.bytes, self.tables)
    }

    /// An event as the event log service writes it.
    pub(super) fn with_templates(&mut self, id: u64, event: &WindowsEvent) {
        let piece = |part: Part| match part {
            Part::Field(field) => Piece::Value(field as u16, field.kind()),
            part => text(part, id, event),
        };
        self.put(&FRAGMENT);
        self.template(&[&event.provider, &event.computer], |stream| {
            let root = stream.open("Event", Some(Field::Data as u16), EVENT_ATTRIBUTES, &piece);
            stream.put(&[CLOSE_START]);
            stream.element(&SYSTEM, true, &piece);
            stream.piece(&Piece::Value(Field::Data as u16, Field::Data.kind()));
            stream.close(root);
        });
        let value = |field: Option<Field>| {
            let found = field.and_then(|field| Some((field.kind(), field.value(id, event)?.bytes())));
            found.unwrap_or((TYPE_NULL, Vec::new()))
        };
        let mut values: Vec<_> = FIELDS.into_iter().map(value).collect();
        // Its size is known once it is written.
        values.push((Field::Data.kind(), Vec::new()));
        let size_of_data = self.values(&values);
        let start = self.bytes.len();
        self.data_with_template(&event.data);
        let size = u16::try_from(self.bytes.len() - start).unwrap_or(u16::MAX);
        self.patch(size_of_data, &size.to_le_bytes());
        self.put(&[END]);
    }

    /// The same event without templates, its values as text.
    pub(super) fn plain(&mut self, id: u64, event: &WindowsEvent) {
        let piece = |part: Part| text(part, id, event);
        self.put(&FRAGMENT);
        let root = self.open("Event", None, EVENT_ATTRIBUTES, &piece);
        self.put(&[CLOSE_START]);
        self.element(&SYSTEM, false, &piece);
        let data = self.open("EventData", None, &[], &piece);
        self.put(&[CLOSE_START]);
        for string in &event.data {
            let item = self.open("Data", None, &[], &piece);
            self.put(&[CLOSE_START]);
            if !string.is_empty() {
                self.text(string);
            }
            self.close(item);
        }
        self.close(data);
        self.close(root);
        self.put(&[END]);
    }

    /// The data: one element for each string of a list; bytes may follow, which the events here do not have.
    fn data_with_template(&mut self, strings: &[String]) {
        self.put(&FRAGMENT);
        self.template(&["EventData"], |stream| {
            let piece = |_: Part| Piece::Nothing;
            let data = stream.open("EventData", Some(NO_DEPENDENCY), &[], &piece);
            stream.put(&[CLOSE_START]);
            for (name, number, kind) in [("Data", 0, TYPE_STRINGS), ("Binary", 2, TYPE_BINARY)] {
                let item = stream.open(name, Some(number), &[], &piece);
                stream.put(&[CLOSE_START]);
                stream.piece(&Piece::Value(number, kind));
                stream.close(item);
            }
            stream.close(data);
        });
        let list: Vec<u8> = strings.iter().flat_map(|string| utf16(string).chain([0, 0])).collect();
        let kind = if strings.is_empty() { TYPE_NULL } else { TYPE_STRINGS };
        // Behind the strings come the number of bytes and the bytes.
        self.values(&[(kind, list), (TYPE_UINT32, vec![0; 4]), (TYPE_NULL, Vec::new())]);
        self.put(&[END]);
    }

    /// Refers to a template; writes its definition if the chunk has none yet with these words of its own.
    fn template(&mut self, words: &[&str], definition: impl FnOnce(&mut Self)) {
        let mut hash = blake3::Hasher::new();
        for word in words {
            hash.update(word.as_bytes()).update(&[0]);
        }
        let mut guid = [0; 16];
        hash.finalize_xof().fill(&mut guid);
        let id = [guid[0], guid[1], guid[2], guid[3]];
        self.put(&TEMPLATE);
        self.put(&id);
        if let Some(offset) = self.tables.template.get(&guid).copied() {
            self.put(&offset.to_le_bytes());
            return;
        }
        let offset = self.offset() + 4;
        self.put(&offset.to_le_bytes());
        let chain = usize::from(id[0] % 32);
        self.put(&self.tables.templates[chain].to_le_bytes());
        self.tables.templates[chain] = offset;
        self.tables.template.insert(guid, offset);
        self.put(&guid);
        let size = self.reserve_size();
        self.put(&FRAGMENT);
        definition(self);
        self.put(&[END]);
        self.set_size(size);
    }

    /// The values of a template: their number, size and type of each, then themselves. Returns where the size of the
    /// last one stands.
    fn values(&mut self, values: &[(u8, Vec<u8>)]) -> usize {
        self.put(&u32::try_from(values.len()).unwrap_or(0).to_le_bytes());
        let mut last = self.bytes.len();
        for (kind, bytes) in values {
            last = self.bytes.len();
            // A chunk has fewer bytes than that.
            self.put(&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes());
            self.put(&[*kind, 0]);
        }
        for (_, bytes) in values {
            self.put(bytes);
        }
        last
    }

    /// An element and all within, with what each of its parts is; a definition says on which value an element depends.
    fn element(&mut self, element: &Element, definition: bool, piece: &impl Fn(Part) -> Piece) {
        let dependency = match element.content {
            Content::Part(Part::Field(field)) => field as u16,
            _ => NO_DEPENDENCY,
        };
        let open = self.open(element.name, definition.then_some(dependency), element.attributes, piece);
        match &element.content {
            Content::None => {
                self.put(&[CLOSE_EMPTY]);
                self.set_size(open);
            }
            Content::Part(part) => {
                self.put(&[CLOSE_START]);
                self.piece(&piece(*part));
                self.close(open);
            }
            Content::Elements(elements) => {
                self.put(&[CLOSE_START]);
                elements.iter().for_each(|element| self.element(element, definition, piece));
                self.close(open);
            }
        }
    }

    /// Begins an element, up to the last of its attributes; returns where its size stands.
    fn open(
        &mut self,
        name: &'static str,
        dependency: Option<u16>,
        attributes: &[(&'static str, Part)],
        piece: &impl Fn(Part) -> Piece,
    ) -> usize {
        let attributes: Vec<_> = attributes.iter().map(|(name, part)| (*name, piece(*part))).collect();
        let mut attributes: Vec<_> =
            attributes.into_iter().filter(|(_, piece)| !matches!(piece, Piece::Nothing)).collect();
        self.put(&[if attributes.is_empty() { OPEN } else { OPEN | MORE }]);
        if let Some(dependency) = dependency {
            self.put(&dependency.to_le_bytes());
        }
        let size = self.reserve_size();
        self.name(name);
        let last = attributes.pop();
        if let Some((last_name, last_piece)) = last {
            let list = self.reserve_size();
            for (name, piece) in &attributes {
                self.put(&[ATTRIBUTE | MORE]);
                self.name(name);
                self.piece(piece);
            }
            self.put(&[ATTRIBUTE]);
            self.name(last_name);
            self.piece(&last_piece);
            self.set_size(list);
        }
        size
    }

    /// Ends an element with content.
    fn close(&mut self, size: usize) {
        self.put(&[CLOSE]);
        self.set_size(size);
    }

    fn piece(&mut self, piece: &Piece) {
        match piece {
            Piece::Text(text) => self.text(text),
            Piece::Value(number, kind) => {
                self.put(&[SUBSTITUTION]);
                self.put(&number.to_le_bytes());
                self.put(&[*kind]);
            }
            Piece::Nothing => {}
        }
    }

    fn text(&mut self, text: &str) {
        self.put(&TEXT);
        self.counted(text);
    }

    /// Refers to a name; writes it if the chunk does not have it yet.
    fn name(&mut self, name: &'static str) {
        if let Some(offset) = self.tables.name.get(name).copied() {
            self.put(&offset.to_le_bytes());
            return;
        }
        let offset = self.offset() + 4;
        self.put(&offset.to_le_bytes());
        let hash = hash_of(name);
        let chain = usize::from(hash % 64);
        self.put(&self.tables.names[chain].to_le_bytes());
        self.tables.names[chain] = offset;
        self.tables.name.insert(name, offset);
        self.put(&hash.to_le_bytes());
        self.counted(name);
        self.put(&[0, 0]);
    }

    /// A string behind the number of its UTF-16 units.
    fn counted(&mut self, text: &str) {
        let units = u16::try_from(text.encode_utf16().count()).unwrap_or(u16::MAX);
        self.put(&units.to_le_bytes());
        self.bytes.extend(utf16(text));
    }

    /// Where the next byte stands in the chunk.
    fn offset(&self) -> u32 {
        u32::try_from(self.base + self.bytes.len()).unwrap_or(u32::MAX)
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn patch(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Room for the size of what follows it.
    fn reserve_size(&mut self) -> usize {
        self.put(&[0; 4]);
        self.bytes.len() - 4
    }

    fn set_size(&mut self, at: usize) {
        let size = u32::try_from(self.bytes.len() - at - 4).unwrap_or(u32::MAX);
        self.patch(at, &size.to_le_bytes());
    }
}

/// What a part says in this event.
fn text(part: Part, id: u64, event: &WindowsEvent) -> Piece {
    match part {
        Part::Text(text) => Piece::Text(text.to_owned()),
        Part::Provider => Piece::Text(event.provider.clone()),
        Part::Computer => Piece::Text(event.computer.clone()),
        Part::Field(field) => {
            field.value(id, event).map_or(Piece::Nothing, |value| Piece::Text(value.text()))
        }
    }
}

fn utf16(text: &str) -> impl Iterator<Item = u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes)
}

/// The hash by which names are chained.
fn hash_of(name: &str) -> u16 {
    name.encode_utf16().fold(0, |hash: u16, unit| hash.wrapping_mul(63).wrapping_add(unit))
}
