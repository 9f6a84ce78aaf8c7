//! What one line of the log says, before any layout: free text or a status message.

use crate::site::{Component, MessageId, Severity};

/// What one line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Free text of the backup service.
    Text(String),
    /// A status message.
    Status(Status),
}

impl Entry {
    /// Free text of the backup service.
    pub fn text(message: impl Into<String>) -> Self {
        Self::Text(message.into())
    }

    /// The severity that the layout of clients gives the line: the message's own, or that which the words tell.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Text(message) => severity_of(message),
            Self::Status(status) => status.severity,
        }
    }
}

/// A status message as a `STATMSG` line carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// `ID=`
    pub id: MessageId,
    /// `SEV=`
    pub severity: Severity,
    /// `COMP=`, and the component of the line.
    pub component: Component,
    /// `ISTR0=` to `ISTR9=`; those that are missing are empty, an eleventh is dropped.
    pub strings: Vec<String>,
    /// `AID0= AVAL0=` and so on.
    pub attributes: Vec<(u32, String)>,
}

impl Status {
    /// A message of the backup service, without attributes.
    pub fn new(id: MessageId, severity: Severity, strings: &[&str]) -> Self {
        let strings = strings.iter().map(|text| (*text).to_owned()).collect();
        Self { id, severity, component: Component::SiteBackup, strings, attributes: Vec::new() }
    }

    /// The same message from another component.
    pub fn by(self, component: Component) -> Self {
        Self { component, ..self }
    }
}

impl From<Status> for Entry {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

fn severity_of(message: &str) -> Severity {
    let begins = |word: &str| message.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if begins("error")
        || begins("failed")
        || message.contains(", FAILED")
        || message.contains("backup failed")
    {
        Severity::Error
    } else if begins("warning") {
        Severity::Warning
    } else {
        Severity::Information
    }
}
