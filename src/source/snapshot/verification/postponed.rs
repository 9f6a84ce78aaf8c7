//! Orders that could not be carried out, and when each is tried again, so that one of them does not block the others.
//!
//! Only this process knows of them: the next one may have the right that this one lacks.

use chrono::TimeDelta;

use super::cursor::Order;
use crate::site::Timestamp;
use crate::source::{PollFailure, VerifyOrder};

/// So often an order is tried before others come first: a share that was away for a moment must not cost its progress.
const TRIES: u32 = 3;
/// The first pause; it doubles.
const PAUSE: TimeDelta = TimeDelta::minutes(5);
const MAX_PAUSE: TimeDelta = TimeDelta::hours(1);

#[derive(Debug, Default)]
pub(super) struct Postponed(Vec<Failed>);

#[derive(Debug)]
struct Failed {
    order: Order,
    tries: u32,
    last: Timestamp,
    /// What to tell until then, unless its files have only gone away.
    failure: Option<PollFailure>,
}

impl Postponed {
    /// Takes note that a folder could not be read.
    pub(super) fn failed(&mut self, order: &VerifyOrder, failure: PollFailure, now: Timestamp) {
        self.note(order, 1, Some(failure), now);
    }

    /// Takes note that files of a folder went away while they were read.
    pub(super) fn gone(&mut self, order: &VerifyOrder, now: Timestamp) {
        self.note(order, TRIES, None, now);
    }

    fn note(&mut self, order: &VerifyOrder, least: u32, failure: Option<PollFailure>, now: Timestamp) {
        let order = Order::of(order);
        let known = self.0.iter().find(|failed| failed.order == order);
        let tries = known.map_or(0, |failed| failed.tries).saturating_add(1).max(least);
        // Whatever was ordered no more is forgotten in time.
        self.0.retain(|failed| failed.order != order && (now - failed.last).abs() < MAX_PAUSE * 2);
        self.0.push(Failed { order, tries, last: now, failure });
    }

    /// Takes note that an order can be carried out.
    pub(super) fn forget(&mut self, order: &VerifyOrder) {
        let order = Order::of(order);
        self.0.retain(|failed| failed.order != order);
    }

    /// Whether it is too early to try this order again.
    pub(super) fn holds(&self, order: &VerifyOrder, now: Timestamp) -> bool {
        self.find(order)
            .is_some_and(|failed| failed.until().is_some_and(|end| (failed.last..end).contains(&now)))
    }

    /// Why an order failed.
    pub(super) fn failure(&self, order: &VerifyOrder) -> Option<&PollFailure> {
        self.find(order)?.failure.as_ref()
    }

    fn find(&self, order: &VerifyOrder) -> Option<&Failed> {
        let order = Order::of(order);
        self.0.iter().find(|failed| failed.order == order)
    }
}

impl Failed {
    fn until(&self) -> Option<Timestamp> {
        let doubled = self.tries.checked_sub(TRIES)?.min(8);
        Some(self.last + (PAUSE * (1 << doubled)).min(MAX_PAUSE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FailureKind;

    fn time(minutes: i64) -> Timestamp {
        Timestamp::from_timestamp(minutes * 60, 0).unwrap()
    }

    fn order(folder: &str) -> VerifyOrder {
        VerifyOrder { location: "x".to_owned(), folder: folder.to_owned(), run: time(0), after: None }
    }

    #[test]
    fn pauses_grow_to_an_hour() {
        let failure = PollFailure { kind: FailureKind::AccessDenied, message: "no".to_owned() };
        let mut postponed = Postponed::default();
        let mut now = 1000;
        for pause in [0, 0, 5, 10, 20, 40, 60, 60, 60, 60, 60, 60, 60, 60] {
            postponed.failed(&order("a"), failure.clone(), time(now));
            assert_eq!(postponed.failure(&order("a")), Some(&failure));
            assert_eq!(postponed.holds(&order("a"), time(now)), pause > 0);
            assert!(pause == 0 || postponed.holds(&order("a"), time(now + pause - 1)));
            assert!(!postponed.holds(&order("a"), time(now + pause)));
            assert!(!postponed.holds(&order("a"), time(now - 1)), "a clock that was ahead");
            assert!(!postponed.holds(&order("b"), time(now)));
            now += pause;
        }
        postponed.forget(&order("a"));
        assert!(!postponed.holds(&order("a"), time(now)));
        postponed.gone(&order("a"), time(now));
        assert!(postponed.holds(&order("a"), time(now + 4)) && postponed.failure(&order("a")).is_none());
        postponed.gone(&order("b"), time(now + 200));
        assert_eq!(postponed.0.len(), 1);
    }
}
