//! The real program with a site database: what it exports, what it says where something is missing, and what it never says.

use std::fs;

use configmgr_backup_exporter::source::site_database::{Depth, Question};
use rig::{Exporter, LogOn, PASSWORD, Server, Stub, USER, distant_task_to, failed_above_a_success, healthy};

const UP: &str = r#"source_up{site_code="P01",source="database"}"#;

/// The paths that show what is known.
const SHOWN: [&str; 3] = ["/metrics", "/api/v1/sites", "/"];

fn healthy_server() -> Server {
    let server = Server::start();
    for known in healthy() {
        server.answer(known.question, &known.table);
    }
    server
}

fn failures(kind: &str) -> String {
    format!(r#"source_poll_failures_total{{site_code="P01",source="database",kind="{kind}"}}"#)
}

/// The password is in nothing that the exporter said, shows or keeps.
#[track_caller]
fn assert_secret(exporter: &Exporter) {
    for path in SHOWN {
        let shown = exporter.get(path);
        assert!(!shown.contains(PASSWORD), "{path}: {shown}");
    }
    for written in [exporter.output(), exporter.state()] {
        assert!(!written.contains(PASSWORD), "{written}");
    }
}

#[test]
fn a_site_database_is_exported() {
    let server = healthy_server();
    let exporter = Exporter::watching(server.address(), &["encryption: off"]);
    exporter.until(UP, 1.0);
    for (series, value) in [
        (r#"task_enabled{site_code="P01"}"#, 1.0),
        (r#"change_tracking_enabled{site_code="P01"}"#, 1.0),
        (r#"change_tracking_retention_seconds{site_code="P01"}"#, 432_000.0),
        (r#"database_last_full_backup_timestamp_seconds{site_code="P01",method="native"}"#, 1_780_272_600.0),
        (r#"last_success_timestamp_seconds{site_code="P01"}"#, 1_780_282_020.0),
        (r#"runs_total{site_code="P01"}"#, 1.0),
    ] {
        exporter.until(series, value);
    }
    let sites: serde_json::Value = serde_json::from_str(&exporter.get("/api/v1/sites")).expect("JSON");
    assert!(sites.to_string().contains("CM01.corp.example"), "{sites}");
    assert_secret(&exporter);
    // On this machine nobody listens in.
    assert!(!exporter.output().contains("level=warn"), "{}", exporter.output());
}

#[test]
fn the_destination_is_where_the_task_writes_to_and_moves_with_it() {
    let server = healthy_server();
    let folder = tempfile::tempdir().expect("a folder");
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    fs::create_dir_all(first.join("P01Backup")).expect("a folder of the snapshot");
    fs::create_dir_all(&second).expect("a folder");
    let task = |path: &std::path::Path| distant_task_to(path.to_str().expect("a plain path"));
    let exporter = Exporter::watching_more(
        server.address(),
        &["encryption: off"],
        &["snapshot: { path: task, interval: 10s }"],
    );
    let present = r#"snapshot_present{site_code="P01"}"#;
    rig::until("a check that says so", || {
        exporter.get("/").contains("has not told the folder").then_some(())
    });
    assert_eq!(exporter.sample(present), None);
    assert_eq!(exporter.sample(r#"source_up{site_code="P01",source="snapshot"}"#), None);

    server.answer(Question::Task, &task(&first));
    exporter.until(present, 1.0);
    server.answer(Question::Task, &task(&second));
    exporter.until(present, 0.0);
    let told = exporter.output();
    for path in [&first, &second] {
        let line = |line: &&str| {
            line.contains("tells where the backup task") && line.contains(&*path.to_string_lossy())
        };
        assert_eq!(told.lines().filter(line).count(), 1, "{told}");
    }
    // What is no folder changes nothing.
    server.answer(Question::Task, &distant_task_to(r"E:\Site|F:\Database"));
    let successes = r#"source_last_poll_success_timestamp_seconds{site_code="P01",source="database"}"#;
    let before = exporter.sample(successes).expect("a poll");
    rig::until("another poll", || exporter.sample(successes).filter(|now| *now > before));
    assert_eq!(exporter.sample(present), Some(0.0));
    assert_secret(&exporter);
}

#[test]
fn a_success_of_a_primary_does_not_make_its_central_site_healthy() {
    let server = healthy_server();
    for depth in [Depth::Recent, Depth::All] {
        server.answer(Question::StatusMessages(depth), &failed_above_a_success());
    }
    let exporter = Exporter::watching(server.address(), &["encryption: off"]);
    exporter.until(r#"verdict{site_code="P01",verdict="failed"}"#, 1.0);
    assert_eq!(exporter.sample(r#"last_run_failed{site_code="P01"}"#), Some(1.0));
    assert_eq!(exporter.sample(r#"last_success_timestamp_seconds{site_code="P01"}"#), None);
}

#[test]
fn what_the_login_may_not_read_is_counted_and_told_once_while_the_rest_goes_on() {
    let server = healthy_server();
    server.refuse(Question::BackupSets, 229, "The SELECT permission was denied on the object 'backupset'.");
    let exporter = Exporter::watching(server.address(), &["encryption: off"]);
    exporter.until(r#"task_enabled{site_code="P01"}"#, 1.0);
    rig::until("a second failure", || exporter.sample(&failures("permission")).filter(|count| *count >= 2.0));
    assert_eq!(exporter.sample(UP), Some(1.0));
    let output = exporter.output();
    let told: Vec<_> = output.lines().filter(|line| line.contains("backupset")).collect();
    assert_eq!(told.len(), 1, "{output}");
    assert!(told[0].contains("level=warn") && told[0].contains("docs/sql-permissions.md"), "{told:?}");
    assert_secret(&exporter);
}

#[test]
fn a_refused_log_on_is_told_and_shows_no_password() {
    let stub = Stub::open(LogOn::Refused(18456, format!("Login failed for user '{USER}'.")));
    let exporter = Exporter::watching(stub.address(), &["encryption: off"]);
    rig::until("a refused log-on", || {
        exporter.sample(&failures("authentication")).filter(|count| *count >= 1.0)
    });
    assert_eq!(exporter.sample(UP), Some(0.0));
    rig::until("the reason in the log", || {
        exporter.output().contains("check user and password").then_some(())
    });
    // The driver logs errors of the server as well, under its own name and without a remedy.
    let output = exporter.output();
    assert_eq!(output.lines().filter(|line| line.contains("Login failed")).count(), 1, "{output}");
    assert_secret(&exporter);
    for path in SHOWN {
        let shown = exporter.get(path);
        assert!(!shown.contains(USER), "{path}: {shown}");
    }
}

#[test]
fn a_certificate_that_nobody_signed_is_told_in_words_of_the_configuration() {
    let authority = rig::Authority::new();
    let identity = authority.sign("127.0.0.1", rig::Validity::Now);
    let stub = Stub::encrypted(&identity, LogOn::Refused(18456, "Login failed.".to_owned()));
    let exporter = Exporter::watching(stub.address(), &[]);
    rig::until("a failure of TLS", || exporter.sample(&failures("tls")).filter(|count| *count >= 1.0));
    rig::until("the reason in the log", || {
        exporter.output().contains("sites[].database.ca_file").then_some(())
    });
    let trusting = format!("ca_file: {}", authority.file().display());
    let exporter = Exporter::watching(stub.address(), &[&trusting]);
    rig::until("a refused log-on", || {
        exporter.sample(&failures("authentication")).filter(|count| *count >= 1.0)
    });
    assert_secret(&exporter);
}
