//! What the state task is asked for besides folding: to give up sites, and to take others, all in one step.
//!
//! A site is replaced in two steps: it is settled once its tasks have ended, and what is known of it then comes back under
//! other settings. Between the two it stays published as it was, so no scrape misses it.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::SiteState;
use crate::site::SiteCode;

/// Requests that may wait: one comes at a time.
const WAITING: usize = 1;

/// A site as its last checkpoint has it, with that checkpoint's number.
pub type Settled = (Arc<SiteState>, u64);

/// What is asked for.
#[derive(Debug)]
pub(super) enum Request {
    /// Fold what these sites have reported, write their checkpoints, let no time pass in them, and hand out their states.
    Settle(Vec<SiteCode>, oneshot::Sender<Vec<Settled>>),
    /// Forget these sites, take those in their place or beside them, and publish.
    Exchange(Vec<SiteCode>, Vec<(SiteState, u64)>, oneshot::Sender<()>),
}

/// Asks the state task.
#[derive(Debug, Clone)]
pub struct StateRequests(mpsc::Sender<Request>);

impl StateRequests {
    pub(super) fn channel() -> (Self, mpsc::Receiver<Request>) {
        let (sender, requests) = mpsc::channel(WAITING);
        (Self(sender), requests)
    }

    /// Settles sites of which nothing reports any more; `None` if the state task has ended.
    pub async fn settle(&self, sites: Vec<SiteCode>) -> Option<Vec<Settled>> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Request::Settle(sites, answer)).await.ok()?;
        answered.await.ok()
    }

    /// Has the settled ones forgotten and others watched, published when this returns; `None` if the state task has ended.
    pub async fn exchange(&self, forgotten: Vec<SiteCode>, taken: Vec<(SiteState, u64)>) -> Option<()> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Request::Exchange(forgotten, taken, answer)).await.ok()?;
        answered.await.ok()
    }
}
