//! The key figures of a site as cards, each with a number or a distance first and the moment below.

use maud::{Markup, html};

use super::elements::{Tone, moment};
use super::recoverable::{NEWER, REPLACED, Recoverable, is_being_made};
use super::restart;
use crate::assessment::{Assessment, retention};
use crate::http::outlook::Intent;
use crate::http::words::{ago, count, distance, schedule};
use crate::site::{Node, Timestamp, delta};
use crate::state::SiteState;

/// Less than this share of the retention left is to be looked at.
const LITTLE_LEFT: f64 = 0.25;

/// A card; empty text below is left out.
fn card(name: &str, tone: Tone, value: impl maud::Render, below: impl maud::Render) -> Markup {
    html! { div.card { dt { (name) } dd.(tone.class()) { span.value { (value) } (below) } } }
}

/// All that is known of the figures; on a passive site server what happened, since the site is watched elsewhere.
pub(super) fn section(state: &SiteState, assessment: &Assessment, now: Timestamp) -> Markup {
    let (runs, due) = (&assessment.runs, &assessment.due);
    let is_passive = state.node() == Some(Node::Passive);
    let bad = |is_bad| if is_bad && !is_passive { Tone::Bad } else { Tone::Plain };
    html! {
        dl.cards {
            @if runs.in_progress == Some(true) {
                (card("Running now", bad(runs.stalled == Some(true)),
                    runs.last_start.map_or_else(|| "yes".to_owned(), |start| format!("for {}", ago(now - start))),
                    html! { @if let Some(start) = runs.last_start { "since " (moment(start)) } }))
            }
            (last_success(runs.last_success, now))
            @if let Some(failure) = runs.last_failure {
                (card("Last failure", bad(runs.last_failed == Some(true)),
                    distance(failure, now), moment(failure)))
            }
            @if !is_passive {
                (success_due(assessment, now))
                (recoverable(state, assessment, now))
                (valid_copies(state, assessment))
                (next(state, due.next, now))
                @if let Some(missed) = due.missed.filter(|missed| *missed > 0) {
                    (card("Missed", Tone::Bad, count(missed as usize, "due day", "due days"), "since the last success"))
                }
                @if let Some(standing) = &state.restart {
                    @let intent = Intent::of(standing, state, assessment);
                    (card("Restart", restart::tone(intent), intent.word(),
                        html! { "mode " (standing.mode) ", " (standing.attempts_remaining) " more allowed" }))
                }
            }
        }
    }
}

fn last_success(success: Option<Timestamp>, now: Timestamp) -> Markup {
    match success {
        Some(at) => card("Last success", Tone::Plain, distance(at, now), moment(at)),
        None => card("Last success", Tone::Plain, "none", "that is known"),
    }
}

fn success_due(assessment: &Assessment, now: Timestamp) -> Markup {
    match assessment.due.success_due {
        Some(at) => {
            let tone = if at < now { Tone::Bad } else { Tone::Plain };
            card("Success due", tone, distance(at, now), moment(at))
        }
        None => card("Success due", Tone::Plain, "not known", "no log tells of the time before"),
    }
}

fn next(state: &SiteState, next: Option<Timestamp>, now: Timestamp) -> Markup {
    let schedule = match &state.schedule {
        Some(known) => schedule(known),
        None => "Schedule not known: a success is due at an age that fits the site's role".to_owned(),
    };
    let below = html! {
        @if let Some(at) = next { (moment(at)) br; }
        (schedule)
    };
    card(
        "Next scheduled",
        Tone::Plain,
        next.map_or_else(|| "not known".to_owned(), |at| distance(at, now)),
        below,
    )
}

fn valid_copies(state: &SiteState, assessment: &Assessment) -> Markup {
    const NAME: &str = "Valid copies";
    let copies = &assessment.copies;
    let (tone, value) = match copies.valid {
        None => (Tone::Plain, "not known".to_owned()),
        Some(0) if is_being_made(state, assessment) => {
            return card(NAME, Tone::Plain, "being made", REPLACED);
        }
        Some(0) => (Tone::Bad, "none".to_owned()),
        Some(valid) => (Tone::Plain, valid.to_string()),
    };
    let below = html! {
        @if let Some(newest) = copies.newest_valid { "newest of " (moment(newest)) br; }
        @else if copies.valid > Some(0) { (NEWER) br; }
        @if let Some(within) = copies.valid_in_retention.filter(|_| copies.valid > Some(0)) { (within) " within change tracking retention" }
    };
    card(NAME, tone, value, below)
}

/// How long the newest copy can still be restored without loss, as a bar that runs out.
fn recoverable(state: &SiteState, assessment: &Assessment, now: Timestamp) -> Markup {
    const NAME: &str = "Recoverable for";
    let found = Recoverable::of(state, assessment);
    let value = found.word(now);
    let until = match found {
        Recoverable::Until(until) => until,
        Recoverable::NoLimit => {
            return card(NAME, Tone::Plain, value, "a copy of this site does not expire");
        }
        Recoverable::BeingMade => return card(NAME, Tone::Plain, value, REPLACED),
        Recoverable::Nothing => return card(NAME, Tone::Bad, value, "there is no valid copy"),
        Recoverable::NotKnown(why) => return card(NAME, Tone::Plain, value, why),
    };
    let whole = delta(retention(state));
    let left = (until - now).num_seconds().max(0) as f64 / whole.num_seconds().max(1) as f64;
    let left = left.min(1.0);
    let tone = match left {
        0.0 => Tone::Bad,
        left if left < LITTLE_LEFT => Tone::Warn,
        _ => Tone::Good,
    };
    let said = format!("{:.0} % of the change tracking retention of {} left", left * 100.0, ago(whole));
    let below = html! {
        svg.countdown role="img" aria-label=(said) width="100%" height="10" {
            title { (said) }
            rect.empty width="100%" height="10" rx="5" {}
            rect.(tone.class()) width=(format!("{:.2}%", left * 100.0)) height="10" rx="5" {}
        }
        "until " (moment(until)) br; "of " (ago(whole)) " change tracking retention"
    };
    card(NAME, if tone == Tone::Good { Tone::Plain } else { tone }, value, below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::assess;
    use crate::assessment::samples::{GOOD, Rig, at, copy};
    use crate::http::samples::{self, words};
    use crate::site::{ServicesSeen, SiteServer};
    use crate::snapshot::samples::Sample;

    #[test]
    fn the_countdown_runs_out_and_says_so() {
        const DAY: i64 = 24 * 60;
        let mut rig = Rig::with(|_| {});
        rig.log(0, GOOD);
        rig.walk(100, &Sample::good(1));
        for (minute, width, tone, said) in [
            (DAY / 2 + 1, "90.00%", "good", "Recoverable for 4 d 12 h"),
            (4 * DAY + 1, "20.00%", "warn", "Recoverable for 1 d 0 h"),
            (5 * DAY + 1, "0.00%", "bad", "Recoverable for ran out 0 s ago"),
        ] {
            rig.walk(minute, &Sample::good(1));
            let html = section(&rig.state, &assess(&rig.state, at(minute)), at(minute)).into_string();
            let bar = format!("<rect class=\"{tone}\" width=\"{width}\"");
            assert!(html.contains(&bar) && words(&html).contains(said), "{minute}: {html}");
        }
    }

    #[test]
    fn what_may_be_newer_is_said_beside_the_number_of_copies() {
        let mut rig = Rig::with_archive(8);
        rig.log(0, GOOD);
        rig.archives(100, vec![copy("/nas/1", 1, &Sample::good(1))]);
        rig.log(1440, GOOD);
        let shown = words(
            &section(&rig.state, &assess(&rig.state, at(1502)), at(1502)).into_string().replace("<br>", " "),
        );
        for part in [format!("Recoverable for not known {NEWER}"), format!("Valid copies 1 {NEWER}")] {
            assert!(shown.contains(&part), "{part}: {shown}");
        }
        assert!(!shown.contains("no limit"), "{shown}");
    }

    #[test]
    fn a_run_that_replaces_the_only_copy_is_no_alarm() {
        let mut rig = Rig::with(|_| {});
        rig.log(0, GOOD);
        rig.walk(100, &Sample::good(1));
        rig.log(1440, &[(0, "500"), (1, "5055"), (2, "preparing")]);
        rig.walk(1450, &Sample::good(2).only("SiteServer"));
        let html = samples::page(&rig.state, at(1450));
        let shown = words(&html);
        for part in [
            "Recoverable for being made the running backup has deleted the old one",
            "Valid copies being made the running backup has deleted the old one",
            "Snapshot being made",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!html.contains("<dd class=\"bad\"") && !html.contains("badge bad"), "{shown}");
        assert!(!shown.contains("has not made another"), "{shown}");
    }

    #[test]
    fn on_a_passive_site_server_no_card_shouts() {
        let mut rig = Rig::with(|_| {});
        rig.log(0, GOOD);
        rig.walk(100, &Sample::good(1));
        rig.log(1440, &[(0, "500"), (1, "5055"), (2, "preparing"), (3, "-5060"), (4, "501")]);
        rig.walk(1450, &Sample::good(2).only("SiteServer"));
        let server = |(name, active): (&str, bool)| SiteServer { name: name.into(), active };
        let seen = |machine: &str| ServicesSeen {
            machine: Some(machine.into()),
            site_servers: Some([("CM01", true), ("CM02", false)].map(server).into()),
            ..ServicesSeen::default()
        };
        for (machine, shouts) in [("CM01", true), ("CM02", false)] {
            rig.services(1450, seen(machine));
            let html = samples::page(&rig.state, at(1450));
            assert_eq!(html.contains("<dd class=\"bad\""), shouts, "{machine}");
            assert_eq!(html.contains(">Success due<") && html.contains("<h3>Copies"), shouts, "{machine}");
        }
    }

    #[test]
    fn what_is_not_known_is_said_not_to_be() {
        let rig = Rig::with(|_| {});
        let html = section(&rig.state, &assess(&rig.state, at(0)), at(0)).into_string();
        let shown = words(&html);
        for part in ["Last success none", "Valid copies not known", "Recoverable for not known"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains("Restart") && !shown.contains("Running now"), "{shown}");
    }
}
