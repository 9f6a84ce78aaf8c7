//! Why services of a site server may stand still now, so that nobody calls it a fault.
//!
//! SMS Writer stops the site's services around the snapshot, on a server that starts they come late, and an update stops
//! them too. The checks, the list of what is amiss and the policy of restarts all ask here.

use std::time::Duration;

use super::Assessment;
use crate::site::{MAINTENANCE_MODE, SiteService, Timestamp, delta};
use crate::state::SiteState;

/// Why services may stand still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standstill {
    /// A backup runs and has not said that its snapshot is taken.
    Run,
    /// The snapshot was taken a short time ago.
    Snapshot,
    /// A run ended a short time ago.
    RunEnded,
    /// The server was started a short time ago.
    Boot,
    /// An update is being installed at the site.
    Update,
    /// The site says that it is being maintained.
    Maintenance,
}

impl Standstill {
    /// Why a service that should run all the time may stand still at the moment of an assessment; `None` if it may not.
    pub fn of(service: Option<SiteService>, state: &SiteState, assessment: &Assessment) -> Option<Self> {
        let by_run = if service.is_some_and(|service| SiteService::STOPPED_FOR_SNAPSHOT.contains(&service)) {
            around_snapshot(state, assessment)
        } else {
            (assessment.runs.in_progress == Some(true)).then_some(Self::Run)
        };
        by_run.or_else(|| has_just_booted(state, assessment).then_some(Self::Boot)).or_else(|| at_work(state))
    }

    /// The same in one sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Run => "A backup runs, and services stand still while its snapshot is taken.",
            Self::Snapshot => "The snapshot has just been taken.",
            Self::RunEnded => "The backup has just ended.",
            Self::Boot => "The server has just started.",
            Self::Update => "An update is being installed at the site, and stops its services.",
            Self::Maintenance => "The site is in maintenance mode (SiteStatus 120).",
        }
    }
}

/// What the newest run tells of the services that SMS Writer stops.
fn around_snapshot(state: &SiteState, assessment: &Assessment) -> Option<Standstill> {
    let (run, timings) = (state.runs.last()?, &state.settings.timings);
    let recent =
        |time: Option<Timestamp>, grace| time.is_some_and(|time| is_recent(state, assessment, time, grace));
    // One that hangs is no excuse for ever.
    let goes_on = run.ended.is_none() && assessment.runs.in_progress == Some(true);
    if goes_on && run.thawed.is_none() && assessment.runs.stalled != Some(true) {
        return Some(Standstill::Run);
    }
    if recent(run.thawed, timings.services_after_thaw) {
        return Some(Standstill::Snapshot);
    }
    let ended = run.ended.map(|(_, ended)| ended);
    recent(ended, timings.services_after_run).then_some(Standstill::RunEnded)
}

/// What the site database tells of work on the site, as long as it is seen.
fn at_work(state: &SiteState) -> Option<Standstill> {
    let database = &state.database;
    if state.observed(&database.update_installs) == Some(&true) {
        return Some(Standstill::Update);
    }
    let status = state.observed(&database.site_status).copied().flatten();
    (status == Some(MAINTENANCE_MODE)).then_some(Standstill::Maintenance)
}

fn has_just_booted(state: &SiteState, assessment: &Assessment) -> bool {
    let grace = state.settings.timings.services_after_boot;
    let booted = state.observed(&state.services).and_then(|seen| seen.booted);
    booted.is_some_and(|booted| is_recent(state, assessment, booted, grace))
}

/// Whether something was so short a time ago; what lies in the future was dated by a clock that was ahead.
fn is_recent(state: &SiteState, assessment: &Assessment, time: Timestamp, grace: Duration) -> bool {
    time <= assessment.at + delta(state.settings.timings.clock_skew) && assessment.at < time + delta(grace)
}
