//! Waiting for a state, with a deadline.

use std::time::{Duration, Instant};

/// For whatever takes well under a second on an idle machine.
const DEADLINE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(10);

/// Looks again and again until `look` finds something; fails the test after a minute.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the pause between two looks, which no event could replace")]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        let expired = begin.elapsed() >= DEADLINE;
        if let Some(found) = look() {
            return found;
        }
        assert!(!expired, "still waiting for {what}");
        std::thread::sleep(PAUSE);
    }
}
