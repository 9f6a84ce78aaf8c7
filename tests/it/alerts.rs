//! What alerts must be able to say: each expression becomes true in one simulated history and stays false in another.
//!
//! The histories go through the real fold, assessment and encoder, minute by minute from 1970 on (promtool's clock
//! starts there); promtool then evaluates the expressions over the series that came out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use configmgr_backup_exporter::config::{SiteSettings, SnapshotConfig, SnapshotRoot};
use configmgr_backup_exporter::metrics::{CATALOGUE, Format, METRIC_PREFIX, encode};
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

use crate::support::{copies, database, services, tool};

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;
/// Minutes between two points of a history.
const STEP: i64 = 5;

/// The expressions, `%` for the prefix of the names.
const EXPRESSIONS: &[(&str, &str)] = &[
    ("failed", "max by (site_code) (%last_run_failed) == 1 unless on (site_code) (%restart_pending == 1)"),
    ("repeatedly", "max by (site_code) (%consecutive_failed_runs) >= 2"),
    ("overdue", "time() > max by (site_code) (%success_due_timestamp_seconds)"),
    ("missed", "max by (site_code) (%missed_runs) >= 1"),
    ("stalled", "max by (site_code) (%run_stalled) == 1"),
    ("no copy", "max by (site_code) (%valid_copies) == 0 unless on (site_code) (%run_in_progress == 1)"),
    ("unrecoverable", "time() > max by (site_code) (%recoverable_until_timestamp_seconds)"),
    ("corrupt", "max by (site_code) (%snapshot_intact) == 0"),
    (
        "schedule",
        "max by (site_code) (%schedule_max_interval_seconds) \
         > max by (site_code) (%change_tracking_retention_seconds)",
    ),
    (
        "writer",
        "max by (site_code) (%service_running{name=\"SMS_SITE_VSS_WRITER\"}) == 0 \
         unless on (site_code) (%run_in_progress == 1)",
    ),
    (
        "silent source",
        "time() - max by (site_code, source) (%source_last_poll_success_timestamp_seconds) \
         > 3 * max by (site_code, source) (%source_poll_interval_seconds) + 600",
    ),
    ("site gone", "(max by (site_code) (%site_info offset 1h)) unless on (site_code) %site_info"),
];

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

/// A history and what an alert says at some of its minutes.
struct History {
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
        history("failed", 0, &good_then_bad, &[(90, false), (125, true), (200, true)]),
        history("failed", 0, &[(60, Log(BAD)), (120, Log(GOOD))], &[(90, true), (125, false)]),
        history(
            "failed",
            0,
            &[(60, Log(BAD)), (70, RestartPending(true)), (90, RestartPending(false))],
            &[(65, true), (80, false), (100, true)],
        ),
        history("repeatedly", 0, &good_then_bad, &[(90, false), (125, false), (185, true)]),
        // Latest begin 05:00, expected 8 h, grace 1 h: due by 14:00.
        history("overdue", 127, &[(3 * HOUR, LogFails)], &[(13 * HOUR, false), (15 * HOUR, false)]),
        // Once overdue it stays so, though nobody can read of the days that follow.
        history("overdue", 127, &[(15 * HOUR, LogFails)], &[(16 * HOUR, true), (2 * DAY + 16 * HOUR, true)]),
        history("overdue", 127, &[], &[(13 * HOUR, false), (14 * HOUR + 5, true)]),
        history("overdue", 127, &[(3 * HOUR, Log(GOOD))], &[(15 * HOUR, false), (DAY + 4 * HOUR, false)]),
        history(
            "overdue",
            127,
            &[(3 * HOUR, Log(GOOD)), (DAY + 3 * HOUR, Log(BAD))],
            &[(DAY + 4 * HOUR, false), (DAY + 6 * HOUR + 20, true)],
        ),
        history("missed", 127, &[], &[(5 * HOUR, false), (5 * HOUR + 20, true)]),
        history("missed", 127, &[(3 * HOUR, Log(BAD))], &[(5 * HOUR + 20, false), (DAY, false)]),
        history("missed", 127, &[(6 * HOUR, Log(GOOD))], &[(5 * HOUR + 20, true), (6 * HOUR + 5, false)]),
        history("stalled", 0, &[(60, Log(START))], &[(24 * HOUR, false), (25 * HOUR + 5, true)]),
        history("stalled", 0, &[(60, Log(START)), (90, Log(&[5035, 501]))], &[(26 * HOUR, false)]),
        history(
            "no copy",
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
            "no copy",
            0,
            &[(60, Log(GOOD)), (65, Snapshot(Good(1))), (120, Log(START)), (150, Log(&[-5060, 501]))],
            &[(125, false), (155, false), (DAY, false)],
        ),
        // It failed as early, but somebody else has been at the files.
        history(
            "no copy",
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
        history("no copy", 0, &[(60, Log(GOOD)), (65, Snapshot(WithoutMedia))], &[(60, false), (70, true)]),
        history("no copy", 0, &[(60, Log(BAD))], &[(90, false)]),
        history(
            "unrecoverable",
            0,
            &[(60, Log(GOOD)), (65, Snapshot(Good(1))), (70, retention(1))],
            &[(70, false), (DAY, false), (DAY + 65, true)],
        ),
        history(
            "unrecoverable",
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
            "corrupt",
            0,
            &[(60, Log(GOOD)), (65, Snapshot(Good(1))), (70, intact(false))],
            &[(65, false), (75, true)],
        ),
        history(
            "corrupt",
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
        history("schedule", 1, &[(60, retention(5))], &[(30, false), (65, true)]),
        history("schedule", 1 | 8, &[(60, retention(5))], &[(65, false)]),
        history("writer", 0, &[(60, writer(true)), (90, writer(false))], &[(65, false), (95, true)]),
        history(
            "writer",
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
        history("silent source", 0, &[(60, LogFails)], &[(60, false), (65, false), (75, true)]),
        history("silent source", 0, &[], &[(75, false), (DAY, false)]),
        history("site gone", 0, &[(120, Event::Gone)], &[(100, false), (150, true), (181, false)]),
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

/// `%name` with the prefix of every metric.
fn full(expression: &str) -> String {
    expression.replace('%', METRIC_PREFIX)
}

#[test]
fn the_expressions_use_only_names_of_the_catalogue() {
    let names: Vec<_> = CATALOGUE.iter().map(|metric| metric.name).collect();
    for (alert, expression) in EXPRESSIONS {
        for word in expression.split('%').skip(1) {
            let name: String = word.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            assert!(names.contains(&name.as_str()), "{alert}: {name}");
        }
    }
}

#[test]
fn every_expression_becomes_true_in_one_history_and_stays_false_in_another() {
    let histories = histories();
    for (alert, _) in EXPRESSIONS {
        let outcomes: Vec<_> = histories.iter().filter(|history| history.alert == *alert).collect();
        assert!(outcomes.iter().any(|h| h.expected.iter().any(|(_, fires)| *fires)), "{alert} never fires");
        assert!(
            outcomes.iter().any(|h| h.expected.iter().any(|(_, fires)| !fires)),
            "{alert} is never silent"
        );
    }
    let Some(promtool) = tool("promtool") else { return };
    let mut tests = "tests:\n".to_owned();
    for history in &histories {
        let (_, expression) = EXPRESSIONS.iter().find(|(name, _)| *name == history.alert).unwrap();
        let until = history.expected.iter().map(|(minute, _)| *minute).max().unwrap();
        let _ = writeln!(tests, "- name: {:?}\n  interval: {STEP}m\n  input_series:", history.alert);
        for (name, values) in series(history, until) {
            let values: Vec<_> = values.iter().map(|value| value.as_deref().unwrap_or("_")).collect();
            // A series that ends is stale, as after a failed scrape.
            let _ = writeln!(tests, "  - series: {name:?}\n    values: {:?}", values.join(" ") + " stale");
        }
        let _ = writeln!(tests, "  promql_expr_test:");
        for (minute, fires) in &history.expected {
            let expression = format!("(count({}) > bool 0) or vector(0)", full(expression));
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
    let output = std::process::Command::new(promtool).args(["test", "rules"]).arg(&file).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}", said.chars().take(6000).collect::<String>());
}
