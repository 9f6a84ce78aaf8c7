//! A failed backup is started again: the real program, with a backup service that is played by scripts and the test.

pub(crate) mod stage;

use std::time::Duration;

use chrono::{Local, Timelike};
use configmgr_backup_exporter::clock::Clock;
use configmgr_backup_exporter::site::{BackupPhase, FailureCause, Timings};

use self::stage::{Plot, STARTS, Stage, WAITS, held, reasons, standing, until_decided_again};
use crate::support::inside::Inside;
use crate::support::process::{DEADLINE, Exporter, Samples};
use crate::support::wait;

const FAILED: &str = "last_run_failed{site_code=\"P01\"}";
const ATTEMPTS: &str = "restart_attempts_total{site_code=\"P01\"}";
const IN_VAIN: &str = "restart_attempts_failed_total{site_code=\"P01\"}";
const PENDING: &str = "restart_pending{site_code=\"P01\"}";
const REMAINING: &str = "restart_attempts_remaining{site_code=\"P01\"}";

#[track_caller]
fn assert_values(samples: &Samples, wanted: &[(&str, f64)]) {
    for (series, value) in wanted {
        assert_eq!(samples.get(series), Some(*value), "{series}");
    }
}

#[test]
fn a_failed_backup_is_started_again_once_and_its_success_clears_the_failure() {
    let start = format!("{WAITS}; {STARTS}");
    let stage = Stage::new(&Plot { start: &start, ..Plot::default() });
    let exporter = stage.start(&[]);
    assert_values(&exporter.scrape(), &[(FAILED, 0.0), (ATTEMPTS, 0.0), (PENDING, 0.0), (REMAINING, 2.0)]);

    stage.fail(20);
    stage.until_calls(&["start"]);
    let samples = exporter.until(ATTEMPTS, 1.0);
    assert_values(&samples, &[(FAILED, 1.0), (PENDING, 1.0), (IN_VAIN, 0.0), (REMAINING, 1.0)]);
    assert_eq!(stage.ledger()["attempts"][0]["outcome"], serde_json::Value::Null, "{}", stage.ledger());
    assert!(exporter.get("/").text().contains("A restart of the backup service is under way since"));

    stage.go();
    wait::until(DEADLINE, "the start to be known", || {
        (standing(&exporter)["attempts"][0]["outcome"] == "started").then_some(())
    });
    stage.run(0, |task| task.success());
    stage.service("STOPPED");
    exporter.until(FAILED, 0.0);
    let samples = exporter.until(PENDING, 0.0);
    assert_values(&samples, &[(ATTEMPTS, 1.0), (IN_VAIN, 0.0)]);
    wait::until(DEADLINE, "the attempt to be judged by its run", || {
        (standing(&exporter)["attempts"][0]["succeeded"] == true).then_some(())
    });
    until_decided_again(|| exporter.scrape());
    assert_eq!(stage.calls(), ["start"]);
    assert_eq!(held(&exporter.scrape()), Vec::<String>::new());
    let attempt = standing(&exporter)["attempts"][0].take();
    assert_eq!((&attempt["cause"], &attempt["plan"]), (&"copy_failed".into(), &"start".into()), "{attempt}");
}

#[test]
fn a_second_failure_has_its_own_attempt_and_the_third_none_on_the_same_day() {
    let stage = Stage::new(&Plot::default());
    let exporter = stage.start(&[]);
    for attempt in 1..=2 {
        // No run begins within seconds of another one.
        stage.fail(if attempt == 1 { 20 } else { 0 });
        stage.until_calls(&["start"].repeat(attempt));
        wait::until(DEADLINE, "the start to be known", || {
            (standing(&exporter)["attempts"][attempt - 1]["outcome"] == "started").then_some(())
        });
        stage.service("STOPPED");
    }
    stage.fail(0);
    wait::until(DEADLINE, "the budget to be spent", || {
        reasons(&standing(&exporter)).contains(&"budget_spent").then_some(())
    });
    exporter.until(PENDING, 0.0);
    until_decided_again(|| exporter.scrape());
    assert_values(&exporter.scrape(), &[(ATTEMPTS, 2.0), (REMAINING, 0.0), (PENDING, 0.0), (FAILED, 1.0)]);
    assert_eq!(stage.calls(), ["start", "start"]);
}

/// Starts a service that does not come, and waits until that is known and nothing more is done.
#[track_caller]
fn in_vain(start: &str, timeout: &str, outcome: &str, words: &str) {
    let stage = Stage::new(&Plot { start, timeout, ..Plot::default() });
    let wait = Duration::from_secs(3);
    let timings = Timings { settle: Duration::ZERO, start_wait: wait, ..Timings::DEFAULT };
    let inside = Inside::start(&stage.place, timings);
    let up = "source_up{site_code=\"P01\",source=\"services\"}";
    inside.until(up, |up| up == 1.0);
    inside.until(REMAINING, |remaining| remaining == 2.0);
    stage.fail(20);
    let restart = || inside.get("/api/v1/sites").json()[0]["restart"].take();
    let known = wait::until(DEADLINE, outcome, || {
        Some(restart()).filter(|restart| restart["attempts"][0]["outcome"] == outcome)
    });
    let error = known["attempts"][0]["error"].as_str().expect("words");
    assert!(error.contains(words), "{error}");
    until_decided_again(|| Samples::parse(inside.get("/metrics").text()));
    let samples = Samples::parse(inside.get("/metrics").text());
    assert_values(
        &samples,
        &[(ATTEMPTS, 1.0), (IN_VAIN, 1.0), (PENDING, 0.0), (REMAINING, 1.0), (FAILED, 1.0)],
    );
    assert_eq!(reasons(&restart()).first(), Some(&"already_attempted"), "{}", restart());
    assert_eq!(stage.calls(), ["start"]);
    inside.stop();
}

#[test]
fn a_start_that_fails_is_not_repeated() {
    let start = "echo some words; echo Access is denied. >&2; exit 5";
    in_vain(start, "60s", "start_failed", "exited with 5 and printed \"Access is denied.\"");
}

#[test]
fn a_start_that_hangs_is_ended_and_not_repeated() {
    in_vain("sleep 600 & sleep 600", "4s", "start_timed_out", "did not end in time and was killed");
}

#[test]
fn a_start_that_prints_a_gigabyte_and_starts_nothing_is_not_repeated() {
    in_vain("yes | head -c 1G", "60s", "start_failed", "no run began within 3 s of the start");
}

#[test]
fn a_program_that_does_not_exist_starts_nothing_and_is_named() {
    let stage = Stage::new(&Plot::default());
    let configuration = std::fs::read_to_string(stage.place.path("exporter.yml")).expect("a configuration");
    let start = format!("start: [/bin/sh, '{}']", stage.place.path("start.sh").display());
    assert!(configuration.contains(&start), "{configuration}");
    stage.place.write("exporter.yml", configuration.replace(&start, "start: [no/such/program]"));
    let exporter = stage.start(&[]);
    stage.fail(20);
    let known = wait::until(DEADLINE, "the attempt to end", || {
        Some(standing(&exporter)).filter(|standing| standing["attempts"][0]["outcome"] == "start_failed")
    });
    let error = known["attempts"][0]["error"].as_str().expect("words");
    assert!(error.contains("no/such/program") && error.contains("services.command.start"), "{error}");
    until_decided_again(|| exporter.scrape());
    assert_values(&exporter.scrape(), &[(ATTEMPTS, 1.0), (IN_VAIN, 1.0), (PENDING, 0.0)]);
}

#[test]
fn killed_between_the_ledger_and_the_start_it_does_not_start_a_second_time() {
    let stage = Stage::new(&Plot { start: WAITS, ..Plot::default() });
    let exporter = stage.start(&[]);
    stage.fail(20);
    stage.until_calls(&["start"]);
    let ledger = stage.ledger();
    assert_eq!(ledger["attempts_total"], 1, "written before anything was done: {ledger}");
    assert!(ledger["attempts"][0]["outcome"].is_null(), "{ledger}");
    exporter.kill();

    let exporter = stage.start(&[]);
    let lost = wait::until(DEADLINE, "the attempt to be given up", || {
        Some(standing(&exporter)).filter(|standing| standing["attempts"][0]["outcome"] == "lost")
    });
    until_decided_again(|| exporter.scrape());
    assert_eq!(reasons(&standing(&exporter)), ["already_attempted"], "{lost}");
    // Whether it was started is not known: it counts as an attempt and as one without a run.
    assert_values(&exporter.scrape(), &[(ATTEMPTS, 1.0), (REMAINING, 1.0), (FAILED, 1.0), (PENDING, 0.0)]);
    assert_eq!(stage.calls(), ["start"]);
}

#[test]
fn a_state_that_hangs_is_told_in_the_words_of_the_command() {
    let stage = Stage::new(&Plot { timeout: "2s", ..Plot::default() });
    stage.place.write("state.sh", "sleep 600\n");
    // The command has as long as it has, whatever other sources have.
    let timings = Timings { poll_deadline: Duration::from_secs(1), ..Timings::DEFAULT };
    let inside = Inside::start(&stage.place, timings);
    let failure = wait::until(DEADLINE, "the look to fail", || {
        let sites = inside.get("/api/v1/sites").json();
        let sources = sites[0]["sources"].as_array().expect("a list");
        let services = sources.iter().find(|source| source["source"] == "services").expect("the services");
        services["failure"].as_str().map(str::to_owned)
    });
    assert!(failure.ends_with("it has 2s (`services.command.timeout`)"), "{failure}");
    inside.stop();
}

#[test]
fn a_failed_run_that_hangs_is_stopped_before_the_start() {
    let stage = Stage::new(&Plot::default());
    stage.service("RUNNING");
    let timings = Timings { settle: Duration::ZERO, ..Timings::DEFAULT };
    let hung_after = Duration::from_secs(2);
    let inside = Inside::start_with(&stage.place, timings, move |settings| {
        settings.remediation.hung_after = hung_after;
    });
    stage.run(20, |task| task.failed_and_running(FailureCause::CopyFailed));
    stage.until_calls(&["stop", "start"]);
    let restart = || inside.get("/api/v1/sites").json()[0]["restart"].take();
    wait::until(DEADLINE, "the start to be known", || {
        (restart()["attempts"][0]["outcome"] == "started").then_some(())
    });
    assert_eq!(restart()["attempts"][0]["plan"], "stop_first");
    until_decided_again(|| Samples::parse(inside.get("/metrics").text()));
    assert_eq!(stage.calls(), ["stop", "start"]);
    inside.stop();
}

#[test]
fn asked_to_end_while_it_stops_a_stalled_run_it_starts_nothing_and_says_so() {
    let remediation = ", stop_stalled: true";
    let stage = Stage::new(&Plot { stop: WAITS, stalled_after: "1m", remediation, ..Plot::default() });
    stage.service("RUNNING");
    let mut exporter = stage.start(&[]);
    stage.run(20, |task| task.unfinished(BackupPhase::Copy));
    stage.until_calls(&["stop"]);
    exporter.terminate();
    assert_eq!(exporter.wait(DEADLINE).code(), Some(0), "{}", exporter.log());
    assert_eq!(stage.ledger()["attempts"][0]["outcome"]["outcome"], "abandoned", "{}", stage.ledger());

    // The run comes to its end all the same; it has had its attempt, which nobody spent.
    stage.service("STOPPED");
    stage.go();
    let exporter = stage.start(&[]);
    until_decided_again(|| exporter.scrape());
    let known = standing(&exporter);
    assert_eq!(reasons(&known), ["already_attempted"], "{known}");
    assert_values(&exporter.scrape(), &[(ATTEMPTS, 1.0), (REMAINING, 2.0), (FAILED, 1.0)]);
    assert_eq!(stage.calls(), ["stop"]);
}

#[test]
fn asked_to_end_while_a_start_hangs_it_ends_and_does_not_start_again() {
    let stage = Stage::new(&Plot { start: WAITS, ..Plot::default() });
    let mut exporter = stage.start(&[]);
    stage.fail(20);
    stage.until_calls(&["start"]);
    exporter.terminate();
    assert_eq!(exporter.wait(DEADLINE).code(), Some(0), "{}", exporter.log());
    let outcome = &stage.ledger()["attempts"][0]["outcome"]["outcome"];
    assert_eq!(outcome, "lost", "whether it was started is not known");
    let exporter = stage.start(&[]);
    until_decided_again(|| exporter.scrape());
    assert_eq!(reasons(&standing(&exporter)), ["already_attempted"]);
    assert_eq!(stage.calls(), ["start"]);
}

#[test]
fn asked_to_end_it_takes_the_programs_with_it_that_still_run() {
    let later = format!("sh -c '{WAITS}; {STARTS}' & echo $! > later.new; mv later.new later; wait");
    let stage = Stage::new(&Plot { start: &later, ..Plot::default() });
    let mut exporter = stage.start(&[]);
    stage.fail(20);
    stage.until_calls(&["start"]);
    let grandchild = wait::until(DEADLINE, "a start that goes on", || {
        std::fs::read_to_string(stage.place.path("later")).ok()
    });
    // A look that hangs.
    let folder = stage.place.path("");
    stage.place.write(
        "state.sh",
        format!("cd '{}'; echo $$ > hung.new; mv hung.new hung; sleep 600; true\n", folder.display()),
    );
    let hung =
        wait::until(DEADLINE, "a look that hangs", || std::fs::read_to_string(stage.place.path("hung")).ok());
    exporter.terminate();
    assert_eq!(exporter.wait(DEADLINE).code(), Some(0), "{}", exporter.log());
    for process in [grandchild, hung] {
        let command_line = format!("/proc/{}/cmdline", process.trim());
        wait::until(DEADLINE, "the program to end", || {
            std::fs::read(&command_line).map_or(true, |line| line.is_empty()).then_some(())
        });
    }
    assert_eq!(std::fs::read_to_string(stage.place.path("service")).expect("a state"), "STOPPED\n");
}

/// Waits until a failed run is held for these reasons, and checks that metrics, JSON, page and `check` say so.
#[track_caller]
fn assert_held(stage: &Stage, exporter: &Exporter, wanted: &[&str], words: &str, pending: bool) {
    wait::until(DEADLINE, &format!("{wanted:?}"), || {
        (reasons(&standing(exporter)) == wanted && held(&exporter.scrape()).len() == wanted.len())
            .then_some(())
    });
    until_decided_again(|| exporter.scrape());
    let known = standing(exporter);
    assert_eq!((reasons(&known), &known["decision"]), (wanted.to_vec(), &"hold".into()), "{known}");
    let finding = known["reasons"][0]["finding"].as_str().expect("words");
    assert!(finding.contains(words), "{finding}");
    let samples = exporter.scrape();
    assert_values(&samples, &[(FAILED, 1.0), (ATTEMPTS, 0.0), (PENDING, f64::from(u8::from(pending)))]);
    let mut sorted = wanted.to_vec();
    sorted.sort_unstable();
    assert_eq!(held(&samples), sorted);
    assert!(exporter.get("/").text().contains(words), "{words}");
    let check = stage.place.output(&["check"]);
    let check = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.contains(words), "{check}");
    assert_eq!(stage.calls(), Vec::<String>::new());
}

#[test]
fn a_failure_before_the_first_start_is_left_to_a_person() {
    let stage = Stage::new(&Plot::default());
    std::fs::remove_file(stage.place.path(stage::LEDGER)).expect("the ledger goes");
    stage.fail(20);
    let exporter = stage.start(&[]);
    assert_held(&stage, &exporter, &["not_armed"], "happened before this program kept a ledger", false);
}

#[test]
fn outside_its_window_a_restart_waits() {
    let now = Clock::System.now();
    // Long before both: the task is due in UTC, and the window is local time.
    let hour = |ahead: u32| format!("{:02}:00", (now.hour() + ahead) % 24);
    let local = |ahead: u32| format!("{:02}:00", (now.with_timezone(&Local).hour() + ahead) % 24);
    let site = format!(
        "    schedule: {{ days: daily, begin: \"{}\", latest_begin: \"{}\", time_zone: utc }}\n    \
         remediation: {{ window: \"{}-{}\" }}",
        hour(12),
        hour(13),
        local(5),
        local(7)
    );
    let stage = Stage::new(&Plot { site: &site, ..Plot::default() });
    let exporter = stage.start(&[]);
    stage.fail(20);
    assert_held(&stage, &exporter, &["outside_window"], "Outside", true);
}

#[test]
fn while_the_pause_file_exists_nothing_is_restarted() {
    let stage = Stage::new(&Plot { remediation: ", pause_file: maintenance.txt", ..Plot::default() });
    stage.place.write("maintenance.txt", "");
    let exporter = stage.start(&[]);
    stage.fail(20);
    assert_held(&stage, &exporter, &["site_maintenance"], "maintenance.txt", false);
    std::fs::remove_file(stage.place.path("maintenance.txt")).expect("the file goes");
    stage.until_calls(&["start"]);
}

#[test]
fn the_flag_goes_before_the_file() {
    let stage = Stage::new(&Plot::default());
    let exporter = stage.start(&["--remediation.mode=observe"]);
    stage.fail(20);
    wait::until(DEADLINE, "the failure to be observed", || {
        (reasons(&standing(&exporter)) == ["observe_only"]).then_some(())
    });
    until_decided_again(|| exporter.scrape());
    let observed = "remediation_mode{site_code=\"P01\",mode=\"observe\"}";
    assert_values(&exporter.scrape(), &[(observed, 1.0), (ATTEMPTS, 0.0), (PENDING, 0.0)]);
    assert_eq!(stage.calls(), Vec::<String>::new());
    let described = stage.place.output(&["--config.check", "--remediation.mode", "observe"]);
    let described = String::from_utf8_lossy(&described.stdout).into_owned();
    assert!(described.contains("      mode: observe  # flag\n"), "{described}");
}

#[test]
fn a_ledger_that_cannot_be_used_holds_and_stays_as_it_is() {
    let stage = Stage::new(&Plot::default());
    stage.place.write(stage::LEDGER, "{ \"schema\": 99 }");
    let exporter = stage.start(&[]);
    stage.fail(20);
    wait::until(DEADLINE, "the hold", || {
        (reasons(&standing(&exporter)).first() == Some(&"ledger_unavailable")).then_some(())
    });
    until_decided_again(|| exporter.scrape());
    assert_eq!(stage.calls(), Vec::<String>::new());
    assert_eq!(stage.ledger()["schema"], 99);
    assert!(exporter.log().contains("update this program"), "{}", exporter.log());
}
