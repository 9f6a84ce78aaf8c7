//! `log FILE...`: the runs that logs and event logs tell of, as a table or as JSON.
//!
//! Logs alone are read in memory that does not grow with them. With an event log the records that tell of the backup
//! are kept, of both kinds, so that the same message is paired and counts once, by the rules of the exporter.

mod files;
mod merge;
mod print;
mod stream;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use self::files::{Files, cannot_read, read_log};
use self::merge::Merge;
use self::print::Printer;
use self::stream::Stream;
use crate::site::SiteCode;
use crate::source::{EventTotals, RecordBody, event_log};
use crate::trace::{LineCounts, LogEntry, Phrases, UserPatterns};

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
    let files = Files::sort(files, &phrases)?;
    let mut printer = Printer::begin(format, out)?;
    if files.event_logs.is_empty() {
        stream(&files.logs, &phrases, &mut printer, notes)?;
    } else {
        merge(&files, &phrases, &mut printer, notes)?;
    }
    printer.end()
}

fn stream(
    logs: &[PathBuf],
    phrases: &Phrases,
    printer: &mut Printer<'_>,
    notes: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut runs = Stream::default();
    for path in logs {
        let counts = read_log(path, phrases, runs.site, &mut |entry| runs.take(entry, printer))?;
        note_lines(path, counts, notes)?;
    }
    runs.finish(printer)
}

fn merge(
    files: &Files,
    phrases: &Phrases,
    printer: &mut Printer<'_>,
    notes: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut merge = Merge::default();
    for path in &files.logs {
        let counts = read_log(path, phrases, merge.site, &mut |entry| {
            merge.log_entry(entry);
            Ok(())
        })?;
        note_lines(path, counts, notes)?;
    }
    for path in &files.event_logs {
        let (stretches, totals) = event_log::read(path, phrases).with_context(|| cannot_read(path))?;
        merge.event_log(stretches);
        note_events(path, totals, notes)?;
    }
    merge.finish().iter().try_for_each(|(site, run)| printer.run(*site, run))
}

fn note_lines(path: &Path, counts: LineCounts, notes: &mut dyn Write) -> anyhow::Result<()> {
    let LineCounts { lines, malformed, oversized } = counts;
    if malformed + oversized > 0 {
        let path = path.display();
        writeln!(notes, "{path}: {malformed} of {lines} lines malformed, {oversized} over 1 MiB skipped")?;
    }
    Ok(())
}

fn note_events(path: &Path, totals: EventTotals, notes: &mut dyn Write) -> anyhow::Result<()> {
    let EventTotals { records, damaged_chunks, unattributed } = totals;
    if damaged_chunks + unattributed > 0 {
        let path = path.display();
        writeln!(
            notes,
            "{path}: {records} records read; damaged chunks: {damaged_chunks}; left out with an id of the backup, because \
             they name no backup service of their computer: {unattributed}"
        )?;
    }
    Ok(())
}

/// What an entry of a log says, and of which site.
fn body_of(entry: LogEntry) -> (Option<SiteCode>, RecordBody) {
    match entry {
        LogEntry::Status(message, site) => (site, RecordBody::Status(message)),
        LogEntry::Remark { site, time, remark, text } => (site, RecordBody::Remark { time, remark, text }),
    }
}
