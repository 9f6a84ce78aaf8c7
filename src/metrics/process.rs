//! Metrics of this process: the standard `process_` set, and how often it logged.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::{Number, Samples};
use crate::platform::MAX_HANDLES;
use crate::state::Published;

/// Messages logged, by level.
#[derive(Debug, Default)]
pub struct LogCounts([AtomicU64; 4]);

const LEVELS: [(tracing::Level, &str); 4] = [
    (tracing::Level::ERROR, "error"),
    (tracing::Level::WARN, "warn"),
    (tracing::Level::INFO, "info"),
    (tracing::Level::DEBUG, "debug"),
];

impl LogCounts {
    /// Counts one message.
    pub fn count(&self, level: tracing::Level) {
        for (count, (known, _)) in self.0.iter().zip(LEVELS) {
            if known == level {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// How many of a level were counted.
    #[cfg(test)]
    pub(crate) fn of(&self, level: tracing::Level) -> u64 {
        let counts = self.0.iter().zip(LEVELS).filter(|(_, (known, _))| *known == level);
        counts.map(|(count, _)| count.load(Ordering::Relaxed)).sum()
    }
}

/// Where the process's metrics come from.
#[derive(Debug)]
pub struct ProcessMetrics {
    /// `None` where the operating system tells nothing.
    system: Option<(Mutex<System>, Pid)>,
    logs: Arc<LogCounts>,
}

/// What the operating system says of this process; `None` is what it does not tell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    pub(super) cpu_seconds: f64,
    pub(super) resident_bytes: Option<u64>,
    pub(super) virtual_bytes: Option<u64>,
    pub(super) open_files: Option<u64>,
    pub(super) max_files: Option<u64>,
    pub(super) start_time: Option<u64>,
}

/// The process as a metric reads it.
#[derive(Debug)]
pub struct ProcessView<'a> {
    pub(super) published: &'a Published,
    pub(super) usage: Option<Usage>,
    logs: &'a LogCounts,
}

impl ProcessMetrics {
    /// Metrics of the running process.
    pub fn new(logs: Arc<LogCounts>) -> Self {
        let system = System::new().ok().map(Mutex::new).zip(sysinfo::get_current_pid().ok());
        Self { system, logs }
    }

    pub(super) fn view<'a>(&'a self, published: &'a Published) -> ProcessView<'a> {
        ProcessView { published, usage: self.usage(), logs: &self.logs }
    }

    fn usage(&self) -> Option<Usage> {
        let (system, pid) = self.system.as_ref()?;
        // Two scrapes at once: the second waits microseconds.
        let mut system = system.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[*pid]), false, kind);
        let process = system.process(*pid)?;
        let count = |count: Option<usize>| count.and_then(|count| u64::try_from(count).ok());
        // A process that runs has some of each: sysinfo says 0 for what it cannot find out.
        let known = |value: u64| (value > 0).then_some(value);
        Some(Usage {
            cpu_seconds: process.accumulated_cpu_time() as f64 / 1000.0,
            resident_bytes: known(process.memory()),
            virtual_bytes: known(process.virtual_memory()),
            open_files: count(process.open_files()).and_then(known),
            max_files: MAX_HANDLES.or_else(|| count(process.open_files_limit())),
            start_time: known(process.start_time()),
        })
    }
}

pub(super) fn log_messages(view: &ProcessView<'_>, samples: &mut Samples<'_>) {
    for (count, (_, level)) in view.logs.0.iter().zip(LEVELS) {
        samples.push(&[level], count.load(Ordering::Relaxed).number());
    }
}
