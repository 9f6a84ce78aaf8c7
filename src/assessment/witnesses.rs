//! Who is heard: what each deciding witness last told, since when it tells everything, and why one tells nothing.
//!
//! A witness that is silent is no fault: a site may not report into the event log at all, and a destination has a log
//! only after a backup.

use crate::site::{ClosedSet, Component, MessageId, Timestamp, Witness, closed_set};
use crate::source::{Record, RecordBody};
use crate::state::{Coverage, SiteState, SourceState};

closed_set! {
    /// Whether a witness is heard.
    pub enum Hearing {
        /// It is read, and tells.
        Heard => "heard",
        /// It is read, and there is nothing in it to hear.
        Silent => "silent",
        /// It cannot be read now.
        Unreadable => "unreadable",
        /// It has not been read since this process started.
        Waiting => "waiting",
        /// Nothing reads it any more; what it told before is kept.
        NotWatched => "not_watched",
    }
}

/// What is known of one deciding witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Testimony {
    /// Which one.
    pub witness: Witness,
    /// Whether it is heard.
    pub hearing: Hearing,
    /// The newest 5035 that it told and that is kept.
    pub last_success: Option<Timestamp>,
    /// Of which time it tells everything; `None` while it does not.
    pub coverage: Option<Coverage>,
    /// Whether that is up to now; a copy of an event log ends somewhere.
    pub is_current: bool,
}

impl Testimony {
    /// One for each witness that is watched or has told something, in the order of preference.
    pub(super) fn all(state: &SiteState) -> Vec<Self> {
        Witness::ALL.iter().filter_map(|witness| Self::of(state, *witness)).collect()
    }

    fn of(state: &SiteState, witness: Witness) -> Option<Self> {
        let records = state.timeline.records().get(&witness).map_or(&[][..], Vec::as_slice);
        let source = state.sources.values().find(|source| source.witness == Some(witness));
        let hearing = match source {
            Some(source) => hearing(source),
            None if records.is_empty() => return None,
            None => Hearing::NotWatched,
        };
        let is_current = source.is_some_and(|source| source.is_current);
        let coverage = state.coverage.get(&witness).copied().filter(|_| hearing == Hearing::Heard);
        Some(Self { witness, hearing, last_success: last_success(records), coverage, is_current })
    }

    /// What can be said of it, with the witness as the subject and without a full stop.
    pub fn finding(&self) -> String {
        let hearing = match (self.hearing, self.witness, self.coverage) {
            (Hearing::Heard, Witness::EventLog, Some(Coverage { since, until: Some(until) }))
                if !self.is_current =>
            {
                let [since, until] = [since, until].map(|time| time.format("%F %H:%M UTC"));
                format!("tells everything from {since} to {until} and nothing of the time since")
            }
            (Hearing::Heard, _, Some(coverage)) => {
                format!("tells everything since {}", coverage.since.format("%F %H:%M UTC"))
            }
            (Hearing::Heard, _, None) => "is being read".to_owned(),
            (Hearing::Silent, Witness::EventLog, _) => "has held no message of the backup yet".to_owned(),
            (Hearing::Silent, Witness::DestinationLog, _) => "is not there now".to_owned(),
            (Hearing::Silent | Hearing::Unreadable, ..) => "cannot be read now".to_owned(),
            (Hearing::Waiting, ..) => "has not been read yet".to_owned(),
            (Hearing::NotWatched, ..) => "is not watched any more".to_owned(),
        };
        match self.last_success {
            Some(time) => format!("{hearing}; its last success is of {}", time.format("%F %H:%M:%S UTC")),
            None if self.hearing == Hearing::Heard => format!("{hearing}; it knows of no success"),
            None => hearing,
        }
    }

    /// What to do if it ought to be heard, in one sentence; empty where there is nothing to do.
    pub fn advice(&self) -> &'static str {
        match (self.hearing, self.witness) {
            (Hearing::Heard, Witness::EventLog) if !self.is_current && self.coverage.is_some() => {
                "If it is a copy, make it again every 15 minutes."
            }
            (Hearing::Silent, Witness::EventLog) => {
                "Status reporting to the Windows event log may be off: look at the site's properties, Status Reporting."
            }
            _ => "",
        }
    }
}

fn hearing(source: &SourceState) -> Hearing {
    match source {
        SourceState { last_poll: None, .. } => Hearing::Waiting,
        SourceState { failure: Some(_), .. } => Hearing::Unreadable,
        SourceState { silent: true, .. } => Hearing::Silent,
        _ => Hearing::Heard,
    }
}

fn last_success(records: &[Record]) -> Option<Timestamp> {
    records.iter().rev().find_map(|record| match &record.body {
        RecordBody::Status(message)
            if message.id == MessageId::COMPLETED && message.component == Component::SiteBackup =>
        {
            Some(message.time)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::assessment::{Verdict, assess};
    use crate::config::SiteSettings;
    use crate::site::{Severity, StatusMessage};
    use crate::source::{
        Cursor, Fact, FailureKind, Poll, PollFailure, PollReport, Reach, SourceId, SourceKind, event_log,
    };

    fn at(text: &str) -> Timestamp {
        format!("2026-11-21T{text}Z").parse().unwrap()
    }

    fn source() -> SourceId {
        SourceId { kind: SourceKind::EventLog, location: "Application.evtx".to_owned() }
    }

    fn state() -> SiteState {
        let mut state = SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), at("08:00:00"));
        state.watch(source(), Duration::from_secs(30), Some(Witness::EventLog), at("08:00:00"));
        state
    }

    fn poll(state: &mut SiteState, result: Result<Vec<Fact>, PollFailure>) {
        let cursor = Cursor::EventLog(event_log::Cursor::default());
        let result = result.map(|facts| Poll { facts, cursor, reach: Reach::CaughtUp });
        let (site, started) = (state.settings.code, at("08:01:00"));
        let report = PollReport { site, source: source(), started, duration: Duration::ZERO, result };
        state.fold(&report, started);
    }

    fn told(state: &SiteState) -> (Hearing, String) {
        let all = Testimony::all(state);
        assert_eq!(all.len(), 1, "nobody else is watched");
        (all[0].hearing, all[0].finding())
    }

    fn success() -> Vec<Fact> {
        let message = StatusMessage {
            id: MessageId::COMPLETED,
            severity: Some(Severity::Information),
            component: Component::SiteBackup,
            machine: "CM01.corp.example".into(),
            pid: None,
            tid: None,
            time: at("03:25:10"),
            hint: None,
        };
        let record = Record { position: 0, body: RecordBody::Status(message) };
        let coverage = Fact::Coverage {
            witness: Witness::EventLog,
            oldest: Some(at("02:00:00")),
            newest: None,
            gap: false,
        };
        vec![Fact::Records(Witness::EventLog, vec![record]), coverage]
    }

    #[test]
    fn each_stage_of_an_event_log_has_its_words() {
        let mut state = state();
        assert_eq!(told(&state), (Hearing::Waiting, "has not been read yet".to_owned()));
        poll(&mut state, Ok(vec![Fact::Silent(Witness::EventLog)]));
        assert_eq!(told(&state), (Hearing::Silent, "has held no message of the backup yet".to_owned()));
        assert!(Testimony::all(&state)[0].advice().contains("Status Reporting"));
        poll(&mut state, Ok(success()));
        let success = "its last success is of 2026-11-21 03:25:10 UTC";
        let heard = format!("tells everything since 2026-11-21 02:00 UTC; {success}");
        assert_eq!(told(&state), (Hearing::Heard, heard));
        assert_eq!(Testimony::all(&state)[0].advice(), "");
        let failure = PollFailure { kind: FailureKind::AccessDenied, message: "denied".to_owned() };
        poll(&mut state, Err(failure));
        assert_eq!(told(&state), (Hearing::Unreadable, format!("cannot be read now; {success}")));
        state.sources.clear();
        assert_eq!(told(&state), (Hearing::NotWatched, format!("is not watched any more; {success}")));
    }

    #[test]
    fn nobody_is_named_who_is_neither_watched_nor_has_told_anything() {
        let mut state = state();
        state.sources.clear();
        assert_eq!(Testimony::all(&state), []);
    }

    #[test]
    fn a_site_that_only_a_silent_event_log_watches_is_unknown_for_that_reason() {
        let mut state = state();
        poll(&mut state, Ok(vec![Fact::Silent(Witness::EventLog)]));
        let assessment = assess(&state, at("08:02:00"));
        assert_eq!(assessment.verdict, Verdict::Unknown);
        let reason =
            "Nothing that tells of the backups can be read: event_log has held no message of the backup yet.";
        assert_eq!(assessment.reason, reason);
        poll(&mut state, Ok(success()));
        assert_eq!(assess(&state, at("08:02:00")).verdict, Verdict::Healthy);
    }
}
