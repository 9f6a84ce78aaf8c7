//! What every deciding witness said, in each one's own order, and how their records pair up.
//!
//! Evidence may arrive in any order and late: the timeline keeps the records as they are, and [`Timeline::events`]
//! merges them anew. Between witnesses the same message is paired one to one, in order; within one witness every
//! record is its own message.

use std::collections::{BTreeMap, HashMap};

use super::event::Event;
use super::pairing::{merge, turn};
use crate::site::{MessageId, Remark, StatusMessage, Timestamp, Timings, Witness};
use crate::source::{Record, RecordBody};

/// So many records of a witness are kept, of which half may be reasons; one run's flood must not fill the memory.
///
/// Errors may go beyond it once more, and what begins or ends a run is never refused.
const MAX_RECORDS: usize = 20_000;

/// The records of all witnesses of one site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    records: BTreeMap<Witness, Vec<Record>>,
    /// What was let go.
    horizon: Horizon,
}

/// Up to where records were let go: they were counted, and are refused if they come again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Horizon {
    /// The last position let go, of each witness that was there then.
    pub positions: BTreeMap<Witness, u64>,
    /// For witnesses that were not: nothing before this moment.
    pub time: Option<Timestamp>,
}

impl Horizon {
    fn is_behind(&self, witness: Witness, record: &Record) -> bool {
        match self.positions.get(&witness) {
            // A clock may step, positions do not.
            Some(position) => record.position <= *position,
            None => self.time.is_some_and(|time| record.time() < time),
        }
    }
}

impl Timeline {
    /// A timeline of kept records, as a checkpoint holds them.
    pub fn restore(records: BTreeMap<Witness, Vec<Record>>, horizon: Horizon) -> Self {
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

    /// Up to where records were let go.
    pub fn horizon(&self) -> &Horizon {
        &self.horizon
    }

    /// Adds records of one witness, in any order; a position that is known already is refused.
    pub fn insert(&mut self, witness: Witness, records: impl IntoIterator<Item = Record>) {
        let own = self.records.entry(witness).or_default();
        for record in records {
            if self.horizon.is_behind(witness, &record) || own.len() >= room_for(&record.body) {
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
        }
    }

    /// Adds records of a witness that is read once more from its beginning: what was known or let go is refused.
    ///
    /// Known is what stands before the position `since`, from which on the present reading gives its records. Each known
    /// record stands for one that is read again: two messages may be alike, also in their time.
    pub fn insert_again(&mut self, witness: Witness, records: impl IntoIterator<Item = Record>, since: u64) {
        let mut known: HashMap<Timestamp, Vec<&RecordBody>> = HashMap::new();
        let before = |record: &&Record| record.position < since;
        for record in self.records.get(&witness).into_iter().flatten().filter(before) {
            known.entry(record.time()).or_default().push(&record.body);
        }
        let mut take_known = |body: &RecordBody| {
            let Some(known) = known.get_mut(&body.time()) else { return false };
            let found = known.iter().position(|known| is_same(known, body));
            found.map(|at| known.swap_remove(at)).is_some()
        };
        let is_gone = |record: &Record| self.horizon.time.is_some_and(|time| record.time() < time);
        let new: Vec<_> =
            records.into_iter().filter(|record| !is_gone(record) && !take_known(&record.body)).collect();
        self.insert(witness, new);
    }

    /// The position behind every record of a witness that was ever kept.
    pub fn next_position(&self, witness: Witness) -> u64 {
        let kept = self.records.get(&witness).and_then(|records| records.last());
        let gone = self.horizon.positions.get(&witness).copied();
        kept.map(|record| record.position).max(gone).map_or(0, |last| last.saturating_add(1))
    }

    /// Lets the first `count` events go.
    pub fn prune(&mut self, count: usize, timings: &Timings) {
        let mut positions = std::mem::take(&mut self.horizon.positions);
        for event in self.events(timings).iter().take(count) {
            for (witness, position) in &event.sightings {
                let last = positions.entry(*witness).or_insert(*position);
                *last = (*last).max(*position);
            }
        }
        for (witness, records) in &mut self.records {
            if let Some(last) = positions.get(witness) {
                records.retain(|record| record.position > *last);
            }
        }
        let kept = self.records.values().flatten().map(Record::time).min();
        self.horizon = Horizon { positions, time: kept.or(self.horizon.time) };
    }

    /// Everything that was said, once each, in an order that keeps each witness's own.
    pub fn events(&self, timings: &Timings) -> Vec<Event<'_>> {
        let mut merged: Vec<Event<'_>> = Vec::new();
        let mut witnesses: Vec<_> = self.records.iter().collect();
        witnesses.sort_by_key(|(witness, _)| turn(**witness));
        for (witness, records) in witnesses {
            merged = merge(merged, *witness, records, timings);
        }
        // What one witness lost, another may have seen; the destination's log only if that was its run's.
        let others = self.records.iter().filter(|(witness, _)| **witness != Witness::DestinationLog);
        if others.filter(|(_, records)| !records.is_empty()).count() > 1 {
            merged.retain(|event| !matches!(event.body, RecordBody::Remark { remark: Remark::Gap, .. }));
        }
        merged
    }
}

/// Whether two records of one witness are the same one, read twice; its reason may have been found later only.
fn is_same(a: &RecordBody, b: &RecordBody) -> bool {
    match (a, b) {
        (RecordBody::Status(a), RecordBody::Status(b)) => {
            StatusMessage { hint: None, ..a.clone() } == StatusMessage { hint: None, ..b.clone() }
        }
        _ => a == b,
    }
}

/// With how many records of its witness before it this one is still kept.
fn room_for(body: &RecordBody) -> usize {
    const BOUNDS: [MessageId; 4] = [
        MessageId::SERVICE_STARTED,
        MessageId::SERVICE_STOPPED,
        MessageId::TASK_STARTED,
        MessageId::COMPLETED,
    ];
    match body {
        RecordBody::Status(message) if BOUNDS.contains(&message.id) => usize::MAX,
        RecordBody::Remark { remark: Remark::Reason(_), .. } => MAX_RECORDS / 2,
        RecordBody::Status(message) if message.is_error() => 2 * MAX_RECORDS,
        RecordBody::Status(_) => MAX_RECORDS,
        RecordBody::Remark { .. } => usize::MAX,
    }
}
