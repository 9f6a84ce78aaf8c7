//! The program's own messages: logfmt or JSON on standard error, counted by level.
//!
//! Libraries only warn, whatever the level: what they tell besides is for programmers, and may be what a server sent.

use std::sync::Arc;

use tracing::Subscriber;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt, registry,
};

use crate::cli::args::{LogFormat, LogLevel};
use crate::metrics::LogCounts;

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

/// Sets up logging for the process; the counts are for the metric.
///
/// A second call in one process changes nothing.
pub fn init(level: LogLevel, format: LogFormat) -> Arc<LogCounts> {
    let counts = Arc::new(LogCounts::default());
    let registry = registry().with(filter(LevelFilter::from(level))).with(Count(Arc::clone(&counts)));
    // Fails only if a subscriber is set already, which then keeps its place.
    let _ = match format {
        LogFormat::Logfmt => {
            let logfmt = tracing_logfmt::builder().with_target(false).with_span_path(false).layer();
            registry.with(logfmt.with_writer(std::io::stderr)).try_init()
        }
        LogFormat::Json => {
            let json = fmt::layer().json().flatten_event(true).with_target(false).with_current_span(false);
            registry.with(json.with_span_list(false).with_writer(std::io::stderr)).try_init()
        }
    };
    counts
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

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn libraries_only_warn_and_the_driver_is_silent_at_any_level() {
        let own = "configmgr_backup_exporter::source::site_database";
        for (level, target, passing, held_back) in [
            (LevelFilter::DEBUG, own, Level::DEBUG, Level::TRACE),
            (LevelFilter::INFO, own, Level::INFO, Level::DEBUG),
            (LevelFilter::DEBUG, "configmgr_backup_exporter", Level::DEBUG, Level::TRACE),
            (LevelFilter::DEBUG, "rustls::client", Level::WARN, Level::INFO),
            (LevelFilter::ERROR, "rustls::client", Level::ERROR, Level::WARN),
        ] {
            let filter = filter(level);
            assert!(filter.would_enable(target, &passing), "{level} {target} {passing}");
            assert!(!filter.would_enable(target, &held_back), "{level} {target} {held_back}");
        }
        assert!(!filter(LevelFilter::TRACE).would_enable("tiberius::tds::stream::token", &Level::ERROR));
    }
}
