//! What must not fire in the normal life of a site, and what must where something fails: recorded series, and what
//! the shipped rules made of them at any time.
//!
//! `UPDATE_GOLDEN=1` records them anew; read the difference, because a metric that dips is what this is for.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use chrono::TimeDelta;
use configmgr_backup_exporter::config::{RecoveryDrill, SiteSettings, SnapshotConfig};
use configmgr_backup_exporter::demo::writer::BackupTask;
use configmgr_backup_exporter::schedule::{EVERY_DAY, Zone};
use configmgr_backup_exporter::site::{
    ClosedSet, FailureCause, RestartMode, SiteRole, TaskWindow, Timestamp,
};

use configmgr_backup_exporter::source::SourceKind;

use super::notation::notation;
use super::path;
use super::rules::NAME;
use super::simulation::{Run, Site};
use super::watch::{Exporter, Recording};
use crate::support::backups::Roll;
use crate::support::{copies, golden};

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;
const CM01: &str = "CM01";
const CM02: &str = "CM02";

/// A stretch of a site's life.
struct Case {
    /// The name of its file, and what happens.
    name: &'static str,
    about: &'static str,
    start: &'static str,
    /// Minutes that it lasts, and between two scrapes.
    length: i64,
    step: i64,
    zone: Zone,
    /// Days on which the task runs.
    days: u8,
    /// All servers, the active one first.
    servers: &'static [&'static str],
    /// Whether there are archives.
    archives: bool,
    flaps: bool,
    /// Whether the passive server has a log.
    logs_on_both: bool,
    runs: Vec<Run>,
    events: Vec<(i64, Event)>,
    /// What fires at some time.
    fires: &'static [&'static str],
}

/// What happens at a minute, beside backups.
#[derive(Clone, Copy)]
enum Event {
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
    fn new(name: &'static str, about: &'static str, start: &'static str, length: i64, step: i64) -> Self {
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
    fn backups(self, starts: &[i64]) -> Self {
        starts.iter().fold(self, |case, start| case.run(CM01, *start, None, false))
    }

    /// One backup on a server; of what cause it fails, and whether it is archived.
    fn run(mut self, server: &'static str, minute: i64, cause: Option<FailureCause>, archived: bool) -> Self {
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
    fn file(&self) -> String {
        let (length, step) = (self.length, self.step);
        let mut file = format!(
            "# {}\n# Recorded by tests/it/alerts/normal_life.rs, which says when it was; UPDATE_GOLDEN=1 writes it anew.\n\
             rule_files: [../configmgr_backup.yml]\nevaluation_interval: {step}m\ntests:\n- name: {}\n  \
             interval: {step}m\n  input_series:\n",
            self.about, self.name
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

fn cases() -> Vec<Case> {
    const SUNDAY: u8 = 1;
    const WEDNESDAY: u8 = 8;
    const BERLIN: Zone = Zone::Named(chrono_tz::Europe::Berlin);
    vec![
        Case {
            days: SUNDAY | WEDNESDAY,
            archives: true,
            ..Case::new(
                "run_in_progress",
                "A run deletes the snapshot of Wednesday; the archive of last Sunday is older than retention.",
                "2026-03-08T00:30:00Z",
                9 * HOUR,
                5,
            )
        }
        .run(CM01, -7 * DAY + 90, None, true)
        .run(CM01, -4 * DAY + 90, None, false)
        .run(CM01, 90, None, true),
        Case {
            flaps: true,
            ..Case::new(
                "services_flap",
                "Services, SMS Writer among them, come and go from the freeze until ten minutes after the thaw.",
                "2026-03-04T01:00:00Z",
                4 * HOUR,
                1,
            )
        }
        .backups(&[HOUR - DAY, HOUR]),
        Case {
            events: vec![
                (30, Stop(CM01)),
                (34, Start(CM01)),
                (90, Stop(CM01)),
                (93, Start(CM01)),
                (5 * HOUR, Stop(CM01)),
                (5 * HOUR, Forget(CM01)),
                (5 * HOUR + 5, Start(CM01)),
            ],
            ..Case::new(
                "exporter_restarts",
                "The exporter is restarted before a run, within it after the snapshot was deleted, and without its checkpoint; \
                 two failures are history by then.",
                "2026-03-04T01:00:00Z",
                8 * HOUR,
                1,
            )
        }
        .backups(&[HOUR - 5 * DAY])
        .run(CM01, HOUR - 3 * DAY, Some(FailureCause::Vss), false)
        .run(CM01, HOUR - 2 * DAY, Some(FailureCause::DiskFull), false)
        .backups(&[HOUR - DAY, HOUR]),
        Case {
            events: vec![(100, Rolls(Roll::Rename)), (14 * HOUR, Rolls(Roll::CopyAndTruncate))],
            ..Case::new(
                "log_rolls",
                "The log rolls within a run, and again while nothing is written for half a day.",
                "2026-03-04T01:00:00Z",
                28 * HOUR,
                5,
            )
        }
        .backups(&[HOUR - 2 * DAY, HOUR - DAY, HOUR, HOUR + DAY]),
        Case {
            zone: BERLIN,
            ..Case::new(
                "clocks_go_forward",
                "In Berlin the 02:00 at which the task begins does not exist on 29 March.",
                "2026-03-27T12:00:00Z",
                3 * DAY,
                5,
            )
        }
        .backups(&[13 * HOUR - DAY, 13 * HOUR, 13 * HOUR + DAY, 12 * HOUR + 2 * DAY]),
        Case {
            zone: BERLIN,
            ..Case::new(
                "clocks_go_back",
                "In Berlin it is 02:00 twice on 25 October.",
                "2026-10-23T12:00:00Z",
                3 * DAY,
                5,
            )
        }
        .backups(&[12 * HOUR - DAY, 12 * HOUR, 12 * HOUR + DAY, 13 * HOUR + 2 * DAY]),
        Case {
            servers: &[CM01, CM02],
            events: vec![
                (20 * HOUR, Stop(CM01)),
                (20 * HOUR + 5, TakeOver(CM02)),
                (20 * HOUR + 10, Start(CM01)),
            ],
            ..Case::new(
                "takeover",
                "A passive site server is watched beside the active one, and takes the site over.",
                "2026-03-04T00:00:00Z",
                3 * DAY,
                5,
            )
        }
        .backups(&[2 * HOUR - DAY, 2 * HOUR])
        .run(CM02, 2 * HOUR + DAY, None, false)
        .run(CM02, 2 * HOUR + 2 * DAY, None, false),
        Case {
            servers: &[CM01, CM02],
            logs_on_both: false,
            ..Case::new(
                "passive",
                "The passive site server has never run a backup, so it has no log; the active one backs up.",
                "2026-03-04T00:00:00Z",
                DAY,
                5,
            )
        }
        .backups(&[2 * HOUR - DAY, 2 * HOUR]),
        Case {
            events: vec![
                (3 * HOUR, Fails(&[SourceKind::Database, SourceKind::Snapshot, SourceKind::Verification])),
                (3 * HOUR + 20, Fails(&[])),
                (9 * HOUR, Fails(&[SourceKind::BackupLog, SourceKind::Services])),
                (9 * HOUR + 5, Fails(&[])),
                (9 * HOUR + 8, Fails(SourceKind::ALL)),
                (9 * HOUR + 28, Fails(&[])),
            ],
            ..Case::new(
                "sources_flap",
                "SQL Server and the share of the destination restart within a run; by day nothing can be read for a while.",
                "2026-03-04T00:00:00Z",
                12 * HOUR,
                1,
            )
        }
        .backups(&[2 * HOUR - DAY, 2 * HOUR]),
        Case::new(
            "first_start_with_history",
            "The exporter is installed at a site that has a history, two failures among it.",
            "2026-03-04T10:00:00Z",
            DAY,
            5,
        )
        .backups(&[-6 * DAY - 8 * HOUR])
        .run(CM01, -3 * DAY - 8 * HOUR, Some(FailureCause::Vss), false)
        .run(CM01, -2 * DAY - 8 * HOUR, Some(FailureCause::CopyFailed), false)
        .backups(&[-8 * HOUR, 16 * HOUR]),
        Case::new(
            "first_start_of_all",
            "No backup was ever made when the exporter is installed; the first comes with the first night.",
            "2026-03-04T10:00:00Z",
            DAY,
            5,
        )
        .backups(&[16 * HOUR]),
        Case::new(
            "retried",
            "A backup fails of what passes, and the exporter makes another one by itself.",
            "2026-03-04T00:00:00Z",
            9 * HOUR,
            1,
        )
        .backups(&[2 * HOUR - 2 * DAY, 2 * HOUR - DAY])
        .run(CM01, 2 * HOUR, Some(FailureCause::SharingViolation), false),
        Case {
            events: vec![(2 * HOUR + 38, Stop(CM01)), (2 * HOUR + 41, Start(CM01))],
            ..Case::new(
                "retried_after_restart",
                "The exporter is restarted between the failure and the backup that it then makes by itself.",
                "2026-03-04T00:00:00Z",
                9 * HOUR,
                1,
            )
        }
        .backups(&[2 * HOUR - 2 * DAY, 2 * HOUR - DAY])
        .run(CM01, 2 * HOUR, Some(FailureCause::SharingViolation), false),
        Case {
            fires: &["Failed", "FailedRepeatedly", "NoValidCopy", "Overdue", "RestartHeld", "SnapshotIncomplete"],
            ..Case::new(
                "disk_full",
                "The destination is full for two nights, and the third backup succeeds: these recordings can fire.",
                "2026-03-04T00:00:00Z",
                3 * DAY,
                5,
            )
        }
        .backups(&[2 * HOUR - 2 * DAY, 2 * HOUR - DAY])
        .run(CM01, 2 * HOUR, Some(FailureCause::DiskFull), false)
        .run(CM01, 2 * HOUR + DAY, Some(FailureCause::DiskFull), false)
        .backups(&[2 * HOUR + 2 * DAY]),
    ]
}

#[test]
fn nothing_fires_in_the_normal_life_of_a_site() {
    let (mut files, mut differences) = (Vec::new(), String::new());
    for case in cases() {
        let file = path("alerts/tests").join(format!("life_{}.yml", case.name));
        differences.extend(golden::differs(&file, &case.file()));
        files.push(file);
    }
    assert!(differences.is_empty(), "{differences}");
    let recorded = super::files("alerts/tests", ".yml")
        .into_iter()
        .filter(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("life_")));
    files.sort();
    assert_eq!(recorded.collect::<Vec<_>>(), files, "a recording without its case");
}
