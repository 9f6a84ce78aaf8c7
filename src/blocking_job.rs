//! Work that may hang: on a thread of its own, waited for until a deadline, and never begun anew beside itself.

use std::time::Duration;

use tokio::task::{JoinError, JoinHandle, spawn_blocking};
use tokio::time::timeout;

/// One kind of work, of which at most one is under way.
#[derive(Debug)]
pub(crate) struct BlockingJob<T> {
    /// One that did not end in time, or whose result nobody waited for.
    under_way: Option<JoinHandle<T>>,
}

/// There is no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    /// It hangs, or the one before still does.
    #[error("it did not end in time")]
    Late,
    /// A mistake in this program.
    #[error(transparent)]
    Panicked(#[from] JoinError),
}

impl<T> Default for BlockingJob<T> {
    fn default() -> Self {
        Self { under_way: None }
    }
}

impl<T: Send + 'static> BlockingJob<T> {
    /// Does this, once what was begun before has ended; each of the two may take as long as the deadline.
    pub(crate) async fn run(
        &mut self,
        deadline: Duration,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JobError> {
        if let Some(before) = &mut self.under_way {
            // Whatever it brings is as old as its beginning.
            let _ = timeout(deadline, before).await.map_err(|_| JobError::Late)?;
        }
        let job = self.under_way.insert(spawn_blocking(job));
        let done = timeout(deadline, job).await.map_err(|_| JobError::Late)?;
        self.under_way = None;
        Ok(done?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn what_hangs_is_begun_once_and_its_late_result_is_not_the_next_ones() {
        let mut work = BlockingJob::default();
        let (go_on, waits) = mpsc::channel::<()>();
        let hang = move || {
            let _ = waits.recv();
            1
        };
        assert!(matches!(work.run(Duration::ZERO, hang).await, Err(JobError::Late)));
        assert!(matches!(work.run(Duration::ZERO, || unreachable!()).await, Err(JobError::Late)));
        go_on.send(()).unwrap();
        assert!(matches!(work.run(DEADLINE, || 2).await, Ok(2)));
        assert!(matches!(
            work.run(DEADLINE, || panic!("as the test wants it")).await,
            Err(JobError::Panicked(_))
        ));
        assert!(matches!(work.run(DEADLINE, || 3).await, Ok(3)));
    }
}
