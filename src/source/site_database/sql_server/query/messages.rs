//! Status messages out of rows of `v_StatusMessage`, with the reasons that their codes and insertion strings give.

use std::collections::BTreeMap;

use super::super::rows::{Malformed, Row, Rows};
use crate::site::{
    ClosedSet, Component, FailureCause, Hint, HintStrength, MessageId, Severity, SiteCode, StatusMessage,
};
use crate::trace::Phrases;

/// The site's messages of the backup by their `RecordID`s, once each; those of other components are left out.
pub(super) fn status_messages(site: SiteCode, rows: &Rows) -> Result<Vec<(i64, StatusMessage)>, Malformed> {
    let mut messages = BTreeMap::new();
    for row in rows.of(site)? {
        let component = row.text("Component")?.trim_end();
        let known = |known: &&Component| known.label().eq_ignore_ascii_case(component);
        if let Some(&component) = Component::ALL.iter().find(known) {
            messages.insert(row.int("RecordID")?, status_message(row, component)?);
        }
    }
    Ok(messages.into_iter().collect())
}

fn status_message(row: Row<'_>, component: Component) -> Result<StatusMessage, Malformed> {
    let id = row.int("MessageID")?;
    let code = row.optional_int("Win32Error")?.and_then(unsigned).filter(|code| *code != 0);
    let machine = row.text("MachineName")?.trim();
    if machine.is_empty() {
        return Err(Malformed("MachineName is empty".to_owned()));
    }
    Ok(StatusMessage {
        id: message_id(id).ok_or_else(|| Malformed(format!("MessageID is {id}, which is no message's")))?,
        severity: row.optional_int("Severity")?.and_then(severity),
        component,
        machine: machine.into(),
        pid: number(row, "ProcessID")?,
        tid: number(row, "ThreadID")?,
        time: row.time("Time")?.and_utc(),
        hint: code
            .and_then(FailureCause::from_code)
            .map(|cause| Hint { cause, strength: HintStrength::Code }),
    })
}

/// The number of a process or thread; 0 is none.
fn number(row: Row<'_>, column: &str) -> Result<Option<u32>, Malformed> {
    Ok(row.optional_int(column)?.and_then(unsigned).filter(|number| *number != 0))
}

/// 32 bits, whichever way the server understands the highest.
fn unsigned(value: i64) -> Option<u32> {
    u32::try_from(value).ok().or_else(|| i32::try_from(value).ok().map(i32::cast_unsigned))
}

/// The id, with the bits of a severity above it or without.
fn message_id(value: i64) -> Option<MessageId> {
    let id = unsigned(value)? & 0x3FFF_FFFF;
    u16::try_from(id).ok().map(MessageId)
}

/// `None` if it is none that is documented.
fn severity(value: i64) -> Option<Severity> {
    match unsigned(value)? {
        0x4000_0000 => Some(Severity::Information),
        0x8000_0000 => Some(Severity::Warning),
        0xC000_0000 => Some(Severity::Error),
        _ => None,
    }
}

/// Whether insertion strings could say more of these messages than is known already.
pub(in super::super) fn wants_reasons(messages: &[(i64, StatusMessage)]) -> bool {
    messages.iter().any(|(_, message)| lacks_reason(message))
}

/// The insertion strings of each message, in their order; a NULL says nothing.
pub(super) fn reasons(_: SiteCode, rows: &Rows) -> Result<BTreeMap<i64, Vec<String>>, Malformed> {
    let mut numbered: BTreeMap<i64, BTreeMap<i64, String>> = BTreeMap::new();
    for row in rows.iter() {
        let strings = numbered.entry(row.int("RecordID")?).or_default();
        if let Some(text) = row.optional_text("InsStrValue")? {
            strings.insert(row.int("InsStrIndex")?, text.to_owned());
        }
    }
    Ok(numbered.into_iter().map(|(record, strings)| (record, strings.into_values().collect())).collect())
}

/// Gives errors the reason that is in their insertion strings, as the log would; a code of the message itself stays.
pub(in super::super) fn add_reasons(
    messages: &mut [(i64, StatusMessage)],
    strings: &BTreeMap<i64, Vec<String>>,
    phrases: &Phrases,
) {
    for (record, message) in messages.iter_mut().filter(|(_, message)| lacks_reason(message)) {
        if let Some(strings) = strings.get(record) {
            message.hint = phrases.hint(&as_logged(strings));
        }
    }
}

fn lacks_reason(message: &StatusMessage) -> bool {
    message.is_error() && message.hint.is_none()
}

/// As in a STATMSG line, so that both witnesses give the same reason.
fn as_logged(strings: &[String]) -> String {
    let strings = strings.iter().enumerate();
    strings.map(|(index, text)| format!(" ISTR{index}=\"{text}\"")).collect()
}
