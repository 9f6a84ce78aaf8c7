//! The catalogue as a contract: its document, its naming rules, and how many series a site can have.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use configmgr_backup_exporter::assessment::Verdict;
use configmgr_backup_exporter::config::{
    Freshness, RecoveryDrill, SiteSettings, SnapshotRoot, SupplementalConfig,
};
use configmgr_backup_exporter::metrics::{
    CATALOGUE, Class, Format, Kind, METRIC_PREFIX, Read, Unit, markdown,
};
use configmgr_backup_exporter::schedule::{EVERY_DAY, Zone};
use configmgr_backup_exporter::site::{
    BackupRun, ClosedSet, Decision, MessageId, RestartStanding, ServicesSeen, SiteRole, SiteServer,
    SiteService, TaskWindow, Timestamp, Witness,
};
use configmgr_backup_exporter::snapshot::{
    AfterBackupScript, ControlFile, DATABASE_FOLDER, SupplementalCopy, TaskFiles, Verification,
};
use configmgr_backup_exporter::source::{
    Cursor, EventTotals, Fact, FailureKind, Poll, PollFailure, PollReport, Reach, Record, SourceId,
    SourceKind, backup_log,
};

use crate::support::exporter::{WatchedSite, exposition};
use crate::support::golden::differs;
use crate::support::{copies, database, services};

/// Labels that Prometheus sets itself, and those that dashboards and targets commonly carry.
const RESERVED: [&str; 14] = [
    "job",
    "instance",
    "type",
    "region",
    "zone",
    "cluster",
    "env",
    "environment",
    "host",
    "datacenter",
    "service",
    "le",
    "quantile",
    "__name__",
];

#[test]
fn the_document_is_the_catalogue() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    if let Some(difference) = differs(&file, &markdown()) {
        panic!("{difference}");
    }
}

#[test]
fn every_name_keeps_the_rules() {
    let mut names = BTreeSet::new();
    for metric in CATALOGUE {
        let name = metric.full_name();
        assert!(names.insert(name.clone()), "{name} twice");
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(name.chars().all(word) && !name.contains("__") && !name.ends_with('_'), "{name}");
        assert!(name.starts_with(METRIC_PREFIX) || name.starts_with("process_"), "{name}");
        assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
        assert_eq!(name.ends_with("_info"), metric.kind == Kind::Info, "{name}");
        let base = name.strip_suffix("_total").unwrap_or(&name);
        for (unit, suffix) in [(Unit::Seconds, "_seconds"), (Unit::Bytes, "_bytes")] {
            assert_eq!(base.ends_with(suffix), metric.unit == unit, "{name}: {:?}", metric.unit);
        }
        for suffix in ["_count", "_sum", "_bucket", "_created"] {
            assert!(!name.ends_with(suffix), "{name} ends as only histograms and summaries do");
        }
        assert_eq!(base.contains("timestamp"), base.ends_with("_timestamp_seconds"), "{name}");
    }
}

#[test]
fn every_label_is_free_to_use_and_every_help_text_is_a_sentence() {
    for metric in CATALOGUE {
        let name = metric.full_name();
        for label in metric.labels {
            assert!(!RESERVED.contains(label) && *label != "site_code", "{name}: {label}");
            assert!(label.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}: {label}");
        }
        let help = metric.help;
        assert!(help.ends_with('.') && !help.contains(['\n', '|']) && help.trim() == help, "{name}: {help}");
        let first = help.chars().next();
        assert!(first.is_some_and(|c| c.is_ascii_uppercase() || c.is_ascii_digit()), "{name}: {help}");
    }
}

fn source(kind: SourceKind) -> SourceId {
    SourceId { kind, location: "simulated".to_owned() }
}

/// Both folders of the snapshot, one archive, one supplemental item, and the task's inbox.
fn copies_of(run: &BackupRun, now: Timestamp) -> Vec<Fact> {
    let site = "P01".parse().unwrap();
    let (start, succeeded) = (run.started_or_first(), run.succeeded.unwrap());
    let scup = SupplementalCopy { current_to: Some(now), because: String::new(), unreadable: None };
    let control_file = Some(ControlFile { modified: start, hash: [1; 32] });
    vec![
        Fact::Survey(
            SnapshotRoot::Site,
            copies::files(site, now, 1, |path| !path.starts_with(DATABASE_FOLDER)),
        ),
        Fact::Survey(
            SnapshotRoot::Database,
            copies::files(site, now, 1, |path| path.starts_with(DATABASE_FOLDER)),
        ),
        Fact::Place("site".to_owned(), copies::place(copies::DESTINATION)),
        Fact::Place("database".to_owned(), copies::place(r"\\SQL01\E$\SCCMBackup")),
        Fact::Place("nas".to_owned(), copies::place(r"\\NAS01\cm")),
        Fact::Archives("nas".to_owned(), vec![copies::archive(site, start, succeeded, 1)]),
        Fact::Supplemental("scup".to_owned(), scup),
        Fact::TaskFiles(TaskFiles { control_file, after_backup: AfterBackupScript::Absent }),
    ]
}

/// Every folder of the snapshot was read to its end.
fn verifications(site: &WatchedSite, run: &BackupRun, now: Timestamp) -> Vec<Fact> {
    let config = site.state.settings.snapshot.as_ref().unwrap();
    let verified = config.folders(site.state.settings.code).into_iter().map(|(_, folder)| {
        let mut verification = Verification::new(folder, run.started_or_first(), now);
        verification.finished = Some(now);
        Fact::Verification(verification)
    });
    verified.collect()
}

/// A site of which every source has told everything it can.
fn everything_known(now: Timestamp) -> WatchedSite {
    let mut settings = SiteSettings::new("P01".parse().unwrap());
    settings.role = Some(SiteRole::Hierarchy);
    settings.schedule = Some(TaskWindow { days: EVERY_DAY, begin: 120, latest_begin: 300 });
    settings.time_zone = Some(Zone::Utc);
    let mut snapshot = copies::config();
    snapshot.database_path = Some(r"\\SQL01\E$\SCCMBackup".into());
    settings.snapshot = Some(snapshot);
    settings.supplemental = vec![SupplementalConfig {
        name: "scup".to_owned(),
        path: r"\\NAS01\cm\scupdb.sdf".into(),
        freshness: Freshness::Newest,
        max_age: Duration::from_secs(7 * 86_400),
    }];
    settings.package_sources = vec![r"\\SRC01\pkg".into()];
    let drill = now - chrono::TimeDelta::days(30);
    settings.recovery_drill = Some(RecoveryDrill { last: drill, max_age: Duration::from_secs(180 * 86_400) });
    let mut site = WatchedSite::new(settings, now);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for (log, name) in [("failure_control_file.log", "smsbkup.lo_"), ("daylight_saving.log", "smsbkup.log")] {
        std::fs::copy(golden.join(log), site.folder().join(name)).unwrap();
    }
    site.poll(now);
    let services: Vec<_> = SiteService::ALL.iter().map(|service| (*service, true)).collect();
    let run = site.state.runs.last().unwrap().clone();
    let mut told = database::everything(now);
    let record = |(position, record): (u64, &Record)| Record { position, ..record.clone() };
    let log = site.state.timeline.records()[&Witness::Log].iter();
    let records: Vec<_> = (0..).zip(log).map(record).collect();
    told.push(Fact::Records(Witness::StatusMessages, records.clone()));
    let events = EventTotals { records: 40_000, damaged_chunks: 1, unattributed: 2 };
    let events = vec![Fact::Records(Witness::EventLog, records), Fact::Events(events)];
    let facts = [
        (SourceKind::EventLog, events),
        (SourceKind::Snapshot, copies_of(&run, now)),
        (SourceKind::Verification, verifications(&site, &run, now)),
        (SourceKind::Database, told),
        (SourceKind::Services, vec![Fact::Services(services::pair(&services))]),
    ];
    for (kind, facts) in facts {
        site.state.watch(source(kind), Duration::from_secs(60), kind.witness(), now);
        let failure = PollFailure { kind: FailureKind::Timeout, message: String::new() };
        let cursor = Cursor::Log(backup_log::Cursor::default());
        let poll = Poll { facts, cursor, reach: Reach::CaughtUp };
        for result in [Err(failure), Ok(poll)] {
            let report = PollReport {
                site: site.state.settings.code,
                source: source(kind),
                started: now,
                duration: Duration::from_millis(1),
                result,
            };
            site.state.fold(&report, now);
        }
    }
    site.state.stands(RestartStanding {
        attempts: vec![services::attempt(run.first, now)],
        ..services::standing(Decision::Nothing)
    });
    site
}

#[test]
fn one_site_with_everything_known_has_at_most_300_series() {
    let now: Timestamp = "2026-10-25T02:00:00Z".parse().unwrap();
    let site = everything_known(now);
    // The archive has been as it is for half an hour.
    let now = now + chrono::TimeDelta::minutes(30);
    let assessment = site.assess(now);
    assert_eq!(assessment.verdict, Verdict::Healthy, "{}", assessment.reason);
    assert_eq!(assessment.copies.valid, Some(2));
    let text = exposition(&[site], now, Format::Text);
    let series: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let of_a_site = CATALOGUE.iter().filter(|metric| matches!(metric.read, Read::Site(_)));
    for metric in of_a_site {
        let name = metric.full_name() + "{";
        let known = series.iter().any(|line| line.starts_with(&name));
        assert!(known, "{name} is absent: this site does not know everything");
    }
    let of_messages = |line: &&&str| line.contains("_status_messages_total{");
    let messages = series.iter().filter(of_messages).count();
    let own_series = |id: &u16| {
        let id = MessageId(*id);
        id.is_failure() || MessageId::ALWAYS_COUNTED.contains(&id)
    };
    // As many as there could be: each id of the failure set has been seen, and the ids without a series.
    let all_messages = (0..=u16::MAX).filter(own_series).count() + 1;
    let count = series.len() - messages + all_messages;
    assert!((150..=300).contains(&count), "{count}");
}

#[test]
fn on_the_passive_site_server_nothing_is_exported_that_alarms() {
    let now: Timestamp = "2026-10-25T02:00:00Z".parse().unwrap();
    let mut site = everything_known(now);
    let server = |name: &str, active| SiteServer { name: name.into(), active };
    let passive = ServicesSeen {
        machine: Some("CM01".into()),
        site_servers: Some(vec![server("CM01.corp.example", false), server("CM02.corp.example", true)]),
        ..services::seen(&[(SiteService::VssWriter, false)])
    };
    let poll = Poll { facts: vec![Fact::Services(passive)], cursor: Cursor::Anew, reach: Reach::CaughtUp };
    let (source, started) = (source(SourceKind::Services), now + chrono::TimeDelta::minutes(1));
    let code = site.state.settings.code;
    let report = PollReport { site: code, source, started, duration: Duration::ZERO, result: Ok(poll) };
    site.state.fold(&report, started);
    let text = exposition(&[site], started, Format::Text);
    let families: BTreeSet<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let families: BTreeSet<_> = families.iter().filter_map(|line| line.split(' ').next()).collect();
    for metric in CATALOGUE.iter().filter(|metric| matches!(metric.read, Read::Site(_))) {
        let is_there = matches!(metric.class, Class::Always | Class::Node);
        let name = metric.full_name();
        assert_eq!(families.contains(&*name), is_there, "{name}");
    }
    assert!(text.contains(r#"configmgr_backup_verdict{site_code="P01",verdict="passive"} 1"#), "{text}");
}
