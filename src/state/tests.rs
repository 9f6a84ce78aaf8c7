//! Situations of runs and witnesses, folded from records as the sources hand them over.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;

mod database;
mod deliveries;
mod destination;
mod event_log;
mod schedule;
mod services;
mod witnesses;

use super::*;
use crate::config::SiteSettings;
use crate::site::*;
use crate::source::*;

const LOG: SourceKind = SourceKind::BackupLog;

fn at(seconds: i64) -> Timestamp {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

fn message(id: u16, severity: Severity, seconds: i64) -> RecordBody {
    RecordBody::Status(StatusMessage {
        id: MessageId(id),
        severity: Some(severity),
        component: if (6829..=6833).contains(&id) { Component::VssWriter } else { Component::SiteBackup },
        machine: "CM01.corp.example".into(),
        pid: Some(1),
        tid: Some(2),
        time: at(seconds),
        hint: None,
    })
}

/// `id` alone is information, `-id` an error, `w` a warning; words are remarks.
fn body(word: &str, seconds: i64) -> RecordBody {
    let reason = |cause, strength| Remark::Reason(Hint { cause, strength });
    let remark = match word {
        "stopping" => Remark::Stopping,
        "completed" => Remark::Completed,
        "failed" => Remark::Failed,
        "preparing" => Remark::Preparing,
        "code" => reason(FailureCause::DiskFull, HintStrength::Code),
        "phrase" => reason(FailureCause::CopyFailed, HintStrength::Phrase),
        number => {
            let (number, severity) = match (number.strip_prefix('-'), number.strip_prefix('w')) {
                (Some(number), _) => (number, Severity::Error),
                (_, Some(number)) => (number, Severity::Warning),
                _ => (number, Severity::Information),
            };
            return message(number.parse().unwrap(), severity, seconds);
        }
    };
    RecordBody::Remark { time: at(seconds), remark, text: word.into() }
}

/// Runs of a script such as `500@0 5055@1 5035@60 501@61`, read by one witness.
fn runs(script: &str) -> Vec<BackupRun> {
    let mut timeline = Timeline::default();
    timeline.insert(Witness::Log, records(script));
    derive_runs(&timeline, &Timings::DEFAULT)
}

fn records(script: &str) -> Vec<Record> {
    let record = |(position, word): (u64, &str)| {
        let (word, seconds) = word.split_once('@').unwrap();
        Record { position, body: body(word, seconds.parse().unwrap()) }
    };
    (0..).zip(script.split_whitespace()).map(record).collect()
}

fn labels(script: &str) -> Vec<String> {
    let label = |run: &BackupRun| match run.failure() {
        Some(cause) => format!("{} {cause}", run.outcome_label()),
        None => run.outcome_label().to_owned(),
    };
    runs(script).iter().map(label).collect()
}

#[test]
fn each_kind_of_ending_has_its_outcome() {
    for (script, expected) in [
        ("500@0 5055@1 5035@60 stopping@61 501@62", "succeeded"),
        ("500@0 5055@1 5035@60", "succeeded"),
        ("500@0 5055@1 w5050@9 5035@60 501@62", "succeeded"),
        ("500@0 5055@1 -5060@9 501@62", "failed unknown"),
        ("500@0 5055@1 -5060@9", "failed unknown"),
        ("500@0 5055@1 -5060@9 5035@60 501@62", "succeeded"),
        ("500@0 5055@1 5035@60 -5041@61 501@62", "succeeded"),
        ("500@0 5055@1 501@62", "failed service_stopped"),
        ("500@0 5055@1 stopping@62", "failed service_stopped"),
        ("500@0 5055@1", "in_progress"),
        ("5055@1 5035@60 501@61", "succeeded"),
        ("5056@1 5035@60 501@61", "succeeded"),
        ("500@0 -5060@1", "failed unknown"),
        ("500@0 5055@1 phrase@5 code@6 -5060@9 501@10", "failed disk_full"),
        ("500@0 5055@1 phrase@5 -5060@9 501@10", "failed copy_failed"),
        ("500@0 code@0 5055@1 -5060@9 code@9 -5060@10 501@10", "failed unknown"),
        ("500@0 5055@1 -6831@5 -5060@9 501@10", "failed writer"),
        // Words decide only where no status message does.
        ("500@0 5055@1 completed@5 501@10", "succeeded"),
        ("500@0 5055@1 code@4 failed@5 stopping@10", "failed disk_full"),
        ("500@0 5055@1 completed@5 -5060@6 501@10", "failed unknown"),
    ] {
        assert_eq!(labels(script), [expected], "{script}");
    }
}

#[test]
fn the_next_start_ends_a_run() {
    for (script, expected) in [
        ("500@0 5055@1 500@100 5055@101 5035@160", ["interrupted interrupted", "succeeded"].as_slice()),
        ("500@0 5055@1 -5060@5 5055@100", &["failed unknown", "in_progress"]),
        ("500@0 5055@1 5035@60 501@61 500@100 5055@101", &["succeeded", "in_progress"]),
        ("5055@1 5055@100", &["interrupted interrupted", "in_progress"]),
        // Its own 5055, though hours later, because the process is the same.
        ("500@0 5055@9000 5035@9100", &["succeeded"]),
        // Long after the end a message speaks for a run whose start was not seen.
        ("500@0 5055@1 501@9 5035@2000", &["failed service_stopped", "succeeded"]),
        ("500@0 5055@1 501@9 5035@60", &["succeeded"]),
        ("501@0 stopping@1 5040@2", &[]),
    ] {
        assert_eq!(labels(script), expected, "{script}");
    }
}

#[test]
fn a_log_that_keeps_only_errors_still_gives_their_reasons() {
    for (script, expected) in [
        ("code@0 -5060@5", ["failed disk_full"].as_slice()),
        ("phrase@0 code@1 failed@5 stopping@6", &["failed disk_full"]),
        ("500@0 5055@1 5035@60 501@61 code@90000 -5060@90005", &["succeeded", "failed disk_full"]),
        // Reasons of a run that is long over, and those before a start, explain nothing.
        ("code@0 -5060@4000", &["failed unknown"]),
        ("code@0 500@1 5055@2 -5060@5", &["failed unknown"]),
        ("code@0 preparing@1 -5060@5", &["failed unknown"]),
        ("code@0 501@1 -5060@5", &["failed unknown"]),
        // So soon after the end they may belong to the run that ended.
        ("500@0 5055@1 501@61 code@62 -5060@63", &["failed disk_full"]),
    ] {
        assert_eq!(labels(script), expected, "{script}");
    }
    let runs = runs("500@0 5055@1 5035@60 501@61 code@90000 -5060@90005");
    assert_eq!((runs[0].last, runs[1].first), (at(61), at(90_005)));
}

#[test]
fn the_next_start_does_not_tell_how_long_a_run_took() {
    let runs = runs("500@0 5055@10 6829@30 5056@60 500@86400 5055@86410 5056@86420 5035@86500 500@172800");
    let phases: Vec<_> = runs[0].phases.iter().map(|(phase, _)| *phase).collect();
    assert_eq!(phases, [BackupPhase::Start, BackupPhase::Prepare, BackupPhase::Snapshot]);
    assert_eq!(runs[0].duration(), None);
    assert_eq!(runs[1].duration(), Some(TimeDelta::seconds(90)));
    assert_eq!(runs[1].phases.last(), Some(&(BackupPhase::Copy, TimeDelta::seconds(80))));
}

#[test]
fn times_phases_and_counts_of_a_run() {
    let run = &runs(
        "500@0 5055@10 preparing@20 6829@30 5056@60 6833@62 5057@160 w5036@165 5035@170 5040@171 501@180",
    )[0];
    assert_eq!((run.started, run.succeeded), (Some(at(10)), Some(at(170))));
    assert_eq!(run.ended, Some((RunEnd::ServiceStop, at(180))));
    assert_eq!(run.duration(), Some(TimeDelta::seconds(170)));
    assert_eq!((run.warnings, run.after_backup_started, run.thawed), (1, Some(at(171)), Some(at(160))));
    let phases: Vec<_> =
        run.phases.iter().map(|(phase, lasted)| (phase.label(), lasted.num_seconds())).collect();
    let expected =
        [("start", 10), ("locate", 10), ("prepare", 10), ("snapshot", 30), ("copy", 100), ("finish", 10)];
    assert_eq!(phases, expected);
}

fn state() -> SiteState {
    let mut state = SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), at(0));
    for kind in [LOG, SourceKind::EventLog] {
        state.watch(
            SourceId { kind, location: String::new() },
            Duration::from_secs(5),
            kind.witness(),
            at(0),
        );
    }
    state
}

fn report(kind: SourceKind, started: Timestamp, facts: Vec<Fact>) -> PollReport {
    let cursor = Cursor::Log(backup_log::Cursor::default());
    PollReport {
        site: "P01".parse().unwrap(),
        source: SourceId { kind, location: String::new() },
        started,
        duration: Duration::ZERO,
        result: Ok(Poll { facts, cursor, reach: Reach::CaughtUp }),
    }
}

#[test]
fn a_witness_that_answers_and_cannot_be_read_is_not_waited_for_for_ever() {
    let mut state = state();
    let unread = |seconds| {
        let facts = vec![Fact::Lines(LineTotals::default())];
        let mut report = report(SourceKind::EventLog, at(seconds), facts);
        report.result.as_mut().unwrap().reach = Reach::Unsettled;
        report
    };
    let failed = vec![Fact::Records(Witness::Log, records("500@0 5055@1 -5060@9 501@10"))];
    state.fold(&report(LOG, at(11), failed), at(11));
    let patience = 10 + 120 + 30 * 60;
    for seconds in [131, patience - 1, patience + 1] {
        state.fold(&unread(seconds), at(seconds));
        state.fold(&report(LOG, at(seconds), vec![]), at(seconds));
        assert_eq!(state.totals.runs_failed, u64::from(seconds > patience), "{seconds}");
    }
}

#[test]
fn a_failure_is_counted_when_it_has_settled_and_every_working_witness_was_asked_since() {
    let mut state = state();
    let script = "500@0 5055@1 -5060@9 501@10";
    state.fold(&report(LOG, at(11), vec![Fact::Records(Witness::Log, records(script))]), at(11));
    state.fold(&report(SourceKind::EventLog, at(11), vec![]), at(11));
    assert_eq!(state.totals.runs, 0);
    state.fold(&report(LOG, at(131), vec![]), at(131));
    assert_eq!(state.totals.runs, 0, "the event log has not been asked since");
    state.fold(&report(SourceKind::EventLog, at(131), vec![]), at(131));
    assert_eq!((state.totals.runs, state.totals.runs_failed), (1, 1));
    // A 5035 that comes later than that changes the verdict, never a counter back.
    let late = vec![Record { position: 0, body: body("5035", 9) }];
    state.fold(&report(SourceKind::EventLog, at(140), vec![Fact::Records(Witness::EventLog, late)]), at(140));
    assert_eq!((state.totals.runs, state.totals.runs_failed), (1, 1));
    assert_eq!(state.runs[0].outcome(), Some(BackupOutcome::Succeeded));
}

#[test]
fn a_log_that_is_found_elsewhere_goes_on_where_it_was() {
    let mut state = state();
    state.fold(&report(LOG, at(100), vec![]), at(100));
    let moved = SourceId { kind: LOG, location: "elsewhere".to_owned() };
    // After a restart with the other location only that one is watched.
    state.sources.clear();
    state.watch(moved.clone(), Duration::from_secs(5), LOG.witness(), at(200));
    assert_eq!(state.cursor_for(&moved).as_ref(), state.cursors.values().next());
    let mut polled = report(LOG, at(200), vec![]);
    polled.source = moved.clone();
    if let Ok(Poll { cursor: Cursor::Log(cursor), .. }) = &mut polled.result {
        *cursor = serde_json::from_str(r#"{"next":7}"#).unwrap();
    }
    state.fold(&polled, at(200));
    assert_eq!(state.cursors.keys().collect::<Vec<_>>(), [&moved]);
}

#[test]
fn only_counted_runs_are_let_go_and_their_messages_are_not_counted_again() {
    let mut state = state();
    let script: Vec<_> = (0..300)
        .map(|day| {
            let start = day * 1000;
            format!("500@{start} 5055@{} 5035@{} 501@{}", start + 1, start + 60, start + 61)
        })
        .collect();
    let all = records(&script.join(" "));
    state.fold(&report(LOG, at(300_000), vec![Fact::Records(Witness::Log, all.clone())]), at(300_000));
    assert_eq!((state.runs.len(), state.totals.runs), (KEPT_RUNS, 300));
    assert_eq!(state.totals.messages.values().sum::<u64>(), 1200);
    state.fold(&report(LOG, at(300_001), vec![Fact::Records(Witness::EventLog, all)]), at(300_001));
    assert_eq!(state.totals.messages.values().sum::<u64>(), 1200);
    assert_eq!(state.totals.counted.len(), KEPT_RUNS);
}

#[test]
fn witnesses_that_contradict_each_other_are_named() {
    let mut state = state();
    state.fold(
        &report(LOG, at(100), vec![Fact::Records(Witness::Log, records("5055@1 5035@60 501@61"))]),
        at(100),
    );
    let other = records("5055@2 -5060@50 501@61");
    state
        .fold(&report(SourceKind::EventLog, at(100), vec![Fact::Records(Witness::EventLog, other)]), at(100));
    assert_eq!(state.contradictions.len(), 1);
    assert!(
        state.contradictions[0].contains("log reports success and event_log failure"),
        "{:?}",
        state.contradictions
    );
}

#[test]
fn a_flood_of_reasons_does_not_hide_the_next_error() {
    let mut state = state();
    let flood = (0..30_000).map(|second| Record { position: 2 + second, body: body("code", 1) });
    let start = records("500@0 5055@1");
    let end = [("-5060", 30), ("501", 31), ("500", 100), ("5055", 101), ("-5060", 150), ("501", 160)];
    let end = (40_000..).zip(end).map(|(position, (word, at))| Record { position, body: body(word, at) });
    let all = start.into_iter().chain(flood).chain(end).collect();
    state.fold(&report(LOG, at(200), vec![Fact::Records(Witness::Log, all)]), at(200));
    assert_eq!(state.totals.errors, 2);
    let causes: Vec<_> = state.runs.iter().map(BackupRun::failure).collect();
    assert_eq!(causes, [Some(FailureCause::DiskFull), Some(FailureCause::Unknown)]);
}

#[test]
fn a_run_that_is_dated_in_the_far_future_once_hides_nothing_later() {
    let mut state = state();
    let mut position = 0;
    let mut run = |start: i64| {
        let words = [("500", 0), ("5055", 1), ("5035", 60), ("501", 61)];
        words.map(|(word, after)| {
            position += 1;
            Record { position, body: body(word, start + after) }
        })
    };
    // The clock was decades ahead during the first run.
    let mut all = run(2_000_000_000).to_vec();
    all.extend((0..250).flat_map(|day| run(day * 1000)));
    state.fold(&report(LOG, at(1_000_000), vec![Fact::Records(Witness::Log, all)]), at(1_000_000));
    assert_eq!((state.runs.len(), state.totals.runs), (KEPT_RUNS, KEPT_RUNS as u64 + 51));
    let next = run(900_000).to_vec();
    state.fold(&report(LOG, at(1_000_100), vec![Fact::Records(Witness::Log, next)]), at(1_000_100));
    assert_eq!(state.runs.last().and_then(|run| run.succeeded), Some(at(900_060)));
    assert_eq!(state.totals.runs, KEPT_RUNS as u64 + 52);
}

#[test]
fn a_clock_that_was_set_within_a_run_counts_no_run_twice() {
    let mut state = state();
    let position = std::cell::Cell::new(0);
    let run = |times: [i64; 4], words: [&str; 4]| {
        let record = |(word, time)| {
            position.set(position.get() + 1);
            Record { position: position.get(), body: body(word, time) }
        };
        words.into_iter().zip(times).map(record).collect::<Vec<_>>()
    };
    let good = ["500", "5055", "5035", "501"];
    let day = |day: i64| [0, 1, 60, 61].map(|second| day * 1000 + second);
    // Two days ahead at its start, right at its end; and one that failed decades ahead.
    let mut all = run([2000, 2001, 60, 61], good);
    all.extend(run(
        [2_000_000_000, 2_000_000_001, 2_000_000_060, 2_000_000_061],
        ["500", "5055", "-5060", "501"],
    ));
    all.extend((1..250).flat_map(|number| run(day(number), good)));
    state.fold(&report(LOG, at(500_000), vec![Fact::Records(Witness::Log, all)]), at(500_000));
    state.fold(&report(SourceKind::EventLog, at(500_000), vec![]), at(500_000));
    let counted = state.totals.runs;
    assert_eq!(state.totals.runs_failed, 1, "the next start tells that it is over");
    assert_eq!(state.runs.len(), KEPT_RUNS);
    for number in 250..500 {
        let records = run(day(number), good);
        state.fold(
            &report(LOG, at(500_000 + number), vec![Fact::Records(Witness::Log, records)]),
            at(500_000 + number),
        );
    }
    assert_eq!((state.runs.len(), state.totals.runs), (KEPT_RUNS, counted + 250));
}

#[test]
fn what_the_runs_told_that_were_let_go_still_holds() {
    let mut state = state();
    let script: Vec<_> = (0..250)
        .map(|day| {
            let (start, decisive) = (day * 1000, if day == 0 { "5035" } else { "-5060" });
            format!("500@{start} 5055@{} {decisive}@{} 501@{}", start + 1, start + 60, start + 61)
        })
        .collect();
    let all = records(&script.join(" "));
    state.fold(&report(LOG, at(400_000), vec![Fact::Records(Witness::Log, all)]), at(400_000));
    state.fold(&report(SourceKind::EventLog, at(400_000), vec![]), at(400_000));
    assert_eq!(state.runs.len(), KEPT_RUNS);
    let runs = crate::assessment::assess(&state, at(400_000)).runs;
    assert_eq!((runs.last_success, runs.consecutive_failures), (Some(at(60)), Some(249)));
    assert_eq!(runs.last_success_start, Some(at(1)));
}

#[test]
fn a_run_of_which_the_rest_rolled_away_unread_proves_nothing() {
    let gap = |position, at_second| Record {
        position,
        body: RecordBody::Remark { time: at(at_second), remark: Remark::Gap, text: Box::default() },
    };
    for (before, expected) in [
        ("500@0 5055@1", vec!["succeeded"]),
        ("500@0 5055@1 -5060@9", vec!["failed", "succeeded"]),
        ("500@0 5055@1 5035@9", vec!["succeeded", "succeeded"]),
        ("500@0 5055@1 501@9", vec!["failed", "succeeded"]),
    ] {
        let mut timeline = Timeline::default();
        timeline.insert(Witness::Log, records(before));
        timeline.insert(Witness::Log, [gap(50, 5000)]);
        let later = records("500@9000 5055@9001 5035@9060 501@9061").into_iter();
        timeline
            .insert(Witness::Log, later.map(|record| Record { position: record.position + 60, ..record }));
        let runs = derive_runs(&timeline, &Timings::DEFAULT);
        let labels: Vec<_> = runs.iter().map(BackupRun::outcome_label).collect();
        assert_eq!(labels, expected, "{before}");
    }
}

#[test]
fn a_message_without_a_start_opens_no_run() {
    for (script, expected) in [
        ("500@0 5055@1 5035@60 501@61 5041@5000", ["succeeded"].as_slice()),
        ("w5036@0 500@10 5055@11 5035@60 501@61", &["succeeded"]),
        ("5057@0 stopping@1", &[]),
        ("500@0 5055@1 5035@60 501@61 501@9000", &["succeeded"]),
    ] {
        assert_eq!(labels(script), expected, "{script}");
    }
    // Nor does a stray stop move the end.
    assert_eq!(runs("500@0 5055@1 5035@60 501@61 501@9000")[0].duration(), Some(TimeDelta::seconds(60)));
}

/// One message of a script, and which witnesses report it with which delay.
fn sightings() -> impl Strategy<Value = Vec<(usize, bool, bool, i64)>> {
    proptest::collection::vec((0_usize..9, any::<bool>(), any::<bool>(), 0_i64..5), 1..60)
}

proptest! {
    /// The same evidence in any order of arrival gives the same runs and the same totals.
    #[test]
    fn arrival_order_does_not_matter(script in sightings(), seed in any::<u64>()) {
        const WORDS: [&str; 9] = ["500", "5055", "5056", "-5060", "5035", "w5036", "501", "stopping", "code"];
        let mut arrivals = Vec::new();
        for (index, (word, log, event_log, delay)) in (0_u32..).zip(&script) {
            let seconds = i64::from(index) * 7;
            if *log || !*event_log {
                let record = Record { position: index.into(), body: body(WORDS[*word], seconds) };
                arrivals.push((LOG, Witness::Log, record));
            }
            if *event_log {
                let record = Record { position: index.into(), body: body(WORDS[*word], seconds + delay) };
                arrivals.push((SourceKind::EventLog, Witness::EventLog, record));
            }
        }
        let fold = |arrivals: &[(SourceKind, Witness, Record)], batch: usize| {
            let mut state = state();
            for batch in arrivals.chunks(batch) {
                for (kind, witness, record) in batch {
                    let facts = vec![Fact::Records(*witness, vec![record.clone()])];
                    state.fold(&report(*kind, at(420), facts), at(420));
                }
            }
            for kind in [LOG, SourceKind::EventLog] {
                state.fold(&report(kind, at(9_000), vec![]), at(9_000));
            }
            state
        };
        let expected = fold(&arrivals, 1);
        let mut random = fastrand::Rng::with_seed(seed);
        random.shuffle(&mut arrivals);
        let shuffled = fold(&arrivals, 7);
        prop_assert_eq!(&shuffled.runs, &expected.runs);
        prop_assert_eq!(&shuffled.totals.messages, &expected.totals.messages);
        prop_assert_eq!(shuffled.totals.errors, expected.totals.errors);
        prop_assert_eq!(shuffled.timeline, expected.timeline);
    }
}
