//! What the expressions of alerts must be able to say: each becomes true in one history and stays false in another.
//!
//! The facts of a history go through the real fold, assessment and encoder, minute by minute from 1970 on (promtool's
//! clock starts there); promtool then evaluates the shipped expressions over the series that came out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use configmgr_backup_exporter::config::{SiteSettings, SnapshotConfig, SnapshotRoot};
use configmgr_backup_exporter::metrics::{Format, encode};
use configmgr_backup_exporter::schedule::Zone;
use configmgr_backup_exporter::site::{
    Component, Decision, Hold, HoldReason, MessageId, RestartPlan, RestartStanding, Severity, SiteRole,
    SiteService, StatusMessage, TaskWindow, Timestamp, Witness,
};
use configmgr_backup_exporter::snapshot::{Finding, Verification};
use configmgr_backup_exporter::source::{
    Cursor, Fact, FailureKind, Poll, PollFailure, PollReport, Reach, Record, RecordBody, SourceId,
    SourceKind, backup_log,
};
use configmgr_backup_exporter::state::{Published, SiteState};

use super::asked;
use super::notation::notation;
use super::rules::expression;
use crate::support::{copies, database, services};

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;
/// Minutes between two points of a history.
const STEP: i64 = 5;

/// What happens at a minute.
#[derive(Clone)]
enum Event {
    /// Status messages in the log: ids, an error with a minus sign.
    Log(&'static [i32]),
    /// An observation of another source.
    Fact(SourceKind, Box<Fact>),
    /// From here on walks see this in the destination.
    Snapshot(Seen),
    /// All of the snapshot has been read.
    Verified {
        /// Whether it is undamaged.
        intact: bool,
    },
    /// The exporter is about to restart the backup, or not any more.
    RestartPending(bool),
    /// From here on polls of the log fail.
    LogFails,
    /// From here on the exporter is gone.
    Gone,
}
use Event::{Log, LogFails, RestartPending, Snapshot, Verified};

/// What lies in the destination.
#[derive(Clone, Copy)]
enum Seen {
    /// The files of a good backup, another one's for each number.
    Good(u8),
    /// The same without the media.
    WithoutMedia,
}
use Seen::{Good, WithoutMedia};

fn intact(intact: bool) -> Event {
    Verified { intact }
}

fn survey(seen: Seen, now: Timestamp) -> Fact {
    let site = "P01".parse().unwrap();
    let survey = match seen {
        Good(generation) => copies::good(site, now, generation),
        WithoutMedia => copies::files(site, now, 1, |path| !path.starts_with("CD.Latest")),
    };
    Fact::Survey(SnapshotRoot::Site, survey)
}

/// The result of reading all of the snapshot of the last success.
fn verification(state: &SiteState, intact: bool, now: Timestamp) -> Fact {
    let run = state.runs.iter().rev().find(|run| run.succeeded.is_some()).unwrap();
    let config = state.settings.snapshot.as_ref().unwrap();
    let (_, folder) = config.folders(state.settings.code).remove(0);
    let mut verification = Verification::new(folder, run.started_or_first(), now);
    verification.finished = Some(now);
    if !intact {
        verification.find(Finding::damaged("SiteDBServer/CM_P01.mdf", "a checksum", "another").at_page(77));
    }
    Fact::Verification(verification)
}

fn writer(running: bool) -> Event {
    let seen = services::seen(&[(SiteService::VssWriter, running)]);
    Event::Fact(SourceKind::Services, Box::new(Fact::Services(seen)))
}

fn retention(days: u64) -> Event {
    let tracking = database::change_tracking(Duration::from_secs(days * 86_400));
    Event::Fact(SourceKind::Database, Box::new(tracking))
}

const GOOD: &[i32] = &[500, 5055, 5035, 501];
const BAD: &[i32] = &[500, 5055, -5060, 501];
const START: &[i32] = &[500, 5055];
/// Services are stopped for the snapshot: the old one has been deleted.
const PREPARED: &[i32] = &[6829];

/// A history and what the expression of an alert says at some of its minutes, without its `for`.
struct History {
    /// Without the words that all names begin with.
    alert: &'static str,
    /// Days of the schedule as a mask; 0 for no schedule. Begin 02:00, latest begin 05:00, UTC.
    days: u8,
    events: Vec<(i64, Event)>,
    expected: Vec<(i64, bool)>,
}

fn histories() -> Vec<History> {
    let history = |alert, days, events: &[(i64, Event)], expected: &[(i64, bool)]| History {
        alert,
        days,
        events: events.to_vec(),
        expected: expected.to_vec(),
    };
    let good_then_bad = [(60, Log(GOOD)), (120, Log(BAD)), (180, Log(BAD))];
    vec![
        history("Failed", 0, &good_then_bad, &[(90, false), (125, true), (200, true)]),
        history("Failed", 0, &[(60, Log(BAD)), (120, Log(GOOD))], &[(90, true), (125, false)]),
        history(
            "Failed",
            0,
            &[(60, Log(BAD)), (70, RestartPending(true)), (90, RestartPending(false))],
            &[(65, true), (80, false), (100, true)],
        ),
        history("FailedRepeatedly", 0, &good_then_bad, &[(90, false), (125, false), (185, true)]),
        // Latest begin 05:00, expected 8 h, grace 1 h: due by 14:00.
        history("Overdue", 127, &[(3 * HOUR, LogFails)], &[(13 * HOUR, false), (15 * HOUR, false)]),
        // Once overdue it stays so, though nobody can read of the days that follow.
        history("Overdue", 127, &[(15 * HOUR, LogFails)], &[(16 * HOUR, true), (2 * DAY + 16 * HOUR, true)]),
        history("Overdue", 127, &[], &[(13 * HOUR, false), (14 * HOUR + 5, true)]),
        history("Overdue", 127, &[(3 * HOUR, Log(GOOD))], &[(15 * HOUR, false), (DAY + 4 * HOUR, false)]),
        history(
            "Overdue",
            127,
            &[(3 * HOUR, Log(GOOD)), (DAY + 3 * HOUR, Log(BAD))],
            &[(DAY + 4 * HOUR, false), (DAY + 6 * HOUR + 20, true)],
        ),
        history("Missed", 127, &[], &[(5 * HOUR, false), (5 * HOUR + 20, true)]),
        history("Missed", 127, &[(3 * HOUR, Log(BAD))], &[(5 * HOUR + 20, false), (DAY, false)]),
        history("Missed", 127, &[(6 * HOUR, Log(GOOD))], &[(5 * HOUR + 20, true), (6 * HOUR + 5, false)]),
        history("Stalled", 0, &[(60, Log(START))], &[(24 * HOUR, false), (25 * HOUR + 5, true)]),
        history("Stalled", 0, &[(60, Log(START)), (90, Log(&[5035, 501]))], &[(26 * HOUR, false)]),
        history(
            "NoValidCopy",
            0,
            &[
                (60, Log(GOOD)),
                (65, Snapshot(Good(1))),
                (120, Log(START)),
                (130, Log(PREPARED)),
                (150, Log(&[-5060, 501])),
            ],
            &[(90, false), (125, false), (135, false), (155, true)],
        ),
        // It failed before it deleted anything, and the old one is as it was.
        history(
            "NoValidCopy",
            0,
            &[(60, Log(GOOD)), (65, Snapshot(Good(1))), (120, Log(START)), (150, Log(&[-5060, 501]))],
            &[(125, false), (155, false), (DAY, false)],
        ),
        // It failed as early, but somebody else has been at the files.
        history(
            "NoValidCopy",
            0,
            &[
                (60, Log(GOOD)),
                (65, Snapshot(Good(1))),
                (120, Log(START)),
                (130, Snapshot(Good(2))),
                (150, Log(&[-5060, 501])),
            ],
            &[(125, false), (155, true)],
        ),
        history(
            "NoValidCopy",
            0,
            &[(60, Log(GOOD)), (65, Snapshot(WithoutMedia))],
            &[(60, false), (70, true)],
        ),
        history("NoValidCopy", 0, &[(60, Log(BAD))], &[(90, false)]),
        history(
            "Unrecoverable",
            0,
            &[(60, Log(GOOD)), (65, Snapshot(Good(1))), (70, retention(1))],
            &[(70, false), (DAY, false), (DAY + 65, true)],
        ),
        history(
            "Unrecoverable",
            0,
            &[
                (60, Log(GOOD)),
                (65, Snapshot(Good(1))),
                (70, retention(1)),
                (DAY, Log(GOOD)),
                (DAY, Snapshot(Good(2))),
            ],
            &[(DAY + 65, false)],
        ),
        history(
            "SnapshotCorrupt",
            0,
            &[(60, Log(GOOD)), (65, Snapshot(Good(1))), (70, intact(false))],
            &[(65, false), (75, true)],
        ),
        history(
            "SnapshotCorrupt",
            0,
            &[
                (60, Log(GOOD)),
                (65, Snapshot(Good(1))),
                (70, intact(true)),
                (80, Log(GOOD)),
                (80, Snapshot(Good(2))),
                (90, intact(false)),
                (100, Log(GOOD)),
                (100, Snapshot(Good(3))),
            ],
            &[(75, false), (85, false), (95, true), (105, false)],
        ),
        // Sunday only: seven days between two backups.
        history("ScheduleExceedsRetention", 1, &[(60, retention(5))], &[(30, false), (65, true)]),
        history("ScheduleExceedsRetention", 1 | 8, &[(60, retention(5))], &[(65, false)]),
        history(
            "SmsWriterNotRunning",
            0,
            &[(60, writer(true)), (90, writer(false))],
            &[(65, false), (95, true)],
        ),
        history(
            "SmsWriterNotRunning",
            0,
            &[
                (60, writer(true)),
                (85, Log(START)),
                (90, writer(false)),
                (100, Log(&[5035, 501])),
                (105, writer(true)),
            ],
            &[(95, false), (110, false)],
        ),
        history("SourceSilent", 0, &[(60, LogFails)], &[(60, false), (65, false), (75, true)]),
        history("SourceSilent", 0, &[], &[(75, false), (DAY, false)]),
        history("SiteGone", 0, &[(120, Event::Gone)], &[(100, false), (150, true), (181, false)]),
    ]
}

fn at(minute: i64) -> Timestamp {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
}

fn source(kind: SourceKind) -> SourceId {
    SourceId { kind, location: "simulated".to_owned() }
}

fn report(kind: SourceKind, now: Timestamp, result: Result<Vec<Fact>, FailureKind>) -> PollReport {
    let cursor = Cursor::Log(backup_log::Cursor::default());
    PollReport {
        site: "P01".parse().unwrap(),
        source: source(kind),
        started: now,
        duration: Duration::from_millis(1),
        result: match result {
            Ok(facts) => Ok(Poll { facts, cursor, reach: Reach::CaughtUp }),
            Err(kind) => Err(PollFailure { kind, message: "simulated".to_owned() }),
        },
    }
}

/// The series that a history exports: name with labels to one value (or none) for each step.
fn series(history: &History, until: i64) -> BTreeMap<String, Vec<Option<String>>> {
    let mut settings = SiteSettings::new("P01".parse().unwrap());
    settings.role = Some(SiteRole::Hierarchy);
    settings.schedule =
        (history.days > 0).then_some(TaskWindow { days: history.days, begin: 120, latest_begin: 300 });
    settings.time_zone = Some(Zone::Utc);
    settings.snapshot = Some(SnapshotConfig { archives: Vec::new(), ..copies::config() });
    let mut state = SiteState::new(Arc::new(settings), at(0));
    let kind = |(_, event): &(i64, Event)| match event {
        Event::Fact(kind, _) => Some(*kind),
        Snapshot(_) => Some(SourceKind::Snapshot),
        Verified { .. } => Some(SourceKind::Verification),
        _ => None,
    };
    let kinds: BTreeSet<_> = history.events.iter().filter_map(kind).collect();
    for kind in kinds.into_iter().chain([SourceKind::BackupLog]) {
        state.watch(source(kind), Duration::from_secs(5), kind.witness(), at(0));
    }
    let mut seen: BTreeMap<SourceKind, Fact> = BTreeMap::new();
    let mut lies_there = None;
    let (mut position, mut log_fails, mut gone) = (0, false, false);
    let mut series: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
    for step in 0..=until / STEP {
        let minute = step * STEP;
        let now = at(minute);
        let coverage =
            Fact::Coverage { witness: Witness::Log, oldest: Some(at(-2 * DAY)), newest: None, gap: false };
        let mut facts = vec![coverage];
        for (_, event) in history.events.iter().filter(|(at, _)| *at == minute) {
            match event {
                Event::Fact(kind, fact) => {
                    seen.insert(*kind, Fact::clone(fact));
                }
                Snapshot(seen) => lies_there = Some(*seen),
                Verified { intact } => {
                    let fact = verification(&state, *intact, now);
                    state.fold(&report(SourceKind::Verification, now, Ok(vec![fact])), now);
                }
                RestartPending(pending) => {
                    let held = Hold { reason: HoldReason::AlreadyAttempted, finding: "".into() };
                    let decision = match pending {
                        true => Decision::Restart(RestartPlan::Start),
                        false => Decision::Hold(vec![held]),
                    };
                    state.stands(RestartStanding { pending: *pending, ..services::standing(decision) });
                }
                LogFails => log_fails = true,
                Event::Gone => gone = true,
                Log(ids) => {
                    let records = ids.iter().map(|id| {
                        position += 1;
                        record(
                            *id,
                            position,
                            now - TimeDelta::seconds(60 - i64::try_from(position % 60).unwrap()),
                        )
                    });
                    facts.push(Fact::Records(Witness::Log, records.collect()));
                }
            }
        }
        let polled = if log_fails { Err(FailureKind::Unreachable) } else { Ok(facts) };
        state.fold(&report(SourceKind::BackupLog, now, polled), now);
        if let Some(lies_there) = lies_there {
            seen.insert(SourceKind::Snapshot, survey(lies_there, now));
        }
        for (kind, fact) in &seen {
            state.fold(&report(*kind, now, Ok(vec![fact.clone()])), now);
        }
        if gone {
            continue;
        }
        let published = Published {
            sites: BTreeMap::from([(state.settings.code, Arc::new(state.clone()))]),
            ..Published::default()
        };
        let text = encode(&published, None, now, Format::Text);
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let values = series.entry(name.to_owned()).or_default();
            values.resize(usize::try_from(step).unwrap(), None);
            values.push(Some(value.to_owned()));
        }
    }
    series
}

fn record(id: i32, position: u64, time: Timestamp) -> Record {
    let severity = if id < 0 { Severity::Error } else { Severity::Information };
    let message = StatusMessage {
        id: MessageId(u16::try_from(id.abs()).unwrap()),
        severity: Some(severity),
        component: if id == 6829 { Component::VssWriter } else { Component::SiteBackup },
        machine: "cm01".into(),
        pid: None,
        tid: None,
        time,
        hint: None,
    };
    Record { position, body: RecordBody::Status(message) }
}

#[test]
fn every_expression_becomes_true_in_one_history_and_stays_false_in_another() {
    let histories = histories();
    let mut outcomes: BTreeMap<_, BTreeSet<bool>> = BTreeMap::new();
    for history in &histories {
        outcomes.entry(history.alert).or_default().extend(history.expected.iter().map(|(_, fires)| *fires));
    }
    for (alert, outcomes) in outcomes {
        assert_eq!(outcomes, BTreeSet::from([false, true]), "{alert}");
    }
    let mut tests = "tests:\n".to_owned();
    for history in &histories {
        let expression = expression(history.alert);
        let until = history.expected.iter().map(|(minute, _)| *minute).max().unwrap();
        let _ = writeln!(tests, "- name: {:?}\n  interval: {STEP}m\n  input_series:", history.alert);
        for (name, values) in series(history, until) {
            let _ = writeln!(tests, "  - series: {name:?}\n    values: {:?}", notation(&values) + " stale");
        }
        let _ = writeln!(tests, "  promql_expr_test:");
        for (minute, fires) in &history.expected {
            let expression = format!("(count({expression}) > bool 0) or vector(0)");
            let value = u8::from(*fires);
            let _ = writeln!(
                tests,
                "  - expr: {expression:?}\n    eval_time: {minute}m\n    exp_samples: [{{labels: '{{}}', value: {value}}}]"
            );
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("expressions.test.yml");
    std::fs::write(&file, format!("evaluation_interval: {STEP}m\n{tests}")).unwrap();
    asked("promtool", ["test", "rules", file.to_str().unwrap()]);
}
