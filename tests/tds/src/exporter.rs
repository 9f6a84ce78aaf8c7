//! The real program as a process, with a site database and nothing else to watch.
//!
//! It is found beside the test's own program; `EXPORTER_BINARY` names another build.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::{DATABASE, PASSWORD, USER, until};

/// The most that connecting, and each single read or write, may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A running exporter, which dies with its value.
pub struct Exporter {
    folder: TempDir,
    process: Child,
    address: SocketAddr,
}

impl Exporter {
    /// Starts it with the most talkative log, and with a site database on a server of this machine.
    ///
    /// `more` are lines of the section `database`.
    pub fn watching(server: SocketAddr, more: &[&str]) -> Self {
        Self::watching_more(server, more, &[])
    }

    /// The same with further lines of the site.
    pub fn watching_more(server: SocketAddr, more: &[&str], site: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let place = |name: &str| folder.path().join(name);
        fs::write(place("password"), format!("{PASSWORD}\n")).expect("the password's file");
        let more: String = more.iter().map(|line| format!("      {line}\n")).collect();
        let site: String = site.iter().map(|line| format!("    {line}\n")).collect();
        let configuration = format!(
            "sites:\n  - code: P01\n{site}    database:\n      server: {}\n      port: {}\n      name: {DATABASE}\n      \
             authentication: {{ user: {USER}, password_file: password }}\n      interval: 10s\n{more}",
            server.ip(),
            server.port(),
        );
        fs::write(place("exporter.yml"), configuration).expect("the configuration");
        let process = Command::new(program())
            .arg(format!("--config.file={}", place("exporter.yml").display()))
            .arg(format!("--state.path={}", place("state").display()))
            .args(["--web.listen-address=127.0.0.1:0", "--log.level=debug"])
            .stdin(Stdio::null())
            .stdout(File::create(place("stdout")).expect("a file for standard output"))
            .stderr(File::create(place("stderr")).expect("a file for standard error"))
            .spawn()
            .expect("the exporter starts");
        let mut exporter = Self { folder, process, address: SocketAddr::from(([0, 0, 0, 0], 0)) };
        exporter.address = until("the exporter to listen", || {
            let ended = exporter.process.try_wait().expect("the state of the exporter");
            assert!(ended.is_none(), "the exporter ended: {ended:?}");
            let log = exporter.output();
            let line = log.split_inclusive('\n').find(|line| line.contains("message=listening"))?;
            let (_, rest) = line.strip_suffix('\n')?.split_once("addresses=")?;
            rest.split([' ', ',']).next()?.parse().ok()
        });
        exporter
    }

    /// What it wrote to standard output and standard error so far.
    pub fn output(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        read("stdout") + &read("stderr")
    }

    /// Everything in its state directory.
    pub fn state(&self) -> String {
        let files = fs::read_dir(self.folder.path().join("state")).into_iter().flatten().flatten();
        files
            .map(|file| String::from_utf8_lossy(&fs::read(file.path()).unwrap_or_default()).into_owned())
            .collect()
    }

    /// The body that a path answers.
    #[track_caller]
    pub fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect_timeout(&self.address, TIMEOUT).expect("the exporter listens");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a bounded read");
        write!(stream, "GET {path} HTTP/1.0\r\nHost: exporter\r\n\r\n").expect("a request");
        let mut response = Vec::new();
        stream.read_to_end(&mut response).expect("a response");
        let response = String::from_utf8(response).expect("text");
        let (head, body) = response.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains(" 200 "), "{path}: {head}");
        body.to_owned()
    }

    /// The value of a series, as in `source_up{site_code="P01",source="database"}`.
    #[track_caller]
    pub fn sample(&self, series: &str) -> Option<f64> {
        let exposition = self.get("/metrics");
        let samples = exposition.lines().filter_map(|line| line.strip_prefix("configmgr_backup_"));
        samples.filter_map(|line| line.rsplit_once(' ')).find(|(name, _)| *name == series)?.1.parse().ok()
    }

    /// Scrapes until a series has this value.
    #[track_caller]
    pub fn until(&self, series: &str, value: f64) {
        until(&format!("{series} to be {value}"), || (self.sample(series) == Some(value)).then_some(()));
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        drop(self.process.kill());
        drop(self.process.wait());
        if std::thread::panicking() {
            eprintln!("--- the exporter wrote\n{}", self.output());
        }
    }
}

/// The program of the same build, two folders above the test's own.
fn program() -> PathBuf {
    if let Some(program) = std::env::var_os("EXPORTER_BINARY") {
        return program.into();
    }
    let own = std::env::current_exe().expect("the test's own program");
    let folder = own.parent().and_then(|deps| deps.parent()).expect("the folder of the build");
    let program = folder.join("configmgr_backup_exporter");
    assert!(program.is_file(), "{} is missing; cargo build makes it", program.display());
    program
}
