//! What goes into the event log of Windows: warnings and errors, and that the service started and stopped.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use super::entry::Entry;
use super::repeats::{Repeats, Turn};
use crate::clock::Clock;

/// The target of messages that say that the program starts or stops.
pub const LIFECYCLE: &str = concat!(env!("CARGO_CRATE_NAME"), "::lifecycle");

/// Writes one record.
pub(super) type Report = Box<dyn Fn(Level, &str) + Send + Sync>;

/// The event log, and what was written to it.
pub(super) struct EventLog {
    level: LevelFilter,
    clock: Clock,
    repeats: Mutex<Repeats>,
    report: Report,
}

impl fmt::Debug for EventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLog").field("level", &self.level).finish_non_exhaustive()
    }
}

impl EventLog {
    /// An event log that gets no more than `level` lets pass.
    pub(super) fn new(level: LevelFilter, clock: Clock, report: Report) -> Self {
        Self { level, clock, repeats: Mutex::default(), report }
    }

    /// Writes a message, unless it does not belong there or the same problem was written within the hour.
    pub(super) fn tell(&self, entry: &Entry) {
        let is_lifecycle = entry.target == LIFECYCLE;
        if entry.level > self.level || (entry.level > Level::WARN && !is_lifecycle) {
            return;
        }
        if is_lifecycle {
            return (self.report)(entry.level, &entry.text(None));
        }
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = repeats.turn(entry.problem(), self.clock.now());
        // Windows may take its time.
        drop(repeats);
        if let Turn::Write(repeated) = turn {
            (self.report)(entry.level, &entry.text(repeated));
        }
    }
}

/// Hands messages to the event log.
pub(super) struct ToEventLog(pub(super) Arc<EventLog>);

impl<S: Subscriber> Layer<S> for ToEventLog {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() <= Level::INFO {
            self.0.tell(&Entry::of(event));
        }
    }
}
