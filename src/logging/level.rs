//! What can be said of messages on the command line: from which severity on they are logged, and how.

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;

/// The least severity that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Everything, for whoever looks for a fault in this program.
    Debug,
    /// What happens to the backups and to this program.
    Info,
    /// What is wrong but mends itself.
    Warn,
    /// What an operator must mend.
    Error,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Info => Self::INFO,
            LogLevel::Warn => Self::WARN,
            LogLevel::Error => Self::ERROR,
        }
    }
}

/// How messages are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// `key=value` pairs.
    Logfmt,
    /// One JSON object a line.
    Json,
}
