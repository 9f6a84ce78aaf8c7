//! Runs as a table for people or as an array for programs, one at a time.

use std::io::{self, Write};

use chrono::{SubsecRound, TimeDelta};

use super::Format;
use crate::site::{BackupRun, RunJson, SiteCode, Timestamp};

/// Prints runs as they come.
pub(super) struct Printer<'a> {
    format: Format,
    out: &'a mut dyn Write,
    printed: u64,
}

impl<'a> Printer<'a> {
    /// A printer that has printed no run.
    pub(super) fn begin(format: Format, out: &'a mut dyn Write) -> io::Result<Self> {
        if format == Format::Json {
            write!(out, "[")?;
        }
        Ok(Self { format, out, printed: 0 })
    }

    /// Prints the next run.
    pub(super) fn run(&mut self, site: Option<SiteCode>, run: &BackupRun) -> anyhow::Result<()> {
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

    /// Prints what stands behind the last run.
    pub(super) fn end(self) -> anyhow::Result<()> {
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
