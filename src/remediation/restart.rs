//! One restart of the backup service, step by step: ask, stop if that is planned, start, and see a run begin.
//!
//! Every call runs on a blocking thread and every wait has an end. A call that was given up before its thread came to
//! it is never made; so nothing is started once a stop of this process was asked for.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::heard::heard_since;
use crate::clock::Clock;
use crate::platform::may_exist;
use crate::services::{ServiceController, ServiceError, ServiceErrorKind, Start};
use crate::site::{
    AttemptOutcome, Node, RestartPlan, ServiceState, SiteCode, SiteService, Timestamp, Timings,
};
use crate::state::{Published, SiteState};

/// The one service that is ever stopped or started.
const SERVICE: SiteService = SiteService::Backup;

/// What became of a restart, and the words of an error where there was one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) outcome: AttemptOutcome,
    pub(super) error: Option<Box<str>>,
}

impl Ended {
    fn of(outcome: AttemptOutcome) -> Self {
        Self { outcome, error: None }
    }

    fn because(outcome: AttemptOutcome, words: impl Into<Box<str>>) -> Self {
        Self { outcome, error: Some(words.into()) }
    }
}

/// A restart that is to be made.
#[derive(Debug)]
pub(super) struct Restart {
    pub(super) site: SiteCode,
    pub(super) plan: RestartPlan,
    /// The first and the last evidence of the failed run: what begins later is another run.
    pub(super) failed: (Timestamp, Timestamp),
    /// Whether it is decided the same from what is known just before anything is done.
    pub(super) wanted: Wanted,
    /// Nothing is done while this file exists.
    pub(super) pause_file: Option<PathBuf>,
    pub(super) clock: Clock,
    pub(super) controller: Arc<dyn ServiceController>,
    pub(super) published: watch::Receiver<Published>,
    pub(super) timings: Timings,
    pub(super) stop: CancellationToken,
}

type Answer<T> = Result<T, ServiceError>;

/// Decides once more, without the attempt itself.
pub(super) struct Wanted(pub(super) Box<dyn Fn(&SiteState) -> bool + Send + Sync>);

impl std::fmt::Debug for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wanted")
    }
}

impl Restart {
    /// Makes it; ends soon after a stop of this process was asked for, whatever hangs.
    pub(super) async fn run(self) -> Ended {
        let mut looks = Looks { controller: Arc::clone(&self.controller), in_flight: None };
        let prepared = tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Ended::of(AttemptOutcome::Abandoned)),
            prepared = self.prepare(&mut looks) => prepared,
        };
        if let Err(ended) = prepared {
            return ended;
        }
        // Whatever was asked for is asked for: a stop of this process leaves it a moment to become known.
        let settled = async {
            self.stop.cancelled().await;
            sleep(self.timings.shutdown_grace / 2).await;
        };
        tokio::pin!(settled);
        let asked = tokio::select! {
            asked = self.call(|controller| controller.start(SERVICE)) => asked,
            () = &mut settled => return Ended::of(AttemptOutcome::Lost),
        };
        let doubt = match asked {
            None => return Ended::of(AttemptOutcome::Abandoned),
            Some(Ok(Start::AlreadyRunning)) => return Ended::of(AttemptOutcome::Adopted),
            Some(Ok(Start::Accepted)) => None,
            // It may have been started all the same.
            Some(Err(error)) => Some(error),
        };
        tokio::select! {
            ended = self.await_run(&mut looks, doubt) => ended,
            () = &mut settled => {
                let words = "the exporter was stopped, or the site reloaded, before a run was seen to begin";
                Ended::because(AttemptOutcome::Lost, words)
            }
        }
    }

    /// Until the service stands still, so that it may be started; or why it is not to be.
    async fn prepare(&self, looks: &mut Looks) -> Result<(), Ended> {
        let look = looks.look(self.timings.service_call).await;
        let mut state = look.map_err(|error| Ended::because(AttemptOutcome::QueryFailed, error.message))?;
        if self.run_began() {
            return Err(Ended::of(AttemptOutcome::Adopted));
        }
        match self.plan {
            RestartPlan::StopFirst => {
                if matches!(state, ServiceState::Running | ServiceState::StopPending) {
                    self.confirm().await?;
                    state = self.stop_service(looks, state).await?;
                }
                if state == ServiceState::Stopped {
                    self.hear_the_end().await?;
                }
            }
            RestartPlan::Start if state == ServiceState::Stopped => self.confirm().await?,
            RestartPlan::Start => {}
        }
        match state {
            ServiceState::Missing => {
                let words = format!("{SERVICE} does not exist on {}", self.controller.location());
                Err(Ended::because(AttemptOutcome::StartFailed, words))
            }
            ServiceState::Stopped if !self.run_began() => Ok(()),
            _ => Err(Ended::of(AttemptOutcome::Adopted)),
        }
    }

    /// Gives up where it is decided otherwise by now.
    async fn confirm(&self) -> Result<(), Ended> {
        if self.latest().is_some_and(|state| !(self.wanted.0)(&state)) {
            return Err(withdrawn("it was decided otherwise meanwhile"));
        }
        self.is_unpaused().await
    }

    /// Gives up while the pause file exists, or cannot be looked at in time: the last look may be minutes old.
    async fn is_unpaused(&self) -> Result<(), Ended> {
        let Some(file) = self.pause_file.clone() else { return Ok(()) };
        let look = timeout(self.timings.service_call, spawn_blocking(move || may_exist(&file))).await;
        match look {
            Ok(Ok(false)) => Ok(()),
            _ => Err(withdrawn("restarts are paused")),
        }
    }

    /// Gives up unless the log was read since the service stood still, and tells neither of a success nor of work.
    ///
    /// What was stopped, or stopped by itself, may have come to its end after all, and a start would delete that backup.
    async fn hear_the_end(&self) -> Result<(), Ended> {
        let (stopped, began) = (self.clock.now(), Instant::now());
        loop {
            let Some(state) = self.latest() else { return Ok(()) };
            let run = state.runs.iter().find(|run| run.first <= self.failed.1 && self.failed.0 <= run.last);
            if run.is_none_or(|run| run.succeeded.is_some()) {
                return Err(withdrawn("the run has succeeded after all"));
            }
            let services = state.observed(&state.services);
            if services.is_some_and(|seen| seen.node() == Some(Node::Passive)) {
                return Err(withdrawn("this machine is not the active site server any more"));
            }
            if heard_since(&state, stopped) {
                return self.is_unpaused().await;
            }
            let interval = state.witnesses().map(|(_, source)| source.interval).min().unwrap_or_default();
            if began.elapsed() >= self.timings.stop_wait + interval {
                let words = "nothing tells how the run ended that was stopped; look at the logs, then start a backup by hand";
                return Err(Ended::because(AttemptOutcome::Unconfirmed, words));
            }
            sleep(self.timings.service_poll).await;
        }
    }

    fn latest(&self) -> Option<Arc<SiteState>> {
        self.published.borrow().sites.get(&self.site).cloned()
    }

    /// Stops the service; in which state it then is: stopped, or started anew by somebody else.
    async fn stop_service(&self, looks: &mut Looks, before: ServiceState) -> Result<ServiceState, Ended> {
        if before == ServiceState::Running {
            match self.call(|controller| controller.stop(SERVICE)).await {
                Some(Ok(())) => {}
                // A stop that is still on its way must not meet the run that would be started now.
                Some(Err(error)) if error.kind == ServiceErrorKind::Timeout => {
                    return Err(Ended::because(AttemptOutcome::StopTimedOut, error.message));
                }
                Some(Err(error)) => return Err(Ended::because(AttemptOutcome::StopFailed, error.message)),
                None => return Err(Ended::of(AttemptOutcome::Abandoned)),
            }
        }
        let began = Instant::now();
        let mut last = String::new();
        while began.elapsed() < self.timings.stop_wait {
            if self.run_began() {
                return Err(Ended::of(AttemptOutcome::Adopted));
            }
            match looks.look(self.timings.service_call).await {
                Ok(ServiceState::Running | ServiceState::StopPending) => last.clear(),
                Ok(state) => return Ok(state),
                Err(error) => last = format!(": {}", error.message),
            }
            sleep(self.timings.service_poll).await;
        }
        let (location, seconds) = (self.controller.location(), self.timings.stop_wait.as_secs());
        let words = format!("{SERVICE} on {location} did not stop within {seconds} s{last}");
        Err(Ended::because(AttemptOutcome::StopTimedOut, words))
    }

    /// Until a run is seen: the service at work, or evidence of a run, which may be over before anybody looks.
    async fn await_run(&self, looks: &mut Looks, doubt: Option<ServiceError>) -> Ended {
        let began = Instant::now();
        // What was refused rarely comes, and then at once.
        let refused = doubt.as_ref().filter(|doubt| doubt.kind != ServiceErrorKind::Timeout);
        let patience =
            if refused.is_some() { self.timings.refused_start_wait } else { self.timings.start_wait };
        let mut seen = None;
        while began.elapsed() < patience {
            if self.run_began() {
                return Ended::of(AttemptOutcome::Started);
            }
            match looks.look(self.timings.service_call).await {
                Ok(ServiceState::Running) => return Ended::of(AttemptOutcome::Started),
                look => seen = Some(look),
            }
            sleep(self.timings.service_poll).await;
        }
        if self.run_began() {
            return Ended::of(AttemptOutcome::Started);
        }
        if let Some(refused) = refused {
            return Ended::because(AttemptOutcome::StartFailed, refused.message.clone());
        }
        let (location, seconds) = (self.controller.location(), self.timings.start_wait.as_secs());
        let words = format!("no run began within {seconds} s of the start of {SERVICE} on {location}");
        match (doubt, seen) {
            (Some(doubt), _) => {
                Ended::because(AttemptOutcome::StartTimedOut, format!("{words}: {}", doubt.message))
            }
            (None, Some(Ok(ServiceState::Stopped))) => {
                let words = format!("{words}, and it is stopped again; see smsbkup.log");
                Ended::because(AttemptOutcome::StartFailed, words)
            }
            (None, Some(Ok(state))) => {
                Ended::because(AttemptOutcome::StartTimedOut, format!("{words}: it is {state}"))
            }
            (None, Some(Err(error))) => {
                Ended::because(AttemptOutcome::StartTimedOut, format!("{words}: {}", error.message))
            }
            (None, None) => Ended::because(AttemptOutcome::StartTimedOut, words),
        }
    }

    /// Whether any witness tells of a run after the failed one.
    fn run_began(&self) -> bool {
        let published = self.published.borrow();
        let runs = published.sites.get(&self.site).into_iter().flat_map(|state| state.runs.iter());
        runs.into_iter().any(|run| run.first > self.failed.1)
    }

    /// Changes something; `None` if it was not done because this process is to stop.
    async fn call<T: Send + 'static>(
        &self,
        change: impl FnOnce(&dyn ServiceController) -> Answer<T> + Send + 'static,
    ) -> Option<Answer<T>> {
        // Also cancelled when nobody waits any more: what no thread came to by then is not done later.
        let given_up = self.stop.child_token();
        let _guard = given_up.clone().drop_guard();
        let controller = Arc::clone(&self.controller);
        let call = spawn_blocking(move || (!given_up.is_cancelled()).then(|| change(&*controller)));
        match timeout(self.timings.service_call, call).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Some(Err(panicked(&*self.controller))),
            Err(_) => Some(Err(silent(&*self.controller, self.timings.service_call))),
        }
    }
}

/// Looks at the service's state, one at a time: one that hangs is waited for again and not asked a second time.
#[derive(Debug)]
struct Looks {
    controller: Arc<dyn ServiceController>,
    in_flight: Option<JoinHandle<Answer<ServiceState>>>,
}

impl Looks {
    async fn look(&mut self, deadline: std::time::Duration) -> Answer<ServiceState> {
        let look = self.in_flight.get_or_insert_with(|| {
            let controller = Arc::clone(&self.controller);
            spawn_blocking(move || controller.state(SERVICE))
        });
        let Ok(joined) = timeout(deadline, look).await else {
            return Err(silent(&*self.controller, deadline));
        };
        self.in_flight = None;
        joined.unwrap_or_else(|_| Err(panicked(&*self.controller)))
    }
}

fn withdrawn(why: &str) -> Ended {
    Ended::because(AttemptOutcome::Withdrawn, why)
}

fn silent(controller: &dyn ServiceController, deadline: std::time::Duration) -> ServiceError {
    let (location, seconds) = (controller.location(), deadline.as_secs());
    let message = format!("{location} did not answer for {SERVICE} within {seconds} s");
    ServiceError { kind: ServiceErrorKind::Timeout, message }
}

fn panicked(controller: &dyn ServiceController) -> ServiceError {
    let message = format!("asking {} for {SERVICE} panicked; please report this", controller.location());
    ServiceError { kind: ServiceErrorKind::Refused, message }
}

#[cfg(test)]
mod tests;
