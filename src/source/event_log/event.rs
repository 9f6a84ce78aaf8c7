//! One record as an event: built by the `evtx` crate, and taken from its JSON.
//!
//! The crate walks a chunk by the chunk's header and stops where that ends. So it gets a copy in which every stretch
//! without selected records is one record, and the header names the last selected one: it comes to all of them and to
//! no other.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use evtx::{ChunkFlags, EvtxChunkData, ParserSettings};
use serde_json::Value;

use super::chunk::{Chunk, RECORD_HEADER, RECORD_MAGIC, RECORDS, Span};
use crate::site::Timestamp;

/// Where the offsets of names and templates are in a chunk's header.
const TABLES: std::ops::Range<usize> = 128..RECORDS;
/// Seconds from 1601 to 1970.
const UNIX_EPOCH: i64 = 11_644_473_600;

/// What a record says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// `Provider Name`.
    pub(super) provider: String,
    /// `EventID`.
    pub(super) id: Option<u16>,
    /// The upper half of the message identifier, whose highest bits are the severity.
    pub(super) qualifiers: Option<u16>,
    /// `Computer`.
    pub(super) computer: String,
    /// `TimeCreated`, else when the record was written.
    pub(super) time: Timestamp,
    /// Every `Data`, in order, empty ones included where the record keeps them.
    pub(super) data: Vec<String>,
}

/// Builds the records with these indices, which are in order; `None` for one that cannot be built.
pub(super) fn build(chunk: &Chunk, selected: &[usize]) -> Vec<(usize, Option<Event>)> {
    let spans = selected.iter().filter_map(|index| Some((*index, chunk.spans().get(*index)?)));
    let mut events: Vec<(usize, &Span, Option<Event>)> =
        spans.map(|(index, span)| (index, span, None)).collect();
    let spans: Vec<_> = events.iter().map(|(_, span, _)| *span).collect();
    if let Some(mut data) = prepared(chunk.bytes(), &spans) {
        if data.parse(settings()).is_err() {
            // Its table of names is damaged; names are also found without it.
            if let Some(tables) = data.data.get_mut(TABLES) {
                tables.fill(0);
            }
            if let Ok(without) = EvtxChunkData::new(std::mem::take(&mut data.data), false) {
                data = with_header(without, &spans);
            }
        }
        if let Ok(mut parsed) = data.parse(settings()) {
            for record in parsed.iter().flatten() {
                let begins = |(_, span, _): &&mut (usize, &Span, Option<Event>)| {
                    span.range.start as u64 + RECORD_HEADER as u64 == record.binxml_offset
                };
                if let Some((_, span, event)) = events.iter_mut().find(begins) {
                    *event = record.into_json_value().ok().and_then(|json| Event::of(&json.data, span));
                }
            }
        }
    }
    events.into_iter().map(|(index, _, event)| (index, event)).collect()
}

fn settings() -> Arc<ParserSettings> {
    Arc::new(ParserSettings::default().indent(false))
}

/// The chunk as the crate shall see it.
fn prepared(bytes: &[u8], selected: &[&Span]) -> Option<EvtxChunkData> {
    let mut bytes = bytes.to_vec();
    bytes.get_mut(..8)?.copy_from_slice(b"ElfChnk\0");
    let last = selected.last()?;
    let mut end = RECORDS;
    for span in selected {
        // Over less than a record the crate finds the way by itself.
        if let Some(size) = span.range.start.checked_sub(end).filter(|size| *size >= RECORD_HEADER) {
            let mut bridge = RECORD_MAGIC.to_vec();
            bridge.extend(u32::try_from(size).ok()?.to_le_bytes());
            // The walk ends with the last id.
            bridge.extend((!last.id).to_le_bytes());
            bridge.extend(0_u64.to_le_bytes());
            bytes.get_mut(end..)?.get_mut(..RECORD_HEADER)?.copy_from_slice(&bridge);
        }
        end = span.range.end;
    }
    Some(with_header(EvtxChunkData::new(bytes, false).ok()?, selected))
}

fn with_header(mut data: EvtxChunkData, selected: &[&Span]) -> EvtxChunkData {
    let header = &mut data.header;
    header.flags = ChunkFlags::NO_CRC32;
    header.first_event_record_id = 0;
    if let Some(last) = selected.last() {
        header.last_event_record_id = last.id;
        header.last_event_record_data_offset = u32::try_from(last.range.start).unwrap_or(u32::MAX);
        header.free_space_offset = u32::try_from(last.range.end).unwrap_or(u32::MAX);
    }
    data
}

impl Event {
    fn of(json: &Value, span: &Span) -> Option<Self> {
        let event = json.get("Event")?;
        let system = event.get("System")?;
        let attribute = |element: &str, name: &str| system.get(element)?.get("#attributes")?.get(name);
        let time = attribute("TimeCreated", "SystemTime").and_then(Value::as_str);
        let time = time.and_then(|time| DateTime::parse_from_rfc3339(time).ok());
        let mut data = Vec::new();
        for part in ["EventData", "UserData"] {
            collect(event.get(part).unwrap_or(&Value::Null), &mut data);
        }
        Some(Self {
            provider: attribute("Provider", "Name").and_then(text)?,
            id: system.get("EventID").and_then(number),
            qualifiers: attribute("EventID", "Qualifiers").and_then(number),
            computer: system.get("Computer").and_then(text).unwrap_or_default(),
            time: kept(time.map_or_else(|| moment(span.written), |time| time.to_utc())),
            data,
        })
    }
}

/// When a record was written. The unit is 100 ns.
pub(super) fn moment(written: u64) -> Timestamp {
    let seconds = i64::try_from(written / 10_000_000).unwrap_or(i64::MAX);
    let rest = TimeDelta::nanoseconds(i64::try_from(written % 10_000_000).unwrap_or(0) * 100);
    let whole = DateTime::from_timestamp(seconds.saturating_sub(UNIX_EPOCH), 0);
    whole.map_or(DateTime::UNIX_EPOCH, |time| time + rest)
}

/// The nearest time that a checkpoint holds exactly: what is read again must be known again.
fn kept(time: Timestamp) -> Timestamp {
    let nearest = if time < DateTime::UNIX_EPOCH { i64::MIN } else { i64::MAX };
    DateTime::from_timestamp_nanos(time.timestamp_nanos_opt().unwrap_or(nearest))
}

/// An element's own text: with attributes beside it, it has a name of its own.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Object(element) => element.get("#text").and_then(text),
        _ => None,
    }
}

fn number(value: &Value) -> Option<u16> {
    text(value)?.trim().parse().ok()
}

/// All text below an element, in order: `Data` may be one, an array, numbered or named.
fn collect(value: &Value, data: &mut Vec<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, data)),
        Value::Object(element) => {
            let is_text = |name: &str| name != "#attributes" && name != "Binary";
            element.iter().filter(|(name, _)| is_text(name)).for_each(|(_, value)| collect(value, data));
        }
        Value::Null => data.push(String::new()),
        value => data.extend(text(value)),
    }
}
