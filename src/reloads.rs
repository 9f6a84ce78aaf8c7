//! Reading changed configuration while the exporter runs: who asks for it, and how the last readings went.
//!
//! The outcome is written by who reads, and shown as metrics. A configuration is in use whole or not at all.

mod request;

use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use request::listed;
pub use request::{Changes, Refused, ReloadHandle, ReloadRequest, Reloaded, Unanswered};

use crate::site::Timestamp;

/// What is told of the readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the last reading of the configuration was taken over.
    pub config_successful: bool,
    /// When one was taken over, which the start is too.
    pub config_success: Timestamp,
    /// Of the content that was taken over then; `None` where there was no file.
    pub in_use: Option<blake3::Hash>,
    /// Whether the last reading of the web configuration was taken over.
    pub web_config_successful: bool,
}

/// The shared outcome.
#[derive(Debug, Clone)]
pub struct LastReloads(Arc<Mutex<Outcome>>);

impl LastReloads {
    /// Both are in use since `started`.
    pub fn new(started: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Outcome {
            config_successful: true,
            config_success: started,
            in_use: None,
            web_config_successful: true,
        })))
    }

    /// How they went so far.
    pub fn outcome(&self) -> Outcome {
        *self.lock()
    }

    /// The configuration was taken over at this time, with this content.
    pub fn config_taken_over(&self, now: Timestamp, in_use: Option<blake3::Hash>) {
        let mut outcome = self.lock();
        (outcome.config_successful, outcome.config_success, outcome.in_use) = (true, now, in_use);
    }

    /// The configuration was read, and not taken over.
    pub fn config_refused(&self) {
        self.lock().config_successful = false;
    }

    /// The web configuration was read, and taken over or not.
    pub fn web_config(&self, taken_over: bool) {
        self.lock().web_config_successful = taken_over;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Outcome> {
        // Nothing can panic while it is held, so the content is good in any case.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
