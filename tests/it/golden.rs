//! Logs and what the exporter makes of them: each situation is one or more logs and the whole exposition they lead to.
//!
//! The logs of `tests/golden` are copied into a folder, polled by the real source, folded, judged and encoded at a
//! given time. Besides the golden file each situation names the facts that decide it, so that a golden that was
//! updated without a look cannot hide a wrong judgement.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use configmgr_backup_exporter::config::SiteSettings;
use configmgr_backup_exporter::metrics::{Format, METRIC_PREFIX};
use configmgr_backup_exporter::site::{Timestamp, Witness};
use configmgr_backup_exporter::state::checkpoint::StateDirectory;

use crate::support::exporter::{WatchedSite, exposition};
use crate::support::golden::differs;
use crate::support::{openmetrics, tool};

mod event_logs;
mod situations;
use situations::{Situation, situations};

/// Where a restart cuts the log: inside a line of the second run, while it copies.
const CUT: &str = "Copying \\\\?\\GLOBALROOT";

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The sites of a situation after their polls.
fn watch(situation: &Situation) -> Vec<WatchedSite> {
    let site = |settings: &SiteSettings, files: &[(&str, &str)]| {
        let mut site = WatchedSite::new(settings.clone(), time(situation.polls[0]));
        for (file, name) in files {
            fs::copy(golden(file), site.folder().join(name)).unwrap();
        }
        situation.polls.iter().for_each(|now| site.poll(time(now)));
        site
    };
    let mut sites: Vec<_> = situation.sites.iter().map(|(settings, files)| site(settings, files)).collect();
    if let Some(tells) = situation.event_log {
        let log = sites[0].state.timeline.records().get(&Witness::Log).cloned().unwrap_or_default();
        sites[0].hear_event_log(tells(log), time(situation.now()));
    }
    sites
}

/// Both formats of what a situation exports.
fn exported(situation: &Situation) -> (String, String) {
    both(&watch(situation), time(situation.now()))
}

fn both(sites: &[WatchedSite], now: Timestamp) -> (String, String) {
    (exposition(sites, now, Format::Text), exposition(sites, now, Format::OpenMetrics))
}

/// Whether an exposition shows a fact: `name{label}` for 1, `name = number or time`, or `no name`; `P02: ` before it
/// names a site, which else is P01.
fn shows(exposition: &str, fact: &str) -> bool {
    let (site, fact) = fact.split_once(": ").unwrap_or(("P01", fact));
    let series = |name: &str| format!("{METRIC_PREFIX}{name}{{site_code=\"{site}\"");
    let samples = |name: &str, label: &str| -> Vec<String> {
        let series = series(name);
        let ours = |line: &&str| {
            let rest = line.strip_prefix(series.as_str());
            rest.is_some_and(|rest| label.is_empty() || rest.contains(&format!("=\"{label}\"}} ")))
        };
        let lines = exposition.lines().filter(ours);
        lines.filter_map(|line| line.rsplit_once(' ').map(|(_, value)| value.to_owned())).collect()
    };
    if let Some(name) = fact.strip_prefix("no ") {
        return samples(name, "").is_empty();
    }
    let (name, value) = fact.split_once(" = ").unwrap_or((fact, "1"));
    let (name, label) =
        name.split_once('{').map_or((name, ""), |(name, label)| (name, label.trim_end_matches('}')));
    let value = match value.parse::<Timestamp>() {
        Ok(time) => time.timestamp_millis() as f64 / 1000.0,
        Err(_) => value.parse().unwrap_or_else(|_| panic!("{fact}: neither a number nor a time")),
    };
    samples(name, label) == [value.to_string()]
}

/// What is wrong with an exposition: facts it does not show, and lines in which it differs from its golden file.
fn wrong(name: &str, facts: &[String], text: &str) -> Vec<String> {
    assert!(facts.len() >= 2, "{name} needs facts that decide it");
    let missing = facts.iter().filter(|fact| !shows(text, fact));
    let missing = missing.map(|fact| format!("{name}: not shown: {fact}\n"));
    missing.chain(differs(&golden(&format!("{name}.prom")), text)).collect()
}

#[test]
fn each_log_is_judged_as_its_golden_file_says() {
    let wrong: Vec<_> = situations()
        .iter()
        .flat_map(|situation| wrong(situation.name, &situation.facts, &exported(situation).0))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn every_golden_file_belongs_to_a_situation() {
    let mut expected = BTreeSet::from(["restart_in_run.log".to_owned(), "restart_in_run.prom".to_owned()]);
    for situation in situations() {
        let logs = situation.sites.iter().flat_map(|(_, files)| files);
        expected.extend(logs.map(|(file, _)| (*file).to_owned()));
        expected.insert(format!("{}.prom", situation.name));
    }
    let present = fs::read_dir(golden("")).unwrap();
    let present: BTreeSet<_> =
        present.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(present, expected);
}

#[test]
fn both_formats_of_each_situation_say_the_same() {
    let (restarted, end) = restarted();
    let mut pairs: Vec<_> = situations().iter().map(exported).collect();
    pairs.push(both(&[restarted], end));
    let pairs: Vec<_> =
        pairs.iter().map(|(text, openmetrics)| (openmetrics.as_bytes(), text.as_bytes())).collect();
    openmetrics::assert_each_same(&pairs);
}

#[test]
fn promtool_finds_nothing_wrong_with_any_golden_file() {
    let Some(promtool) = tool("promtool") else { return };
    let names = situations().into_iter().map(|situation| situation.name).chain(["restart_in_run"]);
    for name in names {
        let file = golden(&format!("{name}.prom"));
        let mut check = Command::new(&promtool);
        check.args(["check", "metrics"]).stdin(fs::File::open(&file).unwrap());
        let output = check.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(
            output.status.success() && said.is_empty(),
            "{}: {}",
            file.display(),
            String::from_utf8_lossy(&said)
        );
    }
}

/// An exporter that was stopped while a run copied and started again before more was logged.
fn restarted() -> (WatchedSite, Timestamp) {
    let log = fs::read(golden("restart_in_run.log")).unwrap();
    let cut = String::from_utf8_lossy(&log).rfind(CUT).unwrap() + CUT.len();
    let (before, after, end) =
        (time("2026-06-10T10:03:00Z"), time("2026-06-10T10:03:10Z"), time("2026-06-10T12:00:00Z"));

    let mut site = WatchedSite::new(SiteSettings::new("P01".parse().unwrap()), before);
    let file = site.folder().join("smsbkup.log");
    fs::write(&file, &log[..cut]).unwrap();
    site.poll(before);
    assert_eq!(site.assess(before).runs.in_progress, Some(true));
    let kept = tempfile::tempdir().unwrap();
    StateDirectory::open(kept.path()).unwrap().save(&site.state, 1).unwrap();

    let loaded = StateDirectory::open(kept.path()).unwrap().load(&site.state.settings, after).unwrap();
    assert!(loaded.set_aside.is_empty(), "{:?}", loaded.set_aside);
    let mut site = site.restarted(loaded.state, after);
    let silent = exposition(std::slice::from_ref(&site), after, Format::Text);
    assert!(!silent.contains("_runs_total"), "events are silent until the log has been read again");
    site.poll(after);
    let text = exposition(std::slice::from_ref(&site), after, Format::Text);
    assert!(shows(&text, "run_in_progress = 1") && shows(&text, "runs_total = 1"), "{text}");
    fs::File::options().append(true).open(&file).unwrap().write_all(&log[cut..]).unwrap();
    site.poll(end);
    (site, end)
}

#[test]
fn a_restart_in_the_middle_of_a_run_changes_nothing() {
    let (site, end) = restarted();
    let text = exposition(&[site], end, Format::Text);

    let mut whole = WatchedSite::new(SiteSettings::new("P01".parse().unwrap()), end);
    fs::copy(golden("restart_in_run.log"), whole.folder().join("smsbkup.log")).unwrap();
    whole.poll(end);
    let of_the_process = |line: &&str| !line.contains("_backup_log_") && !line.contains("_source_");
    let lines = |text: &str| text.lines().filter(of_the_process).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(&text), lines(&exposition(&[whole], end, Format::Text)));
    let facts =
        ["verdict{failed}", "runs_total = 2", "last_run_failure_cause{disk_full}", "log_lines_total = 8"];
    let wrong = wrong("restart_in_run", &facts.map(str::to_owned), &text);
    assert!(wrong.is_empty(), "{}", wrong.concat());
}
