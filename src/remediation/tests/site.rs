//! A site that is watched from all sides: what its sources see is set here, and told to the real state by polls.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use crate::assessment::assess;
use crate::config::{
    Authentication, DEFAULT_SERVICES_INTERVAL, DatabaseConfig, Encryption, RemediationConfig, ServerAddress,
    ServiceControl, ServicesConfig, SiteSettings, SnapshotConfig, SnapshotRoot, Trust, VerifyConfig,
};
use crate::remediation::{Inputs, Ledger, stand};
use crate::schedule::{EVERY_DAY, Zone};
use crate::site::*;
use crate::snapshot::samples::Sample;
use crate::snapshot::{Place, Survey};
use crate::source::*;
use crate::state::SiteState;

/// Free bytes of a destination with room for anything.
const PLENTY: u64 = 1 << 40;

pub(in crate::remediation) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A site, what its sources see, and the ledger.
#[derive(Debug, Clone)]
pub(in crate::remediation) struct Site {
    pub(in crate::remediation) state: SiteState,
    pub(in crate::remediation) ledger: Option<Ledger>,
    pub(in crate::remediation) now: Timestamp,
    /// What the next look at the services sees.
    pub(in crate::remediation) seen: ServicesSeen,
    /// What the next question to the site database is answered.
    pub(in crate::remediation) answers: Vec<DatabaseFact>,
    /// What the next walk over the destination sees; `None` for an empty one.
    pub(in crate::remediation) copy: Option<Survey>,
    /// What is free there.
    pub(in crate::remediation) free: u64,
    /// Sources that fail.
    pub(in crate::remediation) failing: BTreeSet<SourceKind>,
    /// Sources that are not polled.
    pub(in crate::remediation) unpolled: BTreeSet<SourceKind>,
    /// Everything that the log has ever held.
    pub(in crate::remediation) log: Vec<Record>,
    /// How much of it was read.
    read: usize,
}

pub(in crate::remediation) const WATCHED: [SourceKind; 4] =
    [SourceKind::BackupLog, SourceKind::Services, SourceKind::Database, SourceKind::Snapshot];

fn source(kind: SourceKind) -> SourceId {
    SourceId { kind, location: String::new() }
}

pub(in crate::remediation) fn healthy() -> ServicesSeen {
    let running =
        |service: SiteService| (Box::from(service.label()), Service::in_state(ServiceState::Running));
    let mut services: BTreeMap<_, _> = SiteService::ALL.iter().copied().map(running).collect();
    let backup = Service { start: Some(StartMode::Manual), ..Service::in_state(ServiceState::Stopped) };
    services.insert(SiteService::Backup.label().into(), backup);
    ServicesSeen {
        machine: Some("CM01".into()),
        services,
        booted: Some(at("2026-11-01T00:00:00Z")),
        site_servers: Some(Vec::new()),
        paused: Some(false),
    }
}

pub(in crate::remediation) fn task(enabled: bool) -> DatabaseFact {
    let window = TaskWindow { days: EVERY_DAY, begin: 120, latest_begin: 300 };
    DatabaseFact::Task(TaskDefinition { enabled, window, destination: None })
}

pub(in crate::remediation) fn version(version: &str) -> DatabaseFact {
    DatabaseFact::Site(SiteDefinition {
        role: Some(SiteRole::Hierarchy),
        server: "CM01.corp.example".into(),
        version: version.into(),
    })
}

impl Site {
    /// A site that was watched since the evening and has made a good backup in the night before.
    pub(in crate::remediation) fn new() -> Self {
        Self::with(|_| {})
    }

    /// The same with other settings.
    pub(in crate::remediation) fn with(change: impl FnOnce(&mut SiteSettings)) -> Self {
        let mut site = Self::unproven(change);
        site.now = at("2026-11-20T02:00:00Z");
        site.say(&["500", "5055", "preparing"]);
        site.pass(60);
        site.say(&["5035", "501"]);
        site.copy = Some(Sample::good(1).survey(site.now));
        site.poll();
        site
    }

    /// One without any backup.
    pub(in crate::remediation) fn unproven(change: impl FnOnce(&mut SiteSettings)) -> Self {
        let now = at("2026-11-19T22:00:00Z");
        let mut settings = SiteSettings::new("P01".parse().unwrap());
        settings.role = Some(SiteRole::Hierarchy);
        settings.time_zone = Some(Zone::Utc);
        settings.local_zone = Zone::Utc;
        settings.snapshot = Some(SnapshotConfig {
            path: "/backup".into(),
            installation: None,
            database_path: None,
            control_file: None,
            archives: Vec::new(),
            verify: VerifyConfig::default(),
            interval: Duration::from_secs(300),
        });
        let services = ServicesConfig {
            control: ServiceControl::Windows,
            machine: None,
            interval: DEFAULT_SERVICES_INTERVAL,
        };
        settings.remediation = RemediationConfig::for_services(Some(&services));
        settings.remediation.pause_file = Some(PathBuf::from("/etc/no-restarts"));
        settings.services = Some(services);
        settings.database = Some(DatabaseConfig {
            server: ServerAddress { host: "localhost".to_owned(), instance: None, port: None },
            name: "CM_P01".to_owned(),
            authentication: Authentication::Integrated,
            encryption: Encryption::Required,
            trust: Trust::Platform,
            interval: Duration::from_secs(300),
            query_timeout: Duration::from_secs(30),
            alert: None,
        });
        change(&mut settings);
        let mut site = Self {
            state: SiteState::new(Arc::new(settings), now),
            ledger: Some(Ledger::new(now)),
            now,
            seen: healthy(),
            answers: vec![
                version("5.00.9128.1000"),
                task(true),
                DatabaseFact::SiteStatus(Some(125)),
                DatabaseFact::UpdateInstalls(false),
            ],
            copy: None,
            free: PLENTY,
            failing: BTreeSet::new(),
            unpolled: BTreeSet::new(),
            log: Vec::new(),
            read: 0,
        };
        site.watch();
        site.poll();
        site
    }

    /// Announces the sources, as a process does that begins.
    fn watch(&mut self) {
        for kind in WATCHED {
            // Status messages are another witness, which is not asked here.
            let witness = kind.witness().filter(|witness| *witness == Witness::Log);
            self.state.watch(source(kind), Duration::from_secs(30), witness, self.now);
        }
    }

    /// The settings, to be changed as a reload does.
    pub(in crate::remediation) fn settings(&mut self) -> &mut SiteSettings {
        Arc::make_mut(&mut self.state.settings)
    }

    pub(in crate::remediation) fn service(&mut self, service: SiteService) -> &mut Service {
        self.seen.services.get_mut(service.label()).unwrap()
    }

    /// Puts one answer of the site database in place of the last of its kind.
    pub(in crate::remediation) fn answer(&mut self, fact: DatabaseFact) {
        let kind = std::mem::discriminant(&fact);
        self.answers.retain(|known| std::mem::discriminant(known) != kind);
        self.answers.push(fact);
    }

    /// Lets minutes pass in which nobody looks.
    pub(in crate::remediation) fn skip(&mut self, minutes: i64) {
        self.now += TimeDelta::minutes(minutes);
    }

    /// Lets minutes pass; of all the looks in that time only the last is made.
    pub(in crate::remediation) fn pass(&mut self, minutes: i64) {
        self.skip(minutes);
        for (id, source) in &mut self.state.sources {
            if !self.unpolled.contains(&id.kind) {
                source.polls += u64::try_from(2 * minutes - 1).unwrap();
            }
        }
        self.poll();
    }

    /// Another process begins, with what the checkpoint kept or with nothing.
    pub(in crate::remediation) fn restart(&mut self, keeps_checkpoint: bool) {
        self.state = if keeps_checkpoint {
            crate::state::checkpoint::reloaded(&self.state, self.now)
        } else {
            self.read = 0;
            SiteState::new(Arc::clone(&self.state.settings), self.now)
        };
        self.watch();
    }

    /// Lines of the log a second apart: an id, an error as `-5060` or `-5060:disk_full`, or `preparing`.
    pub(in crate::remediation) fn write(&mut self, words: &[&str]) {
        for word in words {
            self.now += TimeDelta::seconds(1);
            let position = self.log.len() as u64 + 1;
            self.log.push(Record { position, body: body(word, self.now, self.seen.machine.as_deref()) });
        }
    }

    /// The same, and looks.
    pub(in crate::remediation) fn say(&mut self, words: &[&str]) {
        self.write(words);
        self.poll();
    }

    /// Looks once at everything.
    pub(in crate::remediation) fn poll(&mut self) {
        for kind in WATCHED.into_iter().filter(|kind| !self.unpolled.contains(kind)).collect::<Vec<_>>() {
            if !self.state.sources.contains_key(&source(kind)) {
                continue;
            }
            let result = if self.failing.contains(&kind) {
                Err(PollFailure { kind: FailureKind::Unreachable, message: format!("{kind} is gone.") })
            } else {
                Ok(self.facts(kind))
            };
            self.fold(kind, result);
        }
    }

    fn facts(&mut self, kind: SourceKind) -> Vec<Fact> {
        match kind {
            SourceKind::BackupLog => {
                let oldest = Some(at("2026-01-01T00:00:00Z"));
                let coverage = Fact::Coverage { witness: Witness::Log, oldest, newest: None, gap: false };
                let news = self.log[self.read..].to_vec();
                self.read = self.log.len();
                let lines = LineTotals { lines: news.len() as u64, ..LineTotals::default() };
                vec![coverage, Fact::Records(Witness::Log, news), Fact::Lines(lines)]
            }
            SourceKind::Services => vec![Fact::Services(self.seen.clone())],
            SourceKind::Database => self.answers.iter().cloned().map(Fact::Database).collect(),
            _ => {
                let there = self.copy.clone().unwrap_or_else(|| Survey::absent(self.now));
                let survey = Survey { started: self.now, ..there };
                let place = Place {
                    path: "/backup".to_owned(),
                    exists: true,
                    free: Some(self.free),
                    with_server: Some(false),
                };
                let location = SnapshotRoot::Site.label().to_owned();
                vec![Fact::Place(location, place), Fact::Survey(SnapshotRoot::Site, survey)]
            }
        }
    }

    /// What one source says.
    pub(in crate::remediation) fn fold(&mut self, kind: SourceKind, result: Result<Vec<Fact>, PollFailure>) {
        let result = result.map(|facts| Poll { facts, cursor: Cursor::Anew, reach: Reach::CaughtUp });
        let (site, started) = (self.state.settings.code, self.now);
        let report = PollReport { site, source: source(kind), started, duration: Duration::ZERO, result };
        self.state.fold(&report, started);
    }

    /// Another source, of which one fact is known.
    pub(in crate::remediation) fn also(&mut self, kind: SourceKind, fact: Fact) {
        self.state.watch(source(kind), Duration::from_secs(30), None, self.now);
        self.fold(kind, Ok(vec![fact]));
    }

    /// The same of one that is a witness.
    pub(in crate::remediation) fn also_hears(&mut self, kind: SourceKind, fact: Fact) {
        self.state.watch(source(kind), Duration::from_secs(30), kind.witness(), self.now);
        self.fold(kind, Ok(vec![fact]));
    }

    /// Everything is watched again that is not.
    pub(in crate::remediation) fn watch_all(&mut self) {
        if WATCHED.iter().any(|kind| !self.state.sources.contains_key(&source(*kind))) {
            self.watch();
        }
    }

    /// Nobody watches this any more.
    pub(in crate::remediation) fn unwatch(&mut self, kind: SourceKind) {
        self.state.sources.remove(&source(kind));
    }

    /// The failed backup of tonight: it has deleted the last one, and enough time has passed since.
    pub(in crate::remediation) fn fail(&mut self, error: &str) {
        self.fail_with(&["500", "5055", "preparing", error, "501"]);
    }

    /// The same with other lines.
    pub(in crate::remediation) fn fail_with(&mut self, words: &[&str]) {
        self.now = at("2026-11-21T02:05:00Z");
        self.write(words);
        if words.contains(&"preparing") {
            self.copy = None;
        }
        self.poll();
        self.pass(10);
    }

    pub(in crate::remediation) fn inputs(&self) -> Inputs {
        let assessment = assess(&self.state, self.now);
        Inputs::of(&self.state, &assessment, self.ledger.as_ref(), self.now)
    }

    pub(in crate::remediation) fn stand(&self) -> RestartStanding {
        stand(&self.state, &assess(&self.state, self.now), self.ledger.as_ref(), self.now)
    }

    /// The reasons to hold; empty for a restart, and never asked where nothing failed.
    pub(in crate::remediation) fn reasons(&self) -> Vec<HoldReason> {
        let standing = self.stand();
        assert_ne!(standing.decision, Decision::Nothing, "something has failed");
        standing.holds().iter().map(|hold| hold.reason).collect()
    }

    /// The newest run, by its first evidence.
    pub(in crate::remediation) fn newest(&self) -> Timestamp {
        self.state.runs.last().unwrap().first
    }
}

fn body(word: &str, time: Timestamp, machine: Option<&str>) -> RecordBody {
    if word == "preparing" {
        return RecordBody::Remark { time, remark: Remark::Preparing, text: word.into() };
    }
    let (number, cause) = word.split_once(':').map_or((word, None), |(id, cause)| (id, Some(cause)));
    let (number, severity) = match number.strip_prefix('-') {
        Some(number) => (number, Severity::Error),
        None => (number, Severity::Information),
    };
    let hint = cause
        .map(|cause| Hint { cause: FailureCause::from_label(cause).unwrap(), strength: HintStrength::Code });
    RecordBody::Status(StatusMessage {
        id: MessageId(number.parse().unwrap()),
        severity: Some(severity),
        component: Component::SiteBackup,
        machine: machine.unwrap_or_default().into(),
        pid: None,
        tid: None,
        time,
        hint,
    })
}
