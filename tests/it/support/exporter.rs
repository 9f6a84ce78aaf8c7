//! The real way from files to metrics, without tasks and without a clock: poll, fold, encode, each at a given time.
//!
//! The files lie in a folder of their own, so that a test can write, append and roll them as ConfigMgr would.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use configmgr_backup_exporter::assessment::{Assessment, assess};
use configmgr_backup_exporter::config::SiteSettings;
use configmgr_backup_exporter::metrics::{Format, encode};
use configmgr_backup_exporter::site::Timestamp;
use configmgr_backup_exporter::source::backup_log::BackupLog;
use configmgr_backup_exporter::source::{
    BlockingSource, Cursor, Fact, Guidance, Poll, PollReport, Reach, SourceId, SourceKind, event_log,
};
use configmgr_backup_exporter::state::{Published, SiteState};
use configmgr_backup_exporter::trace::{Phrases, UserPatterns};
use tempfile::TempDir;

/// How often the logs are said to be polled.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long each poll is said to have taken: the true time would be another in each test.
const POLL_DURATION: Duration = Duration::from_millis(10);

/// One site with its log, as the exporter watches it.
pub(crate) struct WatchedSite {
    pub(crate) state: SiteState,
    folder: TempDir,
    source: BackupLog,
}

impl WatchedSite {
    /// A site without any log file yet, watched from `now` on.
    pub(crate) fn new(settings: SiteSettings, now: Timestamp) -> Self {
        Self::with_state(SiteState::new(Arc::new(settings), now), tempfile::tempdir().unwrap(), now)
    }

    /// The same site after a restart of the exporter, with what the checkpoint gave back.
    pub(crate) fn restarted(self, state: SiteState, now: Timestamp) -> Self {
        Self::with_state(state, self.folder, now)
    }

    fn with_state(mut state: SiteState, folder: TempDir, now: Timestamp) -> Self {
        let phrases = Phrases::new(UserPatterns::default()).unwrap();
        let path = folder.path().join("smsbkup.log");
        let source = BackupLog::new(state.settings.code, path, INTERVAL, phrases);
        state.watch(source.source_id().clone(), INTERVAL, source.witness(), now);
        Self { state, folder, source }
    }

    /// Where its log files lie.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Reads what is new and folds it, all at `now`.
    pub(crate) fn poll(&mut self, now: Timestamp) {
        let id = self.source.source_id();
        let report = PollReport {
            site: self.state.settings.code,
            source: id.clone(),
            started: now,
            duration: POLL_DURATION,
            result: self.source.poll(self.state.cursors.get(id), &Guidance::default()),
        };
        self.state.fold(&report, now);
    }

    /// Folds what an event log tells, all at `now`.
    pub(crate) fn hear_event_log(&mut self, facts: Vec<Fact>, now: Timestamp) {
        let source = SourceId { kind: SourceKind::EventLog, location: "Application.evtx".to_owned() };
        self.state.watch(source.clone(), INTERVAL, source.kind.witness(), now);
        let cursor = Cursor::EventLog(event_log::Cursor::default());
        let result = Ok(Poll { facts, cursor, reach: Reach::CaughtUp });
        let site = self.state.settings.code;
        self.state.fold(&PollReport { site, source, started: now, duration: POLL_DURATION, result }, now);
    }

    /// What its state means at `now`.
    pub(crate) fn assess(&self, now: Timestamp) -> Assessment {
        assess(&self.state, now)
    }
}

/// What a scrape of an exporter that watches these sites would get at `now`, without the exporter's own metrics.
pub(crate) fn exposition(sites: &[WatchedSite], now: Timestamp, format: Format) -> String {
    let states = sites.iter().map(|site| (site.state.settings.code, Arc::new(site.state.clone())));
    let published = Published { sites: BTreeMap::from_iter(states), ..Published::default() };
    encode(&published, None, now, format)
}
