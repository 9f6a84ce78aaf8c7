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
    /// Whether the last reading of the web configuration was taken over.
    pub web_config_successful: bool,
}

/// The shared outcome.
#[derive(Debug, Clone)]
pub struct LastReloads(Arc<Mutex<Outcome>>);

impl LastReloads {
    /// Both are in use since `started`.
    pub fn new(started: Timestamp) -> Self {
        let outcome =
            Outcome { config_successful: true, config_success: started, web_config_successful: true };
        Self(Arc::new(Mutex::new(outcome)))
    }

    /// How they went so far.
    pub fn outcome(&self) -> Outcome {
        *self.lock()
    }

    /// The configuration was read at this time; `None` if it was not taken over.
    pub fn config(&self, taken_over: Option<Timestamp>) {
        let mut outcome = self.lock();
        outcome.config_successful = taken_over.is_some();
        outcome.config_success = taken_over.unwrap_or(outcome.config_success);
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
