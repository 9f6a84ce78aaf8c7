//! What the service is told to do at its next start.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;
use configmgr_backup_exporter::site::{ClosedSet, FailureCause};

/// How it starts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Start {
    /// At once.
    #[default]
    Good,
    /// It ends with this code of its own before it runs.
    Fail(u32),
    /// It stays on its way until it is let go.
    Hang,
}

/// What its run does.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Run {
    /// It succeeds.
    #[default]
    Succeed,
    /// It fails and ends.
    Fail(FailureCause),
    /// It began almost a minute ago, fails, and goes on until it is stopped, or let go.
    FailAndHang(FailureCause),
    /// It stops writing in the middle and goes on until it is stopped, or let go.
    Hang,
    /// There is none: another service than SMS_SITE_BACKUP, which runs until it is stopped, or let go.
    None,
}

/// What it does when it is asked to stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It stops.
    #[default]
    Good,
    /// It stops once it is let go.
    Slow,
    /// It accepts no such control.
    Refuse,
}

/// The whole of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Behaviour {
    pub(crate) start: Start,
    pub(crate) run: Run,
    pub(crate) stop: Stop,
}

impl Behaviour {
    /// Reads the file, if there is one: a line for each part that is not good, as `start fail 7`, `run hang`,
    /// `run fail_and_hang disk_full` or `stop slow`.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let text = match fs::read_to_string(folder.join("behaviour")) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            read => read.context("the behaviour cannot be read")?,
        };
        let mut behaviour = Self::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["start", "fail", code] => behaviour.start = Start::Fail(code.parse()?),
                ["start", "hang"] => behaviour.start = Start::Hang,
                ["run", "fail", cause] => behaviour.run = Run::Fail(cause_of(cause)?),
                ["run", "fail_and_hang", cause] => behaviour.run = Run::FailAndHang(cause_of(cause)?),
                ["run", "hang"] => behaviour.run = Run::Hang,
                ["run", "none"] => behaviour.run = Run::None,
                ["stop", "slow"] => behaviour.stop = Stop::Slow,
                ["stop", "refuse"] => behaviour.stop = Stop::Refuse,
                _ => anyhow::bail!("no such behaviour: {line}"),
            }
        }
        Ok(behaviour)
    }
}

fn cause_of(label: &str) -> anyhow::Result<FailureCause> {
    FailureCause::from_label(label).with_context(|| format!("no such cause: {label}"))
}
