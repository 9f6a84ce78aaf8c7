//! The command line: what the user asked for. One file for each command.

pub mod args;
mod args_web;
pub mod check;
pub mod configuration;
pub mod demo;
pub mod log;
mod look;
pub mod serve;
pub mod service;
mod state_directory;
pub mod verify;

pub use args_web::{ListenAddress, TelemetryPath};
