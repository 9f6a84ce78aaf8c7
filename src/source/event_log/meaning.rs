//! What an event means for the backup: one pure function over what the record says.
//!
//! The event has no field for the component: its name stands in a header that is written in the site server's
//! language, so it is looked for as a token, whatever stands around it. The header also names the computer, and on a
//! central site that can be another site's. If that is a DNS name, the message is not this site's; a short one could be
//! any word.

use super::event::Event;
use crate::site::{ClosedSet, Component, MessageId, Severity, SqlServerEvent, StatusMessage, Timestamp};
use crate::trace::Phrases;

/// The provider of ConfigMgr's status messages.
const CONFIGMGR: &str = "SMS Server";
/// The providers of SQL Server: the default instance, and what stands before the name of another.
const SQL_SERVER: (&str, &str) = ("MSSQLSERVER", "MSSQL$");

/// What SQL Server says of a database, by its number.
const SQL_SERVER_EVENTS: [(u16, SqlServerEvent); 3] =
    [(3197, SqlServerEvent::Frozen), (3198, SqlServerEvent::Resumed), (18264, SqlServerEvent::BackedUp)];

/// The numbers that only messages of the backup have.
const BACKUP_IDS: std::ops::RangeInclusive<u16> = 5000..=5060;

/// What a record is to the backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A component of the backup reported it.
    Message(StatusMessage),
    /// SQL Server did something to the site database, and when.
    SqlServer(SqlServerEvent, Timestamp),
    /// It has a number of the backup, or its component's name, but is not known to be of this machine's backup.
    Unattributed,
    /// It has nothing to do with it.
    Nothing,
}

/// What `event` means where the site database has the name `database`.
pub(super) fn of(event: &Event, database: &str, phrases: &Phrases) -> Meaning {
    let Some(id) = event.id else { return Meaning::Nothing };
    if event.provider == CONFIGMGR {
        return status_message(id, event, phrases);
    }
    let is_sql_server = event.provider == SQL_SERVER.0 || event.provider.starts_with(SQL_SERVER.1);
    // The database's name is the first string of all three.
    let is_ours = event.data.first().is_some_and(|name| name.trim().eq_ignore_ascii_case(database));
    let known = SQL_SERVER_EVENTS.iter().find(|(known, _)| *known == id && is_sql_server && is_ours);
    known.map_or(Meaning::Nothing, |(_, what)| Meaning::SqlServer(*what, event.time))
}

fn status_message(id: u16, event: &Event, phrases: &Phrases) -> Meaning {
    let computer = event.computer.as_str();
    let Some((component, header)) = component(&event.data, computer) else {
        return if BACKUP_IDS.contains(&id) { Meaning::Unattributed } else { Meaning::Nothing };
    };
    if names_another(header, computer) {
        return Meaning::Unattributed;
    }
    Meaning::Message(StatusMessage {
        id: MessageId(id),
        severity: event.qualifiers.and_then(severity),
        component,
        machine: computer.into(),
        // Status Manager writes for others, so the writing process is not the one that reports.
        pid: None,
        tid: None,
        time: event.time,
        hint: phrases.hint(&as_logged(&event.data)),
    })
}

/// The two highest bits of a message identifier.
fn severity(qualifiers: u16) -> Option<Severity> {
    match qualifiers >> 14 {
        1 => Some(Severity::Information),
        2 => Some(Severity::Warning),
        3 => Some(Severity::Error),
        _ => None,
    }
}

/// The component of the backup that reports, and the string that says so.
///
/// The last string that names a component and a computer is the header, which stands behind the insertion strings. Those
/// of other components may name the backup's, whose messages they are about.
fn component<'a>(data: &'a [String], computer: &str) -> Option<(Component, &'a str)> {
    let ours = |text: &str| Component::ALL.iter().copied().find(|known| has_token(text, known.label()));
    let names_any = |text: &str| names_computer(text, computer) || names(text).any(is_dns_name);
    let of_components = || data.iter().rev().filter(|text| names_component(text));
    let header = of_components().find(|text| names_any(text)).or_else(|| of_components().next())?;
    Some((ours(header)?, header))
}

fn names_component(text: &str) -> bool {
    identifiers(text).any(|token| token.strip_prefix("SMS_").is_some_and(|rest| !rest.is_empty()))
}

/// Whether `token` stands in `text` and is not a part of a longer identifier.
fn has_token(text: &str, token: &str) -> bool {
    identifiers(text).any(|identifier| identifier == token)
}

/// The longest stretches of characters of which the names of components are made.
fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|token| !token.is_empty())
}

/// The longest stretches of characters of which the names of computers are made.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    text.split(move |c: char| !is_of_name(c))
        .map(|name| name.trim_matches('.'))
        .filter(|name| !name.is_empty())
}

fn first_label(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

/// Whether `computer` is named in `text`, with its domain or without.
fn names_computer(text: &str, computer: &str) -> bool {
    names(text).any(|name| first_label(name).eq_ignore_ascii_case(first_label(computer)))
}

/// Whether `header` names a computer, and not this one; a name without a domain could be any word.
fn names_another(header: &str, computer: &str) -> bool {
    !names_computer(header, computer) && names(header).any(is_dns_name)
}

fn is_dns_name(name: &str) -> bool {
    let is_label = |label: &str| {
        label.len() >= 2 && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.contains('.')
        && name.split('.').all(is_label)
        && first_label(name).bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// As in a STATMSG line, so that all witnesses give the same reason.
fn as_logged(strings: &[String]) -> String {
    let strings = strings.iter().enumerate();
    strings.map(|(index, text)| format!(" ISTR{index}=\"{text}\"")).collect()
}
