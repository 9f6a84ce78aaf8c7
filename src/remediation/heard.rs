//! What was heard of the runs, as far as a restart must know of what happened lately.

use crate::site::{BackupRun, Timestamp};
use crate::source::SourceKind;
use crate::state::{SiteState, SourceState};

/// Whether a witness was read to its end in a poll that began after `since`: smsbkup.log, where that can be read.
pub(super) fn heard_since(state: &SiteState, since: Timestamp) -> bool {
    let is_read = |source: &SourceState| source.is_current && source.last_success > Some(since);
    let log = state.sources.iter().find(|(id, log)| id.kind == SourceKind::BackupLog && log.up());
    // Others may tell of the same minutes later, but must do where nobody can read the log.
    log.map_or_else(|| state.witnesses().any(|(_, source)| is_read(source)), |(_, log)| is_read(log))
}

/// When the newest run was over, if all who tell of runs were read up to now: later failures may not be known otherwise.
pub(super) fn newest_known(state: &SiteState) -> Option<Timestamp> {
    let is_read = state.witnesses().all(|(_, source)| source.up() && !source.reads_on);
    let is_current = state.witnesses().any(|(_, source)| source.is_current);
    let newest = state.runs.last().filter(|_| state.knows_all() && is_read && is_current);
    newest.map(BackupRun::over_or_last)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::config::SiteSettings;
    use crate::site::Witness;
    use crate::source::{FailureKind, PollFailure, SourceId};

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + chrono::TimeDelta::minutes(minute)
    }

    #[test]
    fn the_log_vouches_alone_where_it_can_be_read_and_others_where_not() {
        for (log, fails, database, expected) in [
            (Some(6), false, None, true),
            (Some(5), false, None, false),
            (Some(5), false, Some(6), false),
            (Some(5), true, Some(6), true),
            (Some(6), true, None, false),
            (None, false, Some(6), true),
            (None, false, Some(5), false),
        ] {
            let mut state = SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), at(0));
            for (kind, witness, read) in [
                (SourceKind::BackupLog, Witness::Log, log),
                (SourceKind::Database, Witness::StatusMessages, database),
            ] {
                let Some(read) = read else { continue };
                let id = SourceId { kind, location: String::new() };
                state.watch(id.clone(), Duration::from_secs(5), Some(witness), at(0));
                let fails = fails && kind == SourceKind::BackupLog;
                let failure = PollFailure { kind: FailureKind::Locked, message: String::new() };
                let source = state.sources.get_mut(&id).unwrap();
                (source.last_poll, source.last_success) = (Some(at(read)), Some(at(read)));
                (source.is_current, source.failure) = (!fails, fails.then_some(failure));
            }
            assert_eq!(heard_since(&state, at(5)), expected, "{log:?} {fails} {database:?}");
        }
    }
}
