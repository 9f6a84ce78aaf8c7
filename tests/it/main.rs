//! The one integration binary; modules are named by situation.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may panic"
)]

#[allow(dead_code, reason = "what the situations do not use yet")]
mod support;
