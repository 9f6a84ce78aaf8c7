//! The command line: what the user asked for. One file for each command.

pub mod args;
mod args_web;
pub mod log;

pub use args_web::{ExternalUrl, ListenAddress, TelemetryPath};
