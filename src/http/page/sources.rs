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
        @if let Some(read) = source.last_success {
            " " span.dim { (if source.failure.is_some() { "last read " } else { "read " }) (distance(read, now)) }
        }
    };
    row(title(id.kind.label()), tone, word, said)
}

#[cfg(test)]
mod tests {
    use crate::http::samples::{at, page, read, words};
    use crate::site::Protection;
    use crate::source::{FailureKind, PollFailure, PollReport};

    #[test]
    fn a_source_that_is_down_says_when_it_was_last_read() {
        let mut state = read(Protection::Task);
        assert!(words(&page(&state, at(1))).contains("Backup log up read 1 min 0 s ago"));
        let source = state.sources.keys().next().unwrap().clone();
        let result = Err(PollFailure { kind: FailureKind::Unreachable, message: "gone".to_owned() });
        let (site, duration) = (state.settings.code, std::time::Duration::ZERO);
        state.fold(&PollReport { site, source, started: at(1), duration, result }, at(1));
        let shown = words(&page(&state, at(2)));
        assert!(shown.contains("Backup log down gone last read 2 min 0 s ago"), "{shown}");
    }
}
