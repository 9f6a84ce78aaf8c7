//! On a site server nothing is configured: the program finds the site in the registry and watches all of it.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use configmgr_backup_exporter::demo::writer::{EventLogWriter, HeaderLanguage, LogWriter, RunScript};
use configmgr_backup_exporter::site::{FailureCause, Timestamp};
use winreg::HKLM;

use super::support::backups::{begin, task};
use super::support::process::{DEADLINE, Place, Samples, binary};
use super::support::site_server::SiteServer;
use super::support::test_service::{TestService, controller};
use super::support::{http, wait};

/// A machine and the backup of its site.
struct Ran<'a> {
    site: &'a str,
    runs: Vec<(Timestamp, RunScript)>,
}

impl Ran<'_> {
    /// One success a day, the last one some hours ago.
    fn well(site: &str) -> Ran<'_> {
        let run = |day| (begin(TimeDelta::days(day) + TimeDelta::hours(3)), task(site).success());
        Ran { site, runs: (0..3).rev().map(run).collect() }
    }

    /// The log of this machine and its event log.
    fn write(&self, server: &SiteServer<'_>) {
        let writer = LogWriter::new(self.site.parse().unwrap(), controller(None).location());
        let text: String = self.runs.iter().map(|(start, run)| run.text(&writer, *start)).collect();
        server.write(&server.log(), text);
        let mut log = EventLogWriter::new();
        for (start, run) in &self.runs {
            for event in run.events(&writer, *start, HeaderLanguage::English) {
                log.push(&event);
            }
        }
        server.write(&server.event_log(), log.bytes());
    }
}

/// The series of a site with one more label.
fn series(name: &str, site: &str, label: &str, value: &str) -> String {
    format!(r#"{name}{{site_code="{site}",{label}="{value}"}}"#)
}

fn info(samples: &Samples) -> String {
    samples.family("site_info").map(|(series, _)| series.to_owned()).collect()
}

#[test]
fn without_arguments_it_serves_the_site_of_this_server() {
    let place = Place::new("");
    let service = TestService::install_on_site_server(&place);
    let server = SiteServer::install(&place, "primary.reg");
    Ran::well("P01").write(&server);
    let exporter = server.start();
    let samples = exporter.until(r#"runs_total{site_code="P01"}"#, 3.0);
    let success = samples.get(r#"last_success_timestamp_seconds{site_code="P01"}"#).unwrap();
    let told = series("witness_last_backup_success_timestamp_seconds", "P01", "witness", "event_log");
    exporter.until(&told, success);
    exporter.until(&series("service_running", "P01", "name", "SMS_EXECUTIVE"), 1.0);
    // Nobody answers at the SQL Server's port here.
    let samples = wait::until(DEADLINE, "a look at the database", || {
        let samples = exporter.scrape();
        let failures = samples.family("source_poll_failures_total");
        let failed =
            failures.filter(|(series, count)| series.contains("\"database\"") && *count > 0.0).count();
        (failed > 0).then_some(samples)
    });
    for (series, value) in [
        (series("source_up", "P01", "source", "backup_log"), 1.0),
        (series("source_up", "P01", "source", "event_log"), 1.0),
        (series("source_up", "P01", "source", "services"), 1.0),
        (series("source_up", "P01", "source", "database"), 0.0),
        (series("remediation_mode", "P01", "mode", "restart"), 1.0),
        (r#"active_node{site_code="P01"}"#.to_owned(), 1.0),
        (r#"last_run_failed{site_code="P01"}"#.to_owned(), 0.0),
        (r#"witnesses_agree{site_code="P01"}"#.to_owned(), 1.0),
    ] {
        assert_eq!(samples.get(&series), Some(value), "{series}");
    }
    assert!(info(&samples).contains(r#"site_role="hierarchy""#), "{}", info(&samples));
    // The database alone knows the destination.
    assert_eq!(samples.family("snapshot_present").count(), 0);
    assert!(exporter.get("/").text().contains("has not told the folder of the backup task"));
    drop(service);
}

#[test]
fn a_failure_on_the_passive_server_alarms_nobody() {
    let place = Place::new("");
    let _service = TestService::install_on_site_server(&place);
    let server = SiteServer::install(&place, "primary.reg");
    let machine = controller(None).location();
    server.set_site_servers(&format!("0;{machine}.corp.example;1;cm02.corp.example;"));
    let mut ran = Ran::well("P01");
    ran.runs.push((begin(TimeDelta::hours(1)), task("P01").failure(FailureCause::DiskFull)));
    ran.write(&server);
    let exporter = server.start();
    let samples = exporter.until(&series("verdict", "P01", "verdict", "passive"), 1.0);
    assert_eq!(samples.get(r#"active_node{site_code="P01"}"#), Some(0.0));
    assert_eq!(samples.get(r#"last_run_failed{site_code="P01"}"#), None);
    assert_eq!(exporter.get("/health/backup").status, 200);
}

#[test]
fn a_central_administration_site_is_found_as_one() {
    let place = Place::new("");
    let _service = TestService::install_on_site_server(&place);
    let server = SiteServer::install(&place, "cas.reg");
    Ran::well("CAS").write(&server);
    let exporter = server.start();
    let samples = exporter.until(r#"runs_total{site_code="CAS"}"#, 3.0);
    assert!(info(&samples).contains(r#"site_role="cas""#), "{}", info(&samples));
    // A level at which ConfigMgr leaves successes out.
    let log = exporter.log();
    let told = log.lines().find(|line| line.contains("LoggingLevel is 2")).expect("a warning");
    assert!(told.contains("level=warn") && told.contains("set it to 1"), "{told}");
    drop(exporter);
    let check = server.output(&["check"]);
    assert!(String::from_utf8_lossy(&check.stderr).contains("LoggingLevel is 2"), "{check:?}");
    assert!(String::from_utf8_lossy(&check.stdout).starts_with("CAS "), "{check:?}");
}

#[test]
fn where_there_is_nothing_to_watch_it_says_what_to_do() {
    let place = Place::new("");
    let service = TestService::install(&place);
    let server = SiteServer::install(&place, "secondary.reg");
    for (arguments, code) in [(&[][..], 64), (&["--config.check"], 64), (&["check"], 64)] {
        let output = server.output(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains("S01 is a secondary site, which has no backup task"), "{arguments:?}: {told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
    // The file that an installation begins with names no site either.
    let file = "configmgr_backup_exporter/configmgr_backup_exporter.yml";
    fs::create_dir(place.path("configmgr_backup_exporter")).unwrap();
    place.write(file, "# nothing\r\n");
    let told = String::from_utf8_lossy(&server.output(&[]).stderr).into_owned();
    assert!(told.contains("names no site; site S01 is a secondary site"), "{told}");
    fs::remove_file(place.path(file)).unwrap();

    let bare = SiteServer::install(&place, "secondary.reg");
    drop(server);
    let output = bare.output(&[]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{told}");
    assert!(told.contains("this machine is no ConfigMgr site server"), "{told}");
    assert!(told.contains("run the exporter on the site server") && told.lines().count() == 1, "{told}");
    drop(service);
}

#[test]
fn the_file_goes_before_what_was_found() {
    let place = Place::new("");
    let service = TestService::install(&place);
    let server = SiteServer::install(&place, "primary.reg");
    fs::create_dir(place.path("configmgr_backup_exporter")).unwrap();
    place.write(
        "configmgr_backup_exporter/configmgr_backup_exporter.yml",
        "sites:\r\n  - log: { interval: 7s }\r\n    snapshot: { path: 'E:\\SCCMBackup' }\r\n    event_log: off\r\n",
    );
    let output = server.output(&["--config.check", "--remediation.mode=observe"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    for line in [
        r"  - code: P01  # registry: HKLM\SOFTWARE\Microsoft\SMS\Identification, Site Code",
        r"      path: 'C:\Program Files\Microsoft Configuration Manager\Logs\smsbkup.log'  # registry: HKLM\SOFTWARE\Microsoft\SMS\Tracing\SMS_SITE_BACKUP, TraceFileName",
        "      interval: 7s  # line 2",
        r"      path: 'E:\SCCMBackup'  # line 3",
        "    event_log: off  # line 4",
        "      mode: observe  # flag",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    drop(service);
}

#[test]
fn installed_and_started_is_all_that_a_site_server_needs() {
    let place = Place::new("");
    let _service = TestService::install_on_site_server(&place);
    let server = SiteServer::install(&place, "primary.reg");
    Ran::well("P01").write(&server);
    // A service has the environment of the machine; Wine gives it another ProgramData.
    let folders = ["ProgramData", "PUBLIC"]
        .map(|name| Path::new(&std::env::var_os(name).unwrap()).join("configmgr_backup_exporter"));
    folders.iter().for_each(|folder| drop(fs::remove_dir_all(folder)));
    let address = place.keep_port();
    let run = |arguments: &[&str]| {
        let output = binary().args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let told = run(&["service", "install", &format!("--web.listen-address={address}")]);
    assert!(told.contains("the destination of site P01 is not known"), "{told}");
    let file = folders[0].join("configmgr_backup_exporter.yml");
    assert!(fs::read_to_string(&file).unwrap().contains("#sites:"));
    run(&["service", "start"]);
    let scraped = wait::until(DEADLINE, "all three runs", || {
        let samples = Samples::parse(http::get(address, "/metrics", &[]).text());
        (samples.get(r#"runs_total{site_code="P01"}"#) == Some(3.0)).then_some(samples)
    });
    assert_eq!(scraped.get(&series("remediation_mode", "P01", "mode", "restart")), Some(1.0));
    // The installation has written to the log as well, in the other folder under Wine.
    let is_listening = |folder: &&PathBuf| {
        let log = fs::read_to_string(folder.join("exporter.log"));
        log.is_ok_and(|log| log.contains("message=listening"))
    };
    let state = folders.iter().find(is_listening).expect("a log of the service");
    let source = r"SYSTEM\CurrentControlSet\Services\EventLog\Application\configmgr_backup_exporter";
    assert!(HKLM.open_subkey(source).is_ok());
    run(&["service", "uninstall"]);
    assert!(HKLM.open_subkey(source).is_err());
    assert!(HKLM.open_subkey(r"SYSTEM\CurrentControlSet\Services\configmgr_backup_exporter").is_err());
    // Configuration and state stay.
    assert!(file.exists() && state.join("P01.checkpoint.json").exists());
    folders.iter().for_each(|folder| drop(fs::remove_dir_all(folder)));
}
