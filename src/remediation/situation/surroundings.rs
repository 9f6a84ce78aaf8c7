//! What the table asks of everything around the backup service: work on the site, and what else a backup needs.

use chrono::TimeDelta;

use super::{Situation, moment};
use crate::assessment::Standstill;
use crate::remediation::inputs::{Maintenance, Prerequisite, Watched};
use crate::site::{ClosedSet, MAINTENANCE_MODE, ServiceState, SiteService, StartMode, Timestamp};
use crate::source::site_database::Topic;
use crate::source::{FailureKind, PollFailure, SourceKind};
use Watched::{Failing, Known, NotWatched};

/// How long after a change of the site's version, or a start of its server, somebody is taken to be at work.
const AT_WORK: TimeDelta = TimeDelta::minutes(60);
/// A freeze that is older was resumed, and nobody read of it.
const FREEZE_ENDS: TimeDelta = TimeDelta::days(1);

impl Situation<'_> {
    fn maintenance_parts(&self) -> [Watched<Maintenance>; 6] {
        let when = |amiss: bool, what: Maintenance| if amiss { what } else { Maintenance::None };
        let database = &self.state.database;
        let is_over = self.state.runs.last().is_none_or(|run| run.ended.is_some());
        let core = SiteService::STOPPED_FOR_SNAPSHOT
            .map(|service| self.other(service).map(|service| service.state == ServiceState::Running));
        let core = Watched::first_amiss(&core, true);
        // During a run SMS Writer stops them.
        let core = core.map(|runs| when(is_over && !runs, Maintenance::ServicesDown));
        let installs =
            self.told_by_database(Topic::Updates, self.state.observed(&database.update_installs).copied());
        let status =
            self.told_by_database(Topic::SiteStatus, self.state.observed(&database.site_status).copied());
        let changed = self
            .told_by_database(Topic::Site, database.site.as_ref())
            .map(|_| database.update.as_ref().is_some_and(|update| self.is_within(AT_WORK, update.seen)));
        let booted = self.told_by_windows(|seen| seen.booted);
        let paused = match self.services() {
            Failing if self.config().pause_file.is_none() => NotWatched,
            services => services.and_then(|seen| seen.paused),
        };
        [
            core,
            installs.map(|installs| when(installs, Maintenance::UpdateInstalls)),
            status.map(|status| when(status == Some(MAINTENANCE_MODE), Maintenance::SiteStatus)),
            changed.map(|changed| when(changed, Maintenance::VersionChanged)),
            booted.map(|booted| when(self.now - booted < AT_WORK, Maintenance::Booted)),
            paused.map(|paused| when(paused, Maintenance::PauseFile)),
        ]
    }

    pub(in crate::remediation) fn maintenance(&self) -> Watched<Maintenance> {
        Watched::first_amiss(&self.maintenance_parts(), Maintenance::None)
    }

    pub(in crate::remediation) fn maintenance_words(&self) -> String {
        let database = &self.state.database;
        let booted = match self.services() {
            Known(seen) => seen.booted,
            Failing | NotWatched => None,
        };
        match self.maintenance() {
            Known(Maintenance::ServicesDown) => self.down_words(),
            Known(Maintenance::UpdateInstalls) => {
                "An update is being installed at the site (Administration, Updates and Servicing). Nothing is started \
                 until it is done."
                    .to_owned()
            }
            Known(Maintenance::SiteStatus) => {
                "The site is in maintenance mode (SiteStatus 120). Nothing is started until it has left it.".to_owned()
            }
            Known(Maintenance::VersionChanged) => {
                let [from, seen] = match &database.update {
                    Some(update) => [update.from.to_string(), moment(update.seen + AT_WORK)],
                    None => Default::default(),
                };
                let to = database.site.as_ref().map_or("another version", |site| &*site.version);
                format!("The site went from version {from} to {to} a short time ago; this passes at {seen}.")
            }
            Known(Maintenance::Booted) => format!(
                "The server was started at {}; this passes at {}.",
                booted.map(moment).unwrap_or_default(),
                booted.map(|booted| moment(booted + AT_WORK)).unwrap_or_default()
            ),
            Known(Maintenance::PauseFile) => {
                let file = self.config().pause_file.as_ref().map(|file| file.display().to_string());
                format!(
                    "{} exists: somebody has paused restarts. Delete it to let them go on.",
                    file.as_deref().unwrap_or("The pause file")
                )
            }
            Known(Maintenance::None) | Failing | NotWatched => {
                let [_, installs, status, changed, ..] = self.maintenance_parts();
                let by_database = [installs, status, changed].contains(&Failing);
                let kind = if by_database { SourceKind::Database } else { SourceKind::Services };
                format!("Whether somebody works on the site cannot be seen: {kind}: {}.", self.silence_of(kind))
            }
        }
    }

    /// Services that do not run of those that SMS Writer stops.
    fn down(&self) -> Vec<SiteService> {
        let is_down = |service: &SiteService| matches!(self.other(*service), Known(service) if service.state != ServiceState::Running);
        SiteService::STOPPED_FOR_SNAPSHOT.into_iter().filter(is_down).collect()
    }

    /// What services that are down are still given time to come back from.
    fn standstill(&self) -> Option<Standstill> {
        self.down().first().and_then(|down| Standstill::of(Some(*down), self.state, self.assessment))
    }

    /// Whether nothing but services that come back after the snapshot looks like work on the site.
    pub(in crate::remediation) fn comes_back(&self) -> bool {
        let [_, others @ ..] = self.maintenance_parts();
        self.standstill().is_some()
            && others.iter().all(|part| matches!(part, Known(Maintenance::None) | NotWatched))
    }

    /// That services do not run that SMS Writer has stopped, or somebody else.
    fn down_words(&self) -> String {
        let down = self.down();
        let names = down.iter().map(|service| service.label()).collect::<Vec<_>>().join(" and ");
        let (are, run, them) = if down.len() == 1 { ("is", "does", "it") } else { ("are", "do", "them") };
        match self.standstill() {
            Some(why) => {
                let end = match why {
                    Standstill::Run | Standstill::Snapshot => "not back yet after the snapshot",
                    Standstill::RunEnded => "not back yet after the backup",
                    Standstill::Boot => "not back yet after the start of the server",
                    Standstill::Update => "down while an update is being installed",
                    Standstill::Maintenance => "down while the site is in maintenance mode (SiteStatus 120)",
                };
                format!("{names} {are} {end}; nothing is started before.")
            }
            None => format!(
                "{names} {run} not run though no backup does: somebody works on the site, or something is broken. Start \
                 {them}, or wait for {them}."
            ),
        }
    }

    fn is_within(&self, length: TimeDelta, time: Timestamp) -> bool {
        (self.now - time).abs() < length
    }

    fn prerequisite_parts(&self) -> [Watched<Prerequisite>; 5] {
        let when = |amiss: bool, what: Prerequisite| if amiss { what } else { Prerequisite::Present };
        let writer = self.other(SiteService::VssWriter).map(|writer| writer.state != ServiceState::Running);
        // Where the site database is not known to be here, SQLWriter is another one's.
        let is_here = self.state.database_is_here() == Some(true);
        let sql_writer =
            self.other(SiteService::SqlWriter).map(|writer| is_here && writer.state != ServiceState::Running);
        let vss = self
            .other(SiteService::Vss)
            .map(|vss| vss.state == ServiceState::Missing || vss.start == Some(StartMode::Disabled));
        let does_not_answer =
            |failure: &PollFailure| matches!(failure.kind, FailureKind::Unreachable | FailureKind::Timeout);
        let server = match self.source(SourceKind::Database) {
            None => NotWatched,
            Some(source) if source.failure.as_ref().is_some_and(does_not_answer) => Known(true),
            Some(source) if self.is_heard(source) => Known(false),
            Some(_) => Failing,
        };
        let frozen = self.state.io_frozen_since().is_some_and(|since| self.is_within(FREEZE_ENDS, since));
        // SQL Server's word stays while nobody can read its log.
        let frozen = match self.source(SourceKind::EventLog) {
            None if !frozen => NotWatched,
            _ => Known(frozen),
        };
        [
            writer.map(|amiss| when(amiss, Prerequisite::SmsWriter)),
            sql_writer.map(|amiss| when(amiss, Prerequisite::SqlWriter)),
            vss.map(|amiss| when(amiss, Prerequisite::Vss)),
            server.map(|amiss| when(amiss, Prerequisite::SqlServer)),
            frozen.map(|amiss| when(amiss, Prerequisite::Frozen)),
        ]
    }

    pub(in crate::remediation) fn prerequisite(&self) -> Watched<Prerequisite> {
        Watched::first_amiss(&self.prerequisite_parts(), Prerequisite::Present)
    }

    pub(in crate::remediation) fn prerequisite_words(&self) -> String {
        match self.prerequisite() {
            Known(Prerequisite::SmsWriter) => {
                "SMS_SITE_VSS_WRITER does not run, and no backup can succeed without it. Start it.".to_owned()
            }
            Known(Prerequisite::SqlWriter) => {
                "SQLWriter does not run, and no backup can succeed without it. Start it.".to_owned()
            }
            Known(Prerequisite::Vss) => {
                "The service VSS is disabled or missing. Set its start type to Manual.".to_owned()
            }
            Known(Prerequisite::SqlServer) => {
                format!("SQL Server does not answer: {}.", self.silence_of(SourceKind::Database))
            }
            Known(Prerequisite::Frozen) => {
                let since = self.state.io_frozen_since();
                format!(
                    "I/O of {} is frozen since {} (3197 without 3198): another backup is at work. This passes when it is \
                     resumed, or at {}.",
                    self.state.settings.site_database(),
                    since.map(moment).unwrap_or_default(),
                    since.map(|since| moment(since + FREEZE_ENDS)).unwrap_or_default()
                )
            }
            Known(Prerequisite::Present) | Failing | NotWatched => {
                let kind = match self.services() {
                    Failing => SourceKind::Services,
                    Known(_) | NotWatched => SourceKind::Database,
                };
                format!(
                    "Whether a backup has what it needs cannot be seen: {kind}: {}.",
                    self.silence_of(kind)
                )
            }
        }
    }
}
