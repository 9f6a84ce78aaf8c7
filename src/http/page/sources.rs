//! What is read, and what cannot be.

use maud::{Markup, html};

use super::elements::{Tone, folded, row};
use crate::assessment::NOTHING_IS_WATCHED;
use crate::http::words::{capital, count, distance, title};
use crate::site::{ClosedSet, Timestamp};
use crate::source::SourceId;
use crate::state::{SiteState, SourceState};

/// Folded up while every source is read.
pub(super) fn section(state: &SiteState, now: Timestamp) -> Markup {
    let sources = &state.sources;
    let down = sources.values().filter(|source| source.failure.is_some()).count();
    let summary = match (sources.len(), down) {
        (0, _) => "none".to_owned(),
        (all, 0) => count(all, "is read", "are read"),
        (all, down) => format!("{down} of {all} cannot be read"),
    };
    let body = html! {
        dl.rows {
            @if sources.is_empty() { (row("None", Tone::Warn, "unknown", capital(NOTHING_IS_WATCHED))) }
            @for (id, source) in sources { (shown(id, source, now)) }
        }
    };
    folded("Sources", &summary, down > 0 || sources.is_empty(), &body)
}

fn shown(id: &SourceId, source: &SourceState, now: Timestamp) -> Markup {
    let (tone, word) = match source {
        SourceState { last_poll: None, .. } => (Tone::Plain, "waiting"),
        source if source.up() => (Tone::Good, "up"),
        _ => (Tone::Bad, "down"),
    };
    let said = html! {
        bdi { (id.location) }
        @if let Some(failure) = &source.failure { " " bdi.dim { (failure.message) } }
        @if let Some(read) = source.last_success { " " span.dim { "read " (distance(read, now)) } }
    };
    row(title(id.kind.label()), tone, word, said)
}
