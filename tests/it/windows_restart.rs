//! A failed backup is tried again on a site server of Windows, or Wine's: with a real service that behaves well or badly.
//!
//! Whatever becomes of an attempt, the failed run has had it: each story counts the starts of the service.

use std::net::SocketAddr;
use std::time::Duration;

use configmgr_backup_exporter::site::{ServiceState, SiteService, StartMode, Timings};
use sysinfo::System;
use windows_service::service::ServiceState as Told;

use super::support::backups::successes;
use super::support::inside::Inside;
use super::support::process::{DEADLINE, Place, Samples};
use super::support::test_service::{TestService, controller};
use super::support::{http, wait};

/// A site whose failures are final at once, and whose runs are stalled after a minute.
const CONFIGURATION: &str = "\
sites:
  - code: P01
    role: hierarchy
    log: { path: logs/smsbkup.log, interval: 1s }
    services: { interval: 1s MACHINE }
    judgement: { settle: 0s, stalled_after: 1m }
remediation: { mode: restart, window: \"00:00-24:00\", stop_stalled: true, pause_file: pause }
";

/// A run that will be stalled a few seconds after the service was started.
const STALLS: &str = "run fail_and_hang copy_failed";

/// A place for an exporter and its service.
fn place() -> Place {
    // Nothing is restarted within the hour after the machine was. Of another machine nobody knows when that was.
    let machine = match System::uptime() {
        Ok(seconds) if seconds > 62 * 60 => String::new(),
        _ => format!(", machine: {}", controller(None).location()),
    };
    let place = Place::new(&CONFIGURATION.replace("MACHINE", &machine));
    place.append(&successes("P01", 3));
    place
}

/// Timings of a test that waits for the end of an attempt in vain.
fn short() -> Timings {
    let few = Duration::from_secs(3);
    Timings { settle: Duration::ZERO, stop_wait: few, start_wait: few, ..Timings::DEFAULT }
}

/// What an exporter says of the site.
struct Site(SocketAddr);

impl Site {
    fn scrape(&self) -> Samples {
        Samples::parse(http::get(self.0, "/metrics", &[]).text())
    }

    /// Scrapes until a series of the site has this value; `labels` come after the site's.
    #[track_caller]
    fn until(&self, name: &str, labels: &str, value: f64) -> Samples {
        let series = format!("{name}{{site_code=\"P01\"{labels}}}");
        let what = format!("{series} to be {value}");
        wait::until(DEADLINE, &what, || Some(self.scrape()).filter(|seen| seen.get(&series) == Some(value)))
    }

    /// Waits until the ledger is begun and the past is known: what fails from now on is tried again.
    #[track_caller]
    fn until_armed(&self) {
        self.until("runs_total", "", 3.0);
        self.until("restart_attempts_remaining", "", 2.0);
        self.until("source_up", ",source=\"services\"", 1.0);
    }

    #[track_caller]
    fn until_held(&self, reason: &str) {
        self.until("restart_held", &format!(",reason=\"{reason}\""), 1.0);
    }

    /// The outcomes of all attempts, oldest first, those under way as `null`.
    #[track_caller]
    fn outcomes(&self) -> Vec<String> {
        let response = http::get(self.0, "/api/v1/sites", &[]);
        let sites: serde_json::Value = serde_json::from_str(response.text()).expect("JSON");
        let attempts = sites[0]["restart"]["attempts"].as_array().expect("attempts").clone();
        attempts.iter().map(|attempt| attempt["outcome"].as_str().unwrap_or("null").to_owned()).collect()
    }

    /// Waits until the only attempt has this outcome.
    #[track_caller]
    fn until_outcome(&self, outcome: &str) {
        let what = format!("the only attempt to be {outcome}");
        wait::until(DEADLINE, &what, || (self.outcomes() == [outcome]).then_some(()));
    }
}

/// The schedule starts a backup, as if by itself; the next one will behave otherwise.
#[track_caller]
fn scheduled(service: &TestService<'_>, behaviour: &str, afterwards: &str) {
    service.behave(behaviour);
    service.start();
    service.behave(afterwards);
}

#[test]
fn a_failed_run_leads_to_one_start_and_the_new_run_succeeds() {
    let place = place();
    let service = TestService::install_on_site_server(&place);
    place.write("pause", "");
    let exporter = place.start();
    let site = Site(exporter.address());
    site.until_armed();

    scheduled(&service, "run fail copy_failed", "");
    site.until_held("site_maintenance");
    service.set_start(StartMode::Disabled);
    site.until_held("service_unavailable");
    std::fs::remove_file(place.path("pause")).unwrap();
    site.until("restart_held", ",reason=\"site_maintenance\"", 0.0);
    site.until_held("service_unavailable");
    assert_eq!((service.starts(), site.outcomes()), (1, vec![]));

    service.set_start(StartMode::Manual);
    site.until("runs_total", "", 5.0);
    site.until("last_run_failed", "", 0.0);
    site.until_outcome("started");
    // Until the attempt is judged by its run.
    let samples = site.until("restart_pending", "", 0.0);
    assert_eq!(service.starts(), 2);
    for (name, value) in [
        ("runs_failed_total", 1.0),
        ("restart_attempts_total", 1.0),
        ("restart_attempts_failed_total", 0.0),
        ("restart_attempts_remaining", 1.0),
    ] {
        assert_eq!(samples.get(&format!("{name}{{site_code=\"P01\"}}")), Some(value), "{name}");
    }
    assert_eq!(exporter.log().matches("outcome=started").count(), 1, "{}", exporter.log());
}

#[test]
fn a_new_run_that_fails_too_waits_for_its_own_attempt() {
    let place = place();
    let service = TestService::install_on_site_server(&place);
    let exporter = place.start();
    let site = Site(exporter.address());
    site.until_armed();
    scheduled(&service, "run fail copy_failed", "run fail vss");
    site.until("runs_failed_total", "", 2.0);
    site.until_held("cooling_down");
    site.until_outcome("started");
    assert_eq!(service.starts(), 2);
}

#[test]
fn a_stalled_run_is_stopped_before_the_new_one_is_started() {
    let place = place();
    let service = TestService::install_on_site_server(&place);
    let exporter = place.start();
    let site = Site(exporter.address());
    site.until_armed();
    scheduled(&service, STALLS, "");
    site.until_outcome("started");
    site.until("runs_total", "", 5.0);
    site.until("last_run_failed", "", 0.0);
    assert_eq!(service.starts(), 2);
}

#[test]
fn a_service_that_refuses_to_stop_is_left_alone() {
    let place = place();
    let service = TestService::install_on_site_server(&place);
    let exporter = place.start();
    let site = Site(exporter.address());
    site.until_armed();
    scheduled(&service, &format!("{STALLS}\nstop refuse"), "");
    site.until_outcome("stop_failed");
    site.until_held("already_attempted");
    assert_eq!(service.starts(), 1);
    assert_eq!(controller(None).state(SiteService::Backup), Ok(ServiceState::Running));
}

#[test]
fn a_service_that_does_not_stop_or_start_in_time_is_left_alone() {
    for (first, second, outcome, starts) in [
        (format!("{STALLS}\nstop slow"), "", "stop_timed_out", 1),
        ("run fail copy_failed".to_owned(), "start hang", "start_timed_out", 2),
        ("run fail copy_failed".to_owned(), "start fail 77", "start_failed", 2),
    ] {
        let place = place();
        let service = TestService::install_on_site_server(&place);
        let inside = Inside::start(&place, short());
        let site = Site(inside.address());
        site.until_armed();
        scheduled(&service, &first, second);
        site.until_outcome(outcome);
        site.until_held("already_attempted");
        assert_eq!(service.starts(), starts, "{outcome}");
        inside.stop();
    }
}

#[test]
fn a_stop_of_the_exporter_abandons_the_attempt() {
    let place = place();
    let service = TestService::install_on_site_server(&place);
    let inside = Inside::start(&place, Timings { settle: Duration::ZERO, ..Timings::DEFAULT });
    Site(inside.address()).until_armed();
    scheduled(&service, &format!("{STALLS}\nstop slow"), "");
    service.until_told(Told::StopPending);
    inside.stop();
    service.let_go();
    service.until_told(Told::Stopped);

    let exporter = place.start();
    let site = Site(exporter.address());
    site.until_held("already_attempted");
    site.until_outcome("abandoned");
    // Nothing was started, so nothing is spent.
    site.until("restart_attempts_remaining", "", 2.0);
    assert_eq!(service.starts(), 1);
}

#[test]
fn killed_while_the_service_stops_or_starts_the_exporter_makes_no_second_attempt() {
    for (first, second, state, starts) in [
        (format!("{STALLS}\nstop slow"), "", Told::StopPending, 1),
        ("run fail copy_failed".to_owned(), "start hang", Told::StartPending, 2),
    ] {
        let place = place();
        let service = TestService::install_on_site_server(&place);
        let exporter = place.start();
        Site(exporter.address()).until_armed();
        scheduled(&service, &first, second);
        service.until_told(state);
        exporter.kill();

        let exporter = place.start();
        let site = Site(exporter.address());
        site.until_outcome("lost");
        site.until_held("already_attempted");
        service.let_go();
        service.until_told(Told::Stopped);
        if starts == 1 {
            // It stands still now, and only the attempt that was made holds.
            site.until("restart_held", ",reason=\"run_in_progress\"", 0.0);
            site.until_held("already_attempted");
        } else {
            site.until("last_run_failed", "", 0.0);
        }
        site.until_outcome("lost");
        assert_eq!(service.starts(), starts, "{state:?}");
    }
}
