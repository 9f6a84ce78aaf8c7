//! The runs as a table, newest first: when, how it ended, how long it took, and what was said.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::elements::{Tone, dated, prose};
use super::events::{Event, Kind, sign};
use crate::http::words::{ago, count, title};
use crate::site::{BackupRun, ClosedSet, SiteCode, Timestamp};

/// So many are shown, which is two months where one runs each night.
const SHOWN: usize = 60;

/// The table, folded up.
pub(super) fn section(site: SiteCode, events: &[Event<'_>], now: Timestamp) -> Markup {
    let shown: Vec<_> = events.iter().rev().take(SHOWN).collect();
    // What to do about a cause is said once, beside its newest run.
    let mut advised = BTreeSet::new();
    let mut is_first = |event: &Event<'_>| {
        let cause = event.run.and_then(BackupRun::failure);
        cause.is_some_and(|cause| advised.insert(cause.label()))
    };
    let more = events.len() - shown.len();
    if shown.is_empty() {
        return html! {};
    }
    html! {
        details {
            summary { "The same as a table" }
            table.runs {
                caption { (count(shown.len(), "line", "lines")) ", the newest first" }
                thead {
                    tr {
                        th scope="col" { "Started" }
                        th scope="col" { "Outcome" }
                    }
                }
                tbody { @for event in shown { (line(event, is_first(event), now)) } }
            }
            p {
                @if more > 0 { (count(more, "older one", "older ones")) " and all messages are in the " }
                @else { "All messages of each run are in the " }
                a href={ "api/v1/sites/" (site) "/runs" } { "runs of " (site) " as JSON" } "."
            }
        }
    }
}

fn line(event: &Event<'_>, is_first: bool, now: Timestamp) -> Markup {
    let tone = match event.kind {
        Kind::Succeeded => Tone::Good,
        Kind::InProgress => Tone::Plain,
        Kind::Failed | Kind::Interrupted | Kind::Missed => Tone::Bad,
    };
    html! {
        tr {
            td { (dated(event.at, now)) }
            td {
                span.badge.(tone.class()) { (sign(event.kind)) (event.kind.word()) } " "
                @match event.run {
                    Some(run) => (notes(run, is_first)),
                    None => span.said { "Nothing started on this due day." },
                }
            }
        }
    }
}

/// Warnings, the cause, with its advice if it is the first with that, and the line that tells it.
fn notes(run: &BackupRun, is_first: bool) -> Markup {
    let text = run.error.as_ref().and_then(|error| error.text.as_deref()).unwrap_or_default();
    html! {
        span.said {
            @if let Some(took) = run.duration() { "after " (ago(took)) ". " }
            @if run.started.is_none() { "Its start was not seen. " }
            @if run.warnings > 0 { (count(run.warnings as usize, "warning", "warnings")) ". " }
            @if run.error_after_success.is_some() { "An error followed its success. " }
            @if let Some(cause) = run.failure() {
                strong { (title(cause.label())) } "."
                @if is_first { " " (prose(cause.advice())) }
            }
            @if !text.is_empty() { " " bdi.dim { (text) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::assessment::assess;
    use crate::assessment::samples::{Rig, at};
    use crate::http::page::events::events;

    fn now() -> Timestamp {
        "2026-11-21T08:00:00Z".parse().unwrap()
    }

    /// Due days that were missed, so many hours apart.
    fn shown(number: i64, hours: i64) -> String {
        let at = |index: i64| now() - TimeDelta::hours(hours * index);
        let event = |index| Event { at: at(index), kind: Kind::Missed, run: None };
        let events: Vec<_> = (0..number).rev().map(event).collect();
        section("P01".parse().unwrap(), &events, now()).into_string()
    }

    #[test]
    fn so_many_are_shown_and_it_is_said_how_many_more_there_are() {
        for (number, hours, lines, more) in [
            (3, 24, 3, None),
            (61, 24 * 7, 60, Some("1 older one and all")),
            (200, 1, 60, Some("140 older ones and all")),
        ] {
            let html = shown(number, hours);
            assert_eq!(html.matches("<tr>").count(), lines + 1, "{number}");
            assert_eq!(html.contains("older one"), more.is_some(), "{number}");
            assert!(more.is_none_or(|more| html.contains(more)), "{number}");
        }
        let html = shown(3, 24);
        let newest = html.find("2026-11-21 08:00:00").unwrap();
        assert!(newest < html.find("2026-11-20 08:00:00").unwrap(), "the newest is first");
    }

    #[test]
    fn what_to_do_about_a_cause_is_said_once() {
        let mut rig = Rig::with(|_| {});
        for night in 0..3 {
            rig.log(night * 1440, &[(0, "500"), (1, "5055"), (2, "-5060"), (4, "501")]);
        }
        let now = at(5000);
        let assessment = assess(&rig.state, now);
        let events = events(&rig.state, &assessment);
        let html = section("P01".parse().unwrap(), &events, now).into_string();
        let cause = rig.state.runs[0].failure().unwrap();
        assert_eq!(html.matches(&*title(cause.label())).count(), 3, "{html}");
        assert_eq!(html.matches(&*prose(cause.advice()).into_string()).count(), 1, "{html}");
    }

    #[test]
    fn without_a_run_there_is_no_table() {
        assert_eq!(shown(0, 1), "");
    }
}
