//! The kept records of a witness, in schema 1.

use serde::{Deserialize, Serialize};

use super::{Unusable, known, nanoseconds, timestamp};
use crate::site::{
    ClosedSet, Component, FailureCause, Hint, HintStrength, MessageId, Remark, Severity, StatusMessage,
};
use crate::source::{Record, RecordBody};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RecordV1 {
    position: u64,
    time: i64,
    #[serde(flatten)]
    body: BodyV1,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum BodyV1 {
    Status {
        id: u16,
        component: String,
        #[serde(default)]
        severity: Option<String>,
        #[serde(default)]
        machine: Box<str>,
        #[serde(default)]
        pid: Option<u32>,
        #[serde(default)]
        tid: Option<u32>,
        #[serde(default)]
        hint: Option<HintV1>,
    },
    Remark {
        /// `stopping`, `completed`, `preparing`, `failed`, `reason` or `gap`.
        remark: String,
        #[serde(default)]
        hint: Option<HintV1>,
        #[serde(default)]
        text: Box<str>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct HintV1 {
    cause: String,
    code: bool,
}

impl RecordV1 {
    pub(super) fn of(record: &Record) -> Self {
        let body = match &record.body {
            RecordBody::Status(message) => BodyV1::Status {
                id: message.id.0,
                component: message.component.label().to_owned(),
                severity: message.severity.map(|severity| severity.label().to_owned()),
                machine: message.machine.clone(),
                pid: message.pid,
                tid: message.tid,
                hint: message.hint.map(HintV1::of),
            },
            RecordBody::Remark { remark, text, .. } => {
                let (word, hint) = match remark {
                    Remark::Stopping => ("stopping", None),
                    Remark::Completed => ("completed", None),
                    Remark::Preparing => ("preparing", None),
                    Remark::Failed => ("failed", None),
                    Remark::Gap => ("gap", None),
                    Remark::Reason(hint) => ("reason", Some(HintV1::of(*hint))),
                };
                BodyV1::Remark { remark: word.to_owned(), hint, text: text.clone() }
            }
        };
        Self { position: record.position, time: nanoseconds(record.time()), body }
    }

    pub(super) fn restore(self) -> Result<Record, Unusable> {
        let time = timestamp(self.time);
        let body = match self.body {
            BodyV1::Status { id, component, severity, machine, pid, tid, hint } => {
                RecordBody::Status(StatusMessage {
                    id: MessageId(id),
                    severity: severity.as_deref().map(known::<Severity>).transpose()?,
                    component: known::<Component>(&component)?,
                    machine,
                    pid,
                    tid,
                    time,
                    hint: hint.map(HintV1::restore).transpose()?,
                })
            }
            BodyV1::Remark { remark, hint, text } => {
                let remark = match (remark.as_str(), hint) {
                    ("stopping", _) => Remark::Stopping,
                    ("completed", _) => Remark::Completed,
                    ("preparing", _) => Remark::Preparing,
                    ("failed", _) => Remark::Failed,
                    ("gap", _) => Remark::Gap,
                    ("reason", Some(hint)) => Remark::Reason(hint.restore()?),
                    _ => return Err(Unusable::Word(remark)),
                };
                RecordBody::Remark { time, remark, text }
            }
        };
        Ok(Record { position: self.position, body })
    }
}

impl HintV1 {
    fn of(hint: Hint) -> Self {
        Self { cause: hint.cause.label().to_owned(), code: hint.strength == HintStrength::Code }
    }

    fn restore(self) -> Result<Hint, Unusable> {
        let strength = if self.code { HintStrength::Code } else { HintStrength::Phrase };
        Ok(Hint { cause: known::<FailureCause>(&self.cause)?, strength })
    }
}
