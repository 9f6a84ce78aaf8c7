//! An exporter that watches the simulated site: the real log source, fold, checkpoint, assessment, guidance, policy of
//! restarts and encoder. What other sources would tell are facts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use configmgr_backup_exporter::assessment::guidance;
use configmgr_backup_exporter::config::{SiteSettings, SnapshotRoot};
use configmgr_backup_exporter::metrics::{Format, encode};
use configmgr_backup_exporter::remediation::{Ledger, standing};
use configmgr_backup_exporter::site::{AttemptOutcome, Decision, FailureCause, RestartStanding, Timestamp};
use configmgr_backup_exporter::snapshot::{Finding, Verification};
use configmgr_backup_exporter::source::backup_log::BackupLog;
use configmgr_backup_exporter::source::{
    BlockingSource, Cursor, Fact, FailureKind, Guidance, Poll, PollFailure, PollReport, Reach, SourceId,
    SourceKind,
};
use configmgr_backup_exporter::state::checkpoint::StateDirectory;
use configmgr_backup_exporter::state::{Published, SiteState};
use configmgr_backup_exporter::trace::{Phrases, UserPatterns};

use super::recording::Recording;
use super::simulated_site::{Damage, Site};

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
    /// Whether it cannot read the destination, though the archives.
    pub(super) lacks_destination: bool,
    /// Up to when it has read status messages in the database.
    heard: Timestamp,
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
            lacks_destination: false,
            heard: Timestamp::UNIX_EPOCH,
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
    pub(super) fn forget(&mut self) {
        self.heard = Timestamp::UNIX_EPOCH;
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
        let fails = self.fails.contains(&source.kind)
            || (self.lacks_destination && source.location == self.destination().location);
        let result = if fails { Err(failure()) } else { polled };
        let (site, started) = (state.settings.code, now);
        state.fold(&PollReport { site, source, started, duration: Duration::from_millis(1), result }, now);
    }

    fn poll_the_rest(&mut self, state: &mut SiteState, site: &Site, now: Timestamp) {
        if self.asks_database {
            let answers = site.database(self.heard, now);
            self.fold(state, self.source(SourceKind::Database, "SQL01"), now, all(answers));
            if !self.fails.contains(&SourceKind::Database) {
                self.heard = now;
            }
        }
        let Guidance { quiet, .. } = guidance(state, now);
        let unless_quiet = |facts: Vec<Fact>| match quiet {
            None => all(facts),
            // It succeeds and tells nothing.
            Some(_) => Ok(Poll { facts: Vec::new(), cursor: Cursor::Anew, reach: Reach::Unsettled }),
        };
        let survey = Fact::Survey(SnapshotRoot::Site, site.survey(now));
        let place = Fact::Place(SnapshotRoot::Site.to_string(), site.place());
        self.fold(state, self.destination(), now, unless_quiet(vec![survey, place]));
        if let Some(archive) = self.archive() {
            let found = Fact::Archives("nas".to_owned(), site.archives(now));
            self.fold(state, archive, now, unless_quiet(vec![found]));
        }
        let verified = guidance(state, now).verify.into_iter().map(|order| {
            let mut pass = Verification::new(order.folder, order.run, now);
            pass.finished = Some(now);
            match site.damaged(now) {
                Some(Damage::Page) => {
                    let finding = Finding::damaged("SiteDBServer/CM_P01.mdf", "a checksum", "another");
                    pass.find(finding.at_page(77));
                }
                Some(Damage::Replaced) => pass.changed = 1,
                Some(Damage::WithoutMedia) => pass.missing = 1,
                None => {}
            }
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
        recording.scrape(&target, &text, step);
    }
}

fn all(facts: Vec<Fact>) -> Polled {
    Ok(Poll { facts, cursor: Cursor::Anew, reach: Reach::CaughtUp })
}
