//! One event in binary XML: by the templates of its chunk, or element by element.
//!
//! Windows has two templates for a classic event: one with the names of provider, channel and computer as text and all
//! else as values, and one for the data, which is the last of those values and a document of its own.

use super::BinXmlStyle;
use super::binxml::{Piece, Stream, Tables, utf16};
use super::event::WindowsEvent;
use super::shape::{Content, EVENT_ATTRIBUTES, Element, FIELDS, Field, Part, SYSTEM};

const NO_DEPENDENCY: u16 = 0xFFFF;
const TYPE_NULL: u8 = 0x00;
const TYPE_UINT32: u8 = 0x08;
const TYPE_BINARY: u8 = 0x0E;
const TYPE_STRINGS: u8 = 0x81;

/// The event as it stands at this offset of a chunk, and the chunk's tables with what it brought.
pub(super) fn encode(
    id: u64,
    event: &WindowsEvent,
    style: BinXmlStyle,
    offset: usize,
    tables: Tables,
) -> (Vec<u8>, Tables) {
    let mut stream = Stream::new(offset, tables);
    stream.document(|stream| match style {
        BinXmlStyle::Templates => with_templates(stream, id, event),
        BinXmlStyle::Plain => plain(stream, id, event),
    });
    stream.finish()
}

fn with_templates(stream: &mut Stream, id: u64, event: &WindowsEvent) {
    let piece = |part: Part| match part {
        Part::Field(field) => value(field),
        part => text(part, id, event),
    };
    stream.template(guid(&[&event.provider, &event.computer]), |stream| {
        let attributes = EVENT_ATTRIBUTES.iter().map(|(name, part)| (*name, piece(*part)));
        let content = |stream: &mut Stream| {
            element(stream, &SYSTEM, true, &piece);
            stream.piece(&value(Field::Data));
        };
        stream.element("Event", Some(Field::Data as u16), attributes, Some(content));
    });
    let value = |field: &Option<Field>| {
        let found = field.and_then(|field| Some((field.kind(), field.value(id, event)?.bytes())));
        found.unwrap_or((TYPE_NULL, Vec::new()))
    };
    let values: Vec<_> = FIELDS.iter().map(value).collect();
    let document = |stream: &mut Stream| stream.document(|stream| data(stream, &event.data));
    stream.values(&values, Some((Field::Data.kind(), document)));
}

/// One element for each string of a list; bytes may follow, which the events here do not have.
fn data(stream: &mut Stream, strings: &[String]) {
    stream.template(guid(&["EventData"]), |stream| {
        let content = |stream: &mut Stream| {
            for (name, number, kind) in [("Data", 0, TYPE_STRINGS), ("Binary", 2, TYPE_BINARY)] {
                let content = |stream: &mut Stream| stream.piece(&Piece::Value(number, kind));
                stream.element(name, Some(number), [], Some(content));
            }
        };
        stream.element("EventData", Some(NO_DEPENDENCY), [], Some(content));
    });
    let list: Vec<u8> = strings.iter().flat_map(|string| utf16(string).chain([0, 0])).collect();
    let kind = if strings.is_empty() { TYPE_NULL } else { TYPE_STRINGS };
    // Behind the strings come the number of bytes and the bytes.
    let values = [(kind, list), (TYPE_UINT32, vec![0; 4]), (TYPE_NULL, Vec::new())];
    stream.values(&values, None::<(u8, fn(&mut Stream))>);
}

fn plain(stream: &mut Stream, id: u64, event: &WindowsEvent) {
    let piece = |part: Part| text(part, id, event);
    let attributes = EVENT_ATTRIBUTES.iter().map(|(name, part)| (*name, piece(*part)));
    let data = |stream: &mut Stream| {
        for string in &event.data {
            let content = |stream: &mut Stream| match string.as_str() {
                "" => {}
                string => stream.piece(&Piece::Text(string.to_owned())),
            };
            stream.element("Data", None, [], Some(content));
        }
    };
    let content = |stream: &mut Stream| {
        element(stream, &SYSTEM, false, &piece);
        stream.element("EventData", None, [], Some(data));
    };
    stream.element("Event", None, attributes, Some(content));
}

/// An element of the shape and all within, with what each of its parts is.
fn element(stream: &mut Stream, shape: &Element, definition: bool, piece: &impl Fn(Part) -> Piece) {
    let dependency = match shape.content {
        Content::Part(Part::Field(field)) => field as u16,
        _ => NO_DEPENDENCY,
    };
    let attributes = shape.attributes.iter().map(|(name, part)| (*name, piece(*part)));
    let content = |stream: &mut Stream| match &shape.content {
        Content::None => {}
        Content::Part(part) => stream.piece(&piece(*part)),
        Content::Elements(elements) => {
            elements.iter().for_each(|shape| element(stream, shape, definition, piece));
        }
    };
    let content = (!matches!(shape.content, Content::None)).then_some(content);
    stream.element(shape.name, definition.then_some(dependency), attributes, content);
}

fn value(field: Field) -> Piece {
    Piece::Value(field as u16, field.kind())
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

/// The same for all templates that have these words in the same places, as their content is the same then.
fn guid(words: &[&str]) -> [u8; 16] {
    let mut hash = blake3::Hasher::new();
    for word in words {
        hash.update(word.as_bytes()).update(&[0]);
    }
    let mut guid = [0; 16];
    hash.finalize_xof().fill(&mut guid);
    guid
}
