//! The clock of connections and who makes room, under paused time.

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
    for _ in 0..2 + Limits::MAX_ENDING {
        places.push(connections.place().now_or_never().unwrap());
        pass(HEARING).await;
    }
    let mut newcomer = Box::pin(connections.place());
    assert!(newcomer.as_mut().now_or_never().is_none());
    let gone = |places: &[Place]| places.iter().filter(|place| place.over().now_or_never().is_some()).count();
    assert_eq!(gone(&places), Limits::MAX_ENDING);
    // One that was told to end does so.
    drop(places.remove(0));
    newcomer.as_mut().now_or_never().unwrap();
    assert_eq!(gone(&places), Limits::MAX_ENDING);
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

#[tokio::test(start_paused = true)]
async fn while_a_newcomer_waits_every_response_is_the_last() {
    let connections = connections(1);
    let place = connections.place().await;
    let request = place.begin();
    assert!(!place.is_wanted());
    let mut newcomer = Box::pin(connections.place());
    assert!(newcomer.as_mut().now_or_never().is_none());
    assert!(place.is_wanted());
    drop((request, place));
    let place = newcomer.as_mut().now_or_never().unwrap();
    assert!(!place.is_wanted());
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_asking_after_its_last_response_is_busy_since_then() {
    let connections = connections(1);
    let place = connections.place().await;
    let mut request = place.begin();
    let mut newcomer = Box::pin(connections.place());
    assert!(newcomer.as_mut().now_or_never().is_none());
    place.leave();
    let left = Instant::now();
    // As over HTTP/2, where nobody has to heed a goodbye: there is always a request under way, and none for long.
    while newcomer.as_mut().now_or_never().is_none() {
        assert!(left.elapsed() < BUSY_GRACE);
        pass(SECOND).await;
        request = place.begin();
        place.leave();
    }
    assert_eq!((left.elapsed(), place.over().now_or_never()), (BUSY_GRACE, Some(Over::Evicted)));
    drop(request);
}

#[tokio::test(start_paused = true)]
async fn while_the_exporter_waits_the_clock_stands_still() {
    let connections = connections(1);
    let timeout = connections.limits.response_timeout;
    let place = connections.place().await;
    let request = place.begin();
    let mut over = Box::pin(place.over());
    assert!(over.as_mut().now_or_never().is_none());
    let working = request.works();
    // As over HTTP/2: what comes besides has to wait for it.
    let _other = place.begin();
    pass(2 * timeout).await;
    assert!(over.as_mut().now_or_never().is_none());
    drop(working);
    let ready = Instant::now();
    assert_eq!((over.await, ready.elapsed()), (Over::Untaken, timeout));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_exporter_makes_room_only_where_nobody_else_could() {
    let connections = connections(2);
    let [asking, other] = [connections.place().await, connections.place().await];
    let request = asking.begin();
    let _working = request.works();
    pass(2 * BUSY_GRACE).await;
    let busy = other.begin();
    let mut newcomer = Box::pin(connections.place());
    assert!(newcomer.as_mut().now_or_never().is_none());
    pass(BUSY_GRACE).await;
    let newcomer = newcomer.as_mut().now_or_never().unwrap();
    assert_eq!((asking.over().now_or_never(), other.over().now_or_never()), (None, Some(Over::Evicted)));
    let also = newcomer.begin();
    let _also_working = also.works();
    let began = Instant::now();
    let _last = connections.place().await;
    // It had been at it for longer than that.
    assert_eq!((asking.over().now_or_never(), began.elapsed()), (Some(Over::Evicted), Duration::ZERO));
    assert_eq!(newcomer.over().now_or_never(), None);
    drop(busy);
}
