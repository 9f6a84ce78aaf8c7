//! `log FILE...`: the runs that logs tell of, as a table or as JSON, in memory that does not grow with the files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{SubsecRound, TimeDelta};

use crate::site::{BackupRun, RunJson, SiteCode, Timestamp, Timings};
use crate::source::RecordBody;
use crate::state::RunDeriver;
use crate::trace::{
    Encoding, LineBlocks, LineCounts, LogEntry, Phrases, ReaderState, TraceReader, UserPatterns,
};

/// Read at once: what was copied is still in the cache when it is looked at.
const BLOCK: usize = 64 << 10;
/// The first line stands within so many bytes, or the file tells no time.
const HEAD: usize = 64 << 10;

/// How runs are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A table for people.
    Text,
    /// An array for programs.
    Json,
}

/// Prints the runs in `files` to `out`, oldest first, and what could not be read in them to `notes`.
pub fn run(
    files: &[PathBuf],
    format: Format,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> anyhow::Result<()> {
    let phrases = Phrases::new(UserPatterns::default())?;
    let mut runs = Runs { derivers: BTreeMap::new(), waiting: BTreeMap::new(), site: None };
    let mut printer = Printer { format, out, printed: 0 };
    printer.begin()?;
    for path in in_order(files, &phrases)? {
        let counts = read(&path, &phrases, &mut runs, &mut printer)?;
        if counts.malformed + counts.oversized > 0 {
            let LineCounts { lines, malformed, oversized } = counts;
            let path = path.display();
            writeln!(
                notes,
                "{path}: {malformed} of {lines} lines malformed, {oversized} over 1 MiB skipped"
            )?;
        }
    }
    runs.finish(&mut printer)?;
    printer.end()
}

/// Files in the order of their first lines, so that `.lo_` and `.log` may be named in any order.
fn in_order(files: &[PathBuf], phrases: &Phrases) -> anyhow::Result<Vec<PathBuf>> {
    // One file is in order, and a pipe could not be read a second time.
    if let [only] = files {
        return Ok(vec![only.clone()]);
    }
    let mut known = Vec::new();
    for path in files {
        let seekable = path.metadata().with_context(|| cannot_read(path))?.is_file() || path.is_dir();
        anyhow::ensure!(
            seekable,
            "{} is no regular file; name it alone, or copy it to a file to read it with others",
            path.display()
        );
        known.push((oldest(path, phrases)?, path.clone()));
    }
    // A file without any time keeps its place behind those that have one.
    known.sort_by_key(|(oldest, _)| oldest.unwrap_or(Timestamp::MAX_UTC));
    Ok(known.into_iter().map(|(_, path)| path).collect())
}

fn oldest(path: &Path, phrases: &Phrases) -> anyhow::Result<Option<Timestamp>> {
    let mut head = Vec::with_capacity(HEAD);
    open(path)?.take(HEAD as u64).read_to_end(&mut head).with_context(|| cannot_read(path))?;
    let (encoding, bom) = Encoding::detect(&head);
    let mut reader = TraceReader::new(phrases, ReaderState::default());
    LineBlocks::new(encoding).push(&head[bom..], &mut |block| reader.read(block, &mut |_| {}));
    Ok(reader.oldest)
}

fn open(path: &Path) -> anyhow::Result<File> {
    // Before it is opened: Windows opens no directory, and calls that a lack of rights.
    anyhow::ensure!(!path.is_dir(), "{} is a directory; name the log in it", path.display());
    File::open(path).with_context(|| cannot_read(path))
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}

fn read(
    path: &Path,
    phrases: &Phrases,
    runs: &mut Runs,
    printer: &mut Printer<'_>,
) -> anyhow::Result<LineCounts> {
    let mut file = open(path)?;
    let mut buffer = vec![0; BLOCK];
    let mut filled = file.read(&mut buffer).with_context(|| cannot_read(path))?;
    let (encoding, bom) = Encoding::detect(&buffer[..filled]);
    let mut lines = LineBlocks::new(encoding);
    // A log that rolled within a run goes on in the next file.
    let state = ReaderState { site: runs.site, ..ReaderState::default() };
    let mut reader = TraceReader::new(phrases, state);
    let mut start = bom;
    let mut result = Ok(());
    while filled > 0 {
        lines.push(&buffer[start..filled], &mut |block| {
            reader.read(block, &mut |entry| {
                if result.is_ok() {
                    result = runs.take(entry, printer);
                }
            });
        });
        std::mem::replace(&mut result, Ok(()))?;
        start = 0;
        filled = file.read(&mut buffer).with_context(|| cannot_read(path))?;
    }
    lines.finish(&mut |block| {
        reader.read(block, &mut |entry| {
            if result.is_ok() {
                result = runs.take(entry, printer);
            }
        });
    });
    reader.new_file();
    result?;
    let oversized = reader.counts.oversized + lines.oversized();
    Ok(LineCounts { lines: reader.counts.lines + lines.oversized(), oversized, ..reader.counts })
}

/// The runs of all sites that the logs name, let go as soon as no older one can come.
struct Runs {
    derivers: BTreeMap<Option<SiteCode>, RunDeriver>,
    waiting: BTreeMap<(Timestamp, Option<SiteCode>), BackupRun>,
    /// The site of the last entry.
    site: Option<SiteCode>,
}

impl Runs {
    fn take(&mut self, entry: LogEntry, printer: &mut Printer<'_>) -> anyhow::Result<()> {
        let (site, body) = match entry {
            LogEntry::Status(message, site) => (site, RecordBody::Status(message)),
            LogEntry::Remark { site, time, remark, text } => {
                (site, RecordBody::Remark { time, remark, text })
            }
        };
        self.site = site;
        let deriver = self.derivers.entry(self.site).or_insert_with(|| RunDeriver::new(&Timings::DEFAULT));
        if let Some(run) = deriver.push(&body) {
            self.waiting.insert((run.first, self.site), run);
            let oldest_open = self.derivers.values().filter_map(RunDeriver::open_since).min();
            while let Some(entry) = self.waiting.first_entry() {
                if oldest_open.is_some_and(|open| entry.key().0 > open) {
                    break;
                }
                let ((_, site), run) = entry.remove_entry();
                printer.run(site, &run)?;
            }
        }
        Ok(())
    }

    fn finish(mut self, printer: &mut Printer<'_>) -> anyhow::Result<()> {
        for (site, deriver) in self.derivers {
            if let Some(run) = deriver.finish() {
                self.waiting.insert((run.first, site), run);
            }
        }
        for ((_, site), run) in self.waiting {
            printer.run(site, &run)?;
        }
        Ok(())
    }
}

struct Printer<'a> {
    format: Format,
    out: &'a mut dyn Write,
    printed: u64,
}

impl Printer<'_> {
    fn begin(&mut self) -> io::Result<()> {
        match self.format {
            Format::Text => Ok(()),
            Format::Json => write!(self.out, "["),
        }
    }

    fn run(&mut self, site: Option<SiteCode>, run: &BackupRun) -> anyhow::Result<()> {
        let first = self.printed == 0;
        self.printed += 1;
        match self.format {
            Format::Json => {
                write!(self.out, "{}", if first { "\n" } else { ",\n" })?;
                serde_json::to_writer(&mut *self.out, &RunJson::new(site, run))?;
            }
            Format::Text => {
                if first {
                    row(self.out, ["SITE", "STARTED (UTC)", "ENDED (UTC)", "DURATION", "OUTCOME", "CAUSE"])?;
                }
                let ended = run.ended.map(|(_, time)| time);
                let cause = run.failure();
                let cells = [
                    site.map_or("-".to_owned(), |site| site.to_string()),
                    time(run.started),
                    time(ended),
                    run.duration().map_or("-".to_owned(), duration),
                    run.outcome_label().replace('_', " "),
                    cause.map_or("-".to_owned(), |cause| cause.to_string()),
                ];
                row(self.out, cells.each_ref().map(String::as_str))?;
                if let Some(text) = run.error.as_ref().and_then(|error| error.text.as_deref()) {
                    writeln!(self.out, "      {text}")?;
                }
                if let Some(cause) = cause {
                    writeln!(self.out, "      Advice: {}", cause.advice())?;
                }
            }
        }
        Ok(())
    }

    fn end(&mut self) -> anyhow::Result<()> {
        match (self.format, self.printed) {
            (Format::Json, 0) => writeln!(self.out, "]")?,
            (Format::Json, _) => writeln!(self.out, "\n]")?,
            (Format::Text, 0) => writeln!(self.out, "No backup run found.")?,
            (Format::Text, _) => {}
        }
        self.out.flush()?;
        Ok(())
    }
}

fn row(out: &mut dyn Write, [site, started, ended, lasted, outcome, cause]: [&str; 6]) -> io::Result<()> {
    let row = format!("{site:<5} {started:<20} {ended:<20} {lasted:<9} {outcome:<12} {cause}");
    writeln!(out, "{}", row.trim_end())
}

fn time(time: Option<Timestamp>) -> String {
    time.map_or("-".to_owned(), |time| time.trunc_subsecs(0).format("%Y-%m-%d %H:%M:%S").to_string())
}

fn duration(duration: TimeDelta) -> String {
    let seconds = duration.num_seconds();
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
