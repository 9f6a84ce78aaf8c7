//! One message or line in the merged order, whoever reported it.

use crate::site::{Timestamp, Witness};
use crate::source::{Record, RecordBody};

/// One message or line, reported by one or more witnesses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// What the preferred witness says.
    pub body: &'a RecordBody,
    /// Who reported it, and at which position; the preferred witness first.
    pub sightings: Vec<(Witness, u64)>,
}

impl Event<'_> {
    /// When it was reported, by the preferred witness.
    pub fn time(&self) -> Timestamp {
        self.body.time()
    }
}

impl<'a> Event<'a> {
    /// The witness that is believed most comes first.
    pub(super) fn join(&mut self, witness: Witness, record: &'a Record) {
        let sighting = (witness, record.position);
        if self.sightings.iter().all(|(other, _)| is_preferred(witness, *other)) {
            self.body = &record.body;
            self.sightings.insert(0, sighting);
        } else {
            self.sightings.push(sighting);
        }
    }
}

/// Whether `a` is believed rather than `b` where the same message differs.
fn is_preferred(a: Witness, b: Witness) -> bool {
    let rank = |witness| (witness == Witness::EventLog, witness);
    rank(a) < rank(b)
}
