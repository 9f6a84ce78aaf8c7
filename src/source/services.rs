//! The services of a site server: a thin poller of a [`ServiceController`].

use std::sync::Arc;
use std::time::Duration;

use super::{
    BlockingSource, Cursor, Fact, FailureKind, Guidance, Poll, PollFailure, Reach, SourceId, SourceKind,
};
use crate::config::ServicesConfig;
use crate::services::{ServiceController, ServiceError, ServiceErrorKind};

/// Looks at the services of one machine.
#[derive(Debug)]
pub struct ServicesSource {
    id: SourceId,
    interval: Duration,
    controller: Arc<dyn ServiceController>,
}

impl ServicesSource {
    /// A source that asks this controller.
    pub fn new(config: &ServicesConfig, controller: Arc<dyn ServiceController>) -> Self {
        let id = SourceId { kind: SourceKind::Services, location: controller.location() };
        Self { id, interval: config.interval, controller }
    }
}

impl BlockingSource for ServicesSource {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn poll(&self, _: Option<&Cursor>, _: &Guidance) -> Result<Poll<Cursor>, PollFailure> {
        let seen = self.controller.look().map_err(failure)?;
        Ok(Poll { facts: vec![Fact::Services(seen)], cursor: Cursor::Anew, reach: Reach::CaughtUp })
    }
}

fn failure(error: ServiceError) -> PollFailure {
    let kind = match error.kind {
        ServiceErrorKind::NotFound => FailureKind::NotFound,
        ServiceErrorKind::AccessDenied => FailureKind::AccessDenied,
        ServiceErrorKind::Timeout => FailureKind::Timeout,
        ServiceErrorKind::Unreachable => FailureKind::Unreachable,
        ServiceErrorKind::Refused => FailureKind::Malformed,
    };
    PollFailure { kind, message: error.message }
}
