//! How long the phases of the last run took: a bar, a legend with the durations, and what is normal.

use chrono::TimeDelta;
use maud::{Markup, html};

use super::elements::moment;
use crate::assessment::Assessment;
use crate::http::words::{ago, title};
use crate::site::{BackupPhase, BackupRun, ClosedSet};
use crate::state::SiteState;

/// No phase is drawn narrower than this share of the bar, or nobody would see it.
const NARROWEST: f64 = 1.0;
/// A narrower part has no room for its number.
const NUMBERED: f64 = 3.0;
/// Between two parts.
const GAP: f64 = 0.3;

/// A phase on the bar.
#[derive(Debug, PartialEq)]
struct Part {
    phase: BackupPhase,
    took: TimeDelta,
    /// Its begin and its width, as shares of the bar.
    x: f64,
    width: f64,
}

/// Nothing while no phase of any run is known.
pub(super) fn section(state: &SiteState, assessment: &Assessment) -> Markup {
    let Some(run) = state.runs.iter().rev().find(|run| !run.phases.is_empty()) else { return html! {} };
    let parts = parts(&run.phases);
    html! {
        section.panel {
            h3 { "Phases of the last run" }
            p { (length(run, assessment)) }
            figure {
                (bar(&parts))
                figcaption {
                    ol.legend.phases {
                        @for part in &parts {
                            li {
                                span.swatch.(class(part.phase)) aria-hidden="true" { (number(part.phase)) }
                                (title(part.phase.label())) " " span.dim { (ago(part.took)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How long the run took, or how far it has come, beside what is normal.
fn length(run: &BackupRun, assessment: &Assessment) -> Markup {
    let expected = ago(assessment.runs.expected_duration);
    html! {
        "The run of " (moment(run.started_or_first())) " "
        @match (run.duration(), run.outcome()) {
            (Some(took), _) => { "took " (ago(took)) },
            (None, Some(_)) => { "has an end of which nobody knows the time" },
            (None, None) => { "goes on, and these phases are over" },
        }
        "; " (expected) " are expected."
    }
}

fn bar(parts: &[Part]) -> Markup {
    let said = parts.iter().map(|part| format!("{} {}", part.phase, ago(part.took)));
    let said = format!("Phases: {}.", said.collect::<Vec<_>>().join(", "));
    html! {
        svg.bar role="img" aria-label=(said) width="100%" height="28" {
            title { (said) }
            @for part in parts {
                rect.(class(part.phase)) x=(share(part.x)) width=(share(part.width)) height="28" rx="3" {}
                @if part.width >= NUMBERED {
                    text.(class(part.phase)) x=(share(part.x + part.width / 2.0)) y="19" text-anchor="middle" {
                        (number(part.phase))
                    }
                }
            }
        }
    }
}

/// The phases side by side, the whole bar wide; those too short to be seen get their least width from the others.
fn parts(phases: &[(BackupPhase, TimeDelta)]) -> Vec<Part> {
    let seconds = |took: &TimeDelta| took.num_milliseconds().max(0) as f64 / 1000.0;
    let whole: f64 = phases.iter().map(|(_, took)| seconds(took)).sum();
    let room = 100.0 - GAP * phases.len().saturating_sub(1) as f64;
    let spread = room - NARROWEST * phases.len() as f64;
    let mut x = 0.0;
    let part = |(phase, took): &(BackupPhase, TimeDelta)| {
        let part_of = if whole > 0.0 { seconds(took) / whole } else { 1.0 / phases.len() as f64 };
        let width = NARROWEST + spread * part_of;
        let part = Part { phase: *phase, took: *took, x, width };
        x += width + GAP;
        part
    };
    phases.iter().map(part).collect()
}

fn share(share: f64) -> String {
    format!("{share:.2}%")
}

fn number(phase: BackupPhase) -> usize {
    BackupPhase::ALL.iter().position(|known| *known == phase).map_or(0, |index| index + 1)
}

fn class(phase: BackupPhase) -> String {
    format!("phase-{}", number(phase))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widths(seconds: &[i64]) -> Vec<Part> {
        let phases = BackupPhase::ALL.iter().copied().zip(seconds.iter().map(|s| TimeDelta::seconds(*s)));
        parts(&phases.collect::<Vec<_>>())
    }

    #[test]
    fn the_phases_fill_the_bar_and_each_can_be_seen() {
        for seconds in [&[1, 2, 3, 4, 5, 6][..], &[0, 0, 0], &[1, 100_000], &[7], &[-5, 5]] {
            let parts = widths(seconds);
            let last = parts.last().unwrap();
            assert!((last.x + last.width - 100.0).abs() < 1e-6, "{seconds:?}: {parts:?}");
            assert!(parts.iter().all(|part| part.width >= NARROWEST), "{seconds:?}: {parts:?}");
            for pair in parts.windows(2) {
                assert!((pair[0].x + pair[0].width + GAP - pair[1].x).abs() < 1e-6, "{seconds:?}");
            }
        }
    }

    #[test]
    fn a_phase_is_as_wide_as_its_time() {
        let parts = widths(&[100, 300]);
        let ratio = (parts[1].width - NARROWEST) / (parts[0].width - NARROWEST);
        assert!((ratio - 3.0).abs() < 1e-6, "{parts:?}");
    }

    #[test]
    fn the_bar_says_in_words_what_it_shows() {
        let html = bar(&widths(&[60, 7200])).into_string();
        assert!(html.contains("aria-label=\"Phases: start 1 min 0 s, locate 2 h 0 min.\""), "{html}");
    }
}
