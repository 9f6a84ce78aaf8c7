//! The verdict on a site in words, shape and colour, why it is that, and what to do about it, first things first.

use maud::{Markup, html};

use super::advice::{Step, steps};
use super::elements::{Icon, Tone, plain, prose, shaped_badge};
use crate::assessment::{Assessment, Verdict};
use crate::site::ClosedSet;
use crate::state::SiteState;

/// So many steps are told; the checks tell the others.
const SHOWN_STEPS: usize = 4;

/// How good a verdict is.
pub(super) fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Healthy => Tone::Good,
        Verdict::Failed | Verdict::Overdue | Verdict::Unprotected => Tone::Bad,
        Verdict::Degraded | Verdict::Unknown => Tone::Warn,
        Verdict::Pending | Verdict::Passive => Tone::Plain,
    }
}

/// Its shape, one for each.
fn icon(verdict: Verdict) -> Icon {
    Icon(match verdict {
        Verdict::Healthy => "check",
        Verdict::Pending => "hourglass",
        Verdict::Degraded => "triangle",
        Verdict::Unknown => "question",
        Verdict::Unprotected => "shield",
        Verdict::Overdue => "clock",
        Verdict::Failed => "octagon",
        Verdict::Passive => "pause",
    })
}

/// The worse the greater.
pub(super) fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Passive => 0,
        Verdict::Healthy => 1,
        Verdict::Pending => 2,
        Verdict::Degraded => 3,
        Verdict::Unknown => 4,
        Verdict::Overdue => 5,
        Verdict::Unprotected => 6,
        Verdict::Failed => 7,
    }
}

/// Whether a verdict is one that somebody ought to look at.
fn needs_attention(verdict: Verdict) -> bool {
    tone(verdict) >= Tone::Warn
}

/// Whether somebody ought to look at a site: its verdict says so, or there is something to do all the same.
pub(super) fn attention(state: &SiteState, assessment: &Assessment) -> bool {
    needs_attention(assessment.verdict) || !steps(state, assessment).is_empty()
}

/// The verdict as one word.
pub(super) fn verdict_badge(verdict: Verdict) -> Markup {
    shaped_badge(tone(verdict), icon(verdict), verdict.label())
}

/// The same, and whether a backup runs, which is no verdict.
pub(super) fn badges(assessment: &Assessment) -> Markup {
    html! {
        (verdict_badge(assessment.verdict))
        @if assessment.runs.in_progress == Some(true) {
            " " (shaped_badge(Tone::Plain, Icon("play"), "backup running"))
        }
    }
}

/// The verdict with its reason and what to do.
pub(super) fn section(state: &SiteState, assessment: &Assessment) -> Markup {
    let verdict = assessment.verdict;
    let steps = steps(state, assessment);
    // What is to be done is not shown as good.
    let shown_as = if steps.is_empty() { tone(verdict) } else { tone(verdict).max(Tone::Warn) };
    html! {
        div.verdict.(shown_as.class()) {
            p.reason { (icon(verdict)) span { (plain(&assessment.reason)) } }
            @if let Some(line) = failing_line(state, assessment) {
                p.line { span.dim { "The line that tells why: " } code { (line) } }
            }
            @if steps.is_empty() {
                p.todo { (nothing_to_do(verdict)) }
            } @else {
                h3 { "What to do" }
                ol.steps { @for step in steps.iter().take(SHOWN_STEPS) { (shown(step)) } }
                @if let Some(more) = steps.len().checked_sub(SHOWN_STEPS).filter(|more| *more > 0) {
                    p.dim { "and " (more) " more below" }
                }
            }
        }
    }
}

/// What the failed run wrote of its cause.
fn failing_line<'a>(state: &'a SiteState, assessment: &Assessment) -> Option<&'a str> {
    let is_why = assessment.verdict == Verdict::Failed && assessment.runs.last_failed == Some(true);
    let failed = state.runs.iter().rev().find(|run| run.failure().is_some());
    failed.filter(|_| is_why)?.error.as_ref()?.text.as_deref()
}

fn shown(step: &Step<'_>) -> Markup {
    html! {
        li {
            span.said { (prose(&step.what)) }
            @if !step.because.is_empty() { " " span.dim { (prose(&step.because)) } }
        }
    }
}

fn nothing_to_do(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Healthy => "There is nothing to do.",
        Verdict::Pending => "There is nothing to do before the first backup is due.",
        Verdict::Passive => "Look at the exporter on the active site server.",
        Verdict::Unknown => "Wait until every source has been read, then look at the sources below.",
        Verdict::Degraded | Verdict::Overdue | Verdict::Unprotected | Verdict::Failed => {
            "Look at the checks below."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::page::elements::SYMBOLS;

    #[test]
    fn every_verdict_has_a_shape_and_a_place_of_its_own() {
        let mut icons: Vec<_> = Verdict::ALL.iter().map(|verdict| icon(*verdict).0).collect();
        assert!(icons.iter().all(|icon| SYMBOLS.0.contains(&format!("id=\"{icon}\""))));
        let mut ranks: Vec<_> = Verdict::ALL.iter().map(|verdict| rank(*verdict)).collect();
        icons.sort_unstable();
        icons.dedup();
        ranks.sort_unstable();
        ranks.dedup();
        assert_eq!((icons.len(), ranks.len()), (Verdict::ALL.len(), Verdict::ALL.len()));
    }

    #[test]
    fn who_is_worse_is_never_better() {
        for one in Verdict::ALL {
            for other in Verdict::ALL.iter().filter(|other| rank(**other) > rank(*one)) {
                assert!(needs_attention(*other) >= needs_attention(*one), "{one} {other}");
            }
        }
    }
}
