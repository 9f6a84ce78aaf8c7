//! The verification of a snapshot as a source: carries out orders, a slice at a time.
//!
//! Between two polls nothing of the snapshot is open, and a poll that finds no order, because a backup may come or
//! because nothing is due, touches nothing. The cursor has what was found so far in it: whatever happens to this
//! process, another one goes on within one slice of where it was.

mod cursor;
mod postponed;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use self::cursor::Cursor;
use self::cursor::Order;
use self::postponed::Postponed;
use super::super::{
    BlockingSource, Fact, FailureKind, Guidance, Poll, PollFailure, Reach, SourceId, SourceKind,
    Surroundings, VerifyOrder,
};
use crate::clock::Clock;
use crate::error_chain;
use crate::platform::IoFailure;
use crate::site::SiteCode;
use crate::snapshot::{BLOCK, Budget, Lost, ManifestError, ManifestPlace, Pass, SliceEnd, Verification};

/// Asking for an order costs nothing.
const INTERVAL: Duration = Duration::from_secs(5);

/// Verifies one folder of a snapshot, or the copies that an archive's pattern matches.
#[derive(Debug)]
pub struct VerificationSource {
    id: SourceId,
    site: SiteCode,
    /// In bytes per second.
    rate_limit: u64,
    clock: Clock,
    state_path: PathBuf,
    account: String,
    /// The pass that goes on, with the cursor that was given out for it.
    going_on: Mutex<Option<(Cursor, Pass)>>,
    postponed: Mutex<Postponed>,
}

impl VerificationSource {
    /// The source whose orders name this location: a folder's path, or an archive's pattern.
    pub fn new(site: SiteCode, location: String, rate_limit: u64, surroundings: &Surroundings<'_>) -> Self {
        Self {
            id: SourceId { kind: SourceKind::Verification, location },
            site,
            rate_limit: rate_limit.max(1),
            clock: surroundings.clock,
            state_path: surroundings.state_path.to_owned(),
            account: surroundings.account.to_owned(),
            going_on: Mutex::new(None),
            postponed: Mutex::default(),
        }
    }

    /// The orders of this source, if now is the time.
    fn orders<'a>(&self, guidance: &'a Guidance) -> impl Iterator<Item = &'a VerifyOrder> {
        let orders = if guidance.quiet.is_none() { &*guidance.verify } else { &[] };
        orders.iter().filter(|order| order.location == self.id.location)
    }

    /// What is to be done: rather what has been begun than what comes first, and what failed only after a pause.
    fn order<'a>(&self, cursor: Option<&Cursor>, guidance: &'a Guidance) -> Option<&'a VerifyOrder> {
        let (postponed, now) = (self.postponed(), self.clock.now());
        let due = || self.orders(guidance).filter(|order| !postponed.holds(order, now));
        let begun = cursor
            .filter(|cursor| !cursor.is_done())
            .and_then(|cursor| due().find(|order| cursor.order == Order::of(order)));
        let order = begun.or_else(|| due().next())?;
        // The end of a pass is on its way to the state, which still gives its order.
        let is_done = cursor.is_some_and(|cursor| cursor.is_done() && cursor.order == Order::of(order));
        (!is_done).then_some(order)
    }

    fn postponed(&self) -> MutexGuard<'_, Postponed> {
        self.postponed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self, order: &VerifyOrder, cursor: Option<&Cursor>) -> Result<Pass, ManifestError> {
        let root = PathBuf::from(&order.folder);
        let manifest = ManifestPlace::new(&self.state_path, self.site, &order.folder, order.run);
        if let Some(progress) =
            cursor.filter(|cursor| cursor.order == Order::of(order)).and_then(Cursor::progress)
            && let Some(pass) = progress.resume(root.clone(), &manifest, order)?
        {
            return Ok(pass);
        }
        let verification = Verification::new(&order.folder, order.run, self.clock.now());
        Pass::begin(root, &manifest, verification)
    }

    /// One slice of a pass.
    fn verify(
        &self,
        order: &VerifyOrder,
        cursor: Option<&Cursor>,
    ) -> Result<Poll<super::super::Cursor>, Lost> {
        let mut going_on = self.going_on.lock().unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now();
        let mut pass = match going_on.take() {
            Some((known, pass)) if Some(&known) == cursor => pass,
            _ => self.pass(order, cursor)?,
        };
        // With a low rate, smaller slices instead of longer pauses, as long as each has a whole block.
        let mut budget = Budget::begin(self.rate_limit.max(BLOCK));
        let compares = pass.compares();
        let end = pass.slice(&mut budget)?;
        self.postponed().forget(order);
        match end {
            SliceEnd::More => {
                let verification = pass.verification().clone();
                let cursor = Cursor::of(order, &pass);
                *going_on = Some((cursor.clone(), pass));
                let pause = pause(budget.used(), self.rate_limit, began.elapsed());
                Ok(poll(vec![Fact::Verification(verification)], Some(cursor), Reach::MoreAfter(pause)))
            }
            SliceEnd::Done => {
                let finished = Some(self.clock.now());
                // What the pass before this one recorded should have been there.
                let record_lost = order.after.is_some() && !compares;
                let verification = Verification { finished, record_lost, ..pass.into_verification() };
                let fact = Fact::Verification(verification);
                Ok(poll(vec![fact], Some(Cursor::done(order)), Reach::CaughtUp))
            }
            // It was there when the order was given; what became of it is for the next look to say.
            SliceEnd::Gone => {
                self.postponed().gone(order, self.clock.now());
                Ok(poll(Vec::new(), None, Reach::Unsettled))
            }
        }
    }

    fn failure(&self, lost: &Lost) -> PollFailure {
        let failure = match lost {
            Lost::Folder { failure, .. } => *failure,
            Lost::Manifest(ManifestError::Io { source, .. }) => IoFailure::of(source),
            Lost::Manifest(ManifestError::Unusable { .. }) => {
                let message = format!("{}; the files will be recorded anew", error_chain(lost));
                return PollFailure { kind: FailureKind::Malformed, message };
            }
        };
        let account = &self.account;
        let (kind, remedy) = match (failure, lost) {
            (_, Lost::Manifest(_)) => {
                (kind(failure), format!("give {account} the right to write there, and space"))
            }
            (IoFailure::NotFound, _) => (FailureKind::NotFound, "watched for".to_owned()),
            (IoFailure::AccessDenied, _) => {
                (FailureKind::AccessDenied, format!("give {account} read access to it"))
            }
            (IoFailure::Locked, _) => (FailureKind::Locked, "another process shuts readers out".to_owned()),
            (IoFailure::Timeout | IoFailure::Unreachable, _) => {
                (kind(failure), format!("check the disk, the share and the network to it, as {account}"))
            }
        };
        PollFailure { kind, message: format!("{}; {remedy}", error_chain(lost)) }
    }
}

impl BlockingSource for VerificationSource {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    fn poll(
        &self,
        cursor: Option<&super::super::Cursor>,
        guidance: &Guidance,
    ) -> Result<Poll<super::super::Cursor>, PollFailure> {
        let cursor = match cursor {
            Some(super::super::Cursor::Verification(cursor)) => Some(&**cursor),
            _ => None,
        };
        let Some(order) = self.order(cursor, guidance) else {
            *self.going_on.lock().unwrap_or_else(PoisonError::into_inner) = None;
            let postponed = self.postponed();
            // Until it is tried again, nothing says that it would work.
            return match self.orders(guidance).find_map(|order| postponed.failure(order)) {
                Some(failure) => Err(failure.clone()),
                None => Ok(poll(Vec::new(), cursor.cloned(), Reach::Unsettled)),
            };
        };
        self.verify(order, cursor).map_err(|lost| {
            let failure = self.failure(&lost);
            if let Lost::Folder { .. } = lost {
                self.postponed().failed(order, failure.clone(), self.clock.now());
            }
            failure
        })
    }
}

fn poll(facts: Vec<Fact>, cursor: Option<Cursor>, reach: Reach) -> Poll<super::super::Cursor> {
    let cursor = cursor
        .map_or(super::super::Cursor::Anew, |cursor| super::super::Cursor::Verification(Box::new(cursor)));
    Poll { facts, cursor, reach }
}

fn kind(failure: IoFailure) -> FailureKind {
    match failure {
        IoFailure::NotFound => FailureKind::NotFound,
        IoFailure::AccessDenied => FailureKind::AccessDenied,
        IoFailure::Locked => FailureKind::Locked,
        IoFailure::Timeout => FailureKind::Timeout,
        IoFailure::Unreachable => FailureKind::Unreachable,
    }
}

/// What is left of the time that so many bytes may take at this rate.
fn pause(bytes: u64, rate: u64, elapsed: Duration) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).saturating_sub(elapsed)
}
