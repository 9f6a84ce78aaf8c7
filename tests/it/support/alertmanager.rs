//! A real Alertmanager with a configuration of the test's.

use std::fs;
use std::net::SocketAddr;

use serde_json::Value;

use super::server::Server;

/// A running Alertmanager.
pub(crate) struct Alertmanager(Server);

impl Alertmanager {
    /// Starts it, and waits until it is ready.
    ///
    /// `None`, after a message, where there is no `prometheus-alertmanager` (as Debian calls it) in the PATH.
    #[track_caller]
    pub(crate) fn start(configuration: &Value) -> Option<Self> {
        let server = Server::start("prometheus-alertmanager", "Listening on", &[], |directory, address| {
            let file = directory.join("alertmanager.yml");
            // JSON is YAML.
            fs::write(&file, configuration.to_string())
                .expect("the configuration of Alertmanager is written");
            vec![
                format!("--config.file={}", file.display()),
                format!("--storage.path={}", directory.join("data").display()),
                format!("--web.listen-address={address}"),
                // It is alone.
                "--cluster.listen-address=".to_owned(),
            ]
        });
        server.map(Self)
    }

    /// Where it takes alerts.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
    }
}
