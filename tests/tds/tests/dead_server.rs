//! A site database that is down for an hour costs nobody anything: few connections, no memory, and no scrape.
//!
//! A test program of its own, because it measures the memory of its process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use configmgr_backup_exporter::app::{App, Load, Options, ReloadOptions};
use configmgr_backup_exporter::clock::Clock;
use configmgr_backup_exporter::config::Config;
use configmgr_backup_exporter::demo::writer::{BackupTask, LogWriter};
use configmgr_backup_exporter::environment::Environment;
use configmgr_backup_exporter::reloads::{LastReloads, Refused};
use configmgr_backup_exporter::services::SystemServices;
use configmgr_backup_exporter::site::{Timestamp, Timings};
use configmgr_backup_exporter::source::site_database::SqlServers;
use rig::{DATABASE, PASSWORD, PASSWORD_VARIABLE, USER, site};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The most that connecting, and each single read or write, may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Scrapes, a minute apart.
const SCRAPES: usize = 60;

/// What is true of every one of them.
const TRUE: [&str; 3] = [
    "configmgr_backup_source_up{site_code=\"P01\",source=\"database\"} 0\n",
    "configmgr_backup_source_up{site_code=\"P01\",source=\"backup_log\"} 1\n",
    "configmgr_backup_last_success_timestamp_seconds{site_code=\"P01\"} ",
];

/// A server that closes every connection at once, and how many there were.
fn dead_server() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            counted.fetch_add(1, Ordering::SeqCst);
            drop(client);
        }
    });
    (address, connections)
}

/// A folder with the log of one success that began at `begin`, and the configuration of its site.
fn place(begin: Timestamp, server: SocketAddr) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let writer = LogWriter::new(site(), "CM01.corp.example");
    let log = BackupTask::new(site()).success().text(&writer, begin);
    std::fs::write(folder.path().join("smsbkup.log"), log).expect("the log");
    let configuration = format!(
        "sites:\n  - code: {}\n    log: {{ path: smsbkup.log }}\n    database:\n      server: {}\n      port: {}\n      \
         name: {DATABASE}\n      authentication: {{ user: {USER}, password_env: {PASSWORD_VARIABLE} }}\n      \
         encryption: off\n",
        site(),
        server.ip(),
        server.port(),
    );
    std::fs::write(folder.path().join("exporter.yml"), configuration).expect("the configuration");
    folder
}

fn scrape(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT).expect("the exporter listens");
    stream.set_read_timeout(Some(TIMEOUT)).expect("a bounded read");
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: exporter\r\n\r\n").expect("a request");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("a response");
    response
}

/// Pages of memory that this process has; `None` where the system does not tell it like Linux.
fn resident() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    pages.split(' ').nth(1)?.parse().ok()
}

/// The hour passes as fast as the machine can go through it: time moves where nobody is at work.
#[tokio::test(start_paused = true)]
async fn a_dead_server_costs_few_connections_no_memory_and_no_scrape() {
    let (server, connections) = dead_server();
    let now: Timestamp = "2026-06-01T10:00:00Z".parse().expect("a time");
    let place = place(now - Duration::from_secs(8 * 3600), server);
    let options = Options {
        clock: Clock::anchored(now),
        timings: Timings::DEFAULT,
        state_path: place.path().join("state"),
        account: "the test".to_owned(),
        databases: Box::new(SqlServers::new(&Environment::new([(PASSWORD_VARIABLE, PASSWORD)]))),
        services: Box::new(SystemServices::new(&Environment::default())),
        listen: vec![([127, 0, 0, 1], 0).into()],
        web: None,
        max_connections: 16,
        open_health_endpoints: false,
        telemetry_path: "/metrics".to_owned(),
        process: None,
        reload: ReloadOptions {
            load: Load::new(|| Err(Refused::by_content(vec!["nothing is read anew here".to_owned()]))),
            outcome: LastReloads::new(Clock::System.now()),
            lifecycle: false,
            watched: None,
            threads: 256,
        },
    };
    let config = Config::load(&place.path().join("exporter.yml")).expect("the configuration");
    let app = App::build(config, options).expect("a program that can run");
    let address = app.addresses()[0];
    let stop = CancellationToken::new();
    let running = tokio::spawn(app.run(stop.clone()));

    let mut memory = Vec::new();
    for number in 1..=SCRAPES {
        tokio::time::sleep(Duration::from_secs(60)).await;
        // While a thread is at work, time stands still.
        let response = tokio::task::spawn_blocking(move || scrape(address)).await.expect("a scrape");
        assert!(response.starts_with("HTTP/1.0 200 ") || response.starts_with("HTTP/1.1 200 "), "{response}");
        for series in TRUE {
            assert!(response.contains(&format!("\n{series}")), "scrape {number}: {series} in {response}");
        }
        memory.push(resident());
    }
    let connections = connections.load(Ordering::SeqCst);
    assert!((2..=20).contains(&connections), "{connections} connections in an hour");
    if let (Some(tenth), Some(end)) = (memory[SCRAPES / 10 - 1], memory[SCRAPES - 1]) {
        eprintln!("{connections} connections; {tenth} pages after a tenth of the hour, {end} at its end");
        assert!(end * 10 <= tenth * 11, "{tenth} pages grew to {end}");
    }
    stop.cancel();
    running.await.expect("no panic").expect("an orderly end");
}
