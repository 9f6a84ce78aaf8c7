//! Waiting for a state, with a deadline. The only place in the tests that sleeps.

use std::time::{Duration, Instant};

/// How long to wait between two looks: short beside any deadline, long beside the cost of a look.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks again and again until `look` finds something, and fails the test when `deadline` has passed.
///
/// `what` completes the sentence "still waiting for ...".
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the pause between two looks, which no event could replace")]
pub(crate) fn until<T>(deadline: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        // The last look comes after the deadline, so that a machine under load gets one for certain.
        let expired = begin.elapsed() >= deadline;
        if let Some(found) = look() {
            return found;
        }
        assert!(!expired, "after {:.1} s still waiting for {what}", begin.elapsed().as_secs_f64());
        std::thread::sleep(PAUSE);
    }
}

#[test]
fn the_first_find_is_returned() {
    let mut looks = 0;
    let found = until(Duration::from_secs(5), "the third look", || {
        looks += 1;
        (looks == 3).then_some(looks)
    });
    assert_eq!(found, 3);
}

#[test]
#[should_panic(expected = "still waiting for a state that never comes")]
fn the_deadline_ends_the_wait() {
    until::<()>(Duration::from_millis(30), "a state that never comes", || None);
}
