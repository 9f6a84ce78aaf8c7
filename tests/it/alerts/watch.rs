//! An exporter that watches the simulated site: the real log source, fold, checkpoint, assessment, guidance, policy of
//! restarts and encoder.
//!
//! What is recorded are the series that the shipped rules read, on a clock that begins at 0 as promtool's does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DurationRound, TimeDelta};
use configmgr_backup_exporter::assessment::guidance;
use configmgr_backup_exporter::config::{SiteSettings, SnapshotRoot};
use configmgr_backup_exporter::metrics::{Format, encode};
use configmgr_backup_exporter::remediation::{Ledger, standing};
use configmgr_backup_exporter::site::{AttemptOutcome, Decision, FailureCause, RestartStanding, Timestamp};
use configmgr_backup_exporter::snapshot::Verification;
use configmgr_backup_exporter::source::backup_log::BackupLog;
use configmgr_backup_exporter::source::{
    BlockingSource, Cursor, DatabaseFact, Fact, FailureKind, Guidance, Poll, PollFailure, PollReport, Reach,
    SourceId, SourceKind,
};
use configmgr_backup_exporter::state::checkpoint::StateDirectory;
use configmgr_backup_exporter::state::{Published, SiteState};
use configmgr_backup_exporter::trace::{Phrases, UserPatterns};

use super::rules::rules;
use super::simulation::Site;
use crate::support::{copies, database};

/// Each series with its values, step by step.
pub(super) type Series = BTreeMap<String, Vec<Option<String>>>;

/// Minutes between two polls of what is not polled at each step.
const SLOW: i64 = 5;

type Polled = Result<Poll<Cursor>, PollFailure>;

/// The exporter on one site server.
pub(super) struct Exporter {
    server: &'static str,
    settings: Arc<SiteSettings>,
    log: BackupLog,
    asks_database: bool,
    directory: PathBuf,
    lock: StateDirectory,
    ledger: Option<Ledger>,
    /// Whether it has just been started, and whether what takes longer than the log has not been polled since.
    is_new: bool,
    owes: bool,
    /// What it cannot read.
    pub(super) fails: BTreeSet<SourceKind>,
    /// What it knows while it runs.
    state: Option<SiteState>,
}

impl Exporter {
    /// One that has never run, beside the log of its server.
    pub(super) fn new(
        site: &Site,
        server: &'static str,
        settings: &SiteSettings,
        asks_database: bool,
        folder: &Path,
    ) -> Self {
        let directory = folder.join(format!("{server}-state"));
        let phrases = Phrases::new(UserPatterns::default()).unwrap();
        let log = BackupLog::new(settings.code, site.log(server), Duration::from_secs(5), phrases);
        let lock = StateDirectory::open(&directory).unwrap();
        let settings = Arc::new(settings.clone());
        Self {
            server,
            settings,
            log,
            asks_database,
            directory,
            lock,
            ledger: None,
            is_new: false,
            owes: false,
            fails: BTreeSet::new(),
            state: None,
        }
    }

    /// Starts it with what its checkpoint tells.
    pub(super) fn start(&mut self, now: Timestamp) {
        let mut state = self.lock.load(&self.settings, now).unwrap().state;
        for (source, interval) in self.sources() {
            let witness = source.kind.witness();
            state.watch(source, Duration::from_secs(interval), witness, now);
        }
        self.ledger.get_or_insert_with(|| Ledger::new(now));
        self.state = Some(state);
        self.is_new = true;
    }

    /// Stops it, with a checkpoint.
    pub(super) fn stop(&mut self) {
        if let Some(state) = self.state.take() {
            self.lock.save(&state, 1).unwrap();
        }
    }

    /// Loses the checkpoint.
    pub(super) fn forget(&self) {
        fs::remove_file(self.directory.join(format!("{}.checkpoint.json", self.settings.code))).unwrap();
    }

    fn source(&self, kind: SourceKind, location: &str) -> SourceId {
        SourceId { kind, location: location.to_owned() }
    }

    fn destination(&self) -> SourceId {
        let config = self.settings.snapshot.as_ref().unwrap();
        self.source(SourceKind::Snapshot, &config.folders(self.settings.code)[0].1)
    }

    fn archive(&self) -> Option<SourceId> {
        let archive = self.settings.snapshot.as_ref()?.archives.first()?;
        Some(self.source(SourceKind::Snapshot, &archive.pattern.display().to_string()))
    }

    /// Every source, with the seconds between its polls.
    fn sources(&self) -> Vec<(SourceId, u64)> {
        let verification = SourceId { kind: SourceKind::Verification, ..self.destination() };
        let mut sources = vec![
            (self.log.source_id().clone(), 5),
            (self.source(SourceKind::Services, self.server), 30),
            (self.destination(), 300),
            (verification, 300),
        ];
        sources.extend(self.archive().map(|archive| (archive, 300)));
        if self.asks_database {
            sources.push((self.source(SourceKind::Database, "SQL01"), 300));
        }
        sources
    }

    /// Polls everything and decides; whether it starts a backup.
    pub(super) fn step(&mut self, site: &Site, minute: i64, now: Timestamp) -> bool {
        let Some(mut state) = self.state.take() else { return false };
        let services = Fact::Services(site.services(self.server, now));
        self.fold(&mut state, self.source(SourceKind::Services, self.server), now, all(vec![services]));
        let cursor = state.cursors.get(self.log.source_id()).cloned();
        let polled = self.log.poll(cursor.as_ref(), &Guidance::default());
        self.fold(&mut state, self.log.source_id().clone(), now, polled);
        // The first walk takes a while, so that there is a scrape before it.
        if self.is_new {
            self.owes = true;
        } else if minute % SLOW == 0 || self.owes {
            self.poll_the_rest(&mut state, site, now);
            self.owes = false;
        }
        self.is_new = false;
        let restarts = self.decide(&mut state, now);
        self.state = Some(state);
        restarts
    }

    fn fold(&self, state: &mut SiteState, source: SourceId, now: Timestamp, polled: Polled) {
        let failure = || PollFailure { kind: FailureKind::Unreachable, message: "simulated".to_owned() };
        let result = if self.fails.contains(&source.kind) { Err(failure()) } else { polled };
        let (site, started) = (state.settings.code, now);
        state.fold(&PollReport { site, source, started, duration: Duration::from_millis(1), result }, now);
    }

    fn poll_the_rest(&self, state: &mut SiteState, site: &Site, now: Timestamp) {
        if self.asks_database {
            let mut answers = database::everything(now);
            for answer in &mut answers {
                // It is asked once an hour.
                if let Fact::Database(DatabaseFact::OldestCommit(Some(oldest))) = answer {
                    *oldest = oldest.duration_trunc(TimeDelta::hours(1)).unwrap();
                }
            }
            // A site that works, and no update.
            answers.push(Fact::Database(DatabaseFact::SiteStatus(Some(125))));
            answers.push(Fact::Database(DatabaseFact::UpdateInstalls(false)));
            self.fold(state, self.source(SourceKind::Database, "SQL01"), now, all(answers));
        }
        let Guidance { quiet, .. } = guidance(state, now);
        let unless_quiet = |facts: Vec<Fact>| match quiet {
            None => all(facts),
            // It succeeds and tells nothing.
            Some(_) => Ok(Poll { facts: Vec::new(), cursor: Cursor::Anew, reach: Reach::Unsettled }),
        };
        let survey = Fact::Survey(SnapshotRoot::Site, site.survey(now));
        let place = Fact::Place(SnapshotRoot::Site.to_string(), copies::place(copies::DESTINATION));
        self.fold(state, self.destination(), now, unless_quiet(vec![survey, place]));
        if let Some(archive) = self.archive() {
            let found = Fact::Archives("nas".to_owned(), site.archives(now));
            self.fold(state, archive, now, unless_quiet(vec![found]));
        }
        let verified = guidance(state, now).verify.into_iter().map(|order| {
            let mut pass = Verification::new(order.folder, order.run, now);
            pass.finished = Some(now);
            Fact::Verification(pass)
        });
        let verified = all(verified.collect());
        self.fold(state, SourceId { kind: SourceKind::Verification, ..self.destination() }, now, verified);
    }

    /// Decides as the remediation task does, and starts a backup if it would.
    fn decide(&mut self, state: &mut SiteState, now: Timestamp) -> bool {
        let Some(ledger) = &mut self.ledger else { return false };
        if state.knows_all() {
            ledger.judge(&state.runs);
        }
        let plan = match standing(state, Some(ledger), Some(ledger), now) {
            RestartStanding { decision: Decision::Restart(plan), run: Some(run), .. } => {
                ledger.begin(run, FailureCause::Unknown, plan, now);
                ledger.finish(AttemptOutcome::Started, None, now);
                Some(plan)
            }
            _ => None,
        };
        state.stands(standing(state, Some(ledger), Some(ledger), now));
        plan.is_some()
    }

    /// Adds what a scrape brings; nothing but `up` while it does not run.
    pub(super) fn scrape(&self, recording: &mut Recording, step: usize, now: Timestamp) {
        let target =
            format!("instance=\"{}:10052\",job=\"configmgr_backup\"", self.server.to_ascii_lowercase());
        let is_up = u8::from(self.state.is_some()).to_string();
        recording.add(format!("up{{{target}}}"), step, is_up);
        let Some(state) = &self.state else { return };
        let sites = BTreeMap::from([(state.settings.code, Arc::new(state.clone()))]);
        let text = encode(&Published { sites, ..Published::default() }, None, now, Format::Text);
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap();
            if recording.is_read(name, labels) {
                let value = if name.ends_with("_timestamp_seconds") {
                    recording.since(value)
                } else {
                    value.to_owned()
                };
                recording.add(format!("{name}{{{target},{labels}"), step, value);
            }
        }
    }
}

fn all(facts: Vec<Fact>) -> Polled {
    Ok(Poll { facts, cursor: Cursor::Anew, reach: Reach::CaughtUp })
}

/// What scrapes brought.
pub(super) struct Recording {
    start: Timestamp,
    /// The metrics that the rules read, and of one of them only these checks.
    metrics: BTreeSet<String>,
    checks: BTreeSet<String>,
    /// The series, each up to its last step.
    pub(super) series: Series,
}

impl Recording {
    /// One that begins now, of the metrics that the rules read.
    pub(super) fn new(start: Timestamp) -> Self {
        let (metrics, checks) =
            rules().iter().map(|rule| (rule.metrics(), rule.checks())).unzip::<_, _, Vec<_>, Vec<_>>();
        let [metrics, checks] = [metrics, checks].map(|all| all.into_iter().flatten().collect());
        Self { start, metrics, checks, series: Series::new() }
    }

    fn is_read(&self, metric: &str, labels: &str) -> bool {
        let check = labels.split_once("check=\"").and_then(|(_, check)| check.split('"').next());
        self.metrics.contains(metric) && check.is_none_or(|check| self.checks.contains(check))
    }

    fn add(&mut self, series: String, step: usize, value: String) {
        let values = self.series.entry(series).or_default();
        values.resize(step, None);
        values.push(Some(value));
    }

    /// A Unix time as seconds since the recording began.
    fn since(&self, value: &str) -> String {
        let milliseconds =
            (value.parse::<f64>().unwrap() * 1000.0).round() - self.start.timestamp_millis() as f64;
        (milliseconds / 1000.0).to_string()
    }
}
