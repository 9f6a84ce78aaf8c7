//! The connections that are open, what each of them is doing, and which one goes when there are too many.
//!
//! A connection is busy while a request that was read whole has no response yet, or one that the client has not taken;
//! else it waits: for the handshake of TLS, for headers, for the next request. Who waits longest makes room for a
//! newcomer, so that silence costs nobody else anything; and while a newcomer has no place yet, every response is the
//! last of its connection, so that asking without end keeps no place either. What is written here is the only clock of a
//! connection; it stands still while an endpoint has to wait for what it answers, and not while a password is checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Limits, locked};

/// What everybody gets to make a handshake and send a request, even if others wait: in a flood of newcomers the scraper
/// would be sent away with the rest else. It limits a flood to 2560 connections a second where 256 are permitted. The end
/// of a response leaves in that time, too.
const HEARING: Duration = Duration::from_millis(100);

/// How long a response, or what is under way besides the last one, may keep its connection when all others are busy too
/// and somebody waits: an honest client needs a fraction of it, and one that never reads would else hold its place for
/// [`Limits::response_timeout`].
const BUSY_GRACE: Duration = Duration::from_secs(5);

/// All open connections, at most [`Limits::max_connections`] besides those that are just ending.
#[derive(Debug)]
pub(super) struct Connections {
    limits: Limits,
    open: Mutex<Open>,
    /// A connection ended or began to wait.
    room: Notify,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    activities: BTreeMap<u64, Arc<Activity>>,
    /// Those that were told to make room.
    ending: BTreeSet<u64>,
    /// Whether a newcomer waits for a place.
    crowded: bool,
}

/// What one connection is doing.
#[derive(Debug)]
struct Activity {
    doing: Mutex<Doing>,
    /// What it does now has another limit.
    changed: Notify,
    evicted: CancellationToken,
}

#[derive(Debug)]
struct Doing {
    /// When the last request ended, or the connection began.
    idle_since: Instant,
    next: u64,
    /// When each request under way began, or when its response was there if the exporter had to wait for it.
    requests: BTreeMap<u64, Instant>,
    /// Whether the exporter waits for the response, which it does for one at a time.
    working: bool,
    /// When the response was made that is to be the last.
    last: Option<Instant>,
}

/// What a connection does, in the order in which it makes room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It waits for the client.
    Waits,
    /// It is busy.
    Busy,
    /// It is busy with what the exporter waits for.
    Works,
}

/// Why a connection has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// Somebody else needs its place.
    Evicted,
    /// No complete request came in time.
    Silent,
    /// A response was not ready and taken in time.
    Untaken,
}

/// The place of one connection, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    id: u64,
    activity: Arc<Activity>,
}

/// A request under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Underway {
    connections: Arc<Connections>,
    id: u64,
    activity: Arc<Activity>,
}

/// The exporter waits for a response, until this is dropped.
#[derive(Debug)]
pub(super) struct Working<'a>(&'a Activity);

impl Connections {
    /// None open yet.
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, open: Mutex::default(), room: Notify::new() })
    }

    /// A place, as soon as there is one: at once while there are fewer than permitted, or somebody waits and can go; else
    /// when one of those that are busy has got its response, or has been busy for too long. Only one may ask at a time.
    pub(super) async fn place(self: &Arc<Self>) -> Place {
        loop {
            let look_again = {
                let mut open = locked(&self.open);
                let full = open.activities.len() >= self.limits.max_connections.max(1);
                let room = if full { open.make_room(Instant::now()) } else { Room::Free };
                open.crowded = !matches!(room, Room::Free);
                match room {
                    Room::Free => return self.take(&mut open),
                    Room::WhenOneEnds => None,
                    Room::At(then) => Some(then),
                }
            };
            match look_again {
                Some(then) => tokio::select! {
                    () = self.room.notified() => {}
                    () = sleep_until(then) => {}
                },
                None => self.room.notified().await,
            }
        }
    }

    fn take(self: &Arc<Self>, open: &mut Open) -> Place {
        let doing = Doing {
            idle_since: Instant::now(),
            next: 0,
            requests: BTreeMap::new(),
            working: false,
            last: None,
        };
        let activity = Arc::new(Activity {
            doing: Mutex::new(doing),
            changed: Notify::new(),
            evicted: CancellationToken::new(),
        });
        let id = open.next;
        open.next += 1;
        open.activities.insert(id, Arc::clone(&activity));
        Place { connections: Arc::clone(self), id, activity }
    }
}

/// Whether there is room for one more.
enum Room {
    Free,
    WhenOneEnds,
    /// At this moment at the latest.
    At(Instant),
}

impl Open {
    /// Tells the connection that has waited longest to end; where all are busy, the one that has been so for too long. Who
    /// waits for what the exporter waits for goes only where nobody does anything else.
    fn make_room(&mut self, now: Instant) -> Room {
        if self.ending.len() >= Limits::MAX_ENDING {
            return Room::WhenOneEnds;
        }
        let mut first = [None; 3];
        for (id, activity) in &self.activities {
            let (standing, since) = locked(&activity.doing).standing();
            let grace = if standing == Standing::Waits { HEARING } else { BUSY_GRACE };
            let (other, this) = (&mut first[standing as usize], (since + grace, *id));
            *other = Some(other.map_or(this, |other| this.min(other)));
        }
        let [waits, busy, works] = first;
        let first = if waits.or(busy).is_some() { [waits, busy] } else { [works, None] };
        let Some((_, id)) = first.into_iter().flatten().find(|(then, _)| *then <= now) else {
            let next = first.into_iter().flatten().map(|(then, _)| then).min();
            return next.map_or(Room::WhenOneEnds, Room::At);
        };
        if let Some(activity) = self.activities.remove(&id) {
            activity.evicted.cancel();
            self.ending.insert(id);
        }
        Room::Free
    }
}

impl Doing {
    /// What it does, and since when: busy since its oldest request began, or since its last response, after which the time
    /// does not begin anew.
    fn standing(&self) -> (Standing, Instant) {
        match self.requests.first_key_value() {
            None => (Standing::Waits, self.idle_since),
            Some((_, began)) if self.working => (Standing::Works, *began),
            Some((_, began)) => (Standing::Busy, self.last.map_or(*began, |last| last.min(*began))),
        }
    }
}

impl Place {
    /// A request was read whole.
    pub(super) fn begin(&self) -> Underway {
        let mut doing = locked(&self.activity.doing);
        let id = doing.next;
        doing.next += 1;
        doing.requests.insert(id, Instant::now());
        drop(doing);
        Underway { connections: Arc::clone(&self.connections), id, activity: Arc::clone(&self.activity) }
    }

    /// Whether the connection has to end with its next response, because a newcomer waits for a place.
    pub(super) fn is_wanted(&self) -> bool {
        locked(&self.connections.open).crowded
    }

    /// The response that is made now is the last.
    pub(super) fn leave(&self) {
        locked(&self.activity.doing).last.get_or_insert_with(Instant::now);
    }

    /// Waits until somebody else needs the place.
    pub(super) async fn evicted(&self) {
        self.activity.evicted.cancelled().await;
    }

    /// Waits until the connection has to end.
    pub(super) async fn over(&self) -> Over {
        let limits = &self.connections.limits;
        loop {
            let (standing, since) = locked(&self.activity.doing).standing();
            let (deadline, over) = match standing {
                Standing::Waits => (Some(since + limits.header_read_timeout), Over::Silent),
                Standing::Busy => (Some(since + limits.response_timeout), Over::Untaken),
                // Whatever the exporter waits for has a limit of its own.
                Standing::Works => (None, Over::Untaken),
            };
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return over;
            }
            tokio::select! {
                () = self.activity.evicted.cancelled() => return Over::Evicted,
                () = self.activity.changed.notified() => {}
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {}
            }
        }
    }
}

impl Underway {
    /// The exporter waits for the response, until this is dropped.
    pub(super) fn works(&self) -> Working<'_> {
        locked(&self.activity.doing).working = true;
        self.activity.changed.notify_one();
        Working(&self.activity)
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        let mut doing = locked(&self.0.doing);
        doing.working = false;
        // Other requests of the connection have waited for this one.
        doing.requests.values_mut().for_each(|began| *began = Instant::now());
        drop(doing);
        self.0.changed.notify_one();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = locked(&self.connections.open);
        // It is in one of them.
        open.activities.remove(&self.id);
        open.ending.remove(&self.id);
        drop(open);
        self.connections.room.notify_one();
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        let mut doing = locked(&self.activity.doing);
        doing.requests.remove(&self.id);
        if doing.requests.is_empty() {
            doing.idle_since = Instant::now();
            drop(doing);
            self.activity.changed.notify_one();
            self.connections.room.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
