//! An event log as a witness: at another path, read once more, cleared, silent until it is heard.

use std::fs;
use std::path::Path;

use super::*;
use crate::clock::Clock;
use crate::config::{EventLogConfig, SiteConfig};
use crate::demo::writer::{EventLogWriter, HeaderLanguage, Status, WindowsEvent};
use crate::state::checkpoint::StateDirectory;

const MACHINE: &str = "CM01.corp.example";

/// An exporter that reads only an event log, as often restarted as need be.
struct World {
    place: tempfile::TempDir,
    state: SiteState,
    source: Option<Box<dyn BlockingSource>>,
}

/// Writes the messages of a good run that began so many seconds after the first.
fn write_run(log: &mut EventLogWriter, start: i64) {
    for (id, after) in [(500, 0), (5055, 1), (5035, 60), (501, 61)] {
        let status = Status::new(MessageId(id), Severity::Information, &[]);
        log.push(&WindowsEvent::status(&status, MACHINE, at(start + after), HeaderLanguage::English));
    }
}

impl World {
    fn new() -> Self {
        let settings = Arc::new(SiteSettings::new("P01".parse().unwrap()));
        Self { place: tempfile::tempdir().unwrap(), state: SiteState::new(settings, at(0)), source: None }
    }

    fn write(&self, name: &str, log: &EventLogWriter) {
        fs::write(self.place.path().join(name), log.bytes()).unwrap();
    }

    /// Saves, and begins anew with the log of this name.
    fn restart(&mut self, name: &str) {
        let directory = StateDirectory::open(&self.place.path().join("state")).unwrap();
        directory.save(&self.state, 1).unwrap();
        let (path, interval) = (self.place.path().join(name), Duration::from_secs(30));
        let event_log = Some(EventLogConfig { path, interval });
        let settings = SiteSettings::new("P01".parse().unwrap());
        let around = Surroundings { clock: Clock::System, state_path: Path::new("/nowhere"), account: "me" };
        let config = SiteConfig { event_log, ..SiteConfig::of(settings.clone()) };
        let source = sources_of(&config, &around).unwrap().remove(0);
        self.state = directory.load(&Arc::new(settings), at(0)).unwrap().state;
        self.state.watch(source.id().clone(), interval, source.witness(), at(0));
        self.source = Some(source);
    }

    fn poll(&mut self, now: i64) {
        let source = self.source.as_ref().unwrap();
        let cursor = self.state.cursor_for(source.id());
        let result = source.poll(cursor.as_ref(), &Guidance::default());
        let report = PollReport { source: source.id().clone(), result, ..report(LOG, at(now), vec![]) };
        self.state.fold(&report, at(now));
    }

    /// Runs as counted, messages as counted, and records as kept.
    fn known(&self) -> (u64, u64, usize) {
        let records = self.state.timeline.records().get(&Witness::EventLog).map_or(0, Vec::len);
        (self.state.totals.runs, self.state.totals.messages.values().sum(), records)
    }
}

#[test]
fn a_log_that_is_found_at_another_path_goes_on() {
    let mut world = World::new();
    let mut log = EventLogWriter::new();
    write_run(&mut log, 0);
    world.write("a", &log);
    world.restart("a");
    world.poll(100);
    assert_eq!(world.known(), (1, 4, 4));
    world.restart("b");
    world.poll(150);
    assert_eq!(world.known(), (1, 4, 4), "it is not there yet");
    world.write("b", &log);
    world.poll(200);
    assert_eq!(world.known(), (1, 4, 4));
    write_run(&mut log, 1000);
    world.write("b", &log);
    world.poll(1100);
    assert_eq!(world.known(), (2, 8, 8));
}

#[test]
fn a_log_whose_cursor_was_lost_is_read_again_and_counted_once() {
    let mut world = World::new();
    let mut log = EventLogWriter::new();
    for number in 1..5 {
        write_run(&mut log, i64::from(number) * 1000);
        world.write("a", &log);
        world.state.cursors.clear();
        world.restart("a");
        for _ in 0..2 {
            world.poll(i64::from(number) * 1000 + 100);
            let runs = number.try_into().unwrap();
            assert_eq!(world.known(), (runs, 4 * runs, 4 * usize::try_from(number).unwrap()));
        }
    }
}

#[test]
fn of_another_log_all_is_read_and_what_is_known_is_refused() {
    let mut world = World::new();
    let mut log = EventLogWriter::new();
    [0, 1000].into_iter().for_each(|start| write_run(&mut log, start));
    world.write("a", &log);
    world.restart("a");
    world.poll(1100);
    assert_eq!(world.known(), (2, 8, 8));
    // A clear log: what it held is known all the same, and what it holds is new. The gap stands between them.
    log.clear();
    write_run(&mut log, 2000);
    world.write("a", &log);
    world.poll(2100);
    assert_eq!((world.known().0, world.known().1), (3, 12));
    // Another one, as a machine that was recovered has it: with an old run, the newest one and one more.
    let mut other = EventLogWriter::new().first_id(77);
    [1000, 2000, 3000].into_iter().for_each(|start| write_run(&mut other, start));
    world.write("a", &other);
    world.poll(3100);
    assert_eq!((world.known().0, world.known().1), (4, 16));
    world.restart("a");
    world.poll(3200);
    assert_eq!((world.known().0, world.known().1), (4, 16));
}

/// A part of a reading that gives its records from `since` on.
fn part(since: u64, records: Vec<Record>, reach: Reach) -> PollReport {
    let next = records.last().map_or(since, |record| record.position + 1);
    let last = serde_json::json!({ "chunk": 0, "id": next, "written": 0, "checksum": 0 });
    let cursor =
        serde_json::json!({ "event_log": { "last": last, "next": next, "since": since, "heard": true } });
    let cursor = serde_json::from_value(cursor).unwrap();
    let facts = vec![Fact::Records(Witness::EventLog, records)];
    PollReport { result: Ok(Poll { facts, cursor, reach }), ..report(SourceKind::EventLog, at(500), vec![]) }
}

#[test]
fn a_crash_in_the_middle_of_reading_again_counts_nothing_twice() {
    let all = records("500@0 5055@1 5035@60 501@61 500@100 5055@101 5035@160 501@161");
    let from = |since: u64, range: std::ops::Range<usize>| -> Vec<Record> {
        let moved = |record: &Record| Record { position: since + record.position, ..record.clone() };
        all[range].iter().map(moved).collect()
    };
    let place = tempfile::tempdir().unwrap();
    let mut state = state();
    state.fold(&part(0, from(0, 0..6), Reach::CaughtUp), at(500));
    state.cursors.clear();
    // All was read before but for the last two messages, of which one comes before the crash.
    state.fold(&part(6, from(6, 0..4), Reach::More), at(500));
    state.fold(&part(6, from(6, 4..7), Reach::More), at(500));
    assert_eq!(state.cursors.len(), 0);
    let directory = StateDirectory::open(place.path()).unwrap();
    directory.save(&state, 1).unwrap();
    let mut state = directory.load(&state.settings, at(500)).unwrap().state;
    let id = SourceId { kind: SourceKind::EventLog, location: String::new() };
    state.watch(id.clone(), Duration::from_secs(30), Some(Witness::EventLog), at(500));
    let cursor = serde_json::to_value(state.cursor_for(&id)).unwrap();
    assert_eq!((&cursor["event_log"]["next"], &cursor["event_log"]["since"]), (&13.into(), &13.into()));
    state.fold(&part(13, from(13, 0..5), Reach::More), at(500));
    state.fold(&part(13, from(13, 5..8), Reach::CaughtUp), at(500));
    assert_eq!(state.timeline.records()[&Witness::EventLog].len(), 8);
    assert_eq!((state.totals.runs, state.totals.messages.values().sum::<u64>()), (2, 8));
    assert_eq!(state.cursors.len(), 1);
}

#[test]
fn of_messages_that_are_alike_each_stands_for_one_that_is_read_again() {
    let twins = || vec![body("-5060", 9), body("-5060", 9)];
    let numbered = |from: u64, bodies: Vec<RecordBody>| -> Vec<Record> {
        (from..).zip(bodies).map(|(position, body)| Record { position, body }).collect()
    };
    for known in 0..=2 {
        let mut timeline = Timeline::default();
        timeline.insert(Witness::EventLog, numbered(0, twins()[..known].to_vec()));
        // In one part, or in two, of which the first is not known to the second.
        for since in [10, 20] {
            let again = numbered(since, twins());
            let mut timeline = timeline.clone();
            timeline.insert_again(Witness::EventLog, again.clone(), since);
            assert_eq!(timeline.records()[&Witness::EventLog].len(), 2, "{known} in one part");
        }
        if known == 0 {
            let again = numbered(10, twins());
            timeline.insert_again(Witness::EventLog, again[..1].to_vec(), 10);
            timeline.insert_again(Witness::EventLog, again[1..].to_vec(), 10);
            assert_eq!(
                timeline.records()[&Witness::EventLog].len(),
                2,
                "what stands at `since` is not known"
            );
        }
    }
}

/// What a poll of these sources tells: a script, or silence where there is none.
fn told(state: &mut SiteState, kind: SourceKind, script: Option<&str>, now: i64) {
    let witness = kind.witness().unwrap();
    let facts = match script {
        Some(script) => vec![
            Fact::Coverage { witness, oldest: Some(at(0)), newest: None, gap: false },
            Fact::Records(witness, records(script)),
        ],
        None => vec![Fact::Silent(witness)],
    };
    state.fold(&report(kind, at(now), facts), at(now));
}

fn watching(kinds: &[SourceKind]) -> SiteState {
    let mut state = SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), at(0));
    for kind in kinds {
        let id = SourceId { kind: *kind, location: String::new() };
        state.watch(id, Duration::from_secs(5), kind.witness(), at(0));
    }
    state
}

const FAILED: &str = "500@0 5055@1 -5060@9 501@10";

#[test]
fn who_was_never_heard_is_not_waited_for_and_once_heard_adds_nothing_that_was_told() {
    let mut state = watching(&[LOG, SourceKind::EventLog]);
    told(&mut state, LOG, Some(FAILED), 11);
    assert!(!state.knows_events(), "the event log may bring more history");
    told(&mut state, SourceKind::EventLog, None, 11);
    assert!(state.knows_events());
    assert_eq!(state.coverage.keys().collect::<Vec<_>>(), [&Witness::Log]);
    told(&mut state, LOG, Some(""), 131);
    assert_eq!(
        (state.totals.runs_failed, state.witnesses().count()),
        (1, 1),
        "the silent one was not asked since"
    );
    let before = state.totals.clone();
    told(&mut state, SourceKind::EventLog, Some(FAILED), 200);
    assert_eq!((&state.totals, state.contradictions.len()), (&before, 0));
    assert!(state.knows_events());
    assert_eq!(state.coverage[&Witness::EventLog], Coverage { since: at(0), until: Some(at(200)) });
    // From now on it is asked.
    let failed_again = format!("{FAILED} 500@300 5055@301 -5060@309 501@310");
    told(&mut state, LOG, Some(&failed_again), 311);
    told(&mut state, LOG, Some(""), 450);
    assert_eq!(state.totals.runs_failed, 1);
    told(&mut state, SourceKind::EventLog, Some(&failed_again), 450);
    assert_eq!((state.totals.runs_failed, state.totals.errors), (2, 2));
}

#[test]
fn an_event_log_alone_knows_nothing_until_it_is_heard() {
    let mut state = watching(&[SourceKind::EventLog]);
    told(&mut state, SourceKind::EventLog, None, 5);
    assert!(!state.knows_events() && state.coverage.is_empty());
    told(&mut state, SourceKind::EventLog, Some(FAILED), 131);
    assert!(state.knows_events());
    assert_eq!((state.totals.runs_failed, state.totals.errors), (1, 1));
}

#[test]
fn without_a_log_the_database_tells_while_the_event_log_is_silent() {
    let mut state = watching(&[SourceKind::EventLog, SourceKind::Database]);
    told(&mut state, SourceKind::EventLog, None, 5);
    assert!(!state.knows_events(), "the database has not told yet");
    told(&mut state, SourceKind::Database, Some(FAILED), 131);
    assert!(state.knows_events());
    let before = state.totals.clone();
    assert_eq!((before.runs_failed, before.errors), (1, 1));
    // Ten minutes later, as it may write them.
    told(&mut state, SourceKind::EventLog, Some("500@600 5055@601 -5060@609 501@610"), 700);
    assert_eq!(state.totals, before);
    assert_eq!(state.runs.len(), 1);
}

#[test]
fn a_copy_that_is_not_renewed_tells_of_the_hour_after_its_newest_record_only() {
    let mut state = watching(&[SourceKind::EventLog]);
    let witness = Witness::EventLog;
    for (now, until, is_current) in [(500, 500, true), (3_700, 3_700, true), (90_000, 3_710, false)] {
        let newest = Some(at(110));
        let facts = vec![Fact::Coverage { witness, oldest: Some(at(0)), newest, gap: false }];
        state.fold(&report(SourceKind::EventLog, at(now), facts), at(now));
        assert_eq!(state.coverage[&witness].until, Some(at(until)), "{now}");
        let quiet = crate::assessment::guidance(&state, at(now)).quiet;
        let source = state.sources.values().next().unwrap();
        assert_eq!((source.is_current, source.caught_up), (is_current, true), "{now}");
        // A backup that nobody would hear of must find its destination free.
        let unheard = quiet.is_some();
        assert_eq!(unheard, !is_current, "{now}: {quiet:?}");
    }
}

#[test]
fn history_that_takes_several_polls_is_known_when_all_of_it_is() {
    let mut state = watching(&[LOG, SourceKind::EventLog]);
    told(&mut state, LOG, Some(FAILED), 11);
    for (script, reach, is_known) in
        [("500@-900 501@-890", Reach::More, false), ("500@-800 501@-790", Reach::CaughtUp, true)]
    {
        let witness = Witness::EventLog;
        let facts = vec![
            Fact::Coverage { witness, oldest: Some(at(-900)), newest: None, gap: false },
            Fact::Records(witness, records(script)),
        ];
        let mut report = report(SourceKind::EventLog, at(20), facts);
        report.result.as_mut().unwrap().reach = reach;
        state.fold(&report, at(20));
        assert_eq!(state.knows_events(), is_known);
    }
}
