//! This machine as a site server: its registry, filled from a file, and its files in their places.
//!
//! There is one registry, so there is one such server at a time, with its services.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use winreg::HKLM;

use super::process::{Exporter, Place, binary};

/// Where the fixtures say that ConfigMgr is installed.
const INSTALLATION: &str = r"C:\Program Files\Microsoft Configuration Manager";
/// Everything that the fixtures write.
const SMS: &str = r"SOFTWARE\Microsoft\SMS";

/// The server, which goes with its value.
pub(crate) struct SiteServer<'a> {
    place: &'a Place,
}

impl<'a> SiteServer<'a> {
    /// Fills the registry from `tests/fixtures/registry`; files of the exporter lie in a place.
    ///
    /// Nobody else may do so at the same time: whoever does has the test service.
    #[track_caller]
    pub(crate) fn install(place: &'a Place, registry: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/registry").join(registry);
        // `reg` takes what begins with a slash for an option.
        let file = std::path::absolute(file).expect("a path with a drive");
        let imported = Command::new("reg").arg("import").arg(&file).stdout(Stdio::null()).status();
        assert!(imported.expect("reg starts").success(), "{}", file.display());
        fs::create_dir_all(Path::new(INSTALLATION).join("Logs")).expect("the folder of the logs");
        Self { place }
    }

    /// The backup log.
    pub(crate) fn log(&self) -> PathBuf {
        Path::new(INSTALLATION).join(r"Logs\smsbkup.log")
    }

    /// The event log.
    pub(crate) fn event_log(&self) -> PathBuf {
        let system_root = std::env::var_os("SystemRoot").expect("Windows is somewhere");
        Path::new(&system_root).join(r"System32\winevt\Logs\Application.evtx")
    }

    /// Writes a file of the server, and the folders above it.
    #[track_caller]
    pub(crate) fn write(&self, path: &Path, content: impl AsRef<[u8]>) {
        fs::create_dir_all(path.parent().expect("a folder")).expect("its folder");
        fs::write(path, content).expect("a file is written");
    }

    /// Says which servers the site has.
    #[track_caller]
    pub(crate) fn set_site_servers(&self, text: &str) {
        let key = HKLM.create_subkey(format!(r"{SMS}\Identification"));
        key.and_then(|(key, _)| key.set_value("Site Servers", &text)).expect("a value");
    }

    /// What the program says where it ends by itself, with nothing but these arguments.
    #[track_caller]
    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program starts")
    }

    /// Starts the program without any argument and waits until it listens, on its usual port.
    #[track_caller]
    pub(crate) fn start(&self) -> Exporter {
        let exporter = self.place.spawn(self.command(&[]));
        assert_eq!(exporter.address(), SocketAddr::from((Ipv4Addr::LOCALHOST, 10052)));
        exporter
    }

    /// Its state is kept in the place.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = binary();
        let program_data = std::path::absolute(self.place.path("")).expect("a path with a drive");
        command.args(arguments).stdin(Stdio::null()).env("ProgramData", program_data);
        command
    }
}

impl Drop for SiteServer<'_> {
    fn drop(&mut self) {
        // What is left makes the next test fail, which says so.
        drop(HKLM.delete_subkey_all(SMS));
        drop(fs::remove_dir_all(INSTALLATION));
        drop(fs::remove_file(self.event_log()));
    }
}
