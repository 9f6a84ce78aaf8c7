//! The simulated answers beside the simulated log, both through the real sources.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::demo::acts::{Act, acts};
use crate::demo::history::{Nights, history, write_history};
use crate::schedule::Zone;
use crate::site::{BackupOutcome, Witness};
use crate::source::backup_log::BackupLog;
use crate::source::site_database::DatabaseSource;
use crate::source::{
    BlockingSource, Cursor, Guidance, Poll, PollReport, RecordBody, Source, SourceId, database_of,
};
use crate::state::{SiteState, SourceState};
use crate::trace::{Phrases, UserPatterns};

/// Eight minutes before the right to read alerts is missing.
fn start() -> Timestamp {
    "2026-11-21T08:01:00.000123456Z".parse().unwrap()
}

/// A site that is watched through its log and its database.
struct Site {
    folder: tempfile::TempDir,
    clock: Clock,
    writer: LogWriter,
    live: LiveRuns,
    written: Timestamp,
    log: BackupLog,
    database: DatabaseSource,
    state: SiteState,
}

impl Site {
    fn new() -> Self {
        let (clock, code) = (Clock::anchored(start()), "P01".parse().unwrap());
        let (task, writer) = (BackupTask::new(code), LogWriter::new(code, "CM01.corp.example"));
        let runs = history(start(), &task, &Nights::default());
        let live = LiveRuns::new(task.clone(), start() + TimeDelta::seconds(5));
        let folder = tempfile::tempdir().unwrap();
        write_history(folder.path(), &writer, &runs).unwrap();
        let simulated = SimulatedDatabase::new(
            clock,
            &task,
            writer.clone(),
            Nights::default().window(),
            runs,
            live.clone(),
        );
        let mut settings = SiteSettings::new(code);
        (settings.database, settings.time_zone) = (Some(database_config(code)), Some(Zone::Utc));
        let database =
            database_of(&settings, &UserPatterns::default(), clock, &simulated, None).unwrap().unwrap();
        let phrases = Phrases::new(UserPatterns::default()).unwrap();
        let log = BackupLog::new(code, folder.path().join("smsbkup.log"), Duration::from_secs(1), phrases);
        let mut state = SiteState::new(Arc::new(settings), start());
        for (id, witness) in [(log.id(), Witness::Log), (database.id(), Witness::StatusMessages)] {
            state.watch(id.clone(), Duration::from_secs(1), Some(witness), start());
        }
        Self { folder, clock, writer, live, written: start(), log, database, state }
    }

    /// Lets time pass, writes the log as far as that, and asks both.
    async fn poll_after(&mut self, time: TimeDelta) {
        tokio::time::advance(time.to_std().unwrap()).await;
        let now = self.clock.now();
        append(self.folder.path(), &self.live, &self.writer, self.written, now);
        self.written = now;
        let cursor = self.state.cursor_for(self.log.id());
        let told = self.log.poll(cursor.as_ref(), &Guidance::default());
        self.fold(self.log.id().clone(), told.unwrap());
        let answers = self.database.poll(&Guidance::default()).await.unwrap();
        self.fold(self.database.id().clone(), answers);
    }

    fn fold(&mut self, source: SourceId, poll: Poll<Cursor>) {
        let (site, started) = (self.state.settings.code, self.clock.now());
        let report = PollReport { site, source, started, duration: Duration::ZERO, result: Ok(poll) };
        self.state.fold(&report, started);
    }

    /// How many status messages each witness told.
    fn told(&self, witness: Witness) -> usize {
        let is_message = |body: &RecordBody| matches!(body, RecordBody::Status(_));
        self.state.timeline.records()[&witness].iter().filter(|record| is_message(&record.body)).count()
    }

    fn last_record(&self) -> i64 {
        let cursor = self.state.cursor_for(self.database.id());
        let Some(Cursor::Database(cursor)) = cursor else { panic!("{cursor:?}") };
        cursor.last.unwrap().record
    }

    /// Every message was told by both, and counts once.
    fn assert_paired(&self) {
        let messages = self.told(Witness::Log);
        assert_eq!(self.told(Witness::StatusMessages), messages);
        let events = self.state.timeline.events(&self.state.settings.timings);
        let both: Vec<_> =
            events.iter().filter(|event| matches!(event.body, RecordBody::Status(_))).collect();
        assert_eq!(both.len(), messages);
        assert!(both.iter().all(|event| event.sightings.len() == 2));
        assert_eq!(self.state.contradictions.len(), 0);
    }
}

fn append(folder: &Path, live: &LiveRuns, writer: &LogWriter, from: Timestamp, until: Timestamp) {
    let mut log = OpenOptions::new().append(true).open(folder.join("smsbkup.log")).unwrap();
    let runs = (0..).map_while(|number| live.run(number, until));
    for (time, act) in runs.flat_map(|run| acts(&run, writer)).take_while(|(time, _)| *time <= until) {
        if let Act::Line(line) = act
            && time > from
        {
            log.write_all(line.as_bytes()).unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_and_the_database_tell_of_the_same_runs() {
    let mut site = Site::new();
    site.poll_after(TimeDelta::zero()).await;
    site.assert_paired();
    let (runs, record, messages) =
        (site.state.runs.len(), site.last_record(), site.told(Witness::StatusMessages));
    assert_eq!(runs, 29);
    // The third time within a run.
    for (seconds, more_runs) in [(60, 1), (60, 2), (15, 3), (60 * 4, 7)] {
        site.poll_after(TimeDelta::seconds(seconds)).await;
        site.assert_paired();
        assert_eq!(site.state.runs.len(), runs + more_runs);
    }
    let more = site.told(Witness::StatusMessages) - messages;
    assert_eq!(site.last_record(), record + i64::try_from(more).unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_answers_fit_the_runs() {
    let mut site = Site::new();
    // Until the sixth live run has failed.
    site.poll_after(TimeDelta::seconds(5 * 60 + 40)).await;
    let (state, database) = (&site.state, &site.state.database);
    assert_eq!(database.unread, []);
    assert_eq!(state.role(), Some(SiteRole::Hierarchy));
    assert_eq!(state.schedule.as_ref().unwrap().schedule.to_string(), "daily 02:00-05:00 utc");
    assert_eq!(state.retention(), Some(DEFAULT_RETENTION));
    let last = state.runs.last().unwrap();
    assert!(matches!(last.outcome(), Some(BackupOutcome::Failed(_))), "{last:?}");
    let alert = state.observed(&database.alert).unwrap().as_ref().unwrap();
    assert_eq!((alert.active, alert.bad), (true, Some(true)));
    let status = state.observed(&database.task_status).unwrap().as_ref().unwrap();
    assert_eq!(status.last_start, Some(last.first.naive_utc()));
    let oldest = state.observed(&database.oldest_commit).unwrap().unwrap();
    let age = site.clock.now() - oldest;
    assert!(age >= TimeDelta::days(5) && age < TimeDelta::days(5) + CLEANUP, "{age}");
    // One backup for each success, newest first, and each while its run copied.
    let sets = &database.backup_sets[SERVER];
    let successes: Vec<_> = state.runs.iter().rev().filter(|run| run.succeeded.is_some()).collect();
    assert_eq!(sets.len(), BACKUP_SETS);
    for (set, run) in sets.iter().zip(successes) {
        assert!(run.first < set.started && set.started < set.finished && Some(set.finished) < run.succeeded);
    }
    // What a restart began is told like any other run.
    assert!(site.live.start(site.clock.now()));
    site.poll_after(TimeDelta::seconds(25)).await;
    site.assert_paired();
    let alert = site.state.observed(&site.state.database.alert).unwrap().as_ref().unwrap();
    assert_eq!((alert.active, alert.bad), (false, Some(false)));
}

#[tokio::test(start_paused = true)]
async fn a_right_is_missing_for_a_minute_and_the_rest_is_answered() {
    let mut site = Site::new();
    site.poll_after(TimeDelta::zero()).await;
    for (minutes, kinds) in [(8, vec![FailureKind::Permission]), (1, vec![])] {
        site.poll_after(TimeDelta::minutes(minutes)).await;
        let unread = &site.state.database.unread;
        assert_eq!(unread.iter().map(|unread| unread.failure.kind).collect::<Vec<_>>(), kinds);
        assert!(site.state.sources.values().all(SourceState::up));
        assert!(site.state.observed(&site.state.database.alert).is_some(), "what was known stays");
        site.assert_paired();
    }
}

#[tokio::test(start_paused = true)]
async fn old_messages_go_and_the_numbers_grow_on() {
    let site = Site::new();
    let task = BackupTask::new("P01".parse().unwrap());
    let live = site.live.clone();
    let mut database =
        SimulatedDatabase::new(site.clock, &task, site.writer, Nights::default().window(), Vec::new(), live);
    let mut last = None;
    for day in 0..5 {
        let Answer::StatusMessages(all) = database.ask(Question::StatusMessages(Depth::All)).await.unwrap()
        else {
            panic!("another answer");
        };
        assert_eq!(all.is_empty(), day == 0);
        assert!(all.is_sorted_by(|(a, first), (b, second)| a < b && first.time <= second.time));
        assert!(all.len() <= KEPT);
        let newest = database.ask(Question::NewestRecord).await.unwrap();
        assert_eq!(newest, Answer::NewestRecord(all.last().map(|(record, _)| *record)));
        assert!(day == 0 || all.last().map(|(record, _)| *record) > last);
        last = all.last().map(|(record, _)| *record);
        tokio::time::advance(Duration::from_secs(86_400)).await;
    }
}
