//! A stretch of a site's life: what happens at which minute, and what the exporters that watch it export meanwhile.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use configmgr_backup_exporter::config::{RecoveryDrill, SiteSettings, SnapshotConfig};
use configmgr_backup_exporter::schedule::{EVERY_DAY, Zone};
use configmgr_backup_exporter::site::{FailureCause, RestartMode, SiteRole, TaskWindow, Timestamp};

use super::event::Event;
use super::recording::Recording;
use super::simulated_database::Database;
use super::simulated_exporter::Exporter;
use super::simulated_site::{Run, Site};
use crate::support::{backups, copies};

/// The site server, or the first of a pair.
pub(super) const CM01: &str = "CM01";

/// A stretch of a site's life.
#[derive(Clone)]
pub(super) struct Story {
    /// When it begins, RFC 3339.
    pub(super) start: &'static str,
    /// Minutes that it lasts ...
    pub(super) length: i64,
    /// ... and between two scrapes.
    pub(super) step: i64,
    /// In which zone the task's times are meant, and the site server's clock runs.
    pub(super) zone: Zone,
    /// Days on which the task runs.
    pub(super) days: u8,
    /// Whether it is enabled; if not, SQL Server makes a backup at every midnight.
    pub(super) task_enabled: bool,
    /// Days for which change tracking keeps changes.
    pub(super) retention: u64,
    /// Whether the site database is read.
    pub(super) database: bool,
    /// All servers, the active one first.
    pub(super) servers: &'static [&'static str],
    /// Whether there are archives.
    pub(super) archives: bool,
    /// Whether services come and go while a snapshot is taken.
    pub(super) flaps: bool,
    /// Whether the passive server has a log.
    pub(super) logs_on_both: bool,
    /// Its backups.
    pub(super) runs: Vec<Run>,
    /// What else happens, by the minute.
    pub(super) events: Vec<(i64, Event)>,
}

impl Story {
    /// Of a site with one server, of which nothing has happened yet.
    pub(super) fn new(start: &'static str, length: i64, step: i64) -> Self {
        Self {
            start,
            length,
            step,
            zone: Zone::Utc,
            days: EVERY_DAY,
            task_enabled: true,
            retention: 5,
            database: true,
            servers: &[CM01],
            archives: false,
            flaps: false,
            logs_on_both: true,
            runs: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Good backups, each so many minutes after the start.
    pub(super) fn backups(self, starts: &[i64]) -> Self {
        starts.iter().fold(self, |story, start| story.run(CM01, *start, None, false))
    }

    /// One backup on a server; of what cause it fails, and whether it is archived.
    pub(super) fn run(
        mut self,
        server: &'static str,
        minute: i64,
        cause: Option<FailureCause>,
        archived: bool,
    ) -> Self {
        let task = backups::task("P01");
        let script = cause.map_or_else(|| task.success(), |cause| task.failure(cause));
        let start = time(self.start) + TimeDelta::minutes(minute) + TimeDelta::seconds(7);
        // Each run is another process.
        let pid = 4000 + u32::try_from(self.runs.len()).unwrap() * 4;
        self.runs.push(Run { server, start, script: script.process(pid, pid + 2), hangs: false, archived });
        self
    }

    /// A backup that stops in its midst and never goes on.
    pub(super) fn hangs(self, minute: i64) -> Self {
        let mut story = self.backups(&[minute]);
        let run = story.runs.last_mut().unwrap();
        run.hangs = true;
        run.script = run.script.clone().until(TimeDelta::minutes(20));
        story
    }

    /// Events beside its backups.
    pub(super) fn and(self, events: &[(i64, Event)]) -> Self {
        Self { events: events.to_vec(), ..self }
    }

    fn window(&self) -> TaskWindow {
        TaskWindow { days: self.days, begin: 2 * 60, latest_begin: 5 * 60 }
    }

    fn retention(&self) -> Duration {
        Duration::from_secs(self.retention * 86_400)
    }

    fn settings(&self) -> SiteSettings {
        let mut settings = SiteSettings::new("P01".parse().unwrap());
        settings.role = Some(SiteRole::Hierarchy);
        settings.time_zone = Some(self.zone);
        settings.local_zone = self.zone;
        if !self.database {
            settings.schedule = Some(self.window());
            settings.retention = Some(self.retention());
        }
        settings.remediation.mode = RestartMode::Restart;
        let last = time(self.start) - TimeDelta::days(30);
        settings.recovery_drill = Some(RecoveryDrill { last, max_age: Duration::from_secs(180 * 86_400) });
        let mut snapshot = copies::config();
        if !self.archives {
            snapshot = SnapshotConfig { archives: Vec::new(), ..snapshot };
        }
        settings.snapshot = Some(snapshot);
        settings
    }

    fn site(&self, folder: &Path, before: Timestamp) -> Site {
        let database = Database {
            window: self.window(),
            task_enabled: self.task_enabled,
            retention: self.retention(),
            version: "5.00.9128.1000",
            installs: false,
        };
        let mut site = Site::new(self.zone, folder, database, self.servers[0], before);
        site.flaps = self.flaps;
        if self.servers.len() > 1 {
            site.pair = self.servers.to_vec();
        }
        self.runs.iter().for_each(|run| site.run(run.clone()));
        site
    }

    /// Lets it happen and gives every series that the rules read.
    pub(super) fn record(&self) -> Recording {
        let (start, folder) = (time(self.start), tempfile::tempdir().unwrap());
        let before = start - TimeDelta::days(30);
        let mut site = self.site(folder.path(), before);
        let settings = self.settings();
        let exporter =
            |server: &&'static str| Exporter::new(&site, server, &settings, self.database, folder.path());
        let mut exporters: BTreeMap<_, _> =
            self.servers.iter().map(|server| (*server, exporter(server))).collect();
        for (server, exporter) in &mut exporters {
            if self.logs_on_both || *server == site.active {
                site.create_log(server);
            }
            exporter.start(start);
        }
        let steps = self.length / self.step;
        let mut recording = Recording::new(start, usize::try_from(steps).unwrap() + 1, self.step);
        for step in 0..=steps {
            let minute = step * self.step;
            let now = start + TimeDelta::minutes(minute);
            for (_, event) in self.events.iter().filter(|(at, _)| *at == minute) {
                event.happens(&mut site, &mut exporters, now);
            }
            site.write(now);
            for (server, exporter) in &mut exporters {
                if exporter.step(&site, minute, now) {
                    let script = backups::task("P01").success().process(8000, 8002);
                    site.run(Run {
                        server,
                        start: now + TimeDelta::seconds(7),
                        script,
                        hangs: false,
                        archived: false,
                    });
                }
                exporter.scrape(&mut recording, usize::try_from(step).unwrap(), now);
            }
        }
        recording
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}
