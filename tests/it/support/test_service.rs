//! The test service as SMS_SITE_BACKUP of the real service control manager, one at a time.
//!
//! It behaves as `tests/service` describes; its folder is the [`Place`] of an exporter that reads its log.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use configmgr_backup_exporter::config::{ServiceControl, ServicesConfig};
use configmgr_backup_exporter::environment::Environment;
use configmgr_backup_exporter::services::{ServiceController, ServiceControllers, SystemServices};
use configmgr_backup_exporter::site::{ClosedSet, ServiceState, SiteService};

use super::process::{DEADLINE, Place};
use super::wait;

/// There is one such service on a machine.
static THE_ONE: Mutex<()> = Mutex::new(());

/// What asks the service control manager of a machine, `None` for this one.
pub(crate) fn controller(machine: Option<&str>) -> Arc<dyn ServiceController> {
    let interval = Duration::from_secs(1);
    let machine = machine.map(ToOwned::to_owned);
    let config = ServicesConfig { control: ServiceControl::Windows, machine, interval };
    SystemServices::new(&Environment::new(std::env::vars_os())).of(&config)
}

/// The service, which goes with its value.
pub(crate) struct TestService<'a> {
    place: &'a Place,
    controller: Arc<dyn ServiceController>,
    _alone: MutexGuard<'static, ()>,
}

impl<'a> TestService<'a> {
    /// Installs it as a manual service, in this place.
    #[track_caller]
    pub(crate) fn install(place: &'a Place) -> Self {
        let alone = THE_ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let controller = controller(None);
        let before = controller.state(SiteService::Backup);
        assert_eq!(before, Ok(ServiceState::Missing), "end what is left of an earlier test: wineboot -k");
        let service = Self { place, controller, _alone: alone };
        service.set_start("manual");
        service
    }

    /// Changes its start mode: automatic, manual or disabled.
    #[track_caller]
    pub(crate) fn set_start(&self, mode: &str) {
        self.put(SiteService::Backup.label(), mode);
    }

    /// Installs the same program under another name.
    #[track_caller]
    pub(crate) fn install_another(&self, name: &str) {
        self.put(name, "manual");
    }

    /// Takes that one away again.
    #[track_caller]
    pub(crate) fn uninstall_another(&self, name: &str) {
        program(&["uninstall", name]);
    }

    #[track_caller]
    fn put(&self, name: &str, start: &str) {
        program(&["install", name, start, &self.place.path("").to_string_lossy()]);
    }

    /// Tells it what to do from its next start on; the empty text is a good run.
    #[track_caller]
    pub(crate) fn behave(&self, behaviour: &str) {
        drop(fs::remove_file(self.place.path("let_go")));
        self.place.write("behaviour", behaviour);
    }

    /// Lets go what hangs.
    #[track_caller]
    pub(crate) fn let_go(&self) {
        self.place.write("let_go", "");
    }

    /// How often it was started.
    pub(crate) fn starts(&self) -> usize {
        fs::read_to_string(self.place.path("starts")).map_or(0, |text| text.lines().count())
    }

    /// Waits until it is in a state.
    #[track_caller]
    pub(crate) fn until(&self, state: ServiceState) {
        let what = format!("the service to be {state}");
        wait::until(DEADLINE, &what, || {
            (self.controller.state(SiteService::Backup) == Ok(state)).then_some(())
        });
    }
}

impl Drop for TestService<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let errors = fs::read_to_string(self.place.path("errors")).unwrap_or_default();
            eprintln!("--- the service was started {} times and wrote\n{errors}", self.starts());
            // A second panic would hide the first; what is left makes the next test say so.
            drop(fs::write(self.place.path("let_go"), ""));
            drop(command(&["uninstall", SiteService::Backup.label()]).status());
            return;
        }
        self.let_go();
        self.until(ServiceState::Stopped);
        program(&["uninstall", SiteService::Backup.label()]);
        self.until(ServiceState::Missing);
    }
}

fn command(arguments: &[&str]) -> Command {
    let beside = Path::new(env!("CARGO_BIN_EXE_configmgr_backup_exporter"));
    let program: PathBuf = beside.with_file_name("configmgr_backup_exporter_test_service.exe");
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command
}

#[track_caller]
fn program(arguments: &[&str]) {
    let output = command(arguments).output();
    let output = output.expect("the test service is built: cargo build of that package for this target");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
