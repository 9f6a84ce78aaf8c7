//! One run of the service: its lines, each written when it is due.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use configmgr_backup_exporter::clock::Clock;
use configmgr_backup_exporter::demo::writer::{BackupTask, Entry, LogWriter, RunScript, Status};
use configmgr_backup_exporter::site::{BackupPhase, MessageId, Severity, Timestamp};

use crate::behaviour::Run;

/// How long a run takes that goes to its end.
const DURATION: TimeDelta = TimeDelta::milliseconds(1500);
/// How long ago one began that fails and hangs, and how long it would take: its error is due in half a second.
const EARLIER: TimeDelta = TimeDelta::seconds(57);
const LONG: TimeDelta = TimeDelta::milliseconds(141_600);
/// How long anything hangs that nobody ends: a test that failed must not leave it behind for ever.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
/// From one look for `let_go` to the next.
const PACE: Duration = Duration::from_millis(20);

/// The control to stop has come.
pub(crate) struct Stopped;

/// What a run writes, and where.
pub(crate) struct Log<'a> {
    folder: &'a Path,
    path: PathBuf,
    writer: LogWriter,
    task: BackupTask,
}

impl<'a> Log<'a> {
    /// The log in a folder, of site P01 on this computer.
    pub(crate) fn new(folder: &'a Path) -> anyhow::Result<Self> {
        let site = "P01".parse()?;
        let machine = std::env::var("COMPUTERNAME")?;
        let writer = LogWriter::new(site, machine).process(std::process::id(), 1);
        let task = BackupTask::new(site).lasting(DURATION);
        Ok(Self { folder, path: folder.join("logs").join("smsbkup.log"), writer, task })
    }

    /// Writes a run from now on, until it ends or the control to stop comes.
    pub(crate) fn write(&self, run: Run, stop: &Receiver<()>) -> anyhow::Result<Result<(), Stopped>> {
        let (start, task) = (now(), &self.task);
        let (start, script, hangs): (Timestamp, RunScript, bool) = match run {
            Run::Succeed => (start, task.success(), false),
            Run::Fail(cause) => (start, task.failure(cause), false),
            Run::FailAndHang(cause) => {
                let script = task.clone().lasting(LONG).failed_and_running(cause);
                (start - EARLIER, script.until(EARLIER + DURATION), true)
            }
            Run::Hang => (start, task.unfinished(BackupPhase::Copy), true),
            Run::None => return Ok(hang(self.folder, stop)),
        };
        for (due, line) in script.lines(&self.writer, start) {
            let wait = (due - now()).to_std().unwrap_or_default();
            if stop.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
                return Ok(Err(Stopped));
            }
            self.append(&line)?;
        }
        Ok(if hangs { hang(self.folder, stop) } else { Ok(()) })
    }

    /// Writes what a run that is stopped ends with.
    pub(crate) fn end(&self) -> anyhow::Result<()> {
        self.append(&self.writer.text(now(), "SMS site backup service is stopping."))?;
        let stopped = Status::new(MessageId::SERVICE_STOPPED, Severity::Information, &[]);
        self.append(&self.writer.line(now(), &Entry::Status(stopped)))
    }

    fn append(&self, line: &str) -> anyhow::Result<()> {
        append(&self.path, line)
    }
}

/// Waits until there is a file `let_go`, or the control to stop comes.
pub(crate) fn hang(folder: &Path, stop: &Receiver<()>) -> Result<(), Stopped> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE && !folder.join("let_go").exists() {
        if stop.recv_timeout(PACE) != Err(RecvTimeoutError::Timeout) {
            return Err(Stopped);
        }
    }
    Ok(())
}

/// Appends to a file, making it if it is not there.
pub(crate) fn append(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

fn now() -> Timestamp {
    Clock::System.now()
}
