//! Which records of an event log are new, and in which order its chunks are read.
//!
//! The chunks are a ring: each goes on where the one before ended, until one that is older or was never used. Where the
//! ring begins is told by the ids of the records, not by the file's header, which lags behind; chunks in no ring's order
//! are not read. A chunk is judged whole or damaged when the next one goes on, because the newest is still written to.

use super::chunk::{Chunk, Head, Span};
use super::cursor::{Damage, LastRecord};
use super::file::{LogFile, ReadError};
use crate::source::Reach;

/// So many chunks without records are looked at for one that goes on: more than the file grows by at a time (1 MiB),
/// and little enough for every poll. More of them only where the file's header knows of newer records.
const LOOK_BEYOND: usize = 64;

/// The new records of one chunk.
#[derive(Debug)]
pub(super) struct Passage<'a> {
    pub(super) chunk: &'a Chunk,
    /// The index of the first new one.
    pub(super) from: usize,
    /// Whether no other chunk goes on behind this one.
    pub(super) is_newest: bool,
    /// Whether this begins a reading of content that is not known.
    pub(super) is_anew: bool,
}

/// What became of a passage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    /// Up to which index its records were read; the rest comes in the next poll.
    pub(super) until: usize,
    /// Whether a record before that could not be read.
    pub(super) unreadable: bool,
}

/// How far a walk came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) last: Option<LastRecord>,
    pub(super) damage: Damage,
    /// Damaged chunks that were not counted before.
    pub(super) damaged: u64,
    pub(super) reach: Reach,
    /// Whether there is any record in the file.
    pub(super) is_empty: bool,
}

/// Where the walk is.
struct Place {
    number: u64,
    chunk: Chunk,
    /// The index of the first new record.
    from: usize,
    is_anew: bool,
}

impl Place {
    fn beginning(number: u64, chunk: Chunk) -> Self {
        Self { number, chunk, from: 0, is_anew: false }
    }
}

/// Hands over what comes behind `last`, until `budget` bytes have been read of the file.
pub(super) fn advance(
    file: &mut LogFile<'_>,
    last: Option<LastRecord>,
    damage: Damage,
    budget: u64,
    take: &mut dyn FnMut(&Passage<'_>) -> Taken,
) -> Result<Progress, ReadError> {
    let mut progress = Progress { last, damage, damaged: 0, reach: Reach::CaughtUp, is_empty: false };
    let Some(mut place) = start(file, last.as_ref(), budget, &mut progress)? else {
        progress.is_empty = true;
        return Ok(progress);
    };
    if place.is_anew {
        progress.damage = Damage::default();
    }
    // What leaving the chunk before brings, once a record of this one was read.
    let mut left: Option<(Damage, u64)> = None;
    loop {
        let Place { number, ref chunk, from, is_anew } = place;
        let Some(end) = chunk.spans().last().map(|span| span.id) else { break };
        let next = next(file, number, end)?;
        let taken = take(&Passage { chunk, from, is_newest: next.place.is_none(), is_anew });
        let read = chunk.spans().get(from..taken.until).and_then(<[Span]>::last);
        if let Some(read) = read {
            progress.last = Some(LastRecord::new(number, chunk, read));
            if let Some((damage, damaged)) = left.take() {
                progress.damage = damage;
                progress.damaged += damaged;
            }
        }
        if taken.unreadable && !progress.damage.here {
            progress.damage.here = true;
            progress.damaged += 1;
        }
        let behind = progress.damage.behind;
        let uncounted = next.damaged.iter().filter(|distance| **distance > behind).count() as u64;
        let Some((distance, onward)) = next.place else {
            // They are behind the frontier, or what is behind it cannot be read.
            if left.is_none() {
                progress.damaged += uncounted;
                progress.damage.behind = next.damaged.last().copied().unwrap_or(0).max(behind);
            }
            break;
        };
        // To look for the beginning alone may take all of it.
        if file.bytes >= budget && progress.last != last {
            progress.reach = Reach::More;
            break;
        }
        let own = u64::from(!progress.damage.here && !chunk.is_whole());
        left = Some((Damage { here: false, behind: behind.saturating_sub(distance) }, own + uncounted));
        place = onward;
    }
    Ok(progress)
}

/// Where what is new begins: behind `last`, or with the oldest record if that is not there.
fn start(
    file: &mut LogFile<'_>,
    last: Option<&LastRecord>,
    budget: u64,
    progress: &mut Progress,
) -> Result<Option<Place>, ReadError> {
    if let Some(last) = last.filter(|last| last.chunk < file.chunks()) {
        let chunk = file.chunk(last.chunk)?;
        if let Some(index) = last.index_in(&chunk) {
            return Ok(Some(Place { number: last.chunk, chunk, from: index + 1, is_anew: false }));
        }
    }
    let (mut used, mut unreadable) = (Vec::new(), 0);
    for number in 0..file.chunks() {
        let head = file.head(number)?;
        let first = match head.first_id() {
            Some(first) => Some(first),
            // Where the beginning is lost, the rest may be readable; a file can also be large and empty.
            None if file.bytes < budget => file.chunk(number)?.first_id(),
            None => None,
        };
        match first {
            Some(first) => used.push((first, number)),
            None => unreadable += u64::from(head == Head::Unreadable),
        }
    }
    used.sort_unstable();
    // A copy can have its chunks elsewhere.
    if let Some(last) = last
        && let Some((_, number)) = used.iter().rev().find(|(first, _)| *first <= last.id)
    {
        let chunk = file.chunk(*number)?;
        if let Some(index) = last.index_in(&chunk) {
            return Ok(Some(Place { number: *number, chunk, from: index + 1, is_anew: false }));
        }
    }
    for (_, number) in used {
        let chunk = file.chunk(number)?;
        if !chunk.spans().is_empty() {
            return Ok(Some(Place { is_anew: true, ..Place::beginning(number, chunk) }));
        }
        unreadable += 1;
    }
    // Nothing else can be told of such a file, so all of it is behind the frontier.
    progress.damaged += unreadable.saturating_sub(progress.damage.behind);
    progress.damage.behind = progress.damage.behind.max(unreadable);
    Ok(None)
}

/// What is behind a chunk.
struct Next {
    /// The chunk that goes on, and how far behind it is.
    place: Option<(u64, Place)>,
    /// How far behind the damaged chunks before that are, in order.
    damaged: Vec<u64>,
}

/// Looks for the chunk that goes on behind the record `last` of the chunk `number`.
fn next(file: &mut LogFile<'_>, number: u64, last: u64) -> Result<Next, ReadError> {
    let follows = |first: &u64| *first > last;
    let is_known_to_go_on = file.next_id().is_some_and(|next| next > last.saturating_add(1));
    let chunks = file.chunks();
    let (mut passed, mut damaged) = (Vec::new(), Vec::new());
    for distance in 1..chunks {
        let other = (number + distance) % chunks;
        let head = file.head(other)?;
        let chunk = match head.first_id() {
            Some(first) if !follows(&first) => break,
            Some(_) => Some(file.chunk(other)?),
            None => None,
        };
        match chunk.as_ref().and_then(Chunk::first_id) {
            Some(first) if !follows(&first) => break,
            Some(first) => {
                let place = chunk.map(|chunk| (distance, Place::beginning(other, chunk)));
                return if first - last > 1 {
                    salvage(file, last, passed, place)
                } else {
                    Ok(Next { place, damaged })
                };
            }
            None => {}
        }
        passed.push((distance, other));
        if head != Head::Unused {
            damaged.push(distance);
        }
        if passed.len() >= LOOK_BEYOND && !is_known_to_go_on {
            break;
        }
    }
    Ok(Next { place: None, damaged })
}

/// Records are missing before `place`: they were in the chunks that were passed, whatever those look like now.
fn salvage(
    file: &mut LogFile<'_>,
    last: u64,
    passed: Vec<(u64, u64)>,
    place: Option<(u64, Place)>,
) -> Result<Next, ReadError> {
    let mut damaged = Vec::new();
    for (distance, number) in passed {
        let chunk = file.chunk(number)?;
        if chunk.first_id().is_some_and(|first| first > last) {
            return Ok(Next { place: Some((distance, Place::beginning(number, chunk))), damaged });
        }
        damaged.push(distance);
    }
    Ok(Next { place, damaged })
}
