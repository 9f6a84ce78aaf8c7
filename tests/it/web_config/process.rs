//! The program with a web configuration: what it says of one, and certificates that are renewed while it answers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::support::authority::{Authority, ask};
use crate::support::process::{DEADLINE, ONE_SITE, Place};
use crate::support::wait;

const TLS: &str = "tls_server_config: { cert_file: server.crt, key_file: server.key }\n";
/// Clients that ask all the time while a certificate is renewed.
const CLIENTS: usize = 4;
const RENEWALS: usize = 3;

#[test]
fn a_renewed_certificate_is_used_without_a_failed_request() {
    let place = Place::new(ONE_SITE);
    let authority = Authority::new();
    let mut shown = authority.renew(&place);
    place.write("web.yml", TLS);
    let exporter = place.launch(&[&format!("--web.config.file={}", place.path("web.yml").display())]);
    let (address, client) = (exporter.address(), authority.client());
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let (status, _) = ask(address, &client).expect("an answer");
                        assert_eq!(status, "HTTP/1.1 200 OK");
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for _ in 0..RENEWALS {
            assert_eq!(ask(address, &client).unwrap().1, shown);
            let before = answered.load(Ordering::Relaxed);
            shown = authority.renew(&place);
            wait::until(DEADLINE, "the new certificate", || {
                let is_failed = clients.iter().any(thread::ScopedJoinHandle::is_finished);
                (is_failed || ask(address, &client).unwrap().1 == shown).then_some(())
            });
            assert!(answered.load(Ordering::Relaxed) > before);
        }
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().for_each(|client| client.join().expect("no failed request"));
    });
    assert!(!exporter.log().contains("level=error"), "{}", exporter.log());
}

#[test]
fn what_protects_stays_when_the_file_is_emptied() {
    let place = Place::new(ONE_SITE);
    let authority = Authority::new();
    authority.renew(&place);
    place.write("web.yml", TLS);
    let exporter = place.launch(&[&format!("--web.config.file={}", place.path("web.yml").display())]);
    let (address, client) = (exporter.address(), authority.client());
    place.write("web.yml", "");
    let told = "no longer has tls_server_config";
    wait::until(DEADLINE, told, || exporter.log().contains(told).then_some(()));
    assert_eq!(ask(address, &client).unwrap().0, "HTTP/1.1 200 OK");
}

#[test]
fn a_check_tells_of_both_files() {
    let place = Place::new(ONE_SITE);
    let check = |text: &str| {
        place.write("web.yml", text);
        let flag = format!("--web.config.file={}", place.path("web.yml").display());
        let output = place.output(&["--config.check", &flag]);
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, stdout, _) = check(TLS);
    assert_eq!((code, stdout.as_str()), (Some(64), ""));
    Authority::new().renew(&place);
    let (code, stdout, stderr) = check(TLS);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.starts_with("sites:\n") && stdout.contains("#   cert_file: "), "{stdout}");
    // What is printed is still a configuration of the sites.
    place.write("again.yml", &stdout);
    let again =
        place.output(&["--config.check", &format!("--config.file={}", place.path("again.yml").display())]);
    assert!(again.status.success());

    place.write("exporter.yml", "sites: []\n");
    let (code, _, stderr) = check("rate_limit: { interval: soon, burst: 0 }\n");
    assert_eq!(code, Some(64));
    let files: Vec<_> = stderr.lines().map(|line| line.contains("web.yml:1: rate_limit.")).collect();
    assert_eq!(files, [false, true, true], "{stderr}");
}

#[test]
fn a_web_configuration_that_cannot_be_used_stops_the_start() {
    let place = Place::new(ONE_SITE);
    place.write("web.yml", TLS);
    let flag = format!("--web.config.file={}", place.path("web.yml").display());
    for command in ["serve", "demo"] {
        let output = place.output(&[command, &flag]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{command}: {stderr}");
        for file in ["server.crt", "server.key"] {
            assert!(stderr.contains(&format!("{file}: there is no such file; check the path")), "{stderr}");
        }
    }
    let output = place.output(&["serve", "--web.config.file=missing.yml"]);
    assert_eq!(output.status.code(), Some(64));
    let wanted = "cannot read the web configuration: there is no such file; check the path given with --web.config.file";
    assert!(String::from_utf8_lossy(&output.stderr).contains(wanted));
}

#[cfg(unix)]
#[test]
fn a_file_that_hangs_is_told_of_at_the_start_and_not_waited_for() {
    let place = Place::new(ONE_SITE);
    // Who opens it to read waits until somebody writes.
    let made = std::process::Command::new("mkfifo").arg(place.path("hangs.yml")).status();
    assert!(made.expect("mkfifo starts").success());
    let file = place.path("hangs.yml").display().to_string();
    for flag in ["--web.config.file", "--config.file"] {
        // Whoever starts the exporter again may find it there.
        for (command, code) in [("serve", 1), ("--config.check", 64)] {
            let mut process = place.launch(&[command, &format!("{flag}={file}")]);
            assert_eq!(process.wait(DEADLINE).code(), Some(code), "{command} {flag}");
            let told =
                format!("{file}: not read within 10 s; look at the volume of it and of what it names\n");
            assert!(process.log().ends_with(&told), "{command} {flag}: {}", process.log());
        }
    }
}
