//! The program's own messages: logfmt or JSON on standard error, counted by level.

use std::sync::Arc;

use tracing::Subscriber;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{filter::LevelFilter, fmt, registry};

use crate::cli::args::{LogFormat, LogLevel};
use crate::metrics::LogCounts;

/// Counts what passes the level.
struct Count(Arc<LogCounts>);

impl<S: Subscriber> Layer<S> for Count {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        self.0.count(*event.metadata().level());
    }
}

/// Sets up logging for the process; the counts are for the metric.
///
/// A second call in one process changes nothing.
pub fn init(level: LogLevel, format: LogFormat) -> Arc<LogCounts> {
    let counts = Arc::new(LogCounts::default());
    let registry = registry().with(LevelFilter::from(level)).with(Count(Arc::clone(&counts)));
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
