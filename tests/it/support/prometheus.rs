//! A real Prometheus server, for tests of what a user sees after the scrape.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::server::{Server, free_address};
use super::{http, wait};

/// What a server scrapes, what it evaluates each second, and whom it tells of alerts.
#[derive(Default)]
pub(crate) struct Setup<'a> {
    /// What it scrapes, each second unless it says otherwise.
    pub(crate) jobs: Vec<Value>,
    /// Rule files.
    pub(crate) rules: &'a [&'a Path],
    /// An Alertmanager.
    pub(crate) alertmanager: Option<SocketAddr>,
    /// Variables of the process.
    pub(crate) environment: &'a [(&'a str, &'a str)],
}

/// A job with one target, whose path is `/metrics`.
pub(crate) fn job(name: &str, target: SocketAddr) -> Value {
    json!({ "job_name": name, "static_configs": [{ "targets": [target.to_string()] }] })
}

/// A running Prometheus server.
pub(crate) struct Prometheus(Server);

impl Prometheus {
    /// Starts a server, and waits until it is ready.
    ///
    /// `None`, after a message, where there is no `prometheus` in the PATH.
    #[track_caller]
    pub(crate) fn start(setup: &Setup<'_>) -> Option<Self> {
        let server =
            Server::start("prometheus", "Server is ready", setup.environment, |directory, address| {
                let file = directory.join("prometheus.yml");
                fs::write(&file, configuration(setup)).expect("the configuration of Prometheus is written");
                vec![
                    format!("--config.file={}", file.display()),
                    format!("--storage.tsdb.path={}", directory.join("data").display()),
                    format!("--web.listen-address={address}"),
                ]
            });
        server.map(Self)
    }

    /// Starts a server that scrapes `http://{target}/metrics` as job `exporter`, as [`Self::start`] does.
    #[track_caller]
    pub(crate) fn scraping(target: SocketAddr) -> Option<Self> {
        Self::start(&Setup { jobs: vec![job("exporter", target)], ..Setup::default() })
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// What the server logged so far.
    pub(crate) fn log(&self) -> String {
        self.0.log()
    }

    /// The `result` of an instant query now: an array of samples, or a pair for a scalar.
    #[track_caller]
    pub(crate) fn query(&self, expression: &str) -> Value {
        let path = format!("/api/v1/query?query={}", percent_encoded(expression));
        let mut answer = http::get(self.address(), &path, &[]).json();
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].take()
    }

    /// Whether an instant query finds a sample now.
    #[track_caller]
    pub(crate) fn finds(&self, expression: &str) -> bool {
        self.query(expression).as_array().is_some_and(|found| !found.is_empty())
    }

    /// Queries until there is a sample, and returns the samples.
    #[track_caller]
    pub(crate) fn query_until_found(&self, deadline: Duration, expression: &str) -> Value {
        wait::until(deadline, &format!("a result of {expression}"), || {
            Some(self.query(expression))
                .filter(|result| result.as_array().is_some_and(|found| !found.is_empty()))
        })
    }
}

fn configuration(setup: &Setup<'_>) -> String {
    let Setup { jobs, rules, alertmanager, environment: _ } = setup;
    let rules: Vec<_> =
        rules.iter().map(|path| std::path::absolute(path).expect("an absolute path")).collect();
    let told: Vec<_> = alertmanager.iter().map(ToString::to_string).collect();
    // JSON is YAML, and its writer knows how to quote.
    json!({
        "global": { "scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s" },
        "rule_files": rules,
        "alerting": { "alertmanagers": [{ "static_configs": [{ "targets": told }] }] },
        "scrape_configs": jobs,
    })
    .to_string()
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
