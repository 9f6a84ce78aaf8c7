//! The real program as a process of its own, with real files and sockets, and what it exports.
//!
//! The variable `EXPORTER_BINARY` names another build to test instead of the one just made (a release, say).

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::{http, wait};

/// For whatever takes well under a second on an idle machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// One site whose failures are final at once, so that nothing is waited for but the exporter.
pub(crate) const ONE_SITE: &str = "\
sites:
  - code: P01
    role: hierarchy
    log: { path: logs/smsbkup.log, interval: 1s }
    judgement: { settle: 0s }
";

/// A folder with a configuration, the logs of its sites below `logs`, and the state directory `state`.
pub(crate) struct Place {
    directory: TempDir,
    launched: Cell<u32>,
    port: Cell<u16>,
}

impl Place {
    /// A folder with this configuration and no log yet.
    pub(crate) fn new(configuration: &str) -> Self {
        let directory = TempDir::new().expect("a temporary folder");
        let place = Self { directory, launched: Cell::new(0), port: Cell::new(0) };
        fs::create_dir(place.path("logs")).expect("the folder of the logs");
        place.write("exporter.yml", configuration);
        place
    }

    /// Something in the folder.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.directory.path().join(relative)
    }

    /// The log of [`ONE_SITE`].
    pub(crate) fn log(&self) -> PathBuf {
        self.path("logs/smsbkup.log")
    }

    /// The checkpoint of a site.
    pub(crate) fn checkpoint(&self, site: &str) -> PathBuf {
        self.path(&format!("state/{site}.checkpoint.json"))
    }

    /// Writes a file anew.
    #[track_caller]
    pub(crate) fn write(&self, relative: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(relative), text).expect("a file is written");
    }

    /// Appends to the log of [`ONE_SITE`].
    #[track_caller]
    pub(crate) fn append(&self, text: &str) {
        append(&self.log(), text);
    }

    /// Lets every process from now on listen on the same port, and returns its address.
    ///
    /// The port is below those that the system gives to clients, so nobody takes it between two processes.
    pub(crate) fn keep_port(&self) -> SocketAddr {
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let free =
            || Some(fastrand::u16(20_000..30_000)).filter(|port| TcpListener::bind(address(*port)).is_ok());
        self.port.set(wait::until(DEADLINE, "a free port", free));
        address(self.port.get())
    }

    /// The program with the configuration, the state directory and a port, and these arguments after them.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = binary();
        command
            .arg(format!("--config.file={}", self.path("exporter.yml").display()))
            .arg(format!("--state.path={}", self.path("state").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{}", self.port.get()))
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// The output of the program where it ends by itself.
    #[track_caller]
    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program starts")
    }

    /// Starts the program and waits for nothing.
    #[track_caller]
    pub(crate) fn launch(&self, arguments: &[&str]) -> Exporter {
        self.spawn(self.command(arguments))
    }

    /// Starts the program as this command has it, and waits for nothing.
    #[track_caller]
    pub(crate) fn spawn(&self, mut command: Command) -> Exporter {
        self.launched.set(self.launched.get() + 1);
        let stderr = self.path(&format!("stderr-{}", self.launched.get()));
        command.stderr(File::create(&stderr).expect("a file for standard error"));
        let process = command.stdout(Stdio::null()).spawn().expect("the program starts");
        Exporter { process, stderr, address: OnceCell::new() }
    }

    /// Starts the program and waits until it listens.
    #[track_caller]
    pub(crate) fn start(&self) -> Exporter {
        let exporter = self.launch(&[]);
        exporter.address();
        exporter
    }
}

/// The program under test.
pub(crate) fn binary() -> Command {
    let other = std::env::var_os("EXPORTER_BINARY");
    Command::new(other.unwrap_or_else(|| env!("CARGO_BIN_EXE_configmgr_backup_exporter").into()))
}

/// Appends to a file, making it if it is not there.
#[track_caller]
pub(crate) fn append(path: &Path, text: &str) {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("the file grows");
}

/// A running exporter, which dies with its value.
pub(crate) struct Exporter {
    process: Child,
    stderr: PathBuf,
    address: OnceCell<SocketAddr>,
}

impl Exporter {
    /// Where it listens, as it says itself; waits until it has said so.
    #[track_caller]
    pub(crate) fn address(&self) -> SocketAddr {
        *self.address.get_or_init(|| {
            wait::until(DEADLINE, "the exporter to listen", || {
                let log = self.log();
                // A line without its end is still being written.
                let line = log.split_inclusive('\n').find(|line| line.contains("message=listening"))?;
                let (_, rest) = line.strip_suffix('\n')?.split_once("addresses=")?;
                let address: SocketAddr = rest.split([' ', ',']).next()?.parse().ok()?;
                // Where it listens everywhere it listens here.
                let here = SocketAddr::from(([127, 0, 0, 1], address.port()));
                Some(if address.ip().is_unspecified() { here } else { address })
            })
        })
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it wrote to standard error so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.stderr).expect("what the exporter wrote")
    }

    /// Gets a path.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> http::Response {
        http::get(self.address(), path, &[])
    }

    /// All samples that it exports now.
    #[track_caller]
    pub(crate) fn scrape(&self) -> Samples {
        let response = self.get("/metrics");
        assert_eq!(response.status, 200);
        Samples::parse(response.text())
    }

    /// Scrapes until a series has this value.
    #[track_caller]
    pub(crate) fn until(&self, series: &str, value: f64) -> Samples {
        let what = format!("{series} to be {value}");
        wait::until(DEADLINE, &what, || Some(self.scrape()).filter(|found| found.get(series) == Some(value)))
    }

    /// Scrapes until a path answers 200.
    #[track_caller]
    pub(crate) fn until_ok(&self, path: &str) {
        let what = format!("{path} to answer 200");
        wait::until(DEADLINE, &what, || (self.get(path).status == 200).then_some(()));
    }

    /// Kills it without giving it a chance (SIGKILL), and waits until it is gone.
    pub(crate) fn kill(mut self) {
        self.process.kill().expect("the exporter is killed");
        self.process.wait().expect("the exporter is gone");
    }

    /// Asks it to stop (SIGTERM).
    #[cfg(unix)]
    #[track_caller]
    pub(crate) fn terminate(&self) {
        let kill = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        assert!(kill.expect("kill starts").success());
    }

    /// Waits until it ends by itself.
    #[track_caller]
    pub(crate) fn wait(&mut self, deadline: Duration) -> ExitStatus {
        wait::until(deadline, "the exporter to end", || {
            self.process.try_wait().expect("the state of the exporter")
        })
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        drop(self.process.kill());
        drop(self.process.wait());
        if std::thread::panicking() {
            eprintln!("--- the exporter wrote\n{}", fs::read_to_string(&self.stderr).unwrap_or_default());
        }
    }
}

/// Samples by series, as in `runs_total{site_code="P01"}`: without the prefix of this exporter's own names.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Samples(pub(crate) BTreeMap<String, f64>);

impl Samples {
    /// Reads an exposition.
    #[track_caller]
    pub(crate) fn parse(exposition: &str) -> Self {
        let sample = |line: &str| {
            let (series, value) = line.rsplit_once(' ').expect("a series and its value");
            let series = series.strip_prefix("configmgr_backup_").unwrap_or(series);
            (series.to_owned(), value.parse().expect("a number"))
        };
        Self(exposition.lines().filter(|line| !line.starts_with('#')).map(sample).collect())
    }

    /// The value of a series, if it is there.
    pub(crate) fn get(&self, series: &str) -> Option<f64> {
        self.0.get(series).copied()
    }

    /// The series of a family with their values.
    pub(crate) fn family<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        let of_family = move |series: &str| {
            series.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
        };
        self.0
            .iter()
            .filter(move |(series, _)| of_family(series))
            .map(|(series, value)| (series.as_str(), *value))
    }
}
