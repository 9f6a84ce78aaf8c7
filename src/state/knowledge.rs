//! How much of what there is to know has been read: until then nothing is shown as an increase, and nothing is decided.

use super::site::SiteState;
use super::source_state::SourceState;
use crate::source::{SourceId, SourceKind};

impl SiteState {
    /// Whether the events known are all there are: history has been read, now or by an earlier process.
    ///
    /// Until then no series that an event makes is shown, because history must not look like an increase.
    pub fn knows_events(&self) -> bool {
        let told =
            |source: &SourceState| source.caught_up || (self.history_known && source.last_poll.is_some());
        let mut logs = self.sources.iter().filter(|(id, _)| id.kind == SourceKind::BackupLog).peekable();
        if logs.peek().is_some() {
            return logs.all(|(_, log)| told(log)) && self.none_brings_more_history();
        }
        let mut others = self.witnesses().peekable();
        others.peek().is_some() && others.all(|(_, source)| told(source))
    }

    /// Whether no witness besides the log is about to tell for the first time what the log has forgotten.
    fn none_brings_more_history(&self) -> bool {
        let has_told = |(id, source): (&SourceId, &SourceState)| {
            // Also one that is silent: it may not have come to what it has to tell.
            let Some(witness) = source.witness.filter(|_| id.kind != SourceKind::Snapshot) else {
                return true;
            };
            let known = self.coverage.get(&witness).is_some_and(|coverage| coverage.until.is_some());
            known || (source.last_poll.is_some() && !source.reads_on)
        };
        self.sources.iter().all(has_told)
    }

    /// Whether every source has been polled, successfully or not.
    pub fn all_reported(&self) -> bool {
        self.sources.values().all(|source| source.last_poll.is_some())
    }

    /// Whether everything was read that a decision rests on.
    pub fn knows_all(&self) -> bool {
        self.knows_events() && self.all_reported()
    }
}
