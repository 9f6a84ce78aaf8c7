//! Where two witnesses tell the opposite of the same run, in words.
//!
//! Silence is no contradiction: a log rolls away, it may keep errors only, and a database may be down. So what counts is
//! an error of a run that nobody saw who says that the run had none.

use std::collections::BTreeSet;
use std::ops::Range;

use super::event::Event;
use crate::site::{BackupRun, Component, MessageId, StatusMessage, Witness};
use crate::source::RecordBody;

/// What is contradicted of the runs since the last undisputed success, oldest first: before it nothing is in doubt that
/// still matters.
pub(super) fn standing(runs: &[(BackupRun, Range<usize>)], events: &[Event<'_>]) -> Vec<String> {
    let told = |(run, range): &(BackupRun, Range<usize>)| {
        (run.succeeded.is_some(), contradictions(run, &events[range.clone()]))
    };
    let disputed = runs.iter().rev().map(told).take_while(|(succeeded, told)| !succeeded || !told.is_empty());
    let mut newest_first: Vec<_> = disputed.map(|(_, told)| told).collect();
    newest_first.reverse();
    newest_first.concat()
}

/// For a run and its events, who reports its success and who its failure.
fn contradictions(run: &BackupRun, events: &[Event<'_>]) -> Vec<String> {
    let Some(success) = events.iter().position(|event| is_said(event, is_success)) else { return Vec::new() };
    let witnesses = |event: &Event<'_>| event.sightings.iter().map(|(witness, _)| *witness).collect();
    let success_events = events.iter().filter(|event| is_said(event, is_success));
    let good: BTreeSet<Witness> = success_events.flat_map(witnesses).collect();
    let errors = events[..success].iter().filter(|event| is_said(event, StatusMessage::is_error));
    // Who saw both saw more than who saw either.
    let unseen = errors.map(witnesses).filter(|seen: &BTreeSet<_>| seen.is_disjoint(&good));
    let bad: BTreeSet<Witness> = unseen.flatten().collect();
    let time = run.first.format("%F %H:%M UTC");
    let sentence = |good: &Witness, bad: &Witness| {
        format!("Of the run at {time}, {good} reports success and {bad} failure.")
    };
    good.iter().flat_map(|good| bad.iter().map(move |bad| sentence(good, bad))).collect()
}

fn is_said(event: &Event<'_>, what: impl Fn(&StatusMessage) -> bool) -> bool {
    matches!(event.body, RecordBody::Status(message)
        if message.component == Component::SiteBackup && what(message))
}

fn is_success(message: &StatusMessage) -> bool {
    message.id == MessageId::COMPLETED
}
