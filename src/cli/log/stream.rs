//! Runs of logs alone, let go as soon as no older one can come: memory does not grow with the files.

use std::collections::BTreeMap;

use super::body_of;
use super::print::Printer;
use crate::site::{BackupRun, SiteCode, Timestamp, Timings};
use crate::state::RunDeriver;
use crate::trace::LogEntry;

/// The runs of all sites that the logs name.
#[derive(Debug, Default)]
pub(super) struct Stream {
    derivers: BTreeMap<Option<SiteCode>, RunDeriver>,
    waiting: BTreeMap<(Timestamp, Option<SiteCode>), BackupRun>,
    /// The site of the last entry.
    pub(super) site: Option<SiteCode>,
}

impl Stream {
    /// Takes the next entry, and prints the runs that it makes certain.
    pub(super) fn take(&mut self, entry: LogEntry, printer: &mut Printer<'_>) -> anyhow::Result<()> {
        let (site, body) = body_of(entry);
        // What stands before the first line that names a site is the end of a run of that site.
        if self.site.is_none()
            && site.is_some()
            && let Some(deriver) = self.derivers.remove(&None)
        {
            self.derivers.insert(site, deriver);
        }
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

    /// Prints the rest.
    pub(super) fn finish(mut self, printer: &mut Printer<'_>) -> anyhow::Result<()> {
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
