//! Binary XML: tokens at their place in a chunk, which names and templates refer to by offset.
//!
//! The first use of a name or a template in a chunk brings it along, later ones refer to it. Sizes stand before what
//! they count, so room is left for them and filled in afterwards.

use std::collections::BTreeMap;

const FRAGMENT: [u8; 4] = [0x0F, 1, 1, 0];
const TEMPLATE: [u8; 2] = [0x0C, 1];
const END: u8 = 0x00;
const OPEN: u8 = 0x01;
const CLOSE_START: u8 = 0x02;
const CLOSE_EMPTY: u8 = 0x03;
const CLOSE: u8 = 0x04;
/// Followed by the type of a string.
const TEXT: [u8; 2] = [0x05, 0x01];
const ATTRIBUTE: u8 = 0x06;
/// Leaves out what has no value.
const SUBSTITUTION: u8 = 0x0E;
/// Of an element with attributes, and of an attribute that another follows.
const MORE: u8 = 0x40;

/// Where the names and template definitions of a chunk are.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    /// Heads of the chains of names with the same hash.
    name_chains: [u32; 64],
    /// Heads of the chains of definitions. How Windows chooses the chain is not known; readers need not.
    template_chains: [u32; 32],
    names: BTreeMap<&'static str, u32>,
    templates: BTreeMap<[u8; 16], u32>,
}

impl Default for Tables {
    fn default() -> Self {
        let (names, templates) = (BTreeMap::new(), BTreeMap::new());
        Self { name_chains: [0; 64], template_chains: [0; 32], names, templates }
    }
}

impl Tables {
    /// What stands in the chunk's header from offset 128 on.
    pub(super) fn offsets(&self) -> impl Iterator<Item = u32> {
        self.name_chains.into_iter().chain(self.template_chains)
    }
}

/// What stands in one place of an element.
pub(super) enum Piece {
    Text(String),
    /// The value with this number, of this type.
    Value(u16, u8),
    Nothing,
}

/// Where a size stands that is not known yet.
#[must_use]
pub(super) struct Size(usize);

/// Binary XML in the making.
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

    /// A document of its own.
    pub(super) fn document(&mut self, content: impl FnOnce(&mut Self)) {
        self.put(&FRAGMENT);
        content(self);
        self.put(&[END]);
    }

    /// Refers to the template with this content; writes its definition if the chunk has none yet.
    pub(super) fn template(&mut self, guid: [u8; 16], definition: impl FnOnce(&mut Self)) {
        let id = [guid[0], guid[1], guid[2], guid[3]];
        self.put(&TEMPLATE);
        self.put(&id);
        if let Some(offset) = self.tables.templates.get(&guid).copied() {
            self.put(&offset.to_le_bytes());
            return;
        }
        let offset = self.next_offset() + 4;
        self.put(&offset.to_le_bytes());
        let chain = usize::from(id[0] % 32);
        self.put(&self.tables.template_chains[chain].to_le_bytes());
        self.tables.template_chains[chain] = offset;
        self.tables.templates.insert(guid, offset);
        self.put(&guid);
        let size = self.reserve();
        self.document(definition);
        self.fill(size);
    }

    /// The values of a template, by number, each with its type. The last one may be a document, whose size shows once it
    /// is written.
    pub(super) fn values(&mut self, values: &[(u8, Vec<u8>)], last: Option<(u8, impl FnOnce(&mut Self))>) {
        let count = values.len() + usize::from(last.is_some());
        self.put(&u32::try_from(count).unwrap_or(0).to_le_bytes());
        for (kind, bytes) in values {
            self.put(&size_of_value(bytes.len()));
            self.put(&[*kind, 0]);
        }
        let size_of_last = self.bytes.len();
        if let Some((kind, _)) = &last {
            self.put(&[0, 0, *kind, 0]);
        }
        values.iter().for_each(|(_, bytes)| self.put(bytes));
        if let Some((_, content)) = last {
            let start = self.bytes.len();
            content(self);
            let size = size_of_value(self.bytes.len() - start);
            self.bytes[size_of_last..size_of_last + 2].copy_from_slice(&size);
        }
    }

    /// An element and what is in it. In a definition it depends on a value, 0xFFFF for none; elsewhere it has no
    /// dependency.
    pub(super) fn element(
        &mut self,
        name: &'static str,
        dependency: Option<u16>,
        attributes: impl IntoIterator<Item = (&'static str, Piece)>,
        content: Option<impl FnOnce(&mut Self)>,
    ) {
        let present = |attribute: &(_, Piece)| !matches!(attribute.1, Piece::Nothing);
        let mut attributes = attributes.into_iter().filter(present).peekable();
        self.put(&[if attributes.peek().is_some() { OPEN | MORE } else { OPEN }]);
        if let Some(dependency) = dependency {
            self.put(&dependency.to_le_bytes());
        }
        let size = self.reserve();
        self.name(name);
        if attributes.peek().is_some() {
            let list = self.reserve();
            while let Some((name, piece)) = attributes.next() {
                self.put(&[if attributes.peek().is_some() { ATTRIBUTE | MORE } else { ATTRIBUTE }]);
                self.name(name);
                self.piece(&piece);
            }
            self.fill(list);
        }
        match content {
            Some(content) => {
                self.put(&[CLOSE_START]);
                content(self);
                self.put(&[CLOSE]);
            }
            None => self.put(&[CLOSE_EMPTY]),
        }
        self.fill(size);
    }

    pub(super) fn piece(&mut self, piece: &Piece) {
        match piece {
            Piece::Text(text) => {
                self.put(&TEXT);
                self.counted(text);
            }
            Piece::Value(number, kind) => {
                self.put(&[SUBSTITUTION]);
                self.put(&number.to_le_bytes());
                self.put(&[*kind]);
            }
            Piece::Nothing => {}
        }
    }

    /// Refers to a name; writes it if the chunk does not have it yet.
    fn name(&mut self, name: &'static str) {
        if let Some(offset) = self.tables.names.get(name).copied() {
            self.put(&offset.to_le_bytes());
            return;
        }
        let offset = self.next_offset() + 4;
        self.put(&offset.to_le_bytes());
        let hash = hash_of(name);
        let chain = usize::from(hash % 64);
        self.put(&self.tables.name_chains[chain].to_le_bytes());
        self.tables.name_chains[chain] = offset;
        self.tables.names.insert(name, offset);
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

    fn next_offset(&self) -> u32 {
        u32::try_from(self.base + self.bytes.len()).unwrap_or(u32::MAX)
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn reserve(&mut self) -> Size {
        self.put(&[0; 4]);
        Size(self.bytes.len())
    }

    /// Everything since the room was left counts.
    fn fill(&mut self, Size(end): Size) {
        let size = u32::try_from(self.bytes.len() - end).unwrap_or(u32::MAX);
        self.bytes[end - 4..end].copy_from_slice(&size.to_le_bytes());
    }
}

/// Text as binary XML has it.
pub(super) fn utf16(text: &str) -> impl Iterator<Item = u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes)
}

/// A longer value fits no chunk anyway.
fn size_of_value(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap_or(u16::MAX).to_le_bytes()
}

/// The hash by which names are chained.
pub(super) fn hash_of(name: &str) -> u16 {
    name.encode_utf16().fold(0, |hash: u16, unit| hash.wrapping_mul(63).wrapping_add(unit))
}
