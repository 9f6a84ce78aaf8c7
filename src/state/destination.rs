//! Where the backup task writes to, where the configuration leaves that to the site database.
//!
//! The row of the task is a setting: what it said last holds until it says something else. Whoever reads the destination
//! learns of another one from the settings in the state, begins there, and tells what is watched now.

use std::sync::Arc;

use super::SiteState;
use crate::config::SnapshotConfig;
use crate::site::Timestamp;
use crate::source::Watched;

/// Why nobody knows the destination before the database was read.
const NOT_TOLD: &str = "the site database has not told the folder of the backup task";

impl SiteState {
    /// Why nothing is known of the destination that the site database should tell; `None` where it is known.
    pub fn destination_lacks(&self) -> Option<String> {
        let of_task = self.settings.snapshot_of_task.as_ref().filter(|_| self.settings.snapshot.is_none())?;
        Some(match self.task_destination() {
            None => NOT_TOLD.to_owned(),
            Some(told) => format!("of the backup task, {}", of_task.at(told).err()?),
        })
    }

    /// Takes the destination that the task's row names, if that is left to it; what was seen elsewhere is forgotten.
    pub(super) fn follow_task(&mut self, now: Timestamp) {
        let Some(config) =
            self.told_snapshot().filter(|config| self.settings.snapshot.as_ref() != Some(config))
        else {
            return;
        };
        let before = Arc::make_mut(&mut self.settings).snapshot.replace(config);
        if before.is_some() {
            self.destination_moved = Some(now);
        }
        self.snapshot.roots.clear();
        self.snapshot.places.clear();
        self.snapshot.archives.clear();
    }

    fn told_snapshot(&self) -> Option<SnapshotConfig> {
        self.settings.snapshot_of_task.as_ref()?.at(self.task_destination()?).ok()
    }

    fn task_destination(&self) -> Option<&str> {
        self.database.task.as_ref()?.destination.as_deref()
    }

    /// Takes which sources read copies from now on, in the place of all that did.
    pub fn watch_copies(&mut self, sources: &[Watched], now: Timestamp) {
        self.sources.retain(|id, _| !id.kind.is_of_copies());
        for Watched { source, interval, witness } in sources.iter().cloned() {
            self.watch(source, interval, witness, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::config::Config;
    use crate::site::{TaskDefinition, TaskWindow};
    use crate::source::{DatabaseFact, Fact, Poll, PollReport, Reach, SourceId, SourceKind};
    use crate::state::checkpoint::reloaded;

    const YAML: &str = "sites: [{ code: P01, snapshot: { path: task, interval: 1m }, \
                        database: { server: sql01, authentication: { user: cm, password_env: P } } }]";

    fn state() -> SiteState {
        let config = Config::parse(YAML, "x.yml", Path::new("/")).unwrap();
        let settings = config.sites.into_iter().next().unwrap().settings;
        let now = Timestamp::UNIX_EPOCH;
        let mut state = SiteState::new(Arc::new(settings), now);
        state.watch(database(), Duration::from_secs(300), None, now);
        state
    }

    fn database() -> SourceId {
        SourceId { kind: SourceKind::Database, location: "sql01".to_owned() }
    }

    fn tell(state: &mut SiteState, destination: Option<&str>) {
        let window = TaskWindow { days: 1, begin: 120, latest_begin: 300 };
        let destination = destination.map(Into::into);
        let task = TaskDefinition { enabled: true, window, destination };
        let facts = vec![Fact::Database(DatabaseFact::Task(task))];
        let cursor = state.cursor_for(&database()).unwrap();
        let report = PollReport {
            site: state.settings.code,
            source: database(),
            started: Timestamp::UNIX_EPOCH,
            duration: Duration::ZERO,
            result: Ok(Poll { facts, cursor, reach: Reach::CaughtUp }),
        };
        state.fold(&report, Timestamp::UNIX_EPOCH);
    }

    fn folder(state: &SiteState) -> Option<String> {
        Some(state.settings.snapshot.as_ref()?.path.display().to_string())
    }

    #[test]
    fn the_destination_is_where_the_task_says_and_moves_with_it() {
        let mut state = state();
        assert_eq!(state.destination_lacks().as_deref(), Some(NOT_TOLD));
        for (told, known) in [
            (None, None),
            (Some(r"E:\Site|F:\Database"), None),
            (Some(r" E:\SCCMBackup\ "), Some(r"E:\SCCMBackup")),
            (None, Some(r"E:\SCCMBackup")),
            (Some("nowhere"), Some(r"E:\SCCMBackup")),
            (Some(r"\\NAS01\cm"), Some(r"\\NAS01\cm")),
        ] {
            tell(&mut state, told);
            assert_eq!(folder(&state).as_deref(), known, "{told:?}");
            assert_eq!(state.destination_lacks().is_none(), known.is_some(), "{told:?}");
            let has_moved = known == Some(r"\\NAS01\cm");
            assert_eq!(state.destination_moved.is_some(), has_moved, "the first one is no move: {told:?}");
        }
        let again = reloaded(&state, Timestamp::UNIX_EPOCH);
        assert_eq!((folder(&again), again.destination_moved), (folder(&state), state.destination_moved));
        let settings = state.settings.snapshot.as_ref().unwrap();
        assert_eq!(settings.interval, Duration::from_secs(60), "the rest is as configured");
    }

    #[test]
    fn why_a_destination_cannot_be_followed_is_told() {
        let mut state = state();
        tell(&mut state, Some(r"E:\Site|F:\Database"));
        let why = state.destination_lacks().unwrap();
        assert_eq!(why, r"of the backup task, `E:\Site|F:\Database` is not one folder");
    }

    #[test]
    fn the_next_process_knows_it_before_the_database_answers() {
        let mut state = state();
        tell(&mut state, Some(r"E:\SCCMBackup"));
        let mut settings = (*state.settings).clone();
        settings.snapshot = None;
        state.settings = Arc::new(settings);
        assert_eq!(folder(&reloaded(&state, Timestamp::UNIX_EPOCH)).as_deref(), Some(r"E:\SCCMBackup"));
    }

    #[test]
    fn a_configured_destination_stays() {
        let mut state = state();
        let mut settings = (*state.settings).clone();
        settings.snapshot = settings.snapshot_of_task.take().map(|of_task| of_task.at(r"D:\Mine").unwrap());
        state.settings = Arc::new(settings);
        tell(&mut state, Some(r"E:\SCCMBackup"));
        assert_eq!(folder(&state).as_deref(), Some(r"D:\Mine"));
        assert_eq!(state.destination_lacks(), None);
    }
}
