//! The destination's own log as a witness: at another place, read once more, kept from being read.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::clock::Clock;
use crate::config::{SiteConfig, SnapshotConfig, VerifyConfig};
use crate::demo::writer::{BackupTask, LogWriter};
use crate::state::checkpoint::StateDirectory;

/// An exporter that reads only a destination, as often restarted as need be.
struct World {
    place: tempfile::TempDir,
    state: SiteState,
    sources: Vec<(Box<dyn BlockingSource>, Option<Cursor>)>,
}

fn day(number: i64) -> Timestamp {
    at(number * 86_400)
}

/// The log that the run of a day leaves.
fn log(number: i64) -> String {
    let site = "P01".parse().unwrap();
    BackupTask::new(site).success().text(&LogWriter::new(site, "CM01.corp.example"), day(number))
}

impl World {
    fn new() -> Self {
        let state = SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), day(0));
        Self { place: tempfile::tempdir().unwrap(), state, sources: Vec::new() }
    }

    fn destination(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Writes the destination's log, which is all that lies there.
    fn write(&self, name: &str, text: &str) {
        let folder = self.destination(name).join("P01Backup");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("smsbkup.log"), text).unwrap();
    }

    /// Saves, and begins anew with another destination.
    fn restart(&mut self, destination: &str) {
        let mut settings = SiteSettings::new("P01".parse().unwrap());
        settings.snapshot = Some(SnapshotConfig {
            path: self.destination(destination),
            database_path: None,
            control_file: None,
            archives: Vec::new(),
            verify: VerifyConfig { pages: false, ..VerifyConfig::default() },
            interval: Duration::from_secs(300),
            installation: None,
        });
        let directory = StateDirectory::open(&self.place.path().join("state")).unwrap();
        directory.save(&self.state, 1).unwrap();
        let around = Surroundings { clock: Clock::System, state_path: Path::new("/nowhere"), account: "me" };
        let sources = sources_of(&SiteConfig::of(settings.clone()), &around).unwrap();
        self.state = directory.load(&Arc::new(settings), day(0)).unwrap().state;
        self.sources.clear();
        for source in sources {
            self.state.watch(source.id().clone(), source.interval(), source.witness(), day(0));
            let cursor = self.state.cursor_for(source.id());
            self.sources.push((source, cursor));
        }
    }

    /// Polls every source until it has read what there is; the last one first.
    fn poll(&mut self, now: Timestamp, guidance: &Guidance) {
        for (source, cursor) in self.sources.iter_mut().rev() {
            loop {
                let result = source.poll(cursor.as_ref(), guidance);
                if let Ok(poll) = &result {
                    *cursor = Some(poll.cursor.clone());
                }
                let more = matches!(&result, Ok(Poll { reach: Reach::More | Reach::MoreAfter(_), .. }));
                let (site, source, duration) =
                    (self.state.settings.code, source.id().clone(), Duration::ZERO);
                self.state.fold(&PollReport { site, source, started: now, duration, result }, now);
                if !more {
                    break;
                }
            }
        }
    }

    /// Reads the log in a destination after the run of a day.
    fn read(&mut self, number: i64) {
        self.poll(day(number) + TimeDelta::hours(12), &Guidance::default());
    }

    /// Successful runs as counted, their 5035 as counted, and the day of the newest.
    fn known(&self) -> (u64, u64, Option<i64>) {
        let messages = self.state.totals.messages.get(&Some(MessageId::COMPLETED));
        let last = self.state.runs.iter().filter_map(|run| run.succeeded).max();
        let last = last.map(|success| (success - at(0)).num_days());
        assert_eq!(self.state.totals.runs_failed, 0);
        (self.state.totals.runs, messages.copied().unwrap_or_default(), last)
    }
}

#[test]
fn a_destination_at_another_path_goes_on_telling() {
    let mut world = World::new();
    world.restart("a");
    world.write("a", &log(1));
    world.read(1);
    assert_eq!(world.known(), (1, 1, Some(1)));
    // The other disk is not there yet, while other sources already say something.
    world.restart("b");
    world.poll(day(1) + TimeDelta::hours(13), &Guidance { quiet: Some(Quiet::RunDue), verify: vec![] });
    world.read(1);
    world.restart("b");
    world.write("b", &log(1));
    world.read(1);
    assert_eq!(world.known(), (1, 1, Some(1)), "the same log at another place");
    world.write("b", &log(2));
    world.read(2);
    assert_eq!(world.known(), (2, 2, Some(2)));
    world.restart("a");
    world.write("a", &log(3));
    world.read(3);
    assert_eq!(world.known(), (3, 3, Some(3)));
}

#[test]
fn a_log_whose_cursor_was_lost_is_read_again_and_counted_once() {
    let mut world = World::new();
    world.restart("a");
    for number in 1..4 {
        world.write("a", &log(number));
        world.read(number);
    }
    for number in 3..6 {
        world.state.cursors.clear();
        world.restart("a");
        world.poll(day(number), &Guidance { quiet: Some(Quiet::RunDue), verify: vec![] });
        world.write("a", &log(number));
        world.read(number);
        let count = u64::try_from(number).unwrap();
        assert_eq!(world.known(), (count, count, Some(number)));
        world.read(number);
        assert_eq!(world.known().0, count);
    }
}

#[test]
fn a_cursor_whose_positions_began_anew_is_not_deaf() {
    let mut world = World::new();
    world.restart("a");
    world.write("a", &log(1));
    world.read(1);
    let behind = serde_json::json!({ "log": { "next": 1 } });
    let id = world.sources[0].0.id().clone();
    world.state.cursors.insert(id, serde_json::from_value(behind).unwrap());
    world.restart("a");
    world.write("a", &log(2));
    world.read(2);
    assert_eq!(world.known(), (2, 2, Some(2)));
}

/// Only what is read again is kept back, or a long log would be read from its beginning after every crash.
#[test]
fn where_a_long_log_is_being_read_for_the_first_time_is_kept() {
    let mut state = state();
    let mut first = report(LOG, at(100), vec![Fact::Records(Witness::Log, records("500@0 5055@1"))]);
    if let Ok(poll) = &mut first.result {
        poll.reach = Reach::More;
    }
    state.fold(&first, at(100));
    assert_eq!(state.cursors.len(), 1);
    // With nothing read of any file it would be read again.
    state.cursors.clear();
    state.fold(&first, at(101));
    assert_eq!((state.cursors.len(), state.timeline.records()[&Witness::Log].len()), (0, 2));
}

#[test]
fn what_was_let_go_is_not_taken_again_from_a_log_that_is_read_again() {
    let mut timeline = Timeline::default();
    let all = records("500@0 5055@1 5035@60 501@61 500@100 5055@101 5035@160 501@161");
    timeline.insert(Witness::DestinationLog, all.clone());
    timeline.prune(4, &Timings::DEFAULT);
    let next = timeline.next_position(Witness::DestinationLog);
    assert_eq!((next, timeline.next_position(Witness::Log)), (8, 0));
    let before = timeline.clone();
    let again = all.into_iter().map(|record| Record { position: record.position + next, ..record });
    timeline.insert_again(Witness::DestinationLog, again.clone(), next);
    assert_eq!(timeline, before);
    // Nor is a message that was kept, whose reason was found since.
    let with_reason = again.clone().map(|mut record| {
        let hint = Hint { cause: FailureCause::DiskFull, strength: HintStrength::Code };
        if let RecordBody::Status(message) = &mut record.body {
            message.hint = Some(hint);
        }
        record
    });
    timeline.insert_again(Witness::DestinationLog, with_reason, next);
    assert_eq!(timeline, before);
    let new = Record { position: 16, body: body("500", 200) };
    timeline.insert_again(Witness::DestinationLog, again.chain([new]), next);
    assert_eq!(timeline.records()[&Witness::DestinationLog].len(), 5);
}

const DESTINATION: SourceKind = SourceKind::Snapshot;

/// A poll of the destination that was kept quiet, or one that walks and has not come to the log.
fn not_read(started: i64, facts: Vec<Fact>) -> PollReport {
    let mut report = report(DESTINATION, at(started), facts);
    if let Ok(poll) = &mut report.result {
        poll.reach = if poll.facts.is_empty() { Reach::Unsettled } else { Reach::More };
    }
    report
}

#[test]
fn a_failure_does_not_wait_for_a_destination_that_nobody_may_read() {
    const FAILED: &str = "500@0 5055@1 -5060@9 501@10";
    let failed = |witness, script| vec![Fact::Records(witness, records(script))];
    let walks = || vec![Fact::Lines(LineTotals::default())];
    let watched = |kinds: &[SourceKind]| {
        let mut state = SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), at(0));
        for kind in kinds {
            let id = SourceId { kind: *kind, location: String::new() };
            let witness = kind.witness().or(Some(Witness::DestinationLog));
            state.watch(id, Duration::from_secs(5), witness, at(0));
        }
        state
    };
    for (facts, counted) in [(vec![], 1), (walks(), 0)] {
        let mut state = watched(&[LOG, DESTINATION]);
        state.fold(&report(DESTINATION, at(0), vec![]), at(0));
        state.fold(&report(LOG, at(11), failed(Witness::Log, FAILED)), at(11));
        state.fold(&not_read(12, facts), at(12));
        state.fold(&report(LOG, at(129), vec![]), at(129));
        assert_eq!(state.totals.runs_failed, 0, "it has not settled");
        state.fold(&report(LOG, at(131), vec![]), at(131));
        assert_eq!(state.totals.runs_failed, counted);
        state.fold(&report(DESTINATION, at(140), vec![]), at(140));
        assert_eq!(state.totals.runs_failed, 1);
    }
    // Where it is the only witness, nobody else can tell.
    let mut state = watched(&[DESTINATION]);
    state.fold(&report(DESTINATION, at(11), failed(Witness::DestinationLog, FAILED)), at(11));
    state.fold(&not_read(500, vec![]), at(500));
    assert_eq!(state.totals.runs_failed, 0);
    // And what the next run has overwritten is final once that was read.
    let next = records(&format!("{FAILED} 500@900 5055@901"));
    state.fold(&report(DESTINATION, at(1000), vec![Fact::Records(Witness::DestinationLog, next)]), at(1000));
    assert_eq!(state.totals.runs_failed, 1);
}
