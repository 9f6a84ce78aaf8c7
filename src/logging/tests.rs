use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use chrono::{TimeZone, Utc};
use tempfile::TempDir;
use tracing::Level;

use super::*;

/// The outputs of a service, with an event log of our own.
struct Outputs {
    folder: TempDir,
    records: Arc<Mutex<Vec<(Level, String)>>>,
    counts: Arc<LogCounts>,
}

impl Outputs {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, records: Arc::default(), counts: Arc::default() }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn subscriber(
        &self,
        level: LevelFilter,
        format: LogFormat,
        has_event_log: bool,
    ) -> impl Subscriber + Send + Sync + use<> {
        let records = Arc::clone(&self.records);
        let report = move |level, text: &str| records.lock().unwrap().push((level, text.to_owned()));
        let report = has_event_log.then(|| Box::new(report) as Report);
        let clock = Clock::Anchored {
            utc: Utc.with_ymd_and_hms(2026, 11, 1, 2, 0, 0).unwrap(),
            instant: tokio::time::Instant::now(),
        };
        service(level, format, LogFile::new(self.state().join(FILE_NAME)), clock, report, &self.counts)
    }

    /// The messages in the file, without what stands before them.
    fn file(&self) -> Vec<String> {
        let text = fs::read_to_string(self.state().join(FILE_NAME)).unwrap();
        let after_time = |line: &str| line.split_once(" level=").map(|(_, rest)| rest.to_owned());
        text.lines().filter_map(after_time).collect()
    }

    fn records(&self) -> Vec<(Level, String)> {
        std::mem::take(&mut self.records.lock().unwrap())
    }

    fn count(&self, level: Level) -> u64 {
        self.counts.of(level)
    }
}

#[test]
fn warnings_and_errors_and_the_life_of_the_service_go_into_the_event_log_and_everything_into_the_file() {
    let outputs = Outputs::new();
    tracing::subscriber::with_default(outputs.subscriber(LevelFilter::INFO, LogFormat::Logfmt, true), || {
        tracing::info!(target: LIFECYCLE, addresses = "[::]:10052", "listening");
        tracing::info!(site = "P01", "verdict");
        tracing::warn!(site = %"P01", kind = "locked", reason = "held by 1", "source cannot be read");
        tracing::warn!(site = %"P01", kind = "locked", reason = "held by 2", "source cannot be read");
        tracing::error!(site = "P01", error = "disk full", number = 7, "checkpoint not written");
        tracing::debug!("too much");
        tracing::error!(target: "tiberius::tds", password = "secret", "the driver says too much");
        tracing::info!(target: "rustls::client", "for programmers");
        tracing::info!(target: LIFECYCLE, "stopped");
    });
    let message = |line: &str| line.to_owned();
    assert_eq!(
        outputs.file(),
        [
            "info message=listening addresses=[::]:10052",
            "info message=verdict site=P01",
            "warn message=\"source cannot be read\" site=P01 kind=locked reason=\"held by 1\"",
            "warn message=\"source cannot be read\" site=P01 kind=locked reason=\"held by 2\"",
            "error message=\"checkpoint not written\" site=P01 error=\"disk full\" number=7",
            "info message=stopped",
        ]
        .map(message)
    );
    assert_eq!(
        outputs.records(),
        [
            (Level::INFO, "listening\r\n\r\naddresses: [::]:10052"),
            (Level::WARN, "source cannot be read\r\n\r\nsite: P01\r\nkind: locked\r\nreason: held by 1"),
            (Level::ERROR, "checkpoint not written\r\n\r\nsite: P01\r\nerror: disk full\r\nnumber: 7"),
            (Level::INFO, "stopped"),
        ]
        .map(|(level, text)| (level, text.to_owned()))
    );
    let counts = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG].map(|level| outputs.count(level));
    assert_eq!(counts, [1, 2, 3, 0], "each message once, whatever the outputs");
}

#[tokio::test(start_paused = true)]
async fn a_problem_that_goes_on_is_told_again_after_an_hour_with_its_count() {
    let outputs = Outputs::new();
    let subscriber = outputs.subscriber(LevelFilter::INFO, LogFormat::Logfmt, true);
    let _guard = tracing::subscriber::set_default(subscriber);
    for minute in 0..=60 {
        tracing::warn!(site = "P01", source = "database", minute, "source cannot be read");
        if minute < 60 {
            tokio::time::advance(std::time::Duration::from_secs(60)).await;
        }
    }
    let fields = "\r\n\r\nsite: P01\r\nsource: database\r\nminute: ";
    let first = format!("source cannot be read{fields}0");
    let again = format!("source cannot be read\r\n59 more times since 2026-11-01T02:00:00Z{fields}60");
    assert_eq!(outputs.records(), [(Level::WARN, first), (Level::WARN, again)]);
    assert_eq!(outputs.file().len(), 61, "the file has them all");
}

#[test]
fn the_level_holds_for_every_output() {
    let outputs = Outputs::new();
    tracing::subscriber::with_default(outputs.subscriber(LevelFilter::ERROR, LogFormat::Json, true), || {
        tracing::info!(target: LIFECYCLE, "listening");
        tracing::warn!("a warning");
        tracing::error!(site = "P01", "an error");
    });
    let text = fs::read_to_string(outputs.state().join(FILE_NAME)).unwrap();
    let object: serde_json::Value = serde_json::from_str(&text).expect("one object in one line");
    assert_eq!((object["message"].as_str(), object["site"].as_str()), (Some("an error"), Some("P01")));
    assert_eq!(outputs.records(), [(Level::ERROR, "an error\r\n\r\nsite: P01".to_owned())]);
}

#[test]
fn without_a_file_the_event_log_says_so_and_works_on() {
    let outputs = Outputs::new();
    // In place of the state directory.
    fs::write(outputs.state(), "a file").unwrap();
    let subscriber = outputs.subscriber(LevelFilter::INFO, LogFormat::Logfmt, true);
    let records = outputs.records();
    let [(Level::ERROR, text)] = records.as_slice() else { panic!("{records:?}") };
    let path = outputs.state().join(FILE_NAME);
    let expected =
        format!("messages cannot be written to the log file\r\n\r\npath: {}\r\nerror: ", path.display());
    assert!(text.starts_with(&expected), "{text}");
    assert_eq!(outputs.count(Level::ERROR), 1);
    tracing::subscriber::with_default(subscriber, || {
        tracing::warn!("one");
        assert_eq!(outputs.records(), [(Level::WARN, "one".to_owned())]);
        fs::remove_file(outputs.state()).unwrap();
        tracing::warn!("two");
    });
    assert_eq!(outputs.file(), ["warn message=one", "warn message=two"]);
    assert_eq!((outputs.count(Level::ERROR), outputs.count(Level::WARN)), (1, 2));
}

#[test]
fn messages_that_the_file_lacks_are_told() {
    let outputs = Outputs::new();
    let subscriber = outputs.subscriber(LevelFilter::INFO, LogFormat::Logfmt, true);
    fs::remove_dir_all(outputs.state()).unwrap();
    fs::write(outputs.state(), "a file").unwrap();
    tracing::subscriber::with_default(subscriber, || {
        let long = "x".repeat(100_000);
        (0..4).for_each(|_| tracing::info!(long));
        fs::remove_file(outputs.state()).unwrap();
        tracing::info!("on");
    });
    let records = outputs.records();
    let last = records.last().map(|(level, text)| (*level, text.as_str()));
    let path = outputs.state().join(FILE_NAME);
    let expected =
        format!("messages are missing in the log file\r\n\r\npath: {}\r\nmessages: 2", path.display());
    assert_eq!(last, Some((Level::WARN, expected.as_str())));
}

#[test]
fn without_an_event_log_the_file_works_on() {
    let outputs = Outputs::new();
    tracing::subscriber::with_default(
        outputs.subscriber(LevelFilter::INFO, LogFormat::Logfmt, false),
        || {
            tracing::error!("alone");
        },
    );
    assert_eq!((outputs.file(), outputs.records()), (vec!["error message=alone".to_owned()], Vec::new()));
}

#[test]
fn threads_that_log_at_once_tear_no_line() {
    let outputs = Outputs::new();
    let dispatch = tracing::Dispatch::new(outputs.subscriber(LevelFilter::INFO, LogFormat::Logfmt, true));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let dispatch = &dispatch;
            scope.spawn(move || {
                tracing::dispatcher::with_default(dispatch, || {
                    (0..50).for_each(|number| tracing::warn!(thread, number, "busy"));
                });
            });
        }
    });
    let file = outputs.file();
    assert!(file.iter().all(|line| line.starts_with("warn message=busy thread=")), "{file:?}");
    assert_eq!((file.len(), outputs.records().len(), outputs.count(Level::WARN)), (200, 1, 200));
}

#[test]
fn libraries_only_warn_and_the_driver_is_silent_at_any_level() {
    let own = "configmgr_backup_exporter::source::site_database";
    for (level, target, passing, held_back) in [
        (LevelFilter::DEBUG, own, Level::DEBUG, Level::TRACE),
        (LevelFilter::INFO, own, Level::INFO, Level::DEBUG),
        (LevelFilter::DEBUG, "configmgr_backup_exporter", Level::DEBUG, Level::TRACE),
        (LevelFilter::DEBUG, "rustls::client", Level::WARN, Level::INFO),
        (LevelFilter::ERROR, "rustls::client", Level::ERROR, Level::WARN),
    ] {
        let filter = filter(level);
        assert!(filter.would_enable(target, &passing), "{level} {target} {passing}");
        assert!(!filter.would_enable(target, &held_back), "{level} {target} {held_back}");
    }
    assert!(!filter(LevelFilter::TRACE).would_enable("tiberius::tds::stream::token", &Level::ERROR));
}
