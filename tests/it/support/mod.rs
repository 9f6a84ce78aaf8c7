//! What several situations need: waiting for a state, HTTP, a real Prometheus, and a second opinion on
//! expositions.
//!
//! Helpers panic with a message that names what was expected, because a panic is how a test fails.

use std::path::Path;
use std::process::Command;

#[cfg(unix)]
pub(crate) mod alertmanager;
pub(crate) mod authority;
pub(crate) mod backups;
#[cfg(unix)]
pub(crate) mod browser;
pub(crate) mod copies;
#[cfg(unix)]
pub(crate) mod dashboards;
pub(crate) mod database;
pub(crate) mod exporter;
pub(crate) mod fixtures;
pub(crate) mod golden;
pub(crate) mod http;
pub(crate) mod inside;
pub(crate) mod openmetrics;
pub(crate) mod process;
pub(crate) mod prometheus;
#[cfg(unix)]
pub(crate) mod promql;
pub(crate) mod rogue;
#[cfg(unix)]
pub(crate) mod rules;
pub(crate) mod server;
pub(crate) mod services;
#[cfg(windows)]
pub(crate) mod site_server;
#[cfg(windows)]
pub(crate) mod test_service;
pub(crate) mod wait;
#[cfg(unix)]
pub(crate) mod webhook;

/// Whether a tool that a test needs is missing where that may be: says so, and fails where everything must be
/// there.
pub(crate) fn skip_without(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "{what} is missing; tests/run installs it");
    eprintln!("skipped: {what} is missing; tests/run installs it");
}

/// A script of `tests/` for the interpreter that the variable `TESTS_PYTHON` names, which has the modules of
/// `tests/run`; says so where it is missing and may be.
pub(crate) fn python(script: &str) -> Option<Command> {
    let Some(python) = std::env::var_os("TESTS_PYTHON") else {
        skip_without("TESTS_PYTHON, for its modules,");
        return None;
    };
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script));
    Some(command)
}

/// A tool of the test rig in `PATH`; says so where it is missing and may be.
pub(crate) fn tool(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        skip_without(name);
    }
    found
}
