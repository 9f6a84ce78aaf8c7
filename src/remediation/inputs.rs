//! What the policy decides from: a flat struct of small values, derived purely from what is known at a moment.
//!
//! Each answers one question of the decision table, so that the table can be tried with every combination.

use super::Ledger;
use super::situation::Situation;
use crate::assessment::Assessment;
use crate::site::{RestartMode, Timestamp};
use crate::state::SiteState;

/// Something that may be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Watched<T> {
    /// It is, and this is what was seen.
    Known(T),
    /// It is, and cannot be seen now.
    Failing,
    /// Nothing watches it.
    NotWatched,
}

impl<T: Copy + PartialEq> Watched<T> {
    /// The first of them that is known and not `well`; else failing if any is, else well if any is.
    pub(super) fn first_amiss(parts: &[Self], well: T) -> Self {
        let amiss = |part: &&Self| matches!(part, Self::Known(seen) if *seen != well);
        if let Some(amiss) = parts.iter().find(amiss) {
            *amiss
        } else if parts.contains(&Self::Failing) {
            Self::Failing
        } else if parts.contains(&Self::Known(well)) {
            Self::Known(well)
        } else {
            Self::NotWatched
        }
    }
}

impl<T> Watched<T> {
    /// The same of something that follows from it.
    pub(super) fn map<U>(self, of: impl FnOnce(T) -> U) -> Watched<U> {
        match self {
            Self::Known(seen) => Watched::Known(of(seen)),
            Self::Failing => Watched::Failing,
            Self::NotWatched => Watched::NotWatched,
        }
    }

    /// The same of something that may be missing in it because nobody can tell it there.
    pub(super) fn and_then<U>(self, of: impl FnOnce(T) -> Option<U>) -> Watched<U> {
        match self {
            Self::Known(seen) => of(seen).map_or(Watched::NotWatched, Watched::Known),
            Self::Failing => Watched::Failing,
            Self::NotWatched => Watched::NotWatched,
        }
    }
}

/// Whether this machine may act for the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeSeen {
    /// The site runs on it.
    Active,
    /// It waits to take the site over.
    Passive,
    /// There are several site servers, and which one this is, or which one is active, cannot be told.
    Unclear,
    /// Another machine's run failed.
    OtherMachine,
}

/// How far the newest run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Progress {
    /// It has ended.
    Ended,
    /// It has not.
    GoesOn,
    /// It has failed and not ended, nothing was logged for `hung_after`, and it can be stopped.
    Hung,
    /// It is stalled, and it is configured that such a run is stopped.
    Stalled,
}

/// The backup service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceSeen {
    /// It stands still.
    Stopped,
    /// It runs.
    Running,
    /// It is starting, stopping or pausing.
    Changing,
    /// There is none.
    Missing,
}

/// Whether the backup service can be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StartSeen {
    /// It can.
    Possible,
    /// Its start is disabled in Windows.
    Disabled,
    /// No command is configured that would.
    NoCommand,
}

/// Whether a failure is one that this program may act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Armed {
    /// It is.
    Yes,
    /// No success was ever seen.
    NeverSucceeded,
    /// It is older than the ledger.
    BeforeLedger,
}

/// How good the evidence of the failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// It is fresh, and whoever told of it is heard.
    Fresh,
    /// It is older than `max_failure_age`.
    Old,
    /// It is dated in the future.
    Future,
    /// Who told of it, or who could tell of a success since, is not heard now.
    Unheard,
}

/// The task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskSeen {
    /// It is enabled.
    Enabled,
    /// It is disabled.
    Disabled,
}

/// Work on the site or its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Maintenance {
    /// There is none.
    None,
    /// SMS_EXECUTIVE or SMS_SITE_COMPONENT_MANAGER is down outside a run.
    ServicesDown,
    /// An update is being installed.
    UpdateInstalls,
    /// The site says that it is being maintained (`ServerData`, 120).
    SiteStatus,
    /// The site's version changed a short time ago.
    VersionChanged,
    /// The machine was started a short time ago.
    Booted,
    /// The pause file exists.
    PauseFile,
}

/// Whether a failure may pass by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// Another attempt may succeed.
    Retry,
    /// Another attempt would fail of the same cause.
    CauseNeedsPerson,
    /// The attempts of two nights have failed.
    TwoNights,
}

/// What else a backup needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Prerequisite {
    /// All of it is there.
    Present,
    /// SMS_SITE_VSS_WRITER does not run.
    SmsWriter,
    /// SQLWriter does not run.
    SqlWriter,
    /// VSS is disabled or missing.
    Vss,
    /// SQL Server does not answer.
    SqlServer,
    /// I/O of the site database is frozen for another backup.
    Frozen,
}

/// The room in the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Space {
    /// There is enough for a backup.
    Enough,
    /// There is not.
    Short,
}

/// What another run would destroy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LastCopy {
    /// No valid copy, or there is another one.
    Safe,
    /// The only valid copy.
    AtRisk,
}

/// The next start by the task itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DueSeen {
    /// A backup and an hour fit before it.
    Later,
    /// They do not.
    Soon,
    /// It is due now and has not come.
    Awaited,
}

/// Everything that the policy looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Inputs {
    /// What may be done.
    pub mode: RestartMode,
    /// Whether the newest run has failed or is stalled.
    pub trouble: bool,
    /// Whether this machine may act for the site.
    pub node: Watched<NodeSeen>,
    /// How far the newest run is.
    pub progress: Progress,
    /// The backup service.
    pub service: Watched<ServiceSeen>,
    /// Whether nothing can withdraw the failure any more.
    pub settled: bool,
    /// Whether what was done before is known; while it is not, all that follows from it is as if nothing had been.
    pub ledger: bool,
    /// Whether the failure is one to act on.
    pub armed: Armed,
    /// How good the evidence of it is.
    pub evidence: Evidence,
    /// Whether the task is enabled.
    pub task: Watched<TaskSeen>,
    /// Whether somebody works on the site.
    pub maintenance: Watched<Maintenance>,
    /// Whether another attempt may help.
    pub remedy: Remedy,
    /// Whether the service can be started.
    pub start: Watched<StartSeen>,
    /// What else a backup needs.
    pub prerequisite: Watched<Prerequisite>,
    /// The room in the destination.
    pub space: Watched<Space>,
    /// What another run would destroy.
    pub last_copy: Watched<LastCopy>,
    /// Whether the failed run has had its attempt.
    pub attempted: bool,
    /// Whether the day's attempts are used up.
    pub spent: bool,
    /// Whether an attempt is under way, or the last one was a short time ago.
    pub cooling: bool,
    /// The next start by the task itself.
    pub due: Watched<DueSeen>,
    /// Whether it is a time of day for backups.
    pub in_window: bool,
}

impl Inputs {
    /// What is known at a moment.
    pub fn of(state: &SiteState, assessment: &Assessment, ledger: Option<&Ledger>, now: Timestamp) -> Self {
        Self::from(&Situation::new(state, assessment, ledger, now))
    }
}

impl From<&Situation<'_>> for Inputs {
    fn from(situation: &Situation<'_>) -> Self {
        Self {
            mode: situation.state.settings.remediation.mode,
            trouble: situation.run.is_some(),
            node: situation.node(),
            progress: situation.progress(),
            service: situation.service(),
            settled: situation.is_settled(),
            ledger: situation.ledger.is_some(),
            armed: situation.armed(),
            evidence: situation.evidence(),
            task: situation.task(),
            maintenance: situation.maintenance(),
            remedy: situation.remedy(),
            start: situation.start(),
            prerequisite: situation.prerequisite(),
            space: situation.space(),
            last_copy: situation.last_copy(),
            attempted: situation.is_attempted(),
            spent: situation.is_spent(),
            cooling: situation.is_cooling(),
            due: situation.due(),
            in_window: situation.is_in_window(),
        }
    }
}
