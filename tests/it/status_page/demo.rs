//! The pictures of the documentation, made of the demo: `cargo test --test it -- --ignored screenshots`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{PHONE, WIDE};
use crate::support::browser::Browser;
use crate::support::process::{DEADLINE, ONE_SITE, Place};
use crate::support::wait;

/// Above the paths of the temporary folder in which the demo lies.
const HIGHEST: u32 = 1130;

fn picture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images").join(name)
}

#[test]
#[ignore = "writes into docs/images"]
fn screenshots_of_the_demo_for_the_documentation() {
    let Some(browser) = Browser::start() else { return };
    let place = Place::new(ONE_SITE);
    let demo = place.launch(&["demo"]);
    let url = format!("http://{}/", demo.address());
    let until = |what: &str, fits: &dyn Fn(&Value) -> bool| {
        wait::until(DEADLINE, what, || fits(&demo.get("/api/v1/sites").json()[0]).then_some(()));
    };
    let take = |width: u32, scheme: &str, name: &str| {
        browser.look(width, scheme);
        browser.open(&url);
        browser.screenshot(&picture(name), HIGHEST);
    };
    // The first live backup fails, and the exporter waits until the failure is final.
    until("a failure whose restart is to come", &|site| {
        site["verdict"] == "failed" && site["restart"]["pending"] == json!(true)
    });
    take(PHONE, "dark", "status-page-phone.png");
    until("the run after the restart to succeed, and its snapshot to be read", &|site| {
        let is_over = site["verdict"] == "healthy" && site["run_in_progress"] == json!(false);
        let succeeded = site["restart"]["attempts"][0]["succeeded"] == json!(true);
        is_over && succeeded && site["copies"]["snapshot"]["intact"] == json!(true)
    });
    take(WIDE, "light", "status-page.png");
    demo.terminate();
}
