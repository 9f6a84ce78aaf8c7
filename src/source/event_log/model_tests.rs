//! Random histories of an event log, on real files, against one rule: every message counts exactly once.
//!
//! A history writes, wraps, clears, damages, replaces and cuts the file, and restarts the reader; what the reader gives
//! once more, it must have announced. `EVENT_LOG_SEED=<n>` repeats one history and tells it, `EVENT_LOG_HISTORIES=<n>`
//! sets how many are run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta};
use evtx::{EvtxChunkData, ParserSettings};
use tempfile::TempDir;

use super::tests::source;
use super::*;
use crate::demo::writer::{
    BinXmlStyle, CHUNK_SIZE, EventLogWriter, HEADER_SIZE, HeaderLanguage, Status, WindowsEvent,
};
use crate::site::{MessageId, Remark, Severity, Timestamp};
use crate::source::{Cursor as SourceCursor, Fact, Reach, RecordBody};

const HISTORIES: u64 = 100;

/// What a history may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manners {
    /// What the event log service does by itself, polled in time: no gap, everything in order.
    Orderly,
    /// Also what administrators and disks do.
    Rough,
}

/// The log in memory and its file.
struct World {
    told: bool,
    manners: Manners,
    rng: fastrand::Rng,
    path: PathBuf,
    log: EventLogWriter,
    /// The moment of each record that is a message, by its id.
    messages: BTreeMap<u64, Timestamp>,
    now: Timestamp,
    /// What damage made of some chunks: their bytes before it and after.
    damage: BTreeMap<usize, (Vec<u8>, Vec<u8>)>,
    /// The file is shorter than the log.
    cut: bool,
    /// Messages were overwritten or cleared just now that nobody had read.
    lost: bool,
    /// An older copy is there now, which cannot show that there had been more.
    went_back: bool,
    /// Everything in the file has been read.
    is_read: bool,
    /// An earlier state of the log, while no damage came between.
    copy: Option<(EventLogWriter, BTreeMap<u64, Timestamp>)>,
}

impl World {
    fn new(seed: u64, told: bool, path: PathBuf) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let manners = if rng.bool() { Manners::Orderly } else { Manners::Rough };
        let first_id = rng.choice([1, 0, 1_000, u64::MAX / 2 - 20]).unwrap();
        let style = if rng.u8(..4) == 0 { BinXmlStyle::Plain } else { BinXmlStyle::Templates };
        // A ring of one chunk loses what was not read at once.
        let least = if manners == Manners::Orderly { 2 } else { 1 };
        let log = EventLogWriter::new().capacity(rng.usize(least..5)).first_id(first_id).style(style);
        Self {
            told,
            manners,
            rng,
            path,
            log,
            messages: BTreeMap::new(),
            now: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            damage: BTreeMap::new(),
            cut: false,
            lost: false,
            went_back: false,
            is_read: false,
            copy: None,
        }
    }

    fn tell(&self, what: u8) {
        if self.told {
            let ids = |chunk: &Vec<u8>| EvtxChunkData::new(chunk.clone(), false).unwrap().header;
            let ids = |chunk| (ids(chunk).first_event_record_id, ids(chunk).last_event_record_id);
            let (chunks, damaged) = (self.chunks(), self.damage.keys());
            eprintln!("{what}: {:?}, damaged {damaged:?}", chunks.iter().map(ids).collect::<Vec<_>>());
        }
    }

    fn push(&mut self) {
        self.now += TimeDelta::milliseconds(self.rng.i64(1..5_000));
        let filling = "x".repeat(self.rng.usize(..8_000));
        let status = Status::new(MessageId::TASK_STARTED, Severity::Information, &["one", &filling]);
        let language = self.rng.choice(HeaderLanguage::ALL).unwrap();
        let mut event = WindowsEvent::status(&status, "CM01.corp.example", self.now, language);
        let is_message = self.rng.u8(..3) == 0;
        if !is_message {
            event = WindowsEvent::other(self.rng.usize(..100), "CM01.corp.example", self.now);
            event.data.push(filling);
        }
        let id = self.log.push(&event);
        self.messages.remove(&id);
        if is_message {
            self.messages.insert(id, self.now);
        }
    }

    /// Adds at most about half of what the ring holds.
    fn append(&mut self) {
        for _ in 0..self.rng.usize(1..4) {
            self.push();
        }
    }

    /// What happens next; `counted` is what the reader has.
    fn happen(&mut self, counted: &BTreeMap<Timestamp, u64>) {
        let rough = self.manners == Manners::Rough;
        (self.cut, self.went_back) = (false, false);
        let what = self.rng.u8(..if rough { 20 } else { 10 });
        let before = if matches!(what, 11 | 12) { self.readable() } else { BTreeSet::new() };
        match what {
            0..=7 => self.append(),
            8 => self.log.set_dirty(true),
            9 => self.log.set_dirty(false),
            11 => (0..self.rng.usize(..60)).for_each(|_| self.push()),
            12 => self.clear(),
            13 if self.damage.is_empty() => self.copy = Some((self.log.clone(), self.messages.clone())),
            10 | 13 => {}
            14 => self.swap_with_copy(),
            15..=18 => self.break_chunk(),
            _ => self.cut = self.is_read,
        }
        self.write();
        self.is_read = false;
        let after = self.readable();
        self.lost = before.iter().any(|time| !after.contains(time) && !counted.contains_key(time));
        self.tell(what);
    }

    fn clear(&mut self) {
        self.log.clear();
        self.messages.clear();
        self.damage.clear();
    }

    /// An older copy in the place of the log, or the log in the place of the copy, perhaps with other records since.
    fn swap_with_copy(&mut self) {
        if let Some(copy) = self.copy.take() {
            let (log, messages) = copy;
            self.copy = Some((
                std::mem::replace(&mut self.log, log),
                std::mem::replace(&mut self.messages, messages),
            ));
            self.damage.clear();
            self.went_back = true;
        }
    }

    /// What can still be read in a chunk may be read before it is damaged no longer, so the newest one loses all.
    fn break_chunk(&mut self) {
        let chunks = self.chunks();
        let number = self.rng.usize(..chunks.len());
        let mut after = chunks[number].clone();
        let is_newest = number == self.newest();
        match self.rng.u8(..if is_newest { 2 } else { 6 }) {
            0 => after.fill(0),
            1 => self.rng.fill(&mut after),
            2 => after[..8].fill(b'?'),
            3 => after[..512].fill(0),
            4 => after[..4096].fill(0),
            _ => {
                let at = self.rng.usize(..after.len());
                after[at] ^= 1 << self.rng.u8(..8);
            }
        }
        self.damage.insert(number, (chunks[number].clone(), after));
        self.copy = None;
    }

    fn newest(&self) -> usize {
        let mut clean = self.log.clone();
        clean.set_dirty(false);
        usize::from(clean.bytes()[16])
    }

    fn chunks(&self) -> Vec<Vec<u8>> {
        self.log.bytes()[HEADER_SIZE..].chunks(CHUNK_SIZE).map(<[u8]>::to_vec).collect()
    }

    /// A chunk is damaged until the next record is written into it.
    fn write(&mut self) {
        let mut bytes = self.log.bytes();
        self.damage.retain(|number, (before, _)| {
            let start = HEADER_SIZE + number * CHUNK_SIZE;
            bytes.get(start..start + CHUNK_SIZE) == Some(before)
        });
        for (number, (_, after)) in &self.damage {
            let start = HEADER_SIZE + number * CHUNK_SIZE;
            bytes[start..start + CHUNK_SIZE].copy_from_slice(after);
        }
        if self.cut {
            bytes.truncate(self.rng.usize(HEADER_SIZE..bytes.len()));
        }
        fs::write(&self.path, bytes).unwrap();
    }

    /// The messages in chunks that are whole.
    fn readable(&self) -> BTreeSet<Timestamp> {
        let mut clean = self.log.clone();
        clean.set_dirty(false);
        let mut found = BTreeSet::new();
        for (number, chunk) in clean.bytes()[HEADER_SIZE..].chunks(CHUNK_SIZE).enumerate() {
            if self.damage.contains_key(&number) {
                continue;
            }
            let mut data = EvtxChunkData::new(chunk.to_vec(), true).unwrap();
            let mut chunk = data.parse(ParserSettings::default().into()).unwrap();
            let ids = chunk.iter().map(|record| record.unwrap().event_record_id);
            found.extend(ids.filter_map(|id| self.messages.get(&id)));
        }
        found
    }
}

/// A process that reads, and what its checkpoint holds.
struct Reader {
    source: EventLog,
    cursor: Cursor,
    /// What a crash goes back to: kept when everything was read, or nothing is read again.
    kept: Cursor,
    /// The messages that count, each with its position.
    counted: BTreeMap<Timestamp, u64>,
    gaps: usize,
}

impl Reader {
    fn poll(&mut self, world: &mut World, budget: u64) -> Reach {
        let saved = serde_json::to_string(&self.cursor).unwrap();
        let (poll, _) = self.source.news(serde_json::from_str(&saved).unwrap(), budget).unwrap();
        let SourceCursor::EventLog(cursor) = poll.cursor else { panic!("{:?}", poll.cursor) };
        let goes_on = self.kept.has_read() && self.kept.since() == cursor.since();
        let (mut accepted, mut refused) = (Vec::new(), 0);
        for fact in poll.facts {
            let Fact::Records(_, records) = fact else { continue };
            for record in records {
                match record.body {
                    RecordBody::Status(message) => {
                        let known = self.counted.get(&message.time);
                        if !goes_on && known.is_some_and(|known| *known < cursor.since()) {
                            refused += 1;
                            continue;
                        }
                        assert_eq!(known, None, "message of {} counts twice", message.time);
                        self.counted.insert(message.time, record.position);
                        accepted.push(message.time);
                    }
                    RecordBody::Remark { remark, .. } => {
                        assert_eq!(remark, Remark::Gap);
                        self.gaps += 1;
                    }
                }
            }
        }
        if world.told {
            eprintln!("polled {:?}: {} new, {refused} again, {cursor:?}", poll.reach, accepted.len());
        }
        if world.manners == Manners::Orderly {
            assert!(accepted.is_sorted(), "out of order: {accepted:?}");
            assert_eq!((refused, self.gaps), (0, 0), "nothing was lost or repeated");
        }
        if goes_on || poll.reach == Reach::CaughtUp {
            self.kept = cursor.clone();
        }
        self.cursor = cursor;
        if poll.reach == Reach::CaughtUp && !world.cut {
            world.is_read = true;
            let readable = world.readable();
            let missing: Vec<_> = readable.iter().filter(|time| !self.counted.contains_key(time)).collect();
            assert!(missing.is_empty(), "caught up without {missing:?}");
        }
        poll.reach
    }
}

fn run(seed: u64, told: bool, path: PathBuf) {
    let mut world = World::new(seed, told, path.clone());
    let mut reader = Reader {
        source: source(path),
        cursor: Cursor::default(),
        kept: Cursor::default(),
        counted: BTreeMap::new(),
        gaps: 0,
    };
    world.write();
    let mut least_gaps = 0;
    for _ in 0..world.rng.usize(10..40) {
        world.happen(&reader.counted);
        if world.lost && reader.kept.heard {
            least_gaps = reader.gaps + 1;
        } else if world.went_back {
            least_gaps = reader.gaps.min(least_gaps);
        }
        let is_in_time = world.manners == Manners::Orderly;
        if is_in_time || world.rng.u8(..3) == 0 {
            let budget = world.rng.choice([1, 150_000, BUDGET]).unwrap();
            for _ in 0..20 {
                if reader.poll(&mut world, budget) != Reach::More {
                    break;
                }
            }
        }
        if world.rng.u8(..8) == 0 {
            // The process ends: what was not kept is read again.
            let known = reader.counted.values().max().map_or(0, |last| last + 1);
            reader.cursor = reader.kept.clone().not_before(known);
        }
    }
    world.cut = false;
    world.push();
    world.write();
    assert_eq!(reader.poll(&mut world, BUDGET), Reach::CaughtUp);
    assert_eq!(reader.poll(&mut world, BUDGET), Reach::CaughtUp);
    assert!(reader.gaps >= least_gaps, "messages were destroyed unread, and no gap says so");
}

/// Says which history failed.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this history failed: EVENT_LOG_SEED={}", self.0);
        }
    }
}

#[test]
fn every_message_counts_exactly_once() {
    let memory = std::path::Path::new("/dev/shm");
    let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap();
    let path = folder.path().join("Application.evtx");
    let number = |name| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let one = |seed, told| {
        let _seed = Seed(seed);
        run(seed, told, path.clone());
    };
    match number("EVENT_LOG_SEED") {
        Some(seed) => one(seed, true),
        None => {
            (0..number("EVENT_LOG_HISTORIES").unwrap_or(HISTORIES)).for_each(|seed| one(seed, false));
        }
    }
}
