//! How many requests are answered: one bucket of tokens for all clients together, as Prometheus' exporter-toolkit has it.
//!
//! A bucket is kept as one moment, up to which the requests that were let through have used the time. `now` is an
//! argument.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::locked;
use crate::config::RateLimit;

/// The rate of all requests, by the limit of the moment.
#[derive(Debug, Default)]
pub(super) struct Rate(Mutex<Option<Bucket>>);

impl Rate {
    /// Whether one more request is within the limit; a new limit begins with a full bucket.
    pub(super) fn permits(&self, limit: Option<RateLimit>, now: Instant) -> bool {
        let mut bucket = locked(&self.0);
        let Some(limit) = limit else {
            *bucket = None;
            return true;
        };
        match bucket.as_mut().filter(|bucket| bucket.limit == limit) {
            Some(bucket) => bucket.take(now),
            None => bucket.insert(Bucket::new(limit, now)).take(now),
        }
    }
}

#[derive(Debug)]
struct Bucket {
    limit: RateLimit,
    began: Instant,
    /// Since `began`: the time that is used up.
    used: Duration,
}

impl Bucket {
    fn new(limit: RateLimit, now: Instant) -> Self {
        Self { limit, began: now, used: Duration::ZERO }
    }

    /// Takes a token if there is one.
    fn take(&mut self, now: Instant) -> bool {
        let RateLimit { interval, burst } = self.limit;
        let elapsed = now.saturating_duration_since(self.began);
        let ahead = interval.saturating_mul(burst.saturating_sub(1));
        if self.used > elapsed.saturating_add(ahead) {
            return false;
        }
        self.used = self.used.max(elapsed).saturating_add(interval);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limit(interval: Duration, burst: u32) -> Option<RateLimit> {
        Some(RateLimit { interval, burst })
    }

    #[test]
    fn a_burst_passes_at_once_and_then_one_each_interval() {
        let (rate, start) = (Rate::default(), Instant::now());
        let at = |seconds: u32| rate.permits(limit(SECOND, 3), start + SECOND * seconds);
        assert_eq!([at(0), at(0), at(0), at(0)], [true, true, true, false]);
        assert_eq!([at(1), at(1)], [true, false]);
        // Idle time fills the bucket, but not beyond the burst.
        assert_eq!([at(100), at(100), at(100), at(100)], [true, true, true, false]);
    }

    #[test]
    fn a_refused_request_costs_nothing_and_a_clock_that_stands_still_gives_nothing() {
        let (rate, start) = (Rate::default(), Instant::now());
        assert!(rate.permits(limit(SECOND, 1), start + SECOND));
        for _ in 0..100 {
            assert!(!rate.permits(limit(SECOND, 1), start));
        }
        assert!(rate.permits(limit(SECOND, 1), start + 2 * SECOND));
    }

    #[test]
    fn another_limit_begins_anew_and_none_lets_all_through() {
        let (rate, now) = (Rate::default(), Instant::now());
        assert!(rate.permits(limit(SECOND, 1), now) && !rate.permits(limit(SECOND, 1), now));
        assert!(rate.permits(limit(SECOND, 2), now) && rate.permits(limit(SECOND, 2), now));
        assert!(!rate.permits(limit(SECOND, 2), now));
        assert!((0..100).all(|_| rate.permits(None, now)));
        assert!(rate.permits(limit(SECOND, 2), now));
    }

    #[test]
    fn an_interval_of_ages_overflows_nothing() {
        let (rate, now) = (Rate::default(), Instant::now());
        let ages = limit(Duration::MAX, u32::MAX);
        assert!(rate.permits(ages, now) && rate.permits(ages, now));
    }

    proptest! {
        #[test]
        fn never_more_pass_than_burst_and_time_allow(
            millis in 1_u64..1000, burst in 1_u32..20, steps in proptest::collection::vec(0_u64..500, 1..200),
        ) {
            let (rate, start) = (Rate::default(), Instant::now());
            let interval = Duration::from_millis(millis);
            let (mut now, mut passed) = (start, 0);
            for step in steps {
                now += Duration::from_millis(step);
                passed += u128::from(rate.permits(limit(interval, burst), now));
                let earned = (now - start).as_millis() / u128::from(millis);
                prop_assert!(passed <= u128::from(burst) + earned);
            }
        }
    }
}
