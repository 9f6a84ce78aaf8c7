//! Witnesses of one history, each with its own words, clock and lateness, and an exporter that reads them in pieces.

use std::collections::BTreeSet;

use super::*;
use crate::demo::writer::{BackupTask, LogWriter, RunScript};
use crate::state::checkpoint::{StateDirectory, peek};
use crate::trace::{LogEntry, Phrases, ReaderState, TraceReader, UserPatterns};

const MACHINE: &str = "CM01.corp.example";

/// What one run of a history is like.
#[derive(Debug, Clone, Copy)]
pub(super) enum Play {
    Success,
    Warning,
    AfterBackupFails,
    Failure(FailureCause),
    /// It fails, goes on, and is never heard of again.
    FailureAndCrash(FailureCause),
    /// Two files fail with the same message within a second.
    TwoFailures,
    Crash(BackupPhase),
    Stopped,
}

/// A run, how long a whole one takes, and how long after its last word the next one starts, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Act {
    pub(super) play: Play,
    pub(super) lasts: i64,
    pub(super) pause: i64,
}

impl Act {
    fn script(self, site: SiteCode) -> RunScript {
        let task = BackupTask::new(site).copied(1).lasting(TimeDelta::seconds(self.lasts));
        match self.play {
            Play::Success => task.success(),
            Play::Warning => task.warning(),
            Play::AfterBackupFails => task.after_backup_fails(),
            Play::Failure(cause) => task.failure(cause),
            Play::FailureAndCrash(cause) => task.failed_and_running(cause),
            Play::TwoFailures => task.failure(FailureCause::SharingViolation),
            Play::Crash(phase) => task.unfinished(phase),
            Play::Stopped => task.stopped(),
        }
    }
}

/// All that was said in each run, in words and messages, as the real reader of logs reads it.
pub(super) fn history(acts: &[Act], random: &mut fastrand::Rng) -> Vec<Vec<RecordBody>> {
    let site = "P01".parse().unwrap();
    let writer = LogWriter::new(site, MACHINE);
    let phrases = Phrases::new(UserPatterns::default()).unwrap();
    let mut reader = TraceReader::new(&phrases, ReaderState::default());
    let mut start = at(0);
    let mut runs = Vec::new();
    for act in acts {
        // Numbers of processes are given again.
        let pid = 4000 + 4 * random.u32(0..3);
        let script = act.script(site).process(pid, pid + 4);
        let mut said = Vec::new();
        reader.read(script.text(&writer, start).as_bytes(), &mut |entry| said.push(body_of(entry)));
        if matches!(act.play, Play::TwoFailures) {
            let failed = said.iter().position(is_error).unwrap();
            let again = dated(said[failed].clone(), TimeDelta::milliseconds(300));
            said.insert(failed + 1, again);
        }
        start += script.duration() + TimeDelta::seconds(act.pause);
        runs.push(said);
    }
    runs
}

fn body_of(entry: LogEntry) -> RecordBody {
    match entry {
        LogEntry::Status(message, _) => RecordBody::Status(message),
        LogEntry::Remark { time, remark, text, .. } => RecordBody::Remark { time, remark, text },
    }
}

fn is_error(body: &RecordBody) -> bool {
    matches!(body, RecordBody::Status(message) if message.is_error())
}

fn dated(body: RecordBody, later: TimeDelta) -> RecordBody {
    match body {
        RecordBody::Status(message) => {
            RecordBody::Status(StatusMessage { time: message.time + later, ..message })
        }
        RecordBody::Remark { time, remark, text } => RecordBody::Remark { time: time + later, remark, text },
    }
}

/// What the installation's log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogKeeps {
    Everything,
    /// LoggingLevel 3: errors and their reasons.
    Errors,
    Nothing,
}

/// Which witnesses a site has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cast {
    pub(super) log: LogKeeps,
    pub(super) destination: bool,
    pub(super) event_log: bool,
    pub(super) database: bool,
}

impl Cast {
    /// What all of them together say, as if one log held it.
    pub(super) fn told(self, history: &[Vec<RecordBody>]) -> Timeline {
        let last = history.len() - 1;
        let is_told = |run: usize, body: &RecordBody| {
            matches!(body, RecordBody::Status(_))
                || self.log == LogKeeps::Everything
                || self.destination && run == last
                || self.log == LogKeeps::Errors && is_of_an_error(body)
        };
        let bodies = (0..)
            .zip(history)
            .flat_map(|(run, said)| said.iter().filter(move |body| is_told(run, body)).cloned());
        let mut timeline = Timeline::default();
        timeline.insert(Witness::Log, numbered(bodies));
        timeline
    }

    /// Whether at no time two runs can look like one, or a success like a failure.
    ///
    /// Where others tell of a part only (the log keeps errors only, or the last run, or is read in pieces), the event log
    /// may tell of the rest ten minutes late, and what was final by then stays counted.
    pub(super) fn tells_runs_apart(self, in_pieces: bool) -> bool {
        match self.log {
            _ if in_pieces && self.event_log => false,
            LogKeeps::Everything => true,
            LogKeeps::Errors => false,
            LogKeeps::Nothing => self.database || !self.destination,
        }
    }

    /// How far off a start may be dated: by the clocks, and by the event log where it alone tells of it.
    pub(super) fn tolerance(self) -> TimeDelta {
        let exact = self.log == LogKeeps::Everything || self.database;
        if exact { TimeDelta::seconds(5) } else { TimeDelta::seconds(605) }
    }
}

fn is_of_an_error(body: &RecordBody) -> bool {
    match body {
        RecordBody::Status(_) => is_error(body),
        RecordBody::Remark { remark, .. } => matches!(remark, Remark::Reason(_) | Remark::Failed),
    }
}

fn numbered(bodies: impl Iterator<Item = RecordBody>) -> Vec<Record> {
    (0..).zip(bodies).map(|(position, body)| Record { position, body }).collect()
}

/// One witness, and what it has written by when.
struct Teller {
    source: SourceId,
    witness: Witness,
    written: Vec<(Timestamp, Record)>,
}

impl Teller {
    /// Where reading goes on after so many records.
    fn cursor(&self, next: u64) -> Cursor {
        let read = next > 0;
        let cursor = match self.witness {
            Witness::Log | Witness::DestinationLog => {
                let content = serde_json::json!({ "head": "x", "positions": [{ "offset": 1, "tail": 1 }] });
                let contents = if read { vec![content] } else { vec![] };
                serde_json::json!({ "log": { "files": { "contents": contents }, "next": next } })
            }
            Witness::EventLog => {
                let last = serde_json::json!({ "chunk": 0, "id": next, "written": 0, "checksum": 0 });
                serde_json::json!({ "event_log": { "last": read.then_some(last), "next": next, "heard": read } })
            }
            Witness::StatusMessages => {
                let last = serde_json::json!({ "record": next, "time": 0 });
                serde_json::json!({ "database": { "last": read.then_some(last), "next": next } })
            }
        };
        serde_json::from_value(cursor).unwrap()
    }
}

/// An exporter that reads all witnesses of a history, piece by piece, as often restarted as need be.
pub(super) struct World {
    pub(super) state: SiteState,
    pub(super) now: Timestamp,
    tellers: Vec<Teller>,
    /// After how many records each one is read next.
    next: Vec<usize>,
    /// Who has not been asked yet, or has more to tell at once.
    reads_on: BTreeSet<usize>,
    place: tempfile::TempDir,
    saves: u64,
}

impl World {
    pub(super) fn new(
        history: &[Vec<RecordBody>],
        cast: Cast,
        now: Timestamp,
        random: &mut fastrand::Rng,
    ) -> Self {
        let all = || history.iter().flatten().cloned();
        let messages = || all().filter(|body| matches!(body, RecordBody::Status(_)));
        let mut tellers = Vec::new();
        let mut tell = |kind: SourceKind, witness, bodies: Vec<RecordBody>, late: i64, exact: bool| {
            let skew = TimeDelta::milliseconds(random.i64(-5000..=5000));
            let mut clock = Timestamp::MIN_UTC;
            let mut write = |record: Record| {
                // What is late is written in order all the same, and dated when it is written.
                clock = clock.max(record.time() + TimeDelta::milliseconds(random.i64(0..=late)));
                let off = if exact { skew } else { clock - record.time() + skew };
                let ticks = if exact { 0 } else { random.i64(0..10_000) * 100 };
                let body = dated(record.body, off + TimeDelta::nanoseconds(ticks));
                (clock, Record { body, ..record })
            };
            let written = numbered(bodies.into_iter()).into_iter().map(&mut write).collect();
            let source = SourceId { kind, location: String::new() };
            tellers.push(Teller { source, witness, written });
        };
        match cast.log {
            LogKeeps::Everything => tell(LOG, Witness::Log, all().collect(), 0, true),
            LogKeeps::Errors => tell(LOG, Witness::Log, all().filter(is_of_an_error).collect(), 0, true),
            LogKeeps::Nothing => {}
        }
        if cast.destination {
            tell(SourceKind::Snapshot, Witness::DestinationLog, history.last().unwrap().clone(), 0, true);
        }
        if cast.event_log {
            let told = messages().map(without_process).collect();
            tell(SourceKind::EventLog, Witness::EventLog, told, 600_000, false);
        }
        if cast.database {
            tell(SourceKind::Database, Witness::StatusMessages, messages().collect(), 60_000, true);
        }
        let settings = Arc::new(SiteSettings::new("P01".parse().unwrap()));
        let mut world = Self {
            state: SiteState::new(settings, now),
            now,
            next: Vec::new(),
            reads_on: BTreeSet::new(),
            tellers,
            place: tempfile::tempdir().unwrap(),
            saves: 0,
        };
        world.watch();
        world.save();
        world
    }

    pub(super) fn witnesses(&self) -> usize {
        self.tellers.len()
    }

    fn watch(&mut self) {
        self.state.sources.clear();
        for Teller { source, witness, .. } in &self.tellers {
            self.state.watch(source.clone(), Duration::from_secs(5), Some(*witness), self.now);
        }
        let next = |teller: &Teller| {
            let cursor = serde_json::to_value(self.state.cursor_for(&teller.source)).unwrap();
            let kept = cursor.as_object().and_then(|cursor| cursor.values().next()?.get("next")?.as_u64());
            usize::try_from(kept.unwrap_or(0)).unwrap()
        };
        self.next = self.tellers.iter().map(next).collect();
        self.reads_on = (0..self.tellers.len()).collect();
    }

    pub(super) fn save(&mut self) {
        self.saves += 1;
        StateDirectory::open(self.place.path()).unwrap().save(&self.state, self.saves).unwrap();
    }

    /// What was not saved is read again.
    pub(super) fn restart(&mut self) {
        self.state = peek(self.place.path(), &self.state.settings, self.now).unwrap().state;
        self.watch();
    }

    /// Time passes once everybody has told what there was to be told at once.
    pub(super) fn wait(&mut self, time: TimeDelta, limit: usize) {
        while let Some(index) = self.reads_on.first() {
            self.poll(*index, limit);
        }
        self.now += time;
    }

    /// One witness tells at most so many records of what it has written by now; says whether that was all.
    pub(super) fn poll(&mut self, index: usize, limit: usize) -> bool {
        let Teller { source, witness, written } = &self.tellers[index];
        let from = self.next[index];
        let due = written[from..].iter().take_while(|(at, _)| *at <= self.now);
        let records: Vec<_> = due.take(limit).map(|(_, record)| record.clone()).collect();
        let next = from + records.len();
        let all = written.get(next).is_none_or(|(at, _)| *at > self.now);
        let fact = match records.first().map(Record::time) {
            None if from == 0 && *witness == Witness::EventLog => Fact::Silent(*witness),
            oldest => Fact::Coverage { witness: *witness, oldest, newest: None, gap: false },
        };
        let poll = Poll {
            facts: vec![fact, Fact::Records(*witness, records)],
            cursor: self.tellers[index].cursor(next.try_into().unwrap()),
            reach: if all { Reach::CaughtUp } else { Reach::More },
        };
        let report = PollReport { result: Ok(poll), ..report(source.kind, self.now, vec![]) };
        self.next[index] = next;
        if all {
            self.reads_on.remove(&index)
        } else {
            self.reads_on.insert(index)
        };
        self.state.fold(&report, self.now);
        all
    }

    /// Every witness tells the rest, in any order, and is asked once more when all has settled.
    pub(super) fn finish(&mut self, limit: usize, random: &mut fastrand::Rng) {
        let end = self.tellers.iter().filter_map(|teller| teller.written.last()).map(|(at, _)| *at).max();
        self.wait((end.unwrap() - self.now).max(TimeDelta::zero()) + TimeDelta::hours(1), limit);
        let mut left: Vec<_> = (0..self.witnesses()).collect();
        random.shuffle(&mut left);
        left.retain(|index| !self.poll(*index, limit));
        while let Some(index) = random.choice(&left).copied() {
            if self.poll(index, limit) {
                left.retain(|other| *other != index);
            }
        }
        self.wait(TimeDelta::hours(1), limit);
        (0..self.witnesses()).for_each(|index| assert!(self.poll(index, limit)));
    }
}

/// As the event log has it: what writes a record need not be what reports, and the machine has its short name.
fn without_process(body: RecordBody) -> RecordBody {
    match body {
        RecordBody::Status(message) => {
            RecordBody::Status(StatusMessage { machine: "cm01".into(), pid: None, tid: None, ..message })
        }
        remark @ RecordBody::Remark { .. } => remark,
    }
}
