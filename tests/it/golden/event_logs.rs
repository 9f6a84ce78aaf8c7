//! What an event log tells beside a log: facts, made of the records of that log.

use configmgr_backup_exporter::site::{MessageId, Severity, Witness};
use configmgr_backup_exporter::source::{EventTotals, Fact, Record, RecordBody};

fn read() -> Fact {
    Fact::Events(EventTotals { records: 31_000, damaged_chunks: 1, unattributed: 2 })
}

/// Every message of the log, as an event log has them: without a process.
pub(super) fn the_same(log: Vec<Record>) -> Vec<Fact> {
    let event = |mut record: Record| {
        let RecordBody::Status(message) = &mut record.body else { return None };
        (message.pid, message.tid) = (None, None);
        Some(record)
    };
    let oldest = log.first().map(Record::time);
    let records = log.into_iter().filter_map(event).collect();
    let coverage = Fact::Coverage { witness: Witness::EventLog, oldest, newest: None, gap: false };
    vec![Fact::Records(Witness::EventLog, records), coverage, read()]
}

/// The same, but where the log has an error of the backup there is its success.
pub(super) fn success_instead(log: Vec<Record>) -> Vec<Fact> {
    let succeeded = |mut record: Record| {
        if let RecordBody::Status(message) = &mut record.body
            && message.is_error()
        {
            (message.id, message.severity) = (MessageId::COMPLETED, Some(Severity::Information));
        }
        record
    };
    the_same(log.into_iter().map(succeeded).collect())
}

/// No message of the backup is among its records.
pub(super) fn nothing(_: Vec<Record>) -> Vec<Fact> {
    vec![Fact::Silent(Witness::EventLog), read()]
}
