//! Long courses of random events.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::event::{COURSE, Event, TROUBLE};
use super::world::{Tally, World};

/// How many events a walk has.
const LENGTH: usize = 40;
/// How many walks each run of the tests makes; `RESTART_WALKS` asks for more.
const WALKS: u64 = 300;

struct Dice(u64);

impl Dice {
    fn event(&mut self) -> Event {
        // SplitMix64: good enough, and the same everywhere.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        let events = if mixed.is_multiple_of(2) { COURSE } else { TROUBLE };
        events[usize::try_from(mixed / 2 % events.len() as u64).unwrap()]
    }
}

/// One walk; whether an attempt had to come at its end.
fn walk(seed: u64) -> (Tally, bool) {
    let mut dice = Dice(seed);
    let mut events = Vec::new();
    let mut world = World::new();
    for _ in 0..LENGTH {
        let event = dice.event();
        events.push(event);
        let happened = catch_unwind(AssertUnwindSafe(|| world.happen(event)));
        assert!(happened.is_ok(), "seed {seed}, after {events:?}");
    }
    let tally = world.tally();
    // A failure at the end of it all, when everything is in order again.
    let lasts = catch_unwind(AssertUnwindSafe(|| {
        world.heal();
        world.happen(Event::Minutes(90));
        world.happen(Event::End);
        for event in [Event::Start, Event::Prepare, Event::Fail] {
            world.happen(event);
        }
        let says_so = seed.is_multiple_of(2);
        world.deserves_an_attempt(says_so).then(|| world.attempt_comes(says_so))
    }));
    match lasts {
        Ok(comes) => {
            let probed = comes.is_some();
            assert_eq!(comes.unwrap_or(Ok(())), Ok(()), "seed {seed}: no attempt came after {events:?}");
            (tally, probed)
        }
        Err(_) => panic!("seed {seed}, at the end of {events:?}"),
    }
}

#[test]
fn random_walks_do_no_harm() {
    let walks = std::env::var("RESTART_WALKS").ok().and_then(|walks| walks.parse().ok()).unwrap_or(WALKS);
    let (mut attempts, mut stops, mut probes) = (0, 0, 0);
    for seed in 0..walks {
        let (tally, probed) = walk(seed);
        attempts += tally.attempts;
        stops += tally.stops;
        probes += u64::from(probed);
    }
    let events = walks * LENGTH as u64;
    eprintln!(
        "{walks} walks, {events} events, {attempts} attempts, {stops} stops, {probes} waits for an attempt"
    );
    assert!(attempts >= walks / 4 && stops >= walks / 50 && probes >= walks / 20);
}
