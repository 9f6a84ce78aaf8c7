//! Whatever the simulated site writes, in either layout and any zone, is read back as what it was meant to be.

use chrono::TimeDelta;
use configmgr_backup_exporter::cli::log::{Format, run};
use configmgr_backup_exporter::demo::writer::{BackupTask, Layout, LogWriter, RunScript};
use configmgr_backup_exporter::site::{BackupPhase, ClosedSet, FailureCause, MessageId, Timestamp};
use serde_json::Value;

/// Writes the runs three hours apart and gives what `log --format json` says of them.
fn read_back(runs: &[RunScript], layout: Layout, bias: i32) -> Vec<Value> {
    let writer = LogWriter::new("P01".parse().unwrap(), "CM01.corp.example").layout(layout).bias(bias);
    let mut text = Vec::new();
    let mut start = Timestamp::UNIX_EPOCH;
    for (pid, run) in (1_000..).zip(runs) {
        run.clone().process(pid, pid + 1).write(&writer, start, &mut text).unwrap();
        start += TimeDelta::hours(3);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("smsbkup.log");
    std::fs::write(&path, text).unwrap();
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    run(&[path], Format::Json, &mut out, &mut notes).unwrap();
    assert_eq!(String::from_utf8(notes).unwrap(), "", "nothing is malformed");
    serde_json::from_slice(&out).unwrap()
}

fn in_both_layouts(runs: &[RunScript]) -> Vec<Value> {
    let simple = read_back(runs, Layout::Simple, -60);
    assert_eq!(simple, read_back(runs, Layout::Ccm, 300));
    assert_eq!(simple.len(), runs.len());
    simple
}

fn outcomes(runs: &[RunScript]) -> Vec<String> {
    in_both_layouts(runs).iter().map(|run| run["outcome"].as_str().unwrap().to_owned()).collect()
}

fn task() -> BackupTask {
    BackupTask::new("P01".parse().unwrap())
}

#[test]
fn every_failure_is_read_as_its_own_cause() {
    let scripts: Vec<_> = FailureCause::ALL.iter().map(|cause| task().failure(*cause)).collect();
    // A success at the end, so that the last run before it has ended too.
    let runs = in_both_layouts(&[scripts, vec![task().success()]].concat());
    for (run, &cause) in runs.iter().zip(FailureCause::ALL) {
        // A stalled run that the next one ends was interrupted.
        let cause = if cause == FailureCause::Stalled { FailureCause::Interrupted } else { cause };
        assert_eq!(run["cause"], cause.label(), "{run}");
    }
}

#[test]
fn every_other_run_has_the_outcome_it_was_written_for() {
    let task = task();
    let good = [
        task.success(),
        task.clone().after_backup(false).success(),
        task.warning(),
        task.after_backup_fails(),
        task.success().without(MessageId::TASK_STARTED),
    ];
    assert_eq!(outcomes(&good), ["succeeded"; 5]);
    for &phase in BackupPhase::ALL {
        assert_eq!(outcomes(&[task.unfinished(phase)]), ["in_progress"], "{phase}");
        let crashed = [task.unfinished(phase), task.success()];
        assert_eq!(outcomes(&crashed), ["interrupted", "succeeded"], "{phase}");
    }
    assert_eq!(outcomes(&[task.stopped()]), ["failed"]);
    let open = &in_both_layouts(&[task.failed_and_running(FailureCause::DiskFull)])[0];
    assert_eq!((&open["cause"], &open["ended"]), (&Value::from("disk_full"), &Value::Null));
}
