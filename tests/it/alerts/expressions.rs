//! What the expressions of alerts say of a site, without their `for`: each becomes true in one story and is false in
//! another, or before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use configmgr_backup_exporter::site::FailureCause::{self, ControlFile, DiskFull, SharingViolation};
use configmgr_backup_exporter::site::SiteService::{Executive, VssWriter};
use configmgr_backup_exporter::source::SourceKind;

use super::asked;
use super::event::Event;
use super::event::Event::{
    Damages, Disabled, Fails, Fills, Pauses, Reaches, Stop, Stopped, UpdateBegins, UpdateEnds,
};
use super::rules::{NAME, expression, rules};
use super::simulated_site::Damage::{Page, Replaced, WithoutMedia};
use super::story::{CM01, Story};

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;
/// When the task begins on the first day; a good run takes 90 minutes.
const NIGHT: i64 = 2 * HOUR;
const AGAIN: i64 = NIGHT + DAY;

const LOG: Event = Fails(&[SourceKind::BackupLog, SourceKind::Database]);
const SUNDAY: u8 = 1;
const WEDNESDAY: u8 = 8;

/// A story, and what the expression of an alert says at some of its minutes.
type Row = (&'static str, Story, &'static [(i64, bool)]);

/// A site whose last backup was a day ago.
fn site() -> Story {
    Story::new("2026-03-04T00:00:00Z", 0, 5).backups(&[NIGHT - DAY])
}

fn fails(cause: FailureCause, minutes: &[i64]) -> Story {
    minutes.iter().fold(site(), |story, minute| story.run(CM01, *minute, Some(cause), false))
}

fn runs() -> Vec<Row> {
    vec![
        (
            "Failed",
            fails(DiskFull, &[NIGHT]).backups(&[AGAIN]),
            &[(NIGHT, false), (NIGHT + 70, true), (DAY, true), (DAY + 4 * HOUR, false)],
        ),
        // While another one is about to be made, and that is put off for a while.
        (
            "Failed",
            fails(SharingViolation, &[NIGHT]).and(&[(155, Pauses(true)), (200, Pauses(false))]),
            &[(150, false), (165, true), (195, true), (205, false)],
        ),
        ("RestartHeld", fails(SharingViolation, &[NIGHT]), &[(150, false), (165, false), (200, false)]),
        ("RestartHeld", fails(DiskFull, &[NIGHT]), &[(150, false), (190, true)]),
        (
            "FailedRepeatedly",
            fails(DiskFull, &[NIGHT, AGAIN]),
            &[(DAY, false), (AGAIN, false), (AGAIN + 70, true)],
        ),
        // Latest begin 05:00, a grace of an hour, and what a run takes.
        ("Overdue", site(), &[(6 * HOUR, false), (8 * HOUR, true)]),
        ("Overdue", site().backups(&[NIGHT]), &[(8 * HOUR, false), (DAY + 6 * HOUR, false)]),
        (
            "Overdue",
            fails(DiskFull, &[AGAIN]).backups(&[NIGHT]),
            &[(DAY + 6 * HOUR, false), (DAY + 8 * HOUR, true)],
        ),
        ("Overdue", site().and(&[(3 * HOUR, LOG)]), &[(6 * HOUR, false), (8 * HOUR, false)]),
        // Once overdue it stays so, though nobody can read of the days that follow.
        ("Overdue", site().and(&[(15 * HOUR, LOG)]), &[(16 * HOUR, true), (2 * DAY + 16 * HOUR, true)]),
        ("Missed", site(), &[(5 * HOUR, false), (5 * HOUR + 20, true)]),
        ("Missed", fails(DiskFull, &[3 * HOUR]), &[(5 * HOUR + 20, false), (DAY, false)]),
        ("Missed", site().backups(&[6 * HOUR]), &[(5 * HOUR + 20, true), (8 * HOUR, false)]),
        ("Stalled", site().hangs(NIGHT), &[(NIGHT + DAY - 5, false), (NIGHT + DAY + 5, true)]),
        ("Stalled", site().backups(&[NIGHT]), &[(NIGHT + DAY + 5, false)]),
    ]
}

fn copies() -> Vec<Row> {
    vec![
        (
            "NoValidCopy",
            fails(DiskFull, &[NIGHT]),
            &[(NIGHT + 5, false), (NIGHT + 25, false), (4 * HOUR, true)],
        ),
        // It failed before it deleted anything, and the old one is as it was.
        ("NoValidCopy", fails(ControlFile, &[NIGHT]), &[(NIGHT + 5, false), (4 * HOUR, false), (DAY, false)]),
        // It failed as early, but somebody else has been at the files.
        (
            "NoValidCopy",
            fails(ControlFile, &[NIGHT]).and(&[(NIGHT, Damages(Replaced))]),
            &[(NIGHT, false), (4 * HOUR, true)],
        ),
        ("NoValidCopy", site().and(&[(30, Damages(WithoutMedia))]), &[(25, false), (35, true)]),
        (
            "NoValidCopy",
            fails(ControlFile, &[NIGHT]).and(&[(0, Fails(&[SourceKind::Snapshot]))]),
            &[(4 * HOUR, false)],
        ),
        ("SnapshotIncomplete", site().and(&[(30, Damages(WithoutMedia))]), &[(25, false), (35, true)]),
        ("SnapshotChanged", site().and(&[(30, Damages(Replaced))]), &[(25, false), (90, true)]),
        (
            "SnapshotCorrupt",
            site().backups(&[NIGHT, 8 * HOUR]).and(&[(NIGHT + 100, Damages(Page))]),
            &[(NIGHT, false), (NIGHT + 100, false), (7 * HOUR, true), (12 * HOUR, false)],
        ),
        // After a day, because that is how long changes are kept here.
        ("Unrecoverable", Story { retention: 1, ..site() }, &[(HOUR, false), (NIGHT + HOUR, true)]),
        ("Unrecoverable", Story { retention: 1, ..site() }.backups(&[NIGHT]), &[(HOUR, false), (DAY, false)]),
        ("ArchiveStale", Story { archives: true, ..site() }, &[(HOUR, true)]),
        (
            "ArchiveStale",
            Story { archives: true, ..site() }.run(CM01, NIGHT - 2 * DAY, None, true),
            &[(HOUR, false)],
        ),
    ]
}

fn surroundings() -> Vec<Row> {
    let update = site().and(&[(60, UpdateBegins), (90, UpdateEnds)]);
    vec![
        // Seven days between two backups, then at most four.
        ("ScheduleExceedsRetention", Story { days: SUNDAY, ..site() }, &[(0, false), (65, true)]),
        ("ScheduleExceedsRetention", Story { days: SUNDAY | WEDNESDAY, ..site() }, &[(65, false)]),
        ("TaskDisabled", Story { days: 0, ..site() }, &[(0, false), (65, true)]),
        ("TaskDisabled", Story { task_enabled: false, ..site() }, &[(65, false)]),
        ("NoneSinceUpdate", update.clone(), &[(60, false), (DAY + NIGHT, true)]),
        ("NoneSinceUpdate", update.backups(&[NIGHT]), &[(DAY + NIGHT, false)]),
        ("WriterNotReady", site().and(&[(90, Stopped(&[VssWriter]))]), &[(65, false), (95, true)]),
        (
            "WriterNotReady",
            site().backups(&[NIGHT]).and(&[(NIGHT + 30, Stopped(&[VssWriter])), (NIGHT + 60, Stopped(&[]))]),
            &[(NIGHT + 35, false), (NIGHT + 100, false)],
        ),
        ("ServicesNotRecovered", site().and(&[(90, Stopped(&[Executive]))]), &[(65, false), (95, true)]),
        (
            "ServicesNotRecovered",
            site().and(&[(60, UpdateBegins), (90, Stopped(&[Executive])), (120, UpdateEnds)]),
            &[(95, false), (115, false), (125, true)],
        ),
        ("ServiceUnusable", site().and(&[(90, Disabled(&[Executive]))]), &[(85, false), (95, true)]),
        ("DestinationSpace", site().and(&[(60, Fills)]), &[(55, false), (65, true)]),
        // The oldest change is of five days ago.
        ("ChangeTracking", Story { retention: 1, ..site() }, &[(0, false), (65, true)]),
        ("ChangeTracking", site(), &[(65, false)]),
        ("SourceSilent", site().and(&[(60, LOG)]), &[(60, false), (65, false), (75, true)]),
        ("SourceSilent", site().and(&[(60, Reaches(false))]), &[(75, false), (95, true)]),
        ("SiteGone", site().and(&[(120, Stop(CM01))]), &[(100, false), (150, true), (185, false)]),
        ("ExporterDown", site().and(&[(120, Stop(CM01))]), &[(115, false), (120, true)]),
    ]
}

/// Alerts of which no story here can tell: of what they ask, the simulated site has nothing, or nothing is scraped.
const UNTOLD: [&str; 5] =
    ["ConfigReloadFailed", "ExporterAbsent", "RecoveryDrillDue", "SupplementalStale", "WitnessesDisagree"];

#[test]
fn every_expression_becomes_true_in_one_story_and_stays_false_in_another() {
    let rows: Vec<_> = [runs(), copies(), surroundings()].into_iter().flatten().collect();
    let mut outcomes: BTreeMap<_, BTreeSet<bool>> = BTreeMap::new();
    for (alert, _, expected) in &rows {
        outcomes.entry(*alert).or_default().extend(expected.iter().map(|(_, is_true)| *is_true));
    }
    let told: BTreeSet<_> = outcomes.keys().chain(&UNTOLD).map(|alert| format!("{NAME}{alert}")).collect();
    assert_eq!(told, rules().into_iter().map(|rule| rule.alert).collect());
    for (alert, outcomes) in outcomes {
        assert_eq!(outcomes, BTreeSet::from([false, true]), "{alert}");
    }
    let mut tests = "tests:\n".to_owned();
    for (number, (alert, story, expected)) in rows.into_iter().enumerate() {
        let length = expected.iter().map(|(minute, _)| *minute).max().unwrap();
        let input = Story { length, ..story }.record().input();
        let _ = writeln!(tests, "- name: {alert} {number}\n{input}  promql_expr_test:");
        let expression = format!("(count({}) > bool 0) or vector(0)", expression(alert));
        for (minute, is_true) in expected {
            let value = u8::from(*is_true);
            let _ = writeln!(
                tests,
                "  - expr: {expression:?}\n    eval_time: {minute}m\n    exp_samples: [{{labels: '{{}}', value: {value}}}]"
            );
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("expressions.test.yml");
    std::fs::write(&file, format!("evaluation_interval: 5m\n{tests}")).unwrap();
    asked("promtool", ["test", "rules", file.to_str().unwrap()]);
}
