//! Metrics of this process: the standard `process_` set, and how often it logged.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::{Number, Samples};
use crate::logging::LogCounts;
use crate::platform::MAX_HANDLES;
use crate::reloads::{LastReloads, Outcome};
use crate::state::Published;

/// Where the process's metrics come from.
#[derive(Debug)]
pub struct ProcessMetrics {
    /// `None` where the operating system tells nothing.
    system: Option<(Mutex<System>, Pid)>,
    logs: Arc<LogCounts>,
    reloads: LastReloads,
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
    pub(super) reloads: Outcome,
    logs: &'a LogCounts,
}

impl ProcessMetrics {
    /// Metrics of the running process.
    pub fn new(logs: Arc<LogCounts>, reloads: LastReloads) -> Self {
        let system = System::new().ok().map(Mutex::new).zip(sysinfo::get_current_pid().ok());
        Self { system, logs, reloads }
    }

    /// The same without what the operating system says of the process.
    #[must_use]
    pub fn without_usage(self) -> Self {
        Self { system: None, ..self }
    }

    pub(super) fn view<'a>(&'a self, published: &'a Published) -> ProcessView<'a> {
        let reloads = self.reloads.outcome();
        ProcessView { published, usage: self.usage(), reloads, logs: &self.logs }
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
    for (level, count) in view.logs.by_level() {
        samples.push(&[level], count.number());
    }
}
