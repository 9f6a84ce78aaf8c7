//! Local times and biases: wherever a site lies, each time that is exported is right to the millisecond.
//!
//! Status messages carry UTC, so their times could be right by accident. These logs have none: only the words and the
//! stamps of the lines tell when anything was; another log has both, and its phases mix them.

use std::fs;

use chrono::TimeDelta;
use configmgr_backup_exporter::assessment::RunSummary;
use configmgr_backup_exporter::config::SiteSettings;
use configmgr_backup_exporter::demo::writer::{BackupTask, Entry, Layout, LogWriter, RunScript};
use configmgr_backup_exporter::site::{BackupPhase, Timestamp};

use crate::support::exporter::WatchedSite;

/// Minutes from local time to UTC.
const BIASES: [i32; 8] = [420, 300, -60, 0, 60, -330, -765, 720];

fn task() -> BackupTask {
    BackupTask::new("P01".parse().unwrap())
}

fn writer(bias: i32, layout: Layout) -> LogWriter {
    LogWriter::new("P01".parse().unwrap(), "cm01.corp.example").bias(bias).layout(layout)
}

/// What a log says some hours later.
fn summary(log: &str, start: Timestamp) -> RunSummary {
    let now = start + TimeDelta::hours(3);
    let mut site = WatchedSite::new(SiteSettings::new("P01".parse().unwrap()), now);
    fs::write(site.folder().join("smsbkup.log"), log).unwrap();
    site.poll(now);
    site.assess(now).runs
}

/// When the run wrote the entry of which this is true.
fn at(run: &RunScript, start: Timestamp, wanted: impl Fn(&Entry) -> bool) -> Timestamp {
    start + run.entries().iter().find(|(_, entry)| wanted(entry)).unwrap().0
}

fn says(words: &str) -> impl Fn(&Entry) -> bool {
    move |entry| matches!(entry, Entry::Text(text) if text.contains(words))
}

fn is(id: u16) -> impl Fn(&Entry) -> bool {
    move |entry| matches!(entry, Entry::Status(status) if status.id.0 == id)
}

/// The lines of a run without its status messages, each as the bias of its moment has it.
fn words(run: &RunScript, start: Timestamp, layout: Layout, bias: impl Fn(Timestamp) -> i32) -> String {
    let texts = run.entries().iter().filter(|(_, entry)| matches!(entry, Entry::Text(_)));
    texts.map(|(at, entry)| writer(bias(start + *at), layout).line(start + *at, entry)).collect()
}

#[test]
fn words_alone_give_the_right_times_under_every_bias() {
    let start: Timestamp = "2026-03-01T23:10:20.123Z".parse().unwrap();
    let run = task().success();
    for bias in BIASES {
        for layout in [Layout::Simple, Layout::Ccm] {
            let runs = summary(&words(&run, start, layout, |_| bias), start);
            let completed = at(&run, start, says("completed successfully with zero errors"));
            assert_eq!(runs.last_success, Some(completed), "{bias:+} {layout:?}");
            let stopping = at(&run, start, says("is stopping"));
            assert_eq!(runs.last_completion, Some(stopping), "{bias:+} {layout:?}");
        }
    }
}

#[test]
fn phases_between_words_and_status_messages_are_right_under_every_bias() {
    let start: Timestamp = "2026-12-31T23:10:20.123Z".parse().unwrap();
    let run = task().success();
    let prepare = at(&run, start, says("cleaning and preparing"));
    for bias in BIASES {
        for layout in [Layout::Simple, Layout::Ccm] {
            let runs = summary(&run.text(&writer(bias, layout), start), start);
            let phase = |phase: BackupPhase| {
                runs.last_phases.iter().find(|(known, _)| *known == phase).map(|(_, lasted)| *lasted)
            };
            assert_eq!(runs.last_success, Some(at(&run, start, is(5035))), "{bias:+} {layout:?}");
            let (locate, prepared) =
                (prepare - at(&run, start, is(5055)), at(&run, start, is(6829)) - prepare);
            assert_eq!(phase(BackupPhase::Locate), Some(locate), "{bias:+} {layout:?}");
            assert_eq!(phase(BackupPhase::Prepare), Some(prepared), "{bias:+} {layout:?}");
        }
    }
}

#[test]
fn a_change_of_the_clocks_inside_a_run_moves_nothing() {
    // The moment of the change, the bias before and after it: Berlin and New York, in spring and in autumn.
    for (change, before, after) in [
        ("2026-03-29T01:00:00Z", -60, -120),
        ("2026-10-25T01:00:00Z", -120, -60),
        ("2026-03-08T07:00:00Z", 300, 240),
        ("2026-11-01T06:00:00Z", 240, 300),
    ] {
        let change: Timestamp = change.parse().unwrap();
        let run = task().success();
        // The clocks change before anything, before the cleaning (thousandth 12), while it copies, after the end.
        for minutes in [-5, 1, 40, 95] {
            let start = change - TimeDelta::minutes(minutes);
            let bias = |time: Timestamp| if time < change { before } else { after };
            let runs = summary(&words(&run, start, Layout::Simple, bias), start);
            let completed = at(&run, start, says("completed successfully with zero errors"));
            assert_eq!(runs.last_success, Some(completed), "{change} after {minutes} minutes");

            let lines = run.entries().iter();
            let log: String = lines
                .map(|(at, entry)| writer(bias(start + *at), Layout::Simple).line(start + *at, entry))
                .collect();
            let runs = summary(&log, start);
            assert_eq!(
                runs.last_success,
                Some(at(&run, start, is(5035))),
                "{change} after {minutes} minutes"
            );
            let whole: TimeDelta = runs.last_phases.iter().map(|(_, lasted)| *lasted).sum();
            assert_eq!(whole, at(&run, start, is(5035)) - at(&run, start, is(500)), "{change} {minutes}");
        }
    }
}
