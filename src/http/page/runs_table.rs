//! The runs as a table, newest first: when, how it ended, how long it took, and what was said.

use maud::{Markup, html};

use super::elements::{Tone, dated, prose};
use super::events::{Event, Kind, sign};
use crate::assessment::LOOK_BACK;
use crate::http::words::{ago, count, title};
use crate::site::{BackupRun, ClosedSet, SiteCode, Timestamp};

/// So many are shown however old they are; of the time of the picture all are.
const SHOWN: usize = 40;

/// The table, folded up.
pub(super) fn section(site: SiteCode, events: &[Event<'_>], now: Timestamp) -> Markup {
    let is_shown = |(index, event): &(usize, &Event<'_>)| *index < SHOWN || event.at > now - LOOK_BACK;
    let shown: Vec<_> = events.iter().rev().enumerate().filter(is_shown).map(|(_, event)| event).collect();
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
                tbody { @for event in shown { (line(event, now)) } }
            }
            p {
                @if more > 0 { (count(more, "older one", "older ones")) " and all messages are in the " }
                @else { "All messages of each run are in the " }
                a href={ "api/v1/sites/" (site) "/runs" } { "runs of " (site) " as JSON" } "."
            }
        }
    }
}

fn line(event: &Event<'_>, now: Timestamp) -> Markup {
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
                    Some(run) => (notes(run)),
                    None => span.said { "Nothing started on this due day." },
                }
            }
        }
    }
}

/// Warnings, the cause with its advice, and the line that tells it.
fn notes(run: &BackupRun) -> Markup {
    let text = run.error.as_ref().and_then(|error| error.text.as_deref()).unwrap_or_default();
    html! {
        span.said {
            @if let Some(took) = run.duration() { "after " (ago(took)) ". " }
            @if run.started.is_none() { "Its start was not seen. " }
            @if run.warnings > 0 { (count(run.warnings as usize, "warning", "warnings")) ". " }
            @if run.error_after_success.is_some() { "An error followed its success. " }
            @if let Some(cause) = run.failure() {
                strong { (title(cause.label())) } ". " (prose(cause.advice()))
            }
            @if !text.is_empty() { " " bdi.dim { (text) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

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
    fn a_month_is_shown_whole_and_more_than_that_where_there_is_little() {
        for (number, hours, lines, more) in
            [(3, 24, 3, None), (41, 24 * 7, 40, Some("1 older one and all")), (200, 1, 200, None)]
        {
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
    fn without_a_run_there_is_no_table() {
        assert_eq!(shown(0, 1), "");
    }
}
