//! The page as a whole: who is shown how, what a browser is told, and that nothing from outside becomes markup.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::assessment::samples::{GOOD, Rig};
use crate::assessment::{NOTHING_IS_WATCHED, Verdict, assess};
use crate::config::SiteSettings;
use crate::http::api;
use crate::http::samples::{self, words};
use crate::http::words::capital;
use crate::site::{SqlServerEvent, Witness};
use crate::snapshot::samples::Sample;
use crate::source::{FailureKind, PollFailure, PollReport, SourceId, SourceKind};

fn now() -> Timestamp {
    "2026-11-21T08:00:00Z".parse().unwrap()
}

fn state() -> SiteState {
    SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), now())
}

fn shown(state: &SiteState) -> String {
    samples::page(state, now())
}

fn view(refreshes: bool) -> View<'static> {
    View { telemetry_path: "/metrics", refreshes, now: now() }
}

#[test]
fn a_site_of_which_nothing_is_watched_says_what_can_be() {
    let page = shown(&state());
    assert!(words(&page).contains(&capital(NOTHING_IS_WATCHED)) && !page.contains("<h3>Witnesses"), "{page}");
}

#[test]
fn who_tells_nothing_is_named_with_what_to_do_on_the_page_and_in_the_json() {
    let mut state = state();
    let source = SourceId { kind: SourceKind::EventLog, location: "Application.evtx".to_owned() };
    state.watch(source.clone(), Duration::from_secs(30), Some(Witness::EventLog), now());
    let watched = state.sources.get_mut(&source).unwrap();
    (watched.last_poll, watched.silent) = (Some(now()), true);
    state.sql_server.insert(SqlServerEvent::Frozen, now());
    let page = words(&shown(&state));
    for part in [
        "Event log silent Has held no message of the backup yet. ",
        "Status reporting to the Windows event log may be off: look at the site's properties, Status Reporting.",
        "I/O of CM_P01 frozen since 2026-11-21 08:00:00 UTC, not resumed.",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains(&capital(NOTHING_IS_WATCHED)), "{page}");
    let site = serde_json::to_value(api::site(&state, &assess(&state, now()))).unwrap();
    let advice = site["witnesses"][0]["advice"].as_str().unwrap();
    let silent = json!({
        "witness": "event_log", "state": "silent", "last_success": null, "since": null, "until": null,
        "finding": "has held no message of the backup yet", "advice": advice
    });
    assert_eq!(site["witnesses"], json!([silent]));
    assert_eq!(site["sql_server"]["frozen_since"], "2026-11-21T08:00:00Z");
}

#[test]
fn among_several_sites_those_that_are_well_are_folded_up_and_one_alone_is_not() {
    let mut rig = Rig::with(|settings| settings.code = "P02".parse().unwrap());
    rig.log(0, GOOD);
    let now = crate::assessment::samples::at(100);
    let (well, unwell) = (&rig.state, state());
    let (good, bad) = (assess(well, now), assess(&unwell, now));
    assert!(!verdict::attention(well, &good) && verdict::attention(&unwell, &bad));
    let view = View { now, ..view(false) };
    let page = page(&[(&unwell, &bad), (well, &good)], view);
    for (code, open) in [("P01", " open"), ("P02", "")] {
        let start = format!("<section class=\"site\" aria-label=\"Site {code}\"><details{open}><summary");
        assert!(page.contains(&start), "{start}: {page}");
        assert!(
            page.contains(&format!("id=\"site-{code}\"")) && page.contains(&format!("href=\"#site-{code}\""))
        );
    }
    let alone = super::page(&[(well, &good)], view);
    assert!(
        !alone.contains("<table class=\"overview") && !alone.contains("\"Site P02\"><details"),
        "{alone}"
    );
}

#[test]
fn only_what_is_written_as_it_should_be_asks_for_a_refresh() {
    for (query, expected) in [
        (None, false),
        (Some(""), false),
        (Some("refresh=30"), true),
        (Some("a=b&refresh=30"), true),
        (Some("refresh=1"), false),
        (Some("refresh=30;url=http://elsewhere"), false),
        (Some("refresh=%33%30"), false),
        (Some("refresh"), false),
    ] {
        assert_eq!(asks_to_refresh(query), expected, "{query:?}");
    }
    assert!(page(&[], view(false)).contains("href=\"?refresh=30\">Refresh every 30 s<"));
    assert!(
        page(&[], view(true)).contains("href=\".\">Stop refreshing<")
            && !page(&[], view(true)).contains("by itself")
    );
}

#[test]
fn nothing_on_the_page_needs_more_than_its_policy_allows() {
    let mut rig = Rig::with_archive(8);
    rig.log(0, GOOD);
    let page = samples::page(&rig.state, crate::assessment::samples::at(100));
    assert!(page.contains(&format!("<style>{}</style>", style::STYLE)));
    for part in [" style=", "<script", "http-equiv", "<form", "javascript:", " onclick"] {
        assert!(!page.contains(part), "{part}");
    }
    let icon = page.split("rel=\"icon\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(icon.starts_with("data:image/svg+xml,%3Csvg") && !icon.contains(['#', '<', '>']), "{icon}");
    // Every name that is referred to is there once.
    for id in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert_eq!(page.matches(&format!(" id=\"{id}\"")).count(), 1, "{id}");
    }
}

#[test]
fn without_a_site_the_page_says_so() {
    let page = page(&[], view(false));
    assert!(
        words(&page).contains("No site is watched.")
            && page.contains("docs/configuration.md")
            && page.contains("<title>no site - ConfigMgr backup"),
        "{page}"
    );
}

/// A verdict tells of the backups; what else is to be done must not be folded away below it.
#[test]
fn a_healthy_site_with_something_to_do_is_shown_as_one() {
    let mut rigs = ["P01", "P02"].map(|code| Rig::with(|settings| settings.code = code.parse().unwrap()));
    for rig in &mut rigs {
        rig.log(0, GOOD);
        rig.walk(90, &Sample::good(1));
    }
    let [well, unread] = &mut rigs;
    let now = crate::assessment::samples::at(100);
    let source = SourceId { kind: SourceKind::EventLog, location: "Application.evtx".to_owned() };
    unread.state.watch(source.clone(), Duration::from_secs(30), Some(Witness::EventLog), now);
    let result = Err(PollFailure { kind: FailureKind::AccessDenied, message: "denied".to_owned() });
    let (site, duration) = (unread.state.settings.code, Duration::ZERO);
    unread.state.fold(&PollReport { site, source, started: now, duration, result }, now);
    let (good, also) = (assess(&well.state, now), assess(&unread.state, now));
    assert_eq!((good.verdict, also.verdict), (Verdict::Healthy, Verdict::Healthy));
    let page = page(&[(&well.state, &good), (&unread.state, &also)], View { now, ..view(false) });
    assert!(page.contains("aria-label=\"Site P02\"><details open>"), "{page}");
    assert!(page.contains("aria-label=\"Site P01\"><details>"), "{page}");
    let shown = words(&page);
    for part in [
        "1 of 2 sites needs attention.",
        "to do The last backup succeeded. Find out why the event log cannot be read.",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

/// 25 sites, of which each has failed 200 times: a page that a phone can load.
#[test]
fn a_page_stays_small_however_much_has_failed() {
    let rigs: Vec<_> = (1..=25)
        .map(|number| {
            let mut rig = Rig::with(|settings| settings.code = format!("P{number:02}").parse().unwrap());
            for run in 0..200 {
                rig.log(run * 210, &[(0, "500"), (1, "5055"), (2, "preparing"), (3, "-5060"), (4, "501")]);
            }
            rig
        })
        .collect();
    let now = crate::assessment::samples::at(200 * 210);
    let assessed: Vec<_> = rigs.iter().map(|rig| (&rig.state, assess(&rig.state, now))).collect();
    assert!(assessed.iter().all(|(state, _)| state.runs.len() == 200));
    let sites: Vec<_> = assessed.iter().map(|(state, assessment)| (*state, assessment)).collect();
    let size = page(&sites, View { now, ..view(false) }).len();
    assert!(size < 1_500_000, "{size} bytes");
}
