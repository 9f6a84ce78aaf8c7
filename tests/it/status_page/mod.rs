//! The status page in a real browser: wide and narrow, light and dark, in every situation that somebody may find a site in.
//!
//! The pages are served as always, over states that the test publishes; the pictures lie in `screenshots` of the target
//! folder, for people to look at.

mod demo;
mod evidence;
mod sites;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use configmgr_backup_exporter::clock::Clock;
use configmgr_backup_exporter::http::{Limits, Listeners, Web};
use configmgr_backup_exporter::site::Timings;
use configmgr_backup_exporter::state::Published;
use configmgr_backup_exporter::watchdog::Watchdog;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::evidence::Site;
use crate::support::browser::{Browser, axe};
use crate::support::http;

const WIDE: u32 = 1280;
const PHONE: u32 = 375;
/// The narrowest that a page must fit, by the guidelines for accessible pages.
const NARROW: u32 = 320;
/// A picture is no higher than this.
const HIGHEST: u32 = 5000;

/// A server of the page, over whatever is published.
struct Pages {
    address: SocketAddr,
    publish: watch::Sender<Published>,
    _stop: DropGuard,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Pages {
    fn serve() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (publish, published) = watch::channel(Published::default());
        let stop = CancellationToken::new();
        let guard = runtime.enter();
        let clock = Clock::Anchored { utc: evidence::now(), instant: Instant::now() };
        let (timings, metrics) = (Timings::DEFAULT, "/metrics".to_owned());
        let web = Web::new(published, clock, timings, Watchdog::default(), None, metrics, None);
        let listeners = Listeners::bind(&[([127, 0, 0, 1], 0).into()]).expect("a port");
        let address = listeners.local_addrs()[0];
        let handler = Arc::new(move |request: &_| web.respond(request));
        let (_, settings) = watch::channel(Arc::default());
        tokio::spawn(listeners.serve(handler, Limits::default(), settings, false, stop.clone()));
        drop(guard);
        Self { address, publish, _stop: stop.drop_guard(), runtime: Some(runtime) }
    }

    fn publish(&self, sites: Vec<Site>) {
        let sites = sites.into_iter().map(|site| (site.state.settings.code, Arc::new(site.state)));
        self.publish.send_replace(Published { sites: BTreeMap::from_iter(sites), ..Published::default() });
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Every situation with the beginning of its title.
fn situations() -> Vec<(&'static str, Vec<Site>, &'static str)> {
    vec![
        ("healthy", vec![sites::healthy("P01")], "healthy: P01"),
        ("in-progress", vec![sites::in_progress("P01")], "healthy: P01"),
        ("in-progress-without-archive", vec![sites::in_progress_without_archive("P01")], "healthy: P01"),
        ("overdue", vec![sites::overdue("P01")], "overdue: P01"),
        ("unprotected", vec![sites::unprotected("P01")], "unprotected: P01"),
        ("standalone", vec![sites::standalone("P01")], ""),
        ("observe", vec![sites::observed("P01")], "failed: P01"),
        ("failed", vec![sites::failed("P01")], "failed: P01"),
        ("pending-restart", vec![sites::pending_restart("P01")], "failed: P01"),
        ("unknown", vec![sites::unknown("P01")], "unknown: P01"),
        ("passive", vec![sites::passive("P01")], "passive: P01"),
        ("25-sites", sites::fleet(), "failed: P04, P09"),
        ("hostile", vec![sites::hostile("P01")], "failed: P01"),
        ("no-site", Vec::new(), "no site"),
    ]
}

fn picture(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    // The program lies in `<target>/debug/deps`.
    let target = target.or_else(|| std::env::current_exe().ok()?.ancestors().nth(3).map(PathBuf::from));
    target.expect("the target folder").join("screenshots").join(format!("{name}.png"))
}

#[test]
fn everybody_can_read_the_page_in_every_situation() {
    let (Some(axe), Some(browser)) = (axe(), Browser::start()) else { return };
    let pages = Pages::serve();
    let mut amiss = Vec::new();
    browser.open(&pages.url());
    browser.evaluate(&axe);
    let bad = "<img src=\"data:,\"><svg width=\"3000\" height=\"9\"></svg>";
    browser.evaluate(&format!("document.querySelector('main').innerHTML = '{bad}'"));
    assert!(
        inaccessible(&browser).iter().any(|found| found.starts_with("image-alt")),
        "it finds what is amiss"
    );
    assert_eq!(overflow(&browser).len(), 1, "and what is too wide");
    browser.console();
    for (name, sites, title) in situations() {
        pages.publish(sites);
        browser.look(WIDE, "light");
        browser.open(&pages.url());
        let found = browser.evaluate("document.title");
        if !found.as_str().is_some_and(|found| found.starts_with(title)) {
            amiss.push(format!("{name}: {found}"));
        }
        let mut complaints = |what: String, found: &[String]| {
            amiss.extend(found.iter().map(|found| format!("{name}, {what}: {found}")));
        };
        complaints("console".to_owned(), &browser.console());
        browser.evaluate(&axe);
        for width in [WIDE, PHONE, NARROW] {
            for scheme in ["light", "dark"] {
                browser.look(width, scheme);
                let what = format!("{width} px, {scheme}");
                complaints(what.clone(), &overflow(&browser));
                if width != NARROW {
                    browser.screenshot(&picture(&format!("{name}-{width}-{scheme}")), HIGHEST);
                    complaints(what, &inaccessible(&browser));
                }
            }
        }
        // And everything that was folded up; of many sites that is the same many times.
        browser.look(PHONE, "dark");
        browser.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)");
        complaints("unfolded".to_owned(), &overflow(&browser));
        if name != "25-sites" {
            complaints("unfolded".to_owned(), &inaccessible(&browser));
            browser.screenshot(&picture(&format!("{name}-{PHONE}-unfolded")), HIGHEST);
        }
        complaints("console".to_owned(), &browser.console());
    }
    assert!(amiss.is_empty(), "{}", amiss.join("\n"));
}

/// What reaches beyond the right edge.
fn overflow(browser: &Browser) -> Vec<String> {
    let found = browser.evaluate(
        "(() => {
            const root = document.documentElement;
            if (root.scrollWidth <= root.clientWidth) { return []; }
            const wide = [...document.querySelectorAll('body *')]
                .filter(element => element.getBoundingClientRect().right > root.clientWidth + 0.5)
                .map(element => element.outerHTML.slice(0, 120));
            return [`${root.scrollWidth} of ${root.clientWidth} px: ${wide.slice(0, 3).join(' | ')}`];
        })()",
    );
    strings(&found)
}

/// What axe-core finds amiss, with all its rules.
fn inaccessible(browser: &Browser) -> Vec<String> {
    let found = browser.evaluate(
        "axe.run(document, { resultTypes: ['violations'] }).then(results => results.violations.map(violation =>
            `${violation.id}: ${violation.help}: ` + violation.nodes.slice(0, 3).map(node =>
                node.html.slice(0, 160) + ' ' + node.any.map(check => check.message).join(' ')).join(' | ')))",
    );
    strings(&found)
}

fn strings(found: &Value) -> Vec<String> {
    let found = found.as_array().expect("a list");
    found.iter().map(|found| found.as_str().expect("a text").to_owned()).collect()
}

#[test]
fn the_keyboard_reaches_everything_and_a_link_unfolds_its_site() {
    let Some(browser) = Browser::start() else { return };
    let pages = Pages::serve();
    pages.publish(sites::fleet());
    browser.look(WIDE, "light");
    browser.open(&pages.url());
    let wanted = browser.evaluate(
        "window.wanted = new Set([...document.querySelectorAll('a, summary')].filter(element =>
            element.checkVisibility())); window.wanted.size",
    );
    let wanted = wanted.as_u64().expect("a number");
    for step in 0..=wanted {
        browser.press("Tab", 9);
        if step == 0 {
            let first = browser.evaluate("document.activeElement.textContent");
            assert_eq!(first, "Skip to the sites");
        }
        let left = browser.evaluate("wanted.delete(document.activeElement); wanted.size");
        if left == 0 {
            break;
        }
    }
    let left = browser.evaluate("[...wanted].map(element => element.outerHTML.slice(0, 100))");
    assert_eq!(strings(&left), Vec::<String>::new());

    let is_open = "document.getElementById('site-P02').closest('details').open";
    assert_eq!(browser.evaluate(is_open), false, "a site that is well");
    browser.evaluate("document.querySelector('a[href=\"#site-P02\"]').focus()");
    browser.press("Enter", 13);
    assert_eq!(browser.evaluate(is_open), true);
    // Its heading is in sight.
    let top = browser
        .evaluate("document.querySelector('[aria-label=\"Site P02\"] h2').getBoundingClientRect().top");
    assert!(top.as_f64().is_some_and(|top| (0.0..900.0).contains(&top)), "{top}");
    browser.evaluate("document.querySelector('[aria-label=\"Site P02\"] > details > summary').focus()");
    browser.press("Enter", 13);
    assert_eq!(browser.evaluate(is_open), false, "folded up by the keyboard");
}

#[test]
fn a_link_of_the_overview_leads_to_the_heading_of_its_site_and_back() {
    let Some(browser) = Browser::start() else { return };
    let pages = Pages::serve();
    pages.publish(sites::fleet());
    for width in [WIDE, PHONE, NARROW] {
        browser.look(width, "light");
        for code in ["P04", "P02", "P13"] {
            browser.open(&pages.url());
            browser.evaluate(&format!("document.querySelector('a[href=\"#site-{code}\"]').click()"));
            // Where it leads to is known once the page was drawn again.
            let top = browser.evaluate(&format!(
                "new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn))).then(() =>
                    document.querySelector('[aria-label=\"Site {code}\"] h2').getBoundingClientRect().top)"
            ));
            let top = top.as_f64().expect("a number");
            assert!((0.0..100.0).contains(&top), "{code} at {width} px: {top}");
            let is_open =
                browser.evaluate(&format!("document.getElementById('site-{code}').closest('details').open"));
            assert_eq!(is_open, true, "{code} at {width} px");
            browser.evaluate(&format!(
                "document.querySelector('[aria-label=\"Site {code}\"] a[href=\"#sites\"]').click()"
            ));
            let back = browser.evaluate(
                "new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn))).then(() =>
                    document.getElementById('sites').getBoundingClientRect().top)",
            );
            assert!(back.as_f64().is_some_and(|top| (-1.0..900.0).contains(&top)), "{back}");
        }
    }
}

#[test]
fn the_page_says_what_a_browser_may_do_with_it() {
    let pages = Pages::serve();
    pages.publish(vec![sites::healthy("P01")]);
    let page = http::get(pages.address, "/", &[]);
    let policy = page.header("content-security-policy").expect("a policy");
    for part in [
        "default-src 'none'",
        "style-src 'sha256-",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part) && !policy.contains("unsafe"), "{policy}");
    }
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(page.header(name), Some(value), "{name}");
    }
    for (query, refresh) in [("", None), ("?refresh=30", Some("30")), ("?refresh=1;url=//elsewhere", None)] {
        let page = http::get(pages.address, &format!("/{query}"), &[]);
        assert_eq!((page.status, page.header("refresh")), (200, refresh), "{query}");
    }
}
