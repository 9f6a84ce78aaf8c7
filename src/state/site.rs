//! All that is known of one site, and how a poll's facts change it.
//!
//! Every fact has a class that says how long it holds: an *event* or a *setting* stays until another replaces it,
//! also across a restart and while its source fails; an *observation* is dropped after three failed polls. What was
//! never known is `None`, never zero.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::change::{Change, Observation};
use super::contradictions::standing;
use super::database::DatabaseState;
use super::event::Event;
use super::runs::{cut, cut_ending};
use super::schedule::KnownSchedule;
use super::snapshot::SnapshotState;
use super::source_state::SourceState;
use super::stopped::SeenStopped;
use super::timeline::Timeline;
use super::totals::{Tally, Totals};
use crate::config::SiteSettings;
use crate::site::{
    BackupRun, Node, RestartStanding, ServicesSeen, SiteRole, SqlServerEvent, Timestamp, Timings, Witness,
    delta,
};
use crate::source::{
    Cursor, DatabaseFact, EventTotals, Fact, LineTotals, PollReport, Reach, Record, SourceId,
};

/// So many runs are kept: more than half a year of a daily backup.
pub const KEPT_RUNS: usize = 200;

/// Of which time a witness tells everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// Nothing after this moment is missing ...
    pub since: Timestamp,
    /// ... up to this one, at which everything there was had been read.
    pub until: Option<Timestamp>,
}

/// What is known of one site.
#[derive(Debug, Clone)]
pub struct SiteState {
    /// The configured side.
    pub settings: Arc<SiteSettings>,
    /// When this site was first watched, in any process.
    pub first_observed: Timestamp,
    /// The schedule in force.
    pub schedule: Option<KnownSchedule>,
    /// What the site database said.
    pub database: DatabaseState,
    /// What the witnesses said.
    pub timeline: Arc<Timeline>,
    /// The runs this tells of, oldest first.
    pub runs: Arc<Vec<BackupRun>>,
    /// Whether each of them has been counted.
    pub(super) counted: Vec<bool>,
    /// Runs of which one witness reports success and another failure, in words; those since the last undisputed success.
    pub contradictions: Arc<Vec<String>>,
    /// Durable counters.
    pub totals: Totals,
    /// From when on each witness tells everything.
    pub coverage: BTreeMap<Witness, Coverage>,
    /// Where each source goes on reading.
    pub cursors: BTreeMap<SourceId, Cursor>,
    /// How each source is doing.
    pub sources: BTreeMap<SourceId, SourceState>,
    /// What was read of logs in this process.
    pub lines: LineTotals,
    /// When lines were last found that the log had not had before, and at which of its polls in this process.
    pub log_grew: Option<(Timestamp, u64)>,
    /// What was read of event logs in this process.
    pub events: EventTotals,
    /// When SQL Server last said each of these of the site database, in the event log.
    pub sql_server: BTreeMap<SqlServerEvent, Timestamp>,
    /// The snapshot and all other copies.
    pub snapshot: SnapshotState,
    /// The services of the site server.
    pub services: Option<Observation<ServicesSeen>>,
    /// That the service of the newest run was seen Stopped.
    pub(super) stopped: Option<SeenStopped>,
    /// When the newest run was last seen to change, by this machine's clock.
    pub(super) newest_changed: Timestamp,
    /// What this machine was to the site when that was last clear.
    pub(super) known_node: Option<Node>,
    /// When this machine was last seen to become the active site server.
    pub takeover: Option<Timestamp>,
    /// When the site database last told another destination than before: what lies there is not what was written elsewhere.
    pub destination_moved: Option<Timestamp>,
    /// How the site stands with restarts; `None` where nobody decides on them.
    pub restart: Option<RestartStanding>,
    /// Whether all of history was read once, in this process or an earlier one.
    pub history_known: bool,
}

impl SiteState {
    /// A site of which nothing is known yet.
    pub fn new(settings: Arc<SiteSettings>, now: Timestamp) -> Self {
        let mut state = Self {
            settings,
            first_observed: now,
            schedule: None,
            database: DatabaseState::default(),
            timeline: Arc::default(),
            runs: Arc::default(),
            counted: Vec::new(),
            contradictions: Arc::default(),
            totals: Totals::default(),
            coverage: BTreeMap::new(),
            cursors: BTreeMap::new(),
            sources: BTreeMap::new(),
            lines: LineTotals::default(),
            log_grew: None,
            events: EventTotals::default(),
            sql_server: BTreeMap::new(),
            snapshot: SnapshotState::default(),
            services: None,
            stopped: None,
            newest_changed: now,
            known_node: None,
            takeover: None,
            destination_moved: None,
            restart: None,
            history_known: false,
        };
        state.settle_schedule(now);
        state
    }

    /// Announces a source, so that its silence is visible from the start.
    pub fn watch(&mut self, source: SourceId, interval: Duration, witness: Option<Witness>, now: Timestamp) {
        self.sources.insert(source, SourceState { witness, ..SourceState::new(now, interval) });
    }

    /// Folds one poll into the state.
    pub fn fold(&mut self, report: &PollReport, now: Timestamp) -> Change {
        let Some(source) = self.sources.get_mut(&report.source) else { return Change::Volatile };
        let newest = self.runs.last().map(SeenStopped::key);
        let until = told_until(report, &self.settings.timings);
        source.record(report, until);
        let again =
            report.result.as_ref().ok().and_then(|poll| self.reads_again(&report.source, &poll.cursor));
        let mut change = Change::Volatile;
        if let Ok(poll) = &report.result {
            for fact in &poll.facts {
                change = change.max(self.learn(report, fact, again));
            }
            if poll.reach == Reach::CaughtUp {
                change = change.max(self.caught_up(&report.source, until));
            }
            // What is read once more is only recognised while it is known to be that, also after a crash.
            let is_kept = again.is_none() || poll.reach == Reach::CaughtUp;
            if is_kept && self.keep_cursor(&report.source, &poll.cursor) {
                change = change.max(Change::Position);
            }
        }
        let changed = self.runs.last().map(SeenStopped::key) != newest;
        // Not later than now: a clock that was ahead once must not make every later look too early.
        self.newest_changed = if changed { now } else { self.newest_changed.min(now) };
        self.settle_end();
        change.max(self.advance(now))
    }

    /// Takes how the site stands with restarts; what must outlive the process is in the ledger.
    pub fn stands(&mut self, standing: RestartStanding) {
        self.restart = Some(standing);
    }

    /// Everything that a witness had to tell until `until` has been read.
    fn caught_up(&mut self, source: &SourceId, until: Timestamp) -> Change {
        let witness = self.sources.get(source).and_then(SourceState::speaks_for);
        let Some(witness) = witness else { return Change::Volatile };
        let coverage = self.coverage.entry(witness).or_insert(Coverage { since: until, until: None });
        // Not the latest of both: a clock that was ahead once must not vouch for what was not read.
        *coverage = Coverage { since: coverage.since.min(until), until: Some(until) };
        if std::mem::replace(&mut self.history_known, true) { Change::Position } else { Change::Durable }
    }

    /// Lets time pass.
    pub fn advance(&mut self, now: Timestamp) -> Change {
        let newly_final: Vec<_> = self.newly_final(now).collect();
        let runs = Arc::clone(&self.runs);
        for (index, outcome) in &newly_final {
            self.totals.count(&runs[*index], *outcome);
            self.counted[*index] = true;
        }
        self.prune();
        if newly_final.is_empty() { Change::Volatile } else { Change::Durable }
    }

    fn learn(&mut self, report: &PollReport, fact: &Fact, again: Option<u64>) -> Change {
        fn observed<T: Clone>(value: &T, source: &SourceId) -> Observation<T> {
            Observation { value: value.clone(), source: source.clone() }
        }
        let (source, polled) = (&report.source, report.started);
        match fact {
            Fact::Records(witness, records) if !records.is_empty() => {
                self.witness(*witness, records, again);
                self.settle_schedule(polled);
            }
            Fact::Records(..) => return Change::Volatile,
            Fact::Coverage { witness, oldest, gap, .. } => {
                if let Some(source) = self.sources.get_mut(source) {
                    source.silent = false;
                }
                let oldest = oldest.unwrap_or(polled);
                let known = self.coverage.get(witness).copied();
                let since = match known {
                    Some(known) if !gap => known.since.min(oldest),
                    _ => oldest,
                };
                let coverage = Coverage { since, until: known.and_then(|known| known.until) };
                if self.coverage.insert(*witness, coverage) == Some(coverage) {
                    return Change::Volatile;
                }
            }
            Fact::Lines(totals) => {
                self.lines += *totals;
                if totals.lines > 0 {
                    let polls = self.sources.get(source).map_or(0, |source| source.polls);
                    self.log_grew = Some((polled, polls));
                }
                return Change::Volatile;
            }
            Fact::Events(totals) => {
                self.events += *totals;
                return Change::Volatile;
            }
            Fact::SqlServer(event, time) => {
                let known = self.sql_server.entry(*event).or_insert(*time);
                *known = (*known).max(*time);
            }
            Fact::Silent(witness) => {
                if let Some(source) = self.sources.get_mut(source) {
                    source.silent = true;
                }
                self.coverage.remove(witness);
                return Change::Volatile;
            }
            Fact::Survey(root, survey) => {
                let own_log = self.destination_log_until();
                return self.snapshot.survey(&self.settings, &self.runs, own_log, *root, survey, source);
            }
            Fact::Place(location, place) => {
                self.snapshot.places.insert(location.clone(), observed(place, source));
                return Change::Volatile;
            }
            Fact::Archives(name, found) => {
                return self.snapshot.archive(&self.settings, name, found, source, polled);
            }
            Fact::Supplemental(name, copy) => {
                self.snapshot.supplemental.insert(name.clone(), observed(copy, source));
                return Change::Volatile;
            }
            Fact::TaskFiles(files) => {
                self.snapshot.task_files = Some(observed(files, source));
                return Change::Volatile;
            }
            Fact::Verification(verification) => return self.snapshot.verification(verification),
            Fact::Database(fact) => return self.database_fact(source, fact, polled),
            Fact::PackageSource(root, readable) => {
                self.database.package_sources.insert(root.clone(), observed(readable, source));
                return Change::Volatile;
            }
            Fact::Services(services) => {
                self.services = Some(observed(services, source));
                let looked = polled + delta(report.duration);
                return self.see_service(services, polled, looked).max(self.see_node(services, polled));
            }
        }
        Change::Durable
    }

    fn database_fact(&mut self, source: &SourceId, fact: &DatabaseFact, polled: Timestamp) -> Change {
        if let (DatabaseFact::Unread(unread), Some(source)) = (fact, self.sources.get_mut(source)) {
            source.lacks(unread);
        }
        let may_run = self.task_may_run();
        let change = self.database.learn(fact, source, polled);
        self.follow_task(polled);
        if !may_run && self.task_may_run() {
            self.renew_schedule(polled);
        }
        if matches!(fact, DatabaseFact::Task(_)) && self.settle_schedule(polled) {
            Change::Durable
        } else {
            change
        }
    }

    /// The site's role: as configured, else as the site database says, else as the registry of its server does.
    pub fn role(&self) -> Option<SiteRole> {
        let told = self.database.site.as_ref().and_then(|site| site.role);
        self.settings.role.or(told).or(self.settings.discovered_role)
    }

    /// Whether the task starts by itself, as far as is known.
    pub fn task_may_run(&self) -> bool {
        self.database.task.as_ref().is_none_or(|task| task.enabled)
    }

    /// Change tracking retention as the site database says; `None` while it has not or where change tracking is off.
    pub fn retention(&self) -> Option<Duration> {
        self.database.change_tracking.flatten().map(|tracking| tracking.retention)
    }

    fn witness(&mut self, witness: Witness, records: &[Record], again: Option<u64>) {
        let timings = &self.settings.timings;
        let events = self.timeline.events(timings);
        let (before, marked) = (Tally::of(&events), self.totals.marked(&events));
        let timeline = Arc::make_mut(&mut self.timeline);
        if let Some(since) = again {
            timeline.insert_again(witness, records.iter().cloned(), since);
        } else {
            timeline.insert(witness, records.iter().cloned());
        }
        let timeline = Arc::clone(&self.timeline);
        let events = timeline.events(&self.settings.timings);
        self.totals.follow(&marked, &events);
        self.totals.add_growth(&before, &Tally::of(&events));
        self.derive_from(&events);
    }

    /// Derives the runs anew from the timeline.
    pub(super) fn derive(&mut self) {
        let timeline = Arc::clone(&self.timeline);
        self.derive_from(&timeline.events(&self.settings.timings));
    }

    fn derive_from(&mut self, events: &[Event<'_>]) {
        let over = |run: &BackupRun, events: &[Event<'_>]| self.seen_over(run, events);
        let cut = cut_ending(events, &self.settings.timings, over);
        self.counted = cut.iter().map(|(_, range)| self.totals.has_counted(&events[range.clone()])).collect();
        self.contradictions = Arc::new(standing(&cut, events));
        self.runs = Arc::new(cut.into_iter().map(|(run, _)| run).collect());
    }

    /// Keeps the newest runs; only runs that have been counted are let go.
    fn prune(&mut self) {
        let Some(surplus) = self.runs.len().checked_sub(KEPT_RUNS).filter(|surplus| *surplus > 0) else {
            return;
        };
        let gone = self.counted[..surplus].iter().take_while(|counted| **counted).count();
        if gone == 0 {
            return;
        }
        self.totals.let_go(&self.runs[..gone]);
        let timings = &self.settings.timings;
        let kept = cut(&self.timeline.events(timings), timings).into_iter().nth(gone);
        Arc::make_mut(&mut self.timeline).prune(kept.map_or(0, |(_, events)| events.start), timings);
        let timeline = Arc::clone(&self.timeline);
        let events = timeline.events(&self.settings.timings);
        self.totals.keep_marks(&events);
        self.derive_from(&events);
    }

    /// The sources that read a deciding witness.
    pub fn witnesses(&self) -> impl Iterator<Item = (Witness, &SourceState)> {
        self.sources.values().filter_map(|source| Some((source.speaks_for()?, source)))
    }

    /// When the newest message in the destination's own log was written, if that has been read to its end.
    pub fn destination_log_until(&self) -> Option<Timestamp> {
        let reads = |(witness, source): &(Witness, &SourceState)| {
            *witness == Witness::DestinationLog && source.is_current
        };
        self.witnesses().find(reads)?;
        self.timeline.records().get(&Witness::DestinationLog)?.last().map(Record::time)
    }

    /// What was observed, unless its source has failed too often since.
    pub fn observed<'a, T>(&self, observation: impl Into<Option<&'a Observation<T>>>) -> Option<&'a T> {
        let observation = observation.into()?;
        self.sources.get(&observation.source)?.observes().then_some(&observation.value)
    }
}

/// Until when a witness that was read to its end tells everything: until the poll, but for one that may be a copy.
fn told_until(report: &PollReport, timings: &Timings) -> Timestamp {
    let facts = report.result.iter().flat_map(|poll| &poll.facts);
    let newest = facts.filter_map(|fact| match fact {
        Fact::Coverage { newest, .. } => *newest,
        _ => None,
    });
    let quiet = delta(timings.event_log_quiet);
    newest
        .map(|newest| newest.checked_add_signed(quiet).unwrap_or(newest))
        .fold(report.started, Timestamp::min)
}
