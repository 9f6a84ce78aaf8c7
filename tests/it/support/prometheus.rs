//! A real Prometheus server that scrapes one target, for tests of what a user sees after the scrape.
//!
//! It has a directory and a port of its own and dies with its value. Where the program is missing, tests that
//! need it are skipped, except in CI.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::{http, skip_without, wait};

/// A cold start takes under a second; the rest is for a machine that builds something else meanwhile.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// How often another free port is tried when somebody else took the one that was found.
const START_ATTEMPTS: usize = 3;

/// A running Prometheus server.
pub(crate) struct Prometheus {
    process: Child,
    address: SocketAddr,
    directory: TempDir,
}

impl Prometheus {
    /// Starts a server that scrapes `http://{target}/metrics` each second as job `exporter`, and waits until
    /// it is ready.
    ///
    /// `None`, after a message, where there is no `prometheus` in the PATH.
    #[track_caller]
    pub(crate) fn scraping(target: SocketAddr) -> Option<Self> {
        Self::scraping_with_rules(target, &[])
    }

    /// As [`Self::scraping`], with rule files that are evaluated each second.
    #[track_caller]
    pub(crate) fn scraping_with_rules(target: SocketAddr, rules: &[&Path]) -> Option<Self> {
        for _ in 0..START_ATTEMPTS {
            let directory = TempDir::new().expect("a temporary directory");
            fs::write(directory.path().join("prometheus.yml"), configuration(target, rules))
                .expect("the configuration of Prometheus is written");
            let address = free_address();
            let process = match start(directory.path(), address) {
                Ok(process) => process,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    skip_without("prometheus");
                    return None;
                }
                Err(error) => panic!("prometheus does not start: {error}"),
            };
            let mut server = Self { process, address, directory };
            if server.becomes_ready() {
                return Some(server);
            }
            if !server.log().contains("address already in use") {
                panic!("prometheus ended early:\n{}", server.log());
            }
        }
        panic!("prometheus found no free port in {START_ATTEMPTS} attempts");
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The `result` of an instant query now: an array of samples, or a pair for a scalar.
    #[track_caller]
    pub(crate) fn query(&self, expression: &str) -> Value {
        let path = format!("/api/v1/query?query={}", percent_encoded(expression));
        let mut answer = http::get(self.address, &path, &[]).json();
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].take()
    }

    /// Queries until there is a sample, and returns the samples.
    #[track_caller]
    pub(crate) fn query_until_found(&self, deadline: Duration, expression: &str) -> Value {
        wait::until(deadline, &format!("a result of {expression}"), || {
            Some(self.query(expression))
                .filter(|result| result.as_array().is_some_and(|found| !found.is_empty()))
        })
    }

    /// What the server logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Waits until the server is ready (true) or has ended (false).
    fn becomes_ready(&mut self) -> bool {
        wait::until(START_DEADLINE, "prometheus to be ready", || {
            if self.process.try_wait().expect("the state of prometheus").is_some() {
                return Some(false);
            }
            // The port may answer for somebody else who took it meanwhile; then the process ends, which the
            // next look sees.
            let answer = http::request("GET", self.address, "/-/ready", &[]).ok()?;
            (answer.status == 200 && self.log().contains("Server is ready")).then_some(true)
        })
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Its data goes with the directory: nothing is worth an orderly end. Errors mean that it has ended
        // already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn start(directory: &Path, address: SocketAddr) -> io::Result<Child> {
    let log = File::create(directory.join("log"))?;
    Command::new("prometheus")
        .arg(format!("--config.file={}", directory.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", directory.join("data").display()))
        .arg(format!("--web.listen-address={address}"))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

fn configuration(target: SocketAddr, rules: &[&Path]) -> String {
    let targets = [target.to_string()];
    let rules: Vec<_> =
        rules.iter().map(|path| std::path::absolute(path).expect("an absolute path")).collect();
    // JSON is YAML, and its writer knows how to quote.
    serde_json::json!({
        "global": { "scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s" },
        "rule_files": rules,
        "scrape_configs": [{ "job_name": "exporter", "static_configs": [{ "targets": targets }] }],
    })
    .to_string()
}

/// An address that was free a moment ago.
fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a string does not fail");
        }
        encoded
    })
}

#[test]
fn a_server_answers_queries_about_its_target() {
    // It scrapes what is not there, which is a result too: the series `up`.
    let Some(server) = Prometheus::scraping(free_address()) else { return };
    let up = server.query_until_found(Duration::from_secs(30), r#"up{job="exporter"} == 0"#);
    assert_eq!(up[0]["value"][1], "0", "{up}");
    assert_eq!(server.query("1 + 1")[1], "2");
}
