//! Facts of a history through the real fold, assessment and encoder, minute by minute from 1970 on, where promtool's
//! clock starts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use configmgr_backup_exporter::config::{SiteSettings, SnapshotConfig, SnapshotRoot};
use configmgr_backup_exporter::metrics::{Format, encode};
use configmgr_backup_exporter::schedule::Zone;
use configmgr_backup_exporter::site::{
    Component, Decision, Hold, HoldReason, MessageId, RestartPlan, RestartStanding, Severity, SiteRole,
    StatusMessage, TaskWindow, Timestamp, Witness,
};
use configmgr_backup_exporter::snapshot::{Finding, Verification};
use configmgr_backup_exporter::source::{
    Cursor, Fact, FailureKind, Poll, PollFailure, PollReport, Reach, Record, RecordBody, SourceId,
    SourceKind, backup_log,
};
use configmgr_backup_exporter::state::{Published, SiteState};

use super::watch::Series;
use crate::support::{copies, services};

const DAY: i64 = 24 * 60;
/// Minutes between two points of a history.
pub(super) const STEP: i64 = 5;

/// What happens at a minute.
#[derive(Clone)]
pub(super) enum Event {
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
pub(super) enum Seen {
    /// The files of a good backup, another one's for each number.
    Good(u8),
    /// The same without the media.
    WithoutMedia,
}
use Seen::{Good, WithoutMedia};

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

/// A history and what the expression of an alert says at some of its minutes, without its `for`.
pub(super) struct History {
    /// Without the words that all names begin with.
    pub(super) alert: &'static str,
    /// Days of the schedule as a mask; 0 for no schedule. Begin 02:00, latest begin 05:00, UTC.
    pub(super) days: u8,
    pub(super) events: Vec<(i64, Event)>,
    pub(super) expected: Vec<(i64, bool)>,
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
pub(super) fn series(history: &History, until: i64) -> Series {
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
    let mut series = Series::new();
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
                    let held =
                        Hold { reason: HoldReason::AlreadyAttempted, finding: "".into(), passes: false };
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
