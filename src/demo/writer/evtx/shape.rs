//! The shape of a classic event: its elements in their order, and the values that fill them.
//!
//! Elements, order and the numbers of the values are those of Windows 10; texts differ only in provider and computer.

use super::event::WindowsEvent;
use super::{file_time, system_time};
use crate::site::Timestamp;

/// An element of the event.
pub(super) struct Element {
    pub(super) name: &'static str,
    pub(super) attributes: &'static [(&'static str, Part)],
    pub(super) content: Content,
}

/// What is between the tags of an element.
pub(super) enum Content {
    None,
    Part(Part),
    Elements(&'static [Element]),
}

/// What stands in one place of the event.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Text(&'static str),
    Provider,
    Computer,
    Field(Field),
}

/// What differs from event to event; the number is its place among the values of the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Field {
    Level = 0,
    Opcode = 1,
    Task = 2,
    Id = 3,
    Qualifiers = 4,
    Keywords = 5,
    Time = 6,
    ActivityId = 7,
    ProcessId = 8,
    ThreadId = 9,
    RecordId = 10,
    Version = 11,
    UserId = 12,
    RelatedActivityId = 18,
    /// The last one: the data, with a template of their own.
    Data = 19,
}

/// The fields before the data by their numbers; nothing uses five of the numbers.
#[rustfmt::skip]
pub(super) const FIELDS: [Option<Field>; Field::Data as usize] = [
    Some(Field::Level), Some(Field::Opcode), Some(Field::Task), Some(Field::Id), Some(Field::Qualifiers),
    Some(Field::Keywords), Some(Field::Time), Some(Field::ActivityId), Some(Field::ProcessId), Some(Field::ThreadId),
    Some(Field::RecordId), Some(Field::Version), Some(Field::UserId), None, None,
    None, None, None, Some(Field::RelatedActivityId),
];

/// A value of one of the types that binary XML has.
pub(super) enum Value {
    UInt8(u8),
    UInt16(u16),
    UInt32(u32),
    UInt64(u64),
    HexInt64(u64),
    FileTime(Timestamp),
}

impl Value {
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::UInt8(value) => vec![*value],
            Self::UInt16(value) => value.to_le_bytes().to_vec(),
            Self::UInt32(value) => value.to_le_bytes().to_vec(),
            Self::UInt64(value) | Self::HexInt64(value) => value.to_le_bytes().to_vec(),
            Self::FileTime(time) => file_time(*time).to_le_bytes().to_vec(),
        }
    }

    /// As XML has it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::UInt8(value) => value.to_string(),
            Self::UInt16(value) => value.to_string(),
            Self::UInt32(value) => value.to_string(),
            Self::UInt64(value) => value.to_string(),
            Self::HexInt64(value) => format!("{value:#x}"),
            Self::FileTime(time) => system_time(*time),
        }
    }
}

impl Field {
    /// The number of its type.
    pub(super) fn kind(self) -> u8 {
        match self {
            Self::Level | Self::Opcode | Self::Version => 0x04,
            Self::Task | Self::Id | Self::Qualifiers => 0x06,
            Self::ProcessId | Self::ThreadId => 0x08,
            Self::RecordId => 0x0A,
            Self::ActivityId | Self::RelatedActivityId => 0x0F,
            Self::Time => 0x11,
            Self::UserId => 0x13,
            Self::Keywords => 0x15,
            Self::Data => 0x21,
        }
    }

    /// What it is in this event; classic events have neither activities nor, mostly, a user.
    pub(super) fn value(self, id: u64, event: &WindowsEvent) -> Option<Value> {
        /// "Classic", which all events of the old interface bear.
        const KEYWORDS: u64 = 0x0080_0000_0000_0000;
        match self {
            Self::Level => Some(Value::UInt8(event.level)),
            Self::Opcode | Self::Version => Some(Value::UInt8(0)),
            Self::Task => Some(Value::UInt16(event.task)),
            Self::Id => Some(Value::UInt16(event.id)),
            Self::Qualifiers => Some(Value::UInt16(event.qualifiers)),
            Self::Keywords => Some(Value::HexInt64(KEYWORDS)),
            Self::Time => Some(Value::FileTime(event.time)),
            Self::ProcessId | Self::ThreadId => Some(Value::UInt32(0)),
            Self::RecordId => Some(Value::UInt64(id)),
            Self::ActivityId | Self::RelatedActivityId | Self::UserId | Self::Data => None,
        }
    }
}

const fn element(
    name: &'static str,
    attributes: &'static [(&'static str, Part)],
    content: Content,
) -> Element {
    Element { name, attributes, content }
}

const fn field(name: &'static str, field: Field) -> Element {
    element(name, &[], Content::Part(Part::Field(field)))
}

/// The attributes of the outermost element, `Event`.
pub(super) const EVENT_ATTRIBUTES: &[(&str, Part)] =
    &[("xmlns", Part::Text("http://schemas.microsoft.com/win/2004/08/events/event"))];

/// What the event log service knows of the event.
pub(super) const SYSTEM: Element = element(
    "System",
    &[],
    Content::Elements(&[
        element("Provider", &[("Name", Part::Provider)], Content::None),
        element(
            "EventID",
            &[("Qualifiers", Part::Field(Field::Qualifiers))],
            Content::Part(Part::Field(Field::Id)),
        ),
        field("Version", Field::Version),
        field("Level", Field::Level),
        field("Task", Field::Task),
        field("Opcode", Field::Opcode),
        field("Keywords", Field::Keywords),
        element("TimeCreated", &[("SystemTime", Part::Field(Field::Time))], Content::None),
        field("EventRecordID", Field::RecordId),
        element(
            "Correlation",
            &[
                ("ActivityID", Part::Field(Field::ActivityId)),
                ("RelatedActivityID", Part::Field(Field::RelatedActivityId)),
            ],
            Content::None,
        ),
        element(
            "Execution",
            &[("ProcessID", Part::Field(Field::ProcessId)), ("ThreadID", Part::Field(Field::ThreadId))],
            Content::None,
        ),
        element("Channel", &[], Content::Part(Part::Text("Application"))),
        element("Computer", &[], Content::Part(Part::Computer)),
        element("Security", &[("UserID", Part::Field(Field::UserId))], Content::None),
    ]),
);
