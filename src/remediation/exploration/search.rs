//! All courses of events up to a depth, each world visited once among its likes.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::event::{CORE, Event};
use super::world::World;

/// How many events deep.
const DEPTH: usize = 8;

/// A world and how it came to be.
struct Visited {
    world: World,
    events: Vec<Event>,
}

/// Lets one more thing happen; tells the whole course if something must not have happened.
fn after(before: &Visited, event: Event) -> Visited {
    let mut events = before.events.clone();
    events.push(event);
    let mut world = before.world.clone();
    let happened = catch_unwind(AssertUnwindSafe(|| world.happen(event)));
    assert!(happened.is_ok(), "after {events:?}");
    Visited { world, events }
}

#[test]
fn no_course_of_events_does_harm_and_a_failure_is_tried_again() {
    let begun = Visited { world: World::new(), events: Vec::new() };
    let mut seen = HashSet::from([begun.world.likeness()]);
    let mut frontier = vec![begun];
    let (mut transitions, mut attempts, mut probes) = (0_u64, 0_u64, 0_u64);
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for before in &mut frontier {
            for event in CORE {
                if !before.world.may_happen(*event) {
                    continue;
                }
                let visited = after(before, *event);
                transitions += 1;
                attempts += visited.world.attempts - before.world.attempts;
                if !seen.insert(visited.world.likeness()) {
                    continue;
                }
                for says_so in [true, false] {
                    if visited.world.deserves_an_attempt(says_so) {
                        probes += 1;
                        let comes = visited.world.clone().attempt_comes(says_so);
                        assert_eq!(comes, Ok(()), "no attempt came after {:?}, {says_so}", visited.events);
                    }
                }
                next.push(visited);
            }
        }
        frontier = next;
    }
    let worlds = seen.len();
    eprintln!(
        "{worlds} worlds, {transitions} transitions, {attempts} attempts, {probes} waits for an attempt"
    );
    assert!(worlds >= 5_000 && transitions >= 30_000 && attempts >= 500 && probes >= 25);
}
