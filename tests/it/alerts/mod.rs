//! The shipped alerts: what they may say, when they fire, and when they must not.
//!
//! promtool, amtool and jsonnet are asked here and nowhere else.

mod alertmanager;
mod event;
mod expressions;
mod mixin;
mod normal_life;
mod notation;
mod recording;
mod rules;
mod simulated_database;
mod simulated_exporter;
mod simulated_services;
mod simulated_site;
mod story;
mod unit_tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::support::tool;

/// Of the checkout.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    let path = path(name);
    fs::read_to_string(&path).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()))
}

/// The files of a folder with one of these ends of their names, in order.
fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(path(folder)).unwrap_or_else(|problem| panic!("{folder}: {problem}"));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.to_str().is_some_and(|name| name.ends_with(end)));
    files.sort();
    files
}

/// Runs a tool and fails the test with its words if it fails; `None`, after a message, where the tool may be missing.
#[track_caller]
fn asked<S: AsRef<std::ffi::OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Option<String> {
    let mut command = Command::new(tool(program)?);
    Some(said(command.args(arguments).output().unwrap()))
}

#[track_caller]
fn said(output: Output) -> String {
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{}", said.chars().take(6000).collect::<String>());
    said
}
