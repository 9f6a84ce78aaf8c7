//! What the exporter does about a failed backup, every reason that holds a restart, and the attempts so far.
//!
//! It is told, never asked for: nothing over HTTP restarts anything.

use maud::{Markup, html};

use super::elements::{Tone, moment, panel, prose, row};
use crate::assessment::Assessment;
use crate::http::outlook::{Intent, outlook};
use crate::http::words::{count, spaced, title};
use crate::site::{Attempt, AttemptOutcome, ClosedSet, Hold, Node, RestartPlan, RestartStanding};
use crate::state::SiteState;

/// So many attempts are on the page, newest first.
pub(super) const SHOWN_ATTEMPTS: usize = 10;

/// How good it is what the exporter is about to do.
pub(super) fn tone(intent: Intent) -> Tone {
    match intent {
        Intent::Off | Intent::Undecided | Intent::Nothing => Tone::Plain,
        Intent::UnderWay | Intent::Now | Intent::Pending => Tone::Warn,
        Intent::Held => Tone::Bad,
    }
}

/// Nothing where nobody decides on restarts.
pub(super) fn section(state: &SiteState, assessment: &Assessment) -> Markup {
    let Some(standing) = &state.restart else { return html! {} };
    let intent = Intent::of(standing, state, assessment);
    // What a passive site server would do is nobody's concern.
    let is_passive = state.node() == Some(Node::Passive);
    let tone = if is_passive { Tone::Plain } else { tone(intent) };
    let said = html! {
        (outlook(standing, state, assessment))
        @if let Some(run) = standing.run { " This is about the run of " (moment(run)) "." }
    };
    panel(
        "Restart",
        &html! {
            dl.rows {
                (row("Now", tone, intent.word(), said))
                @for hold in standing.holds() { (held(hold)) }
                (row("Mode", Tone::Plain, standing.mode.label(), attempts(standing)))
                @for attempt in standing.attempts.iter().rev().take(SHOWN_ATTEMPTS) { (tried(attempt)) }
            }
        },
    )
}

/// A reason, what was found, and what ends it.
fn held(hold: &Hold) -> Markup {
    let (tone, word) = if hold.passes { (Tone::Plain, "passes") } else { (Tone::Warn, "holds") };
    let name = html! { (title(hold.reason.label())) " " code.machine { (hold.reason.label()) } };
    row(name, tone, word, prose(&hold.finding))
}

fn attempts(standing: &RestartStanding) -> String {
    let RestartStanding { attempts_total, attempts_failed_total, attempts_remaining, .. } = standing;
    match attempts_total.zip(*attempts_failed_total) {
        Some((total, failed)) => format!(
            "{} so far, {failed} without a run; {attempts_remaining} more allowed within 24 hours.",
            count(usize::try_from(total).unwrap_or(usize::MAX), "attempt", "attempts")
        ),
        None => "How many attempts were made cannot be read.".to_owned(),
    }
}

pub(super) fn tried(attempt: &Attempt) -> Markup {
    let outcome = attempt.outcome.map(|(outcome, _)| outcome);
    let (became, succeeded) = match attempt.followed_by {
        Some((_, Some(true))) => (" The run after it succeeded.", Some(true)),
        Some((_, Some(false))) => (" The run after it failed.", Some(false)),
        Some((_, None)) => (" The run after it goes on.", None),
        None => ("", None),
    };
    let tone = match (outcome, succeeded) {
        (_, Some(true)) => Tone::Good,
        (_, Some(false)) => Tone::Bad,
        (
            None | Some(AttemptOutcome::Started | AttemptOutcome::Adopted | AttemptOutcome::Abandoned),
            None,
        ) => Tone::Plain,
        (Some(_), None) => Tone::Bad,
    };
    let word = outcome.map_or_else(|| "under way".to_owned(), |outcome| spaced(outcome.label()));
    let plan = match attempt.plan {
        RestartPlan::Start => "Start",
        RestartPlan::StopFirst => "Stop and start",
    };
    let said = html! {
        (plan) " after the run of " (moment(attempt.run)) " (" (spaced(attempt.cause.label())) ")." (became)
        @if let Some(error) = &attempt.error { " " bdi.dim { (error) } }
    };
    row(html! { "Attempt " (moment(attempt.decided)) }, tone, &word, said)
}

#[cfg(test)]
mod tests;
