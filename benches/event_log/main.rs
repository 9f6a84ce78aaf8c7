//! Writes a large Application log for `benches/evtx.sh`, and beside it what is in it, as JSON; then says how long polls
//! take that find one new record in it, or none.
//!
//! The ring has gone round once. Of the events about one in seventy is the backup's, one in ten another component's of
//! the site, the rest other providers'.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::{DateTime, TimeDelta};
use clap::Parser;
use configmgr_backup_exporter::clock::Clock;
use configmgr_backup_exporter::config::{EventLogConfig, SiteSettings};
use configmgr_backup_exporter::demo::writer::{
    BackupTask, CHUNK_SIZE, EventLogWriter, HEADER_SIZE, HeaderLanguage, LogWriter, Status, WindowsEvent,
};
use configmgr_backup_exporter::site::{MessageId, Severity, Timestamp};
use configmgr_backup_exporter::source::event_log::EventLog;
use configmgr_backup_exporter::source::{BlockingSource, Cursor, Fact, Guidance, Reach, Surroundings};
use configmgr_backup_exporter::trace::{Phrases, UserPatterns};

const COMPUTER: &str = "CM01.corp.example";
/// In a day, besides the backup.
const OTHERS: usize = 560;
const OF_THE_SITE: usize = 60;
const COMPONENTS: [&str; 4] = [
    "SMS_EXECUTIVE",
    "SMS_COMPONENT_STATUS_SUMMARIZER",
    "SMS_WSUS_CONTROL_MANAGER",
    "SMS_SITE_SYSTEM_STATUS_SUMMARIZER",
];
const POLLS: i64 = 500;

/// Writes a synthetic Application.evtx and polls it.
#[derive(Parser)]
struct Arguments {
    /// The file to write; its summary goes beside it, with `.json` added.
    path: PathBuf,
    /// Its size in chunks of 64 KiB.
    #[arg(default_value_t = 1024)]
    chunks: usize,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let Arguments { path, chunks, .. } = Arguments::parse();
    let (mut log, messages) = log(chunks)?;
    fs::write(&path, log.bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    let oldest = oldest_id(&path)?;
    let kept: Vec<_> = messages.iter().filter(|(id, _)| *id >= oldest).collect();
    let (count, last) = (kept.len(), kept.last().map(|(_, time)| time.timestamp()));
    let summary = serde_json::json!({ "bytes": fs::metadata(&path)?.len(), "messages": count, "last": last });
    fs::write(format!("{}.json", path.display()), summary.to_string())?;
    poll(&path.with_extension("live.evtx"), &mut log, count)
}

/// A log of so many chunks that has gone round, and the backup's messages with their ids.
fn log(chunks: usize) -> anyhow::Result<(EventLogWriter, Vec<(u64, Timestamp)>)> {
    let site = "P01".parse()?;
    let (task, writer) = (BackupTask::new(site), LogWriter::new(site, COMPUTER));
    let mut random = fastrand::Rng::with_seed(1);
    let mut log = EventLogWriter::new().capacity(chunks);
    let mut messages = Vec::new();
    let mut day = DateTime::from_timestamp(1_600_000_000, 0).context("no such time")?;
    let full = HEADER_SIZE + chunks * CHUNK_SIZE;
    let mut size = 0;
    // More than what is written by a quarter, so that a fifth of the full ring is overwritten.
    while size < full + full / 2 {
        let run = if random.u8(..10) == 0 { task.after_backup_fails() } else { task.success() };
        let mut events = run.events(&writer, day + TimeDelta::hours(2), HeaderLanguage::English);
        let own = events.len();
        events.extend((0..OTHERS + OF_THE_SITE).map(|number| {
            let time = day + TimeDelta::milliseconds(random.i64(0..86_400_000));
            if number < OTHERS {
                WindowsEvent::other(number, COMPUTER, time)
            } else {
                of_the_site(number, time)
            }
        }));
        let mut events: Vec<_> = events.into_iter().enumerate().collect();
        events.sort_by_key(|(_, event)| event.time);
        for (number, event) in events {
            let id = log.push(&event);
            size += 340 + 2 * event.data.iter().map(String::len).sum::<usize>();
            if number < own {
                messages.push((id, event.time));
            }
        }
        day += TimeDelta::days(1);
    }
    anyhow::ensure!(log.bytes().len() == full, "the ring has not gone round");
    Ok((log, messages))
}

/// A status message of another component.
fn of_the_site(number: usize, time: Timestamp) -> WindowsEvent {
    let component = COMPONENTS.get(number % COMPONENTS.len()).copied().unwrap_or_default();
    let status = Status::new(MessageId(4609), Severity::Warning, &[component, "P01", COMPUTER]);
    let mut event = WindowsEvent::status(&status, COMPUTER, time, HeaderLanguage::English);
    for text in &mut event.data {
        *text = text.replace("SMS_SITE_BACKUP", component);
    }
    event
}

fn oldest_id(path: &Path) -> anyhow::Result<u64> {
    let bytes = fs::read(path)?;
    let (chunks, _) = bytes.get(HEADER_SIZE..).unwrap_or_default().as_chunks::<CHUNK_SIZE>();
    let first = |chunk: &[u8; CHUNK_SIZE]| chunk.get(24..)?.first_chunk().map(|id| u64::from_le_bytes(*id));
    chunks.iter().filter_map(first).min().context("no chunk")
}

fn poll(path: &Path, log: &mut EventLogWriter, expected: usize) -> anyhow::Result<()> {
    let mut file = File::create(path)?;
    log.write_changes(&mut file)?;
    let config = EventLogConfig { path: path.to_owned(), interval: Duration::from_secs(30) };
    let surroundings = Surroundings { clock: Clock::System, state_path: Path::new(""), account: "" };
    let phrases = Phrases::new(UserPatterns::default())?;
    let source = EventLog::new(&SiteSettings::new("P01".parse()?), &config, phrases, &surroundings);
    let mut cursor: Option<Cursor> = None;
    let began = Instant::now();
    let mut read = 0;
    loop {
        let (news, reach) = look(&source, &mut cursor)?;
        read += news;
        if reach == Reach::CaughtUp {
            break;
        }
    }
    let mut out = std::io::stdout();
    writeln!(out, "first read: {:.1} ms, {read} messages", milliseconds(began.elapsed()))?;
    anyhow::ensure!(read == expected, "{expected} were written");
    let (mut with, mut without) = (Vec::new(), Vec::new());
    let status = Status::new(MessageId::TASK_STARTED, Severity::Information, &[]);
    for number in 0..POLLS {
        let time = DateTime::from_timestamp(1_900_000_000 + number, 0).context("no such time")?;
        log.push(&WindowsEvent::status(&status, COMPUTER, time, HeaderLanguage::English));
        log.write_changes(&mut file)?;
        for (times, expected) in [(&mut with, 1), (&mut without, 0)] {
            let began = Instant::now();
            let (news, _) = look(&source, &mut cursor)?;
            times.push(began.elapsed());
            anyhow::ensure!(news == expected, "{news} records instead of {expected}");
        }
    }
    for (name, mut times) in [("one new record", with), ("nothing new", without)] {
        times.sort_unstable();
        let at = |part: usize| times.get((times.len() - 1) * part / 100).copied().unwrap_or_default();
        let [p50, p99, most] = [50, 99, 100].map(|part| milliseconds(at(part)));
        writeln!(out, "poll, {name}: p50 {p50:.2} ms, p99 {p99:.2} ms, greatest {most:.2} ms")?;
    }
    Ok(fs::remove_file(path)?)
}

/// How many messages one more poll brings.
fn look(source: &EventLog, cursor: &mut Option<Cursor>) -> anyhow::Result<(usize, Reach)> {
    let poll = source
        .poll(cursor.as_ref(), &Guidance::default())
        .map_err(|failure| anyhow::anyhow!(failure.message))?;
    let records = |fact: &Fact| if let Fact::Records(_, records) = fact { records.len() } else { 0 };
    *cursor = Some(poll.cursor);
    Ok((poll.facts.iter().map(records).sum(), poll.reach))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
