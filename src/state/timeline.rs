//! What every deciding witness said, in each one's own order, and how their records pair up.
//!
//! Evidence may arrive in any order and late: the timeline keeps the records as they are, and [`Timeline::events`]
//! merges them anew. Between witnesses the same message is paired one to one, in order; within one witness every
//! record is its own message.

use std::collections::{BTreeMap, HashMap};

use chrono::TimeDelta;

use crate::site::{Component, MessageId, Remark, StatusMessage, Timestamp, Timings, Witness};
use crate::source::{Record, RecordBody};

/// Beyond this many records only those that begin or end a run are kept: one run's flood must not fill the memory.
const MAX_RECORDS: usize = 20_000;

/// The records of all witnesses of one site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    records: BTreeMap<Witness, Vec<Record>>,
    /// Records before this moment were dropped, and later ones of that time are refused: they were counted.
    horizon: Option<Timestamp>,
}

/// One message or line, reported by one or more witnesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// What the preferred witness says.
    pub body: &'a RecordBody,
    /// Who reported it.
    pub witnesses: Vec<Witness>,
}

impl Event<'_> {
    /// When it was reported, by the preferred witness.
    pub fn time(&self) -> Timestamp {
        self.body.time()
    }
}

impl Timeline {
    /// A timeline of kept records, as a checkpoint holds them.
    pub fn restore(records: BTreeMap<Witness, Vec<Record>>, horizon: Option<Timestamp>) -> Self {
        let mut timeline = Self { records, horizon };
        for records in timeline.records.values_mut() {
            records.sort_by_key(|record| record.position);
        }
        timeline
    }

    /// The records of each witness, in its order.
    pub fn records(&self) -> &BTreeMap<Witness, Vec<Record>> {
        &self.records
    }

    /// What one witness alone would tell.
    pub fn only(&self, witness: Witness) -> Self {
        let records = self.records.get(&witness).cloned().unwrap_or_default();
        Self { records: BTreeMap::from([(witness, records)]), horizon: self.horizon }
    }

    /// Before which moment nothing is kept.
    pub fn horizon(&self) -> Option<Timestamp> {
        self.horizon
    }

    /// Adds records of one witness, in any order; a position that is known already is refused.
    pub fn insert(&mut self, witness: Witness, records: impl IntoIterator<Item = Record>) {
        let mut kept: usize = self.records.values().map(Vec::len).sum();
        let own = self.records.entry(witness).or_default();
        for record in records {
            if self.horizon.is_some_and(|horizon| record.time() < horizon) {
                continue;
            }
            if kept >= MAX_RECORDS && !bounds_a_run(&record.body) {
                continue;
            }
            // Almost always the newest, so the search ends at once.
            let at = match own.last() {
                Some(last) if last.position >= record.position => {
                    match own.binary_search_by_key(&record.position, |known| known.position) {
                        Ok(_) => continue,
                        Err(at) => at,
                    }
                }
                _ => own.len(),
            };
            own.insert(at, record);
            kept += 1;
        }
    }

    /// Drops everything before `horizon`, which must be the start of a run.
    pub fn prune(&mut self, horizon: Timestamp) {
        for records in self.records.values_mut() {
            records.retain(|record| record.time() >= horizon);
        }
        self.horizon = Some(horizon);
    }

    /// Everything that was said, once each, in an order that keeps each witness's own.
    pub fn events(&self, timings: &Timings) -> Vec<Event<'_>> {
        let mut merged: Vec<Event<'_>> = Vec::new();
        for (witness, records) in &self.records {
            let tolerance = match witness {
                Witness::EventLog => timings.pairing_event_log,
                _ => timings.pairing,
            };
            let tolerance = TimeDelta::from_std(tolerance).unwrap_or(TimeDelta::MAX);
            let pairs = pair(&merged, records, tolerance);
            merged = merge(merged, *witness, records, &pairs);
        }
        merged
    }
}

fn bounds_a_run(body: &RecordBody) -> bool {
    match body {
        RecordBody::Status(message) => {
            let bounds = [MessageId::SERVICE_STARTED, MessageId::SERVICE_STOPPED, MessageId::TASK_STARTED];
            message.id == MessageId::COMPLETED || bounds.contains(&message.id)
        }
        RecordBody::Remark { remark, .. } => *remark == Remark::Stopping,
    }
}

/// What two records must share to be one message.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Status(MessageId, Component, String),
    Remark(Remark),
}

fn key(body: &RecordBody) -> Key {
    match body {
        RecordBody::Status(message) => {
            Key::Status(message.id, message.component, message.machine_label().to_ascii_lowercase())
        }
        RecordBody::Remark { remark, .. } => Key::Remark(*remark),
    }
}

fn compatible(a: &RecordBody, b: &RecordBody, tolerance: TimeDelta) -> bool {
    fn agree(a: Option<u32>, b: Option<u32>) -> bool {
        a.is_none() || b.is_none() || a == b
    }
    let process = |message: &StatusMessage| (message.pid, message.tid);
    let same_process = match (a, b) {
        (RecordBody::Status(a), RecordBody::Status(b)) => {
            let ((a_pid, a_tid), (b_pid, b_tid)) = (process(a), process(b));
            agree(a_pid, b_pid) && agree(a_tid, b_tid)
        }
        _ => true,
    };
    same_process && (a.time() - b.time()).abs() <= tolerance
}

/// For each record, the index of the event it repeats: one to one, in order among those with the same key.
fn pair(events: &[Event<'_>], records: &[Record], tolerance: TimeDelta) -> Vec<Option<usize>> {
    if events.is_empty() {
        return vec![None; records.len()];
    }
    let mut candidates: HashMap<Key, Vec<usize>> = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        candidates.entry(key(event.body)).or_default().push(index);
    }
    let mut next: HashMap<Key, usize> = HashMap::new();
    let mut pairs = Vec::with_capacity(records.len());
    for record in records {
        let key = key(&record.body);
        let found = candidates.get(&key).and_then(|indices| {
            let from = next.get(&key).copied().unwrap_or(0);
            let matches = |index: &usize| compatible(events[*index].body, &record.body, tolerance);
            let at = from + indices[from..].iter().position(matches)?;
            Some((at + 1, indices[at]))
        });
        if let Some((from, _)) = found {
            next.insert(key, from);
        }
        pairs.push(found.map(|(_, index)| index));
    }
    pairs
}

/// Adds one witness: its paired records join their events, the others go in by time without leaving its own order.
fn merge<'a>(
    events: Vec<Event<'a>>,
    witness: Witness,
    records: &'a [Record],
    pairs: &[Option<usize>],
) -> Vec<Event<'a>> {
    let mut merged = Vec::with_capacity(events.len() + records.len());
    let mut paired = vec![false; events.len()];
    for index in pairs.iter().flatten() {
        paired[*index] = true;
    }
    let mut rest = events.into_iter().enumerate().peekable();
    let mut take_while = |merged: &mut Vec<Event<'a>>, wanted: &dyn Fn(usize, &Event<'_>) -> bool| {
        while let Some((index, mut event)) = rest.next_if(|(index, event)| wanted(*index, event)) {
            if paired[index] {
                event.witnesses.push(witness);
            }
            merged.push(event);
        }
    };
    for (record, pair) in records.iter().zip(pairs) {
        match pair {
            Some(index) => take_while(&mut merged, &|at, _| at <= *index),
            None => {
                take_while(&mut merged, &|_, event| event.time() <= record.time());
                merged.push(Event { body: &record.body, witnesses: vec![witness] });
            }
        }
    }
    take_while(&mut merged, &|_, _| true);
    merged
}
