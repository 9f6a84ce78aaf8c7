//! Which records of a witness repeat what others have said, and where the rest of them stand among it.
//!
//! Within one witness the order is certain, so as many records as can be are paired without leaving it: of two runs
//! minutes apart, records that were written late could else join the wrong one. Times only say what is possible.

use std::collections::HashMap;

use chrono::TimeDelta;

use super::event::Event;
use crate::site::{Component, MessageId, Remark, StatusMessage, Timings, Witness, delta};
use crate::source::{Record, RecordBody};

/// So many messages of the same kind are looked at for the one that a record repeats.
const LOOK_AROUND: usize = 64;

/// The place of a witness in the order in which they are merged.
///
/// The event log dates a message when it is written and names no process, so the exact ones are paired before. The
/// destination's log comes last because it holds the newest run only, and what it may repeat must be there.
pub(super) fn turn(witness: Witness) -> u8 {
    match witness {
        Witness::Log => 0,
        Witness::StatusMessages => 1,
        Witness::EventLog => 2,
        Witness::DestinationLog => 3,
    }
}

/// How the records of one witness may be dated against events.
#[derive(Debug, Clone, Copy)]
struct Window {
    witness: Witness,
    exact: TimeDelta,
    late: TimeDelta,
}

impl Window {
    fn of(witness: Witness, timings: &Timings) -> Self {
        Self { witness, exact: delta(timings.pairing), late: delta(timings.pairing_event_log) }
    }

    /// How much later than an event a record may be dated.
    fn later(self) -> TimeDelta {
        if self.witness == Witness::EventLog { self.late } else { self.exact }
    }

    fn holds(self, record: &Record, event: &Event<'_>) -> bool {
        let is_late = event.sightings.first().is_some_and(|(witness, _)| *witness == Witness::EventLog);
        let earlier = if is_late { self.late } else { self.exact };
        let lateness = record.time() - event.time();
        lateness <= self.later() && -lateness <= earlier
    }
}

/// The event that a record repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    event: usize,
    /// Whether the records before and behind it are paired with events before and behind this one.
    in_order: bool,
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

fn same_process(a: &RecordBody, b: &RecordBody) -> bool {
    fn agree(a: Option<u32>, b: Option<u32>) -> bool {
        a.is_none() || b.is_none() || a == b
    }
    let process = |message: &StatusMessage| (message.pid, message.tid);
    match (a, b) {
        (RecordBody::Status(a), RecordBody::Status(b)) => {
            let ((a_pid, a_tid), (b_pid, b_tid)) = (process(a), process(b));
            agree(a_pid, b_pid) && agree(a_tid, b_tid)
        }
        _ => true,
    }
}

/// Events with the same key.
#[derive(Default)]
struct Alike {
    indices: Vec<usize>,
    /// Behind the one that was found last.
    next: usize,
    /// How many are too old for the record that was looked at last.
    past: usize,
}

/// For each record, the events that it may repeat, in order.
fn candidates(events: &[Event<'_>], records: &[Record], window: Window) -> Vec<Vec<usize>> {
    let mut alike: HashMap<Key, Alike> = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        alike.entry(key(event.body)).or_default().indices.push(index);
    }
    let of_record = |record: &Record| {
        let Some(Alike { indices, next, past }) = alike.get_mut(&key(&record.body)) else {
            return Vec::new();
        };
        let is_past = |at: usize| record.time() - events[indices[at]].time() > window.later();
        let is_possible = |index: usize| {
            window.holds(record, &events[index]) && same_process(events[index].body, &record.body)
        };
        // From where the record before began, or a flood of messages that are alike would be gone through for each.
        while *past > 0 && !is_past(*past - 1) {
            *past -= 1;
        }
        while *past < indices.len() && is_past(*past) {
            *past += 1;
        }
        // Of those that may be it, those around the first that is left.
        let from = next.saturating_sub(LOOK_AROUND / 2).max(*past);
        let near = (from..indices.len()).take(LOOK_AROUND).filter(|at| is_possible(indices[*at]));
        let near: Vec<_> = near.collect();
        if let Some(first) = near.iter().find(|at| *at >= next) {
            *next = first + 1;
        }
        near.into_iter().map(|at| indices[at]).collect()
    };
    records.iter().map(of_record).collect()
}

/// For each record, the event it repeats: one to one, as many as can be, and as many of them as can be in order.
///
/// That no other way pairs more makes counting independent of what came first: one record more adds one event or none.
fn pair(events: &[Event<'_>], records: &[Record], witness: Witness, timings: &Timings) -> Vec<Option<Pair>> {
    let candidates = candidates(events, records, Window::of(witness, timings));
    // Of two runs alike, a log that is being read has told of the older; the destination's own has kept the newer.
    let mut pairs = match witness {
        Witness::DestinationLog => latest_in_order(&candidates, events.len()),
        _ => in_order(&candidates),
    };
    complete(&mut pairs, &candidates, events.len());
    let paired: Vec<_> = pairs.iter().map(|event| event.iter().copied().collect()).collect();
    let ordered = in_order(&paired).into_iter();
    let pair = |(event, ordered): (Option<usize>, Option<usize>)| {
        Some(Pair { event: event?, in_order: ordered.is_some() })
    };
    pairs.into_iter().zip(ordered).map(pair).collect()
}

/// A record with its event, and the link before it in the longest chain that ends here.
struct Link {
    record: usize,
    event: usize,
    before: Option<usize>,
}

/// The most pairs that are in the order of the records and in that of the events; of equals the first.
fn in_order(candidates: &[Vec<usize>]) -> Vec<Option<usize>> {
    let mut links: Vec<Link> = Vec::new();
    // At n, of the chains of n + 1 links that which ends at the first event.
    let mut chains: Vec<usize> = Vec::new();
    for (record, candidates) in candidates.iter().enumerate() {
        for &event in candidates.iter().rev() {
            let longer = chains.partition_point(|link| links[*link].event < event);
            let before = longer.checked_sub(1).map(|length| chains[length]);
            match chains.get_mut(longer) {
                Some(link) if links[*link].event == event => continue,
                Some(link) => *link = links.len(),
                None => chains.push(links.len()),
            }
            links.push(Link { record, event, before });
        }
    }
    let mut pairs = vec![None; candidates.len()];
    let mut link = chains.last().map(|link| &links[*link]);
    while let Some(Link { record, event, before }) = link {
        pairs[*record] = Some(*event);
        link = before.map(|before| &links[before]);
    }
    pairs
}

/// As [`in_order`], of equals the last.
fn latest_in_order(candidates: &[Vec<usize>], events: usize) -> Vec<Option<usize>> {
    let mirror = |event: usize| events - 1 - event;
    let mirrored = |events: &Vec<usize>| events.iter().rev().map(|event| mirror(*event)).collect();
    let mirrored: Vec<Vec<usize>> = candidates.iter().rev().map(mirrored).collect();
    in_order(&mirrored).into_iter().rev().map(|event| event.map(mirror)).collect()
}

/// Pairs what is left, if need be by giving others another partner: two processes, or a queue, change places.
fn complete(pairs: &mut [Option<usize>], candidates: &[Vec<usize>], events: usize) {
    let mut owners = vec![None; events];
    for (record, event) in pairs.iter().enumerate() {
        if let Some(event) = event {
            owners[*event] = Some(record);
        }
    }
    for record in 0..pairs.len() {
        if pairs[record].is_some() {
            continue;
        }
        // The events that could be had, each with the record that would take it.
        let mut reached: Vec<(usize, usize)> =
            candidates[record].iter().map(|event| (*event, record)).collect();
        let mut looked_at = 0;
        let found = loop {
            let Some((event, _)) = reached.get(looked_at).copied() else { break None };
            let Some(owner) = owners[event] else { break Some(looked_at) };
            looked_at += 1;
            if reached.len() < LOOK_AROUND {
                let new = |event: &&usize| reached.iter().all(|(known, _)| known != *event);
                let more: Vec<_> =
                    candidates[owner].iter().filter(new).map(|event| (*event, owner)).collect();
                reached.extend(more);
            }
        };
        let mut step = found.map(|found| reached[found]);
        while let Some((event, taker)) = step {
            let left = pairs[taker].replace(event);
            owners[event] = Some(taker);
            step = left.and_then(|left| reached.iter().copied().find(|(event, _)| *event == left));
        }
    }
}

/// Adds one witness: its paired records join their events, the others go in by time without leaving its own order.
pub(super) fn merge<'a>(
    events: Vec<Event<'a>>,
    witness: Witness,
    records: &'a [Record],
    timings: &Timings,
) -> Vec<Event<'a>> {
    let pairs = pair(&events, records, witness, timings);
    let mut sightings = vec![None; events.len()];
    let mut new = Vec::new();
    let explained = explained(&events);
    let bounds = bounds(&pairs, events.len());
    let mut passed = 0;
    for ((record, pair), bound) in records.iter().zip(&pairs).zip(bounds) {
        if let Some(Pair { event, in_order }) = *pair {
            sightings[event] = Some(record);
            passed = if in_order { event + 1 } else { passed };
            continue;
        }
        let stands_before =
            |event: usize| explained[event] < bound && events[explained[event]].time() <= record.time();
        passed += (passed..bound).take_while(|event| stands_before(*event)).count();
        new.push((passed, Event { body: &record.body, sightings: vec![(witness, record.position)] }));
    }
    let mut merged = Vec::with_capacity(events.len() + new.len());
    let mut new = new.into_iter().peekable();
    for (index, (mut event, sighting)) in events.into_iter().zip(sightings).enumerate() {
        while let Some((_, event)) = new.next_if(|(before, _)| *before <= index) {
            merged.push(event);
        }
        if let Some(record) = sighting {
            event.join(witness, record);
        }
        merged.push(event);
    }
    merged.extend(new.map(|(_, event)| event));
    merged
}

/// For each record, the event that it stands before because a later record of its witness repeats it.
fn bounds(pairs: &[Option<Pair>], end: usize) -> Vec<usize> {
    let mut bound = end;
    let mut bounds: Vec<_> = pairs
        .iter()
        .rev()
        .map(|pair| {
            let own = bound;
            bound = pair.filter(|pair| pair.in_order).map_or(bound, |pair| pair.event);
            own
        })
        .collect();
    bounds.reverse();
    bounds
}

/// For each event the one that it goes with: a reason is not parted from the message behind it, which it explains.
fn explained(events: &[Event<'_>]) -> Vec<usize> {
    let mut next = None;
    let mut explained: Vec<_> = (0..events.len())
        .rev()
        .map(|index| {
            let is_reason =
                matches!(events[index].body, RecordBody::Remark { remark: Remark::Reason(_), .. });
            let goes_with = next.filter(|_| is_reason).unwrap_or(index);
            next = Some(goes_with);
            goes_with
        })
        .collect();
    explained.reverse();
    explained
}
