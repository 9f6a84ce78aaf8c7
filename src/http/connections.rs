//! The connections that are open, what each of them is doing, and which one goes when there are too many.
//!
//! A connection is busy while a request that was read whole has no response yet, or one that the client has not taken;
//! else it waits: for the handshake of TLS, for headers, for the next request. Who waits longest makes room for a
//! newcomer, so that silence costs nobody else anything. What is written here is the only clock of a connection.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Limits;

/// What everybody gets to make a handshake and send a request, even if others wait: in a flood of newcomers the scraper
/// would be sent away with the rest else. It limits a flood to 2560 connections a second where 256 are permitted.
const HEARING: Duration = Duration::from_millis(100);

/// How long a response may keep its connection when all others are busy too and somebody waits: an honest client needs
/// a fraction of it, and one that never reads would else hold its place for [`Limits::response_timeout`].
const BUSY_GRACE: Duration = Duration::from_secs(5);

/// Connections that may still be ending after they were told to: a newcomer does not wait for each, or a flood of them
/// would be accepted no faster than tasks take turns.
const MAX_ENDING: usize = 64;

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
}

/// What one connection is doing.
#[derive(Debug)]
struct Activity {
    doing: Mutex<Doing>,
    /// It began to wait, which has another limit.
    waits: Notify,
    evicted: CancellationToken,
}

#[derive(Debug)]
struct Doing {
    /// When the last request ended, or the connection began.
    idle_since: Instant,
    next: u64,
    /// When each request under way began.
    requests: BTreeMap<u64, Instant>,
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

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connections {
    /// None open yet.
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, open: Mutex::default(), room: Notify::new() })
    }

    /// A place, as soon as there is one: at once while there are fewer than permitted, or somebody waits and can go; else
    /// when one of those that are busy has got its response. Only one may ask at a time.
    pub(super) async fn place(self: &Arc<Self>) -> Place {
        loop {
            let look_again = {
                let mut open = locked(&self.open);
                let full = open.activities.len() >= self.limits.max_connections.max(1);
                match if full { open.make_room(Instant::now()) } else { Room::Free } {
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
        let doing = Doing { idle_since: Instant::now(), next: 0, requests: BTreeMap::new() };
        let activity = Arc::new(Activity {
            doing: Mutex::new(doing),
            waits: Notify::new(),
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
    /// Tells the connection that has waited longest to end; where all are busy, the one that has been so for too long.
    fn make_room(&mut self, now: Instant) -> Room {
        if self.ending.len() >= MAX_ENDING {
            return Room::WhenOneEnds;
        }
        let (mut waiting, mut busy): (Option<(Instant, u64)>, Option<(Instant, u64)>) = (None, None);
        for (id, activity) in &self.activities {
            let doing = locked(&activity.doing);
            let (longest, since) = match doing.busy_since() {
                Some(since) => (&mut busy, since),
                None => (&mut waiting, doing.idle_since),
            };
            if longest.is_none_or(|(longest, _)| since < longest) {
                *longest = Some((since, *id));
            }
        }
        let waiting = waiting.map(|(since, id)| (since + HEARING, id));
        let busy = busy.map(|(since, id)| (since + BUSY_GRACE, id));
        let id = match waiting.filter(|(then, _)| *then <= now).or(busy.filter(|(then, _)| *then <= now)) {
            Some((_, id)) => id,
            None => {
                let next = waiting.into_iter().chain(busy).map(|(then, _)| then).min();
                return next.map_or(Room::WhenOneEnds, Room::At);
            }
        };
        if let Some(activity) = self.activities.remove(&id) {
            activity.evicted.cancel();
            self.ending.insert(id);
        }
        Room::Free
    }
}

impl Doing {
    /// When the oldest request under way began.
    fn busy_since(&self) -> Option<Instant> {
        self.requests.first_key_value().map(|(_, began)| *began)
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

    /// Waits until the connection has to end.
    pub(super) async fn over(&self) -> Over {
        let limits = &self.connections.limits;
        loop {
            let (deadline, over) = {
                let doing = locked(&self.activity.doing);
                match doing.busy_since() {
                    Some(began) => (began + limits.response_timeout, Over::Untaken),
                    None => (doing.idle_since + limits.header_read_timeout, Over::Silent),
                }
            };
            if Instant::now() >= deadline {
                return over;
            }
            tokio::select! {
                () = self.activity.evicted.cancelled() => return Over::Evicted,
                () = self.activity.waits.notified() => {}
                () = sleep_until(deadline) => {}
            }
        }
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
            self.activity.waits.notify_one();
            self.connections.room.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn connections(max_connections: usize) -> Arc<Connections> {
        Connections::new(Limits { max_connections, ..Limits::default() })
    }

    async fn pass(duration: Duration) {
        tokio::time::advance(duration).await;
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn who_has_waited_longest_without_a_request_makes_room() {
        let connections = connections(3);
        let busy = connections.place().await;
        let request = busy.begin();
        let first = connections.place().await;
        pass(SECOND).await;
        let second = connections.place().await;
        pass(SECOND).await;
        // A request and its end begin the wait anew.
        drop(first.begin());
        let _newcomer = connections.place().now_or_never().unwrap();
        assert_eq!(second.over().now_or_never(), Some(Over::Evicted));
        assert_eq!((busy.over().now_or_never(), first.over().now_or_never()), (None, None));
        drop(request);
    }

    #[tokio::test(start_paused = true)]
    async fn one_goes_for_each_newcomer_and_those_that_are_still_ending_are_bounded() {
        let connections = connections(2);
        let mut places = Vec::new();
        for _ in 0..2 + MAX_ENDING {
            places.push(connections.place().now_or_never().unwrap());
            pass(HEARING).await;
        }
        let mut newcomer = Box::pin(connections.place());
        assert!(newcomer.as_mut().now_or_never().is_none());
        let gone =
            |places: &[Place]| places.iter().filter(|place| place.over().now_or_never().is_some()).count();
        assert_eq!(gone(&places), MAX_ENDING);
        // One that was told to end does so.
        drop(places.remove(0));
        newcomer.as_mut().now_or_never().unwrap();
        assert_eq!(gone(&places), MAX_ENDING);
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_are_busy_a_newcomer_waits_for_the_first_that_is_idle() {
        let connections = connections(2);
        let places = [connections.place().await, connections.place().await];
        let mut requests: Vec<_> = places.iter().map(Place::begin).collect();
        let mut newcomer = Box::pin(connections.place());
        assert!(newcomer.as_mut().now_or_never().is_none());
        assert!(places.iter().all(|place| place.over().now_or_never().is_none()));
        requests.pop();
        assert!(newcomer.as_mut().now_or_never().is_none());
        pass(HEARING).await;
        newcomer.as_mut().now_or_never().unwrap();
        assert_eq!(places[1].over().now_or_never(), Some(Over::Evicted));
        assert_eq!(places[0].over().now_or_never(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_newcomers_leaves_everybody_time_to_speak() {
        let connections = connections(4);
        let began = Instant::now();
        let mut places = Vec::new();
        for _ in 0..20 {
            places.push(connections.place().await);
        }
        // Four at once, and then four each time that these have had theirs.
        assert_eq!(began.elapsed(), 4 * HEARING);
    }

    #[tokio::test(start_paused = true)]
    async fn responses_that_nobody_takes_hold_up_a_newcomer_for_seconds_only() {
        let connections = connections(1);
        let stuck = connections.place().await;
        let _request = stuck.begin();
        let began = Instant::now();
        let (newcomer, over) = tokio::join!(connections.place(), async {
            let over = stuck.over().await;
            drop(stuck);
            over
        });
        assert_eq!((over, began.elapsed()), (Over::Evicted, BUSY_GRACE));
        drop(newcomer);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_untaken_responses_have_their_limits() {
        let connections = connections(2);
        let limits = connections.limits;
        let place = connections.place().await;
        let began = Instant::now();
        assert_eq!((place.over().await, began.elapsed()), (Over::Silent, limits.header_read_timeout));

        let place = connections.place().await;
        let (began, request) = (Instant::now(), place.begin());
        // A later request on the same connection does not prolong the time of the first.
        pass(SECOND).await;
        let _other = place.begin();
        assert_eq!((place.over().await, began.elapsed()), (Over::Untaken, limits.response_timeout));
        drop(request);
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_of_silence_begins_with_the_end_of_the_last_request() {
        let connections = connections(1);
        let place = connections.place().await;
        let request = place.begin();
        let silent = async {
            let over = place.over().await;
            (over, Instant::now())
        };
        let end = async {
            pass(3 * SECOND).await;
            drop(request);
            Instant::now()
        };
        let ((over, at), ended) = tokio::join!(silent, end);
        assert_eq!((over, at - ended), (Over::Silent, connections.limits.header_read_timeout));
    }
}
