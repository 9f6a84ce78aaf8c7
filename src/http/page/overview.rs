//! All sites at a glance, the worst first; for one site it would only repeat what stands below.

use maud::{Markup, html};

use super::advice::steps;
use super::elements::{Tone, badge, moment, plain, prose};
use super::recoverable::{Recoverable, is_being_made};
use super::verdict::{attention, badges, rank, tone, verdict_badge};
use super::{Site, anchor};
use crate::assessment::Verdict;
use crate::http::words::{count, distance};
use crate::site::{ClosedSet, Timestamp};

/// The sites that need somebody first, the worst verdict before others, then by their code.
pub(super) fn worst_first<'a>(sites: &[Site<'a>]) -> Vec<Site<'a>> {
    let mut sorted = sites.to_vec();
    sorted.sort_by_cached_key(|(state, assessment)| {
        let urgency = (attention(state, assessment), rank(assessment.verdict));
        (std::cmp::Reverse(urgency), state.settings.code)
    });
    sorted
}

/// The title of the page: the worst verdict and the sites that have it.
pub(super) fn title(sorted: &[Site<'_>]) -> String {
    const NAME: &str = "ConfigMgr backup";
    const NAMED: usize = 3;
    let Some((_, worst)) = sorted.first() else { return format!("no site - {NAME}") };
    let same = sorted.iter().filter(|(_, assessment)| assessment.verdict == worst.verdict);
    let codes: Vec<_> = same.map(|(state, _)| state.settings.code.to_string()).collect();
    let mut named = codes.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if codes.len() > NAMED {
        named = format!("{named} and {} more", codes.len() - NAMED);
    }
    format!("{}: {named} - {NAME}", worst.verdict)
}

/// How many sites need somebody, in one sentence.
pub(super) fn sentence(sorted: &[Site<'_>]) -> String {
    let attention = sorted.iter().filter(|(state, assessment)| attention(state, assessment)).count();
    match (sorted.len(), attention) {
        (0, _) => "No site is watched.".to_owned(),
        (1, 0) => "The site needs no attention.".to_owned(),
        (1, _) => "The site needs attention.".to_owned(),
        (all, 0) => format!("None of {all} sites needs attention."),
        (all, attention) => format!(
            "{} attention.",
            count(attention, &format!("of {all} sites needs"), &format!("of {all} sites need"))
        ),
    }
}

/// The table; nothing for one site.
pub(super) fn section(sorted: &[Site<'_>], now: Timestamp) -> Markup {
    if sorted.len() < 2 {
        return html! {};
    }
    let number = |verdict: Verdict| sorted.iter().filter(|(_, found)| found.verdict == verdict).count();
    let mut verdicts: Vec<_> = Verdict::ALL.iter().copied().filter(|verdict| number(*verdict) > 0).collect();
    verdicts.sort_by_key(|verdict| std::cmp::Reverse(rank(*verdict)));
    html! {
        section.panel.overview aria-labelledby="sites" {
            h2 #sites { "Sites" }
            ul.legend {
                @for verdict in verdicts { li { (number(verdict)) " " (verdict_badge(verdict)) } }
            }
            table {
                caption { "All sites, the worst first" }
                thead {
                    tr {
                        th scope="col" { "Site" }
                        th scope="col" { "Verdict" }
                        th scope="col" { "Last success" }
                        th.wide scope="col" { "Success due" }
                        th.wide scope="col" { "Recoverable for" }
                        th.wide scope="col" { "Valid copies" }
                    }
                }
                tbody { @for site in sorted { (line(site, now)) } }
            }
        }
    }
}

fn line((state, assessment): &Site<'_>, now: Timestamp) -> Markup {
    let code = state.settings.code;
    let far = |at: Option<Timestamp>| {
        html! {
            @if let Some(at) = at { span.near { (distance(at, now)) } " " span.dim.exact { (moment(at)) } } @else { "-" }
        }
    };
    let is_passive = assessment.verdict == Verdict::Passive;
    let left = match Recoverable::of(state, assessment) {
        _ if is_passive => "-".to_owned(),
        found => found.word(now),
    };
    let valid = match assessment.copies.valid {
        _ if is_passive => "-".to_owned(),
        Some(0) if is_being_made(state, assessment) => "being made".to_owned(),
        Some(valid) => valid.to_string(),
        None => "not known".to_owned(),
    };
    let due = assessment.due.success_due.filter(|_| !is_passive);
    let steps = steps(state, assessment);
    let to_do = steps.first().filter(|_| tone(assessment.verdict) < Tone::Warn);
    let tone = to_do.map_or_else(|| tone(assessment.verdict), |_| Tone::Warn);
    html! {
        tr.(tone.class()) {
            th scope="row" { a href={ "#" (anchor(code)) } { (code) } }
            td {
                (badges(assessment))
                @if to_do.is_some() { " " (badge(Tone::Warn, "to do")) }
                " " span.said { (plain(&assessment.reason)) @if let Some(step) = to_do { " " (prose(&step.what)) } }
            }
            td { (far(assessment.runs.last_success)) }
            td.wide { (far(due)) }
            td.wide { (left) }
            td.wide { (valid) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::{Assessment, assess};
    use crate::config::SiteSettings;
    use crate::source::{SourceId, SourceKind};
    use crate::state::SiteState;

    fn now() -> Timestamp {
        "2026-11-21T08:00:00Z".parse().unwrap()
    }

    fn sites(verdicts: &[(&str, Verdict)]) -> Vec<(SiteState, Assessment)> {
        let site = |(code, verdict): &(&str, Verdict)| {
            let settings = SiteSettings::new(code.parse().unwrap());
            let mut state = SiteState::new(std::sync::Arc::new(settings), now());
            let log = SourceId { kind: SourceKind::BackupLog, location: String::new() };
            state.watch(log, std::time::Duration::from_secs(5), None, now());
            let assessment = Assessment { verdict: *verdict, ..assess(&state, now()) };
            (state, assessment)
        };
        verdicts.iter().map(site).collect()
    }

    fn borrowed(sites: &[(SiteState, Assessment)]) -> Vec<Site<'_>> {
        sites.iter().map(|(state, assessment)| (state, assessment)).collect()
    }

    #[test]
    fn the_worst_site_is_the_first_and_gives_the_page_its_title() {
        use Verdict::{Failed, Healthy, Overdue, Passive};
        for (verdicts, order, named, said) in [
            (
                &[("P01", Healthy)][..],
                "P01",
                "healthy: P01 - ConfigMgr backup",
                "The site needs no attention.",
            ),
            (
                &[("P01", Healthy), ("P02", Failed), ("P03", Passive), ("P04", Overdue)],
                "P02 P04 P01 P03",
                "failed: P02 - ConfigMgr backup",
                "2 of 4 sites need attention.",
            ),
            (
                &[("P05", Failed), ("P04", Failed), ("P03", Failed), ("P02", Failed), ("P01", Failed)],
                "P01 P02 P03 P04 P05",
                "failed: P01, P02, P03 and 2 more - ConfigMgr backup",
                "5 of 5 sites need attention.",
            ),
            (&[], "", "no site - ConfigMgr backup", "No site is watched."),
        ] {
            let sites = sites(verdicts);
            let sorted = worst_first(&borrowed(&sites));
            let codes: Vec<_> = sorted.iter().map(|(state, _)| state.settings.code.to_string()).collect();
            assert_eq!((&*codes.join(" "), &*title(&sorted), &*sentence(&sorted)), (order, named, said));
        }
    }

    #[test]
    fn one_site_has_no_overview_and_several_are_linked() {
        let one = sites(&[("P01", Verdict::Healthy)]);
        assert_eq!(section(&borrowed(&one), now()).into_string(), "");
        let two = sites(&[("P01", Verdict::Healthy), ("P02", Verdict::Failed)]);
        let html = section(&worst_first(&borrowed(&two)), now()).into_string();
        let place = |code| html.find(&format!("href=\"#site-{code}\"")).unwrap();
        assert!(place("P02") < place("P01"), "{html}");
    }
}
