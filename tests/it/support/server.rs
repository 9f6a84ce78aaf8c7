//! A server of the monitoring world as a process: Prometheus, Alertmanager.
//!
//! It has a directory and a port of its own and dies with its value. Where the program is missing, tests that
//! need it are skipped, except in CI.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::{http, tool, wait};

/// A cold start takes under a second; the rest is for a machine that builds something else meanwhile.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// How often another free port is tried when somebody else took the one that was found.
const START_ATTEMPTS: usize = 3;

/// A running server.
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
    directory: TempDir,
}

impl Server {
    /// Starts a program with these variables and the arguments that `prepare` makes for its directory and its address,
    /// and waits until it is ready and has logged `says`.
    ///
    /// `None`, after a message, where there is no such program in the PATH.
    #[track_caller]
    pub(crate) fn start(
        program: &str,
        says: &str,
        environment: &[(&str, &str)],
        prepare: impl Fn(&Path, SocketAddr) -> Vec<String>,
    ) -> Option<Self> {
        let path = tool(program)?;
        for _ in 0..START_ATTEMPTS {
            let directory = TempDir::new().expect("a temporary directory");
            let address = free_address();
            let log = File::create(directory.path().join("log")).expect("a file for its log");
            let process = Command::new(&path)
                .args(prepare(directory.path(), address))
                .envs(environment.iter().copied())
                .stdin(Stdio::null())
                .stdout(log.try_clone().expect("its log twice"))
                .stderr(log)
                .spawn()
                .expect("the server starts");
            let mut server = Self { process, address, directory };
            if server.becomes_ready(program, says) {
                return Some(server);
            }
            if !server.log().contains("address already in use") {
                panic!("{program} ended early:\n{}", server.log());
            }
        }
        panic!("{program} found no free port in {START_ATTEMPTS} attempts");
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the server logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Waits until the server is ready (true) or has ended (false).
    fn becomes_ready(&mut self, program: &str, says: &str) -> bool {
        wait::until(START_DEADLINE, &format!("{program} to be ready"), || {
            if self.process.try_wait().expect("the state of the server").is_some() {
                return Some(false);
            }
            // The port may answer for somebody else who took it meanwhile; then the process ends, which the
            // next look sees.
            let answer = http::request("GET", self.address, "/-/ready", &[]).ok()?;
            (answer.status == 200 && self.log().contains(says)).then_some(true)
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its data goes with the directory: nothing is worth an orderly end. Errors mean that it has ended
        // already.
        drop(self.process.kill());
        drop(self.process.wait());
        if std::thread::panicking() {
            eprintln!("--- the server at {} wrote\n{}", self.address, self.log());
        }
    }
}

/// An address that was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
}
