//! The checks, those that fail first, and who tells of the runs.
//!
//! What passes and what is not known is folded up: at night only the rest matters.

use maud::{Markup, html};

use super::elements::{Tone, badge, panel, prose, row};
use crate::assessment::{Assessment, CheckResult, CheckState, Hearing, Testimony};
use crate::http::words::{capital, title};
use crate::site::ClosedSet;

/// All checks by what they found.
pub(super) fn section(assessment: &Assessment) -> Markup {
    let of = |state| assessment.checks.iter().filter(move |result| result.state == state).collect::<Vec<_>>();
    let [failed, unknown, passed] = [CheckState::Failed, CheckState::Unknown, CheckState::Passed].map(of);
    panel(
        "Checks",
        &html! {
            p {
                (badge(if failed.is_empty() { Tone::Plain } else { Tone::Bad }, &format!("{} failed", failed.len()))) " "
                (badge(Tone::Plain, &format!("{} unknown", unknown.len()))) " "
                (badge(if passed.is_empty() { Tone::Plain } else { Tone::Good }, &format!("{} passed", passed.len())))
            }
            @if !failed.is_empty() { dl.rows { @for result in &failed { (check(result)) } } }
            @if !unknown.is_empty() {
                details {
                    summary { (unknown.len()) " not known" }
                    dl.rows { @for result in &unknown { (check(result)) } }
                }
            }
            @if !passed.is_empty() {
                details {
                    summary { (passed.len()) " passed" }
                    dl.rows { @for result in &passed { (check(result)) } }
                }
            }
        },
    )
}

fn check(result: &CheckResult) -> Markup {
    let (tone, word) = match result.state {
        CheckState::Passed => (Tone::Good, "passed"),
        CheckState::Failed => (Tone::Bad, "failed"),
        CheckState::Unknown => (Tone::Plain, "unknown"),
    };
    let label = result.check.label();
    let name = html! { (title(label)) " " code.machine { (label) } };
    let said = html! {
        (prose(&result.finding))
        @if !result.advice.is_empty() { " " span.advice { (prose(&result.advice)) } }
    };
    row(name, tone, word, said)
}

/// Who tells of the runs; nothing where nobody could.
pub(super) fn witnesses(witnesses: &[Testimony]) -> Markup {
    if witnesses.is_empty() {
        return html! {};
    }
    panel("Witnesses", &html! { dl.rows { @for testimony in witnesses { (witness(testimony)) } } })
}

fn witness(testimony: &Testimony) -> Markup {
    let tone = match testimony.hearing {
        Hearing::Heard => Tone::Good,
        Hearing::Unreadable => Tone::Bad,
        Hearing::Silent | Hearing::Waiting | Hearing::NotWatched => Tone::Plain,
    };
    let word = testimony.hearing.label().replace('_', " ");
    let said = html! {
        (capital(&testimony.finding())) ". " (testimony.advice())
    };
    row(title(testimony.witness.label()), tone, &word, said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::samples::{GOOD, Rig, at};
    use crate::assessment::{Check, assess};
    use crate::http::samples::words;

    #[test]
    fn what_fails_stands_before_what_is_not_known_and_what_passes_last() {
        let mut rig = Rig::with(|_| {});
        rig.log(0, GOOD);
        let mut assessment = assess(&rig.state, at(100));
        let set = |assessment: &mut Assessment, check, state| {
            let found = assessment.checks.iter_mut().find(|result| result.check == check).unwrap();
            found.state = state;
            (found.finding, found.advice) = ("<found>".into(), "<do>".into());
        };
        set(&mut assessment, Check::ClockSkew, CheckState::Failed);
        let html = section(&assessment).into_string();
        let place = |label: &str| html.find(&format!(">{label}</code>")).unwrap();
        assert!(
            place("clock_skew") < place("sms_writer") && place("sms_writer") < place("last_run"),
            "{html}"
        );
        assert!(words(&html).contains("Clock skew clock_skew failed <found> <do>"), "{}", words(&html));
        assert!(!html.contains("<found>"));
        let shown = html.matches("<code class=\"machine\">").count();
        assert_eq!(shown, assessment.checks.len(), "none is left out");
    }
}
