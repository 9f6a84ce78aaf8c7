//! The services of a site server: a thin poller of a [`ServiceController`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{
    BlockingSource, Cursor, Fact, FailureKind, Guidance, Poll, PollFailure, Reach, SourceId, SourceKind,
};
use crate::config::ServicesConfig;
use crate::platform::may_exist;
use crate::services::{ServiceController, ServiceError, ServiceErrorKind};

/// Looks at the services of one machine.
#[derive(Debug)]
pub struct ServicesSource {
    id: SourceId,
    interval: Duration,
    deadline: Option<Duration>,
    pause_file: Option<PathBuf>,
    controller: Arc<dyn ServiceController>,
}

impl ServicesSource {
    /// A source that asks this controller, and looks for the file that pauses restarts.
    pub fn new(
        config: &ServicesConfig,
        pause_file: Option<PathBuf>,
        controller: Arc<dyn ServiceController>,
    ) -> Self {
        let id = SourceId { kind: SourceKind::Services, location: controller.location() };
        let (interval, deadline) = (config.interval, config.look_deadline());
        Self { id, interval, deadline, pause_file, controller }
    }
}

impl BlockingSource for ServicesSource {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    fn poll(&self, _: Option<&Cursor>, _: &Guidance) -> Result<Poll<Cursor>, PollFailure> {
        let mut seen = self.controller.look().map_err(failure)?;
        seen.paused = self.pause_file.as_deref().map(may_exist);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ServiceControl, ServicesConfig};
    use crate::services::scripted::{self, Scripted};

    fn poll(pause_file: Option<PathBuf>, scripted: &Scripted) -> Result<Option<bool>, PollFailure> {
        let interval = Duration::from_secs(30);
        let config = ServicesConfig { control: ServiceControl::Windows, machine: None, interval };
        let source = ServicesSource::new(&config, pause_file, Arc::new(scripted.clone()));
        let poll = source.poll(None, &Guidance::default())?;
        match &poll.facts[..] {
            [Fact::Services(seen)] => Ok(seen.paused),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn restarts_pause_while_the_file_exists_or_cannot_be_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pause");
        let scripted = Scripted::default();
        assert_eq!(poll(None, &scripted).unwrap(), None);
        assert_eq!(poll(Some(file.clone()), &scripted).unwrap(), Some(false));
        assert_eq!(poll(Some(folder.path().join("no/such/folder")), &scripted).unwrap(), Some(false));
        std::fs::write(&file, "").unwrap();
        assert_eq!(poll(Some(file), &scripted).unwrap(), Some(true));
        // No file system takes such a name, but nor does it say that there is no such file.
        assert_eq!(poll(Some(PathBuf::from("pause\0")), &scripted).unwrap(), Some(true));
    }

    #[test]
    fn a_refusal_fails_the_poll_with_its_kind_and_words() {
        for (kind, failure) in [
            (ServiceErrorKind::NotFound, FailureKind::NotFound),
            (ServiceErrorKind::AccessDenied, FailureKind::AccessDenied),
            (ServiceErrorKind::Timeout, FailureKind::Timeout),
            (ServiceErrorKind::Unreachable, FailureKind::Unreachable),
            (ServiceErrorKind::Refused, FailureKind::Malformed),
        ] {
            let scripted = Scripted::default();
            scripted.0.lock().unwrap().state = Err(scripted::error(kind));
            let error = poll(None, &scripted).unwrap_err();
            assert_eq!((error.kind, error.message), (failure, format!("scripted: {kind}")));
        }
    }
}
