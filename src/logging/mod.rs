//! The program's own messages: logfmt or JSON on standard error, counted by level.
//!
//! A service has no standard error: its messages go to a file in the state directory, and those that a person should see
//! to the event log of Windows too.
//!
//! Libraries only warn, whatever the level: what they tell besides is for programmers, and may be what a server sent.

mod counts;
mod entry;
mod event_log;
pub(crate) mod file;
mod level;
mod output;
mod repeats;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use tracing::Subscriber;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt, registry,
};

use self::event_log::{EventLog, Report, ToEventLog};
use self::file::{FILE_NAME, LogFile};
use self::output::Output;
use crate::clock::Clock;
use crate::platform::event_log::EventSource;

pub use self::counts::LogCounts;
pub use self::event_log::LIFECYCLE;
pub use self::level::{LogFormat, LogLevel};

/// Counts what passes the level.
struct Count(Arc<LogCounts>);

impl<S: Subscriber> Layer<S> for Count {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        self.0.count(*event.metadata().level());
    }
}

/// What passes: all of this program from `level` on, warnings of libraries, and nothing of the SQL Server driver.
///
/// The driver logs the server's errors, which the site database's source tells with their remedy, and that there is no
/// encryption or no check of the certificate, which is as it was configured.
fn filter(level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level)
        .with_target("tiberius", LevelFilter::OFF)
}

/// Writes each message as one line.
fn lines<S, W>(format: LogFormat, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    match format {
        LogFormat::Logfmt => {
            let logfmt = tracing_logfmt::builder().with_target(false).with_span_path(false).layer();
            Box::new(logfmt.with_writer(writer))
        }
        LogFormat::Json => {
            let json = fmt::layer().json().flatten_event(true).with_target(false).with_current_span(false);
            Box::new(json.with_span_list(false).with_writer(writer))
        }
    }
}

/// Sets up logging for the process; the counts are for the metric.
///
/// A second call in one process changes nothing.
pub fn init(level: LogLevel, format: LogFormat) -> Arc<LogCounts> {
    let counts = Arc::new(LogCounts::default());
    let registry = registry().with(filter(LevelFilter::from(level))).with(Count(Arc::clone(&counts)));
    // Fails only if a subscriber is set already, which then keeps its place.
    let _ = registry.with(lines(format, std::io::stderr)).try_init();
    counts
}

/// Sets up logging for a process that runs as a service: a file in the state directory, and the event log of Windows.
///
/// It works without either of them, and the other one says so. A second call in one process changes nothing.
pub fn init_service(level: LogLevel, format: LogFormat, state_path: &Path) -> Arc<LogCounts> {
    let (counts, level) = (Arc::new(LogCounts::default()), LevelFilter::from(level));
    let file = LogFile::new(state_path.join(FILE_NAME));
    let (report, missing) = match EventSource::open() {
        Ok(source) => (Some(Box::new(move |level, text: &str| source.report(level, text)) as Report), None),
        Err(error) => (None, Some(error)),
    };
    let subscriber = service(level, format, file, Clock::System, report, &counts);
    if subscriber.try_init().is_ok()
        && let Some(error) = missing
    {
        tracing::warn!(%error, "the event log cannot be written to; messages are in the log file only");
    }
    // Told on standard error otherwise, which a service does not have.
    std::panic::set_hook(Box::new(|panic| {
        let panic = panic.to_string();
        // On another thread: this one may be in the middle of logging.
        let tell = move || tracing::error!(panic, "panicked; please report this");
        drop(std::thread::Builder::new().spawn(tell));
    }));
    counts
}

/// The outputs of a service: both have the same filter, and each message counts once.
fn service(
    level: LevelFilter,
    format: LogFormat,
    file: LogFile,
    clock: Clock,
    report: Option<Report>,
    counts: &Arc<LogCounts>,
) -> impl Subscriber + Send + Sync + use<> {
    let event_log = report.map(|report| Arc::new(EventLog::new(level, clock, report)));
    let output = Output::new(file, event_log.clone(), Arc::clone(counts));
    let registry = registry().with(filter(level)).with(Count(Arc::clone(counts)));
    registry.with(lines(format, output)).with(event_log.map(ToEventLog))
}

/// What is logged while a test looks.
#[cfg(test)]
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);

#[cfg(test)]
impl Lines {
    /// Where messages go while it is the default.
    pub(crate) fn subscriber(&self) -> impl Subscriber + Send + Sync + use<> {
        let writer = self.clone();
        fmt().with_writer(move || writer.clone()).with_ansi(false).finish()
    }

    /// What was logged since it was last taken.
    pub(crate) fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().expect("no test panics within"));
        String::from_utf8(bytes).expect("messages are text")
    }
}

#[cfg(test)]
impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no test panics within").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
