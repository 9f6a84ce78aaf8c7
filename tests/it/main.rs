//! The one integration binary; modules are named by situation.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail as tests do"
)]

#[cfg(unix)]
mod alerts;
mod bias;
mod check;
mod config;
#[cfg(unix)]
mod dashboards;
#[cfg(unix)]
mod demo;
#[cfg(unix)]
mod documentation;
mod endpoints;
mod evtx;
mod failures;
mod golden;
#[cfg(unix)]
mod hang;
#[cfg(unix)]
mod kill;
mod log_command;
mod log_events;
mod log_rolls;
mod metrics;
#[cfg(unix)]
mod monitoring;
mod other_process;
mod package_sources;
#[cfg(unix)]
mod packages;
mod process_metrics;
mod prometheus;
#[cfg(unix)]
mod reload;
#[cfg(unix)]
mod restart_command;
#[cfg(unix)]
mod snapshot_roots;
mod start;
#[cfg(unix)]
mod status_page;
#[allow(dead_code, reason = "what the situations do not use yet")]
mod support;
mod verification;
#[cfg(unix)]
mod web;
mod web_config;
#[cfg(windows)]
mod windows_discovery;
#[cfg(windows)]
mod windows_msi;
#[cfg(windows)]
mod windows_restart;
#[cfg(windows)]
mod windows_service_host;
#[cfg(windows)]
mod windows_services;
mod written_runs;
