//! What the expressions of alerts must be able to say: each becomes true in one history and stays false in another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use configmgr_backup_exporter::site::SiteService;
use configmgr_backup_exporter::source::{Fact, SourceKind};

use super::asked;
use super::notation::notation;
use super::recorder::Event::{self, Log, LogFails, RestartPending, Snapshot, Verified};
use super::recorder::Seen::{Good, WithoutMedia};
use super::recorder::{History, STEP, series};
use super::rules::expression;
use crate::support::{database, services};

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

fn intact(intact: bool) -> Event {
    Verified { intact }
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
