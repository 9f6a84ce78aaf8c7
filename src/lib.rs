//! Prometheus exporter and guard for the site backup of Microsoft Configuration Manager.
//!
//! Evidence flows one way. *Sources* notice facts; one task folds facts into the *site state*; a pure function
//! *assesses* that state at a given time; and readers act on the assessment: metrics, the status page and JSON, and
//! the `check` command. Two loops go back, both typed: guidance tells the sources when to keep quiet, and a restart
//! reports how it went. A module uses only modules upstream of it; `docs/architecture.md` has the map.

pub mod app;
pub mod assessment;
mod blocking_job;
pub mod build_info;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod environment;
pub mod http;
pub mod journal;
pub mod logging;
pub mod metrics;
pub mod platform;
pub mod reloads;
pub mod remediation;
pub mod schedule;
pub mod services;
pub mod site;
pub mod snapshot;
pub mod source;
pub mod sqlfile;
pub mod state;
pub mod trace;
pub mod watchdog;

/// An error and everything behind it on one line: errors here never print their own source.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
