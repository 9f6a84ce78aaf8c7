//! A controller that does what a test tells it to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::{ServiceController, ServiceControllers, ServiceError, ServiceErrorKind, Start};
use crate::config::ServicesConfig;
use crate::site::{ServiceState, ServicesSeen, SiteService};

/// What was asked of the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Start,
    Stop,
}

/// The state behind a scripted controller; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scripted(pub(crate) Arc<Mutex<Script>>);

/// What the service does.
#[derive(Debug)]
pub(crate) struct Script {
    /// What the whole machine looks like.
    pub(crate) seen: ServicesSeen,
    /// The state of the backup service now.
    pub(crate) state: Result<ServiceState, ServiceError>,
    /// The states that it goes through from now on, one with each question.
    pub(crate) next: VecDeque<ServiceState>,
    /// What a start answers, and the states that follow it.
    pub(crate) start: (Result<Start, ServiceError>, Vec<ServiceState>),
    /// What a stop answers, and the states that follow it.
    pub(crate) stop: (Result<(), ServiceError>, Vec<ServiceState>),
    /// Every start and stop so far.
    pub(crate) calls: Vec<Call>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            seen: ServicesSeen::default(),
            state: Ok(ServiceState::Stopped),
            next: VecDeque::new(),
            start: (Ok(Start::Accepted), vec![ServiceState::StartPending, ServiceState::Running]),
            stop: (Ok(()), vec![ServiceState::StopPending, ServiceState::Stopped]),
            calls: Vec::new(),
        }
    }
}

/// An error of this kind.
pub(crate) fn error(kind: ServiceErrorKind) -> ServiceError {
    ServiceError { kind, message: format!("scripted: {kind}") }
}

impl ServiceController for Scripted {
    fn location(&self) -> String {
        "scripted".to_owned()
    }

    fn look(&self) -> Result<ServicesSeen, ServiceError> {
        let script = self.0.lock().expect("no test panics within");
        script.state.clone().map(|_| script.seen.clone())
    }

    fn state(&self, _: SiteService) -> Result<ServiceState, ServiceError> {
        let mut script = self.0.lock().expect("no test panics within");
        if let Some(next) = script.next.pop_front() {
            script.state = Ok(next);
        }
        script.state.clone()
    }

    fn start(&self, _: SiteService) -> Result<Start, ServiceError> {
        let mut script = self.0.lock().expect("no test panics within");
        script.calls.push(Call::Start);
        let (answer, states) = script.start.clone();
        if answer.is_ok() {
            script.next = states.into();
        }
        answer
    }

    fn stop(&self, _: SiteService) -> Result<(), ServiceError> {
        let mut script = self.0.lock().expect("no test panics within");
        script.calls.push(Call::Stop);
        let (answer, states) = script.stop.clone();
        if answer.is_ok() {
            script.next = states.into();
        }
        answer
    }
}

impl ServiceControllers for Scripted {
    fn of(&self, _: &ServicesConfig) -> Arc<dyn ServiceController> {
        Arc::new(self.clone())
    }
}
