//! What a site's backups write, in pieces that end anywhere, and what must be counted of them.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use configmgr_backup_exporter::demo::writer::RunScript;
use configmgr_backup_exporter::site::{BackupPhase, ClosedSet, FailureCause, Timestamp};
use fastrand::Rng;

use crate::support::backups::{begin, task, writer};

/// From one start to the next; a run takes an hour and a half.
const RUN_EVERY: TimeDelta = TimeDelta::hours(3);

/// What the log of the site has been told, and what is still to be written of it.
pub(super) struct Story {
    random: Rng,
    next: Timestamp,
    pub(super) runs: u32,
    pub(super) failed: u32,
    pub(super) unwritten: String,
    pub(super) written: String,
}

impl Story {
    pub(super) fn new(random: Rng) -> Self {
        let next = begin(TimeDelta::days(180));
        Self { random, next, runs: 0, failed: 0, unwritten: String::new(), written: String::new() }
    }

    /// Thinks of one more run, whose outcome is final as soon as the next one begins.
    pub(super) fn think(&mut self, script: RunScript, failed: bool) {
        self.runs += 1;
        self.failed += u32::from(failed);
        let pid = 4 * (100 + self.runs);
        self.unwritten.push_str(&script.process(pid, pid + 300).text(&writer("P01"), self.next));
        self.next += RUN_EVERY;
    }

    pub(super) fn think_of_any(&mut self) {
        let task = task("P01").copied(self.random.u32(1..30));
        match self.random.u8(..10) {
            0..5 => self.think(task.success(), false),
            5 => self.think(task.warning(), false),
            6 => self.think(task.after_backup_fails(), false),
            7 => self.think(task.stopped(), true),
            8 => {
                let phases =
                    [BackupPhase::Locate, BackupPhase::Prepare, BackupPhase::Copy, BackupPhase::Finish];
                let phase = phases[self.random.usize(..phases.len())];
                self.think(task.unfinished(phase), true);
            }
            _ => {
                let cause = FailureCause::ALL[self.random.usize(..FailureCause::ALL.len())];
                self.think(task.failure(cause), true);
            }
        }
    }

    /// The next piece: a run or two, a part of one, a line, a part of a line.
    pub(super) fn piece(&mut self) -> String {
        if self.unwritten.is_empty() {
            self.think_of_any();
        }
        let length = match self.random.u8(..10) {
            0..4 => self.unwritten.len(),
            4..6 => {
                self.think_of_any();
                self.unwritten.len()
            }
            6 => self.rest_of_line(),
            _ => self.random.usize(1..=self.unwritten.len()),
        };
        self.take(length)
    }

    fn rest_of_line(&self) -> usize {
        self.unwritten.find('\n').map_or(self.unwritten.len(), |end| end + 1)
    }

    pub(super) fn take(&mut self, length: usize) -> String {
        let piece: String = self.unwritten.drain(..length).collect();
        self.written.push_str(&piece);
        piece
    }

    /// The rest of the line that was begun, because ConfigMgr rolls only between lines.
    pub(super) fn finish_line(&mut self) -> String {
        let length =
            if self.written.is_empty() || self.written.ends_with('\n') { 0 } else { self.rest_of_line() };
        self.take(length)
    }
}

/// What the exposition must say of a text, worked out with nothing of the program but the ids that have a series.
pub(super) fn expected(written: &str) -> BTreeMap<String, f64> {
    let always = [500, 501, 5035, 5040, 5055, 5056, 5057, 5060, 6829, 6833];
    let series = |id: &str| format!("status_messages_total{{site_code=\"P01\",message_id=\"{id}\"}}");
    let mut totals: BTreeMap<_, _> = always.iter().map(|id| (series(&id.to_string()), 0.0)).collect();
    totals.insert(series("other"), 0.0);
    let complete = &written[..written.rfind('\n').map_or(0, |end| end + 1)];
    let (mut errors, mut warnings) = (0.0, 0.0);
    for message in complete.lines().filter_map(|line| line.strip_prefix("STATMSG: ID=")) {
        let (id, rest) = message.split_once(" SEV=").expect("a severity");
        let id = if always.iter().any(|known| known.to_string() == id) { id } else { "other" };
        *totals.entry(series(id)).or_default() += 1.0;
        errors += f64::from(u8::from(rest.starts_with('E')));
        warnings += f64::from(u8::from(rest.starts_with('W')));
    }
    totals.insert("status_message_errors_total{site_code=\"P01\"}".to_owned(), errors);
    totals.insert("status_message_warnings_total{site_code=\"P01\"}".to_owned(), warnings);
    totals
}

/// How many status messages are in a text.
pub(super) fn messages(written: &str) -> f64 {
    expected(written)
        .iter()
        .filter(|(series, _)| series.starts_with("status_messages_total"))
        .map(|(_, n)| n)
        .sum()
}
