//! The page at `/`: every site, its verdict and why, what to do, its last runs and everything behind that.
//!
//! Pure: a state, its assessment and the moment become HTML, which needs no script and loads nothing. maud escapes
//! whatever comes from outside; links are relative, so that the page works behind any prefix.

mod advice;
mod checks;
mod copies;
mod database;
mod elements;
mod events;
mod figures;
mod overview;
mod phases;
mod recoverable;
mod restart;
mod runs_table;
mod services;
mod sources;
mod style;
mod timeline;
mod verdict;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::elements::{SYMBOLS, Tone, moment};
pub(super) use self::style::POLICY;
use crate::assessment::Assessment;
use crate::build_info;
use crate::http::words::title;
use crate::site::{ClosedSet, Protection, SiteCode, Timestamp};
use crate::state::SiteState;

/// A site and what its state means now.
pub(super) type Site<'a> = (&'a SiteState, &'a Assessment);

/// How the page was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    /// Where the metrics are.
    pub(super) telemetry_path: &'a str,
    /// Whether the browser loads the page again by itself.
    pub(super) refreshes: bool,
    /// The moment it is about.
    pub(super) now: Timestamp,
}

/// After so many seconds a browser loads the page again that was asked to.
pub(super) const REFRESH_SECONDS: u32 = 30;

/// Whether a query asks for a page that is loaded again; whatever else it says means nothing.
pub(super) fn asks_to_refresh(query: Option<&str>) -> bool {
    let wanted = format!("refresh={REFRESH_SECONDS}");
    query.is_some_and(|query| query.split('&').any(|part| part == wanted))
}

/// The whole page.
pub(super) fn page(sites: &[Site<'_>], view: View<'_>) -> String {
    let sorted = overview::worst_first(sites);
    let is_alone = sorted.len() == 1;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (overview::title(&sorted)) }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href=(icon(&sorted));
                style { (PreEscaped(style::STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the sites" }
                (SYMBOLS)
                (header(&sorted, view))
                main #main tabindex="-1" {
                    (overview::section(&sorted, view.now))
                    @for found in &sorted { (site(*found, is_alone, view.now)) }
                    @if sorted.is_empty() { (no_site()) }
                }
                footer {
                    p { "ConfigMgr backup exporter " (build_info::VERSION) ". Nothing on this page changes anything." }
                }
            }
        }
    };
    page.into_string()
}

fn header(sorted: &[Site<'_>], view: View<'_>) -> Markup {
    let metrics = view.telemetry_path.trim_start_matches('/');
    html! {
        header {
            div {
                h1 { "ConfigMgr backup" }
                p { (overview::sentence(sorted)) " " span.dim { "As of " (moment(view.now)) "." } }
            }
            nav aria-label="This exporter" {
                ul {
                    li { a href=(metrics) { "Metrics" } }
                    li { a href="health/backup" { "Backup health" } }
                    li { a href="api/v1/sites" { "Sites as JSON" } }
                    li {
                        @if view.refreshes {
                            a href="." { "Stop refreshing" } " " span.dim.note { "It folds up what was opened." }
                        } @else {
                            a href={ "?refresh=" (REFRESH_SECONDS) } { "Refresh every " (REFRESH_SECONDS) " s" }
                            " " span.dim.note { "It does not refresh by itself." }
                        }
                    }
                }
            }
        }
    }
}

/// Where the links to a site lead.
fn anchor(code: SiteCode) -> String {
    format!("site-{code}")
}

/// A site; among others it is folded up while nobody needs to look at it.
fn site((state, assessment): Site<'_>, is_alone: bool, now: Timestamp) -> Markup {
    let code = state.settings.code;
    let heading = html! {
        h2 { "Site " (code) " " (verdict::badges(assessment)) }
        span.dim {
            @if let Some(role) = state.role() { (title(role.label())) ", protected by " } @else { "Protected by " }
            (protected_by(assessment.protection.mode))
        }
    };
    let body = html! {
        // Within what is folded up, because a browser unfolds what it is sent to; the style puts it above the heading.
        span.anchor id=(anchor(code)) tabindex="-1" {}
        div.site-body {
            (verdict::section(state, assessment))
            (figures::section(state, assessment, now))
            (timeline::section(state, assessment, now))
            (phases::section(state, assessment))
            div.columns {
                div.column { (checks::section(assessment)) (checks::witnesses(&assessment.witnesses)) }
                div.column { (restart::section(state, assessment)) (copies::section(state, assessment)) }
            }
            (database::section(state))
            (database::sql_server(state))
            (services::section(state, assessment))
            (sources::section(state, now))
            @if !is_alone { p { a href="#sites" { "Back to all sites" } } }
        }
    };
    html! {
        section.site aria-label={ "Site " (code) } {
            @if is_alone { div.title { (heading) } (body) }
            @else { details open[verdict::attention(state, assessment)] { summary.title { (heading) } (body) } }
        }
    }
}

/// What to do where no site is watched.
fn no_site() -> Markup {
    html! {
        section.panel {
            h2 { "Nothing is watched yet" }
            p {
                "Name a site under " code { "sites" } " in the configuration file and start the exporter anew. "
                "On a site server the site is found without that. "
                code { "docs/configuration.md" } " shows under \"What it looks like\" how a site is written."
            }
        }
    }
}

fn protected_by(protection: Protection) -> &'static str {
    match protection {
        Protection::Task => "the Backup Site Server task",
        Protection::Native => "SQL Server's own backups",
        Protection::Both => "the Backup Site Server task and SQL Server's own backups",
    }
}

/// The icon of the page in a browser's tab: the shape and the colour of the worst verdict.
fn icon(sorted: &[Site<'_>]) -> String {
    let tone = sorted.first().map_or(Tone::Plain, |(state, worst)| {
        let tone = verdict::tone(worst.verdict);
        if verdict::attention(state, worst) { tone.max(Tone::Warn) } else { tone }
    });
    let (colour, sign) = match tone {
        Tone::Good => ("1a7f37", "M4.5 8.2l2.4 2.4 4.4-5"),
        Tone::Plain => ("57606a", "M4.8 8h6.4"),
        Tone::Warn => ("8a5a00", "M8 4v4.6M8 11.4v.2"),
        Tone::Bad => ("b42318", "M5 5l6 6M11 5l-6 6"),
    };
    let shape = match tone {
        Tone::Good | Tone::Plain => "%3Ccircle cx='8' cy='8' r='8'/%3E",
        Tone::Warn => "%3Cpath d='M8 0l8 15H0z'/%3E",
        Tone::Bad => "%3Cpath d='M5 0h6l5 5v6l-5 5H5l-5-5V5z'/%3E",
    };
    format!(
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cg fill='%23{colour}'%3E\
         {shape}%3C/g%3E%3Cpath d='{sign}' fill='none' stroke='white' stroke-width='2'/%3E%3C/svg%3E"
    )
}

#[cfg(test)]
mod tests;
