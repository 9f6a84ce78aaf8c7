//! The configuration is read anew while the real program runs: sites come, go and change, and the others notice nothing.

mod attempt;
mod triggers;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use configmgr_backup_exporter::site::Timings;

use crate::support::backups::{one_more, successes};
use crate::support::http::{self, Response};
use crate::support::inside::Inside;
use crate::support::process::{DEADLINE, Exporter, Place, Samples, append};
use crate::support::wait;

const LIFECYCLE: &str = "--web.enable-lifecycle";

/// The first line of the answer where the configuration was refused.
const REFUSED: &str = "configuration not reloaded; the one before stays in use";

/// A configuration with these sites, each with keys of its own besides its log.
fn yaml(sites: &[(&str, &str)]) -> String {
    let mut yaml = "sites:\n".to_owned();
    for (code, keys) in sites {
        writeln!(
            yaml,
            "  - code: {code}\n    role: hierarchy\n    log: {{ path: logs/{code}.log, interval: 1s }}\n    judgement: {{ settle: 0s }}\n{keys}"
        )
        .expect("a text");
    }
    yaml
}

/// A folder with the logs of three sites, of one, two and three successes, in which these are configured.
fn place(sites: &[(&str, &str)]) -> Place {
    let place = Place::new(&yaml(sites));
    for (code, days) in [("P01", 1), ("P02", 2), ("P03", 3)] {
        append(&place.path(&format!("logs/{code}.log")), &successes(code, days));
    }
    place
}

fn start(place: &Place) -> Exporter {
    let exporter = place.launch(&[LIFECYCLE]);
    exporter.until_ok("/-/ready");
    exporter
}

/// A reload may take as long as a site takes to end.
#[track_caller]
fn ask(address: SocketAddr) -> Response {
    http::send("POST", address, "/-/reload", &[], b"", DEADLINE).expect("an answer")
}

#[track_caller]
fn reload(exporter: &Exporter, says: &str) {
    let response = ask(exporter.address());
    assert_eq!((response.status, response.text()), (200, says));
}

fn runs(site: &str) -> String {
    format!("runs_total{{site_code=\"{site}\"}}")
}

fn polls(site: &str) -> String {
    format!("source_polls_total{{site_code=\"{site}\",source=\"backup_log\"}}")
}

/// The series of a site that only ever grow.
fn counters(samples: &Samples, site: &str) -> Vec<(String, f64)> {
    let label = format!("site_code=\"{site}\"");
    let of_site = samples.0.iter().filter(|(series, _)| series.contains(&label) && series.contains("_total"));
    of_site.map(|(series, value)| (series.clone(), *value)).collect()
}

#[track_caller]
fn assert_grown(before: &Samples, after: &Samples, site: &str) {
    let known = counters(before, site);
    assert!(known.len() > 10, "{known:?}");
    for (series, value) in known {
        assert!(after.get(&series) >= Some(value), "{series} fell from {value} to {:?}", after.get(&series));
    }
}

#[test]
fn a_site_comes_and_goes_and_comes_back_with_its_history_and_the_other_notices_nothing() {
    let place = place(&[("P01", "")]);
    let exporter = start(&place);
    let first = exporter.until(&runs("P01"), 1.0);
    assert_eq!(first.get(&runs("P02")), None);
    assert_eq!(first.get("exporter_config_last_reload_successful"), Some(1.0));
    let started = first.get("exporter_config_last_reload_success_timestamp_seconds");

    place.write("exporter.yml", yaml(&[("P02", ""), ("P01", "")]));
    reload(&exporter, "configuration reloaded: added P02\n");
    let both = exporter.until(&runs("P02"), 2.0);
    assert_grown(&first, &both, "P01");
    assert!(both.get("exporter_config_last_reload_success_timestamp_seconds") > started);

    place.write("exporter.yml", yaml(&[("P01", "")]));
    reload(&exporter, "configuration reloaded: removed P02\n");
    let alone = exporter.scrape();
    assert!(alone.0.keys().all(|series| !series.contains("P02")), "nothing is published of it any more");
    assert_grown(&both, &alone, "P01");
    assert_eq!(exporter.get("/health/backup/P02").status, 404);

    // Its log has gone, and still its history is known.
    std::fs::remove_file(place.path("logs/P02.log")).expect("the log goes");
    place.write("exporter.yml", yaml(&[("P01", ""), ("P02", "")]));
    reload(&exporter, "configuration reloaded: added P02\n");
    let again = exporter.until(&runs("P02"), 2.0);
    assert_grown(&alone, &again, "P01");
    let known = exporter.get("/api/v1/sites/P02/runs").json();
    assert_eq!(known.as_array().map(Vec::len), Some(2), "{known}");
}

#[test]
fn a_site_that_changes_is_judged_anew_counts_on_and_leaves_the_other_alone() {
    let place = place(&[("P01", ""), ("P02", "")]);
    let exporter = start(&place);
    let before = exporter.until(&runs("P02"), 2.0);
    // Enough polls of both that a beginning from zero would show.
    exporter.until(&runs("P01"), 1.0);
    wait::until(DEADLINE, "three polls", || {
        (exporter.scrape().get(&polls("P01")) >= Some(3.0)).then_some(())
    });

    place.write("exporter.yml", yaml(&[("P01", "    retention: 9d\n"), ("P02", "")]));
    let unchanged = exporter.scrape();
    reload(&exporter, "configuration reloaded: changed P01\n");
    let after = exporter.until(&runs("P01"), 1.0);
    assert_grown(&unchanged, &after, "P02");
    assert!(after.get(&polls("P01")) < unchanged.get(&polls("P01")), "its sources began anew");
    assert_eq!(after.get(&runs("P02")), before.get(&runs("P02")));

    // What is written now is counted once, by both.
    append(&place.path("logs/P01.log"), &one_more("P01"));
    append(&place.path("logs/P02.log"), &one_more("P02"));
    exporter.until(&runs("P01"), 2.0);
    exporter.until(&runs("P02"), 3.0);

    // Only the place of the lines is another one, so nothing has changed.
    place.write(
        "exporter.yml",
        format!("# a comment\n{}", yaml(&[("P01", "    retention: 9d\n"), ("P02", "")])),
    );
    let unchanged = exporter.scrape();
    reload(&exporter, "configuration reloaded: no site has changed\n");
    let after = exporter.scrape();
    assert_grown(&unchanged, &after, "P01");
    assert_grown(&unchanged, &after, "P02");
}

#[test]
fn a_broken_file_changes_nothing_and_every_problem_is_told() {
    let place = place(&[("P01", ""), ("P02", "")]);
    let exporter = start(&place);
    exporter.until(&runs("P02"), 2.0);
    let before = exporter.until(&runs("P01"), 1.0);

    place.write("exporter.yml", yaml(&[("P01", "    retention: never\n"), ("P03", "    colour: red\n")]));
    let response = ask(exporter.address());
    assert_eq!(response.status, 500);
    let lines: Vec<_> = response.text().lines().collect();
    assert_eq!(lines[0], REFUSED);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[1].contains("retention") && lines[2].contains("colour"), "{lines:?}");
    let log = exporter.log();
    let told = log.lines().filter(|line| line.starts_with("level=error") || line.contains(" level=error"));
    assert_eq!(told.count(), 2, "{log}");

    let after = exporter.scrape();
    assert_eq!(after.get("exporter_config_last_reload_successful"), Some(0.0));
    let success = "exporter_config_last_reload_success_timestamp_seconds";
    assert_eq!(after.get(success), before.get(success));
    assert_grown(&before, &after, "P01");
    assert_grown(&before, &after, "P02");
    assert_eq!(after.get(&runs("P03")), None);

    place.write("exporter.yml", yaml(&[("P01", ""), ("P02", "")]));
    reload(&exporter, "configuration reloaded: no site has changed\n");
    assert_eq!(exporter.scrape().get("exporter_config_last_reload_successful"), Some(1.0));
}

#[test]
fn a_web_configuration_that_is_refused_keeps_nothing_from_the_sites_and_is_told_of_by_itself() {
    let place = place(&[("P01", "")]);
    place.write("web.yml", "");
    let flag = format!("--web.config.file={}", place.path("web.yml").display());
    let exporter = place.launch(&[LIFECYCLE, &flag]);
    exporter.until_ok("/-/ready");
    place.write("exporter.yml", yaml(&[("P01", ""), ("P02", "")]));
    place.write("web.yml", "colour: red\n");
    let response = ask(exporter.address());
    let lines: Vec<_> = response.text().lines().collect();
    assert_eq!((response.status, lines.len()), (500, 3), "{lines:?}");
    assert_eq!(lines[0], "configuration reloaded: added P02");
    assert_eq!(lines[1], "web configuration not reloaded; the one before stays in use");
    assert!(lines[2].contains("colour"), "{lines:?}");
    let samples = exporter.until(&runs("P02"), 2.0);
    assert_eq!(samples.get("exporter_config_last_reload_successful"), Some(1.0));
    assert_eq!(samples.get("exporter_web_config_last_reload_successful"), Some(0.0));
}

/// Services that nobody asks twice, so that a site has a ledger.
const SERVICES: &str = "    services: { machine: cm01, command: { state: [/bin/true, state], running: { text: R }, \
                        stopped: { text: S }, start: [/bin/true, start], stop: [/bin/true, stop] } }\n";

#[test]
fn a_checkpoint_that_cannot_be_read_keeps_every_site_as_it_was() {
    let place = place(&[("P01", "")]);
    let exporter = start(&place);
    let before = exporter.until(&runs("P01"), 1.0);
    let checkpoint = place.checkpoint("P02");
    std::os::unix::fs::symlink(&checkpoint, &checkpoint).expect("a link to itself");
    place.write("exporter.yml", yaml(&[("P01", "    retention: 9d\n"), ("P03", SERVICES), ("P02", "")]));
    let response = ask(exporter.address());
    assert_eq!(response.status, 500, "{}", response.text());
    assert!(response.text().contains("cannot read the checkpoint"), "{}", response.text());
    let after = exporter.scrape();
    assert_grown(&before, &after, "P01");
    assert_eq!(after.get(&polls("P02")), None);
    let ledger = place.path("state/P03.ledger.json");
    assert!(!ledger.exists(), "it begins when the site does");

    std::fs::remove_file(&checkpoint).expect("the link goes");
    reload(&exporter, "configuration reloaded: added P03,P02; changed P01\n");
    exporter.until(&runs("P02"), 2.0);
    assert!(ledger.exists());
}

#[test]
fn requests_at_the_same_time_are_all_answered_and_none_is_missed() {
    let place = place(&[("P01", ""), ("P02", "")]);
    let exporter = start(&place);
    exporter.until(&runs("P02"), 2.0);
    let address = exporter.address();
    for round in 0..4 {
        let sites: &[_] =
            if round % 2 == 0 { &[("P01", ""), ("P03", "")] } else { &[("P01", ""), ("P02", "")] };
        place.write("exporter.yml", yaml(sites));
        let answers: Vec<_> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..8).map(|_| scope.spawn(move || ask(address))).collect();
            asking.into_iter().map(|asking| asking.join().expect("an answer")).collect()
        });
        assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
        // Whoever asked first got what changed; each of them asked when the file was written.
        let (comes, goes) = if round % 2 == 0 { ("P03", "P02") } else { ("P02", "P03") };
        let samples = exporter.scrape();
        assert!(samples.get(&polls(comes)).is_some() && samples.get(&polls(goes)).is_none(), "{round}");
    }
    assert_eq!(exporter.until(&runs("P02"), 2.0).get(&runs("P01")), Some(1.0));
    exporter.until_ok("/-/healthy");
}

#[test]
fn scrapes_see_every_site_at_every_moment_of_its_change() {
    let place = place(&[("P01", ""), ("P02", "")]);
    let exporter = start(&place);
    exporter.until(&runs("P02"), 2.0);
    exporter.until(&runs("P01"), 1.0);
    for round in 0..5 {
        place.write(
            "exporter.yml",
            yaml(&[("P01", &format!("    retention: {}d\n", round + 6)), ("P02", "")]),
        );
        let address = exporter.address();
        let reloading = std::thread::spawn(move || ask(address));
        while !reloading.is_finished() {
            let samples = exporter.scrape();
            assert_eq!(samples.family("site_info").count(), 2);
            assert_eq!(samples.get(&runs("P02")), Some(2.0));
        }
        assert_eq!(reloading.join().expect("an answer").text(), "configuration reloaded: changed P01\n");
        exporter.until(&runs("P01"), 1.0);
    }
}

#[test]
fn the_next_process_goes_on_with_what_was_reloaded() {
    let place = place(&[("P01", "")]);
    let mut exporter = start(&place);
    exporter.until(&runs("P01"), 1.0);
    place.write("exporter.yml", yaml(&[("P01", "    retention: 9d\n"), ("P02", "")]));
    reload(&exporter, "configuration reloaded: added P02; changed P01\n");
    exporter.until(&runs("P02"), 2.0);
    exporter.terminate();
    assert_eq!(exporter.wait(DEADLINE).code(), Some(0), "{}", exporter.log());
    let exporter = start(&place);
    assert_eq!(exporter.until(&runs("P02"), 2.0).get(&runs("P01")), Some(1.0));
}

/// So long a process has to answer once it is told to go.
const SOON: Duration = Duration::from_secs(30);

#[test]
fn a_backup_under_way_is_still_that_under_other_settings() {
    use crate::support::backups::task;
    use chrono::TimeDelta;
    use configmgr_backup_exporter::site::BackupPhase;

    let place = place(&[("P01", "")]);
    let exporter = start(&place);
    exporter.until(&runs("P01"), 1.0);
    let unfinished = task("P01").unfinished(BackupPhase::Copy);
    append(
        &place.path("logs/P01.log"),
        &crate::support::backups::run("P01", &unfinished, TimeDelta::minutes(20)),
    );
    let in_progress = "run_in_progress{site_code=\"P01\"}";
    let before = exporter.until(in_progress, 1.0);
    place.write("exporter.yml", yaml(&[("P01", "    retention: 9d\n")]));
    reload(&exporter, "configuration reloaded: changed P01\n");
    let after = exporter.until(in_progress, 1.0);
    for series in ["last_start_timestamp_seconds{site_code=\"P01\"}", &runs("P01")] {
        assert_eq!(after.get(series), before.get(series), "{series}");
    }
    let mut exporter = exporter;
    exporter.terminate();
    assert_eq!(exporter.wait(SOON).code(), Some(0));
}

/// How many tasks the program has once none has begun or ended for a while.
#[track_caller]
fn settled_tasks(inside: &Inside) -> usize {
    const LOOKS: usize = 50;
    let mut seen = Vec::new();
    wait::until(DEADLINE, "as many tasks as before", || {
        seen.push(inside.tasks());
        let newest = seen.last_chunk::<LOOKS>()?;
        newest.iter().all(|count| *count == newest[0]).then_some(newest[0])
    })
}

#[test]
fn reloads_leave_no_task_behind() {
    let place = place(&[("P01", ""), ("P02", "")]);
    let inside = Inside::start(&place, Timings::DEFAULT);
    inside.until(&runs("P02"), |value| value == 2.0);
    let round = || {
        for sites in [&[("P01", "    retention: 9d\n"), ("P03", "")][..], &[("P01", ""), ("P02", "")]] {
            place.write("exporter.yml", yaml(sites));
            assert_eq!(ask(inside.address()).status, 200);
        }
    };
    round();
    let first = settled_tasks(&inside);
    (0..20).for_each(|_| round());
    let last = settled_tasks(&inside);
    assert!(first > 5 && last <= first, "{first} after the first round, {last} after the last");
    inside.stop();
}
