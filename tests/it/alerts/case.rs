//! A stretch of a site's life, recorded from the exporters that watch it, as a test for promtool.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use chrono::TimeDelta;
use configmgr_backup_exporter::config::{RecoveryDrill, SiteSettings, SnapshotConfig};
use configmgr_backup_exporter::demo::writer::BackupTask;
use configmgr_backup_exporter::schedule::{EVERY_DAY, Zone};
use configmgr_backup_exporter::site::{FailureCause, RestartMode, SiteRole, TaskWindow, Timestamp};
use configmgr_backup_exporter::source::SourceKind;

use super::notation::notation;
use super::rules::NAME;
use super::simulation::{Run, Site};
use super::watch::{Exporter, Recording};
use crate::support::backups::Roll;
use crate::support::copies;

/// The site server, or the first of a pair.
pub(super) const CM01: &str = "CM01";

/// A stretch of a site's life.
pub(super) struct Case {
    /// The name of its file.
    pub(super) name: &'static str,
    /// What happens.
    pub(super) about: &'static str,
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
    /// What fires at some time.
    pub(super) fires: &'static [&'static str],
}

/// What happens at a minute, beside backups.
#[derive(Clone, Copy)]
pub(super) enum Event {
    /// The log of the active server is rolled.
    Rolls(Roll),
    /// An exporter stops ...
    Stop(&'static str),
    /// ... and starts again, with or without its checkpoint.
    Start(&'static str),
    /// Its checkpoint is lost.
    Forget(&'static str),
    /// Another server becomes the active one.
    TakeOver(&'static str),
    /// From here on the exporters cannot read these.
    Fails(&'static [SourceKind]),
}
use Event::{Fails, Forget, Rolls, Start, Stop, TakeOver};

impl Case {
    /// A site with one server, of which nothing has happened yet.
    pub(super) fn new(
        name: &'static str,
        about: &'static str,
        start: &'static str,
        length: i64,
        step: i64,
    ) -> Self {
        Self {
            name,
            about,
            start,
            length,
            step,
            zone: Zone::Utc,
            days: EVERY_DAY,
            servers: &[CM01],
            archives: false,
            flaps: false,
            logs_on_both: true,
            runs: Vec::new(),
            events: Vec::new(),
            fires: &[],
        }
    }

    /// Good backups, each so many minutes after the start.
    pub(super) fn backups(self, starts: &[i64]) -> Self {
        starts.iter().fold(self, |case, start| case.run(CM01, *start, None, false))
    }

    /// One backup on a server; of what cause it fails, and whether it is archived.
    pub(super) fn run(
        mut self,
        server: &'static str,
        minute: i64,
        cause: Option<FailureCause>,
        archived: bool,
    ) -> Self {
        let task = BackupTask::new("P01".parse().unwrap());
        let script = cause.map_or_else(|| task.success(), |cause| task.failure(cause));
        let start = time(self.start) + TimeDelta::minutes(minute) + TimeDelta::seconds(7);
        // Each run is another process.
        let pid = 4000 + u32::try_from(self.runs.len()).unwrap() * 4;
        self.runs.push(Run { server, start, script: script.process(pid, pid + 2), archived });
        self
    }

    fn settings(&self) -> SiteSettings {
        let mut settings = SiteSettings::new("P01".parse().unwrap());
        settings.role = Some(SiteRole::Hierarchy);
        settings.schedule = Some(TaskWindow { days: self.days, begin: 2 * 60, latest_begin: 5 * 60 });
        settings.time_zone = Some(self.zone);
        settings.local_zone = self.zone;
        settings.retention = Some(Duration::from_secs(5 * 86_400));
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

    /// Lets it happen and gives every series that the rules read.
    fn record(&self) -> Recording {
        let (start, folder) = (time(self.start), tempfile::tempdir().unwrap());
        let before = start - TimeDelta::days(30);
        let mut site = Site::new(self.zone, folder.path(), self.servers[0], before);
        site.flaps = self.flaps;
        let is_pair = self.servers.len() > 1;
        if is_pair {
            site.pair = self.servers.to_vec();
        }
        self.runs.iter().for_each(|run| site.run(run.clone()));
        let settings = self.settings();
        // Who sees what both servers did is not taken by surprise by a takeover, and here somebody is to be.
        let exporter =
            |server: &&'static str| Exporter::new(&site, server, &settings, !is_pair, folder.path());
        let mut exporters: BTreeMap<_, _> =
            self.servers.iter().map(|server| (*server, exporter(server))).collect();
        for (server, exporter) in &mut exporters {
            if self.logs_on_both || *server == site.active {
                site.create_log(server);
            }
            exporter.start(start);
        }
        let mut recording = Recording::new(start);
        for step in 0..=self.length / self.step {
            let minute = step * self.step;
            let now = start + TimeDelta::minutes(minute);
            for (_, event) in self.events.iter().filter(|(at, _)| *at == minute) {
                match event {
                    Rolls(how) => site.roll(site.active, *how),
                    TakeOver(server) => site.active = server,
                    Stop(server) => exporters.get_mut(server).unwrap().stop(),
                    Forget(server) => exporters[server].forget(),
                    Fails(kinds) => {
                        exporters
                            .values_mut()
                            .for_each(|exporter| exporter.fails = (*kinds).iter().copied().collect());
                    }
                    Start(server) => exporters.get_mut(server).unwrap().start(now),
                }
            }
            site.write(now);
            for (server, exporter) in &mut exporters {
                if exporter.step(&site, minute, now) {
                    let script = BackupTask::new("P01".parse().unwrap()).success().process(8000, 8002);
                    site.run(Run { server, start: now + TimeDelta::seconds(7), script, archived: false });
                }
                exporter.scrape(&mut recording, usize::try_from(step).unwrap(), now);
            }
        }
        recording
    }

    /// The file for promtool.
    pub(super) fn file(&self) -> String {
        let (length, step) = (self.length, self.step);
        let mut file = format!(
            "# {}\n# Recorded from {} on, as tests/it/alerts/normal_life.rs says; UPDATE_GOLDEN=1 writes it anew.\n\
             rule_files: [../configmgr_backup.yml]\nevaluation_interval: {step}m\ntests:\n- name: {}\n  \
             interval: {step}m\n  input_series:\n",
            self.about, self.start, self.name
        );
        let steps = usize::try_from(length / step).unwrap() + 1;
        for (series, mut values) in self.record().series {
            values.resize(steps, None);
            let _ = writeln!(file, "  - series: '{series}'\n    values: '{}'", notation(&values));
        }
        let _ = writeln!(
            file,
            "  promql_expr_test:\n  # Every alert that fired at any time.\n  - expr: count by (alertname) \
             (count_over_time(ALERTS{{alertstate=\"firing\"}}[{length}m]))\n    eval_time: {length}m"
        );
        if self.fires.is_empty() {
            file.push_str("    exp_samples: []\n");
        } else {
            file.push_str("    exp_samples:\n");
            for alert in self.fires {
                let _ = writeln!(file, "    - {{labels: '{{alertname=\"{NAME}{alert}\"}}', value: 1}}");
            }
        }
        let _ = writeln!(
            file,
            "  # Nothing fires in the end.\n  - expr: ALERTS{{alertstate=\"firing\"}}\n    eval_time: {length}m\n    exp_samples: []"
        );
        file
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}
