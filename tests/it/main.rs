//! The one integration binary; modules are named by situation.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail as tests do"
)]

mod alerts;
mod bias;
mod config;
mod golden;
mod metrics;
#[allow(dead_code, reason = "what the situations do not use yet")]
mod support;
mod written_runs;
