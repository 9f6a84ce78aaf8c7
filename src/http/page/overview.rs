//! All sites at a glance, the worst first; for one site it would only repeat what stands below.

use maud::{Markup, html};

use super::elements::{moment, plain};
use super::verdict::{badges, needs_attention, rank, tone, verdict_badge};
use super::{Site, anchor};
use crate::assessment::Verdict;
use crate::http::words::{ago, count, distance};
use crate::site::{ClosedSet, Timestamp};

/// The sites with the worst verdict first, then by their code.
pub(super) fn worst_first<'a>(sites: &[Site<'a>]) -> Vec<Site<'a>> {
    let mut sorted = sites.to_vec();
    sorted.sort_by_key(|(state, assessment)| {
        (std::cmp::Reverse(rank(assessment.verdict)), state.settings.code)
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
    let attention = sorted.iter().filter(|(_, assessment)| needs_attention(assessment.verdict)).count();
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
    let left = assessment
        .copies
        .recoverable_until
        .map(|until| if until > now { ago(until - now) } else { format!("over since {}", ago(now - until)) });
    html! {
        tr.(tone(assessment.verdict).class()) {
            th scope="row" { a href={ "#" (anchor(code)) } { (code) } }
            td { (badges(assessment)) " " span.said { (plain(&assessment.reason)) } }
            td { (far(assessment.runs.last_success)) }
            td.wide { (far(assessment.due.success_due)) }
            td.wide { (left.unwrap_or_else(|| "-".to_owned())) }
            td.wide { (assessment.copies.valid.map_or_else(|| "-".to_owned(), |valid| valid.to_string())) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::{Assessment, assess};
    use crate::config::SiteSettings;
    use crate::state::SiteState;

    fn now() -> Timestamp {
        "2026-11-21T08:00:00Z".parse().unwrap()
    }

    fn sites(verdicts: &[(&str, Verdict)]) -> Vec<(SiteState, Assessment)> {
        let site = |(code, verdict): &(&str, Verdict)| {
            let settings = SiteSettings::new(code.parse().unwrap());
            let state = SiteState::new(std::sync::Arc::new(settings), now());
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
