//! Schema 1 of the checkpoint: its own types, so that the domain may change without losing what users have on disk.
//!
//! Rules: a field is never renamed or reused, a new field has a default, and what no longer parses is dropped only
//! where the domain can do without it. Times are nanoseconds since 1970 in UTC.

mod database;
mod record;
mod snapshot;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use crate::config::SiteSettings;
use crate::schedule::{Due, Schedule, Votes, Zone};
use crate::site::{ClosedSet, MessageId, Timestamp, Witness};
use crate::source::{Cursor, Record, SourceId, SourceKind};
use crate::state::stopped::SeenStopped;
use crate::state::{Coverage, Horizon, KnownSchedule, Past, SiteState, Timeline, Totals};
use database::DatabaseV1;
use record::RecordV1;
use snapshot::SnapshotV1;

/// The version in the field `schema`.
pub(super) const SCHEMA: u32 = 1;

/// One site's checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    schema: u32,
    site: String,
    /// Grows with every write, so that of two files the newer one is known.
    pub(super) sequence: u64,
    first_observed: i64,
    #[serde(default)]
    schedule: Option<ScheduleV1>,
    #[serde(default)]
    retention_seconds: Option<u64>,
    #[serde(default)]
    totals: TotalsV1,
    #[serde(default)]
    past: PastV1,
    #[serde(default)]
    horizon: Option<i64>,
    /// The last position let go, by witness.
    #[serde(default)]
    horizon_positions: BTreeMap<String, u64>,
    #[serde(default)]
    records: BTreeMap<String, Vec<RecordV1>>,
    #[serde(default)]
    coverage: BTreeMap<String, i64>,
    /// Until when each witness was read to its end.
    #[serde(default)]
    read_until: BTreeMap<String, i64>,
    #[serde(default = "yes")]
    history_known: bool,
    #[serde(default)]
    cursors: Vec<CursorV1>,
    #[serde(default)]
    snapshot: SnapshotV1,
    #[serde(default)]
    database: DatabaseV1,
    /// When SQL Server last wrote each of these into the event log.
    #[serde(default)]
    sql_server: BTreeMap<String, i64>,
    /// That the service of the newest run was seen Stopped.
    #[serde(default)]
    stopped: Option<StoppedV1>,
    /// What this machine was to the site: `active` or `passive`.
    #[serde(default)]
    node: Option<String>,
    /// When it became the active site server.
    #[serde(default)]
    takeover: Option<i64>,
    /// When the site database last told another destination.
    #[serde(default)]
    destination_moved: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct StoppedV1 {
    /// First and last evidence of the run.
    run: (i64, i64),
    since: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ScheduleV1 {
    days: u8,
    begin: u16,
    latest_begin: u16,
    /// `local`, `utc` or an IANA name.
    zone: String,
    since: i64,
    #[serde(default)]
    changed: bool,
    /// Whether the zone was an assumption.
    #[serde(default)]
    assumed: bool,
    /// Begin and latest begin of what is owed from before the last change.
    #[serde(default)]
    owed: Option<(i64, i64)>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct TotalsV1 {
    runs: u64,
    runs_failed: u64,
    /// By message id; `other` for those without a series.
    messages: BTreeMap<String, u64>,
    errors: u64,
    warnings: u64,
    counted: Vec<i64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct PastV1 {
    success: Option<i64>,
    success_start: Option<i64>,
    failure: Option<i64>,
    after_backup_started: Option<i64>,
    failures_since_success: u32,
}

/// Checkpoints without the field were written after the first poll.
fn yes() -> bool {
    true
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct CursorV1 {
    source: String,
    location: String,
    cursor: Cursor,
}

/// A checkpoint's content does not fit this site or makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is another site's.
    #[error("it belongs to site {0}")]
    OtherSite(String),
    /// A word is not of its closed set.
    #[error("{0:?} is not known")]
    Word(String),
}

impl Checkpoint {
    /// What must outlive the process.
    pub(super) fn of(state: &SiteState, sequence: u64) -> Self {
        let records = |(witness, records): (&Witness, &Vec<Record>)| {
            (witness.label().to_owned(), records.iter().map(RecordV1::of).collect())
        };
        Self {
            schema: SCHEMA,
            site: state.settings.code.to_string(),
            sequence,
            first_observed: nanoseconds(state.first_observed),
            schedule: state.schedule.as_ref().map(ScheduleV1::of),
            retention_seconds: state.retention().map(|retention| retention.as_secs()),
            totals: TotalsV1::of(&state.totals),
            past: PastV1::of(&state.totals.past),
            horizon: state.timeline.horizon().time.map(nanoseconds),
            horizon_positions: (state.timeline.horizon().positions.iter())
                .map(|(witness, position)| (witness.label().to_owned(), *position))
                .collect(),
            records: state.timeline.records().iter().map(records).collect(),
            coverage: (state.coverage.iter())
                .map(|(witness, coverage)| (witness.label().to_owned(), nanoseconds(coverage.since)))
                .collect(),
            read_until: (state.coverage.iter())
                .filter_map(|(witness, coverage)| {
                    Some((witness.label().to_owned(), nanoseconds(coverage.until?)))
                })
                .collect(),
            history_known: state.history_known,
            cursors: (state.cursors.iter())
                .map(|(id, cursor)| CursorV1 {
                    source: id.kind.label().to_owned(),
                    location: id.location.clone(),
                    cursor: cursor.clone(),
                })
                .collect(),
            snapshot: SnapshotV1::of(&state.snapshot),
            database: DatabaseV1::of(&state.database),
            sql_server: (state.sql_server.iter())
                .map(|(event, time)| (event.label().to_owned(), nanoseconds(*time)))
                .collect(),
            stopped: state.stopped.map(|SeenStopped { run: (first, last), since }| StoppedV1 {
                run: (nanoseconds(first), nanoseconds(last)),
                since: nanoseconds(since),
            }),
            node: state.known_node.map(|node| node.label().to_owned()),
            takeover: state.takeover.map(nanoseconds),
            destination_moved: state.destination_moved.map(nanoseconds),
        }
    }

    /// The state it was made of, under the present settings.
    pub(super) fn restore(self, settings: Arc<SiteSettings>, now: Timestamp) -> Result<SiteState, Unusable> {
        if self.site != settings.code.as_str() {
            return Err(Unusable::OtherSite(self.site));
        }
        let mut state = SiteState::new(settings, now);
        state.history_known = self.history_known;
        // A clock that was ahead once must not keep what is due in the future.
        state.first_observed = timestamp(self.first_observed).min(now);
        // What a database said that is not asked any more nobody could correct.
        if state.settings.database.is_some() {
            state.database = self.database.restore(self.retention_seconds, now);
        }
        state.schedule = self.schedule.as_ref().and_then(|known| known.restore(now));
        state.totals = Totals { past: self.past.restore(), ..self.totals.restore()? };
        let mut records = BTreeMap::new();
        for (witness, list) in self.records {
            let list = list.into_iter().map(RecordV1::restore).collect::<Result<_, _>>()?;
            records.insert(known::<Witness>(&witness)?, list);
        }
        let mut horizon = Horizon { positions: BTreeMap::new(), time: self.horizon.map(timestamp) };
        for (witness, position) in &self.horizon_positions {
            horizon.positions.insert(known(witness)?, *position);
        }
        state.timeline = Arc::new(Timeline::restore(records, horizon));
        for (witness, since) in &self.coverage {
            let past = |time: i64| timestamp(time).min(now);
            let until = self.read_until.get(witness).copied().map(past);
            state.coverage.insert(known(witness)?, Coverage { since: past(*since), until });
        }
        for CursorV1 { source, location, cursor } in self.cursors {
            state.cursors.insert(SourceId { kind: known::<SourceKind>(&source)?, location }, cursor);
        }
        for (event, time) in &self.sql_server {
            state.sql_server.insert(known(event)?, timestamp(*time).min(now));
        }
        state.stopped = self.stopped.map(|StoppedV1 { run: (first, last), since }| SeenStopped {
            run: (timestamp(first), timestamp(last)),
            since: timestamp(since).min(now),
        });
        state.known_node = self.node.as_deref().map(known).transpose()?;
        state.takeover = self.takeover.map(|time| timestamp(time).min(now));
        state.snapshot = self.snapshot.restore(now);
        state.derive();
        state.settle_schedule(now);
        state.follow_task(now);
        state.destination_moved = self.destination_moved.map(|time| timestamp(time).min(now));
        Ok(state)
    }
}

impl ScheduleV1 {
    fn of(known: &KnownSchedule) -> Self {
        let KnownSchedule { schedule, since, changed, zone_assumed, owed, .. } = known;
        let zone = match schedule.zone {
            Zone::Local => "local".to_owned(),
            Zone::Utc => "utc".to_owned(),
            Zone::Named(zone) => zone.name().to_owned(),
        };
        let Schedule { days, begin, latest_begin, .. } = *schedule;
        let (since, changed, assumed) = (nanoseconds(*since), *changed, *zone_assumed);
        let owed = owed.map(|due| (nanoseconds(due.begin), nanoseconds(due.latest_begin)));
        Self { days, begin, latest_begin, zone, since, changed, assumed, owed }
    }

    fn restore(&self, now: Timestamp) -> Option<KnownSchedule> {
        let zone = match self.zone.as_str() {
            "local" => Zone::Local,
            "utc" => Zone::Utc,
            name => Zone::Named(name.parse().ok()?),
        };
        let Self { days, begin, latest_begin, changed, assumed, .. } = *self;
        Some(KnownSchedule {
            schedule: Schedule { days, begin, latest_begin, zone },
            since: timestamp(self.since).min(now),
            changed,
            zone_assumed: assumed,
            votes: Votes::default(),
            owed: self.owed.map(|(begin, latest_begin)| Due {
                begin: timestamp(begin),
                latest_begin: timestamp(latest_begin),
            }),
        })
    }
}

impl TotalsV1 {
    fn of(totals: &Totals) -> Self {
        let name = |id: &Option<MessageId>| id.map_or("other".to_owned(), |id| id.to_string());
        Self {
            runs: totals.runs,
            runs_failed: totals.runs_failed,
            messages: totals.messages.iter().map(|(id, count)| (name(id), *count)).collect(),
            errors: totals.errors,
            warnings: totals.warnings,
            counted: totals.counted.iter().copied().map(nanoseconds).collect(),
        }
    }

    fn restore(self) -> Result<Totals, Unusable> {
        let id = |name: String| match name.as_str() {
            "other" => Ok(None),
            id => id.parse().map(|id| Some(MessageId(id))).map_err(|_| Unusable::Word(name)),
        };
        Ok(Totals {
            runs: self.runs,
            runs_failed: self.runs_failed,
            messages: (self.messages.into_iter())
                .map(|(name, count)| Ok((id(name)?, count)))
                .collect::<Result<_, Unusable>>()?,
            errors: self.errors,
            warnings: self.warnings,
            counted: self.counted.into_iter().map(timestamp).collect(),
            past: Past::default(),
        })
    }
}

impl PastV1 {
    fn of(past: &Past) -> Self {
        Self {
            success: past.success.map(|(success, _)| nanoseconds(success)),
            success_start: past.success.map(|(_, start)| nanoseconds(start)),
            failure: past.failure.map(nanoseconds),
            after_backup_started: past.after_backup_started.map(nanoseconds),
            failures_since_success: past.failures_since_success,
        }
    }

    fn restore(self) -> Past {
        Past {
            success: self.success.map(timestamp).zip(self.success_start.map(timestamp)),
            failure: self.failure.map(timestamp),
            after_backup_started: self.after_backup_started.map(timestamp),
            failures_since_success: self.failures_since_success,
        }
    }
}

fn known<T: ClosedSet>(label: &str) -> Result<T, Unusable> {
    T::from_label(label).ok_or_else(|| Unusable::Word(label.to_owned()))
}

/// Exact for every time between 1678 and 2261; others are held at the nearer end.
fn nanoseconds(time: Timestamp) -> i64 {
    time.timestamp_nanos_opt().unwrap_or(if time.timestamp() < 0 { i64::MIN } else { i64::MAX })
}

fn timestamp(nanoseconds: i64) -> Timestamp {
    DateTime::from_timestamp_nanos(nanoseconds)
}
