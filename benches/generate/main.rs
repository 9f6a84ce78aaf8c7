//! Writes a large `Smsbkup.log` for `benches/log.sh`, and beside it what is in it, as JSON; or, for `benches/verify.sh`,
//! a data file, if the name ends in `.mdf`.
//!
//! The same size gives the same bytes. Runs of every kind follow one another, most of them good, alternately in the
//! two layouts; about three lines of a hundred are status lines, and a few lines are in no layout at all.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, TimeDelta};
use clap::Parser;
use configmgr_backup_exporter::demo::writer::{BackupTask, Database, Entry, Layout, LogWriter, RunScript};
use configmgr_backup_exporter::site::{BackupPhase, ClosedSet, FailureCause, MessageId, Severity, Timestamp};
use configmgr_backup_exporter::sqlfile::PAGE_SIZE;

/// With nine status messages in a run, this many lines of copied files make them three of a hundred lines.
const COPIED: u32 = 270;
const INTERVAL: TimeDelta = TimeDelta::hours(3);
const MALFORMED_ONE_IN: u32 = 5_000;
const MALFORMED: [&str; 3] = [
    "The system cannot find the path specified.",
    r"Info: Starting asynchronous DoSnapshotSet.  $$<SMS_SITE_BACKUP><03-14-20",
    r"robocopy E:\SCCMBackup \\NAS01\cm /MIR",
];

/// Writes a synthetic Smsbkup.log, or data file.
#[derive(Parser)]
struct Arguments {
    /// The file to write; its summary goes beside it, with `.json` added.
    path: PathBuf,
    /// Its size in millions of bytes.
    #[arg(default_value_t = 500)]
    megabytes: u64,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What a reader of the log has to find.
#[derive(Debug, Default, serde::Serialize)]
struct Summary {
    bytes: u64,
    lines: u64,
    malformed: u64,
    runs: u64,
    /// Failed and interrupted runs.
    failed: u64,
    errors: u64,
    warnings: u64,
    /// Status messages by their id.
    messages: BTreeMap<u16, u64>,
    /// Unix seconds of the last 5055.
    last_start: i64,
    /// Unix seconds of the last 5035.
    last_success: i64,
    /// Unix seconds of the first error of the last run that had one before a 5035.
    last_failure: i64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let path = &arguments.path;
    if path.extension().is_some_and(|ending| ending == "mdf") {
        return data_file(path, arguments.megabytes * 1_000_000);
    }
    let summary = generate(path, arguments.megabytes * 1_000_000)
        .with_context(|| format!("cannot write {}", path.display()))?;
    let json = serde_json::to_string_pretty(&summary)?;
    let beside = PathBuf::from(format!("{}.json", path.display()));
    std::fs::write(&beside, json).with_context(|| format!("cannot write {}", beside.display()))
}

fn data_file(path: &Path, bytes: u64) -> anyhow::Result<()> {
    let (name, created) = ("CM_P01".to_owned(), DateTime::UNIX_EPOCH.naive_utc());
    let database = Database { name, binding_id: [7; 16], seed: 1, version: 904, created };
    let pages = u32::try_from(bytes / PAGE_SIZE as u64)?;
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    database.write_mdf(&mut out, pages, 1)?;
    Ok(out.flush()?)
}

fn generate(path: &Path, bytes: u64) -> anyhow::Result<Summary> {
    let site = "P01".parse()?;
    let simple = LogWriter::new(site, "CM01.corp.example").bias(-60);
    let ccm = simple.clone().layout(Layout::Ccm);
    let task = BackupTask::new(site).copied(COPIED);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut random = fastrand::Rng::with_seed(1);
    let mut summary = Summary::default();
    let mut start = DateTime::from_timestamp(1_262_307_600, 0).context("no such time")?;
    loop {
        // The last run of the file is a good one, so that none is left open.
        let last = summary.bytes >= bytes;
        let kind = if last { 0 } else { random.u32(0..100) };
        let pid = random.u32(500..4_000) * 4;
        let run = script(&task, kind, &mut random).process(pid, pid + 308);
        let writer = if summary.runs % 2 == 0 { &simple } else { &ccm };
        write(&run, writer, start, &mut random, &mut out, &mut summary)?;
        if last {
            break;
        }
        start += INTERVAL;
    }
    out.flush()?;
    Ok(summary)
}

fn script(task: &BackupTask, kind: u32, random: &mut fastrand::Rng) -> RunScript {
    match kind {
        0..85 => task.success(),
        85..88 => task.warning(),
        88..90 => task.after_backup_fails(),
        90..92 => task.success().without(MessageId::TASK_STARTED),
        92..93 => task.unfinished(random.choice(BackupPhase::ALL).copied().unwrap_or(BackupPhase::Copy)),
        _ => task.failure(random.choice(FailureCause::ALL).copied().unwrap_or(FailureCause::Unknown)),
    }
}

fn write(
    run: &RunScript,
    writer: &LogWriter,
    start: Timestamp,
    random: &mut fastrand::Rng,
    out: &mut impl Write,
    summary: &mut Summary,
) -> anyhow::Result<()> {
    let (mut failed, mut succeeded) = (false, false);
    for ((time, line), (_, entry)) in run.lines(writer, start).into_iter().zip(run.entries()) {
        put(&line, out, summary)?;
        if random.u32(0..MALFORMED_ONE_IN) == 0 {
            let line = random.choice(MALFORMED).unwrap_or_default();
            put(&format!("{line}\r\n"), out, summary)?;
            summary.malformed += 1;
        }
        let Entry::Status(status) = entry else { continue };
        *summary.messages.entry(status.id.0).or_default() += 1;
        summary.errors += u64::from(status.severity == Severity::Error);
        summary.warnings += u64::from(status.severity == Severity::Warning);
        match status.id {
            MessageId::TASK_STARTED => summary.last_start = time.timestamp(),
            MessageId::COMPLETED => {
                succeeded = true;
                summary.last_success = time.timestamp();
            }
            _ if status.severity == Severity::Error && !succeeded && !failed => {
                failed = true;
                summary.last_failure = time.timestamp();
            }
            _ => {}
        }
    }
    summary.runs += 1;
    summary.failed += u64::from(!succeeded);
    Ok(())
}

fn put(line: &str, out: &mut impl Write, summary: &mut Summary) -> anyhow::Result<()> {
    out.write_all(line.as_bytes())?;
    summary.bytes += line.len() as u64;
    summary.lines += 1;
    Ok(())
}
