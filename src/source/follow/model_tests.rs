//! Random histories of a log, on real files, against one rule: every complete line counts exactly once.
//!
//! A history does what ConfigMgr and administrators do, also in the middle of a poll. `FOLLOWER_SEED=<n>` repeats one
//! history and tells it, `FOLLOWER_HISTORIES=<n>` sets how many are run.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use tempfile::TempDir;

use super::model_world::{Manners, World, number_of};
use super::run::{POSTPONED_AT_MOST, poll_with};
use super::*;

const HISTORIES: u64 = 10_000;

/// Collects line numbers; what happens in between happens in `world`.
struct Collector<'a> {
    world: &'a RefCell<World>,
    committed: Vec<Option<u32>>,
    open: Option<Vec<Option<u32>>>,
}

impl LineSink for Collector<'_> {
    fn begin(&mut self, _: &Part<'_>) {
        assert!(self.open.replace(Vec::new()).is_none(), "a part begins inside another");
        self.world.borrow_mut().disturb();
    }

    fn lines(&mut self, block: &[u8]) {
        let text = String::from_utf8_lossy(block);
        // A file that is overwritten while it is read may give torn lines, as long as they are discarded.
        let numbers = text.split_inclusive('\n').map(number_of);
        self.open.as_mut().unwrap().extend(numbers);
        self.world.borrow_mut().disturb();
    }

    fn commit(&mut self, _: PartCounts) {
        self.committed.extend(self.open.take().unwrap());
        self.world.borrow_mut().disturb();
    }

    fn discard(&mut self) {
        self.open.take().unwrap();
    }
}

struct History {
    world: RefCell<World>,
    files: LogFiles,
    cursor: LogCursor,
}

impl History {
    fn poll(&mut self, budget: u64, disturbed: bool, locked: Option<&Path>) -> Option<Reach> {
        self.world.borrow_mut().polling = true;
        self.world.borrow_mut().disturbed = disturbed;
        let mut sink = Collector { world: &self.world, committed: Vec::new(), open: None };
        let mut opener = |path: &Path| {
            self.world.borrow_mut().disturb();
            if Some(path) == locked { Err(ErrorKind::WouldBlock.into()) } else { File::open(path) }
        };
        let result = poll_with(&self.files, &self.cursor, budget, &mut sink, &mut opener);
        let committed = sink.committed;
        let world = self.world.get_mut();
        world.polling = false;
        world.tell("polled");
        let progress = match result {
            Ok(progress) => progress,
            Err(error) => {
                assert!(committed.is_empty(), "a failed poll committed lines: {error}");
                return None;
            }
        };
        if world.rng.u8(..10) == 0 {
            // The process dies before the checkpoint: neither position nor effect remains.
            return None;
        }
        if world.told {
            eprintln!("poll {committed:?} {:?} lost {}", progress.reach, progress.continuity_lost);
        }
        for line in committed {
            let line = line.expect("only whole lines are committed");
            assert!(!world.delivered.contains(&line), "line {line} is repeated");
            world.delivered.push(line);
        }
        world.flagged |= progress.continuity_lost;
        if world.manners == Manners::Orderly {
            assert!(!progress.continuity_lost, "continuity was not lost");
            assert!(world.delivered.is_sorted(), "out of order: {:?}", world.delivered);
        }
        self.cursor = progress.cursor;
        if progress.reach == Reach::CaughtUp && !disturbed && locked.is_none() {
            let missing: Vec<u32> = world
                .lines_on_disk(None)
                .into_iter()
                .filter(|line| !world.delivered.contains(line))
                .collect();
            assert!(missing.is_empty(), "caught up without lines {missing:?}");
            (world.rolls, world.locks) = (0, 0);
        }
        Some(progress.reach)
    }

    fn poll_somehow(&mut self) {
        let world = self.world.get_mut();
        let budget = world.rng.choice([1, 50, 300, POLL_BUDGET, POLL_BUDGET, POLL_BUDGET]).unwrap();
        let disturbed = world.rng.u8(..4) == 0;
        let lock = world.rng.u8(..8) == 0 && world.locks < u32::from(POSTPONED_AT_MOST);
        world.locks += u32::from(lock);
        let path = if world.rng.bool() { world.log() } else { world.rolled() };
        self.poll(budget, disturbed, lock.then_some(path.as_path()));
    }

    fn restart(&mut self) {
        let checkpoint = serde_json::to_string(&self.cursor).unwrap();
        let read: LogCursor = serde_json::from_str(&checkpoint).unwrap();
        assert_eq!(read, self.cursor);
        self.cursor = read;
    }

    fn run(&mut self) {
        for _ in 0..self.world.get_mut().rng.u8(8..30) {
            match self.world.get_mut().rng.u8(..12) {
                0..=6 => self.world.get_mut().happen(),
                7..=10 => self.poll_somehow(),
                _ => self.restart(),
            }
        }
        let world = self.world.get_mut();
        world.end_copy();
        world.write_lines();
        // Ends by itself: a file that is not what it was waits for a bounded number of polls.
        let polls = (0..1000).map(|_| self.poll(POLL_BUDGET, false, None));
        assert!(polls.into_iter().any(|reach| reach == Some(Reach::CaughtUp)), "never caught up");

        let world = self.world.get_mut();
        if world.manners == Manners::Orderly {
            assert_eq!(world.delivered, (0..world.next_line).collect::<Vec<u32>>());
        }
        assert!(
            !world.must_flag || world.flagged,
            "lines were destroyed unread, and continuity was not lost"
        );
    }
}

/// Says which history failed.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this history failed: FOLLOWER_SEED={}", self.0);
        }
    }
}

fn run(seed: u64, told: bool, directory: &Path) {
    let _seed = Seed(seed);
    for entry in fs::read_dir(directory).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let world = World::new(seed, told, directory);
    let files = LogFiles::new(world.log());
    History { world: RefCell::new(world), files, cursor: LogCursor::default() }.run();
}

#[test]
fn every_complete_line_counts_exactly_once() {
    // In memory where the system offers it: tens of thousands of files are written.
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap();
    let number = |name| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    match number("FOLLOWER_SEED") {
        Some(seed) => run(seed, true, directory.path()),
        None => (0..number("FOLLOWER_HISTORIES").unwrap_or(HISTORIES))
            .for_each(|seed| run(seed, false, directory.path())),
    }
}
