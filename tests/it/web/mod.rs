//! The web server of the real program under clients that mean no good: what an honest scraper notices of them, what they
//! cost, and how soon all is as before; and that a real Prometheus gets through with what it is asked for.
//!
//! Everything is on this machine and ends with the test.

mod attackers;
mod prometheus;
mod scraper;

use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use crate::support::backups::{one_more, successes};
use crate::support::process::{DEADLINE, ONE_SITE, Place};
use crate::support::wait;
use attackers::Attack;
use scraper::{Scraped, Target};

const SCRAPES: usize = 100;
/// What Prometheus waits for a scrape by default.
const PATIENCE: Duration = Duration::from_secs(10);
/// How soon after the attack nothing of it is left.
const RECOVERY: Duration = Duration::from_secs(10);
/// What the attack may cost in bytes of resident memory: a fifth of a megabyte for each of the 256 connections, for the
/// buffers of TLS and HTTP/2 on both ways, and what the allocator keeps.
const MEMORY: f64 = 64.0 * 1024.0 * 1024.0;
/// Files that this process may open: one for each attacker, and some besides.
const FILES: u64 = 4096;

/// Lets this process have as many sockets as the attack needs.
fn raise_file_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_some_and(|current| current < FILES) {
        let raised = Rlimit { current: Some(maximum.unwrap_or(FILES).min(FILES)), maximum };
        setrlimit(Resource::Nofile, raised).expect("a higher limit of open files");
    }
    let current = getrlimit(Resource::Nofile).current;
    assert!(
        current.is_none_or(|current| current >= FILES),
        "this test opens {FILES} sockets and the system permits {current:?}: raise the hard limit (ulimit -Hn)"
    );
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// Scrapes while all attacks go on at once, and then until it is as before.
fn survives(target: &Arc<Target>) {
    // Two of them, so that the scraper does not wait for the attackers of this process.
    let (own, hostile) = (runtime(), runtime());
    let scrape = || own.block_on(target.scrape(PATIENCE));
    let before = scrape().expect("a scrape of an idle exporter");
    let stop = CancellationToken::new();
    let tally = attackers::start(&hostile, target, &stop);
    wait::until(
        DEADLINE,
        "every attacker to have begun, and some of each kind to have been sent away",
        || {
            let all =
                |attack: &Attack| tally.begun(*attack) >= attack.attackers() && tally.ended(*attack) > 0;
            Attack::ALL.iter().all(all).then_some(())
        },
    );

    let during: Vec<Scraped> = (0..SCRAPES)
        .map(|number| scrape().unwrap_or_else(|error| panic!("scrape {number}: {error}; {tally:?}")))
        .collect();
    let slowest = during.iter().map(|scraped| scraped.took).max().unwrap();
    let most = during.iter().map(|scraped| scraped.resident).fold(before.resident, f64::max);
    let files = during.iter().map(|scraped| scraped.files).fold(0.0, f64::max);
    eprintln!("{slowest:?} at most; {} to {most} bytes, {files} files; {tally:?}", before.resident);
    assert!(most < before.resident + MEMORY, "{} bytes grew to {most}", before.resident);
    assert!(files < before.files + 300.0, "{} open files grew to {files}", before.files);

    stop.cancel();
    hostile.shutdown_timeout(PATIENCE);
    wait::until(RECOVERY, "only the scraper to be connected", || {
        let after = scrape().ok()?;
        (after.files <= before.files && after.took < Duration::from_secs(1)).then_some(())
    });
}

#[test]
#[ignore = "needs the machine for itself; tests/run runs it alone"]
fn an_attack_on_plain_http_delays_no_scrape_for_long_and_leaves_nothing_behind() {
    raise_file_limit();
    let place = Place::new(ONE_SITE);
    let exporter = place.start();
    survives(&Arc::new(Target::plain(exporter.address())));
}

#[test]
#[ignore = "needs the machine for itself; tests/run runs it alone"]
fn an_attack_on_tls_delays_no_scrape_for_long_and_leaves_nothing_behind() {
    raise_file_limit();
    let place = Place::new(ONE_SITE);
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    place.write("server.crt", cert.pem());
    place.write("server.key", signing_key.serialize_pem());
    place.write("web.yml", "tls_server_config: { cert_file: server.crt, key_file: server.key }\n");
    let exporter = place.launch(&[&format!("--web.config.file={}", place.path("web.yml").display())]);
    survives(&Arc::new(Target::secure(exporter.address(), cert.der().clone())));
}

#[test]
fn silent_clients_leave_files_for_the_logs_where_the_process_may_open_few() {
    const MAY_OPEN: usize = 256;
    let place = Place::new(ONE_SITE);
    place.append(&successes("P01", 1));
    let program = place.command(&[]);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {MAY_OPEN} && exec \"$@\""), "sh"]);
    command.arg(program.get_program()).args(program.get_args());
    let exporter = place.spawn(command);
    let address = exporter.address();
    assert!(exporter.log().contains("asked=256 permitted=64"), "{}", exporter.log());
    exporter.until("runs_total{site_code=\"P01\"}", 1.0);
    let silent: Vec<_> = (0..300).map(|_| TcpStream::connect(address).expect("accepted")).collect();
    place.append(&one_more("P01"));
    exporter.until("runs_total{site_code=\"P01\"}", 2.0);
    assert!(!exporter.log().contains("Too many open files"), "{}", exporter.log());
    drop(silent);
}
